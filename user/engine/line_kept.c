/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 12 where callbacks run at once: a connection that seemed to be given on was kept by whoever had it, who only seemed to wait from
 * then on. One response tells that of its own segment; where it has told so of a way by which connections are given on, of all that began
 * so.
 */
#include "engine/line.h"
#include "engine/line_places.h"

#define KEPT_MAX 8 /* so often may a connection be kept, before it is known that it is */

/* Whose work it is if its connection was not given on. That may have begun with one that was not given on, too. NULL: nobody's. */
static struct context *keeper_of(const struct context *segment)
{
	struct context *before = context_root(segment->instead);

	return before && segment->given != GIVEN_WORKER && (before->is_request || has_had_a_turn(before)) ? before : NULL;
}

/* It seemed to wait as it had not asked; but in the turn that ended so it had asked this. */
static void leave_line(struct thread *thread, struct context *keeper, const struct context *segment)
{
	struct line *line = thread->lines[LINE_ANY];

	if (has_place(line, keeper) && place_at(line, keeper->line_ticket)->since_ns >= segment->begun_ns)
		keeper->line_ticket = 0;
}

static void keep(const struct moment *moment, struct line *line, struct context *segment, struct context *keeper)
{
	leave_line(moment->thread, keeper, segment);
	if (has_place(line, segment)) {
		struct place *place = place_at(line, segment->line_ticket);

		keeper->line_ticket = segment->line_ticket;
		place->context = context_get(keeper);
		context_put(moment->engine, segment);
	}
	segment->handed = 0;
	line->kept++;
	context_bind(moment->engine, segment, keeper);
}

bool line_was_kept(const struct moment *moment, struct line *line, const struct context *segment, const struct context *request)
{
	const struct context *before = keeper_of(segment);

	if (!before || !before->is_request)
		return false;
	doubts_vote_given(moment->thread->proc, segment->given, before != request);
	line->kept += before == request;
	return before == request;
}

/* Whoever may still go on with it. */
static struct context *open_keeper_of(const struct context *segment)
{
	struct context *keeper = keeper_of(segment);

	return keeper && (!keeper->is_request || context_is_open_request(keeper)) ? keeper : NULL;
}

static bool may_be_kept(const struct moment *moment, struct line *line, uint64_t number)
{
	const struct context *segment = *handed_at(line, number);

	return is_unnamed(line, number) && segment->given == GIVEN_AT_ONCE && segment != context_root(moment->thread->context) &&
	       open_keeper_of(segment);
}

static void keep_those(const struct moment *moment, struct line *line)
{
	for (uint64_t number = line->first_handed; number < line->end_handed; number++)
		if (may_be_kept(moment, line, number))
			keep(moment, line, *handed_at(line, number), open_keeper_of(*handed_at(line, number)));
}

/* With what it began that goes on in this segment, if those keep their connections who have them. NULL: nobody knows. */
static struct context *first_of(struct line *line, struct context *segment)
{
	for (uint32_t i = 0; i < KEPT_MAX && segment && !segment->is_request && segment->given == GIVEN_AT_ONCE; i++)
		segment = was_handed(line, segment) ? keeper_of(segment) : NULL;
	return segment && (segment->is_request || (segment->given != GIVEN_AT_ONCE && was_handed(line, segment))) ? segment : NULL;
}

/*
 * If those keep their connections who have them: was it the request's own that it is answered on, or one that it was given in its turn,
 * with so many `waiting` before it? How many were kept then; 0: it was not.
 */
static uint64_t count_if_kept(const struct moment *moment, struct line *line, const struct context *segment, const struct context *first,
			      const struct context *request, uint64_t waiting)
{
	uint64_t kept = first != segment, before = 0;

	if (!first || first->is_request)
		return first && first == request;
	for (uint64_t number = line->first_handed; number < first->handed; number++) {
		bool may_be = may_be_kept(moment, line, number);

		kept += may_be;
		before += !may_be && is_unnamed(line, number);
	}
	return before == waiting ? kept : 0;
}

/* All in which it has gone on with its connection is the request's. */
static void claim_kept(const struct moment *moment, struct context *segment, const struct context *first, struct context *request)
{
	struct context *before = segment == first ? NULL : keeper_of(segment);

	while (before && before != request) {
		struct context *next = before == first ? NULL : keeper_of(before);

		before->handed = 0;
		if (before == first)
			name_gap(moment, request, before);
		context_bind(moment->engine, before, request);
		before = next;
	}
}

bool line_tell_kept(const struct moment *moment, struct line *line, struct context *segment, struct context *request, uint64_t unnamed,
		    uint64_t waiting)
{
	struct proc *proc = moment->thread->proc;
	const struct score *given = &proc->given[GIVEN_AT_ONCE];
	const struct context *first = first_of(line, segment);
	uint64_t kept;

	if (given->right || (unnamed == waiting && !(given->wrong && first == request)))
		return false;
	kept = count_if_kept(moment, line, segment, first, request, waiting);
	if (!kept)
		return false;
	claim_kept(moment, segment, first, request);
	keep_those(moment, line);
	while (kept--)
		doubts_vote_given(proc, GIVEN_AT_ONCE, false);
	return true;
}

void line_keep_all(const struct moment *moment, struct line *line)
{
	if (doubts_is_kept(moment->thread->proc, GIVEN_AT_ONCE))
		keep_those(moment, line);
}
