/* SPDX-License-Identifier: BSD-2-Clause */
#include "probe/probe.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "counters.h"
#include "iocpu.skel.h"
#include "probe/cost.h"
#include "probe/hooks.h"
#include "probe/listeners.h"
#include "probe/loader.h"
#include "probe/proc.h"
#include "probe/source.h"
#include "util/clock.h"

struct probe {
	struct loader loader;
	struct runtime_hooks hooks;
	struct source source;
	int stamping_fd; /* a socket that asks for receive stamps; −1: could not be had */
};

/* While one socket of the host asks, the kernel stamps every received packet: reads then know when their bytes arrived. Never read from. */
static int open_stamping_socket(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), on = 1;

	if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on))) {
		close(fd);
		fd = -1;
	}
	return fd;
}

struct probe *probe_open(const struct probe_options *options, const char **why)
{
	const struct loader_options loading = {.no_payload = options->no_payload, .hooks = options->hooks, .verbose = options->verbose};
	struct probe *probe = calloc(1, sizeof(*probe));
	int err;

	*why = "not enough memory";
	if (!probe)
		return NULL;
	err = loader_open(&probe->loader, &loading, why);
	if (err)
		goto failed;
	hooks_init(&probe->hooks, &probe->loader, options->hooks);
	err = source_init(&probe->source, &probe->loader, &probe->hooks);
	if (err) {
		*why = "cannot map the ring buffer";
		loader_close(&probe->loader);
		goto failed;
	}
	probe->stamping_fd = open_stamping_socket();
	return probe;
failed:
	free(probe);
	errno = -err;
	return NULL;
}

void probe_close(struct probe *probe)
{
	if (!probe)
		return;
	if (probe->stamping_fd >= 0)
		close(probe->stamping_fd);
	source_fini(&probe->source);
	loader_close(&probe->loader);
	free(probe);
}

/* ---- following */

struct follow {
	struct probe *probe;
	pid_t tgid;
};

static void inject_listener(struct source *source, pid_t tgid, const struct listener *listener)
{
	struct {
		struct record_conn conn;
		char path[UNIX_PATH_MAX];
	} record = {
		.conn =
			{
				.head = {.at_ns = monotonic_ns(), .kind = RECORD_CONN, .payload_len = listener->path_len},
				.conn_id = listener->inode,
				.tgid = (__u32)tgid,
				.family = listener->family,
				.type = CONN_STREAM,
				.role = CONN_LISTENER,
				.local_port = listener->port,
			},
	};

	memcpy(record.conn.local_addr, listener->addr, sizeof(record.conn.local_addr));
	memcpy(record.path, listener->path, listener->path_len);
	source_inject(source, &record, sizeof(record.conn) + listener->path_len);
}

static int on_listener(void *context, const struct listener *listener)
{
	struct follow *follow = context;
	struct iocpu *skel = follow->probe->loader.skel;
	__u8 role = CONN_LISTENER, yes = 1;
	__u64 conn_id = listener->inode;
	__u16 port = listener->port;

	if (listener->datagram)
		return 0;
	if (port && bpf_map__update_elem(skel->maps.listener_by_port, &port, sizeof(port), &yes, sizeof(yes), BPF_ANY))
		return -errno;
	if (bpf_map__update_elem(skel->maps.role_by_conn, &conn_id, sizeof(conn_id), &role, sizeof(role), BPF_ANY))
		return -errno;
	/* Who serves on a Unix socket will want to know when its requests came. */
	if (listener->family == CONN_UNIX && follow->probe->loader.features.sk_data_ready)
		skel->bss->wants_arrivals = true;
	inject_listener(&follow->probe->source, follow->tgid, listener);
	return 0;
}

static bool is_followed(const struct probe *probe, pid_t tgid)
{
	__u32 key = (__u32)tgid;
	__u8 yes;

	return !bpf_map__lookup_elem(probe->loader.skel->maps.process_by_tgid, &key, sizeof(key), &yes, sizeof(yes), 0);
}

/* From the entry in process_by_tgid on, all that it forks is followed; the threads that it has are adopted behind that. */
static int follow_threads(struct probe *probe, pid_t tgid, enum process_mark mark)
{
	struct bpf_map *processes = probe->loader.skel->maps.process_by_tgid;
	__u32 key = (__u32)tgid;
	__u8 value = (__u8)mark;
	int err = bpf_map__update_elem(processes, &key, sizeof(key), &value, sizeof(value), BPF_ANY);

	if (err)
		return err;
	err = loader_adopt(&probe->loader, tgid);
	if (err) /* nobody would take a process out that has no thread of ours */
		bpf_map__delete_elem(processes, &key, sizeof(key), 0);
	return err;
}

/*
 * Its listening ports first: they decide a connection's role at its first sight. And a process whose files cannot be read is tried again
 * and again, so it is hooked behind them only.
 */
static int follow_process(struct probe *probe, struct listener_tables *tables, pid_t tgid)
{
	struct follow follow = {.probe = probe, .tgid = tgid};
	enum process_mark mark;
	int err;

	if (is_followed(probe, tgid))
		return 0;
	err = listeners_each(tables, tgid, on_listener, &follow);
	if (err)
		return err == -ENOENT ? -ESRCH : err;
	mark = source_inject_process(&probe->source, tgid);
	err = follow_threads(probe, tgid, mark);
	/* For its sockets, and by the calls that its threads are blocked in: the very returns of those are seen, then. */
	source_attach_on_demand(&probe->source);
	/* Those that are followed already go on to tell. */
	source_make_room(&probe->source);
	return err;
}

/* *found: was any of them new? */
static int follow_descendants(struct probe *probe, struct listener_tables *tables, pid_t pid, bool *found)
{
	struct pid_set children = {};
	int err = proc_descendants(pid, &children);

	*found = false;
	for (size_t i = 0; !err && i < children.count; i++) {
		if (is_followed(probe, children.pids[i]))
			continue;
		err = follow_process(probe, tables, children.pids[i]);
		if (!err)
			*found = true;
		else if (err == -ESRCH)
			err = 0; /* it ended meanwhile */
	}
	pid_set_fini(&children);
	return err;
}

int probe_follow(struct probe *probe, pid_t pid, bool again)
{
	struct listener_tables tables = {}; /* read anew for each: nothing tells of who came to listen since the last one */
	bool look = true;
	int err;

	if (kill(pid, 0) && errno == ESRCH)
		return -ESRCH;
	/* So are all that it has forked, then. */
	if (!again && is_followed(probe, pid))
		return 0;
	err = follow_process(probe, &tables, pid);
	/* Once more after each find: a child may have forked before it was followed and after the look. */
	while (!err && look)
		err = follow_descendants(probe, &tables, pid, &look);
	listener_tables_fini(&tables);
	return err;
}

bool probe_targets_alive(struct probe *probe)
{
	struct bpf_map *processes = probe->loader.skel->maps.process_by_tgid;
	__u32 tgid;

	while (!bpf_map__get_next_key(processes, NULL, &tgid, sizeof(tgid))) {
		if (!kill((pid_t)tgid, 0) || errno != ESRCH)
			return true;
		/* Its last thread's end takes a process out, unless no hook saw it: there was no memory for its account. */
		bpf_map__delete_elem(processes, &tgid, sizeof(tgid), 0);
	}
	return false;
}

/* ---- reading and ending */

struct event_source *probe_source(struct probe *probe)
{
	return &probe->source.base;
}

int probe_stop(struct probe *probe)
{
	/* Longer than any hook that may still be under way. */
	struct timespec hooks_end = {.tv_nsec = 2000000};

	if (probe->source.phase != SOURCE_RUNNING)
		return 0;
	probe->loader.skel->bss->paused_at_ns = monotonic_ns();
	probe->loader.skel->bss->paused = true;
	nanosleep(&hooks_end, NULL);
	probe->source.phase = SOURCE_STOPPED;
	/* While the last records are worked through. */
	loader_begin_detach(&probe->loader);
	return 0;
}

/* ---- how it went */

const char *probe_hooks_say(const struct probe *probe, pid_t tgid)
{
	return hooks_say(&probe->hooks, tgid);
}

uint64_t probe_attach_ns(const struct probe *probe)
{
	return probe->loader.attach_ns;
}

#define LOSS_NAME(name, text) [name] = text,
static const char *const loss_names[LOSS_KINDS] = {LOSSES(LOSS_NAME)};
#undef LOSS_NAME

_Static_assert(LOSS_KINDS + 4 <= PROBE_LOSSES_MAX, "every loss has a place");

size_t probe_losses(const struct probe *probe, struct probe_loss losses[PROBE_LOSSES_MAX])
{
	const volatile __u64 *counts = probe->loader.skel->bss->losses;

	for (size_t i = 0; i < LOSS_KINDS; i++)
		losses[i] = (struct probe_loss){.name = loss_names[i], .count = counts[i]};
	losses[LOSS_KINDS] = (struct probe_loss){.name = "injected_records", .count = probe->source.lost_injections};
	losses[LOSS_KINDS + 1] = (struct probe_loss){.name = "skipped_hooks", .count = cost_sum(probe->loader.skel).skipped_runs};
	losses[LOSS_KINDS + 2] = (struct probe_loss){.name = "refused_hooks", .count = probe->source.lost_hooks};
	losses[LOSS_KINDS + 3] = (struct probe_loss){.name = "packet_stamps", .count = probe->stamping_fd < 0};
	return LOSS_KINDS + 4;
}

void probe_cost(const struct probe *probe, struct probe_cost *cost)
{
	cost->kernel_ns = cost_kernel_ns(&probe->source.cost, monotonic_ns());
	cost->user_cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	cost->records = probe->source.records;
}
