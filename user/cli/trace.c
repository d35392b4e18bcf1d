/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/trace.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/permission.h"
#include "cli/procfs.h"
#include "cli/runtimes.h"
#include "cli/target.h"
#include "cli/target_watch.h"
#include "probe/hooks.h"
#include "probe/probe.h"
#include "util/clock.h"
#include "util/runtime.h"

struct trace {
	struct feed feed; /* first: a feed is a trace */
	const struct options *options;
	struct probe *probe;
	struct event_source *source;
	struct pid_list pids;
	struct target_watch *watch; /* NULL: the targets are those of the start, and the run ends with them */
	struct pid_list unfollowed; /* that the watch found, and what was in the way may yet go */
	struct command_run command;
	uint64_t attach_ns;     /* from the start until all targets were followed */
	uint64_t attach_cpu_ns; /* what the tool used before the run began: once, and no part of what a window costs */
	bool measured;          /* somebody's span was told */
	char waits_for[256];
};

/* What is hooked is said in any case; that there is nothing to hook, where --hooks was said. */
static void tell_hooks(const struct trace *trace, const struct event *event)
{
	const struct record_process *process = (const struct record_process *)event->head;
	const char *says = probe_hooks_say(trace->probe, (pid_t)process->head.tid);

	if (says)
		remark("hooks: pid %u (%s): %s", process->head.tid, process->comm, says);
	else if (trace->options->hooks == HOOKS_AUTO)
		remark("hooks: pid %u (%s) is %s: %s", process->head.tid, process->comm, runtime_words_of(process->runtime)->name,
		       runtime_note(process->runtime));
}

static bool is_over(struct trace *trace, uint64_t at_ns)
{
	if (interrupted() || (trace->options->duration_ns && at_ns >= trace->feed.start_ns + trace->options->duration_ns))
		return true;
	return command_ended(&trace->command) || (!trace->watch && !probe_targets_alive(trace->probe));
}

static void raise_cores(struct trace *trace)
{
	uint32_t cores = trace->pids.count ? targets_cores(&trace->pids) : 0;

	if (cores > trace->feed.cores)
		trace->feed.cores = cores;
}

/* Follows one that the watch has found; of one that cannot be followed it says so once, and tries again. 0 or −ENOMEM. */
static int follow_one(struct trace *trace, pid_t pid)
{
	int err = probe_follow(trace->probe, pid, pid_list_has(&trace->unfollowed, pid));

	if (err == -ENOMEM)
		return err;
	if (!err || err == -ESRCH) {
		if (pid_list_take(&trace->unfollowed, pid) && !err)
			remark("process %d is followed now", pid);
		return 0;
	}
	if (!pid_list_has(&trace->unfollowed, pid))
		remark("process %d cannot be followed yet: %s", pid, strerror(-err));
	err = pid_list_add(&trace->unfollowed, pid);
	return err ? err : target_watch_miss(trace->watch, pid);
}

/* Follows who was found since the last tick. 0 or −ENOMEM. */
static int follow_found(struct trace *trace)
{
	int err;

	pid_list_fini(&trace->pids);
	err = target_watch_take(trace->watch, &trace->pids);
	for (size_t i = 0; i < trace->pids.count && !err; i++)
		err = follow_one(trace, trace->pids.pids[i]);
	raise_cores(trace);
	return err;
}

/* Detaches; what is in the rings still comes. 0 or −errno. */
static int stop(struct trace *trace)
{
	trace->feed.ending = true;
	trace->feed.end_ns = monotonic_ns();
	return probe_stop(trace->probe);
}

/* What there is to do from time to time. 0 or −errno. */
static int on_tick(struct trace *trace, uint64_t at_ns)
{
	if (trace->feed.ending)
		return 0;
	if (is_over(trace, at_ns))
		return stop(trace);
	return trace->watch ? follow_found(trace) : 0;
}

static int trace_next(struct feed *feed, struct event *event)
{
	struct trace *trace = (struct trace *)feed;
	int got = trace->source->next(trace->source, event);

	if (got < 0)
		return got;
	if (!got) {
		if (!trace->feed.ending)
			feed->end_ns = monotonic_ns();
		return trace->measured || interrupted() || trace->options->program || trace->watch ? 0 : -ESRCH;
	}
	if (record_kind_has_span(event->head->kind))
		trace->measured = true;
	if (event->head->kind == RECORD_PROCESS)
		tell_hooks(trace, event);
	if (event->head->kind == RECORD_TICK) {
		int err = on_tick(trace, event->head->at_ns);

		if (err)
			return err;
	}
	return 1;
}

static void read_tool(struct feed *feed, struct tool_figures *figures)
{
	struct trace *trace = (struct trace *)feed;
	struct probe_loss losses[PROBE_LOSSES_MAX];
	struct probe_cost cost;

	probe_cost(trace->probe, &cost);
	figures->kernel_ns = cost.kernel_ns;
	figures->user_cpu_ns = cost.user_cpu_ns - trace->attach_cpu_ns;
	figures->loss_count = probe_losses(trace->probe, losses);
	for (size_t i = 0; i < figures->loss_count; i++)
		figures->losses[i] = (struct snapshot_loss){losses[i].name, losses[i].count};
}

static void read_hook(const struct feed *feed, struct snapshot_process *process)
{
	const struct trace *trace = (const struct trace *)feed;

	if (trace->options->hooks == HOOKS_OFF) {
		process->hook = runtime_words_of(process->now.runtime)->hook ? HOOK_UNASKED : HOOK_ABSENT;
		process->hook_says = "off: --hooks off";
		return;
	}
	process->hook_says = probe_hooks_say(trace->probe, (pid_t)process->now.tgid);
	if (!process->hook_says)
		process->hook = HOOK_ABSENT;
	else
		process->hook = hooks_are_off(process->hook_says) ? HOOK_REFUSED : HOOK_ON;
}

static enum exit_code open_probe(struct trace *trace)
{
	const struct probe_options options = {
		.no_payload = trace->options->no_routes,
		.hooks = trace->options->hooks != HOOKS_OFF,
		.verbose = trace->options->verbose,
	};
	const char *why = NULL;

	trace->probe = probe_open(&options, &why);
	if (trace->probe)
		return EXIT_DONE;
	switch (errno) {
	case EPERM:
	case EACCES:
		return complain(EXIT_NOT_PERMITTED, "`iocpu-trace doctor` says what is missing", "%s", why);
	case ENOMEM:
		return complain(EXIT_FAILED, NULL, "%s", why);
	default:
		return complain(EXIT_UNFIT, "`iocpu-trace doctor` says what this kernel has", "%s", why);
	}
}

static enum exit_code follow_first(struct trace *trace)
{
	return follow_found(trace) ? complain(EXIT_FAILED, NULL, "out of memory") : EXIT_DONE;
}

static enum exit_code follow_targets(struct trace *trace)
{
	size_t followed = 0;
	int err = 0;

	raise_cores(trace);
	for (size_t i = 0; i < trace->pids.count; i++) {
		err = probe_follow(trace->probe, trace->pids.pids[i], false);
		if (err && err != -ESRCH)
			return complain(EXIT_FAILED, NULL, "following process %d: %s", trace->pids.pids[i], strerror(-err));
		if (err && trace->pids.count > 1)
			remark("process %d ended before it could be followed", trace->pids.pids[i]);
		followed += !err;
	}
	return followed ? EXIT_DONE : complain_gone();
}

static enum exit_code start_command(struct trace *trace)
{
	char **program = trace->options->program;
	int err = command_prepare(&trace->command, program, trace->options->format != FORMAT_TABLE);

	if (!err)
		err = pid_list_add(&trace->pids, trace->command.pid);
	return err ? complain(EXIT_FAILED, NULL, "starting '%s': %s", program[0], strerror(-err)) : EXIT_DONE;
}

static enum exit_code release_command(struct trace *trace)
{
	int err = command_release(&trace->command);

	if (!err)
		return EXIT_DONE;
	return complain(EXIT_NO_TARGET, "the command behind -- is looked for in PATH, no shell reads it", "'%s' cannot be started: %s",
			trace->options->program[0], strerror(-err));
}

/* The one target that is not what it seems; of several, nothing is said. */
static void describe_target(struct trace *trace)
{
	if (trace->options->program || trace->pids.count != 1)
		return;
	describe_listening(trace->pids.pids[0], trace->waits_for, sizeof(trace->waits_for));
	if (!*trace->waits_for)
		return;
	remark("%s", trace->waits_for);
	trace->feed.waits_for = trace->waits_for;
}

static enum exit_code find_targets(struct trace *trace)
{
	if (trace->options->command == COMMAND_SERVE)
		return target_watch_open(trace->options, &trace->watch);
	return targets_resolve(trace->options, &trace->pids);
}

/*
 * Loading is 0.3 s of work for the verifier. Where all cores are taken it gets its share of them and no more, as requests wait for them,
 * too: 0.4 s on free cores, 4 to 8 s beside 32 busy threads on two. With a higher priority it was done in 2 s, at the requests' expense (of
 * which one in a hundred then took 50 to 190 ms instead of 15).
 */
#define BUSY_CORES 3

static void tell_attached(const struct trace *trace)
{
	double wall_ms = (double)trace->attach_ns / 1e6, work_ms = (double)trace->attach_cpu_ns / 1e6;

	if (wall_ms > BUSY_CORES * work_ms)
		remark("attached in %.0f ms, of which %.0f ms was work: the cores are busy", wall_ms, work_ms);
	else
		remark("attached in %.0f ms", wall_ms);
}

static enum exit_code attach(struct trace *trace)
{
	const struct options *options = trace->options;
	uint64_t begun_ns = monotonic_ns();
	struct probe_cost cost;
	enum exit_code code;

	if (!tracing_permitted())
		return complain(EXIT_NOT_PERMITTED, "run it as root: sudo iocpu-trace …; `iocpu-trace doctor` says what is missing",
				"tracing needs root, or CAP_BPF, CAP_PERFMON and CAP_SYS_PTRACE");
	if (!procfs_ids_are_the_kernels())
		return complain(EXIT_NOT_PERMITTED, "run it on the host, or in a container that shares its process ids (--pid=host)",
				"this is a pid namespace of its own, whose process ids are not the kernel's");
	code = options->program ? start_command(trace) : find_targets(trace);
	if (!code)
		code = open_probe(trace);
	if (code)
		return code;
	trace->feed.start_ns = monotonic_ns();
	trace->feed.unix_offset_ns = unix_offset_ns();
	code = trace->watch ? follow_first(trace) : follow_targets(trace);
	if (code)
		return code;
	trace->source = probe_source(trace->probe);
	probe_cost(trace->probe, &cost);
	trace->attach_cpu_ns = cost.user_cpu_ns;
	trace->attach_ns = monotonic_ns() - begun_ns;
	tell_attached(trace);
	if (options->hooks == HOOKS_OFF)
		remark("hooks: off");
	describe_target(trace);
	return EXIT_DONE;
}

enum exit_code trace_open(const struct options *options, struct trace **trace)
{
	struct trace *opened = calloc(1, sizeof(*opened));
	enum exit_code code;

	*trace = NULL;
	if (!opened)
		return complain(EXIT_FAILED, NULL, "out of memory");
	opened->options = options;
	opened->feed = (struct feed){
		.next = trace_next,
		.read_tool = read_tool,
		.read_hook = read_hook,
		.live = true,
		.reads_payload = true,
	};
	opened->command = (struct command_run){.release_fd = -1, .exec_fd = -1};
	code = attach(opened);
	if (code)
		trace_close(opened);
	else
		*trace = opened;
	return code;
}

enum exit_code trace_start(struct trace *trace)
{
	return trace->options->program ? release_command(trace) : EXIT_DONE;
}

size_t trace_targets(struct trace *trace, struct totals_target *targets, size_t max)
{
	if (trace->watch)
		return target_watch_read(trace->watch, targets, max);
	if (!max || !trace->options->program)
		return 0;
	snprintf(targets[0].name, sizeof(targets[0].name), "command:%s", trace->options->program[0]);
	targets[0].up = !trace->command.ended;
	return 1;
}

struct feed *trace_feed(struct trace *trace)
{
	return &trace->feed;
}

void trace_close(struct trace *trace)
{
	if (!trace)
		return;
	target_watch_close(trace->watch);
	probe_close(trace->probe);
	if (trace->options->program)
		command_finish(&trace->command, trace->options->program[0]);
	pid_list_fini(&trace->pids);
	pid_list_fini(&trace->unfollowed);
	free(trace);
}
