/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 15, answers on a connection that several requests wait on, in any order: a strand that reads for all of them lets go on whoever it
 * has read for. So the answer's request is told by whom it wakes next. In a loop of tasks a callback reads, and may wake one that tells in
 * its stead.
 */
#include "engine/strand.h"

/* The oldest call there of this work; of whatever else is done for the same request, if that made none. NULL: it waits for nothing there.
 */
static struct call *call_of(const struct conn *conn, struct context *context)
{
	struct context *root = context_root(context), *request = strand_whose(root);
	struct call *of_request = NULL;

	for (struct call *call = conn->first_call; root && call; call = call->next) {
		if (context_root(call->context) == root)
			return call;
		if (!of_request && strand_whose(call->context) == request)
			of_request = call;
	}
	return of_request;
}

static bool several_wait(const struct conn *conn)
{
	struct context *first = strand_whose(conn->first_call->context);

	for (const struct call *call = conn->first_call->next; call; call = call->next)
		if (strand_whose(call->context) != first)
			return true;
	return false;
}

bool strand_reads_answer(const struct moment *moment)
{
	struct thread *thread = moment->thread;
	struct conn *conn = moment->conn;
	struct context *root;
	struct call *own;

	if (!thread->strand || !(conn->claimed || several_wait(conn)))
		return false;
	root = context_root(thread->context);
	own = root && root->handler_strand_id == thread->strand->id ? call_of(conn, root) : NULL;
	if (own) {
		rule_5_answered(moment, own);
		return true;
	}
	strand_leaves_answer(moment);
	root = context_root(thread->context);
	if (!root || root->is_request || root->evidence || thread->soft) {
		end_soft_tail(moment);
		turn_to_segment(moment, ORIGIN_STRAND, NULL, false);
	}
	thread->strand->answer = (struct unclaimed){.conn_id = conn->id, .arrived_ns = moment->arrived_ns, .read_ns = moment->at_ns};
	return true;
}

void strand_claims(const struct moment *moment, const struct strand *woken)
{
	struct unclaimed *answer = &moment->thread->strand->answer;
	struct moment read = *moment;
	struct call *call;

	read.conn = conn_of(moment->engine, answer->conn_id);
	if (!read.conn)
		return;
	answer->woke = true;
	call = woken ? call_of(read.conn, woken->thread ? woken->thread->context : woken->context) : NULL;
	if (!call)
		return;
	read.at_ns = answer->read_ns;
	read.arrived_ns = answer->arrived_ns;
	/* Of further ones in the same read it is known only that they had come by then: not before the first one. */
	read.arrival_known = answer->arrived_ns < answer->read_ns && !answer->claimed;
	read.among_others = answer->claimed;
	answer->claimed = read.conn->claimed = true;
	moment->thread->strand->dispatches = answer->handed_on;
	rule_5_answered(&read, call);
}

bool strand_hands_on(const struct moment *moment, struct strand *woken)
{
	struct strand *reader = moment->thread->strand;
	struct conn *conn = conn_of(moment->engine, reader->answer.conn_id);

	if (!proc_has_tasks(moment->thread->proc) || !conn || reader->answer.handed_on || woken->thread)
		return false;
	if (!woken->dispatches && call_of(conn, woken->context))
		return false; /* its own */
	woken->answer = reader->answer;
	woken->answer.handed_on = true;
	reader->answer = (struct unclaimed){0};
	if (woken->dispatches) {
		context_put(moment->engine, woken->context);
		woken->context = NULL;
	}
	return true;
}

/* It may have been a part of an answer; where answers are never claimed it was the oldest call's. */
void strand_leaves_answer(const struct moment *moment)
{
	struct unclaimed *answer = &moment->thread->strand->answer;
	struct moment read = *moment;

	read.conn = conn_of(moment->engine, answer->conn_id);
	read.at_ns = answer->read_ns;
	read.arrived_ns = answer->arrived_ns;
	read.arrival_known = answer->arrived_ns < answer->read_ns;
	if (read.conn && read.conn->first_call && !answer->woke && !read.conn->claimed)
		rule_5_answered(&read, read.conn->first_call);
	*answer = (struct unclaimed){0};
}
