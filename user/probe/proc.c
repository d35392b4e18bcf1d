/* SPDX-License-Identifier: BSD-2-Clause */
#include "probe/proc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- family */

bool proc_parse_ppid(const char *line, pid_t *parent)
{
	const char *after_name = strrchr(line, ')');
	char state;

	return after_name && sscanf(after_name + 1, " %c %d", &state, parent) == 2;
}

static int pid_set_add(struct pid_set *set, pid_t pid)
{
	if (set->count == set->capacity) {
		size_t capacity = set->capacity ? 2 * set->capacity : 64;
		pid_t *pids = reallocarray(set->pids, capacity, sizeof(*pids));

		if (!pids)
			return -ENOMEM;
		set->pids = pids;
		set->capacity = capacity;
	}
	set->pids[set->count++] = pid;
	return 0;
}

void pid_set_fini(struct pid_set *set)
{
	free(set->pids);
	*set = (struct pid_set){};
}

static bool read_line(const char *path, char *line, size_t size)
{
	FILE *file = fopen(path, "re");
	bool got;

	if (!file)
		return false;
	got = fgets(line, (int)size, file) != NULL;
	fclose(file);
	return got;
}

/* Every process and its parent, side by side. */
struct families {
	struct pid_set pids;
	struct pid_set parents;
};

static int families_read(struct families *families)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	int err = 0;

	if (!proc)
		return -errno;
	while (!err && (entry = readdir(proc))) {
		pid_t pid = atoi(entry->d_name), parent;
		char path[64], line[512];

		snprintf(path, sizeof(path), "/proc/%d/stat", pid);
		if (pid <= 0 || !read_line(path, line, sizeof(line)) || !proc_parse_ppid(line, &parent))
			continue;
		err = pid_set_add(&families->pids, pid);
		if (!err)
			err = pid_set_add(&families->parents, parent);
	}
	closedir(proc);
	return err;
}

static int add_children(const struct families *families, pid_t parent, struct pid_set *set)
{
	for (size_t i = 0; i < families->pids.count; i++) {
		int err = families->parents.pids[i] == parent ? pid_set_add(set, families->pids.pids[i]) : 0;

		if (err)
			return err;
	}
	return 0;
}

int proc_descendants(pid_t pid, struct pid_set *set)
{
	struct families families = {};
	int err = families_read(&families);

	*set = (struct pid_set){};
	if (!err)
		err = add_children(&families, pid, set);
	for (size_t i = 0; !err && i < set->count; i++)
		err = add_children(&families, set->pids[i], set);
	pid_set_fini(&families.pids);
	pid_set_fini(&families.parents);
	return err;
}

/* ---- its program */

int proc_open_program(pid_t pid, char path[MAPPED_PATH_MAX])
{
	int fd;

	snprintf(path, MAPPED_PATH_MAX, "/proc/%d/exe", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	snprintf(path, MAPPED_PATH_MAX, "/proc/self/fd/%d", fd);
	return fd;
}

int proc_program_at(pid_t pid, uint64_t *address)
{
	char path[64], line[512];
	int err = -ENOENT;
	struct stat exe;
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	if (stat(path, &exe))
		return -errno;
	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	maps = fopen(path, "re");
	if (!maps)
		return -errno;
	while (err && fgets(line, sizeof(line), maps)) {
		unsigned long long start, offset, inode;

		if (sscanf(line, "%llx-%*x %*s %llx %*s %llu", &start, &offset, &inode) != 3 || inode != exe.st_ino || offset)
			continue;
		*address = start;
		err = 0;
	}
	fclose(maps);
	return err;
}

bool proc_parse_execution(const char *line, struct execution *execution)
{
	const char *after_name = strrchr(line, ')');
	unsigned long long from, to, stack;

	/* Fields 26 to 28; the state, the first one behind the name, is field 3. */
	if (!after_name ||
	    sscanf(after_name + 1,
		   " %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu %llu %llu", &from,
		   &to, &stack) != 3)
		return false;
	*execution = (struct execution){from, to, stack};
	return true;
}

int proc_execution(pid_t pid, struct execution *execution)
{
	char path[64], line[1024];

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if (!read_line(path, line, sizeof(line)) || !proc_parse_execution(line, execution))
		return -ESRCH;
	return execution->code_from && execution->stack_at ? 0 : -EAGAIN;
}

/* "start-end perms offset device inode path" */
bool proc_parse_mapped(const char *line, const char *part, uint64_t *start, uint64_t *end)
{
	const char *found = NULL, *next = line;
	unsigned long long from, to, offset;

	while ((next = strstr(next, part)))
		found = next++;
	if (!found || strchr(found + strlen(part), '/') || sscanf(line, "%llx-%llx %*s %llx", &from, &to, &offset) != 3 || offset)
		return false;
	*start = from;
	*end = to;
	return true;
}

int proc_mapped_file(pid_t pid, const char *part, char path[MAPPED_PATH_MAX], uint64_t *address)
{
	char line[512];
	uint64_t end;
	int err = -ENOENT;
	FILE *maps;

	snprintf(path, MAPPED_PATH_MAX, "/proc/%d/maps", pid);
	maps = fopen(path, "re");
	if (!maps)
		return -errno;
	while (err && fgets(line, sizeof(line), maps)) {
		if (!proc_parse_mapped(line, part, address, &end))
			continue;
		snprintf(path, MAPPED_PATH_MAX, "/proc/%d/map_files/%llx-%llx", pid, (unsigned long long)*address, (unsigned long long)end);
		err = 0;
	}
	fclose(maps);
	return err;
}

void proc_comm(pid_t pid, char comm[COMM_MAX])
{
	char path[64], line[64];

	memset(comm, 0, COMM_MAX);
	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	if (!read_line(path, line, sizeof(line)))
		return;
	line[strcspn(line, "\n")] = 0;
	snprintf(comm, COMM_MAX, "%.*s", COMM_MAX - 1, line);
}

/* ---- its sockets */

bool proc_parse_socket(const char *target, uint64_t *inode)
{
	unsigned long long number;
	char bracket;

	if (sscanf(target, "socket:[%llu%c", &number, &bracket) != 2 || bracket != ']')
		return false;
	*inode = number;
	return true;
}

int proc_sockets(pid_t pid, socket_callback on_socket, void *context)
{
	char path[64], target[64];
	struct dirent *entry;
	uint64_t inode;
	DIR *fds;
	int err = 0;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	fds = opendir(path);
	if (!fds)
		return -errno;
	while (!err && (entry = readdir(fds))) {
		ssize_t len = readlinkat(dirfd(fds), entry->d_name, target, sizeof(target) - 1);

		if (len <= 0)
			continue;
		target[len] = 0;
		if (proc_parse_socket(target, &inode))
			err = on_socket(context, inode);
	}
	closedir(fds);
	return err;
}
