/* SPDX-License-Identifier: BSD-2-Clause */
/* Rule 15: a new strand works for whom its maker works for, until evidence says otherwise. */
#include "engine/strand.h"

#define MADE_AT_ONCE_MAX 1000

/* It has begun already. */
static void hear_of_maker(struct context *root, struct context *hint)
{
	if (!context_is_segment(root) || root->hint || root->origin != ORIGIN_STRAND || root == context_root(hint))
		return;
	root->hint = context_get(context_root(hint));
	root->origin = ORIGIN_MADE;
}

static void make(struct engine *engine, struct proc *proc, uint64_t id, uint64_t maker_id, struct context *hint, uint64_t at_ns)
{
	struct strand *strand = hint ? strand_get(engine, proc, id) : NULL;

	if (strand && !strand->thread && !strand->context) {
		strand->context = strand_segment(engine, ORIGIN_MADE, hint, at_ns);
		strand->maker_id = maker_id;
	} else if (strand)
		hear_of_maker(context_root(strand_context(strand)), hint);
}

void strand_make_task(struct engine *engine, struct thread *thread, const struct record *record)
{
	struct strand *strand = strand_get(engine, thread->proc, record->strand_id);
	struct context *hint;

	if (!strand || strand->thread)
		return;
	strand_makes_behind(engine, thread);
	hint = strand_given_by(thread);
	strand->maker_id = thread->strand ? thread->strand->id : 0;
	strand->made = true;
	strand->made_for_request = strand_request_of(hint) != NULL;
	strand->turns = strand->goes_on = strand->may_turn = false; /* its number may have been another one's */
	strand->answered_conn_id = 0;
	strand->woken_at_ns = record->head.at_ns;
	if (!hint) {
		strand_made_for_unnamed(engine, thread, strand, record->head.at_ns);
		return;
	}
	hint->has_task = true;
	context_hold(engine, &strand->context, hint);
}

void strand_make_all(struct engine *engine, struct thread *thread, const struct record *record)
{
	struct context *hint = strand_given_by(thread);
	int32_t count = record->result > 1 ? record->result : 1;
	uint64_t maker_id = thread->strand ? thread->strand->id : 0;

	for (int32_t i = 0; i < count && i < MADE_AT_ONCE_MAX; i++)
		make(engine, thread->proc, record->strand_id + (uint64_t)i, maker_id, hint, record->head.at_ns);
}

void strand_make_of_parent(struct engine *engine, struct proc *proc, const struct record *record)
{
	const struct strand *parent = idmap_get(&proc->strands, record->parent_strand_id);
	struct context *hint = parent ? strand_request_of(strand_context(parent)) : NULL;
	struct strand *strand = idmap_get(&proc->strands, record->strand_id);

	/* If that is the same one, it may work for somebody else by now. */
	if (!record->parent_strand_id || (strand && (strand->runs_since_ns || strand->maker_id == record->parent_strand_id)))
		return;
	if (strand) {
		context_hold(engine, &strand->context, NULL);
	}
	make(engine, proc, record->strand_id, record->parent_strand_id, hint, record->head.at_ns);
}
