/* SPDX-License-Identifier: BSD-2-Clause */
/* The strands of which something is known, and how long. */
#include <stdlib.h>

#include "engine/strand.h"

static struct strand *strand_add(struct engine *engine, struct proc *proc, uint64_t id)
{
	struct strand *strand = engine->strand_count < STRANDS_MAX ? calloc(1, sizeof(*strand)) : NULL;

	if (!strand || idmap_put(&proc->strands, id, strand)) {
		engine->losses.contexts++;
		free(strand);
		return NULL;
	}
	engine->strand_count++;
	strand->id = id;
	return strand;
}

struct strand *strand_get(struct engine *engine, struct proc *proc, uint64_t id)
{
	struct strand *strand = idmap_get(&proc->strands, id);

	return strand ? strand : strand_add(engine, proc, id);
}

static void strand_free(struct engine *engine, struct strand *strand)
{
	context_put(engine, strand->context);
	context_put(engine, strand->given);
	context_put(engine, strand->own);
	context_put(engine, strand->late);
	context_put(engine, strand->open);
	unclaimed_forget(&strand->answer);
	engine->strand_count--;
	free(strand);
}

void strand_forget(struct engine *engine, struct proc *proc, struct strand *strand)
{
	idmap_take(&proc->strands, strand->id);
	strand_free(engine, strand);
}

void strands_forget(struct engine *engine, struct proc *proc)
{
	struct strand *strand;
	size_t cursor = 0;

	while ((strand = idmap_next(&proc->strands, &cursor))) {
		if (strand->thread)
			strand->thread->strand = NULL;
		strand_settle_hint(engine, strand->context);
		strand_forget(engine, proc, strand);
		cursor--; /* another one may have moved into its place */
	}
}

#define SWEEP_EVERY_NS 1000000000ull

/* Who is woken runs soon. If that is never told, the record of it was lost, or its runtime has dropped it. */
#define GIVEN_KEPT_NS 10000000000ull

static bool is_over(const struct proc *proc, const struct strand *strand, uint64_t now_ns)
{
	struct context *root = context_root(strand->context), *hint = context_is_segment(root) ? context_root(root->hint) : root;

	if (strand->thread || (strand->given && strand->woken_at_ns + GIVEN_KEPT_NS > now_ns) ||
	    (strand->answered_conn_id && strand->left_at_ns + SWEEP_EVERY_NS > now_ns))
		return false;
	if (proc_has_tasks(proc) && context_is_segment(root) && !root->calls_in_flight && strand->left_at_ns + TASK_KEPT_NS < now_ns)
		return true;
	return !root || (hint && hint->is_request && hint->closed && !root->calls_in_flight);
}

/* Not every runtime tells a strand's end: whatever was kept for a request that is over by now is of no use. */
void strands_sweep(struct engine *engine, uint64_t now_ns)
{
	if (now_ns < engine->strands_swept_ns + SWEEP_EVERY_NS)
		return;
	engine->strands_swept_ns = now_ns;
	for (size_t i = 0; i < engine->proc_count; i++) {
		struct proc *proc = engine->procs_in_order[i];
		struct strand *strand;
		size_t cursor = 0;

		while ((strand = idmap_next(&proc->strands, &cursor))) {
			if (!is_over(proc, strand, now_ns))
				continue;
			strand_forget(engine, proc, strand);
			cursor--;
		}
	}
}
