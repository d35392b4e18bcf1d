/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 11, of loops that read ahead, where the tracer came in the midst of their work: how one is known before it waits for anything, what
 * had seemed to be whose until then, and what it finds on connections that were in use before.
 */
#include "engine/rules_loop.h"

/* Whoever it seemed to be had been read for last, which tells nothing here. NULL: no memory. */
static struct context *instead_of(struct engine *engine, struct context *seemed, uint64_t at_ns)
{
	struct context *root = context_root(seemed), *nobodys = context_new_segment(engine, ORIGIN_MISSED, NULL, at_ns);

	if (nobodys)
		context_note_evidence(nobodys);
	if (root && root->is_request)
		root->ambiguous = true;
	return nobodys;
}

static void forget_asker(struct engine *engine, struct call *call, uint64_t at_ns)
{
	struct context *before = call->context, *nobodys = instead_of(engine, before, at_ns);

	if (!nobodys)
		return;
	call_delist(call);
	call->context = nobodys;
	call->doubt = DOUBT_NONE;
	call_enlist(call, nobodys);
	context_put(engine, before);
}

/* For whom it seemed to be made, or looked at. */
static void forget_reserved(struct engine *engine, struct conn *conn, uint64_t at_ns)
{
	bool made = conn->connected_ns || conn->connecting;
	struct context *nobodys = made ? instead_of(engine, conn->reserved, at_ns) : NULL;

	context_hold(engine, &conn->reserved, nobodys);
	context_put(engine, nobodys);
}

/* What is pending has not been listed yet. */
static bool is_of_thread(const struct thread *thread, const struct context *context)
{
	bool is = context_root(thread->context) == context || (context->is_request && context->reader_tid == thread->tid);

	for (uint32_t i = 0; !is && i < context->thread_count; i++)
		is = context->threads[i] == thread->tid;
	return is;
}

/* What ran since the tracer came was told as that of whoever had been read for last. */
static void doubt_who_ran(const struct engine *engine, const struct thread *thread)
{
	for (struct context *request = engine->open_requests; request; request = request->next_open)
		if (is_of_thread(thread, request) && intervals_cpu_ns(request->timeline.intervals, request->timeline.count) >= WORK_MIN_NS)
			request->ambiguous = true;
}

void ahead_began_unseen(struct engine *engine, struct continuations *loop)
{
	const struct thread *thread = loop->thread;
	uint64_t at_ns = thread->span_start_ns;
	struct conn *conn;
	size_t cursor = 0;

	if (loop->shared || loop->slept_round || loop->began_unseen)
		return;
	loop->began_unseen = true;
	loop->missed_ns = at_ns;
	doubt_who_ran(engine, thread);
	while ((conn = idmap_next(&engine->conns, &cursor))) {
		const struct context *reserved = context_root(conn->reserved);

		for (struct call *call = conn->first_call; call; call = call->next)
			if (call->asker_tid == thread->tid)
				forget_asker(engine, call, at_ns);
		if (reserved && is_of_thread(thread, reserved))
			forget_reserved(engine, conn, at_ns);
	}
}

/* Tasks that nobody tells of have rules of their own, and threads that run virtual threads in turns only seem to read on. */
bool ahead_may_show(const struct thread *thread, const struct continuations *loop)
{
	return !loop->shared && !loop->slept_round && !proc_has_tasks(thread->proc) && !proc_hides_wakeups(thread->proc);
}

/* Behind the first try on a connection that it was seen to write lies nothing that it had written before the trace. */
bool ahead_tries_first(const struct continuations *loop)
{
	return !loop->shared && !loop->slept_round && !loop->tried_written && continuations_ahead(loop);
}

void ahead_note_try(const struct moment *moment, struct continuations *loop)
{
	const struct conn *conn = moment->conn;

	loop->tried_written |= conn->read_state == READ_NOT_TRIED && conn->written_ns;
}
