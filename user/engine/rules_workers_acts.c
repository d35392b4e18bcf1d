/* SPDX-License-Identifier: BSD-2-Clause */
/* Rule 9 where a loop has worker threads: whose callback it is that asks or answers. */
#include "engine/handed_back.h"
#include "engine/line.h"

enum fit {
	FIT_IS,      /* it is this request's */
	FIT_TURN,    /* by its place in the line */
	FIT_UNKNOWN, /* it may turn out to be */
	FIT_NOT
};

/* Stands for a request from before the trace. */
static const struct context before_trace = {.is_request = true};

static enum fit fit_of(const struct thread *thread, struct context *context, const struct context *request)
{
	const struct context *root = context_root(context), *whose;

	if (root && root->is_request)
		return !request || root == request ? FIT_IS : FIT_NOT;
	whose = root ? rule_12_whose_turn(thread, root) : NULL;
	return root && request && (whose ? whose : &before_trace) == request ? FIT_TURN : FIT_UNKNOWN;
}

/* One that waits, and how it fits: to find that out takes as long as many are in flight. */
struct candidate {
	const struct back *back; /* NULL: none */
	enum fit fit;
};

/* Does the one callback rather act now than the other? While somebody waits for a worker, each gives its own something, be it unseen. */
static bool comes_before(const struct moment *moment, struct candidate one, struct candidate other, bool answers)
{
	const struct handed_back *handed_back = moment->thread->handed_back;
	bool gave = one.back->gave || handoff_is_unseen(moment, one.back->worker_tid);
	bool other_gave = other.back->gave || handoff_is_unseen(moment, other.back->worker_tid);

	if (answers && one.fit != other.fit)
		return one.fit < other.fit;
	if (gave != other_gave && rule_12_somebody_waits(moment->thread, LINE_WORKERS))
		return gave;
	return handed_back_turns_until(handed_back, one.back) < handed_back_turns_until(handed_back, other.back);
}

static struct candidate find_acting(const struct moment *moment, const struct context *request)
{
	const struct handed_back *handed_back = moment->thread->handed_back;
	struct candidate first = {.fit = FIT_NOT};

	for (uint32_t i = 0; i < handed_back->count; i++) {
		const struct back *back = &handed_back->waiting[i];
		struct candidate candidate = {.back = back, .fit = fit_of(moment->thread, back->context, request)};

		if (candidate.fit != FIT_NOT && (!first.back || comes_before(moment, candidate, first, request)))
			first = candidate;
	}
	return first;
}

/* Is it still the callback that has shown itself before? Not if that one's request is known, and the one answered is known to be another's.
 */
static bool is_present_callback(const struct moment *moment, const struct context *request, struct candidate acting)
{
	struct thread *thread = moment->thread;
	const struct context *present = context_root(thread->context), *whose;

	if (!thread_is_active(thread) || thread->asked)
		return false;
	if (!request || acting.fit >= FIT_UNKNOWN)
		return true;
	whose = present->is_request ? present : rule_12_whose_turn(thread, present);
	return !whose || whose == request;
}

/* A worker that has gone on from what it was given, or what it has is the one that is answered. NULL: there is none. */
static struct thread *find_done(const struct moment *moment, const struct context *request)
{
	const struct handed_back *handed_back = moment->thread->handed_back;
	struct thread *done = NULL;

	for (uint32_t i = 0; i < handed_back->worker_count; i++) {
		struct thread *worker = thread_of(moment->engine, handed_back->workers[i]);

		if (!worker || !worker->holds)
			continue;
		if (request && fit_of(moment->thread, worker->holds, request) < FIT_UNKNOWN)
			return worker;
		if (!done && context_root(worker->context) != context_root(worker->holds))
			done = worker;
	}
	return done;
}

/* Is it the callback of what the worker has handed back unseen, rather than this one, if there is one? It may compute still. */
static bool is_unseen_rather(const struct moment *moment, const struct thread *worker, struct candidate acting,
			     const struct context *request)
{
	enum fit fit = fit_of(moment->thread, worker->holds, request);
	bool computes = context_root(worker->context) == context_root(worker->holds);

	/* One from before the trace fits any place in a line of which is not known who stood in front. */
	if (request == &before_trace && acting.back && acting.fit == FIT_UNKNOWN && computes)
		return false;
	if (request && fit < FIT_UNKNOWN && acting.fit >= FIT_UNKNOWN)
		return true;
	if (acting.back && acting.fit <= fit && computes)
		return false;
	return fit != FIT_NOT && !(acting.back && (acting.back->gave || handoff_is_unseen(moment, acting.back->worker_tid)));
}

void workers_callback_acts(const struct moment *moment, const struct context *request)
{
	struct thread *thread = moment->thread, *worker;
	struct handed_back *handed_back = thread->handed_back;
	struct candidate acting;

	if (!handed_back || !handed_back->in_callbacks)
		return;
	acting = find_acting(moment, request);
	if (is_present_callback(moment, request, acting)) {
		handed_back_acts(handed_back, moment->at_ns);
		return;
	}
	worker = find_done(moment, request);
	if (worker && is_unseen_rather(moment, worker, acting, request)) {
		handed_back_run_unseen(moment, worker);
		(void)handed_back_give_unseen(moment, worker->tid);
	} else if (acting.back) {
		handed_back_run(moment, (uint32_t)(acting.back - handed_back->waiting), false);
	}
}

void workers_callback_answers_unknown(const struct moment *moment)
{
	workers_callback_acts(moment, &before_trace);
}
