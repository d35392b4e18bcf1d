/* SPDX-License-Identifier: BSD-2-Clause */
/* Rule 11: a step that ends in a response. It says whose the step was, and so how the loop runs what waits in it. */
#include "engine/queue_before.h"
#include "engine/rules_loop.h"

/*
 * The first that is ready answers `request`. If it was only by its place in line that it seemed another's, that was wrong, and what was
 * taken for this request's is the other's, who otherwise still stands in line. No time is in doubt by that: it lies in the segments.
 */
static void settle_guess(const struct moment *moment, struct continuations *loop, struct context *request)
{
	struct continuation *first = continuations_first_due(loop);
	struct context *segment = first ? context_root(first->context) : NULL, *other;
	struct context *mine = context_root(request->guess);

	if (!context_is_segment(segment) || segment->origin != ORIGIN_POOL)
		return;
	other = context_root(segment->hint);
	if (other != request && !context_is_open_request(other))
		return;
	continuations_vote_on_line(loop, other == request);
	if (other == request)
		return;
	hint_at(moment->engine, segment, request); /* first: what is known by `other` alone may go */
	if (context_is_segment(mine)) {
		hint_at(moment->engine, mine, other);
		guess_at(moment->engine, other, mine);
	} else {
		continuations_wait_again(moment->engine, loop, other);
		guess_at(moment->engine, other, NULL);
	}
}

/* An answer of which it is not known to whom it was, on a connection that several asked on: this response says so. */
static bool is_unnamed_answer(const struct continuation *first)
{
	const struct context *root = context_root(first->context);

	return first->side == SIDE_DOWNSTREAM && !root->is_request && root->origin == ORIGIN_MISSED && !first->conn_id;
}

/*
 * The response is of a request that nothing was ready for, or that stood in line. If what is ready first was taken for another's, it may be
 * that one's, whose turn is still to come, or this one's, and the other's is elsewhere: which it was can't be told (rule 13). Of the order
 * that says nothing while requests from before the trace have their turns, too.
 */
static void note_contradiction(const struct moment *moment, struct continuations *loop, struct context *request)
{
	struct continuation *first = continuations_first_due(loop);
	struct context *other = first ? continuation_request(first) : NULL;

	if (!first || other == request || (!other && came_in_its_midst(moment->thread, UINT64_MAX)) || is_unnamed_answer(first))
		return;
	if (other && !context_root(first->context)->is_request)
		other->ambiguous = request->ambiguous = true;
	if (request->first_read_ns < loop->unknown_answered_ns)
		request->ambiguous = true;
	else
		rule_11_vote_against_order(moment);
}

/* Nothing was ready for it. What was ready first, and is nobody's yet, was its. */
static void bind_unexpected(const struct moment *moment, struct continuations *loop, struct context *request)
{
	struct continuation *first = continuations_first_due(loop);

	note_contradiction(moment, loop, request);
	if (first && !continuation_request(first))
		context_bind(moment->engine, first->context, request);
}

/* Put off behind the reads, it was the turn of who is answered: others were read as well, and could have been. */
static bool is_first_of_several(struct continuations *loop, const struct continuation *taken)
{
	return continuations_put_off(loop) && loop->count > 1 && continuations_first_due(loop) == taken;
}

static void bind_step(const struct moment *moment, struct continuations *loop, struct continuation *taken, struct context *request,
		      bool in_turn)
{
	struct context *segment = context_root(taken->context);

	if (in_turn && continuation_is_due(loop, taken) && (segment != request || is_first_of_several(loop, taken)))
		doubts_vote(moment->thread->proc, DOUBT_ORDER, true);
	if (!continuation_is_due(loop, taken))
		note_contradiction(moment, loop, request);
	begin_turn(moment, taken);
	if (continuation_may_give_back(taken))
		continuations_wake(moment->engine, loop, taken);
	if (segment == request)
		return;
	if (segment->origin == ORIGIN_POOL)
		name_pool_wait(moment, request, request, segment->begun_ns);
	context_bind(moment->engine, segment, request);
}

/*
 * The response comes at once with an answer, of a call that was nobody's known until now. That the request itself was read rounds ago says
 * nothing of the loop: it may have waited for a connection since.
 */
static bool goes_on_for_unnamed(const struct thread *thread, const struct continuations *loop)
{
	const struct context *present = context_root(thread->context);

	return loop->reading && !thread->soft && context_is_segment(present) && present->evidence;
}

/* The last call that it has made was not answered before its connection ended. */
static bool was_left_unanswered(const struct context *step)
{
	return !step->calls_in_flight && step->call_count && !step->calls[step->call_count - 1].read_ns;
}

/* No answer leads from such a step to the response. */
static void bind_unanswered(const struct moment *moment, struct context *request)
{
	struct context *step = context_root(request->step);

	if (context_is_segment(step) && was_left_unanswered(step) && context_root(step->hint) == request)
		context_bind(moment->engine, step, request);
}

/* hops: how many rounds a request seemed to wait until this response, if that was told. True: its place was another one's. */
static bool put_right(const struct moment *moment, struct continuations *loop, struct context *request, unsigned int hops, bool told)
{
	if (hops != continuations_hops(loop, SIDE_SERVER) && came_in_its_midst(moment->thread, UINT64_MAX))
		rule_11_begin_anew(moment, loop, request);
	else if (!told && hops < continuations_hops(loop, SIDE_SERVER))
		rule_11_turns_told(moment, loop, request);
	return rule_11_change_places(moment, loop, request);
}

void rule_11_server_write(const struct moment *moment, struct context *request)
{
	struct continuations *loop = rule_11_loop_of(moment->thread);
	bool in_steps = rule_11_in_steps(moment->thread);
	struct continuation *taken;
	unsigned int hops;
	bool in_turn, told;

	if (rule_11_shared_ahead(moment->thread) && !request->answered)
		shared_server_write(moment, request);
	else if (moment->thread->continuations && moment->thread->continuations->shared && !moment->thread->carrier)
		shared_drop_of(moment->engine, moment->thread->continuations, request);
	if (!loop || request->answered)
		return;
	if (continuations_ahead(loop)) {
		ahead_server_write(moment, request);
		return;
	}
	hops = continuations_hops(loop, SIDE_SERVER);
	told = continuations_hops_told(loop, SIDE_SERVER);
	if (in_steps)
		rule_11_step_was_anothers(moment, loop, request);
	continuations_drop_dead(moment->engine, loop);
	taken = continuations_find_of(loop, request);
	if (taken && taken->turn == TURN_TO_COME && taken->round == loop->round && loop->reads > 1)
		continuations_vote_on_sending(loop, taken->order == loop->last_read_order);
	loop->wrote = loop->reading;
	if (continuations_collect(loop)) {
		collect_server_write(moment, request);
		return;
	}
	if (in_steps) {
		queue_before_answered(moment, loop, request);
		settle_guess(moment, loop, request);
	}
	taken = continuations_find_of(loop, request);
	if (taken && !goes_on_for_unnamed(moment->thread, loop))
		continuations_vote(loop, taken);
	in_turn = in_steps && !put_right(moment, loop, request, hops, told);
	taken = continuations_find_of(loop, request);
	if (in_steps)
		claim_published(moment, loop, taken, request);
	if (in_steps && taken)
		bind_step(moment, loop, taken, request, in_turn);
	else if (in_steps && !rule_11_one_more_ran(moment, loop, request))
		bind_unexpected(moment, loop, request);
	bind_unanswered(moment, request);
	request->doubts |= in_steps ? 1u << DOUBT_ORDER : 0;
	continuations_drop_of(moment->engine, loop, request);
}
