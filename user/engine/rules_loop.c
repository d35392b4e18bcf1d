/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 11: event loops that read many sockets after one epoll return, and only rounds later run what waited for it (asyncio), beside those
 * that call back at once (Node, nginx). Between two such steps the kernel sees nothing: a step shows itself only by the call it ends in.
 */
#include "engine/queue_before.h"
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
	context_hold(engine, &segment->hint, request);
}

struct context *present_step(const struct thread *thread)
{
	struct context *root = context_root(thread->context);

	return context_is_segment(root) && !root->evidence ? root : NULL;
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
	uint64_t since_ns = last ? last->end_ns : step ? step->last_active_ns : 0;

	name_hop(engine, thread, waiting, step);
	/* A stream's message may have been all that there was. */
	if (request && request->stream) {
		waiting->turn = TURN_OVER; /* its place is kept: others are in hand by theirs */
		return;
	}
	if (waiting->turn == TURN_TO_COME && step && request)
		request->in_line_ns = since_ns;
	continuations_stand_in_line(engine, thread->continuations, waiting);
	queue_before_waits(engine, thread->continuations, context_root(waiting->context), since_ns);
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
static void end_steps(struct engine *engine, struct thread *thread, bool sleeps)
{
	struct continuations *loop = thread->continuations;
	struct context *step = present_step(thread);
	bool known = continuations_known_to_defer(loop), much = step && thread_has_worked(thread, step);
	bool long_enough = step && known && (!thread->soft || !step->hint || much);
	struct context *ran = NULL;
	unsigned int ran_count = 0;

	if (continuations_ahead(loop)) {
		ahead_ends(engine, thread, sleeps);
		return;
	}
	if (continuations_collect(loop)) {
		collect_end(engine, thread);
		return;
	}
	continuations_drop_dead(engine, loop);
	for (struct continuation *first; (first = continuations_first_due(loop));) {
		if (first->turn == TURN_TO_COME) {
			ran = first->context;
			ran_count++;
		}
		stand_in_line(engine, thread, first, step);
	}
	if (ran_count == 1 && long_enough)
		context_bind(engine, step, ran);
	else if ((ran_count && long_enough) || (much && thread->soft && loop->count))
		leave_unclaimed(engine, step);
	else if (step && thread->soft && step->hint)
		context_bind(engine, step, step->hint);
	continuations_drop_dead(engine, loop);
}

bool rule_11_sleeps(struct engine *engine, struct thread *thread, uint64_t at_ns)
{
	struct continuations *loop = rule_11_loop_of(thread);
	bool deferred = rule_11_in_steps(thread);

	if (shared_ends(engine, thread, at_ns))
		return true;
	if (deferred)
		end_steps(engine, thread, true);
	if (!loop)
		return false;
	continuations_sleep(loop);
	return deferred;
}

bool rule_11_round_begins(struct engine *engine, struct thread *thread, uint64_t at_ns)
{
	struct continuations *loop = rule_11_loop_of(thread);
	bool deferred;

	rule_11_turns_to_epoll(engine, thread, at_ns);
	deferred = rule_11_in_steps(thread);
	if (shared_ends(engine, thread, at_ns))
		return true;
	if (deferred)
		end_steps(engine, thread, false);
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
	end_steps(moment->engine, thread, false);
	step = present_step(thread);
	/* What ran long before this read was not for it: the loop was busy with others. */
	if (step && step->origin != ORIGIN_MISSED &&
	    (loop->round == loop->slept_round || !continuations_known_to_defer(loop) || !thread_has_worked(thread, step)))
		return;
	turn_to_segment(moment, ORIGIN_EVENT, NULL, false);
	thread->boundary_ns = 0;
}

/* One that several ask on at once is nobody's, and nobody gives it back. */
static uint64_t conn_had_by_one(const struct moment *moment)
{
	return moment->moved || moment->conn->first_call ? 0 : moment->conn->id;
}

void rule_11_read(const struct moment *moment, struct context *context, enum side side)
{
	struct continuations *loop = rule_11_loop_of(moment->thread);
	const struct context *hint = context ? context_root(context->hint) : NULL;

	if (rule_11_shared_ahead(moment->thread))
		loop = moment->thread->continuations;
	else if (context)
		shared_may_queue(moment, context, side);
	if (!loop || !context)
		return;
	if (loop->shared && hint && hint->is_request && !context_is_open_request(hint))
		shared_let_go(moment->engine, loop, context, hint);
	if (continuations_ahead(loop) && loop->found != FOUND_FIRST_TRY)
		return; /* its step begins here */
	loop->reading = true;
	if (side == SIDE_DOWNSTREAM && context->calls_in_flight)
		loop->last_side = SIDES; /* it has more to wait for, so that nothing is done says nothing */
	if (continuations_put_off(loop) && !continuations_hops(loop, side))
		return; /* it runs at once */
	if (loop->wrote)
		continuations_vote_on_sending(loop, true);
	loop->wrote = false;
	continuations_push(
		moment->engine, loop,
		(struct continuation){.context = context,
				      .conn_id = conn_had_by_one(moment),
				      .read_at_ns = loop->shared ? shared_queues_at_ns(moment->thread, moment->at_ns) : moment->at_ns,
				      .other_ns = loop->shared ? shared_or_queues_at_ns(moment->thread, moment->at_ns) : 0,
				      .round = loop->round,
				      .side = (uint8_t)side,
				      .first_try = loop->found == FOUND_FIRST_TRY});
	if (context->is_request && side == SIDE_SERVER) {
		context->read_round = loop->round;
		context->read_order = loop->last_read_order;
	}
	if (continuations_ahead(loop) || continuations_collect(loop))
		turn_to_segment(moment, ORIGIN_EVENT, NULL, false); /* what runs from here on may be for any of what was read */
}

/* ---- a step that ends in a call to a downstream ------------------------------------------------------------------------------------- */

/* Among those that are due: who has the connection; else who is first. Who stood in line is only asked first where that has proved right.
 */
static struct continuation *caller_among(struct continuations *loop, const struct conn *conn)
{
	bool trust_line = continuations_trust_line(loop), keeps = !continuations_put_off(loop); /* there it is given back at the read */
	struct continuation *first = NULL;

	for (uint32_t i = 0; i < loop->count; i++) {
		struct continuation *waiting = &loop->waiting[i];
		bool woken = waiting->turn == TURN_WOKEN, first_woken = first && first->turn == TURN_WOKEN;

		if (!continuation_is_due(loop, waiting))
			continue;
		if (keeps && !woken && continuation_is_answer_on(waiting, conn->id))
			return waiting;
		if (context_root(waiting->context)->fans_out)
			continue; /* it has further answers to wait for, or others to wake */
		if (!first || (trust_line || woken == first_woken ? waiting->order < first->order : first_woken))
			first = waiting;
	}
	return first;
}

/* What a step that ended in no call has started (other tasks) runs one round later. */
static bool may_be_parent(const struct continuations *loop, const struct continuation *waiting, const void *unused)
{
	(void)unused;
	return waiting->turn == TURN_IN_LINE && waiting->ran_round + 1 == loop->round;
}

void guess_at(struct engine *engine, struct context *request, struct context *segment)
{
	context_hold(engine, &request->guess, segment);
}

void name_pool_wait(const struct moment *moment, struct context *context, const struct context *request, uint64_t until_ns)
{
	if (request && request->in_line_ns)
		context_add_wait(moment->engine, context, request->in_line_ns, until_ns, STATE_POOL);
}

static void take_step(const struct moment *moment, struct context *step, struct continuation *taken)
{
	struct thread *thread = moment->thread;
	struct continuations *loop = thread->continuations;
	struct context *owner = context_root(taken->context);
	bool gave_back = continuation_may_give_back(taken);

	if (loop->count == 1 && !came_in_its_midst(thread, UINT64_MAX))
		continuations_vote(loop, taken);
	if (!owner->is_request) {
		if (taken->turn == TURN_WOKEN)
			name_pool_wait(moment, owner, continuation_request(taken), step->begun_ns);
		context_bind(moment->engine, step, owner);
	} else {
		hint_at(moment->engine, step, owner);
		thread->proc->order_guessed |= loop->count > 1;
		step->origin = taken->turn == TURN_WOKEN ? ORIGIN_POOL : ORIGIN_EVENT;
		if (taken->turn == TURN_WOKEN)
			guess_at(moment->engine, owner, step);
		else
			context_hold(moment->engine, &owner->step, step);
	}
	if (gave_back)
		continuations_wake(moment->engine, loop, taken);
	continuations_drop(moment->engine, loop, taken);
}

/* Nothing was ready: the same step, or the same parent, makes one more call; or somebody runs of whom nothing is known. */
static void go_on_or_begin(const struct moment *moment, struct context *step)
{
	struct context *before = context_root(step->hint);
	struct continuations *loop = moment->thread->continuations;
	uint64_t most_ns = loop->parent_round == loop->round ? CHILD_NS : WORK_MIN_NS;

	if (moment->thread->soft && context_is_segment(before) && thread_segment_cpu_ns(moment->thread, step) < most_ns) {
		before->fans_out = true;
		context_bind(moment->engine, step, before);
	} else if (before && (!before->answered || (came_in_its_midst(moment->thread, 1) && thread_has_worked(moment->thread, step)))) {
		hint_at(moment->engine, step, NULL);
	}
}

static bool is_answer_of_last_round(const struct continuations *loop, const struct continuation *waiting, const void *unused)
{
	(void)unused;
	return waiting->turn == TURN_TO_COME && waiting->side == SIDE_DOWNSTREAM && waiting->round + 1 == loop->round;
}

/* A step asks and nothing is due. Until it is known when answers are: those of the last round are by now, as no task reads for all. */
static struct continuation *caller_among_answered(struct continuations *loop, const struct conn *conn)
{
	struct continuation *answered = continuations_first(loop, is_answer_of_last_round, NULL);

	if (!answered || !loop->reads_for_several || continuations_know_answers(loop))
		return NULL;
	continuations_vote(loop, answered);
	return caller_among(loop, conn);
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
	if (moment->conn->answer_read_ns && !moment->conn->first_call)
		continuations_vote_on_giving_back(moment->engine, loop, true);
	if (is_of_one_who_connected(moment, step)) {
		turn_to_segment(moment, ORIGIN_MISSED, NULL, false);
		return downstream_owner(moment);
	}
	continuations_drop_dead(moment->engine, loop);
	taken = caller_among(loop, moment->conn);
	if (!taken)
		taken = caller_among_answered(loop, moment->conn);
	if (taken)
		begin_turn(moment, taken);
	else if ((taken = continuations_first(loop, may_be_parent, NULL)))
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

void rule_11_reserved_asks(const struct moment *moment)
{
	const struct continuations *loop = rule_11_loop_of(moment->thread);

	if (loop && continuations_collect(loop) && !continuations_ahead(loop))
		collect_reserved_asks(moment);
	else
		moment->thread->soft = false; /* what ran before it was its step */
}

void rule_11_step_called(const struct moment *moment, struct context *owner)
{
	turn_to_segment(moment, ORIGIN_SOFT, owner, true);
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
		if (loop->waiting[i].first_try)
			loop->missed_ns = loop->waiting[i].read_at_ns;
		continuations_drop(moment->engine, loop, &loop->waiting[i]);
	}
}
