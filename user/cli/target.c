/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/target.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cgroup.h"
#include "cli/procfs.h"
#include "probe/listeners.h"
#include "util/utf8.h"

bool pid_list_has(const struct pid_list *list, pid_t pid)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->pids[i] == pid)
			return true;
	return false;
}

int pid_list_add(struct pid_list *list, pid_t pid)
{
	pid_t *grown;

	if (pid_list_has(list, pid))
		return 0;
	grown = realloc(list->pids, (list->count + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	list->pids = grown;
	list->pids[list->count++] = pid;
	return 0;
}

bool pid_list_take(struct pid_list *list, pid_t pid)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->pids[i] == pid) {
			list->pids[i] = list->pids[--list->count];
			return true;
		}
	return false;
}

void pid_list_fini(struct pid_list *list)
{
	free(list->pids);
	*list = (struct pid_list){0};
}

static enum exit_code out_of_memory(void)
{
	return complain(EXIT_FAILED, NULL, "out of memory");
}

/* An id that a container gave means somebody else here. The hint names the container's process if there is one, else what is given. */
static const char *hint_of_id(pid_t pid, const char *otherwise, char *hint, size_t size)
{
	struct procfs_stat stat;
	size_t count = 0;
	pid_t *pids;

	snprintf(hint, size, "%s", otherwise);
	if (procfs_list(&pids, &count))
		return hint;
	for (size_t i = 0; i < count; i++) {
		if (procfs_stat(pids[i], &stat) || stat.inner_id != pid || pids[i] == pid)
			continue;
		snprintf(hint, size, "in a container %d is the id of %d (%s): -p %d", pid, pids[i], stat.comm, pids[i]);
		break;
	}
	free(pids);
	return hint;
}

static enum exit_code resolve_pid(const struct target *target, struct pid_list *list)
{
	struct procfs_stat stat;
	char hint[160];

	if (procfs_stat(target->pid, &stat))
		return complain(EXIT_NO_TARGET,
				hint_of_id(target->pid, "`--port PORT` or `--comm NAME` find a process without its id", hint, sizeof(hint)),
				"there is no process %d", target->pid);
	if (stat.kernel_thread)
		return complain(EXIT_NO_TARGET, hint_of_id(target->pid, "only processes of user space serve requests", hint, sizeof(hint)),
				"process %d (%s) is a kernel thread", target->pid, stat.comm);
	if (stat.state == 'Z' || stat.state == 'X')
		return complain(EXIT_NO_TARGET, "its parent has not taken its status yet", "process %d (%s) has ended", target->pid,
				stat.comm);
	if (stat.tgid != target->pid)
		remark("%d is a thread of process %d (%s): tracing the process", target->pid, stat.tgid, stat.comm);
	return pid_list_add(list, stat.tgid) ? out_of_memory() : EXIT_DONE;
}

/* Does the process hold a socket that listens on the port? Its files are looked at only where somebody in its namespace does. */
static bool holds_port(struct listener_tables *tables, pid_t pid, uint16_t port)
{
	const struct listener_table *table;
	struct listener held[256];
	size_t count;

	if (listener_tables_get(tables, pid, &table) || !listener_table_has(table, port))
		return false;
	count = listeners_of_process(tables, pid, held, 256);
	for (size_t i = 0; i < count && i < 256; i++)
		if (held[i].port == port)
			return true;
	return false;
}

static int find_port(const struct target *target, struct pid_list *list)
{
	struct listener_tables tables = {};
	size_t count;
	pid_t *pids;
	int err = procfs_list(&pids, &count);

	for (size_t i = 0; i < count && !err; i++)
		if (pids[i] != getpid() && holds_port(&tables, pids[i], target->port))
			err = pid_list_add(list, pids[i]);
	listener_tables_fini(&tables);
	free(pids);
	return err;
}

static int find_comm(const struct target *target, struct pid_list *list)
{
	size_t count;
	struct procfs_stat stat;
	pid_t *pids;
	int err = procfs_list(&pids, &count);

	for (size_t i = 0; i < count && !err; i++) {
		if (pids[i] == getpid() || procfs_stat(pids[i], &stat) || stat.kernel_thread || stat.state == 'Z')
			continue;
		/* The kernel keeps 15 letters of a name. */
		if (!strncmp(stat.comm, target->name, COMM_MAX - 1))
			err = pid_list_add(list, pids[i]);
	}
	free(pids);
	return err;
}

static int find_cgroup(const struct target *target, struct pid_list *list)
{
	return cgroup_pids(target->name, list);
}

static int find_unit(const struct target *target, struct pid_list *list)
{
	return cgroup_unit_pids(target->name, list);
}

static int find_pid(const struct target *target, struct pid_list *list)
{
	struct procfs_stat stat;

	if (procfs_stat(target->pid, &stat) || stat.state == 'Z' || stat.state == 'X')
		return 0;
	return pid_list_add(list, stat.tgid);
}

/* How each kind of target is found, and what is said where nobody is there; a pid's own words are resolve_pid's. */
static const struct kind_row {
	const char *name;
	int (*find)(const struct target *target, struct pid_list *list);
	/* Each with one %s for what the user gave. */
	const char *missing; /* said for −ENOENT and its like */
	const char *nobody;
	const char *hint;
} kind_rows[] = {
	[TARGET_PID] = {"pid", find_pid, NULL, NULL, NULL},
	[TARGET_PORT] = {"port", find_port, NULL, "nobody listens on port %s", "`ss -ltnp` shows who listens where"},
	[TARGET_COMM] = {"comm", find_comm, NULL, "no process is called '%s'", "the name is that of `ps -eo pid,comm`, the whole of it"},
	[TARGET_CGROUP] = {"cgroup", find_cgroup, "there is no cgroup '%s'", "cgroup '%s' has no processes",
			   "a path below /sys/fs/cgroup, as in --cgroup system.slice/nginx.service; `systemd-cgls` shows them"},
	[TARGET_UNIT] = {"unit", find_unit, "no unit '%s' runs", "unit '%s' has no processes", "`systemctl list-units` shows what runs"},
};

static bool is_missing(int err)
{
	return err == -ENOENT || err == -ENOTDIR || err == -ENODEV;
}

static const char *target_given(const struct target *target, char number[16])
{
	if (target->name)
		return target->name;
	snprintf(number, 16, "%d", target->kind == TARGET_PORT ? target->port : target->pid);
	return number;
}

int target_find(const struct target *target, struct pid_list *list)
{
	int err = kind_rows[target->kind].find(target, list);

	return is_missing(err) ? 0 : err;
}

void target_describe(const struct target *target, char *text, size_t size)
{
	char number[16];
	int length = snprintf(text, size, "%s:", kind_rows[target->kind].name);

	utf8_make_printable(text + length, size - (size_t)length, target_given(target, number));
}

enum exit_code target_resolve(const struct target *target, struct pid_list *list)
{
	const struct kind_row *row = &kind_rows[target->kind];
	size_t before = list->count;
	char number[16], nobody[256];
	int err;

	if (target->kind == TARGET_PID)
		return resolve_pid(target, list);
	err = row->find(target, list);
	if (err && !(row->missing && (is_missing(err) || err == -EINVAL)))
		return complain(EXIT_FAILED, NULL, "looking for %s %s: %s", row->name, target_given(target, number), strerror(-err));
	if (list->count > before)
		return EXIT_DONE;
	snprintf(nobody, sizeof(nobody), err ? row->missing : row->nobody, target_given(target, number));
	return complain(EXIT_NO_TARGET, row->hint, "%s", nobody);
}

enum exit_code targets_resolve(const struct options *options, struct pid_list *list)
{
	enum exit_code code = EXIT_DONE;

	for (size_t i = 0; i < options->target_count && !code; i++)
		code = target_resolve(&options->targets[i], list);
	return code;
}

uint32_t targets_cores(const struct pid_list *list)
{
	struct procfs_stat stat;
	uint32_t most = 1;

	for (size_t i = 0; i < list->count; i++)
		if (!procfs_stat(list->pids[i], &stat) && stat.cores > most)
			most = stat.cores;
	return most;
}

/* Where the process listens, in words: one of its stream sockets, or if it has none a datagram socket. false: nowhere. */
static bool name_listener(struct listener_tables *tables, pid_t pid, char *name, size_t size)
{
	const struct listener *chosen = NULL;
	struct listener held[64];
	size_t count = listeners_of_process(tables, pid, held, 64);

	for (size_t i = 0; i < count && i < 64; i++)
		if (!chosen || (chosen->datagram && !held[i].datagram))
			chosen = &held[i];
	if (chosen && chosen->port)
		snprintf(name, size, "port %u%s", chosen->port, chosen->datagram ? "/udp" : "");
	else if (chosen)
		snprintf(name, size, "%s", chosen->path);
	return chosen != NULL;
}

/* Is `ancestor` above pid? Chains are short; a limit guards against ids that change hands meanwhile. */
static bool descends_from(pid_t pid, pid_t ancestor)
{
	struct procfs_stat stat;

	for (int depth = 0; depth < 64 && pid > 1 && !procfs_stat(pid, &stat); depth++) {
		if (stat.ppid == ancestor)
			return true;
		pid = stat.ppid;
	}
	return false;
}

/* Of a process that does not listen: nor do its children, or which one does. */
static void describe_children(struct listener_tables *tables, pid_t pid, const char *comm, char *line, size_t size)
{
	struct procfs_stat child;
	char name[UNIX_PATH_MAX + 1];
	size_t count;
	pid_t *pids;

	if (procfs_list(&pids, &count))
		return;
	snprintf(line, size, "pid %d (%s) does not listen anywhere yet", pid, comm);
	for (size_t i = 0; i < count; i++) {
		if (!descends_from(pids[i], pid) || procfs_stat(pids[i], &child) || !name_listener(tables, pids[i], name, sizeof(name)))
			continue;
		snprintf(line, size, "pid %d (%s) serves nothing; its child %d (%s) listens on %s: it is followed too", pid, comm, pids[i],
			 child.comm, name);
		break;
	}
	free(pids);
}

void describe_listening(pid_t pid, char *line, size_t size)
{
	struct listener_tables tables = {};
	struct procfs_stat self;
	char name[UNIX_PATH_MAX + 1];

	*line = 0;
	if (!procfs_stat(pid, &self) && !name_listener(&tables, pid, name, sizeof(name)))
		describe_children(&tables, pid, self.comm, line, size);
	listener_tables_fini(&tables);
}
