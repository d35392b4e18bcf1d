/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Folding: of a timeline that grows too long the older half becomes sums, a state each, and a CPU time a process. What comes later but is
 * older than that goes to the sums too, as far as nothing else was known of that time.
 */
#include <stdlib.h>

#include "engine/model.h"

struct cpu_share *context_share_of(struct context *context, struct proc *proc)
{
	struct cpu_share *share = context->folded_cpu;

	while (share && share->proc != proc)
		share = share->next;
	if (share)
		return share;
	share = calloc(1, sizeof(*share));
	if (!share)
		return NULL;
	share->proc = proc_get(proc);
	share->next = context->folded_cpu;
	context->folded_cpu = share;
	return share;
}

static void fold_cpu(struct context *context, const struct interval *interval, uint64_t until_ns)
{
	uint64_t end = earlier_ns(interval->end_ns, until_ns);
	uint64_t start = interval->start_ns, before = 0;
	struct cpu_share *share;

	if (interval->state != STATE_CPU || start >= end)
		return;
	share = context_share_of(context, interval->proc);
	if (!share) {
		interval->proc->told.unattributed_cpu_ns += end - start;
		return;
	}
	if (context->is_request && start < context->start_ns)
		before = (end < context->start_ns ? end : context->start_ns) - start;
	share->before_ns += before;
	share->within_ns += end - start - before;
}

static void lay_until(struct context *context, struct interval interval, uint64_t until_ns)
{
	if (interval.end_ns > until_ns)
		interval.end_ns = until_ns;
	(void)timeline_add(&context->timeline, interval);
}

void context_lay_calls(struct context *context, uint64_t until_ns)
{
	for (uint32_t i = 0; i < context->call_count; i++) {
		const struct done_call *call = &context->calls[i];

		lay_until(context,
			  (struct interval){.start_ns = call->write_ns, .end_ns = call->arrived_ns, .state = STATE_NET, .peer = call->peer},
			  until_ns);
		lay_until(context, (struct interval){.start_ns = call->arrived_ns, .end_ns = call->loop_until_ns, .state = STATE_LOOP},
			  until_ns);
	}
}

/* All before until_ns becomes sums. False: it lies before the context's beginning, or there is no memory; then nothing was done. */
static bool fold_before(struct engine *engine, struct context *context, uint64_t until_ns)
{
	struct timeline *timeline = &context->timeline;
	uint64_t from_ns = context->is_request ? context->start_ns : context->begun_ns;
	struct timeline_sums sums;

	if (until_ns <= from_ns)
		return false;
	context_lay_calls(context, until_ns);
	if (timeline_sweep(timeline, from_ns, until_ns, &sums))
		return false;
	for (uint32_t i = 0; i < timeline->count; i++)
		fold_cpu(context, &timeline->intervals[i], until_ns);
	timeline_fold(timeline, from_ns, until_ns, &sums);
	free(sums.stretches);
	engine->losses.stretches++;
	return true;
}

/* What lies after the response so far stays, as a further byte of it may still make that a part of the request. */
static uint64_t fold_at_most_until(const struct context *context, uint64_t until_ns)
{
	if (context->answered && until_ns > context->last_write_ns)
		until_ns = context->last_write_ns;
	/* What was bound later may be older than what is settled already. */
	return later_ns(until_ns, context->timeline.settled_until_ns);
}

void context_fold(struct engine *engine, struct context *context)
{
	struct timeline *timeline = &context->timeline;
	uint64_t until_ns = fold_at_most_until(context, timeline_middle(timeline));

	if (fold_before(engine, context, until_ns) && timeline->count < TIMELINE_INTERVALS_MAX)
		return;
	/* A long tail after the response: only its CPU counts. */
	for (uint32_t i = 0; i < timeline->count; i++) {
		const struct interval *interval = &timeline->intervals[i];
		struct cpu_share *share = interval->state == STATE_CPU ? context_share_of(context, interval->proc) : NULL;

		fold_cpu(context, interval, until_ns);
		if (share && interval->end_ns > until_ns)
			share->after_ns += interval->end_ns - later_ns(interval->start_ns, until_ns);
	}
	timeline->count = 0;
	engine->losses.stretches++;
}

void context_settle_late(struct context *context, struct interval *interval)
{
	struct timeline *timeline = &context->timeline;
	uint64_t until_ns = earlier_ns(timeline->settled_until_ns, interval->end_ns);

	fold_cpu(context, interval, until_ns);
	timeline_settle(timeline, interval, 0);
	interval->start_ns = until_ns;
}

void context_settle_call(struct context *context, const struct done_call *call, uint64_t from_ns)
{
	timeline_settle(&context->timeline, &(struct interval){.start_ns = call->write_ns, .end_ns = call->arrived_ns, .state = STATE_NET},
			from_ns);
	timeline_settle(&context->timeline,
			&(struct interval){.start_ns = call->arrived_ns, .end_ns = call->loop_until_ns, .state = STATE_LOOP}, from_ns);
}

static void move_folded_cpu(struct context *from, struct context *to)
{
	bool after = to->answered && from->begun_ns >= to->last_write_ns;

	for (struct cpu_share *share = from->folded_cpu, *next; share; share = next) {
		uint64_t cpu_ns = share->before_ns + share->within_ns + share->after_ns;
		struct cpu_share *mine = context_keeps_time(to) ? context_share_of(to, share->proc) : NULL;

		next = share->next;
		if (!context_keeps_time(to))
			context_charge_unclaimed(to, share->proc, cpu_ns);
		else if (mine)
			*(after ? &mine->after_ns : &mine->within_ns) += cpu_ns;
		else
			share->proc->told.unattributed_cpu_ns += cpu_ns;
		proc_put(share->proc);
		free(share);
	}
	from->folded_cpu = NULL;
}

void context_move_folded(struct engine *engine, struct context *from, struct context *to)
{
	uint64_t until_ns = fold_at_most_until(to, from->timeline.settled_until_ns);
	bool concerns = context_keeps_time(to) && from->timeline.settled_from_ns < until_ns;

	if (concerns && (until_ns == to->timeline.settled_until_ns || fold_before(engine, to, until_ns)))
		timeline_settle_sums(&to->timeline, &from->timeline);
	move_folded_cpu(from, to);
}
