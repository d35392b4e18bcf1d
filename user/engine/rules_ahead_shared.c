/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 11, of loops that read ahead and whose handlers several threads run (an io_context of Asio's): whoever is free takes the next that
 * is queued. What a read that had found nothing before brings runs on the thread that reads it, at once. What was found at the first try is
 * delivered on any thread, in the order of those reads; but that only says who is expected. A step that makes a call is nobody's until a
 * response names it and all that came of it; then the order says whether anybody's step can have run unseen in front of it.
 */
#include "engine/rules_loop.h"

#define RACE_NS  100000 /* threads that become free so shortly after each other may take what is queued in either order */
#define QUEUE_NS 20000  /* from a call's end until its operation is queued */

struct continuations *rule_11_shared_ahead(const struct thread *thread)
{
	struct continuations *loop = thread->continuations;

	return loop && loop->shared && !thread->carrier && continuations_ahead(loop) ? loop : NULL;
}

/* ---- what is queued ------------------------------------------------------------------------------------------------------------------ */

static bool is_queued(const struct continuation *waiting)
{
	return waiting->turn == TURN_TO_COME;
}

/* Or somebody else has been taken for it before. */
static bool may_come(const struct continuation *waiting)
{
	return waiting->turn == TURN_TO_COME || waiting->turn == TURN_WOKEN;
}

/* The first that was read ahead after after_ns, and before before_ns, by any of the threads. *of: in whose list it is. NULL: there is none.
 */
static struct continuation *first_between(struct continuations *loop, uint64_t after_ns, uint64_t before_ns, struct continuations **of)
{
	struct continuations *at = loop;
	struct continuation *first = NULL;

	do {
		for (uint32_t i = 0; i < at->count; i++) {
			struct continuation *waiting = &at->waiting[i];

			if (!is_queued(waiting) || waiting->read_at_ns <= after_ns || waiting->read_at_ns >= before_ns)
				continue;
			if (first && first->read_at_ns <= waiting->read_at_ns)
				continue;
			first = waiting;
			*of = at;
		}
	} while ((at = at->next_sharing) != loop);
	return first;
}

/* The request itself was read ahead, and is not known to have been delivered. */
static struct continuation *queued_request(struct continuations *loop, const struct context *request, struct continuations **of)
{
	struct continuations *at = loop;

	do {
		for (uint32_t i = 0; i < at->count; i++)
			if (may_come(&at->waiting[i]) && context_root(at->waiting[i].context) == request) {
				*of = at;
				return &at->waiting[i];
			}
	} while ((at = at->next_sharing) != loop);
	return NULL;
}

static void drop_dead_of_all(struct engine *engine, struct continuations *loop)
{
	struct continuations *at = loop;

	do
		continuations_drop_dead(engine, at);
	while ((at = at->next_sharing) != loop);
}

void shared_drop_of(struct engine *engine, struct continuations *loop, const struct context *request)
{
	struct continuations *at = loop;

	do
		continuations_drop_of(engine, at, request);
	while ((at = at->next_sharing) != loop);
}

/* For something within the process, as far as is known: a step of theirs has made no call. */
static bool somebody_waits(const struct continuations *loop)
{
	const struct continuations *at = loop;

	do {
		for (uint32_t i = 0; i < at->count; i++)
			if (at->waiting[i].turn == TURN_IN_LINE && !context_root(at->waiting[i].context)->calls_in_flight)
				return true;
	} while ((at = at->next_sharing) != loop);
	return false;
}

/* The threads have not shown yet that they read ahead; as far as they have shown anything, they may. */
void shared_may_queue(const struct moment *moment, struct context *context, enum side side)
{
	struct continuations *loop = moment->thread->continuations;
	const uint16_t *first = loop ? loop->acted[FOUND_FIRST_TRY] : NULL;

	if (!loop || !loop->shared || moment->thread->carrier || loop->found != FOUND_FIRST_TRY || first[true] > first[false])
		return;
	continuations_push(moment->engine, loop,
			   (struct continuation){.context = context,
						 .conn_id = moment->conn->id,
						 .read_at_ns = moment->at_ns,
						 .round = loop->round,
						 .side = (uint8_t)side});
}

/* ---- steps --------------------------------------------------------------------------------------------------------------------------- */

/* Other threads that have been in a step since before_ns of which nobody knows yet whose it is: each may have taken one that was queued. */
static unsigned int count_in_steps(const struct thread *thread, uint64_t before_ns)
{
	unsigned int count = 0;

	for (const struct continuations *at = thread->continuations->next_sharing; at != thread->continuations; at = at->next_sharing) {
		const struct context *step = present_step(at->thread);

		count += step && step->begun_ns < before_ns;
	}
	return count;
}

static uint64_t behind(uint64_t floor_ns)
{
	return floor_ns > QUEUE_NS ? floor_ns - QUEUE_NS : 0;
}

/*
 * A try to read right behind a write shows that its thread was told of that write, which was queued then: all that had been queued before
 * has been taken, too, and nothing that was queued later, whatever it has seemed. floor_ns: what had been by when the thread's present step
 * began.
 */
void shared_shows(struct engine *engine, struct thread *thread, uint64_t queued_ns)
{
	struct continuations *loop = thread->continuations, *at = loop;

	do {
		if (at->taken_ns < queued_ns)
			at->taken_ns = queued_ns;
		for (uint32_t i = at->count; i-- > 0;) {
			struct continuation *taken = &at->waiting[i];

			if (taken->turn != TURN_TAKEN)
				continue;
			if (taken->read_at_ns > queued_ns + QUEUE_NS)
				taken->turn = TURN_TO_COME;
			else if (taken->read_at_ns + QUEUE_NS < behind(queued_ns))
				continuations_drop(engine, at, taken);
		}
	} while ((at = at->next_sharing) != loop);
}

void shared_next_record(struct thread *thread)
{
	thread->continuations->floor_ns = thread->continuations->next_floor_ns;
	thread->continuations->next_floor_ns = thread->continuations->taken_ns;
}

/* By a thread that became free earlier, and has not shown yet what it does. */
static bool is_taken_elsewhere(struct thread *thread, uint64_t begun_ns, const struct continuation *queued)
{
	struct continuations *of;

	for (struct continuations *at = thread->continuations->next_sharing; at != thread->continuations; at = at->next_sharing) {
		const struct context *step = present_step(at->thread);

		if (step && step->begun_ns < begun_ns && first_between(at, behind(at->next_floor_ns), UINT64_MAX, &of) == queued)
			return true;
	}
	return false;
}

/* Who is expected to run in a step that has computed so long by now. *of: in whose list it is. NULL: nobody. */
static struct continuation *expected(struct thread *thread, const struct context *step, uint64_t now_ns, struct continuations **of)
{
	uint64_t cpu_ns = step_cpu_ns(thread, step), before_ns = now_ns > cpu_ns ? now_ns - cpu_ns : 0;
	uint64_t after_ns = behind(thread->continuations->floor_ns);
	struct continuation *found;

	while ((found = first_between(thread->continuations, after_ns, before_ns, of)) && is_taken_elsewhere(thread, step->begun_ns, found))
		after_ns = found->read_at_ns;
	return found;
}

static void guess(struct engine *engine, struct context *request, struct context *segment)
{
	struct context *before = request->guess;

	request->guess = context_get(segment);
	context_put(engine, before);
}

/* The segment is taken for another one's. A request that is over would keep it for ever. */
static void retarget(struct engine *engine, struct context *segment, struct context *request)
{
	bool open = context_is_open_request(request);

	hint_at(engine, segment, open ? request : NULL);
	if (open)
		guess(engine, request, segment);
	else
		segment->origin = ORIGIN_MISSED;
}

/* It is taken for `queued`'s, and is that for good if it is not for a response to say. */
static void take(struct engine *engine, struct thread *thread, struct context *step, struct continuation *queued, bool for_good)
{
	struct context *context = context_root(queued->context);

	if (for_good || !context->is_request || context->call_count || context->calls_in_flight) {
		blame_hop(engine, thread, context, queued->read_at_ns, step->begun_ns);
		context->doubts |= 1u << DOUBT_ORDER;
		context_bind(engine, step, context);
	} else {
		retarget(engine, step, context);
	}
}

static void own(struct thread *thread, struct context *step)
{
	thread->soft = false;
	step->evidence = true;
	step->helper_only = false;
}

/* The thread turns to something else, and its step has made no call. */
static void end_step(struct engine *engine, struct thread *thread, uint64_t now_ns)
{
	struct continuations *loop = thread->continuations, *of;
	struct context *step = present_step(thread), *root = context_root(thread->context);
	struct continuation *queued;

	drop_dead_of_all(engine, loop);
	if (step && step_cpu_ns(thread, step) >= STEP_NS) {
		queued = step_cpu_ns(thread, step) >= SILENT_NS ? expected(thread, step, now_ns, &of) : NULL;
		if (queued) {
			take(engine, thread, step, queued, true);
			context_root(queued->context)->in_line_ns = now_ns;
			queued->turn = TURN_IN_LINE;
			thread->soft = false;
		} else {
			leave_unclaimed(engine, step);
		}
	} else if (step && thread->soft && step->hint) {
		context_bind(engine, step, step->hint);
	} else if (root && !step && !root->calls_in_flight) {
		continuations_push(engine, loop, (struct continuation){.context = root, .round = loop->round, .turn = TURN_IN_LINE});
	}
}

bool shared_ends(struct engine *engine, struct thread *thread)
{
	if (!rule_11_shared_ahead(thread))
		return false;
	end_step(engine, thread, engine->now_ns);
	return true;
}

void shared_before_read(const struct moment *moment)
{
	const struct thread *thread = moment->thread;
	bool by_event = moment->record->result > 0 && thread->continuations->found != FOUND_FIRST_TRY;
	bool fresh = by_event && present_step(thread) && !thread->soft && step_cpu_ns(thread, present_step(thread)) < STEP_NS;

	if (fresh)
		return; /* what ran since epoll returned was for this read */
	end_step(moment->engine, moment->thread, moment->at_ns);
	turn_to_segment(moment, ORIGIN_EVENT, NULL, false);
	moment->thread->boundary_ns = 0;
}

struct context *shared_owner(const struct moment *moment)
{
	struct thread *thread = moment->thread;
	struct context *step = present_step(thread), *root = context_root(thread->context);
	struct continuations *of;
	struct continuation *queued;
	bool much;

	if (!step) {
		/* What it waited for in vain, another one may have been given behind it. */
		if (root && moment->conn->id != thread->last_read_conn_id && somebody_waits(thread->continuations))
			root->ambiguous = true;
		return downstream_owner(moment);
	}
	drop_dead_of_all(moment->engine, thread->continuations);
	much = step_cpu_ns(thread, step) >= STEP_NS;
	queued = much || !somebody_waits(thread->continuations) ? expected(thread, step, moment->at_ns, &of) : NULL;
	if (!queued && !much)
		end_soft_tail(moment);
	if (!queued && !much)
		turn_to_segment(moment, ORIGIN_POOL, NULL, false);
	step = context_root(thread->context);
	hint_at(moment->engine, step, NULL);
	step->origin = much ? ORIGIN_EVENT : step->origin;
	if (queued) {
		take(moment->engine, thread, step, queued, false);
		queued->turn = TURN_TAKEN;
		step = context_root(step);
	}
	own(thread, step);
	return step;
}

/* ---- a response names whose step it is --------------------------------------------------------------------------------------------- */

/*
 * Its own step began at begun_ns: all that was read ahead before it had been delivered by then. What nobody has seen run, and no other
 * thread can still be at, ran in front of somebody's step, which may have been this one's.
 */
static void judge_order(const struct moment *moment, struct context *request, uint64_t read_at_ns, uint64_t begun_ns)
{
	struct continuations *loop = moment->thread->continuations, *of;
	unsigned int elsewhere = count_in_steps(moment->thread, begun_ns + RACE_NS);
	struct continuation *unseen;
	uint64_t after_ns = 0;

	while ((unseen = first_between(loop, after_ns, read_at_ns, &of))) {
		struct context *other = continuation_request(unseen);

		if (elsewhere) {
			elsewhere--;
			after_ns = unseen->read_at_ns;
			continue;
		}
		doubts_vote(moment->thread->proc, DOUBT_ORDER, false);
		request->ambiguous = true;
		context_root(unseen->context)->ambiguous = true;
		if (other)
			other->ambiguous = true;
		unseen->turn = TURN_WOKEN;
	}
}

/* The segment had been taken for another one's. */
static void give_back(const struct moment *moment, struct context *segment, struct context *request)
{
	struct context *other = context_root(segment->hint), *mine = context_root(request->guess);
	bool swapped = mine && !mine->is_request && mine != segment, queued;
	struct continuations *of;

	if (!other || !other->is_request || other == request)
		return;
	queued = queued_request(moment->thread->continuations, request, &of) != NULL;
	if (!queued && !swapped)
		request->ambiguous = other->ambiguous = true; /* it had begun elsewhere */
	if (segment->doubts & 1u << DOUBT_ORDER)
		request->ambiguous = other->ambiguous = true;
	doubts_vote(moment->thread->proc, DOUBT_ORDER, queued || swapped);
	if (swapped) {
		retarget(moment->engine, mine, other);
	} else if (context_is_open_request(other)) {
		guess(moment->engine, other, NULL);
		if (queued)
			continuations_push(moment->engine, moment->thread->continuations,
					   (struct continuation){.context = other,
								 .conn_id = other->conn_id,
								 .round = UINT64_MAX,
								 .read_at_ns = other->last_read_ns});
	}
}

/* What had been taken for the request's is of whoever was expected here. */
static void exchange(const struct moment *moment, struct context *request, struct continuation *queued)
{
	struct context *mine = context_root(request->guess), *other = context_root(queued->context);

	if (!mine || mine->is_request)
		return;
	retarget(moment->engine, mine, other);
	queued->turn = TURN_TAKEN;
}

/* An answer to a call of this request's, as far as is known, was read ahead. */
static struct continuation *queued_answer(struct continuations *loop, const struct context *request, struct continuations **of)
{
	struct continuations *at = loop;

	do {
		for (uint32_t i = 0; i < at->count; i++)
			if (may_come(&at->waiting[i]) && continuation_request(&at->waiting[i]) == request) {
				*of = at;
				return &at->waiting[i];
			}
	} while ((at = at->next_sharing) != loop);
	return NULL;
}

/* The step ends in the response: what it goes on with. */
static void find_beginning(const struct moment *moment, struct context *step, struct context *request)
{
	struct thread *thread = moment->thread;
	struct continuations *loop = thread->continuations, *of;
	struct continuation *queued = queued_request(loop, request, &of);
	struct context *context;

	if (queued) {
		shared_shows(moment->engine, thread, queued->read_at_ns);
		judge_order(moment, request, queued->read_at_ns, step->begun_ns);
		blame_hop(moment->engine, thread, request, queued->read_at_ns, step->begun_ns);
		return;
	}
	queued = queued_answer(loop, request, &of);
	if (queued)
		judge_order(moment, request, queued->read_at_ns, step->begun_ns);
	else if (step_cpu_ns(thread, step) >= STEP_NS)
		queued = expected(thread, step, moment->at_ns, &of);
	if (!queued)
		return;
	context = context_root(queued->context);
	if (context->is_request && context != request) {
		exchange(moment, request, queued);
		return;
	}
	blame_hop(moment->engine, thread, context, queued->read_at_ns, step->begun_ns);
	context->doubts |= 1u << DOUBT_ORDER;
	context_bind(moment->engine, step, context);
	thread->soft = false;
	continuations_drop(moment->engine, of, queued);
}

/* Work that was taken for the request's by the order of the reads has led to its response. But a step that made no call leads nowhere. */
static void bear_out(const struct proc *proc, struct context *context)
{
	if (!context->in_line_ns && doubts_mostly_right(proc, DOUBT_ORDER))
		context->doubts &= (uint8_t) ~(1u << DOUBT_ORDER);
}

void shared_server_write(const struct moment *moment, struct context *request)
{
	struct thread *thread = moment->thread;
	struct continuations *loop = thread->continuations, *of;
	struct context *root, *step = present_step(thread);
	struct continuation *queued;

	drop_dead_of_all(moment->engine, loop);
	if (step)
		find_beginning(moment, step, request);
	root = context_root(thread->context);
	if (!root)
		return;
	if (root->is_request && root->doubts & 1u << DOUBT_ORDER)
		doubts_vote(thread->proc, DOUBT_ORDER, root == request);
	if (root == request)
		bear_out(thread->proc, root);
	if (!root->is_request && root->evidence) {
		queued = queued_request(loop, request, &of);
		if (context_root(root->hint) == request) {
			doubts_vote(thread->proc, DOUBT_ORDER, true);
			bear_out(thread->proc, root);
		} else if (root->hint)
			give_back(moment, root, request);
		if (queued)
			judge_order(moment, request, queued->read_at_ns, root->begun_ns);
		if (queued || context_root(root->hint) == request)
			blame_hop(moment->engine, thread, request, request->last_read_ns, root->begun_ns);
		hint_at(moment->engine, root, NULL);
	}
	shared_drop_of(moment->engine, loop, request);
	guess(moment->engine, request, NULL);
}
