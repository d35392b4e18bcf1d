/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loops that put off what their tasks write, and write it all once these have run (uvloop): a hook tells which task it was as it asks, for
 * rules 2 and 4. The write itself says then only when it went out.
 */
#include "engine/answers.h"
#include "engine/moment.h"
#include "engine/strands.h"

/* The request that a response is being made for: the first that has none, or whose response goes on. */
static struct context *request_to_answer(const struct conn *conn)
{
	struct context *request = conn->first_request;

	while (request && request->answered && request->next_on_conn)
		request = request->next_on_conn;
	return request;
}

/* Of a request from before the trace: what was done until now was for that, and what comes next is not. */
static void answer_unknown(const struct moment *moment)
{
	struct context *before = context_root(moment->thread->context);

	if (context_is_segment(before) && !before->hint)
		before->origin = ORIGIN_MISSED;
	strand_answers(moment->thread, moment->conn);
	turn_to_segment(moment, ORIGIN_MISSED, NULL, true);
}

static void put_off_answer(const struct moment *moment)
{
	struct context *request = request_to_answer(moment->conn);

	if (moment->conn->stream) {
		stream_ran(moment);
		return;
	}
	if (!request) {
		answer_unknown(moment);
		return;
	}
	rule_2_ran_for(moment, request);
	strand_answers(moment->thread, moment->conn);
	turn_to_segment(moment, ORIGIN_SOFT, request, true);
}

static void put_off_call(const struct moment *moment)
{
	rule_4_downstream_write(moment);
	if (moment->conn->last_call)
		moment->conn->last_call->put_off = true;
}

void rules_put_off(struct engine *engine, struct thread *thread, const struct record *record)
{
	struct moment moment = {.engine = engine,
				.thread = thread,
				.record = record,
				.conn = conn_of(engine, record->conn_id),
				.at_ns = record->head.at_ns};

	if (!moment.conn || (moment.conn->role != CONN_SERVER && moment.conn->role != CONN_DOWNSTREAM))
		return;
	if (moment.conn->role == CONN_SERVER)
		put_off_answer(&moment);
	else
		put_off_call(&moment);
	moment.conn->puts_off = true;
	if (!moment.conn->put_off_ns)
		moment.conn->put_off_ns = moment.at_ns;
}

/* What goes out is a question for each of them, in the order in which they were left. */
static bool are_seen(const struct moment *moment)
{
	uint32_t count = 0;

	for (const struct call *call = moment->conn->first_call; call; call = call->next)
		count += call->put_off;
	return moment->moved && moment->moved->message_count == count;
}

/* Whose call it was that goes out now. NULL: nobody's. */
static struct context *calls_go_out(const struct moment *moment)
{
	struct context *owner = NULL;
	bool seen = are_seen(moment);
	uint32_t number = 0;

	for (struct call *call = moment->conn->first_call; call; call = call->next) {
		if (!call->put_off)
			continue;
		if (seen)
			names_expect(call, &moment->moved->messages[number++]);
		call->put_off = false;
		call->write_ns = moment->at_ns;
		owner = context_root(call->context);
	}
	return owner;
}

/* The first such write tells that the last task has left; what the loop does between two of them is for the latter one. */
static void give_to_owner(const struct moment *moment, struct context *owner)
{
	struct thread *thread = moment->thread;
	struct context *before = context_root(thread->context);

	if (thread->strand) {
		strand_leaves_loop(moment->engine, thread, moment->at_ns);
		return;
	}
	if (thread->soft)
		end_soft_tail(moment);
	else if (before && owner && before->origin == ORIGIN_RUNTIME && !before->is_request)
		context_bind(moment->engine, before, owner);
	turn_to_segment(moment, ORIGIN_RUNTIME, NULL, false);
}

void rules_go_out(const struct moment *moment)
{
	struct conn *conn = moment->conn;
	struct context *owner = conn->role == CONN_SERVER ? rule_2_carry_out(moment) : calls_go_out(moment);

	give_to_owner(moment, owner);
	if (owner && conn->put_off_ns)
		blame_hop(moment->engine, moment->thread, owner, conn->put_off_ns, moment->at_ns);
	conn->put_off_ns = 0;
	/* What the send buffer had no room for is written later, by nobody's task either. */
	conn->puts_off = moment->record->result <= 0 || moment->record->head.flags & RECORD_PARTIAL;
}
