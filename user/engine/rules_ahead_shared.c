/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 11, of loops that read ahead and whose handlers several threads run (an io_context of Asio's): whoever is free takes the next that
 * is queued. What a read that had found nothing before brings runs on the thread that reads it, at once. What was found at the first try is
 * delivered on any thread, in the order of those reads; but that only says who is expected. A step that makes a call is nobody's until a
 * response names it and all that came of it; then the order says whether anybody's step can have run unseen in front of it.
 */
#include "engine/pool_ahead.h"
#include "engine/rules_loop.h"

#define AT_ONCE_NS 50000 /* so much may lie between the end of a step and its call: others may have been given the connection */
#define CROWD      32    /* where more are queued, more are taken for each other than responses show: of 128 in flight up to 3.5% … */
#define CROWD_NS   1000000000 /* … of CPU, of 32 up to 0.2%; those that were told of them then are answered by that time */
#define RACE_NS    100000     /* threads that become free so shortly after each other may take what is queued in either order */
#define SEEMS_MAX  1          /* so many may only seem to wait: who was taken for another one */
#define NOBODYS_NS 1000000000 /* what is nobody's has no end that would be seen: after that time it waits no more … */
#define SWEEP_NS   50000000   /* … which is looked for so often */

struct continuations *rule_11_shared_ahead(const struct thread *thread)
{
	struct continuations *loop = thread->continuations;

	return loop && loop->shared && !thread->carrier && continuations_ahead(loop) ? loop : NULL;
}

/* ---- what is queued ------------------------------------------------------------------------------------------------------------------ */

/* Or somebody else has been taken for it before. */
static bool may_come(const struct continuation *waiting)
{
	return waiting->turn == TURN_TO_COME || waiting->turn == TURN_WOKEN;
}

typedef struct context *owner_of(const struct continuation *waiting);

/* What was read ahead for the request, by that measure, and is not known to have been delivered. */
static struct continuation *queued_of(struct continuations *loop, const struct context *request, owner_of *owner, struct continuations **of)
{
	struct continuations *at = loop;

	do {
		for (uint32_t i = 0; i < at->count; i++)
			if (may_come(&at->waiting[i]) && owner(&at->waiting[i]) == request) {
				*of = at;
				return &at->waiting[i];
			}
	} while ((at = at->next_sharing) != loop);
	return NULL;
}

static struct context *root_of(const struct continuation *waiting)
{
	return context_root(waiting->context);
}

/* The request itself. */
static struct continuation *queued_request(struct continuations *loop, const struct context *request, struct continuations **of)
{
	return queued_of(loop, request, root_of, of);
}

/* Or an answer to a call of its, as far as is known. */
static struct continuation *queued_answer(struct continuations *loop, const struct context *request, struct continuations **of)
{
	return queued_of(loop, request, continuation_request, of);
}

static void drop_old_of_nobody(struct engine *engine, struct continuations *loop)
{
	for (uint32_t i = loop->count; i-- > 0;) {
		struct continuation *waiting = &loop->waiting[i];
		const struct context *request = continuation_request(waiting);

		if (!(request && request->is_request) && waiting->read_at_ns + NOBODYS_NS < engine->now_ns)
			continuations_drop(engine, loop, waiting);
	}
}

static void drop_dead_of_all(struct engine *engine, struct continuations *loop)
{
	struct continuations *at = loop;
	bool sweeps = engine->now_ns >= loop->swept_ns + SWEEP_NS;

	if (sweeps)
		loop->swept_ns = engine->now_ns;
	do {
		continuations_drop_dead(engine, at);
		if (sweeps)
			drop_old_of_nobody(engine, at);
	} while ((at = at->next_sharing) != loop);
}

/* In the lines of all threads. */
static unsigned int count_in_lines(const struct continuations *loop)
{
	const struct continuations *at = loop;
	unsigned int count = 0;

	do
		count += continuations_count_in_line(at);
	while ((at = at->next_sharing) != loop);
	return count;
}

static bool somebody_waits(const struct continuations *loop)
{
	return count_in_lines(loop) > SEEMS_MAX;
}

void shared_let_go(struct engine *engine, struct continuations *loop, struct context *last, const struct context *request)
{
	if (!somebody_waits(loop))
		links_let_go(engine, last, request);
}

void shared_drop_of(struct engine *engine, struct continuations *loop, const struct context *request)
{
	struct continuations *at = loop;
	bool lets_go = !somebody_waits(loop); /* once: it goes over all that is queued */

	do {
		for (uint32_t i = 0; lets_go && i < at->count; i++)
			links_let_go(engine, at->waiting[i].context, request);
		continuations_drop_of(engine, at, request);
	} while ((at = at->next_sharing) != loop);
}

/* The threads have not shown yet that they read ahead; as far as they have shown anything, they may. */
void shared_may_queue(const struct moment *moment, struct context *context, enum side side)
{
	struct continuations *loop = moment->thread->continuations;
	const uint32_t *first = loop ? loop->acted[FOUND_FIRST_TRY] : NULL;

	if (!loop || !loop->shared || moment->thread->carrier || loop->found != FOUND_FIRST_TRY || first[true] > first[false])
		return;
	continuations_push(moment->engine, loop,
			   (struct continuation){.context = context,
						 .conn_id = moment->conn->id,
						 .read_at_ns = shared_queues_at_ns(moment->thread, moment->at_ns),
						 .round = loop->round,
						 .side = (uint8_t)side});
}

/* ---- steps --------------------------------------------------------------------------------------------------------------------------- */

unsigned int shared_count_in_steps(const struct thread *thread, uint64_t before_ns)
{
	unsigned int count = 0;

	for (const struct continuations *at = thread->continuations->next_sharing; at != thread->continuations; at = at->next_sharing) {
		const struct context *step = present_step(at->thread);

		count += step && shared_took_at_ns(at->thread, step) < before_ns;
	}
	return count;
}

/* The segment is taken for another one's. A request that is over would keep it for ever. */
static void retarget(struct engine *engine, struct context *segment, struct context *request)
{
	bool open = context_is_open_request(request);

	hint_at(engine, segment, open ? request : NULL);
	if (open)
		guess_at(engine, request, segment);
	else
		segment->origin = ORIGIN_MISSED;
}

/* It is taken for `queued`'s, and is that for good if it is not for a response to say. */
static void take(struct engine *engine, struct thread *thread, struct context *step, struct continuation *queued, bool for_good)
{
	struct context *context = context_root(queued->context);

	if (for_good || !continuation_request(queued)) {
		blame_hop(engine, thread, context, queued->read_at_ns, step->begun_ns);
		context->doubts |= 1u << DOUBT_ORDER;
		context_bind(engine, step, context);
	} else {
		step->queued_ns = queued->read_at_ns;
		retarget(engine, step, continuation_request(queued));
		blame_hop(engine, thread, step, queued->read_at_ns, step->begun_ns);
		links_put_on(engine, step, context);
	}
}

static void own(struct thread *thread, struct context *step)
{
	thread->soft = false;
	context_note_evidence(step);
}

/* The thread turns to something else, and its step has made no call. */
static void end_step(struct engine *engine, struct thread *thread, uint64_t now_ns)
{
	struct continuations *loop = thread->continuations, *of;
	struct context *step = present_step(thread), *root = context_root(thread->context);
	struct continuation *queued;

	drop_dead_of_all(engine, loop);
	if (step && thread_has_worked(thread, step)) {
		queued = thread_segment_cpu_ns(thread, step) >= SILENT_NS ? shared_expected(thread, step, &of) : NULL;
		if (queued) {
			take(engine, thread, step, queued, true);
			context_root(queued->context)->in_line_ns = now_ns;
			queued->turn = TURN_IN_LINE;
			thread->soft = false;
			pool_ahead_waits(engine, thread, context_root(queued->context), now_ns);
		} else {
			leave_unclaimed(engine, step);
			if (thread_segment_cpu_ns(thread, step) >= SILENT_NS)
				pool_ahead_waits(engine, thread, step, now_ns);
		}
	} else if (step && thread->soft && step->hint) {
		context_bind(engine, step, step->hint);
	} else if (root && !step && !root->calls_in_flight) {
		continuations_push(
			engine, loop,
			(struct continuation){.context = root, .round = loop->round, .turn = TURN_IN_LINE, .read_at_ns = now_ns});
		pool_ahead_waits(engine, thread, root, now_ns);
	}
}

bool shared_ends(struct engine *engine, struct thread *thread, uint64_t at_ns)
{
	if (!rule_11_shared_ahead(thread))
		return false;
	end_step(engine, thread, at_ns);
	return true;
}

static void ask_for_foresight(struct engine *engine, struct continuations *loop)
{
	engine->foresight.wanted_by += !loop->wants_foresight;
	loop->wants_foresight = true;
}

void shared_before_read(const struct moment *moment)
{
	const struct thread *thread = moment->thread;
	bool by_event = moment->record->result > 0 && thread->continuations->found != FOUND_FIRST_TRY;
	bool fresh = by_event && present_step(thread) && !thread->soft && !thread_has_worked(thread, present_step(thread));

	ask_for_foresight(moment->engine, thread->continuations);
	if (fresh)
		return; /* what ran since epoll returned was for this read */
	end_step(moment->engine, moment->thread, moment->at_ns);
	turn_to_segment(moment, ORIGIN_EVENT, NULL, false);
	moment->thread->boundary_ns = 0;
}

static void go_on_with(const struct moment *moment, struct context *step, struct continuation *queued, struct continuations *of)
{
	shared_is_taken(moment->engine, moment->thread, step, queued, of);
	take(moment->engine, moment->thread, step, queued, false);
}

struct context *shared_owner(const struct moment *moment)
{
	struct thread *thread = moment->thread;
	struct context *step = present_step(thread), *root = context_root(thread->context);
	struct continuations *of;
	struct continuation *queued;
	bool much;

	drop_dead_of_all(moment->engine, thread->continuations);
	if (!step) {
		/* What it waited for in vain, another one may have been given behind it. */
		if (root && moment->conn->id != thread->last_read_conn_id && somebody_waits(thread->continuations) &&
		    moment->at_ns < moment->conn->answer_read_ns + AT_ONCE_NS)
			root->ambiguous = true;
		pool_ahead_takes(moment);
		return downstream_owner(moment);
	}
	if (thread_segment_cpu_ns(thread, step) < SILENT_NS && somebody_waits(thread->continuations) && pool_ahead_may_go_on(moment)) {
		/* Epoll itself, most of it: a waiter's request has its usual CPU without that. */
		if (!thread->soft && thread_has_worked(thread, step))
			leave_unclaimed(moment->engine, step);
		end_soft_tail(moment);
		turn_to_segment(moment, ORIGIN_POOL, NULL, false);
		step = context_root(thread->context);
		if (!step)
			return NULL;
		pool_ahead_goes_on(moment, step);
		own(thread, step);
		return step;
	}
	pool_ahead_takes(moment);
	much = thread_has_worked(thread, step);
	queued = much || !somebody_waits(thread->continuations) ? shared_expected(thread, step, &of) : NULL;
	if (!queued && much)
		shared_note_nobody(thread, step);
	if (!queued && !much)
		end_soft_tail(moment);
	if (!queued && !much)
		turn_to_segment(moment, ORIGIN_POOL, NULL, false);
	step = context_root(thread->context);
	if (!step)
		return NULL;
	hint_at(moment->engine, step, NULL);
	step->origin = much ? ORIGIN_EVENT : step->origin;
	if (queued) {
		queued = heal_order(moment, step, queued, &of);
		go_on_with(moment, step, queued, of);
		step = context_root(step);
	}
	own(thread, step);
	return step;
}

/* ---- a response names whose step it is --------------------------------------------------------------------------------------------- */

/*
 * Its own step began at begun_ns: all that was read ahead before it had been delivered by then. What nobody has seen run, and no other
 * thread can still be at, was taken for another one's, or ran in front of somebody's step, which may have been this one's.
 */
static void judge_order(const struct moment *moment, struct context *request, uint64_t read_at_ns, uint64_t begun_ns)
{
	struct continuations *loop = moment->thread->continuations, *of;
	unsigned int elsewhere = shared_count_in_steps(moment->thread, begun_ns + RACE_NS), overtaken = 0;
	struct continuation *unseen;
	uint64_t after_ns = 0;

	while ((unseen = shared_first_between(loop, after_ns, shared_surely_before(read_at_ns), &of))) {
		if (shared_was_nobodys(loop, unseen)) {
			unseen->turn = TURN_WOKEN;
			continue;
		}
		if (elsewhere) {
			elsewhere--;
			after_ns = unseen->read_at_ns;
			continue;
		}
		overtaken++;
		unseen->turn = TURN_WOKEN;
		unseen->overtaken = true;
	}
	/* There are steps that make no call, or these show it: they may lie in front of this one's. */
	request->ambiguous |= overtaken > SEEMS_MAX || (overtaken && somebody_waits(loop));
	/* However many were overtaken: by one shift of the order all of them seem to be. */
	if (overtaken)
		doubts_vote(moment->thread->proc, DOUBT_ORDER, false);
}

/* What had been taken for the request's is of whoever was expected here; `named`, in `of`, seemed to be the request's. NULL: none. */
static void exchange(const struct moment *moment, struct context *step, struct context *request, struct continuation *named,
		     struct continuations *of)
{
	links_give_back(moment, step, request, named, of);
	links_bind(moment->engine, step, request);
	hint_at(moment->engine, step, NULL);
}

/* By the order it goes on with another one's chain, and what seems to be the request's is still to come: they were taken for each other. */
static bool goes_on_with_anothers(const struct moment *moment, struct context *step, struct context *request, struct continuation *named,
				  struct continuations *of)
{
	struct continuations *in;
	struct continuation *expected = heal_overtakes_several(moment, step, named) ? shared_expected(moment->thread, step, &in) : NULL;
	const struct context *other = expected ? continuation_request(expected) : NULL;

	if (!other || other == request || !other->is_request || !context_is_segment(context_root(expected->context)) ||
	    !context_is_segment(context_root(request->guess)))
		return false;
	go_on_with(moment, step, expected, in);
	exchange(moment, step, request, named, of);
	return true;
}

/* What was queued for the request has gone on in a step of nobody's, as far as was known; and this one goes on with that. */
static bool join_nobodys(const struct moment *moment, struct context *step, struct context *request)
{
	struct continuations *of;
	struct continuation *expected = shared_expected(moment->thread, step, &of);
	struct context *nobodys = expected ? context_root(expected->context) : NULL;

	if (!context_is_segment(nobodys) || nobodys->hint)
		return false;
	nobodys->doubts |= 1u << DOUBT_ORDER;
	context_get(nobodys);
	continuations_drop(moment->engine, of, expected);
	context_bind(moment->engine, nobodys, request);
	context_put(moment->engine, nobodys);
	return true;
}

/* The step ends in the response: what it goes on with. */
static void find_beginning(const struct moment *moment, struct context *step, struct context *request)
{
	struct thread *thread = moment->thread;
	struct continuations *loop = thread->continuations, *of;
	struct continuation *queued = queued_request(loop, request, &of);
	struct context *context;
	uint64_t read_at_ns, took_ns;

	if (!queued && !queued_answer(loop, request, &of)) {
		heal_before(moment, step, request);
		queued = queued_request(loop, request, &of);
	}
	if (queued)
		heal_when(moment, step, queued);
	if (queued && shared_ran_before(thread, step, queued)) {
		request->ambiguous |= !shared_was_nobodys(loop, queued);
		continuations_drop(moment->engine, of, queued);
		queued = NULL;
	}
	if (queued) {
		read_at_ns = queued->read_at_ns; /* its entry may go, or move */
		took_ns = shared_took_at_ns(thread, step);
		shared_shows(moment->engine, thread, &(struct shown){took_ns, took_ns, read_at_ns, read_at_ns});
		request->ambiguous |= somebody_waits(loop) && shared_may_overtake(of, read_at_ns);
		judge_order(moment, request, read_at_ns, took_ns);
		blame_hop(moment->engine, thread, request, read_at_ns, step->begun_ns);
		return;
	}
	queued = queued_answer(loop, request, &of);
	if (queued && queued->turn == TURN_WOKEN) {
		request->ambiguous |= !join_nobodys(moment, step, request);
		queued = queued_answer(loop, request, &of); /* it may have moved */
	}
	if (queued) {
		heal_when(moment, step, queued);
		if (goes_on_with_anothers(moment, step, request, queued, of))
			return;
		request->ambiguous |= somebody_waits(loop) && shared_may_overtake(of, queued->read_at_ns);
		judge_order(moment, request, queued->read_at_ns, shared_took_at_ns(thread, step));
	} else if (thread_has_worked(thread, step))
		queued = shared_expected(thread, step, &of);
	if (!queued && thread_has_worked(thread, step))
		shared_note_nobody(thread, step);
	if (!queued)
		return;
	context = context_root(queued->context);
	if (continuation_request(queued) && continuation_request(queued) != request) {
		if (context_is_segment(context_root(request->guess))) {
			go_on_with(moment, step, queued, of);
			exchange(moment, step, request, NULL, NULL);
		}
		return;
	}
	blame_hop(moment->engine, thread, context, queued->read_at_ns, step->begun_ns);
	context->doubts |= 1u << DOUBT_ORDER;
	context_bind(moment->engine, step, context);
	thread->soft = false;
	continuations_drop(moment->engine, of, queued);
}

/* What the order told has led to its response. */
static void bear_out(const struct moment *moment, struct context *context)
{
	const struct continuations *loop = moment->thread->continuations;
	bool crowded = loop->crowded_ns && moment->at_ns < loop->crowded_ns + CROWD_NS;

	if (!crowded || doubts_hardly_wrong(moment->thread->proc, DOUBT_ORDER))
		ahead_bear_out(moment->thread->proc, context);
}

void shared_server_write(const struct moment *moment, struct context *request)
{
	struct thread *thread = moment->thread;
	struct continuations *loop = thread->continuations, *of;
	struct context *root, *step = present_step(thread);
	struct continuation *queued, *named;
	uint64_t read_at_ns;

	drop_dead_of_all(moment->engine, loop);
	if (step)
		find_beginning(moment, step, request);
	root = context_root(thread->context);
	if (!root)
		return;
	request->ambiguous |= root->is_request && shared_lacks_a_step(loop, request);
	if (root->is_request && root->doubts & 1u << DOUBT_ORDER)
		doubts_vote(thread->proc, DOUBT_ORDER, root == request);
	if (root == request || context_root(root->hint) == request)
		loop->crowded_ns = shared_count_to_come(loop) > CROWD ? moment->at_ns : loop->crowded_ns;
	if (root == request)
		bear_out(moment, root);
	if (!root->is_request && root->evidence) {
		queued = queued_request(loop, request, &of);
		read_at_ns = queued ? queued->read_at_ns : 0; /* what is given back may take its place */
		if (context_root(root->hint) == request) {
			doubts_vote(thread->proc, DOUBT_ORDER, true);
			bear_out(moment, root);
		} else if (root->hint) {
			named = queued_answer(loop, request, &of);
			links_give_back(moment, root, request, named, named ? of : NULL);
		}
		if (queued)
			judge_order(moment, request, read_at_ns, root->begun_ns);
		links_bind(moment->engine, root, request);
		if (context_root(root->hint) == request)
			bear_out(moment, request);
		if (queued)
			blame_hop(moment->engine, thread, request, request->last_read_ns, root->begun_ns);
		hint_at(moment->engine, root, NULL);
	}
	shared_drop_of(moment->engine, loop, request);
	guess_at(moment->engine, request, NULL);
}
