/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 9 where a loop has worker threads. A worker has one thing at a time, and hands it back by waking the loop. One wake-up may stand for
 * several, and a callback may run before the wake-up that told of it is read: which one runs shows by what it does. One that gives work to
 * a worker runs for what this worker has just handed back, as whoever is free is given the next at once.
 */
#include <stdlib.h>

#include "engine/line.h"
#include "engine/workers.h"

#define BACK_MAX    16 /* of more the oldest are taken for such as show nothing */
#define WORKERS_MAX 32 /* of more it is not found out what they hand back unseen */

/* A worker is done with it, and its callback has not shown itself yet. */
struct back {
	struct context *context;
	uint32_t worker_tid;
	uint64_t sent_ns;
};

struct handed_back {
	struct back waiting[BACK_MAX]; /* oldest first */
	uint32_t count;
	uint64_t looked_ns; /* the callbacks of what was handed back until then are over when the turn ends */
	bool in_callbacks;  /* since then nothing else was read */
	uint32_t workers[WORKERS_MAX];
	uint32_t worker_count;
};

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

/* Before anything else its callback has given the worker what waits longest, if anything does. */
static void give_unseen(const struct moment *moment, uint32_t worker_tid)
{
	struct context *given = handoff_is_unseen(moment, worker_tid) ? rule_12_next_in_line(moment, GIVEN_WORKER) : NULL;

	if (!given)
		return;
	given->at_worker = true;
	handoff_unseen(moment, worker_tid, given);
	context_put(moment->engine, given);
}

/* What the thread does in this callback is for this one, which has waited for the loop. */
static void run_for(const struct moment *moment, uint32_t at)
{
	struct back back = take(moment->thread->handed_back, at);
	struct context *context = context_root(back.context);

	work_for(moment, context);
	context_add_interval(
		moment->engine, context,
		(struct interval){.start_ns = back.sent_ns, .end_ns = blame_loop(moment, context, back.sent_ns), .state = STATE_LOOP});
	context_put(moment->engine, back.context);
	give_unseen(moment, back.worker_tid);
}

void workers_hold(struct engine *engine, struct thread *worker, struct context *context)
{
	struct context *before = worker->holds;

	worker->holds = context_get(context);
	context_put(engine, before);
}

void workers_hand_back(struct engine *engine, struct thread *loop, uint32_t worker_tid, struct context *context, uint64_t at_ns)
{
	struct handed_back *handed_back = handed_back_of(loop);

	context->at_worker = false;
	if (!handed_back)
		return;
	if (handed_back->count == BACK_MAX)
		context_put(engine, take(handed_back, 0).context);
	handed_back->waiting[handed_back->count++] = (struct back){context_get(context), worker_tid, at_ns};
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
}

/* The loop is found to have workers: all that it has read and not answered waits for one. */
static void find_workers(const struct moment *moment)
{
	struct thread *thread = moment->thread;

	if (!thread->continuations || thread->continuations->has_workers)
		return;
	thread->continuations->has_workers = true;
	for (struct context *request = moment->engine->open_requests; request; request = request->next_open)
		if (request->reader_tid == thread->tid && request != context_root(thread->context))
			rule_12_waits(moment->engine, thread, request, request->last_active_ns);
}

/* It was handed back without a wake-up, as an earlier one was not seen yet. */
static void run_for_unseen(const struct moment *moment, struct thread *worker)
{
	struct context *done = context_get(context_root(worker->holds));

	workers_hold(moment->engine, worker, NULL);
	done->at_worker = false;
	work_for(moment, done);
	context_put(moment->engine, done);
}

/* A worker that has gone on from what it was given. NULL: there is none. */
static struct thread *find_done(const struct moment *moment)
{
	const struct handed_back *handed_back = moment->thread->handed_back;

	for (uint32_t i = 0; i < handed_back->worker_count; i++) {
		struct thread *worker = thread_of(moment->engine, handed_back->workers[i]);

		if (worker && worker->holds && context_root(worker->context) != context_root(worker->holds))
			return worker;
	}
	return NULL;
}

static void list_worker(struct handed_back *handed_back, uint32_t tid)
{
	for (uint32_t i = 0; i < handed_back->worker_count; i++)
		if (handed_back->workers[i] == tid)
			return;
	if (handed_back->worker_count < WORKERS_MAX)
		handed_back->workers[handed_back->worker_count++] = tid;
}

/* Of what the worker had before the trace nobody knows whose it was: that only a response can say. */
static void find_callback(const struct moment *moment, uint32_t worker_tid)
{
	const struct handed_back *handed_back = moment->thread->handed_back;
	struct thread *worker = thread_of(moment->engine, worker_tid);
	struct context *root;

	for (uint32_t i = 0; i < handed_back->count; i++)
		if (handed_back->waiting[i].worker_tid == worker_tid) {
			run_for(moment, i);
			return;
		}
	if (worker && worker->holds) {
		run_for_unseen(moment, worker);
		return;
	}
	root = context_root(moment->thread->context);
	if (!root || root->is_request || !root->evidence)
		turn_to_segment(moment, ORIGIN_HANDOFF, NULL, false);
	(void)downstream_owner(moment);
}

struct context *workers_give(const struct moment *moment, uint32_t worker_tid)
{
	struct thread *thread = moment->thread;
	struct handed_back *handed_back = thread->handed_back;
	struct context *given = NULL;

	find_workers(moment);
	if (handed_back)
		list_worker(handed_back, worker_tid);
	if (handed_back && handed_back->in_callbacks) {
		find_callback(moment, worker_tid);
		given = rule_12_next_in_line(moment, GIVEN_WORKER);
	}
	if (!given && thread_is_active(thread))
		given = context_get(context_root(thread->context));
	if (given)
		given->at_worker = true;
	return given;
}

/* One that is this request's already, or may turn out to be. */
static bool may_be(struct context *context, const struct context *request)
{
	const struct context *root = context_root(context);

	return !request || root == request || !root->is_request;
}

/* unseen: whose callback has given its worker something already, without a write. */
static bool run_for_one(const struct moment *moment, const struct context *request, bool unseen)
{
	const struct handed_back *handed_back = moment->thread->handed_back;

	for (uint32_t i = 0; i < handed_back->count; i++) {
		const struct back *back = &handed_back->waiting[i];

		if (!may_be(back->context, request) || (unseen && !handoff_is_unseen(moment, back->worker_tid)))
			continue;
		run_for(moment, i);
		return true;
	}
	return false;
}

void workers_callback_acts(const struct moment *moment, const struct context *request)
{
	struct thread *thread = moment->thread, *worker;
	struct handed_back *handed_back = thread->handed_back;

	if (!handed_back || !handed_back->in_callbacks || (thread_is_active(thread) && !thread->asked))
		return;
	if (run_for_one(moment, request, true))
		return;
	worker = find_done(moment);
	if (worker && may_be(worker->holds, request)) {
		run_for_unseen(moment, worker);
		give_unseen(moment, worker->tid);
	} else {
		(void)run_for_one(moment, request, false);
	}
}

void workers_turn_ends(struct engine *engine, struct thread *thread, uint64_t at_ns)
{
	struct handed_back *handed_back = thread->handed_back;

	if (!handed_back || !handed_back->in_callbacks)
		return;
	handed_back->in_callbacks = false;
	while (handed_back->count && handed_back->waiting[0].sent_ns <= handed_back->looked_ns) {
		struct back back = take(handed_back, 0);

		rule_12_waits(engine, thread, context_root(back.context), at_ns);
		context_put(engine, back.context);
	}
}

void workers_forget(struct engine *engine, struct thread *thread)
{
	workers_hold(engine, thread, NULL);
	while (thread->handed_back && thread->handed_back->count)
		context_put(engine, take(thread->handed_back, 0).context);
	free(thread->handed_back);
	thread->handed_back = NULL;
}
