/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 11 where what was taken for the requests' steps were others', and the order would not be found again by itself: the loop shows only
 * in the midst of its work how many rounds a request waits for its step (aiohttp's: 2, for a task of its own), or one of whom nothing is
 * known had its turn, and all behind it were taken for the ones before them.
 */
#include "engine/queue_before.h"
#include "engine/rules_loop.h"

#define ANEW_NS     1000000000 /* what began unseen has been answered by then, as a rule */
#define EXCUSED_MAX 12
#define STEPS_MAX   256 /* before anybody is answered; what asked later goes by the order as it was */

void rule_11_vote_against_order(const struct moment *moment)
{
	struct proc *proc = moment->thread->proc;
	bool settles = came_in_its_midst(moment->thread, UINT64_MAX) && moment->at_ns < moment->thread->continuations->since_ns + ANEW_NS;
	uint32_t votes = 1;

	if (settles && proc->excused < EXCUSED_MAX) {
		proc->excused++;
		doubts_order_contradicted(proc);
		return;
	}
	if (settles && proc->excused == EXCUSED_MAX)
		votes += proc->excused++; /* it is not by what had begun unseen */
	while (votes--)
		doubts_vote(proc, DOUBT_ORDER, false);
}

/* Whose it is, of those that are known, was told by an order that was wrong. */
static void forget_whose(struct engine *engine, const struct proc *proc, struct context *segment)
{
	const struct context *hint = context_root(segment->hint);

	if (!context_is_segment(segment) || !hint || hint->proc != proc)
		return;
	hint_at(engine, segment, NULL);
	segment->ambiguous = true; /* what was joined in it may be several ones' */
}

/* What it seemed to have begun with waits for an answer still. */
static bool its_step_waits(const struct context *request)
{
	const struct context *step = context_root(request->step);

	return context_is_segment(step) && step->calls_in_flight && context_root(step->hint) == request;
}

void rule_11_step_was_anothers(const struct moment *moment, struct continuations *loop, struct context *request)
{
	if (!its_step_waits(request) || !request->read_round)
		return;
	if (came_in_its_midst(moment->thread, UINT64_MAX))
		hint_at(moment->engine, context_root(request->step), NULL);
	if (!continuations_hops_told(loop, SIDE_SERVER))
		continuations_vote_rounds(loop, SIDE_SERVER, loop->round - request->read_round);
}

static bool is_to_come(const struct continuations *loop, const struct context *request, const struct context *shown)
{
	uint64_t due_round = request->read_round + continuations_hops(loop, SIDE_SERVER);

	return request->read_round && !request->answered &&
	       (due_round > loop->round || (due_round == loop->round && request->read_order >= shown->read_order));
}

/* Of the calls in flight, that began since then. */
static void forget_calls(struct engine *engine, const struct proc *proc, uint64_t since_ns)
{
	struct conn *conn;
	size_t cursor = 0;

	while ((conn = idmap_next(&engine->conns, &cursor)))
		for (struct call *call = conn->first_call; call; call = call->next)
			if (call->write_ns >= since_ns)
				forget_whose(engine, proc, context_root(call->context));
}

void rule_11_maybe_more_answers(const struct moment *moment)
{
	struct continuations *loop = rule_11_loop_of(moment->thread);

	if (loop)
		loop->unseen_round = loop->round;
}

/*
 * Its turn is in this round, and had come already by what asked, and still waits. So a step ran before that which nobody was known to have,
 * where more answers may have been read than one: all that asked since then were taken for those behind them.
 */
bool rule_11_one_more_ran(const struct moment *moment, struct continuations *loop, const struct context *request)
{
	bool in_turn = request->read_round + continuations_hops(loop, SIDE_SERVER) == loop->round;
	bool unseen = loop->unseen_round && loop->round <= loop->unseen_round + HOPS_MAX;

	if (!unseen || !its_step_waits(request) || !in_turn || !present_step(moment->thread))
		return false;
	forget_calls(moment->engine, moment->thread->proc, moment->thread->epoll_at_ns);
	return true;
}

void rule_11_begin_anew(const struct moment *moment, struct continuations *loop, struct context *shown)
{
	struct engine *engine = moment->engine;
	struct proc *proc = moment->thread->proc;

	for (uint32_t i = loop->count; i-- > 0;) {
		struct continuation *waiting = &loop->waiting[i];

		if (waiting->side == SIDE_DOWNSTREAM && waiting->turn == TURN_TO_COME)
			forget_whose(engine, proc, context_root(waiting->context));
		else
			continuations_drop(engine, loop, waiting);
	}
	forget_calls(engine, proc, 0);
	for (struct context *request = engine->open_requests; request; request = request->next_open)
		if (request->proc == proc && is_to_come(loop, request, shown))
			continuations_push_again(loop, request);
	queue_before_ends(engine, loop);
	doubts_order_contradicted(proc);
	loop->answered_unknown = false;
	proc->doubts[DOUBT_ORDER] = loop->line = (struct score){0};
}

/* Read since the loop slept last, before `shown`, and it waits for its response. */
static bool was_read_before(const struct continuations *loop, const struct context *request, const struct context *shown)
{
	return request->proc == loop->thread->proc && request->read_round && request->read_round >= loop->slept_round &&
	       !request->answered && request->read_order < shown->read_order;
}

/* Of those the first that was read behind `last` (NULL: of all). NULL: none. */
static struct context *next_read(struct engine *engine, const struct continuations *loop, const struct context *last,
				 const struct context *shown)
{
	struct context *next = NULL;

	for (struct context *request = engine->open_requests; request; request = request->next_open)
		if (was_read_before(loop, request, shown) && (!last || request->read_order > last->read_order) &&
		    (!next || request->read_order < next->read_order))
			next = request;
	return next;
}

/* Whose a step since the loop slept last was taken for: of those that began later than `last` (NULL: of all) the first. NULL: none. */
static struct context *next_taken_for(struct engine *engine, const struct continuations *loop, const struct context *last)
{
	struct context *next = NULL;

	for (struct context *request = engine->open_requests; request; request = request->next_open) {
		const struct context *step = request->proc == loop->thread->proc && !request->answered && request->step &&
							     request->read_round >= loop->slept_round
						     ? context_root(request->step)
						     : NULL;

		if (context_is_segment(step) && context_root(step->hint) == request && (!last || step->begun_ns > last->begun_ns) &&
		    (!next || step->begun_ns < context_root(next->step)->begun_ns))
			next = request;
	}
	return next;
}

/* The first that was read are those whose steps these are. False: there are fewer of them than steps. */
static bool enough_were_read(struct engine *engine, const struct continuations *loop, uint32_t steps, const struct context *shown)
{
	struct context *request = NULL;

	while (steps && (request = next_read(engine, loop, request, shown)))
		steps--;
	return !steps;
}

static void lose_step(struct engine *engine, struct continuations *loop, struct context *request)
{
	hint_at(engine, context_root(request->step), NULL); /* first: an answer to it may have been read already, and is still to come */
	context_hold(engine, &request->step, NULL);
	continuations_drop_of(engine, loop, request);
	continuations_push_again(loop, request);
}

static void get_step(struct engine *engine, struct continuations *loop, struct context *request, struct context *step)
{
	continuations_drop_of(engine, loop, request);
	request->in_line_ns = 0; /* it did not wait: its turn was still to come */
	context_hold(engine, &request->step, step);
	hint_at(engine, step, request);
}

void rule_11_turns_told(const struct moment *moment, struct continuations *loop, const struct context *shown)
{
	struct engine *engine = moment->engine;
	struct context *steps[STEPS_MAX], *holders[STEPS_MAX], *holder, *request = NULL;
	uint32_t count = 0;

	while (count < STEPS_MAX && (holder = next_taken_for(engine, loop, count ? steps[count - 1] : NULL))) {
		holders[count] = holder;
		steps[count++] = context_root(holder->step);
	}
	if (!enough_were_read(engine, loop, count, shown))
		return;
	for (uint32_t i = 0; i < count; i++) {
		context_get(steps[i]);
		lose_step(engine, loop, holders[i]);
	}
	for (uint32_t i = 0; i < count; i++) {
		request = next_read(engine, loop, request, shown);
		get_step(engine, loop, request, steps[i]);
		context_put(engine, steps[i]);
	}
}

/* Nobody waits for what a step gives back: so who is due first is who runs. */
static bool has_no_line(const struct thread *thread, const struct continuations *loop)
{
	return !continuations_give_back(loop) ||
	       (came_in_its_midst(thread, UINT64_MAX) && !loop->before && !loop->answered_unknown && !loop->line.right);
}

/* The answer did not name its question, or by what is no proven name yet: it was a guess whose it is, and the response says it. */
static bool is_guessed_answer(const struct continuation *first)
{
	const struct context *segment = context_root(first->context);

	return first->side == SIDE_DOWNSTREAM && !first->conn_id &&
	       (segment->ambiguous || segment->names_guessed || segment->names_in_order || segment->doubts & 1u << DOUBT_MUX);
}

/* What was taken for its work. NULL: nothing. */
static struct context *taken_for(struct continuation *taken, struct context *request)
{
	struct context *segment = context_root(taken ? taken->context : request->step);

	return context_is_segment(segment) && context_root(segment->hint) == request ? segment : NULL;
}

static bool is_read_itself(const struct continuation *taken)
{
	return taken && taken->turn == TURN_TO_COME && context_root(taken->context)->is_request;
}

bool rule_11_change_places(const struct moment *moment, struct continuations *loop, struct context *request)
{
	struct engine *engine = moment->engine;
	struct continuation *first = continuations_first_due(loop), *taken = continuations_find_of(loop, request);
	struct context *segment = first ? context_root(first->context) : NULL, *mine = taken_for(taken, request), *other;
	bool guessed;

	if (!first || first->turn != TURN_TO_COME || !context_is_segment(segment) || is_read_itself(taken))
		return false;
	guessed = is_guessed_answer(first);
	if (!guessed && !has_no_line(moment->thread, loop))
		return false;
	other = continuation_request(first);
	if (other == request)
		return false;
	context_get(mine); /* it may be that only its request knew it */
	hint_at(engine, segment, request);
	context_hold(engine, &request->step, segment);
	request->ambiguous = true;
	if (mine) {
		hint_at(engine, mine, other);
		mine->ambiguous = true;
	}
	if (!guessed)
		rule_11_vote_against_order(moment);
	if (other) {
		context_hold(engine, &other->step, mine);
		other->ambiguous = true;
	}
	context_put(engine, mine);
	return true;
}
