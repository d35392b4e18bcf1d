/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A developer's tool: follows processes for a while, prints each record as a line, and then sets what the records said of each thread
 *against what the kernel says of it: CPU time (schedstat) and switches (status). Exit status 1 when they do not agree.
 *
 *	record_dump [-s] [-n] [-q] SECONDS PID...
 *
 * -s: sums only. -n: no payload. -q: only the last line.
 *
 * The processes are stopped (SIGSTOP) for a moment at the start and at the end, so that both sides' numbers are of the same moment.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "probe/probe.h"
#include "probe/proc.h"
#include "util/clock.h"
#include "util/idmap.h"

#define CPU_TOLERANCE 0.005
/* Of each thread: what the scheduler charged beyond its last stint's wall clock, which no later one tells any more. */
#define CPU_TOLERANCE_NS 50000

struct sums {
	uint64_t core_ns, stolen_ns, off_ns, ready_ns, records;
	uint64_t voluntary, involuntary;
};

struct thread {
	uint32_t tid, tgid;
	bool exited, on_core;
	uint64_t last_ns;
	struct sums sums;
	/* The kernel's, as they were when we came. */
	uint64_t run_ns, voluntary, involuntary;
};

static bool sums_only, quiet;
static uint64_t merged_spans;
static uint64_t stopped_ns = UINT64_MAX; /* snapshots from here on are the last */
static struct idmap threads;

static const char *const kind_names[RECORD_KINDS] = {"?",    "io",    "epoll",   "window", "exit",   "snapshot", "thread",
						     "conn", "state", "process", "tick",   "strand", "futex"};
static const char *const op_names[IO_OPS] = {"-", "read", "write", "accept", "connect", "shutdown", "poll"};
static const char *const cause_names[WAIT_CAUSES] = {"runnable", "net", "poll", "disk", "lock", "sleep", "log", "pipe", "other"};
static const char *const ready_names[READY_CAUSES] = {"wakeup", "preempted", "throttled"};

/* ---- the kernel's own numbers */

static bool read_kernel(struct thread *thread, uint64_t *run_ns, uint64_t *voluntary, uint64_t *involuntary)
{
	char path[96], line[256];
	FILE *file;
	bool got;

	snprintf(path, sizeof(path), "/proc/%u/task/%u/schedstat", thread->tgid, thread->tid);
	file = fopen(path, "re");
	if (!file)
		return false;
	got = fscanf(file, "%" SCNu64, run_ns) == 1;
	fclose(file);
	snprintf(path, sizeof(path), "/proc/%u/task/%u/status", thread->tgid, thread->tid);
	file = fopen(path, "re");
	if (!file)
		return false;
	while (fgets(line, sizeof(line), file)) {
		sscanf(line, "voluntary_ctxt_switches: %" SCNu64, voluntary);
		sscanf(line, "nonvoluntary_ctxt_switches: %" SCNu64, involuntary);
	}
	fclose(file);
	return got;
}

/* ---- records */

static struct thread *thread_of(uint32_t tid)
{
	return idmap_get(&threads, tid);
}

/* A thread other than the first became a program: it goes on under the first one's id, with all that the kernel has summed up for it. */
static void take_over(struct thread *thread, uint32_t old_tid)
{
	struct thread *old = thread_of(old_tid);

	if (!old)
		return;
	thread->sums = old->sums;
	thread->run_ns = old->run_ns;
	thread->voluntary = old->voluntary;
	thread->involuntary = old->involuntary;
}

static void add_thread(const struct record_thread *record)
{
	struct thread *thread;

	if (record->origin == THREAD_EXECED && !record->parent_tid)
		return;
	thread = calloc(1, sizeof(*thread));
	if (!thread)
		abort();
	thread->tid = record->head.tid;
	thread->tgid = record->tgid;
	thread->last_ns = record->head.at_ns;
	if (record->origin == THREAD_FOUND)
		read_kernel(thread, &thread->run_ns, &thread->voluntary, &thread->involuntary);
	else if (record->origin == THREAD_EXECED)
		take_over(thread, record->parent_tid);
	free(idmap_take(&threads, thread->tid));
	if (idmap_put(&threads, thread->tid, thread))
		abort();
}

/*
 * A span must lie behind the one before, and be filled by its core time and its window. Where records were lost windows are merged: then
 * they take in core time.
 */
static void check_span(const struct thread *thread, const struct record *record, const struct window *window)
{
	uint64_t wall_ns = record->head.at_ns - thread->last_ns;
	uint64_t off_ns = window ? window->on_at_ns - window->off_at_ns : 0;

	if (record->head.at_ns < thread->last_ns)
		printf("WRONG: thread %u goes back %" PRIu64 " ns\n", thread->tid, (uint64_t)(thread->last_ns - record->head.at_ns));
	else if (record->core_ns + off_ns > wall_ns && record->core_ns <= wall_ns)
		merged_spans++;
	else if (record->core_ns + off_ns != wall_ns)
		printf("WRONG: thread %u kind %s: core %" PRIu64 " + off %" PRIu64 " != wall %" PRIu64 "\n", thread->tid,
		       kind_names[record->head.kind], (uint64_t)record->core_ns, off_ns, wall_ns);
	if (window && (window->ready_ns > off_ns || window->off_at_ns < thread->last_ns))
		printf("WRONG: thread %u kind %s: ready %" PRIu64 " of off %" PRIu64 "\n", thread->tid, kind_names[record->head.kind],
		       (uint64_t)window->ready_ns, off_ns);
}

static void add_span(struct sums *sums, const struct record *record, const struct window *window)
{
	sums->records++;
	sums->core_ns += record->core_ns;
	if (!window)
		return;
	sums->stolen_ns += window->stolen_ns + window->stolen_after_ns;
	sums->off_ns += window->on_at_ns - window->off_at_ns;
	sums->ready_ns += window->ready_ns;
	sums->voluntary += window->voluntary;
	sums->involuntary += window->involuntary;
}

static void take_record(const struct record *record, const struct window *window)
{
	struct thread *thread = thread_of(record->head.tid);

	if (!thread) {
		printf("WRONG: record of thread %u, which nobody described\n", record->head.tid);
		return;
	}
	check_span(thread, record, window);
	if (record->head.kind == RECORD_SNAPSHOT) {
		if (record->head.at_ns >= stopped_ns)
			add_span(&thread->sums, record, window);
		thread->on_core = record->head.flags & RECORD_ON_CORE;
		return;
	}
	add_span(&thread->sums, record, window);
	thread->last_ns = record->head.at_ns;
	thread->exited = record->head.kind == RECORD_THREAD_EXIT;
}

/* ---- printing */

static void print_payload(const struct event *event)
{
	printf(" [");
	for (size_t i = 0; i < event->payload_len; i++)
		putchar(isprint(event->payload[i]) ? event->payload[i] : '.');
	printf("]");
}

static void print_span(const struct record *record, const struct window *window)
{
	printf(" %s conn %" PRIu64 " fd %d result %d core %" PRIu64, op_names[record->head.op % IO_OPS], (uint64_t)record->conn_id,
	       record->fd, record->result, (uint64_t)record->core_ns);
	if (record->arrived_ns)
		printf(" arrived -%" PRIu64 "%s", (uint64_t)(record->head.at_ns - record->arrived_ns),
		       record->head.flags & RECORD_ARRIVED_COARSE ? "~" : "");
	if (record->epoll_at_ns)
		printf(" epoll(fd %d, %u) -%" PRIu64, record->epoll_fd, record->epoll_events,
		       (uint64_t)(record->head.at_ns - record->epoll_at_ns));
	printf("%s%s%s", record->head.flags & RECORD_PARTIAL ? " partial" : "", record->head.flags & RECORD_PEEK ? " peek" : "",
	       record->head.flags & RECORD_ESTABLISHED ? " established" : "");
	if (window)
		printf(" off %s %" PRIu64 " at -%" PRIu64 " ready %" PRIu64 " %s stolen %" PRIu64 "+%u v/i %u/%u",
		       cause_names[window->cause], (uint64_t)(window->on_at_ns - window->off_at_ns),
		       (uint64_t)(record->head.at_ns - window->off_at_ns), (uint64_t)window->ready_ns, ready_names[window->ready_cause],
		       (uint64_t)window->stolen_ns, window->stolen_after_ns, window->voluntary, window->involuntary);
}

static void print_event(const struct event *event)
{
	const struct record_head *head = event->head;
	const struct record_thread *thread = (const struct record_thread *)head;
	const struct record_conn *conn = (const struct record_conn *)head;
	const struct record_conn_state *state = (const struct record_conn_state *)head;
	const struct record_process *process = (const struct record_process *)head;

	printf("%" PRIu64 " %u %s", (uint64_t)head->at_ns, head->tid, kind_names[head->kind]);
	if (record_kind_has_span(head->kind))
		print_span(event_record(event), event->window);
	else if (head->kind == RECORD_THREAD)
		printf(" tgid %u parent %u origin %u %s", thread->tgid, thread->parent_tid, thread->origin, thread->comm);
	else if (head->kind == RECORD_CONN)
		printf(" %" PRIu64 " tgid %u family %u type %u role %u ports %u %u", (uint64_t)conn->conn_id, conn->tgid, conn->family,
		       conn->type, conn->role, conn->local_port, conn->remote_port);
	else if (head->kind == RECORD_CONN_STATE)
		printf(" %" PRIu64 " %s", (uint64_t)state->conn_id, state->state == CONN_UP ? "up" : "ended");
	else if (head->kind == RECORD_PROCESS)
		printf(" runtime %u %s", process->runtime, process->comm);
	if (event->payload_len)
		print_payload(event);
	printf("\n");
}

/* ---- sums */

static int check_threads(void)
{
	uint64_t ours_ns = 0, kernels_ns = 0, stolen_ns = 0;
	size_t cursor = 0, checked = 0, wrong_switches = 0;
	struct thread *thread;
	double difference_ns;

	while ((thread = idmap_next(&threads, &cursor))) {
		uint64_t run_ns = 0, voluntary = 0, involuntary = 0, charged_ns = thread->sums.core_ns - thread->sums.stolen_ns;
		bool wrong;

		if (thread->exited || !read_kernel(thread, &run_ns, &voluntary, &involuntary))
			continue;
		checked++;
		ours_ns += charged_ns;
		stolen_ns += thread->sums.stolen_ns;
		kernels_ns += run_ns - thread->run_ns;
		wrong = thread->sums.voluntary != voluntary - thread->voluntary ||
			thread->sums.involuntary != involuntary - thread->involuntary;
		wrong_switches += wrong;
		if (!quiet || wrong)
			printf("thread %u/%u: %" PRIu64 " records, charged %.3f ms (kernel %.3f), stolen %.3f, off %.3f, ready %.3f, "
			       "switches %" PRIu64 "/%" PRIu64 " (kernel %" PRIu64 "/%" PRIu64 ")%s%s\n",
			       thread->tgid, thread->tid, thread->sums.records, (double)charged_ns / 1e6,
			       (double)(run_ns - thread->run_ns) / 1e6, (double)thread->sums.stolen_ns / 1e6,
			       (double)thread->sums.off_ns / 1e6, (double)thread->sums.ready_ns / 1e6, thread->sums.voluntary,
			       thread->sums.involuntary, voluntary - thread->voluntary, involuntary - thread->involuntary,
			       wrong ? " SWITCHES DIFFER" : "", thread->on_core ? " (on a core)" : "");
	}
	difference_ns = (double)ours_ns - (double)kernels_ns;
	printf("%zu threads: charged %.3f ms, kernel %.3f ms (%+.3f%%), stolen %.3f ms; switches differ for %zu\n", checked,
	       (double)ours_ns / 1e6, (double)kernels_ns / 1e6, kernels_ns ? 100 * difference_ns / (double)kernels_ns : 0.0,
	       (double)stolen_ns / 1e6, wrong_switches);
	return fabs(difference_ns) <= CPU_TOLERANCE * (double)kernels_ns + CPU_TOLERANCE_NS * (double)checked && !wrong_switches ? 0 : 1;
}

static void print_tool(const struct probe *probe)
{
	struct probe_loss losses[PROBE_LOSSES_MAX];
	size_t count = probe_losses(probe, losses);
	struct probe_cost cost;

	printf("merged spans: %" PRIu64 "; lost:", merged_spans);
	for (size_t i = 0; i < count; i++)
		printf(" %s %" PRIu64, losses[i].name, losses[i].count);
	probe_cost(probe, &cost);
	printf("\ncost: attach %.1f ms, kernel %.3f ms, user %.3f ms, %" PRIu64 " records\n", (double)probe_attach_ns(probe) / 1e6,
	       (double)cost.kernel_ns / 1e6, (double)cost.user_cpu_ns / 1e6, cost.records);
}

/* ---- running */

static void take_event(const struct event *event)
{
	if (!sums_only)
		print_event(event);
	if (event->head->kind == RECORD_THREAD)
		add_thread((const struct record_thread *)event->head);
	else if (record_kind_has_span(event->head->kind))
		take_record(event_record(event), event->window);
}

/* Whoever follows the shell that it was started from must not stop itself. */
static void send_signal(pid_t pid, int signal)
{
	if (pid != getpid())
		kill(pid, signal);
}

/* Sends a signal to the processes and their descendants. */
static void signal_all(char **pids, int count, int signal)
{
	for (int i = 0; i < count; i++) {
		struct pid_set children;

		send_signal(atoi(pids[i]), signal);
		if (!proc_descendants(atoi(pids[i]), &children))
			for (size_t child = 0; child < children.count; child++)
				send_signal(children.pids[child], signal);
		pid_set_fini(&children);
	}
}

/* Long enough for every thread to have left its core. */
static void stop_all(char **pids, int count)
{
	signal_all(pids, count, SIGSTOP);
	usleep(100000);
}

static int take_all(struct probe *probe, uint64_t end_ns)
{
	struct event_source *source = probe_source(probe);
	struct event event;
	int got;

	while ((got = source->next(source, &event)) > 0) {
		take_event(&event);
		if (event.head->kind == RECORD_TICK && event.head->at_ns > end_ns)
			break;
	}
	return got;
}

static int follow(struct probe *probe, char **pids, int count)
{
	for (int i = 0; i < count; i++) {
		int err = probe_follow(probe, atoi(pids[i]), false);

		if (err) {
			fprintf(stderr, "record_dump: process %s: %s\n", pids[i], strerror(-err));
			return err;
		}
	}
	return 0;
}

static int run(struct probe *probe, double seconds, char **pids, int count)
{
	int err;

	stop_all(pids, count);
	err = follow(probe, pids, count);
	if (!err)
		err = take_all(probe, monotonic_ns() + 50000000);
	signal_all(pids, count, SIGCONT);
	if (err < 0)
		return err;
	err = take_all(probe, monotonic_ns() + (uint64_t)(seconds * 1e9));
	stop_all(pids, count);
	stopped_ns = monotonic_ns();
	probe_stop(probe);
	if (err > 0)
		err = take_all(probe, UINT64_MAX);
	if (!err)
		err = check_threads();
	signal_all(pids, count, SIGCONT);
	return err;
}

int main(int argc, char **argv)
{
	struct probe_options options = {.verbose = getenv("VERBOSE") != NULL};
	struct probe *probe;
	const char *why;
	uint64_t begun_ns;
	int option, result;

	while ((option = getopt(argc, argv, "snq")) != -1) {
		sums_only |= option == 's' || option == 'q';
		quiet |= option == 'q';
		options.no_payload |= option == 'n';
	}
	if (argc - optind < 2) {
		fprintf(stderr, "usage: record_dump [-s] [-n] [-q] SECONDS PID...\n");
		return 2;
	}
	probe = probe_open(&options, &why);
	if (!probe) {
		fprintf(stderr, "record_dump: %s\n", why);
		return 1;
	}
	result = run(probe, atof(argv[optind]), argv + optind + 1, argc - optind - 1);
	if (result < 0)
		fprintf(stderr, "record_dump: %s\n", strerror(-result));
	print_tool(probe);
	begun_ns = monotonic_ns();
	probe_close(probe);
	printf("detached in %.1f ms\n", (double)(monotonic_ns() - begun_ns) / 1e6);
	return result != 0;
}
