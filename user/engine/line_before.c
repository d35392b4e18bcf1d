/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 12: how many stood in front of all who are known to wait, as they have waited since before the trace began. Each number of them
 * pairs those who came to wait with the segments that began in another way; the responses say which number it was.
 */
#include "engine/line.h"
#include "engine/line_places.h"
#include "engine/rules_loop.h"

#define TRIED_MAX  512 /* numbers, where each must fit all places; of more one response decides */
#define VOTES_MAX  16  /* of more responses the latest ones vote */
#define AGREED_MIN 3   /* so many responses must say the same number, and twice as many as any other */

static uint64_t rank_places(struct line *line)
{
	uint64_t rank = 0;

	for (uint64_t ticket = line->first; ticket < line->end; ticket++)
		place_at(line, ticket)->rank = place_counts(line, ticket) ? ++rank : 0;
	return rank;
}

/* Of the segment in which the work that came to wait here goes on, if so many had waited before. 0: it began before all that are known. */
static uint64_t number_of(const struct place *place, int64_t unknown)
{
	int64_t number = unknown + (int64_t)place->rank;

	return number > 0 ? (uint64_t)number : 0;
}

/* NULL: none that is known any more, or yet. */
static struct context *segment_at(struct line *line, uint64_t number)
{
	return number >= line->first_handed && number < line->end_handed ? *handed_at(line, number) : NULL;
}

/* A response has told in the course of which segment it was answered. */
static bool is_said(const struct place *place)
{
	return place->named && place->named != ANSWERED_ELSEWHERE;
}

/* Where the work that began with this segment waits once more. NULL: it does not. */
static struct place *next_place(struct line *line, const struct place *place, uint64_t number)
{
	struct context *segment = segment_at(line, number);
	struct place *next = segment && has_place(line, segment) ? place_at(line, segment->line_ticket) : NULL;

	return next && next->context == segment && next->rank > place->rank ? next : NULL;
}

/* The number of the segment in which the work that came to wait here went on last, if so many had waited before. */
static uint64_t last_number(struct line *line, const struct place *place, int64_t unknown)
{
	uint64_t number = number_of(place, unknown);

	for (struct place *next; (next = next_place(line, place, number)); place = next)
		number = number_of(next, unknown);
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
	const struct context *segment = segment_at(line, number);

	return !segment || segment->begun_ns >= place->since_ns || was_kept(place, segment);
}

/* Each request was answered in the course of the work that would be its, and no other's work was answered for. */
static bool fits(struct line *line, int64_t unknown)
{
	for (uint64_t ticket = line->first; ticket < line->end; ticket++) {
		const struct place *place = place_at(line, ticket);
		uint64_t number;

		if (!place->rank)
			continue;
		if (!in_time(line, place, number_of(place, unknown)))
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
	context->at_worker = segment->at_worker;
	context->came_back = segment->came_back; /* for what it waits next it has shown itself since */
	context->line_ticket = again ? segment->line_ticket : 0;
	if (again) {
		again->context = context_get(context);
		context_put(engine, segment);
	}
	context_bind(engine, segment, context);
}

/* The request of this place is answered: all in which it has gone on is its, and waits for nobody else. */
static void claim_work(const struct moment *moment, struct line *line, const struct place *place, int64_t unknown)
{
	struct context *request = place->context;
	bool fits = is_said(place) && last_number(line, place, unknown) == place->named;
	uint64_t number = number_of(place, unknown);

	if (!request->is_request)
		request->line_ticket = 0; /* what began elsewhere, and was answered where it went on */
	for (struct place *next; number != place->named && (next = next_place(line, place, number)); number = number_of(next, unknown)) {
		struct context *segment = next->context;

		segment->line_ticket = segment->handed = 0;
		if (!fits || !request->is_request || request->closed || segment->bound_to)
			continue;
		name_gap(moment, request, segment);
		context_bind(moment->engine, segment, request);
	}
	if (number != place->named && segment_at(line, number) && is_unnamed(line, number))
		give_up(segment_at(line, number));
}

/* Of the request, or the segment, that stands here: what it has gone on with is known now. */
static void pair_place(const struct moment *moment, struct line *line, struct place *place, int64_t unknown)
{
	struct context *context = place->context;
	uint64_t number = number_of(place, unknown);
	bool gone;

	if (!place->rank || number >= line->end_handed)
		return;
	gone = !segment_at(line, number) || !is_unnamed(line, number);
	if (context->is_request) {
		context->ambiguous |= gone;
		context->line_ticket = gone ? 0 : context->line_ticket;
	} else if (gone) {
		context->line_ticket = 0; /* it has been answered since, by whoever it was */
	} else {
		join_work(moment->engine, moment->thread, place, segment_at(line, number));
	}
}

/* The line is as if all had been seen from the start. */
static void pair(const struct moment *moment, struct line *line, const struct context *segment, int64_t unknown)
{
	line->aligned = true;
	line->shifted = false;
	line->order = (struct score){0};
	for (uint64_t ticket = line->first; ticket < line->end; ticket++)
		if (place_at(line, ticket)->named)
			claim_work(moment, line, place_at(line, ticket), unknown);
	for (uint64_t number = line->first_handed; (int64_t)number <= unknown && number < line->end_handed; number++)
		segment_at(line, number)->handed = 0;
	for (uint64_t ticket = line->first; ticket < line->end; ticket++) {
		struct place *place = place_at(line, ticket);

		if (!place->named && !(segment && number_of(place, unknown) == segment->handed))
			pair_place(moment, line, place, unknown);
		place->named = 0;
	}
}

/* Of those that responses have told of the latest ones; how many there are. */
static uint32_t list_said(struct line *line, struct place **said)
{
	uint32_t count = 0;

	for (uint64_t ticket = line->end; ticket-- > line->first && count < VOTES_MAX;)
		if (is_said(place_at(line, ticket)))
			said[count++] = place_at(line, ticket);
	return count;
}

static uint32_t count_votes(struct line *line, struct place **said, uint32_t count, int64_t unknown)
{
	uint32_t votes = 0;

	for (uint32_t i = 0; i < count; i++)
		votes += last_number(line, said[i], unknown) == said[i]->named;
	return votes;
}

/* What responses say of the number of those who had waited before: which most say, and how many those are. */
struct verdict {
	int64_t unknown;
	uint32_t most, second;
};

static struct verdict hear(struct line *line, int64_t first, int64_t last, bool all_seen)
{
	struct verdict verdict = {0};
	struct place *said[VOTES_MAX];
	uint32_t count = list_said(line, said);

	for (int64_t unknown = first; unknown < last; unknown++) {
		uint32_t votes = count_votes(line, said, count, unknown);

		if (!votes || (all_seen && !fits(line, unknown)))
			continue;
		if (votes > verdict.most) {
			verdict.second = verdict.most;
			verdict.most = votes;
			verdict.unknown = unknown;
		} else if (votes > verdict.second) {
			verdict.second = votes;
		}
	}
	return verdict;
}

bool line_find_shift(const struct moment *moment, struct line *line, struct context *segment, struct place *place)
{
	int64_t none = (int64_t)line->first_handed - 1, last = (int64_t)(segment->handed - line->kept), first;
	bool all_seen = !moment->thread->continuations->has_workers;
	struct verdict verdict = {0};
	bool said;

	place->named = segment->handed;
	first = none - (int64_t)rank_places(line);
	if (!line->kept && (!all_seen || last - first <= TRIED_MAX))
		verdict = hear(line, first, last, all_seen);
	said = verdict.most;
	if (!said) /* somebody seems to wait for something else */
		verdict = (struct verdict){.unknown = last - (int64_t)place->rank, .most = all_seen};
	if (verdict.most < (all_seen || verdict.unknown == none ? 1 : AGREED_MIN) || verdict.most < 2 * verdict.second)
		return false;
	pair(moment, line, segment, verdict.unknown);
	return said;
}

void line_nobody_waits(const struct moment *moment, struct line *line)
{
	uint64_t places = rank_places(line), given = line->end_handed - 1;

	if (!line->kept && places <= given && places <= TRIED_MAX && fits(line, (int64_t)(given - places)))
		pair(moment, line, NULL, (int64_t)(given - places));
}

void line_forget_order(struct engine *engine, struct line *line)
{
	for (; line->first < line->end; line_drop_first(engine, line))
		place_at(line, line->first)->context->ambiguous |= still_waits(line, line->first);
	for (; line->first_handed < line->end_handed; line_drop_first_handed(engine, line))
		if (is_unnamed(line, line->first_handed))
			give_up(*handed_at(line, line->first_handed));
}

bool rule_12_knows_who_waits(const struct thread *thread)
{
	return thread->lines[LINE_WORKERS] && thread->lines[LINE_WORKERS]->aligned;
}

void rule_12_nobody_waits_for_workers(const struct moment *moment)
{
	struct line *line = line_of(moment->thread, LINE_WORKERS);

	if (!line || line->aligned)
		return;
	if (line->shifted)
		line_nobody_waits(moment, line);
	if (!line->aligned)
		line_forget_order(moment->engine, line);
	line->aligned = true;
	line->shifted = false;
}
