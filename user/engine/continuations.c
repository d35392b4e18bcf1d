/* SPDX-License-Identifier: BSD-2-Clause */
#include "engine/continuations.h"

#include <string.h>

#include "engine/model.h"
#include "engine/queue_before.h"

#define VOTES_MAX       64
#define HOPS_AT_FIRST   1
#define HOPS_BY_TASK    2 /* a task reads for those who wait: first it takes its step, then they do */
#define TRIES_GIVE_BACK 2
#define BEHIND_MIN      3
#define PASSED_MIN      4
#define PASSED_PER_ACT  4
#define ACTS_PER_READ   4 /* a loop that calls back at once hardly ever reads on */

/* ---- how many rounds lie between a read and its step -------------------------------------------------------------------------------- */

static bool any_votes(const struct continuations *loop, uint8_t side)
{
	return votes_sum(loop->votes[side], HOPS_MAX);
}

/* Is what is read there passed over as a rule, if something else is read in the same round? */
static bool is_put_off(const struct continuations *loop, uint8_t side)
{
	const uint32_t *acted = loop->acted_on[side];

	return acted[false] >= PASSED_MIN && acted[false] > PASSED_PER_ACT * acted[true];
}

static unsigned int hops_of(const struct continuations *loop, uint8_t side)
{
	const uint32_t *votes = loop->votes[side];
	unsigned int best = side == SIDE_DOWNSTREAM && loop->reads_for_several ? HOPS_BY_TASK : HOPS_AT_FIRST;

	if (loop->has_workers)
		return 0;
	if (continuations_put_off(loop))
		return is_put_off(loop, side);
	if (any_votes(loop, side)) {
		for (unsigned int i = 0; i < HOPS_MAX; i++)
			if (votes[i] > votes[best])
				best = i;
	} else if (any_votes(loop, !side) && !hops_of(loop, !side)) {
		best = 0; /* who calls back at once on one side, does on the other */
	}
	return best;
}

unsigned int continuations_hops(const struct continuations *loop, enum side side)
{
	return hops_of(loop, (uint8_t)side);
}

bool continuations_hops_told(const struct continuations *loop, enum side side)
{
	return any_votes(loop, (uint8_t)side);
}

void continuations_vote_rounds(struct continuations *loop, enum side side, uint64_t hops)
{
	if (hops < HOPS_MAX)
		votes_count(loop->votes[side], HOPS_MAX, (unsigned int)hops, VOTES_MAX);
}

void continuations_vote(struct continuations *loop, const struct continuation *waiting)
{
	uint64_t hops = loop->round - waiting->round;
	unsigned int before[SIDES] = {hops_of(loop, SIDE_SERVER), hops_of(loop, SIDE_DOWNSTREAM)};

	/* Who waited longer than the loop had something to do, waited for something else; and who was not read waits for nothing else. */
	if (hops >= HOPS_MAX || !waiting->read_at_ns || waiting->round < loop->slept_round || waiting->turn == TURN_WOKEN)
		return;
	votes_count(loop->votes[waiting->side], HOPS_MAX, (unsigned int)hops, VOTES_MAX);
	/* Those whose turn seemed to be over may have it in this round, or later. */
	for (uint32_t i = 0; i < loop->count; i++) {
		struct continuation *other = &loop->waiting[i];
		unsigned int now = hops_of(loop, other->side);

		if (now != before[other->side] && other->round + now >= loop->round && other->turn != TURN_OVER)
			other->turn = TURN_TO_COME;
	}
}

bool continuations_know_answers(const struct continuations *loop)
{
	return any_votes(loop, SIDE_DOWNSTREAM);
}

bool continuations_defer(const struct continuations *loop)
{
	return hops_of(loop, SIDE_SERVER) || hops_of(loop, SIDE_DOWNSTREAM);
}

bool continuations_known_to_defer(const struct continuations *loop)
{
	bool voted = any_votes(loop, SIDE_SERVER) || any_votes(loop, SIDE_DOWNSTREAM);

	return (voted || continuations_put_off(loop)) && continuations_defer(loop);
}

/* ---- one ---------------------------------------------------------------------------------------------------------------------------- */

bool continuation_is_due(const struct continuations *loop, const struct continuation *waiting)
{
	switch (waiting->turn) {
	case TURN_TO_COME:
		return waiting->round + hops_of(loop, waiting->side) <= loop->round;
	case TURN_WOKEN:
		return waiting->round < loop->round;
	default:
		return false;
	}
}

bool continuation_may_give_back(const struct continuation *waiting)
{
	return waiting->turn == TURN_TO_COME && waiting->side == SIDE_DOWNSTREAM && waiting->conn_id;
}

struct context *continuation_request(const struct continuation *waiting)
{
	struct context *root = context_root(waiting->context);

	return context_is_segment(root) ? context_root(root->hint) : root;
}

static bool is_alive(const struct continuation *waiting)
{
	struct context *request = continuation_request(waiting);

	return waiting->turn != TURN_OVER && (!request || !request->is_request || context_is_open_request(request));
}

/* ---- all ---------------------------------------------------------------------------------------------------------------------------- */

static void append(struct continuations *loop, struct continuation waiting)
{
	loop->waiting[loop->count++] = waiting;
	context_get(waiting.context);
}

void continuations_push(struct engine *engine, struct continuations *loop, struct continuation read)
{
	struct continuation *oldest = &loop->waiting[0];

	for (uint32_t i = 0; i < loop->count; i++) {
		const struct continuation *waiting = &loop->waiting[i];

		if (waiting->context == read.context && waiting->round == read.round && waiting->turn == TURN_TO_COME) {
			loop->last_read_order = waiting->order; /* one more read of the same */
			return;
		}
		if (waiting->order < oldest->order)
			oldest = &loop->waiting[i];
	}
	if (loop->count == CONTINUATIONS_MAX)
		continuations_drop(engine, loop, oldest);
	read.order = loop->next_order++;
	if (read.turn == TURN_TO_COME) {
		loop->last_read_order = read.order;
		loop->reads++;
	}
	append(loop, read);
}

void continuations_push_again(struct continuations *loop, struct context *request)
{
	if (loop->count == CONTINUATIONS_MAX)
		return;
	append(loop, (struct continuation){.context = request,
					   .read_at_ns = request->first_read_ns,
					   .round = request->read_round,
					   .order = request->read_order,
					   .side = SIDE_SERVER});
}

void continuations_drop(struct engine *engine, struct continuations *loop, struct continuation *waiting)
{
	struct context *context = waiting->context, *taker = waiting->taker;

	*waiting = loop->waiting[--loop->count];
	context_put(engine, context);
	context_put(engine, taker);
}

void continuations_drop_of(struct engine *engine, struct continuations *loop, const struct context *request)
{
	for (uint32_t i = loop->count; i-- > 0;)
		if (continuation_request(&loop->waiting[i]) == request)
			continuations_drop(engine, loop, &loop->waiting[i]);
}

void continuations_drop_dead(struct engine *engine, struct continuations *loop)
{
	for (uint32_t i = loop->count; i-- > 0;) {
		struct continuation *waiting = &loop->waiting[i];

		if (!is_alive(waiting))
			continuations_drop(engine, loop, waiting);
		else if (waiting->turn == TURN_WOKEN && !conn_of(engine, waiting->conn_id)) {
			waiting->turn = TURN_IN_LINE; /* it was closed, not given back */
			continuations_vote_on_giving_back(engine, loop, false);
		}
	}
}

void continuations_sleep(struct continuations *loop)
{
	for (uint32_t i = 0; i < loop->count; i++) {
		struct continuation *waiting = &loop->waiting[i];

		if (waiting->turn == TURN_TO_COME)
			waiting->place = waiting->order;
		if (waiting->turn != TURN_OVER)
			waiting->turn = TURN_IN_LINE;
	}
	loop->sleeps = true;
}

void continuations_publish(struct engine *engine, struct continuations *loop, struct context *step)
{
	context_hold(engine, &loop->published, step);
}

static bool still_tells(const struct continuations *loop, const struct continuation *waiting)
{
	return context_is_open_request(continuation_request(waiting)) || (loop->before && queue_before_is_unnamed(waiting));
}

void continuations_next_round(struct engine *engine, struct continuations *loop)
{
	bool deferred = continuations_defer(loop) || continuations_ahead(loop);

	continuations_publish(engine, loop, NULL);

	loop->round++;
	loop->reads = 0;
	loop->reading = loop->wrote = loop->sending = loop->has_acted = loop->has_shown = loop->event_read = false;
	loop->has_read = loop->has_read_on = loop->has_stepped = false;
	if (loop->sleeps)
		loop->slept_round = loop->round;
	loop->sleeps = false;
	/* What was called back at once leaves nothing waiting; what is nobody's tells nothing any more when it is old. */
	for (uint32_t i = loop->count; i-- > 0;)
		if (loop->waiting[i].turn == TURN_OVER ||
		    (loop->round - loop->waiting[i].round >= HOPS_MAX && !(deferred && still_tells(loop, &loop->waiting[i]))))
			continuations_drop(engine, loop, &loop->waiting[i]);
}

/* ---- finding ------------------------------------------------------------------------------------------------------------------------ */

struct continuation *continuations_first(struct continuations *loop, continuation_test *test, const void *argument)
{
	struct continuation *first = NULL;

	for (uint32_t i = 0; i < loop->count; i++) {
		struct continuation *waiting = &loop->waiting[i];

		if ((!first || waiting->order < first->order) && test(loop, waiting, argument))
			first = waiting;
	}
	return first;
}

static bool is_due(const struct continuations *loop, const struct continuation *waiting, const void *unused)
{
	(void)unused;
	return continuation_is_due(loop, waiting);
}

struct continuation *continuations_first_due(struct continuations *loop)
{
	return continuations_first(loop, is_due, NULL);
}

unsigned int continuations_count_in_line(const struct continuations *loop)
{
	unsigned int count = 0;

	for (uint32_t i = 0; i < loop->count; i++)
		count += loop->waiting[i].turn == TURN_IN_LINE && !context_root(loop->waiting[i].context)->calls_in_flight;
	return count;
}

struct continuation *continuations_find_of(struct continuations *loop, const struct context *request)
{
	struct continuation *found = NULL;

	for (uint32_t i = 0; i < loop->count; i++) {
		if (continuation_request(&loop->waiting[i]) != request || loop->waiting[i].turn == TURN_OVER)
			continue;
		if (continuation_is_due(loop, &loop->waiting[i]))
			return &loop->waiting[i];
		found = &loop->waiting[i];
	}
	return found;
}

struct continuation *continuations_first_in_line(struct continuations *loop, uint64_t place)
{
	struct continuation *first = NULL;

	for (uint32_t i = 0; i < loop->count; i++) {
		struct continuation *waiting = &loop->waiting[i];

		if (waiting->turn == TURN_IN_LINE && waiting->place >= place && (!first || waiting->place < first->place))
			first = waiting;
	}
	return first;
}

/* ---- the line ----------------------------------------------------------------------------------------------------------------------- */

void continuations_stand_in_line(struct engine *engine, struct continuations *loop, struct continuation *waiting)
{
	struct continuation by = *waiting;

	if (continuation_may_give_back(&by))
		continuations_wake(engine, loop, &by);
	waiting->place = loop->next_order++;
	waiting->ran_round = loop->round;
	waiting->turn = TURN_IN_LINE;
}

void continuations_wake(struct engine *engine, struct continuations *loop, const struct continuation *by)
{
	struct continuation *first;

	if (!continuations_give_back(loop))
		return;
	if (queue_before_wakes(engine, loop, by))
		return;
	first = continuations_first_in_line(loop, 0);
	if (!first)
		return;
	first->turn = TURN_WOKEN;
	first->conn_id = by->conn_id;
	first->round = loop->round;
	first->order = by->order;
}

void continuations_push_woken(struct engine *engine, struct continuations *loop, const struct continuation *by, struct context *segment)
{
	uint64_t order = by->order, conn_id = by->conn_id;

	if (loop->count == CONTINUATIONS_MAX)
		return;
	continuations_push(engine, loop,
			   (struct continuation){.context = segment, .conn_id = conn_id, .round = loop->round, .turn = TURN_WOKEN});
	loop->waiting[loop->count - 1].order = order;
}

void continuations_wait_again(struct engine *engine, struct continuations *loop, struct context *request)
{
	continuations_push(engine, loop, (struct continuation){.context = request, .round = loop->round, .turn = TURN_IN_LINE});
}

void continuations_vote_on_line(struct continuations *loop, bool right)
{
	score_count(&loop->line, right, VOTES_MAX);
}

void continuations_vote_on_giving_back(struct engine *engine, struct continuations *loop, bool asked_again)
{
	score_count(&loop->given_back, asked_again, VOTES_MAX);
	if (!continuations_give_back(loop))
		queue_before_ends(engine, loop);
}

bool continuations_give_back(const struct continuations *loop)
{
	return loop->given_back.wrong <= loop->given_back.right + TRIES_GIVE_BACK;
}

bool continuations_trust_line(const struct continuations *loop)
{
	/* Where some stood in line before the trace the numbers say who was right. */
	return loop->before || loop->line.right >= loop->line.wrong;
}

void continuations_judge_last_read(struct continuations *loop, bool at_once)
{
	struct continuations *at = loop;

	/* Threads that share a loop's events run the same program. */
	for (bool all = loop->found == FOUND_UNKNOWN; !all; all = (at = at->next_sharing) == loop)
		votes_count(at->acted[loop->found], 2, at_once, VOTES_MAX);
	loop->found = FOUND_UNKNOWN;
}

static bool reads_on_often(const struct continuations *loop)
{
	return loop->read_on[true] * ACTS_PER_READ > loop->read_on[false];
}

bool continuations_ahead(const struct continuations *loop)
{
	const uint32_t *first = loop->acted[FOUND_FIRST_TRY], *later = loop->acted[FOUND_LATER_TRY];

	if (loop->has_workers || first[false] < first[true] || later[true] < later[false])
		return false;
	return (loop->seems_ahead && reads_on_often(loop)) || (first[false] > first[true] && later[true] > later[false]);
}

void continuations_read_on(struct continuations *loop, bool acted, bool found)
{
	bool on = loop->has_read && !acted;

	loop->read_on[false] += loop->has_read && acted;
	loop->read_on[true] += on;
	loop->seems_ahead |= on && loop->has_stepped && !loop->slept_round && reads_on_often(loop);
	loop->has_read_on |= on;
	loop->has_read = found;
}

void continuations_step(struct continuations *loop)
{
	loop->has_stepped |= loop->has_read_on;
	loop->read_on[false] += loop->has_read;
	loop->has_read = false;
}

void continuations_vote_on_sending(struct continuations *loop, bool at_once)
{
	votes_count(loop->sent, 2, at_once, VOTES_MAX);
}

bool continuations_sending_known(const struct continuations *loop)
{
	return loop->sent[false] || loop->sent[true];
}

bool continuations_collect(const struct continuations *loop)
{
	return !loop->has_workers && loop->sent[false] > loop->sent[true] && !continuations_put_off(loop);
}

bool continuations_put_off(const struct continuations *loop)
{
	return !loop->has_workers && loop->ran_behind >= BEHIND_MIN && (is_put_off(loop, SIDE_SERVER) || is_put_off(loop, SIDE_DOWNSTREAM));
}

bool continuations_anybody_put_off(const struct continuations *loop)
{
	for (uint32_t i = 0; i < loop->count; i++)
		if (loop->waiting[i].turn == TURN_TO_COME && hops_of(loop, loop->waiting[i].side))
			return true;
	return false;
}

void continuations_note_read_on(struct continuations *loop, bool acted)
{
	if (loop->last_side < SIDES)
		votes_count(loop->acted_on[loop->last_side], 2, acted, VOTES_MAX);
}
