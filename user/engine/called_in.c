/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 9, of a loop that runs tasks. A loop goes on with what is called in in its order: first a thread leaves that to it, then it wakes
 * it, by a byte of its own each (asyncio's _write_to_self); an awake loop may have gone on by then. A loop that its threads wake once for
 * several (uvloop) is none such.
 */
#include "engine/called_in.h"

#include <stdlib.h>
#include <string.h>

#include "engine/rules_loop.h"
#include "engine/set_aside.h"
#include "engine/votes.h"

#define CALLED_MAX 256       /* the oldest are forgotten */
#define CALLS_NS   50000     /* what a thread does from leaving it there to having woken the loop */
#define LATE_NS    100000000 /* the loop goes on with it by then: it may wait for the interpreter's lock */
#define WAKES_NS   5000000   /* so long a thread may be off its core before it wakes the loop */

#define VOTES_MAX      1024
#define MET_PER_MISSED 32
#define MISSED_TRIES   16 /* what was begun before the trace is left over */

enum state_of_call {
	CALL_DONE,    /* what was done; no task has gone on with it yet */
	CALL_GONE_ON, /* a request, which has gone on with what is still to be called in */
	CALL_GIVEN,   /* a request, which was given what was called in then: that may still prove to be another one's */
};

struct called {
	enum state_of_call state;
	struct context *context; /* NULL: nothing was done */
	uint64_t worked_from_ns; /* since then, if it was anything */
	uint64_t from_ns, at_ns; /* the thread left it to the loop in between: it may have been taken off its core before it woke that */
	bool doubtful;           /* others did so meanwhile */
};

struct calls_in {
	uint32_t count;
	bool in_doubt;    /* what was given may have been another one's that is here still */
	struct score met; /* right: a task went on with what a thread had done; wrong: a task with nothing, or none with that */
	struct called called[CALLED_MAX];
};

static void drop(struct engine *engine, struct calls_in *calls, uint32_t at)
{
	struct called dropped = calls->called[at];

	calls->count--;
	memmove(&calls->called[at], &calls->called[at + 1], (calls->count - at) * sizeof(calls->called[0]));
	if (dropped.state != CALL_DONE) {
		dropped.context->awaits_call_in = false;
		for (uint32_t i = 0; i < calls->count; i++) /* it may have left more than one thing to threads */
			dropped.context->awaits_call_in |= calls->called[i].context == dropped.context;
	}
	context_put(engine, dropped.context);
}

static bool is_old(const struct called *called, const struct thread *thread, uint64_t at_ns)
{
	if (called->state != CALL_DONE)
		return called->at_ns + WAKES_NS < at_ns;
	/* A loop does not fall asleep before it has gone on with all. */
	return called->at_ns + LATE_NS < at_ns || called->at_ns + CALLS_NS < thread->wake_from_ns;
}

/* A task that goes on by a timer's callback, or a thread that wakes the loop for nobody, leaves something over. */
static bool is_left_over(const struct called *called)
{
	return called->state == CALL_GONE_ON || (called->state == CALL_DONE && called->context && called->worked_from_ns != UINT64_MAX);
}

/* Then it may take, or be taken for, what is another one's. */
static bool others_are_taken_for_it(const struct calls_in *calls)
{
	return calls->met.wrong * MET_PER_MISSED > calls->met.right + MET_PER_MISSED * MISSED_TRIES;
}

static void grow_old(struct engine *engine, struct calls_in *calls, uint32_t at)
{
	if (is_left_over(&calls->called[at]))
		score_count(&calls->met, false, VOTES_MAX);
	drop(engine, calls, at);
}

/* NULL: no memory. */
static struct calls_in *calls_of(const struct moment *moment)
{
	struct proc *proc = moment->thread->proc;
	struct calls_in *calls = proc->calls_in;

	if (!calls && !(calls = proc->calls_in = calloc(1, sizeof(*calls))))
		return NULL;
	for (uint32_t i = calls->count; i-- > 0;)
		if (is_old(&calls->called[i], moment->thread, moment->at_ns))
			grow_old(moment->engine, calls, i);
	if (calls->count == CALLED_MAX)
		drop(moment->engine, calls, 0);
	return calls;
}

static bool is_anything_pending(const struct calls_in *calls)
{
	for (uint32_t i = 0; i < calls->count; i++)
		if (calls->called[i].state != CALL_GIVEN)
			return true;
	return false;
}

static void push(struct calls_in *calls, struct called called)
{
	context_get(called.context);
	calls->called[calls->count++] = called;
}

/* Others were called in with while the thread may have had left this to the loop already: which was the first? */
static void doubt_order(struct calls_in *calls, struct called *done)
{
	for (uint32_t i = 0; i < calls->count; i++) {
		struct called *other = &calls->called[i];

		if (other->state == CALL_GONE_ON || other->at_ns <= done->from_ns + CALLS_NS)
			continue;
		other->doubtful = done->doubtful = true;
		if (other->state == CALL_GIVEN && !other->context->closed)
			other->context->ambiguous = true;
	}
}

/* What had begun before the request came is not for that. */
static bool fits(const struct called *done, const struct context *request)
{
	return done->worked_from_ns >= request->first_read_ns;
}

/* It is in the list no longer. */
static void give(struct engine *engine, struct calls_in *calls, const struct called *done, struct context *request)
{
	bool doubtful = calls->in_doubt || done->doubtful, taken = others_are_taken_for_it(calls);

	calls->in_doubt = doubtful && is_anything_pending(calls); /* the one is here still */
	if (!context_is_segment(context_root(done->context)) || request->closed)
		return;
	request->ambiguous |= doubtful || taken;
	score_count(&calls->met, true, VOTES_MAX);
	context_bind(engine, done->context, request);
	push(calls, (struct called){.state = CALL_GIVEN, .context = request, .at_ns = done->at_ns});
	request->awaits_call_in = true;
}

/* ---- a thread calls in ------------------------------------------------------------------------------------------------------------- */

/* What it did first may be the end of what it had called in before. */
static uint64_t worked_from_ns(const struct thread *thread, const struct context *segment)
{
	const struct interval *lists[] = {segment->timeline.intervals, thread->pending};
	const uint32_t counts[] = {segment->timeline.count, thread->pending_count};
	uint64_t cpu_ns = 0;

	for (uint32_t list = 0; list < 2; list++)
		for (uint32_t i = 0; i < counts[list]; i++) {
			if (lists[list][i].state == STATE_CPU)
				cpu_ns += lists[list][i].end_ns - lists[list][i].start_ns;
			if (cpu_ns >= SILENT_NS)
				return lists[list][i].end_ns - (cpu_ns - SILENT_NS);
		}
	return UINT64_MAX;
}

/* It had as much to do still until it had woken the loop, with all that it was off its core meanwhile. */
static uint64_t called_from_ns(const struct thread *thread, const struct context *segment, uint64_t at_ns)
{
	const struct interval *lists[] = {thread->pending, segment->timeline.intervals};
	const uint32_t counts[] = {thread->pending_count, segment->timeline.count};
	uint64_t cpu_ns = 0;

	for (uint32_t list = 0; list < 2; list++)
		for (uint32_t i = counts[list]; i-- > 0;) {
			const struct interval *interval = &lists[list][i];

			if (interval->state != STATE_CPU)
				continue;
			cpu_ns += interval->end_ns - interval->start_ns;
			if (cpu_ns >= CALLS_NS)
				return interval->start_ns + (cpu_ns - CALLS_NS);
			at_ns = interval->start_ns;
		}
	return at_ns;
}

/* The request went on while the thread was about to wake the loop. */
static bool may_be_of(const struct called *done, const struct called *gone_on)
{
	return gone_on->state == CALL_GONE_ON && done->from_ns <= gone_on->at_ns && fits(done, gone_on->context);
}

static void call_in(const struct moment *moment, struct calls_in *calls, struct called *done)
{
	uint32_t count = 0, first = 0;
	struct context *request;

	doubt_order(calls, done);
	for (uint32_t i = calls->count; i-- > 0;)
		if (may_be_of(done, &calls->called[i])) {
			count++;
			first = i;
		}
	if (!count) {
		push(calls, *done);
		return;
	}
	done->doubtful |= count > 1;
	request = context_get(calls->called[first].context);
	drop(moment->engine, calls, first);
	give(moment->engine, calls, done, request);
	context_put(moment->engine, request);
}

/* It goes on with that: it wakes the loop for something else, as who leaves a part to a task does. */
static bool serves_its_own(const struct thread *thread)
{
	return !thread->soft && context_is_open_request(context_root(thread->context));
}

void called_in(const struct moment *moment)
{
	struct thread *thread = moment->thread;
	struct context *root;
	struct calls_in *calls;
	struct called done = {.from_ns = moment->at_ns, .at_ns = moment->at_ns};

	if (!proc_has_tasks(thread->proc) || thread->loop || thread->carrier || moment->conn->family != CONN_UNIX ||
	    moment->record->result != 1)
		return;
	if (moment->conn->crosses || serves_its_own(thread))
		return;
	thread->answers = true; /* it waits in the midst of what it does, for the interpreter's lock, or has done with it here */
	set_aside_goes_on(moment->engine, thread, context_root(thread->context));
	root = context_root(thread->context);
	if (context_is_segment(root)) {
		done.context = context_get(root);
		done.worked_from_ns = worked_from_ns(thread, root);
		done.from_ns = called_from_ns(thread, root, moment->at_ns);
	}
	turn_to_segment(moment, ORIGIN_HANDOFF, NULL, false); /* it may go on with the next at once */
	calls = calls_of(moment);
	if (calls)
		call_in(moment, calls, &done);
	context_put(moment->engine, done.context);
}

/* ---- the loop goes on with it -------------------------------------------------------------------------------------------------------- */

void called_in_goes_on(const struct moment *moment, struct context *request)
{
	struct calls_in *calls = calls_of(moment);

	if (!calls)
		return;
	for (uint32_t i = 0; i < calls->count; i++) {
		struct called done = calls->called[i];

		if (done.state != CALL_DONE || !fits(&done, request))
			continue;
		context_get(done.context);
		drop(moment->engine, calls, i);
		give(moment->engine, calls, &done, request);
		context_put(moment->engine, done.context);
		return;
	}
	push(calls, (struct called){.state = CALL_GONE_ON, .context = request, .at_ns = moment->at_ns});
	request->awaits_call_in = true;
}

void called_in_close(struct engine *engine, struct proc *proc)
{
	while (proc->calls_in && proc->calls_in->count)
		drop(engine, proc->calls_in, proc->calls_in->count - 1);
	free(proc->calls_in);
	proc->calls_in = NULL;
}
