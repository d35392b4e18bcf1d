/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 11, of loops that collect their writes (uvloop): after an epoll return they read all that is ready, run what waited for it, and only
 * then send what was written, all at once and in no order. If one thing was read in the round, and the loop had slept, all of that is its.
 * Otherwise a response names its request, but what they computed is nobody's, and who made which call is not known.
 */
#include "engine/rules_loop.h"

/* Of this round's reads the only one, and nothing else was ready before. NULL: there was more, or none. */
static struct continuation *only_read(struct continuations *loop)
{
	bool alone = loop->reads == 1 && loop->slept_round == loop->round;

	for (uint32_t i = 0; alone && i < loop->count; i++)
		if (loop->waiting[i].round == loop->round)
			return &loop->waiting[i];
	return NULL;
}

void collect_take_back(struct engine *engine, struct thread *thread)
{
	struct context *segment;

	if (intervals_cpu_ns(thread->pending, thread->pending_count) < WORK_MIN_NS)
		return;
	segment = context_new_segment(engine, ORIGIN_MISSED, NULL, thread->pending[0].start_ns);
	thread_take_over(engine, thread, segment);
	context_put(engine, segment);
	thread->soft = false;
}

/* What ran between the reads and the first write, or since a connect, which is not put off as a write is. */
static void settle_computed(struct engine *engine, struct thread *thread, bool sends)
{
	struct continuations *loop = thread->continuations;
	struct context *step = present_step(thread);
	struct continuation *only = only_read(loop);

	if (loop->sending || !loop->reading)
		return;
	loop->sending = sends;
	if (!step)
		collect_take_back(engine, thread);
	else if (only)
		context_bind(engine, step, only->context);
	else if (thread_has_worked(thread, step))
		leave_unclaimed(engine, step);
}

void collect_end(struct engine *engine, struct thread *thread)
{
	struct continuations *loop = thread->continuations;
	struct context *step;

	settle_computed(engine, thread, true);
	step = present_step(thread);
	if (step && thread->soft && step->hint)
		context_bind(engine, step, step->hint);
	while (loop->count)
		continuations_drop(engine, loop, &loop->waiting[loop->count - 1]);
}

void collect_reserved_asks(const struct moment *moment)
{
	settle_computed(moment->engine, moment->thread, true);
	turn_to_segment(moment, ORIGIN_MISSED, NULL, false);
}

static struct continuation *caller_of(struct continuations *loop, const struct conn *conn)
{
	for (uint32_t i = 0; i < loop->count; i++)
		if (continuation_is_answer_on(&loop->waiting[i], conn->id))
			return &loop->waiting[i];
	return only_read(loop);
}

struct context *collect_owner(const struct moment *moment)
{
	struct thread *thread = moment->thread;
	struct continuations *loop = thread->continuations;
	struct continuation *caller = caller_of(loop, moment->conn);
	struct context *step, *owner;

	settle_computed(moment->engine, thread, moment->record->head.op == IO_WRITE);
	turn_to_segment(moment, ORIGIN_MISSED, NULL, false);
	step = present_step(thread);
	if (!step)
		return downstream_owner(moment);
	owner = caller ? context_root(caller->context) : NULL;
	if (owner && owner->is_request)
		hint_at(moment->engine, step, owner);
	else if (owner)
		context_bind(moment->engine, step, owner);
	owner = context_root(step);
	context_note_evidence(owner);
	return owner;
}

/* Was there an answer to this request's call among what was read, and whose was not known? */
static bool may_lack_calls(const struct continuations *loop)
{
	for (uint32_t i = 0; i < loop->count; i++)
		if (!continuation_request(&loop->waiting[i]))
			return true;
	return false;
}

/* The only answer read was this request's, for whomever the call had been taken (rule 13). */
static struct continuation *taken_for(const struct moment *moment, struct continuation *only, struct context *request)
{
	struct context *other = continuation_request(only);
	struct conn *conn = conn_of(moment->engine, only->conn_id);

	if (!other)
		return only;
	other->ambiguous = request->ambiguous = true;
	doubts_vote(moment->thread->proc, DOUBT_SELF, false);
	if (conn)
		conn->shared = true; /* so whose the next call on it is, is as uncertain */
	return only;
}

void collect_server_write(const struct moment *moment, struct context *request)
{
	struct thread *thread = moment->thread;
	struct continuations *loop = thread->continuations;
	struct continuation *own = continuations_find_of(loop, request), *only = only_read(loop);

	settle_computed(moment->engine, thread, true);
	turn_to_segment(moment, ORIGIN_EVENT, NULL, false);
	if (!own && only && !context_root(only->context)->is_request)
		own = taken_for(moment, only, request);
	else if (own && context_root(own->context) != request)
		doubts_vote(thread->proc, DOUBT_SELF, true);
	if (own && context_root(own->context) != request)
		context_bind(moment->engine, own->context, request);
	request->ambiguous |= !own && may_lack_calls(loop);
	continuations_drop_of(moment->engine, loop, request);
}
