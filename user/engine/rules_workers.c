/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 9 where a loop has worker threads. A worker has one thing at a time, and hands it back by waking the loop. One wake-up may stand for
 * several, and a callback may run before the wake-up that told of it is read: which one runs shows by what it does. One that gives work to
 * a worker runs for what this worker has just handed back, as whoever is free is given the next at once.
 */
#include <stdlib.h>

#include "engine/handed_back.h"
#include "engine/line.h"

#define POSTED_NS    5000 /* it can be seen so long before its wake-up has been written */
#define TAKEN_OFF_NS 5000 /* whom it has woken, or written to, may take it off its core so soon: then it is still in that callback */

/* NULL: no memory. */
static struct handed_back *handed_back_of(struct thread *thread)
{
	if (!thread->handed_back)
		thread->handed_back = calloc(1, sizeof(*thread->handed_back));
	return thread->handed_back;
}

/* The reference is the caller's. */
static struct back take(struct handed_back *handed_back, uint32_t at)
{
	struct back back = handed_back->waiting[at];

	handed_back->count--;
	for (; at < handed_back->count; at++)
		handed_back->waiting[at] = handed_back->waiting[at + 1];
	return back;
}

bool handed_back_give_unseen(const struct moment *moment, uint32_t worker_tid)
{
	bool unseen = handoff_is_unseen(moment, worker_tid) || rule_12_somebody_waits(moment->thread, LINE_WORKERS);
	struct context *given = unseen && handoff_has_room(moment, worker_tid) ? rule_12_next_in_line(moment, GIVEN_WORKER) : NULL;

	if (!given)
		return false;
	given->at_worker = true;
	given->came_back = false;
	handoff_unseen(moment, worker_tid, given);
	context_put(moment->engine, given);
	return true;
}

/* It was free, and nobody stood in line: it was given what runs. */
static void give_running_unseen(const struct moment *moment, uint32_t worker_tid)
{
	struct context *running = context_root(moment->thread->context);

	if (moment->thread->handed_back->in_callbacks || !thread_is_active(moment->thread) || !rule_12_may_wait(moment->thread, running) ||
	    !handoff_has_room(moment, worker_tid))
		return;
	running->at_worker = true;
	running->came_back = false;
	handoff_unseen(moment, worker_tid, running);
}

/* It has handed back all that it had, and those callbacks have run. */
static bool is_free(const struct moment *moment, uint32_t worker_tid)
{
	const struct handed_back *handed_back = moment->thread->handed_back;
	const struct thread *worker = thread_of(moment->engine, worker_tid);

	for (uint32_t i = 0; i < handed_back->count; i++)
		if (handed_back->waiting[i].worker_tid == worker_tid)
			return false;
	return worker && !worker->holds && handoff_has_room(moment, worker_tid);
}

/* One that is free, and has still a wake-up to read, or may have. NULL: there is none. */
static const struct thread *find_free_awake(const struct moment *moment, const struct context *given)
{
	const struct handed_back *handed_back = moment->thread->handed_back;
	const struct thread *may_be = NULL;

	for (uint32_t i = 0; handed_back && i < handed_back->worker_count; i++) {
		uint32_t worker_tid = handed_back->workers[i];

		if (!is_free(moment, worker_tid) || !handoff_may_be_unseen(moment, worker_tid, given->last_active_ns))
			continue;
		if (handoff_was_unseen(moment, worker_tid, given->last_active_ns))
			return thread_of(moment->engine, worker_tid);
		if (!may_be)
			may_be = thread_of(moment->engine, worker_tid);
	}
	return may_be;
}

bool workers_give_at_once(const struct moment *moment, struct context *given)
{
	const struct thread *worker = find_free_awake(moment, given);

	if (!worker)
		return false;
	given->at_worker = true;
	given->came_back = false;
	handoff_unseen(moment, worker->tid, given);
	return true;
}

void workers_gave_unseen(const struct moment *moment, uint32_t worker_tid)
{
	struct handed_back *handed_back = moment->thread->handed_back;

	for (uint32_t i = 0; handed_back && i < handed_back->count; i++) {
		struct back *back = &handed_back->waiting[i];

		if (back->worker_tid != worker_tid || back->gave)
			continue;
		back->gave = handed_back_give_unseen(moment, worker_tid);
		return;
	}
	if (handed_back && handoff_was_unseen(moment, worker_tid, moment->at_ns) && !handed_back_give_unseen(moment, worker_tid))
		give_running_unseen(moment, worker_tid);
}

uint64_t handed_back_turns_until(const struct handed_back *handed_back, const struct back *back)
{
	uint64_t next = 1ull << 32, order = back->worker_tid - handed_back->running_tid;

	if (back->worker_tid < handed_back->running_tid)
		return 2 * next + back->worker_tid;
	return back->sent_ns <= handed_back->passed_ns + POSTED_NS ? order : next + order;
}

/*
 * Its callback has run, and shown nothing: it waits for something within the process. As nothing was written, if somebody waited for a
 * worker it has given that to its own unseen.
 */
static void ran_silently(const struct moment *moment, uint32_t at)
{
	struct back back = take(moment->thread->handed_back, at);

	if (!back.gave && rule_12_somebody_waits(moment->thread, LINE_WORKERS))
		(void)handed_back_give_unseen(moment, back.worker_tid);
	rule_12_waits(moment->engine, moment->thread, context_root(back.context), moment->at_ns);
	context_put(moment->engine, back.context);
}

/* In this turn: as it began, or since. It has still to come to the present worker's next message, and to those of the workers behind. */
static bool was_seen(const struct handed_back *handed_back, const struct back *back)
{
	return back->sent_ns <= handed_back->looked_ns ||
	       (handed_back->running_tid && back->worker_tid >= handed_back->running_tid && back->sent_ns <= handed_back->passed_ns);
}

/* What comes next in this turn of what the loop has seen in it. `count`: nothing. */
static uint32_t find_next(const struct handed_back *handed_back)
{
	uint32_t next = handed_back->count;

	for (uint32_t i = 0; i < handed_back->count; i++)
		if (was_seen(handed_back, &handed_back->waiting[i]) &&
		    (next == handed_back->count || handed_back_turns_until(handed_back, &handed_back->waiting[i]) <
							   handed_back_turns_until(handed_back, &handed_back->waiting[next])))
			next = i;
	return next;
}

/*
 * The loop has come by those of the workers between the present one and this, and by what this one had handed back before sent_ns: they
 * have shown nothing, but they have run.
 */
static void pass_those_before(const struct moment *moment, uint32_t worker_tid, uint64_t sent_ns)
{
	struct handed_back *handed_back = moment->thread->handed_back;

	rule_12_turn_ends(moment->engine, moment->thread, moment->at_ns);
	for (uint32_t i = 0; i < handed_back->count;) {
		const struct back *back = &handed_back->waiting[i];
		bool between = back->worker_tid > handed_back->running_tid && back->worker_tid < worker_tid;

		if ((between && back->sent_ns <= handed_back->passed_ns) || (back->worker_tid == worker_tid && back->sent_ns < sent_ns))
			ran_silently(moment, i);
		else
			i++;
	}
}

void handed_back_run(const struct moment *moment, uint32_t at, bool wakes)
{
	struct back back = take(moment->thread->handed_back, at);
	struct context *context = context_root(back.context);

	pass_those_before(moment, back.worker_tid, back.sent_ns);
	moment->thread->handed_back->running_tid = back.worker_tid;
	handed_back_acts(moment->thread->handed_back, moment->at_ns);
	work_for(moment, context);
	context_add_wait(moment->engine, context, back.sent_ns, blame_loop(moment, context, back.sent_ns), STATE_LOOP);
	context_put(moment->engine, back.context);
	if (!back.gave && !wakes)
		(void)handed_back_give_unseen(moment, back.worker_tid);
}

void workers_hold(struct engine *engine, struct thread *worker, struct context *context)
{
	struct context *before = worker->holds;

	worker->holds = context_get(context);
	context_put(engine, before);
}

void workers_forget_giver(const struct moment *moment, uint32_t writer_tid, struct context **given)
{
	const struct thread *writer = writer_tid ? thread_of(moment->engine, writer_tid) : NULL;
	const struct context *root = context_root(*given);

	if (!writer || !writer->loop || context_is_open_request(root) || (root && root->given == GIVEN_WORKER))
		return;
	context_put(moment->engine, *given);
	*given = context_new_segment(moment->engine, ORIGIN_WORKER, NULL, moment->at_ns);
	context_note_evidence(*given);
}

void workers_hand_back(struct engine *engine, struct thread *loop, uint32_t worker_tid, struct context *context, uint64_t at_ns)
{
	struct handed_back *handed_back = handed_back_of(loop);

	context->at_worker = false;
	context->came_back = true;
	if (!handed_back)
		return;
	if (handed_back->count == BACK_MAX)
		context_put(engine, take(handed_back, 0).context);
	handed_back->waiting[handed_back->count++] = (struct back){context_get(context), worker_tid, at_ns, false};
}

bool workers_call_back(const struct thread *loop)
{
	return loop->handed_back && loop->handed_back->in_callbacks;
}

void workers_loop_held_up(struct thread *loop, uint64_t off_ns, uint64_t on_ns)
{
	struct handed_back *handed_back = loop->handed_back;

	if (!handed_back || !handed_back->in_callbacks || !handed_back->running_tid || off_ns < handed_back->passed_ns ||
	    off_ns - handed_back->passed_ns + handed_back->ran_ns > TAKEN_OFF_NS)
		return;
	handed_back->ran_ns += off_ns - handed_back->passed_ns;
	handed_back->passed_ns = on_ns;
}

bool workers_callback_to_come(const struct thread *loop, const struct context *context)
{
	const struct handed_back *handed_back = loop->handed_back;

	for (uint32_t i = 0; handed_back && i < handed_back->count; i++)
		if (context_root(handed_back->waiting[i].context) == context)
			return true;
	return false;
}

void workers_callbacks_begin(const struct moment *moment)
{
	struct handed_back *handed_back = handed_back_of(moment->thread);

	if (!handed_back)
		return;
	workers_turn_ends(moment->engine, moment->thread, moment->at_ns);
	rule_12_turn_ends(moment->engine, moment->thread, moment->at_ns);
	end_soft_tail(moment);
	turn_to_segment(moment, ORIGIN_HANDOFF, NULL, false);
	handed_back->looked_ns = moment->at_ns;
	handed_back->in_callbacks = true;
	handed_back->running_tid = 0;
	handed_back_acts(handed_back, moment->at_ns);
}

/*
 * The loop is found to have workers: all that it has read and not answered waits for one. Who has no place in its line yet was read before
 * it was known for a loop.
 */
static void find_workers(const struct moment *moment)
{
	struct thread *thread = moment->thread;

	if (!thread->continuations || thread->continuations->has_workers)
		return;
	thread->continuations->has_workers = true;
	for (struct context *request = moment->engine->open_requests; request; request = request->next_open)
		if (request->reader_tid == thread->tid && request != context_root(thread->context))
			rule_12_waits(moment->engine, thread, request, request->last_active_ns);
	rule_12_workers_found(moment->engine, thread);
}

/* It was handed back without a wake-up, as an earlier one was not seen yet. The reference is the caller's. */
static struct context *take_unseen(const struct moment *moment, struct thread *worker)
{
	struct context *done = context_get(context_root(worker->holds));
	struct moment then = *moment;

	workers_hold(moment->engine, worker, NULL);
	done->at_worker = false;
	done->came_back = true;
	then.thread = worker;
	if (context_root(worker->context) == done) {
		turn_to_segment(&then, ORIGIN_SOFT, done, true);
		if (worker->context)
			worker->context->tells_late = true;
	}
	return done;
}

bool workers_tell_late(struct engine *engine, const struct context *request)
{
	const struct thread *loop = thread_of(engine, request->reader_tid);
	const struct handed_back *handed_back = loop ? loop->handed_back : NULL;

	for (uint32_t i = 0; handed_back && i < handed_back->worker_count; i++) {
		const struct thread *worker = thread_of(engine, handed_back->workers[i]);
		const struct context *tail = worker ? context_root(worker->context) : NULL;

		if (tail && tail->tells_late && context_root(tail->hint) == request)
			return true;
	}
	return false;
}

void handed_back_run_unseen(const struct moment *moment, struct thread *worker)
{
	struct context *done = take_unseen(moment, worker);

	work_for(moment, done);
	context_put(moment->engine, done);
}

/* In the place of one that has ended, if there is one. */
static void list_worker(struct engine *engine, struct handed_back *handed_back, uint32_t tid)
{
	uint32_t place = handed_back->worker_count;

	for (uint32_t i = 0; i < handed_back->worker_count; i++) {
		if (handed_back->workers[i] == tid)
			return;
		if (!thread_of(engine, handed_back->workers[i]))
			place = i;
	}
	if (place == WORKERS_MAX)
		return;
	handed_back->workers[place] = tid;
	handed_back->worker_count += place == handed_back->worker_count;
}

/* Of what the worker had before the trace nobody knows whose it was: that only a response can say. */
static void find_callback(const struct moment *moment, uint32_t worker_tid)
{
	struct handed_back *handed_back = moment->thread->handed_back;
	struct thread *worker = thread_of(moment->engine, worker_tid);
	struct context *root;

	for (uint32_t i = 0; i < handed_back->count; i++)
		if (handed_back->waiting[i].worker_tid == worker_tid && !handed_back->waiting[i].gave) {
			handed_back_run(moment, i, true);
			return;
		}
	if (worker && worker->holds) {
		handed_back_run_unseen(moment, worker);
		return;
	}
	root = context_root(moment->thread->context);
	if (!root || root->is_request || !root->evidence || moment->thread->asked || handed_back->running_tid) {
		pass_those_before(moment, worker_tid, 0);
		turn_to_segment(moment, ORIGIN_HANDOFF, NULL, false);
	}
	if (worker_tid)
		handed_back->running_tid = worker_tid;
	handed_back_acts(handed_back, moment->at_ns);
	root = downstream_owner(moment);
	if (root)
		root->came_back = true; /* for what it waits next is no worker */
}

/* What the worker still seems to have it has handed back, and that has shown nothing. */
static void handed_back_unseen(const struct moment *moment, uint32_t worker_tid)
{
	struct thread *worker = thread_of(moment->engine, worker_tid);
	struct context *done = worker && worker->holds ? take_unseen(moment, worker) : NULL;

	if (done)
		rule_12_waits(moment->engine, moment->thread, done, moment->at_ns);
	context_put(moment->engine, done);
}

/* Whom it gives something in another turn is free: the callbacks of what it had handed back have run, unseen, behind the last look. */
static void callbacks_are_over(const struct moment *moment, uint32_t worker_tid)
{
	struct handed_back *handed_back = moment->thread->handed_back;

	for (uint32_t i = 0; i < handed_back->count;) {
		struct back back;

		if (handed_back->waiting[i].worker_tid != worker_tid) {
			i++;
			continue;
		}
		back = take(handed_back, i);
		rule_12_waits(moment->engine, moment->thread, context_root(back.context), moment->at_ns);
		context_put(moment->engine, back.context);
	}
	handed_back_unseen(moment, worker_tid);
}

static void was_given_nothing(const struct moment *moment, uint32_t worker_tid)
{
	struct thread *worker = thread_of(moment->engine, worker_tid);

	if (worker)
		workers_slept(moment->engine, worker, moment->at_ns);
}

/*
 * It had been given nothing, be it unseen: nobody waited for one. Nor had any other that would have needed a wake-up, if it only seemed
 * that somebody waited.
 */
static void was_free(const struct moment *moment, uint32_t worker_tid)
{
	const struct handed_back *handed_back = moment->thread->handed_back;

	was_given_nothing(moment, worker_tid);
	for (uint32_t i = 0; i < handed_back->worker_count && !rule_12_knows_who_waits(moment->thread); i++)
		if (!handoff_may_be_unseen(moment, handed_back->workers[i], moment->at_ns))
			was_given_nothing(moment, handed_back->workers[i]);
	rule_12_nobody_waits_for_workers(moment);
}

struct context *workers_give(const struct moment *moment, uint32_t worker_tid)
{
	struct thread *thread = moment->thread;
	struct handed_back *handed_back = thread->handed_back;
	struct context *given = NULL;

	find_workers(moment);
	if (handed_back && worker_tid)
		list_worker(moment->engine, handed_back, worker_tid);
	if (handed_back && handed_back->in_callbacks) {
		find_callback(moment, worker_tid);
		given = rule_12_next_in_line(moment, GIVEN_WORKER);
	} else if (handed_back) {
		callbacks_are_over(moment, worker_tid);
		if (thread_is_active(thread))
			was_free(moment, worker_tid);
	}
	if (!given && thread_is_active(thread))
		given = context_get(context_root(thread->context));
	if (given) {
		given->at_worker = true;
		given->came_back = false;
	}
	return given;
}

void workers_turn_ends(struct engine *engine, struct thread *thread, uint64_t at_ns)
{
	struct handed_back *handed_back = thread->handed_back;
	uint32_t next;

	if (!handed_back || !handed_back->in_callbacks)
		return;
	handed_back->in_callbacks = false;
	rule_12_turn_ends(engine, thread, at_ns);
	while ((next = find_next(handed_back)) < handed_back->count)
		ran_silently(&(struct moment){.engine = engine, .thread = thread, .at_ns = at_ns}, next);
}

void workers_forget(struct engine *engine, struct thread *thread)
{
	workers_hold(engine, thread, NULL);
	while (thread->handed_back && thread->handed_back->count)
		context_put(engine, take(thread->handed_back, 0).context);
	free(thread->handed_back);
	thread->handed_back = NULL;
}
