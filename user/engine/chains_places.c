/* SPDX-License-Identifier: BSD-2-Clause */
#include "engine/chains_places.h"

/* 0: none counts behind it. */
static uint64_t next_place(struct chains *chains, uint64_t ticket)
{
	while (++ticket < chains->end)
		if (!is_over(chains, ticket))
			return ticket;
	return 0;
}

/* It may be that somebody waits there now. */
static void note_changed(struct chains *chains, uint64_t ticket)
{
	if (ticket < chains->waiting)
		chains->waiting = ticket;
}

void next_grant_look(struct next_grant *next, const struct grant *grant, uint64_t place, uint32_t tid)
{
	if (grant->begun || !grant->tid)
		return;
	if (grant->tid == tid && !grant->queued)
		next->last = place;
	else if (grant->tid == tid && !next->queued)
		next->queued = place;
	else if (grant->tid != tid && grant->queued && !next->others_queued)
		next->others_queued = place;
	else if (grant->tid != tid && !grant->queued && !next->others)
		next->others = place;
}

void chains_exchange(struct chains *chains, uint64_t one, uint64_t other)
{
	struct wait *a = wait_at(chains, one), *b = wait_at(chains, other), kept = *a;
	struct context *to_a = context_root(b->context), *to_b = context_root(a->context);
	bool moves_to_a = to_a->line_ticket == other, moves_to_b = to_b->line_ticket == one;

	*a = *b;
	*b = kept;
	b->grant = a->grant;
	a->grant = kept.grant;
	note_changed(chains, one);
	note_changed(chains, other);
	if (moves_to_a)
		to_a->line_ticket = one;
	if (moves_to_b)
		to_b->line_ticket = other;
}

static void note_moved(const struct grant *grant, uint64_t from, uint64_t to)
{
	struct context *begun = context_root(grant->begun);

	if (begun && begun->handed == from)
		begun->handed = to;
}

static void move_grant(struct chains *chains, uint64_t from, uint64_t to)
{
	struct wait *wait = wait_at(chains, to);

	wait->grant = wait_at(chains, from)->grant;
	wait_at(chains, from)->grant = (struct grant){0};
	note_changed(chains, from);
	note_moved(&wait->grant, from, to);
}

static void drop_grant(struct engine *engine, struct chains *chains, uint64_t ticket)
{
	struct grant *grant = &wait_at(chains, ticket)->grant;

	note_moved(grant, ticket, 0);
	context_put(engine, grant->begun);
	*grant = (struct grant){0};
}

void chains_leave_unlinked(struct context *request)
{
	request->ambiguous = request->ambiguous || request->unlinked;
	request->unlinked = false;
}

void chains_forget(struct engine *engine, struct chains *chains, uint64_t ticket)
{
	struct wait *wait = wait_at(chains, ticket);
	struct context *root = context_root(wait->context), *context = wait->context;

	drop_grant(engine, chains, ticket);
	if (root && root->line_ticket == ticket) {
		root->line_ticket = 0;
		chains_leave_unlinked(root);
	}
	*wait = (struct wait){0};
	context_put(engine, context);
}

uint64_t chains_put_behind(struct chains *chains, uint64_t ticket)
{
	for (uint64_t next; wait_at(chains, ticket)->grant.begun && (next = next_place(chains, ticket)); ticket = next)
		chains_exchange(chains, ticket, next);
	return ticket;
}

void chains_take_out(struct engine *engine, struct chains *chains, uint64_t ticket)
{
	drop_grant(engine, chains, ticket);
	note_changed(chains, ticket);
	for (uint64_t next; (next = next_place(chains, ticket)) && wait_at(chains, next)->grant.tid; ticket = next)
		move_grant(chains, next, ticket);
}

/* 0: there is none any more. */
static uint64_t first_behind(struct chains *chains, uint64_t ticket)
{
	return next_place(chains, ticket < chains->first ? chains->first - 1 : ticket);
}

void chains_give_earlier(struct engine *engine, struct chains *chains, uint64_t behind)
{
	uint64_t ticket = first_behind(chains, behind);

	if (ticket && wait_at(chains, ticket)->grant.tid)
		chains_take_out(engine, chains, ticket);
}

void chains_give_later(struct engine *engine, struct chains *chains, uint64_t behind)
{
	uint64_t first = first_behind(chains, behind), from = 0;
	struct grant carried = {0};

	if (!first)
		return;
	for (uint64_t ticket = first; ticket && (carried.tid || ticket == first); ticket = next_place(chains, ticket)) {
		struct grant *grant = &wait_at(chains, ticket)->grant, kept = *grant;

		*grant = carried;
		note_moved(grant, from, ticket);
		carried = kept;
		from = ticket;
	}
	note_moved(&carried, from, 0); /* it goes to nobody: it must not lead to whoever got its place */
	context_put(engine, carried.begun);
	chains_forget(engine, chains, first);
	note_changed(chains, first);
}
