/* SPDX-License-Identifier: BSD-2-Clause */
#include "engine/engine.h"
#include "engine/goroutines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/answers.h"
#include "engine/called_in.h"
#include "engine/chains.h"
#include "engine/locks.h"
#include "engine/model.h"
#include "engine/pool_ahead.h"
#include "engine/set_aside.h"
#include "engine/strands.h"

#define ENDED_COMM "(ended)"

struct engine *engine_open(const struct engine_sink *sink)
{
	struct engine *engine = calloc(1, sizeof(*engine));

	if (!engine)
		return NULL;
	engine->sink = *sink;
	engine->open_requests_end = &engine->open_requests;
	engine->peer_names[0] = strdup("(other)");
	engine->peer_count = 1;
	memcpy(engine->ended.comm, ENDED_COMM, sizeof(ENDED_COMM));
	if (!engine->peer_names[0]) {
		free(engine);
		return NULL;
	}
	return engine;
}

/* ---- one function a kind of record ------------------------------------------------------------------------------------------------ */

/* It shows what the thread's loop has come to: a futex does not, nor that it was off its core, if not at an epoll. */
static bool shows_progress(const struct event *event)
{
	const struct record *record = event_record(event);

	switch (record->head.kind) {
	case RECORD_SNAPSHOT:
	case RECORD_FUTEX:
		return false;
	case RECORD_WINDOW:
		return record->epoll_at_ns || (event->window && event->window->cause == WAIT_POLL);
	default:
		return true;
	}
}

static void on_span(struct engine *engine, const struct event *event)
{
	const struct record *record = event_record(event);
	struct thread *thread = thread_of(engine, record->head.tid);
	struct conn *conn = record->head.kind == RECORD_IO ? conn_of(engine, record->conn_id) : NULL;

	if (!thread) {
		engine->losses.unknown_threads++;
		return;
	}
	if (record->head.kind != RECORD_SNAPSHOT || record->head.op != IO_WRITE)
		thread->heard_ns = record->head.at_ns;
	if (shows_progress(event))
		thread->acted_ns = record->head.at_ns;
	span_apply(engine, thread, event, conn);
	if (record->head.kind == RECORD_IO && conn)
		rules_io(engine, thread, event, conn);
	if (record->head.kind == RECORD_STRAND)
		rules_strand(engine, thread, record);
	if (record->head.kind == RECORD_FUTEX)
		rules_futex(engine, thread, event);
	if (record->head.kind == RECORD_IO || record->head.kind == RECORD_STRAND)
		thread->just_accepted = record->head.kind == RECORD_IO && record->head.op == IO_ACCEPT;
	if (record->head.kind == RECORD_THREAD_EXIT)
		thread_remove(engine, thread);
}

/* Its strands, whatever their ids, have nothing to do with those of the program that it becomes. */
static void end_program(struct engine *engine, struct proc *proc)
{
	strands_forget(engine, proc);
	proc->told.strands_told = false;
}

/*
 * What was learnt of another program, by its responses and by who waited in it, says nothing of this one. Whom that had answered is told
 * with what is known of it.
 */
static void begin_program(struct engine *engine, struct proc *proc)
{
	end_program(engine, proc);
	for (struct context *request = engine->open_requests, *next; request; request = next) {
		next = request->next_open;
		if (request->proc == proc && request->answered)
			request_tell(engine, request);
	}
	withheld_tell_of(engine, proc);
	chains_close(engine, proc);
	pool_ahead_close(engine, proc);
	called_in_close(engine, proc);
	futexes_forget(&proc->futexes);
	memset(proc->doubts, 0, sizeof(proc->doubts));
	memset(proc->given, 0, sizeof(proc->given));
	memset(proc->slept_at, 0, sizeof(proc->slept_at));
	proc->excused = 0;
	proc->order_right_run = 0;
	proc->has_readers = false;
	proc->burst_count = 0;
	proc->burst_ns = 0;
	proc->forked = proc->threads_share = proc->reads_for_others = proc->lets_go_unseen = proc->answers_unknown = proc->order_guessed =
		false;
	proc->asks_beside = false;
}

static void on_thread(struct engine *engine, const struct event *event)
{
	const struct record_thread *record = (const struct record_thread *)event->head;
	struct thread *thread = thread_of(engine, record->head.tid), *parent;
	struct proc *proc;

	/*
	 * Told again because a copy was lost, or because it was found by two ways: the same thread. But one that is forked begins here:
	 * whoever had its id before has ended, untold.
	 */
	if (!thread || record->origin == THREAD_FORKED || (thread->proc->told.tgid != record->tgid && record->origin != THREAD_EXECED))
		thread = thread_add(engine, record->head.tid, record->tgid, record->head.at_ns, record->origin == THREAD_FORKED);
	else if (record->origin == THREAD_FOUND)
		thread_begins_late(thread, record->head.at_ns);
	if (!thread)
		return;
	parent = thread_of(engine, record->parent_tid);
	proc = thread->proc;
	if (!proc->parent && parent && parent->proc != proc) {
		proc->parent = proc_get(parent->proc);
		proc->forked = record->origin == THREAD_FORKED || strncmp(proc->parent->told.comm, record->comm, COMM_MAX) == 0;
	}
	if (record->origin == THREAD_EXECED) {
		thread_commit(engine, thread);
		thread->carrier = false;
		thread_begins_program(engine, thread);
		rule_16_forget(thread);
		begin_program(engine, proc);
	}
	if (record->head.tid == record->tgid || !proc->told.comm[0])
		memcpy(proc->told.comm, record->comm, sizeof(proc->told.comm) - 1);
}

static void on_conn(struct engine *engine, const struct event *event)
{
	const struct record_conn *record = (const struct record_conn *)event->head;

	conn_describe(engine, record, (const char *)event->payload, event->payload_len);
}

static void on_conn_state(struct engine *engine, const struct event *event)
{
	const struct record_conn_state *record = (const struct record_conn_state *)event->head;
	struct conn *conn = conn_of(engine, record->conn_id);

	if (!conn)
		return;
	if (record->state == CONN_UP)
		rules_connected(engine, conn, record->head.at_ns);
	else
		conn_ended(engine, conn, record->head.at_ns);
}

static void on_process(struct engine *engine, const struct event *event)
{
	const struct record_process *record = (const struct record_process *)event->head;
	struct proc *proc = proc_of(engine, record->head.tid);

	if (!proc)
		return;
	/* Told once more, as a library of it is hooked only now, it goes on. */
	if (proc->told.runtime != record->runtime)
		end_program(engine, proc);
	proc->told.runtime = record->runtime;
	memcpy(proc->told.comm, record->comm, sizeof(proc->told.comm) - 1);
}

/* A thread that wrote and was not heard of since may be blocked writing the rest: the next snapshot tells. */
static bool may_still_write(struct engine *engine, const struct context *request)
{
	const struct thread *writer = thread_of(engine, request->writer_tid);

	return writer && !writer->loop && writer->heard_ns <= request->last_write_ns;
}

/* The thread of an aborted request may still be blocked for it: what it told until then is the request's before it is told. */
static void commit_to_aborted(struct engine *engine)
{
	struct thread *thread;
	size_t cursor = 0;

	while ((thread = idmap_next(&engine->threads, &cursor))) {
		const struct context *root = context_root(thread->context);

		if (thread->pending_count && root && root->aborted && !root->closed)
			thread_commit(engine, thread);
	}
}

/* A response that has been quiet for long, and whose connection says nothing, is over. */
static void on_tick(struct engine *engine, const struct event *event)
{
	uint64_t now_ns = event->head->at_ns;

	commit_to_aborted(engine);
	streams_tell(engine);
	for (struct context *request = engine->open_requests, *next; request; request = next) {
		next = request->next_open;
		if (request->answered && !request->partial_since_ns && request->last_write_ns + RESPONSE_QUIET_NS < now_ns &&
		    request->last_active_ns + RESPONSE_QUIET_NS < now_ns && !may_still_write(engine, request))
			request_tell(engine, request);
	}
	withheld_tell_due(engine);
	procs_count_open_requests(engine, now_ns);
	strays_sweep(engine, now_ns);
	conns_sweep(engine, now_ns);
	procs_sweep(engine);
	strands_sweep(engine, now_ns);
}

static void (*const handlers[RECORD_KINDS])(struct engine *engine, const struct event *event) = {
	[RECORD_IO] = on_span,
	[RECORD_EPOLL] = on_span,
	[RECORD_WINDOW] = on_span,
	[RECORD_THREAD_EXIT] = on_span,
	[RECORD_SNAPSHOT] = on_span,
	[RECORD_THREAD] = on_thread,
	[RECORD_CONN] = on_conn,
	[RECORD_CONN_STATE] = on_conn_state,
	[RECORD_PROCESS] = on_process,
	[RECORD_TICK] = on_tick,
	[RECORD_STRAND] = on_span,
	[RECORD_FUTEX] = on_span,
	[RECORD_MESSAGES] = answers_note,
};

static void handle(struct engine *engine, const struct event *event)
{
	if (event->head->at_ns > engine->now_ns)
		engine->now_ns = event->head->at_ns;
	handlers[event->head->kind](engine, event);
}

static void handle_due(struct engine *engine, bool all)
{
	const struct event *event;

	while ((event = foresight_due(&engine->foresight, all))) {
		handle(engine, event);
		foresight_drop(&engine->foresight);
	}
}

int engine_handle(struct engine *engine, const struct event *event)
{
	if (event->head->kind >= RECORD_KINDS || !handlers[event->head->kind])
		return -EPROTO;
	if (!engine->foresight.wanted_by) {
		handle(engine, event);
	} else if (foresight_hold(engine, event)) {
		/* A tick says that all before it has been told. Windows end there, and hold all of it. */
		handle_due(engine, event->head->kind == RECORD_TICK);
	} else {
		handle_due(engine, true);
		handle(engine, event);
	}
	return 0;
}

/* ---- the end ------------------------------------------------------------------------------------------------------------------------ */

void engine_finish(struct engine *engine)
{
	struct thread *thread;
	struct conn *conn;
	size_t cursor = 0;

	handle_due(engine, true);
	/* Time that is pending goes to its owners first, so that an answered request is told with all that it used. */
	while ((thread = idmap_next(&engine->threads, &cursor))) {
		thread_commit(engine, thread);
		set_aside_end(engine, thread);
	}
	for (size_t i = 0; i < engine->proc_count; i++) {
		strands_forget(engine, engine->procs_in_order[i]);
		chains_close(engine, engine->procs_in_order[i]);
		pool_ahead_close(engine, engine->procs_in_order[i]);
		futexes_forget(&engine->procs_in_order[i]->futexes);
	}
	futexes_forget(&engine->shared_futexes);
	for (struct context *request = engine->open_requests, *next; request; request = next) {
		next = request->next_open;
		if (request->answered)
			request_tell(engine, request);
		else
			request_drop(engine, request);
	}
	for (cursor = 0; (thread = idmap_next(&engine->threads, &cursor));) {
		thread_switch(engine, thread, NULL, false);
		thread_forget_history(engine, thread);
	}
	streams_finish(engine);
	/* One back, not to the start: that would be n², and another one may have moved into the place of the one taken out. */
	for (cursor = 0; (conn = idmap_next(&engine->conns, &cursor)); cursor--)
		conn_ended(engine, conn, engine->now_ns);
	withheld_tell_all(engine);
	strays_finish(engine); /* last: whatever nobody refers to any more may have become one */
}

void engine_close(struct engine *engine)
{
	struct thread *thread;
	size_t cursor;

	if (!engine)
		return;
	engine->sink.on_request = NULL;
	engine->sink.on_stream = NULL;
	engine_finish(engine);
	for (cursor = 0; (thread = idmap_next(&engine->threads, &cursor)); cursor--)
		thread_remove(engine, thread);
	while (engine->free_contexts) {
		struct context *context = engine->free_contexts;

		engine->free_contexts = context->bound_to;
		timeline_fini(&context->timeline);
		free(context);
	}
	for (size_t i = 0; i < engine->proc_count; i++) {
		idmap_fini(&engine->procs_in_order[i]->strands);
		free(engine->procs_in_order[i]);
	}
	for (uint32_t i = 0; i < engine->peer_count; i++)
		free(engine->peer_names[i]);
	free(engine->procs_in_order);
	free(engine->strays);
	idmap_fini(&engine->procs);
	idmap_fini(&engine->threads);
	idmap_fini(&engine->conns);
	free(engine);
}

/* ---- looking ------------------------------------------------------------------------------------------------------------------------ */

static uint64_t sum_of_parts(const struct process *told)
{
	return told->request_cpu_ns + told->after_response_cpu_ns + told->runtime_cpu_ns + told->background_cpu_ns +
	       told->unattributed_cpu_ns;
}

size_t engine_processes(const struct engine *engine, struct process *processes, size_t max)
{
	for (size_t i = 0; i < engine->proc_count && i < max; i++) {
		const struct proc *proc = engine->procs_in_order[i];
		struct process *told = &processes[i];

		proc_describe(proc, told);
		told->cpu_ns = sum_of_parts(told);
	}
	if (!engine->ended_count)
		return engine->proc_count;
	if (engine->proc_count < max) {
		processes[engine->proc_count] = engine->ended;
		processes[engine->proc_count].cpu_ns = sum_of_parts(&engine->ended);
	}
	return engine->proc_count + 1;
}

void engine_losses(const struct engine *engine, struct engine_losses *losses)
{
	*losses = engine->losses;
}

uint32_t engine_process_of(const struct engine *engine, uint32_t tid)
{
	const struct thread *thread = idmap_get(&engine->threads, tid);

	return thread ? thread->proc->told.tgid : tid;
}

const struct core_use *engine_core_use(const struct engine *engine)
{
	return &engine->core_use;
}
