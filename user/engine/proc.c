/* SPDX-License-Identifier: BSD-2-Clause */
/* Processes and threads: who is there, what a thread works for, and which model a process is built on. */
#include <stdlib.h>
#include <string.h>

#include "engine/chains.h"
#include "engine/called_in.h"
#include "engine/locks.h"
#include "engine/line.h"
#include "engine/model.h"
#include "engine/pool_ahead.h"
#include "engine/set_aside.h"
#include "engine/stolen.h"
#include "engine/workers.h"
#include "engine/strands.h"
#include "engine/turns.h"
#include "util/process.h"

/* ---- processes ------------------------------------------------------------------------------------------------------------ */

static struct proc *proc_add(struct engine *engine, uint32_t tgid)
{
	struct proc *proc;

	if (engine->proc_count == engine->proc_capacity) {
		size_t capacity = engine->proc_capacity ? engine->proc_capacity * 2 : 16;
		struct proc **bigger = realloc(engine->procs_in_order, capacity * sizeof(struct proc *));

		if (!bigger)
			return NULL;
		engine->procs_in_order = bigger;
		engine->proc_capacity = capacity;
	}
	proc = calloc(1, sizeof(*proc));
	if (!proc || idmap_put(&engine->procs, tgid, proc)) {
		free(proc);
		return NULL;
	}
	proc->told.tgid = tgid;
	proc->told.found_at_ns = proc->open_since_ns = engine->now_ns;
	engine->procs_in_order[engine->proc_count++] = proc;
	return proc;
}

struct proc *proc_of(struct engine *engine, uint32_t tgid)
{
	struct proc *proc = idmap_get(&engine->procs, tgid);

	return proc ? proc : proc_add(engine, tgid);
}

struct proc *proc_get(struct proc *proc)
{
	proc->refs++;
	return proc;
}

void proc_put(struct proc *proc)
{
	if (proc)
		proc->refs--;
}

static void proc_sum_up(struct engine *engine, struct proc *proc)
{
	process_add(&engine->ended, &proc->told);
	engine->ended_count++;
	/* Its id may be another one's by now. */
	if (idmap_get(&engine->procs, proc->told.tgid) == proc)
		idmap_take(&engine->procs, proc->told.tgid);
	proc_put(proc->parent);
	idmap_fini(&proc->strands);
	free(proc);
}

void procs_sweep(struct engine *engine)
{
	size_t ended = 0, kept = 0;

	for (size_t i = 0; i < engine->proc_count; i++)
		ended += engine->procs_in_order[i]->refs == 0;
	if (ended <= PROCS_ENDED_MAX)
		return;
	ended -= PROCS_ENDED_MAX;
	for (size_t i = 0; i < engine->proc_count; i++) {
		struct proc *proc = engine->procs_in_order[i];

		if (ended && !proc->refs) {
			proc_sum_up(engine, proc);
			ended--;
		} else {
			engine->procs_in_order[kept++] = proc;
		}
	}
	engine->proc_count = kept;
}

void proc_count_open_requests(struct proc *proc, int change, uint64_t now_ns)
{
	if (now_ns > proc->open_since_ns) {
		proc->told.request_time_ns += proc->open_requests * (now_ns - proc->open_since_ns);
		proc->open_since_ns = now_ns;
	}
	proc->open_requests += (uint32_t)change;
}

void procs_count_open_requests(struct engine *engine, uint64_t now_ns)
{
	for (size_t i = 0; i < engine->proc_count; i++)
		proc_count_open_requests(engine->procs_in_order[i], 0, now_ns);
}

static const char *const strand_models[RUNTIMES] = {
	[RUNTIME_JVM] = "virtual-threads",
	[RUNTIME_PYTHON] = "asyncio-tasks",
	[RUNTIME_RUST] = "tasks",
};

/*
 * The model, by what the threads were seen to do. Loops read requests after an epoll return; a thread per connection is born for it, or (of
 * connections from before the trace) serves just one; a pool's threads serve whatever comes; workers of a pre-fork server were forked and
 * accept from a listener that they inherited. Tasks and virtual threads are seen only where a hook tells of them: where these read most
 * requests, they are the model.
 */
static const char *proc_model(const struct proc *proc)
{
	uint32_t reads = proc->blocking_reads + proc->loop_reads;

	if (proc->told.runtime == RUNTIME_GO)
		return "goroutines";
	if (!reads)
		return proc->any_child_serves ? "pre-fork" : NULL;
	if (proc->strand_reads * 2 > reads && strand_models[proc->told.runtime])
		return strand_models[proc->told.runtime];
	if (proc->loop_reads > proc->blocking_reads) {
		if (proc->handed_over * 2 > reads)
			return "worker-pool";
		return proc->told.loop_threads > 1 ? "event-loops" : "event-loop";
	}
	if (proc->forked && proc->threads_serving <= 1)
		return "pre-fork";
	if (proc->conns_by_new_threads || proc->conns_by_old_threads)
		return proc->conns_by_new_threads >= proc->conns_by_old_threads ? "thread-per-connection" : "worker-pool";
	return proc->conns_served > proc->threads_serving + proc->threads_serving / 4 ? "worker-pool" : "thread-per-connection";
}

void proc_describe(const struct proc *proc, struct process *told)
{
	*told = proc->told;
	told->model = proc_model(proc);
	/* Threads that wait in epoll for virtual threads serve nothing themselves. */
	if (told->model == strand_models[RUNTIME_JVM])
		told->loop_threads = 0;
}

/* ---- threads -------------------------------------------------------------------------------------------------------------- */

struct thread *thread_of(struct engine *engine, uint32_t tid)
{
	return idmap_get(&engine->threads, tid);
}

struct thread *thread_add(struct engine *engine, uint32_t tid, uint32_t tgid, uint64_t start_ns, bool born)
{
	struct thread *thread = thread_of(engine, tid);
	struct proc *proc;

	if (thread)
		thread_remove(engine, thread);
	proc = proc_of(engine, tgid);
	/* The first thread of a process, while one of that id has ended: the id was given to another one. */
	if (proc && proc->ended && born && tid == tgid)
		proc = proc_add(engine, tgid);
	if (!proc)
		return NULL;
	thread = calloc(1, sizeof(*thread));
	if (!thread || idmap_put(&engine->threads, tid, thread)) {
		free(thread);
		return NULL;
	}
	thread->tid = tid;
	thread->proc = proc_get(proc);
	thread->born = born;
	thread->span_start_ns = start_ns;
	thread->applied_until_ns = start_ns;
	thread->context = context_new_segment(engine, born ? ORIGIN_START : ORIGIN_UNKNOWN, NULL, start_ns);
	proc->told.alive = true;
	proc->told.threads++;
	proc->told.threads_created += born;
	return thread;
}

void thread_begins_late(struct thread *thread, uint64_t at_ns)
{
	if (at_ns > thread->span_start_ns)
		thread->span_start_ns = at_ns;
	if (at_ns > thread->applied_until_ns)
		thread->applied_until_ns = at_ns;
}

void thread_forget_history(struct engine *engine, struct thread *thread)
{
	rule_11_forget(engine, thread);
	workers_forget(engine, thread);
	lines_close(engine, thread);
	turns_forget(engine, thread);
	for (uint32_t i = 0; thread->history && i < HISTORY_MAX; i++) {
		context_put(engine, thread->history[i].context);
		thread->history[i] = (struct history_entry){0};
	}
}

void thread_begins_program(struct engine *engine, struct thread *thread)
{
	thread_uncount_loop(thread);
	thread->loop = false;
	thread_forget_history(engine, thread);
	free(thread->continuations);
	thread->continuations = NULL;
}

void thread_uncount_loop(struct thread *thread)
{
	if (thread->loop && !thread->hides_strands && thread->proc->told.loop_threads)
		thread->proc->told.loop_threads--;
}

void thread_remove(struct engine *engine, struct thread *thread)
{
	thread_commit(engine, thread);
	set_aside_end(engine, thread);
	strand_ends_with(engine, thread);
	context_put(engine, thread->context);
	stolen_stint_begins(thread, 0);
	thread_forget_history(engine, thread);
	free(thread->history);
	free(thread->continuations);
	free(thread->moved);
	thread_uncount_loop(thread);
	if (--thread->proc->told.threads == 0) {
		thread->proc->told.alive = false;
		thread->proc->ended = true;
		strands_forget(engine, thread->proc);
		futexes_forget(&thread->proc->futexes);
		chains_close(engine, thread->proc);
		pool_ahead_close(engine, thread->proc);
		called_in_close(engine, thread->proc);
	}
	proc_put(thread->proc);
	idmap_take(&engine->threads, thread->tid);
	free(thread);
}

/* ---- a thread's pending time ---------------------------------------------------------------------------------------------- */

static void remember(struct engine *engine, struct thread *thread, struct context *root, const struct interval *interval)
{
	struct history_entry *last = &thread->history[(thread->history_next - 1) & (HISTORY_MAX - 1)];
	struct history_entry *entry = &thread->history[thread->history_next & (HISTORY_MAX - 1)];

	if (last->context == root && last->end_ns == interval->start_ns) {
		last->end_ns = interval->end_ns;
		return;
	}
	context_put(engine, entry->context);
	*entry = (struct history_entry){interval->start_ns, interval->end_ns, context_get(root)};
	thread->history_next++;
}

void thread_commit(struct engine *engine, struct thread *thread)
{
	struct context *root = context_root(thread->context);

	for (uint32_t i = 0; i < thread->pending_count; i++) {
		struct interval interval = thread->pending[i];

		if (interval.end_ns <= interval.start_ns)
			continue;
		if (interval.state == STATE_SOCKET_UNSETTLED)
			interval.state = STATE_OTHER;
		if (thread->history && (interval.state == STATE_CPU || interval.state == STATE_READY))
			remember(engine, thread, root, &interval);
		if (interval.state == STATE_CPU) {
			interval.proc = thread->proc;
			interval.tid = thread->tid;
			stolen_note_handout(thread, root, &interval);
		}
		if (root || interval.state == STATE_CPU)
			context_add_interval(engine, root, interval);
	}
	if (root && thread->pending_count) {
		root->helper_only &= !thread->touched_io;
		if (!root->closed) { /* it may be withheld, and is told as it was */
			context_list_thread(root, thread->tid);
			root->voluntary += thread->pending_voluntary;
			root->involuntary += thread->pending_involuntary;
		}
		thread->pending_voluntary = thread->pending_involuntary = 0;
	}
	thread->pending_count = 0;
}

void thread_pend(struct engine *engine, struct thread *thread, struct interval interval)
{
	struct interval *last = thread->pending_count ? &thread->pending[thread->pending_count - 1] : NULL;

	if (interval.end_ns <= interval.start_ns)
		return;
	if (last && last->end_ns == interval.start_ns && last->state == interval.state && last->ready_part == interval.ready_part) {
		last->end_ns = interval.end_ns;
		return;
	}
	if (thread->pending_count == PENDING_MAX)
		thread_commit(engine, thread);
	thread->pending[thread->pending_count++] = interval;
}

void thread_switch(struct engine *engine, struct thread *thread, struct context *context, bool soft)
{
	struct context *before = thread->context;

	thread_commit(engine, thread);
	thread->context = context_get(context);
	thread->soft = soft;
	thread->via_call = 0;
	thread->via_doubt = DOUBT_NONE;
	thread->via_conn_id = 0;
	thread->message_wait = (struct interval){0};
	thread->asked = false;
	context_put(engine, before);
}

void thread_take_over(struct engine *engine, struct thread *thread, struct context *context)
{
	context_hold(engine, &thread->context, context);
}

uint64_t thread_computed_ns(const struct thread *thread)
{
	return intervals_cpu_ns(thread->pending, thread->pending_count);
}

uint64_t thread_segment_cpu_ns(const struct thread *thread, const struct context *segment)
{
	return thread_computed_ns(thread) + intervals_cpu_ns(segment->timeline.intervals, segment->timeline.count);
}

bool thread_is_active(const struct thread *thread)
{
	return !thread->soft && context_is_active(context_root(thread->context));
}

bool thread_worked_after_response(const struct thread *thread)
{
	const struct context *segment = context_root(thread->context);
	const struct context *hint = segment ? context_root(segment->hint) : NULL;

	return !thread->loop && hint && hint->answered && !segment->is_request && !segment->calls_in_flight;
}
