/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Work of goroutines that left no trace in the kernel. Whose it was is found by elimination, once a request that can claim it is over: a
 * request ran only where it was open, and is not known to have been elsewhere at that time (on a core, or waiting for a call).
 */
#include <stdlib.h>
#include <string.h>

#include "engine/goroutines.h"
#include "engine/model.h"

#define STRAYS_MAX (1u << 14)    /* a busy kernel may cut a second of computing into thousands */
#define KEPT_NS    5000000000ull /* for a request that lasts longer what ran earlier is not looked for */
#define RIVALS_MAX 64            /* among more than so many it is not looked for one that could not have run */

/* Another request of the process that may have run. */
struct rival {
	struct context *request;
	uint64_t held_from_ns; /* a thread works for it since then, or sleeps in the midst of that */
};

struct claim {
	struct engine *engine;
	struct context *request;
	struct rival rivals[RIVALS_MAX];
	size_t rival_count;
	bool crowded;
};

/* ---- keeping ---------------------------------------------------------------------------------------------------------------- */

static void charge(const struct stray *stray, const struct interval *interval, uint64_t *part_ns)
{
	if (!stray->segment && interval->state == STATE_CPU)
		*part_ns += interval->end_ns - interval->start_ns;
}

static bool may_be_of_open_request(const struct engine *engine, const struct stray *stray)
{
	for (const struct context *request = engine->open_requests; request; request = request->next_open)
		if (request->proc == stray->proc && request->first_read_ns < stray->interval.end_ns)
			return true;
	return false;
}

/* What no request claims. Beside open ones it was the runtime's own work, as far as is known; else a goroutine's that no request started.
 */
static void charge_unclaimed(const struct engine *engine, const struct stray *stray)
{
	struct process *told = &stray->proc->told;
	const struct context *hint = context_root(stray->hint);

	charge(stray, &stray->interval,
	       may_be_of_open_request(engine, stray)            ? &told->unattributed_cpu_ns
	       : hint && hint->is_request && !hint->stream_kind ? &told->after_response_cpu_ns
	       : stray->beside_requests                         ? &told->runtime_cpu_ns
								: &told->background_cpu_ns);
}

static void drop(struct engine *engine, struct stray *stray)
{
	context_put(engine, stray->hint);
	context_put(engine, stray->segment);
	proc_put(stray->proc);
}

static void keep(struct engine *engine, struct stray stray)
{
	if (stray.interval.end_ns <= stray.interval.start_ns)
		return;
	if (engine->stray_count == engine->stray_capacity) {
		size_t capacity = engine->stray_capacity ? engine->stray_capacity * 2 : 64;
		struct stray *bigger = capacity <= STRAYS_MAX ? realloc(engine->strays, capacity * sizeof(*bigger)) : NULL;

		if (!bigger) {
			engine->losses.contexts += !stray.segment;
			charge(&stray, &stray.interval, &stray.proc->told.unattributed_cpu_ns);
			return;
		}
		engine->strays = bigger;
		engine->stray_capacity = capacity;
	}
	proc_get(stray.proc);
	context_get(stray.hint);
	context_get(stray.segment);
	engine->strays[engine->stray_count++] = stray;
}

static void keep_part(struct engine *engine, const struct stray *stray, struct interval part, bool beside_requests)
{
	struct stray kept = *stray;

	kept.interval = part;
	kept.beside_requests = beside_requests;
	keep(engine, kept);
}

void strays_add(struct engine *engine, struct proc *proc, struct interval interval, struct context *hint)
{
	keep(engine, (struct stray){.proc = proc, .interval = interval, .hint = context_root(hint)});
}

void strays_add_segment(struct engine *engine, struct context *segment, struct proc *proc, uint64_t now_ns)
{
	struct interval asked = {.start_ns = now_ns - 1, .end_ns = now_ns, .state = STATE_NET};

	if (segment->stray || !proc->open_requests)
		return;
	segment->stray = true;
	keep(engine, (struct stray){.proc = proc, .interval = asked, .segment = segment});
}

/* ---- where a request is known to have been ---------------------------------------------------------------------------------- */

/* Is [from, until] around `at_ns`? `next_ns` becomes the next instant at which that changes, if that is sooner. */
static bool is_within(uint64_t at_ns, uint64_t from_ns, uint64_t until_ns, uint64_t *next_ns)
{
	uint64_t change_ns = at_ns < from_ns ? from_ns : until_ns;

	if (from_ns >= until_ns)
		return false;
	if (change_ns > at_ns && change_ns < *next_ns)
		*next_ns = change_ns;
	return at_ns >= from_ns && at_ns < until_ns;
}

static bool is_elsewhere(const struct context *request, uint64_t at_ns, uint64_t *next_ns)
{
	bool elsewhere = false;

	for (uint32_t i = 0; i < request->timeline.count; i++) {
		const struct interval *interval = &request->timeline.intervals[i];

		elsewhere |= interval->state != STATE_OTHER && is_within(at_ns, interval->start_ns, interval->end_ns, next_ns);
	}
	for (uint32_t i = 0; i < request->call_count; i++)
		elsewhere |= is_within(at_ns, request->calls[i].write_ns, request->calls[i].read_ns, next_ns);
	for (const struct call *call = request->calls_in_flight; call; call = call->next_in_flight)
		elsewhere |= is_within(at_ns, call->write_ns, UINT64_MAX, next_ns);
	return elsewhere;
}

static bool is_open_at(const struct context *request, uint64_t at_ns, uint64_t *next_ns)
{
	return is_within(at_ns, request->first_read_ns, request->answered ? request->last_write_ns : UINT64_MAX, next_ns);
}

/* Did a thread fall asleep while it worked for the request, and not turn to anything else since? Then that goroutine goes on there. */
static bool is_held(const struct rival *rival, uint64_t at_ns, uint64_t *next_ns)
{
	bool held = is_within(at_ns, rival->held_from_ns, UINT64_MAX, next_ns);

	for (uint32_t i = 0; i < rival->request->timeline.count; i++) {
		const struct interval *interval = &rival->request->timeline.intervals[i];

		held |= interval->state == STATE_OTHER && is_within(at_ns, interval->start_ns, interval->end_ns, next_ns);
	}
	return held;
}

/* ---- rivals ------------------------------------------------------------------------------------------------------------------- */

static void find_rivals(struct claim *claim, const struct proc *proc)
{
	struct thread *thread;
	size_t cursor = 0;

	for (struct context *other = claim->engine->open_requests; other; other = other->next_open) {
		if (other == claim->request || other->proc != proc)
			continue;
		if (claim->rival_count == RIVALS_MAX) {
			claim->crowded = true;
			return;
		}
		claim->rivals[claim->rival_count++] = (struct rival){other, UINT64_MAX};
	}
	while (claim->rival_count && (thread = idmap_next(&claim->engine->threads, &cursor))) {
		const struct context *root = context_root(thread->context);
		const struct context *owner = root && root->slept ? context_root(root->resumes) : root;
		uint64_t since_ns = root && root->slept     ? root->begun_ns
				    : thread->pending_count ? thread->pending[0].start_ns
							    : thread->span_start_ns;

		for (size_t i = 0; owner && i < claim->rival_count; i++)
			if (claim->rivals[i].request == owner && claim->rivals[i].held_from_ns > since_ns)
				claim->rivals[i].held_from_ns = since_ns;
	}
}

static bool is_contested(const struct claim *claim, enum rivals rivals, uint64_t at_ns, uint64_t *next_ns)
{
	if (claim->crowded)
		return true;
	for (size_t i = 0; i < claim->rival_count; i++) {
		const struct rival *rival = &claim->rivals[i];

		if (!is_open_at(rival->request, at_ns, next_ns) || (rivals == RIVALS_THAT_COMPUTED && !rival->request->ran_long))
			continue;
		if (rivals == RIVALS_ANY || (!is_elsewhere(rival->request, at_ns, next_ns) && !is_held(rival, at_ns, next_ns)))
			return true;
	}
	return false;
}

bool strays_have_rivals(struct engine *engine, const struct proc *proc, enum rivals rivals, uint64_t at_ns)
{
	struct claim claim = {.engine = engine};
	uint64_t next_ns = UINT64_MAX;

	find_rivals(&claim, proc);
	return is_contested(&claim, rivals, at_ns, &next_ns);
}

/* ---- claiming ------------------------------------------------------------------------------------------------------------------- */

/*
 * What runs beside a request that waits for others may be theirs: another goroutine that one of them started. So elimination decides only
 * where there is a sign of this request too: its thread went on, or it has been seen computing for so long that it may have been moved.
 */
static void claim_piece(struct claim *claim, const struct stray *stray, struct interval piece)
{
	struct context *request = claim->request;
	struct context *hint = context_root(stray->hint);
	enum rivals rivals = hint == request || request->ran_long ? RIVALS_THAT_MAY_RUN : RIVALS_ANY;

	while (piece.start_ns < piece.end_ns) {
		struct interval part = piece;
		bool mine = !is_elsewhere(request, part.start_ns, &part.end_ns);

		if (mine && is_contested(claim, rivals, part.start_ns, &part.end_ns)) {
			charge(stray, &part, &stray->proc->told.unattributed_cpu_ns);
			request->ambiguous |= rivals == RIVALS_THAT_MAY_RUN; /* rule 13 */
			if (hint)
				hint->ambiguous = true;
		} else if (mine) {
			context_add_interval(claim->engine, request, part);
		} else {
			keep_part(claim->engine, stray, part, true);
		}
		piece.start_ns = part.end_ns;
	}
}

static void claim_time(struct claim *claim, const struct stray *stray)
{
	struct context *request = claim->request;
	/* Records of two threads may come in the wrong order. */
	uint64_t from_ns = request->first_read_ns, until_ns = later_ns(request->last_write_ns, from_ns);
	struct interval before = stray->interval, piece = before, after = before;

	/* What its goroutine may have gone on with after the response is its as well. */
	if (context_root(stray->hint) == request)
		until_ns = UINT64_MAX;
	if (before.end_ns > from_ns)
		before.end_ns = piece.start_ns = later_ns(before.start_ns, from_ns);
	if (after.start_ns < until_ns)
		after.start_ns = piece.end_ns = earlier_ns(after.end_ns, until_ns);
	keep_part(claim->engine, stray, before, stray->beside_requests);
	keep_part(claim->engine, stray, after, stray->beside_requests);
	claim_piece(claim, stray, piece);
}

/*
 * Calls that goroutines of one request made side by side: its, if it left the thread just before the call, or if no other request was there
 * that could have asked.
 */
static void claim_segment(struct claim *claim, const struct stray *stray)
{
	struct context *segment = context_root(stray->segment), *hint = context_root(segment->hint);
	uint64_t next_ns = UINT64_MAX;

	if (segment->is_request || segment->calls_in_flight)
		return;
	if (hint && hint != claim->request && hint->is_request && !hint->closed)
		keep(claim->engine, *stray);
	else if (hint == claim->request || !is_contested(claim, RIVALS_ANY, stray->interval.start_ns, &next_ns))
		context_bind(claim->engine, segment, claim->request);
}

/* Threads that worked for it and fell asleep since still have the time that they told of then. */
static void commit_threads(struct engine *engine, const struct context *request)
{
	struct thread *thread;
	size_t cursor = 0;

	while ((thread = idmap_next(&engine->threads, &cursor)))
		if (thread->pending_count && context_root(thread->context) == request)
			thread_commit(engine, thread);
}

void strays_claim(struct engine *engine, struct context *request)
{
	struct claim claim = {.engine = engine, .request = request};
	bool prepared = false;

	if (!proc_runs_untold_goroutines(request->proc))
		return;
	commit_threads(engine, request);
	/* Downwards: what is taken out is filled from behind, where all is done. */
	for (size_t i = engine->stray_count; i-- > 0;) {
		struct stray stray = engine->strays[i];

		if (stray.proc != request->proc || stray.interval.end_ns <= request->first_read_ns ||
		    (stray.interval.start_ns >= request->last_write_ns && context_root(stray.hint) != request))
			continue;
		if (!prepared)
			find_rivals(&claim, request->proc);
		prepared = true;
		engine->strays[i] = engine->strays[--engine->stray_count];
		if (stray.segment)
			claim_segment(&claim, &stray);
		else
			claim_time(&claim, &stray);
		drop(engine, &stray);
	}
}

static void end_before(struct engine *engine, uint64_t before_ns)
{
	for (size_t i = engine->stray_count; i-- > 0;) {
		struct stray stray = engine->strays[i];

		if (stray.interval.end_ns > before_ns)
			continue;
		engine->strays[i] = engine->strays[--engine->stray_count];
		charge_unclaimed(engine, &stray);
		drop(engine, &stray);
	}
}

void strays_sweep(struct engine *engine, uint64_t now_ns)
{
	uint64_t oldest_ns = engine->open_requests ? engine->open_requests->start_ns : now_ns;

	if (oldest_ns + KEPT_NS < now_ns)
		oldest_ns = now_ns - KEPT_NS;
	end_before(engine, oldest_ns);
}

void strays_finish(struct engine *engine)
{
	while (engine->stray_count)
		end_before(engine, UINT64_MAX);
}
