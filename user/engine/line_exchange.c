/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 12 where all in a line wait for the same, as for a loop's workers: a response that contradicts the order tells that two were taken
 * for each other, as by a callback that was the other one's. All others keep their places.
 */
#include "engine/line_places.h"

#define EXCHANGES_MAX 4

/* The segment that has so many before it that are not named yet. NULL: it has not begun. */
static struct context *unnamed_at(struct line *line, uint64_t place)
{
	for (uint64_t number = line->first_handed; number < line->end_handed; number++)
		if (is_unnamed(line, number) && place-- == 0)
			return *handed_at(line, number);
	return NULL;
}

static void swap_segments(struct line *line, struct context *one, struct context *other)
{
	uint64_t number = one->handed;

	one->handed = other->handed;
	other->handed = number;
	*handed_at(line, one->handed) = one;
	*handed_at(line, number) = other;
}

static void swap_places(struct line *line, struct context *one, struct context *other)
{
	uint64_t ticket = one->line_ticket;
	struct place place = *place_at(line, ticket);

	*place_at(line, ticket) = *place_at(line, other->line_ticket);
	*place_at(line, other->line_ticket) = place;
	one->line_ticket = other->line_ticket;
	other->line_ticket = ticket;
}

/*
 * Whom one response after the other shows to be another one stands there for nobody, and all behind it are one place off. But if several
 * have changed places with each other, too, it takes as many responses to put that right.
 */
static bool is_nobodys(struct context *context)
{
	return ++context->exchanged > EXCHANGES_MAX;
}

void line_exchange(struct line *line, struct context *segment, uint64_t unnamed, struct context *request, uint64_t waiting,
		   struct context *expected)
{
	struct context *taken = unnamed_at(line, waiting);

	request->ambiguous = true;
	if (taken)
		taken->ambiguous = true;
	if (expected)
		expected->ambiguous = true;
	if (taken && waiting < unnamed) {
		if (is_nobodys(taken))
			give_up(taken);
		else
			swap_segments(line, segment, taken);
	} else if (expected && waiting > unnamed) {
		if (is_nobodys(expected))
			expected->line_ticket = 0;
		else
			swap_places(line, request, expected);
	}
}

struct context *line_leave_unseen(struct line *line, struct context *request, uint64_t waiting)
{
	struct context *taken = line->shifted ? NULL : unnamed_at(line, waiting);

	request->ambiguous = true;
	if (line->shifted)
		place_at(line, request->line_ticket)->named = ANSWERED_ELSEWHERE;
	if (taken)
		give_up(taken);
	return taken;
}

void line_exchange_across(struct engine *engine, struct line *line, struct context *segment, struct context *expected, struct line *own,
			  struct context *request, uint64_t waiting)
{
	struct context *taken = unnamed_at(own, waiting);
	uint64_t number = segment->handed;

	request->ambiguous = true;
	request->line_ticket = segment->handed = 0;
	if (expected)
		expected->ambiguous = true;
	if (taken) {
		/* Numbers of two lines may be alike: it must not stand in both. */
		uint64_t own_number = taken->handed;

		taken->ambiguous = true;
		taken->handed = number;
		taken->given = segment->given;
		context_hold(engine, &taken->instead, NULL);
		context_hold(engine, handed_at(line, number), taken);
		context_hold(engine, handed_at(own, own_number), segment);
	} else if (expected) {
		expected->line_ticket = 0;
	}
}
