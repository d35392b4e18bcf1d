/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 11 where the tracer came in the midst of a loop's work: steps are due whose reads it has not seen. Only of CPython's loops: others
 * may prove to call back at once, where rule 12 asks for who waited before.
 */
#include "engine/queue_before.h"
#include "engine/rules_loop.h"

#define UNKNOWN_MAX_NS 1000000000 /* who is answered later than this has waited for something else: a stream, or a long poll */

bool came_in_its_midst(const struct thread *thread, uint64_t rounds)
{
	const struct continuations *loop = thread->continuations;

	return proc_has_tasks(thread->proc) && !loop->slept_round && loop->round <= rounds;
}

bool is_of_one_who_connected(const struct moment *moment, const struct context *step)
{
	const struct conn *conn = moment->conn;
	bool new_to_us = !conn->connect_start_ns && !conn->connecting && !conn->answer_read_ns && !conn->last_call;

	return new_to_us && moment->record->head.op == IO_WRITE && came_in_its_midst(moment->thread, UINT64_MAX) &&
	       !thread_has_worked(moment->thread, step);
}

void rule_11_unknown_called(const struct moment *moment, const struct context *owner)
{
	const struct thread *thread = moment->thread;
	bool unknown = !owner->is_request && (owner->origin == ORIGIN_UNKNOWN || owner->origin == ORIGIN_MISSED);

	if (unknown && !thread->loop && !thread->carrier && proc_has_tasks(thread->proc))
		turn_to_segment(moment, ORIGIN_UNKNOWN, NULL, false);
}

bool rule_11_unknown_answer(const struct moment *moment)
{
	struct continuations *loop = rule_11_loop_of(moment->thread);

	if (!loop || !continuations_defer(loop) || !proc_has_tasks(moment->thread->proc))
		return false;
	if (!moment->moved)
		queue_before_answer(loop, moment->at_ns);
	else
		loop->unknown_answered_ns = moment->at_ns;
	turn_to_segment(moment, ORIGIN_MISSED, NULL, false);
	return true;
}

/* argument: also who was woken, and may have found nothing? */
static bool is_due_of_nobody(const struct continuations *loop, const struct continuation *waiting, const void *argument)
{
	const bool *woken = argument;

	return continuation_is_due(loop, waiting) && !continuation_request(waiting) && (*woken || waiting->turn != TURN_WOKEN);
}

static struct continuation *first_of_nobody(struct continuations *loop)
{
	static const bool woken[] = {false, true};
	struct continuation *first = continuations_first(loop, is_due_of_nobody, &woken[0]);

	return first ? first : continuations_first(loop, is_due_of_nobody, &woken[1]);
}

void rule_11_unknown_write(const struct moment *moment)
{
	struct continuations *loop = rule_11_loop_of(moment->thread);
	bool in_steps = loop && rule_11_in_steps(moment->thread), begins = !moment->conn->answered_unseen;
	struct continuation *first = in_steps && begins ? first_of_nobody(loop) : NULL;

	moment->conn->answered_unseen = true;
	if (loop && moment->at_ns < loop->since_ns + UNKNOWN_MAX_NS)
		loop->unknown_answered_ns = moment->at_ns;
	if (begins && loop && continuations_ahead(loop)) {
		ahead_unknown_write(moment);
		return;
	}
	if (!first || (!loop->before && first != continuations_first_due(loop)))
		return;
	if (loop->before) {
		begin_turn(moment, first);
		if (continuation_may_give_back(first))
			continuations_wake(moment->engine, loop, first);
	}
	continuations_drop(moment->engine, loop, first);
}
