/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 11: event loops that read many sockets after one epoll return, and only rounds later run what waited for it (asyncio), beside those
 * that call back at once (Node, nginx). Between two such steps the kernel sees nothing: a step shows itself only by the call it ends in.
 */
#include <stdlib.h>

#include "engine/rules_loop.h"

bool rule_11_in_steps(const struct thread *thread)
{
	const struct continuations *loop = rule_11_loop_of(thread);

	if (rule_11_shared_ahead(thread))
		return true;
	return loop && (continuations_ahead(loop) || continuations_collect(loop) || (!loop->reading && continuations_defer(loop)));
}

/* ---- steps -------------------------------------------------------------------------------------------------------------------------- */

void hint_at(struct engine *engine, struct context *segment, struct context *request)
{
	struct context *before = segment->hint;

	segment->hint = context_get(request);
	context_put(engine, before);
}

struct context *present_step(const struct thread *thread)
{
	struct context *root = context_root(thread->context);

	return root && !root->is_request && !root->evidence ? root : NULL;
}

/* The loop was busy with others' steps since its data was read. */
static void name_hop(struct engine *engine, struct thread *thread, const struct continuation *waiting, const struct context *step)
{
	if (waiting->turn == TURN_TO_COME && step && continuations_known_to_defer(thread->continuations))
		blame_hop(engine, thread, context_root(waiting->context), waiting->read_at_ns, step->begun_ns);
}

void leave_unclaimed(struct engine *engine, struct context *step)
{
	hint_at(engine, step, NULL);
	step->origin = ORIGIN_MISSED;
	step->helper_only = false;
}

/* Its turn is over, and no call showed it. */
static void stand_in_line(struct engine *engine, struct thread *thread, struct continuation *waiting, const struct context *step)
{
	struct context *request = continuation_request(waiting);
	const struct interval *last = thread->pending_count ? &thread->pending[thread->pending_count - 1] : NULL;

	name_hop(engine, thread, waiting, step);
	/* A stream's message may have been all that there was. */
	if (request && request->stream) {
		continuations_drop(engine, thread->continuations, waiting);
		return;
	}
	if (waiting->turn == TURN_TO_COME && step && request)
		request->in_line_ns = last ? last->end_ns : step->last_active_ns;
	continuations_stand_in_line(thread->continuations, waiting);
}

void begin_turn(const struct moment *moment, const struct continuation *taken)
{
	struct continuations *loop = moment->thread->continuations;
	struct context *step = present_step(moment->thread);
	bool mixed = false;

	name_hop(moment->engine, moment->thread, taken, step);
	if (!continuation_is_due(loop, taken))
		return;
	for (struct continuation *first; (first = continuations_first_due(loop)) && first->order < taken->order;) {
		mixed |= first->turn == TURN_TO_COME;
		stand_in_line(moment->engine, moment->thread, first, step);
	}
	if (!mixed || !step || !thread_has_worked(moment->thread, step))
		return;
	leave_unclaimed(moment->engine, step);
	turn_to_segment(moment, ORIGIN_EVENT, NULL, false);
}

/* Steps that made no call ran too: they took what CPU there was since the last call, if it was more than the end of a step. */
static void end_steps(struct engine *engine, struct thread *thread)
{
	struct continuations *loop = thread->continuations;
	struct context *step = present_step(thread);
	bool known = continuations_known_to_defer(loop), much = step && thread_has_worked(thread, step);
	bool long_enough = step && known && (!thread->soft || !step->hint || much);
	struct continuation *ran = NULL;
	unsigned int ran_count = 0;

	if (continuations_ahead(loop)) {
		ahead_ends(engine, thread);
		return;
	}
	if (continuations_collect(loop)) {
		collect_end(engine, thread);
		return;
	}
	continuations_drop_dead(engine, loop);
	for (struct continuation *first; (first = continuations_first_due(loop));) {
		if (first->turn == TURN_TO_COME) {
			ran = first;
			ran_count++;
		}
		stand_in_line(engine, thread, first, step);
	}
	if (ran_count == 1 && long_enough)
		context_bind(engine, step, ran->context);
	else if ((ran_count && long_enough) || (much && thread->soft && loop->count))
		leave_unclaimed(engine, step);
	else if (step && thread->soft && step->hint)
		context_bind(engine, step, step->hint);
}

bool rule_11_sleeps(struct engine *engine, struct thread *thread)
{
	struct continuations *loop = rule_11_loop_of(thread);
	bool deferred = rule_11_in_steps(thread);

	if (shared_ends(engine, thread))
		return true;
	if (deferred)
		end_steps(engine, thread);
	if (!loop)
		return false;
	continuations_sleep(loop);
	return deferred;
}

bool rule_11_round_begins(struct engine *engine, struct thread *thread)
{
	struct continuations *loop = rule_11_loop_of(thread);
	bool deferred = rule_11_in_steps(thread);

	if (shared_ends(engine, thread))
		return true;
	if (deferred)
		end_steps(engine, thread);
	if (loop)
		continuations_next_round(engine, loop);
	return deferred;
}

void rule_11_reads_begin(const struct moment *moment)
{
	struct thread *thread = moment->thread;
	const struct continuations *loop = rule_11_loop_of(thread);
	struct context *step;

	if (rule_11_shared_ahead(thread)) {
		shared_before_read(moment);
		return;
	}
	if (!loop || !rule_11_in_steps(thread) || continuations_collect(loop))
		return;
	if (continuations_ahead(loop)) {
		ahead_before_read(moment);
		return;
	}
	end_steps(moment->engine, thread);
	step = present_step(thread);
	/* What ran long before this read was not for it: the loop was busy with others. */
	if (step && step->origin != ORIGIN_MISSED &&
	    (loop->round == loop->slept_round || !continuations_known_to_defer(loop) || !thread_has_worked(thread, step)))
		return;
	turn_to_segment(moment, ORIGIN_EVENT, NULL, false);
	thread->boundary_ns = 0;
}

void rule_11_read(const struct moment *moment, struct context *context, enum side side)
{
	struct continuations *loop = rule_11_loop_of(moment->thread);

	if (rule_11_shared_ahead(moment->thread))
		loop = moment->thread->continuations;
	else if (context)
		shared_may_queue(moment, context, side);
	if (!loop || !context)
		return;
	if (continuations_ahead(loop) && loop->found != FOUND_FIRST_TRY)
		return; /* its step begins here */
	loop->reading = true;
	if (loop->wrote)
		continuations_vote_on_sending(loop, true);
	loop->wrote = false;
	continuations_push(moment->engine, loop,
			   (struct continuation){.context = context,
						 .conn_id = moment->conn->id,
						 .read_at_ns = moment->at_ns,
						 .round = loop->round,
						 .side = (uint8_t)side});
	if (continuations_ahead(loop) || continuations_collect(loop))
		turn_to_segment(moment, ORIGIN_EVENT, NULL, false); /* what runs from here on may be for any of what was read */
}

/* ---- a step that ends in a call to a downstream ------------------------------------------------------------------------------------- */

/* Among those that are due: who has the connection; else who is first. Who stood in line is only asked first where that has proved right.
 */
static struct continuation *caller_among(struct continuations *loop, const struct conn *conn)
{
	bool trust_line = continuations_trust_line(loop);
	struct continuation *first = NULL;

	for (uint32_t i = 0; i < loop->count; i++) {
		struct continuation *waiting = &loop->waiting[i];
		bool woken = waiting->turn == TURN_WOKEN, first_woken = first && first->turn == TURN_WOKEN;

		if (!continuation_is_due(loop, waiting))
			continue;
		if (!woken && waiting->side == SIDE_DOWNSTREAM && waiting->conn_id == conn->id)
			return waiting;
		if (context_root(waiting->context)->fans_out)
			continue; /* it has further answers to wait for, or others to wake */
		if (!first || (trust_line || woken == first_woken ? waiting->order < first->order : first_woken))
			first = waiting;
	}
	return first;
}

/* What a step that ended in no call has started (other tasks) runs one round later. */
static struct continuation *parent_among(struct continuations *loop)
{
	struct continuation *first = NULL;

	for (uint32_t i = 0; i < loop->count; i++) {
		struct continuation *waiting = &loop->waiting[i];

		if (waiting->turn == TURN_IN_LINE && waiting->ran_round + 1 == loop->round && (!first || waiting->order < first->order))
			first = waiting;
	}
	return first;
}

void guess_at(struct engine *engine, struct context *request, struct context *segment)
{
	struct context *before = request->guess;

	request->guess = context_get(segment);
	context_put(engine, before);
}

/* Rule 12, of loops: it stood in line until somebody gave back the connection that it calls on now. */
static void name_pool_wait(const struct moment *moment, struct context *context, const struct context *request, uint64_t until_ns)
{
	if (request && request->in_line_ns)
		context_add_wait(moment->engine, context, request->in_line_ns, until_ns, STATE_POOL);
}

static void take_step(const struct moment *moment, struct context *step, struct continuation *taken)
{
	struct thread *thread = moment->thread;
	struct continuations *loop = thread->continuations;
	struct context *owner = context_root(taken->context);
	bool gave_back = taken->turn == TURN_TO_COME && taken->side == SIDE_DOWNSTREAM;

	if (loop->count == 1)
		continuations_vote(loop, taken);
	if (!owner->is_request) {
		if (taken->turn == TURN_WOKEN)
			name_pool_wait(moment, owner, continuation_request(taken), step->begun_ns);
		context_bind(moment->engine, step, owner);
	} else {
		hint_at(moment->engine, step, owner);
		step->origin = taken->turn == TURN_WOKEN ? ORIGIN_POOL : ORIGIN_EVENT;
		if (taken->turn == TURN_WOKEN)
			guess_at(moment->engine, owner, step);
	}
	if (gave_back)
		continuations_wake(loop, taken);
	continuations_drop(moment->engine, loop, taken);
}

/* Nothing was ready: the same step, or the same parent, makes one more call; or somebody runs of whom nothing is known. */
static void go_on_or_begin(const struct moment *moment, struct context *step)
{
	struct context *before = context_root(step->hint);

	struct continuations *loop = moment->thread->continuations;
	uint64_t most_ns = loop->parent_round == loop->round ? CHILD_NS : WORK_MIN_NS;

	if (moment->thread->soft && before && !before->is_request && thread_segment_cpu_ns(moment->thread, step) < most_ns) {
		before->fans_out = true;
		context_bind(moment->engine, step, before);
	} else if (before && (!before->answered || (came_in_its_midst(moment->thread, 1) && thread_has_worked(moment->thread, step)))) {
		hint_at(moment->engine, step, NULL);
	}
}

struct context *rule_11_step_owner(const struct moment *moment)
{
	struct thread *thread = moment->thread;
	struct continuations *loop = thread->continuations;
	struct context *step = present_step(thread), *owner;
	struct continuation *taken;

	if (loop->shared)
		return shared_owner(moment);
	if (continuations_ahead(loop))
		return ahead_owner(moment);
	if (continuations_collect(loop))
		return collect_owner(moment);
	if (!step)
		return downstream_owner(moment);
	if (is_of_one_who_connected(moment, step)) {
		turn_to_segment(moment, ORIGIN_MISSED, NULL, false);
		return downstream_owner(moment);
	}
	continuations_drop_dead(moment->engine, loop);
	taken = caller_among(loop, moment->conn);
	if (taken)
		begin_turn(moment, taken);
	else if ((taken = parent_among(loop)))
		loop->parent_round = loop->round;
	step = present_step(thread);
	if (!step)
		return downstream_owner(moment);
	if (taken)
		take_step(moment, step, taken);
	else
		go_on_or_begin(moment, step);
	thread->soft = false;
	owner = context_root(step);
	context_note_evidence(owner);
	return owner;
}

void rule_11_step_called(const struct moment *moment, struct context *owner)
{
	turn_to_segment(moment, ORIGIN_SOFT, owner, true);
}

/* ---- a step that ends in a response ------------------------------------------------------------------------------------------------- */

/*
 * The first that is ready answers `request`. If it was only by its place in line that it seemed another's, that was wrong, and what was
 * taken for this request's is the other's, who otherwise still stands in line. No time is in doubt by that: it lies in the segments.
 */
static void settle_guess(const struct moment *moment, struct continuations *loop, struct context *request)
{
	struct continuation *first = continuations_first_due(loop);
	struct context *segment = first ? context_root(first->context) : NULL, *other;
	struct context *mine = context_root(request->guess);

	if (!segment || segment->is_request || segment->origin != ORIGIN_POOL)
		return;
	other = context_root(segment->hint);
	if (other != request && !context_is_open_request(other))
		return;
	continuations_vote_on_line(loop, other == request);
	if (other == request)
		return;
	if (mine && !mine->is_request) {
		hint_at(moment->engine, mine, other);
		guess_at(moment->engine, other, mine);
	} else {
		continuations_wait_again(moment->engine, loop, other);
		guess_at(moment->engine, other, NULL);
	}
	hint_at(moment->engine, segment, request);
}

/*
 * The response is of a request that nothing was ready for, or that stood in line. If what is ready first was taken for another's, it may be
 * that one's, whose turn is still to come, or this one's, and the other's is elsewhere: which it was can't be told (rule 13).
 */
static void note_contradiction(const struct moment *moment, struct continuations *loop, struct context *request)
{
	struct continuation *first = continuations_first_due(loop);
	struct context *other = first ? continuation_request(first) : NULL;

	if (!first || other == request || (!other && came_in_its_midst(moment->thread, UINT64_MAX)))
		return;
	if (other && !context_root(first->context)->is_request)
		other->ambiguous = request->ambiguous = true;
	doubts_vote(moment->thread->proc, DOUBT_ORDER, false);
}

/* Nothing was ready for it. What was ready first, and is nobody's yet, was its. */
static void bind_unexpected(const struct moment *moment, struct continuations *loop, struct context *request)
{
	struct continuation *first = continuations_first_due(loop);

	note_contradiction(moment, loop, request);
	if (first && !continuation_request(first))
		context_bind(moment->engine, first->context, request);
}

static void bind_step(const struct moment *moment, struct continuations *loop, struct continuation *taken, struct context *request)
{
	struct context *segment = context_root(taken->context);

	if (continuation_is_due(loop, taken) && segment != request)
		doubts_vote(moment->thread->proc, DOUBT_ORDER, true);
	if (!continuation_is_due(loop, taken))
		note_contradiction(moment, loop, request);
	begin_turn(moment, taken);
	if (taken->turn == TURN_TO_COME && taken->side == SIDE_DOWNSTREAM)
		continuations_wake(loop, taken);
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

	return loop->reading && !thread->soft && present && !present->is_request && present->evidence;
}

void rule_11_server_write(const struct moment *moment, struct context *request)
{
	struct continuations *loop = rule_11_loop_of(moment->thread);
	bool in_steps = rule_11_in_steps(moment->thread);
	struct continuation *taken;

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
	continuations_drop_dead(moment->engine, loop);
	taken = continuations_find_of(loop, request);
	if (taken && taken->turn == TURN_TO_COME && taken->round == loop->round && loop->reads > 1)
		continuations_vote_on_sending(loop, taken->order == loop->last_read_order);
	loop->wrote = loop->reading;
	if (continuations_collect(loop)) {
		collect_server_write(moment, request);
		return;
	}
	if (in_steps)
		settle_guess(moment, loop, request);
	taken = continuations_find_of(loop, request);
	if (taken && !goes_on_for_unnamed(moment->thread, loop))
		continuations_vote(loop, taken);
	if (in_steps)
		claim_published(moment, loop, taken, request);
	if (in_steps && taken)
		bind_step(moment, loop, taken, request);
	else if (in_steps)
		bind_unexpected(moment, loop, request);
	request->doubts |= in_steps ? 1u << DOUBT_ORDER : 0;
	continuations_drop_of(moment->engine, loop, request);
}

/* ---- calls made at once, in the callback of a read ---------------------------------------------------------------------------------- */

void rule_11_called_at_once(const struct moment *moment)
{
	struct continuations *loop = rule_11_loop_of(moment->thread);
	struct context *root = context_root(moment->thread->context);

	if (!loop || !loop->reading || continuations_ahead(loop) || continuations_collect(loop))
		return;
	if (loop->reads > 1 && !continuations_sending_known(loop)) {
		struct context *seems = context_get(moment->thread->context);

		collect_take_back(moment->engine, moment->thread);
		thread_switch(moment->engine, moment->thread, seems, false);
		context_put(moment->engine, seems);
	}
	loop->wrote = true;
	for (uint32_t i = loop->count; i-- > 0;) {
		if (context_root(loop->waiting[i].context) != root || loop->waiting[i].round != loop->round)
			continue;
		continuations_vote(loop, &loop->waiting[i]);
		continuations_drop(moment->engine, loop, &loop->waiting[i]);
	}
}
