/* SPDX-License-Identifier: BSD-2-Clause */
/* Contexts: whose work it is. Late binding lives here: a segment's time and calls move to the request that it turns out to serve. */
#include <stdlib.h>
#include <string.h>

#include "engine/goroutines.h"
#include "engine/locks.h"
#include "engine/model.h"
#include "engine/stolen.h"

static struct context *context_new(struct engine *engine, uint64_t now_ns)
{
	struct context *context = engine->free_contexts;
	struct interval *intervals;
	uint32_t capacity;

	if (context) {
		engine->free_contexts = context->bound_to;
	} else {
		context = engine->context_count < CONTEXTS_MAX ? calloc(1, sizeof(*context)) : NULL;
		if (!context) {
			engine->losses.contexts++;
			return NULL;
		}
		engine->context_count++;
	}
	/* The list of intervals is kept over lives: most contexts need one, and few need a longer one. */
	intervals = context->timeline.intervals;
	capacity = context->timeline.capacity;
	*context = (struct context){.refs = 1, .begun_ns = now_ns, .last_active_ns = now_ns};
	context->timeline.intervals = intervals;
	context->timeline.capacity = capacity;
	return context;
}

struct context *context_new_segment(struct engine *engine, enum origin origin, struct context *hint, uint64_t now_ns)
{
	struct context *context = context_new(engine, now_ns);

	if (!context)
		return NULL;
	context->origin = (uint8_t)origin;
	context->helper_only = true;
	context->hint = context_get(context_root(hint));
	return context;
}

void context_note_evidence(struct context *context)
{
	if (!context)
		return;
	context->evidence = true;
	context->helper_only = false;
}

struct context *context_new_request(struct engine *engine, uint64_t start_ns)
{
	struct context *context = context_new(engine, start_ns);

	if (!context)
		return NULL;
	context->is_request = true;
	context->start_ns = start_ns;
	return context;
}

struct context *context_get(struct context *context)
{
	if (context)
		context->refs++;
	return context;
}

/* ---- the end of a context ------------------------------------------------------------------------------------------------- */

void context_forget_procs(struct context *context)
{
	for (struct cpu_share *share = context->folded_cpu, *next; share; share = next) {
		next = share->next;
		proc_put(share->proc);
		free(share);
	}
	context->folded_cpu = NULL;
	proc_put(context->proc);
	context->proc = NULL;
}

static void free_parts(struct context *context)
{
	context_forget_procs(context);
	party_outlives(context);
	holds_forget(context);
	free(context->calls);
	free(context->line);
	free(context->unix_path);
	context->timeline.count = 0;
	if (context->timeline.capacity > 64)
		timeline_fini(&context->timeline);
}

enum part { PART_RUNTIME, PART_BACKGROUND, PART_UNATTRIBUTED };

/*
 * Whose fault is CPU that no request ever claimed? What the runtime does on threads that never see a socket (collecting, compiling) is the
 * runtime's, and so is a goroutine scheduler's looking for work. Timers, consumers, streams and connection set-up are background. The rest
 * is not known.
 */
static enum part part_of(const struct context *context, const struct proc *proc)
{
	bool managed = proc->told.runtime >= RUNTIME_GO && proc->told.runtime <= RUNTIME_PYTHON;

	if (context->origin == ORIGIN_RUNTIME)
		return PART_RUNTIME;
	if (context->helper_only)
		return managed ? PART_RUNTIME : PART_BACKGROUND;
	switch (context->origin) {
	case ORIGIN_MISSED:
	case ORIGIN_UNKNOWN:
	case ORIGIN_POOL: /* some request's, whose response was not seen */
	case ORIGIN_WORKER:
		return PART_UNATTRIBUTED;
	case ORIGIN_PARK: /* a goroutine that called a downstream: of some request, but of which? */
		return context->evidence ? PART_UNATTRIBUTED : PART_RUNTIME;
	case ORIGIN_FUTEX:
	case ORIGIN_EVENT:
		return managed && !context->evidence ? PART_RUNTIME : PART_BACKGROUND;
	default:
		return PART_BACKGROUND;
	}
}

void context_charge_unclaimed(struct context *context, struct proc *proc, uint64_t cpu_ns)
{
	if (!context) {
		proc->told.unattributed_cpu_ns += cpu_ns;
		return;
	}
	if (context->stream_kind) {
		stream_charge(context, proc, cpu_ns);
		return;
	}
	if (context->is_request) {
		proc->told.after_response_cpu_ns += cpu_ns;
		return;
	}
	switch (part_of(context, proc)) {
	case PART_RUNTIME:
		proc->told.runtime_cpu_ns += cpu_ns;
		return;
	case PART_BACKGROUND:
		proc->told.background_cpu_ns += cpu_ns;
		proc->told.setup_cpu_ns += context->sets_up || context->origin == ORIGIN_SETUP ? cpu_ns : 0;
		return;
	case PART_UNATTRIBUTED:
		proc->told.unattributed_cpu_ns += cpu_ns;
		return;
	}
}

/* A segment that nothing will ever name any more. */
static void settle_segment(struct engine *engine, struct context *segment)
{
	struct context *hint = context_root(segment->hint);

	if (segment->proc && proc_runs_untold_goroutines(segment->proc) && goroutine_is_unseen(segment))
		goroutine_stray(engine, segment, UINT64_MAX);
	if (hint && hint != segment) {
		context_bind(engine, segment, hint);
		return;
	}
	for (uint32_t i = 0; i < segment->timeline.count; i++) {
		const struct interval *interval = &segment->timeline.intervals[i];

		if (interval->state == STATE_CPU)
			context_charge_unclaimed(segment, interval->proc, interval->end_ns - interval->start_ns);
	}
	for (const struct cpu_share *share = segment->folded_cpu; share; share = share->next)
		context_charge_unclaimed(segment, share->proc, share->before_ns + share->within_ns + share->after_ns);
	segment->timeline.count = 0;
}

/* Nobody refers to it any more: it waits among the dead, which no connection has in its queue. */
static void let_go(struct context **dead, struct context *context)
{
	if (!context || --context->refs)
		return;
	context->next_on_conn = *dead;
	*dead = context;
}

/* Not by recursion: contexts that hint at each other may be a long chain. */
void context_put(struct engine *engine, struct context *context)
{
	struct context *dead = NULL;

	let_go(&dead, context);
	while ((context = dead)) {
		dead = context->next_on_conn;
		if (!context->is_request && !context->bound_to) {
			context->refs = 1; /* settling may look at it */
			settle_segment(engine, context);
			context->refs = 0;
		}
		stolen_move_handouts(context, context->bound_to);
		let_go(&dead, context->bound_to);
		let_go(&dead, context->hint);
		let_go(&dead, context->resumes);
		let_go(&dead, context->instead);
		let_go(&dead, context->culprit);
		let_go(&dead, context->guess);
		let_go(&dead, context->step);
		free_parts(context);
		context->bound_to = engine->free_contexts;
		engine->free_contexts = context;
	}
}

void context_hold(struct engine *engine, struct context **slot, struct context *context)
{
	struct context *before = *slot;

	*slot = context_get(context);
	context_put(engine, before);
}

/* ---- growing -------------------------------------------------------------------------------------------------------------- */

/* From here on it counts CPU of the process too. False: no memory. */
static bool count_proc(struct context *context, struct proc *proc)
{
	if (!proc || context->proc == proc)
		return true;
	if (context->proc)
		return context_share_of(context, proc) != NULL;
	context->proc = proc_get(proc);
	return true;
}

void context_add_interval(struct engine *engine, struct context *context, struct interval interval)
{
	struct context *root = context_root(context);

	if (!root || !context_keeps_time(root)) {
		if (interval.state == STATE_CPU)
			context_charge_unclaimed(root, interval.proc, interval.end_ns - interval.start_ns);
		return;
	}
	if (timeline_is_full(&root->timeline))
		context_fold(engine, root);
	if (interval.start_ns < root->timeline.settled_until_ns)
		context_settle_late(root, &interval);
	if (!count_proc(root, interval.proc) || timeline_add(&root->timeline, interval)) {
		engine->losses.contexts++;
		if (interval.state == STATE_CPU)
			interval.proc->told.unattributed_cpu_ns += interval.end_ns - interval.start_ns;
		return;
	}
	if (interval.end_ns > root->last_active_ns)
		root->last_active_ns = interval.end_ns;
}

void context_add_wait(struct engine *engine, struct context *context, uint64_t from_ns, uint64_t until_ns, enum state state)
{
	context_add_interval(engine, context, (struct interval){.start_ns = from_ns, .end_ns = until_ns, .state = (uint8_t)state});
}

/* What of it lies before known_until_ns is in the root's sums already. Its number; 0: not listed. */
static uint32_t add_call(struct engine *engine, struct context *root, const struct done_call *call, uint64_t known_until_ns)
{
	if (call->arrived_ns > root->last_active_ns)
		root->last_active_ns = call->arrived_ns;
	if (root->call_count == CALLS_MAX) {
		uint64_t from_ns = later_ns(call->write_ns, known_until_ns);

		engine->losses.calls++;
		context_add_interval(
			engine, root,
			(struct interval){.start_ns = from_ns, .end_ns = call->arrived_ns, .state = STATE_NET, .peer = call->peer});
		return 0;
	}
	if (root->call_count == root->call_capacity) {
		uint32_t capacity = root->call_capacity ? root->call_capacity * 2 : 8;
		struct done_call *bigger = realloc(root->calls, capacity * sizeof(*bigger));

		if (!bigger) {
			engine->losses.calls++;
			return 0;
		}
		root->calls = bigger;
		root->call_capacity = capacity;
	}
	root->calls[root->call_count] = *call;
	root->calls[root->call_count++].number = ++root->calls_numbered;
	context_settle_call(root, call, known_until_ns);
	return root->calls_numbered;
}

uint32_t context_add_call(struct engine *engine, struct context *context, const struct done_call *call)
{
	struct context *root = context_root(context);

	return root && context_keeps_time(root) ? add_call(engine, root, call, 0) : 0;
}

bool context_take_call(struct context *context, uint32_t number, uint64_t since_ns, struct done_call *call)
{
	uint32_t at = 0;

	while (at < context->call_count && context->calls[at].number != number)
		at++;
	if (!number || at == context->call_count || context->calls[at].start_ns < since_ns)
		return false;
	*call = context->calls[at];
	context->call_count--;
	memmove(&context->calls[at], &context->calls[at + 1], (context->call_count - at) * sizeof(context->calls[0]));
	return true;
}

void context_list_thread(struct context *context, uint32_t tid)
{
	for (uint32_t i = 0; i < context->thread_count; i++)
		if (context->threads[i] == tid)
			return;
	if (context->thread_count < THREADS_LISTED_MAX)
		context->threads[context->thread_count++] = tid;
}

/* ---- binding -------------------------------------------------------------------------------------------------------------- */

/* Where it began instead of what has turned out to be the same, the two would keep each other for ever. */
static void forget_instead(struct engine *engine, struct context *context)
{
	struct context *instead = context->instead;

	if (!instead || context_root(instead) != context)
		return;
	context->instead = NULL;
	context_put(engine, instead);
}

static void take_over_marks(struct context *to, const struct context *segment)
{
	for (uint32_t i = 0; i < segment->thread_count; i++)
		context_list_thread(to, segment->threads[i]);
	to->voluntary += segment->voluntary;
	to->involuntary += segment->involuntary;
	to->ambiguous |= segment->ambiguous;
	to->doubts |= segment->doubts;
	to->names_guessed += segment->names_guessed;
	to->names_in_order += segment->names_in_order;
}

void context_bind(struct engine *engine, struct context *segment, struct context *to)
{
	segment = context_root(segment);
	to = context_root(to);
	if (!segment || !to || segment == to)
		return;
	if (segment->timeline.settled_until_ns || segment->folded_cpu)
		context_move_folded(engine, segment, to);
	for (uint32_t i = 0; i < segment->timeline.count; i++)
		context_add_interval(engine, to, segment->timeline.intervals[i]);
	segment->timeline.count = 0;
	for (uint32_t i = 0; i < segment->call_count && context_keeps_time(to); i++)
		(void)add_call(engine, to, &segment->calls[i], segment->timeline.settled_until_ns);
	segment->call_count = 0;
	holds_move(engine, segment, to);
	for (struct call *call; (call = segment->calls_in_flight);) {
		call_delist(call);
		call_enlist(call, to);
	}
	if (!to->closed) /* it may be withheld, and is told as it was */
		take_over_marks(to, segment);
	to->evidence |= segment->evidence;
	to->helper_only &= segment->helper_only;
	segment->bound_to = context_get(to);
	forget_instead(engine, to);
}

void context_give_since(struct engine *engine, struct context *segment, struct context *to, uint64_t since_ns)
{
	uint32_t intervals = 0, calls = 0;

	for (uint32_t i = 0; i < segment->timeline.count; i++) {
		struct interval interval = segment->timeline.intervals[i];

		if (interval.start_ns < since_ns)
			segment->timeline.intervals[intervals++] = interval;
		else
			context_add_interval(engine, to, interval);
	}
	segment->timeline.count = intervals;
	for (uint32_t i = 0; i < segment->call_count; i++) {
		struct done_call call = segment->calls[i];

		if (call.start_ns < since_ns)
			segment->calls[calls++] = call;
		else
			(void)context_add_call(engine, to, &call);
	}
	segment->call_count = calls;
}
