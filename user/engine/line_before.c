/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 12: how many stood in front of all who are known to wait, as they have waited since before the trace began. Each number of them
 * pairs those who came to wait with the segments that began in another way; the responses say which number it was.
 */
#include "engine/line_places.h"
#include "engine/rules_loop.h"

#define TRIED_MAX 256 /* places, and segments, with which all numbers are tried */

static uint64_t rank_places(struct line *line)
{
	uint64_t rank = 0;

	for (uint64_t ticket = line->first; ticket < line->end; ticket++)
		place_at(line, ticket)->rank = place_counts(line, ticket) ? ++rank : 0;
	return rank;
}

/* Where the work that began with this segment waits once more. NULL: it does not. */
static struct place *next_place(struct line *line, const struct place *place, uint64_t number)
{
	struct context *segment = number >= line->first_handed && number < line->end_handed ? *handed_at(line, number) : NULL;
	struct place *next = segment && has_place(line, segment) ? place_at(line, segment->line_ticket) : NULL;

	return next && next->context == segment && next->rank > place->rank ? next : NULL;
}

/* The number of the segment in which the work that came to wait here went on last, if so many had waited before. */
static uint64_t last_number(struct line *line, const struct place *place, uint64_t unknown)
{
	uint64_t number = unknown + place->rank;

	for (struct place *next; (next = next_place(line, place, number)); place = next)
		number = unknown + next->rank;
	return number;
}

static bool is_named(struct line *line, uint64_t number)
{
	const struct context *segment;

	if (number < line->first_handed || number >= line->end_handed)
		return number < line->first_handed;
	segment = *handed_at(line, number);
	return segment->bound_to || !has_had_a_turn(segment);
}

/* It was this one's before, who kept it, and did nothing but ask: it only seemed to wait from then on. */
static bool was_kept(const struct place *place, const struct context *segment)
{
	const struct timeline *timeline = &place->context->timeline;
	uint64_t cpu_ns = 0;

	if (context_root(segment->instead) != place->context)
		return false;
	for (uint32_t i = 0; i < timeline->count; i++) {
		const struct interval *ran = &timeline->intervals[i];

		if (ran->state == STATE_CPU && ran->end_ns > segment->begun_ns)
			cpu_ns += ran->end_ns - (ran->start_ns > segment->begun_ns ? ran->start_ns : segment->begun_ns);
	}
	return cpu_ns < WORK_MIN_NS;
}

/* Was it given on only after this one had come to wait? */
static bool in_time(struct line *line, const struct place *place, uint64_t number)
{
	const struct context *segment = number >= line->first_handed && number < line->end_handed ? *handed_at(line, number) : NULL;

	return !segment || segment->begun_ns >= place->since_ns || was_kept(place, segment);
}

/* Each request was answered in the course of the work that would be its, and no other's work was answered for. */
static bool fits(struct line *line, uint64_t unknown)
{
	for (uint64_t ticket = line->first; ticket < line->end; ticket++) {
		const struct place *place = place_at(line, ticket);
		uint64_t number;

		if (!place->rank)
			continue;
		if (!in_time(line, place, unknown + place->rank))
			return false;
		if (!place->context->is_request)
			continue;
		number = last_number(line, place, unknown);
		if (place->named ? number != place->named : is_named(line, number))
			return false;
	}
	return true;
}

/* In whichever of the thread's lines. NULL: it has none. */
static struct place *place_of(struct thread *thread, const struct context *context)
{
	for (enum line_kind kind = 0; kind < LINES; kind++)
		if (has_place(thread->lines[kind], context))
			return place_at(thread->lines[kind], context->line_ticket);
	return NULL;
}

/* What began with the connection that was given to `place`'s context goes on there; if it waits once more, that one does. */
static void join_work(struct engine *engine, struct thread *thread, const struct place *place, struct context *segment)
{
	struct context *context = place->context;
	struct place *again = place_of(thread, segment);

	line_goes_on(engine, place, segment->given, segment->begun_ns);
	context->line_ticket = again ? segment->line_ticket : 0;
	if (again) {
		again->context = context_get(context);
		context_put(engine, segment);
	}
	context_bind(engine, segment, context);
}

/* This request has waited more than once before it was answered: what it did in between is its, too. */
static void claim_work(const struct moment *moment, struct line *line, const struct place *place, uint64_t unknown)
{
	struct context *request = place->context;
	uint64_t number = unknown + place->rank;

	for (struct place *next; number != place->named && (next = next_place(line, place, number)); number = unknown + next->rank) {
		struct context *segment = next->context;

		segment->line_ticket = segment->handed = 0;
		if (request->told || segment->bound_to)
			continue;
		name_gap(moment, request, segment);
		context_bind(moment->engine, segment, request);
	}
}

/* The line is as if all had been seen from the start. */
static void pair(const struct moment *moment, struct line *line, const struct context *segment, uint64_t unknown)
{
	line->aligned = true;
	line->shifted = false;
	for (uint64_t ticket = line->first; ticket < line->end; ticket++)
		if (place_at(line, ticket)->named)
			claim_work(moment, line, place_at(line, ticket), unknown);
	for (uint64_t number = line->first_handed; number <= unknown && number < line->end_handed; number++)
		(*handed_at(line, number))->handed = 0;
	for (uint64_t ticket = line->first; ticket < line->end; ticket++) {
		struct place *place = place_at(line, ticket);
		uint64_t number = unknown + place->rank;

		place->named = 0;
		if (!place->rank || place->context->is_request || number >= line->end_handed || *handed_at(line, number) == segment)
			continue;
		if (number >= line->first_handed && is_unnamed(line, number))
			join_work(moment->engine, moment->thread, place, *handed_at(line, number));
		else
			place->context->line_ticket = 0; /* it has been answered since, by whoever it was */
	}
}

bool line_find_shift(const struct moment *moment, struct line *line, struct context *segment, const struct context *request)
{
	struct place *place = place_at(line, request->line_ticket);
	uint64_t given = segment->handed - line->kept, found = 0, places;
	unsigned int count = 0;

	place->named = segment->handed;
	places = rank_places(line);
	if (!line->kept && places <= TRIED_MAX && given <= TRIED_MAX)
		for (uint64_t unknown = 0; unknown < given; unknown++)
			if (fits(line, unknown)) {
				found = unknown;
				count++;
			}
	if (count > 1)
		return false;
	/* Somebody seems to wait for something else: as many connections as were given on before its own, less the places before. */
	if (!count)
		found = given > place->rank ? given - place->rank : 0;
	pair(moment, line, segment, found);
	return true;
}

void line_nobody_waits(const struct moment *moment, struct line *line)
{
	uint64_t places = rank_places(line), given = line->end_handed - 1;

	if (!line->kept && places <= given && places <= TRIED_MAX && fits(line, given - places))
		pair(moment, line, NULL, given - places);
}
