/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 12's two lines, as line.c keeps them: those who came to wait, and the segments that began with a connection that was given on.
 * Used by line.c; by line_answered.c, where responses say whose turn it was; by line_before.c, which finds out how many have waited since
 * before the trace; by line_kept.c, line_exchange.c, and line_moves.c.
 * Never: seen by a rule.
 */
#ifndef IOCPU_ENGINE_LINE_PLACES_H
#define IOCPU_ENGINE_LINE_PLACES_H

#include "engine/moment.h"
#include "engine/votes.h"

#define LINE_MAX           4096 /* who comes then has no place, and is counted in struct engine_losses. Power of two */
#define ANSWERED_ELSEWHERE UINT64_MAX

/* A request, or a segment that was given a connection before and waits once more. */
struct place {
	struct context *context;
	uint64_t since_ns;
	/*
	 * While the line is shifted: the number of the segment in whose course its request was answered. 0: it was not; ANSWERED_ELSEWHERE:
	 * in none that is known.
	 */
	uint64_t named;
	uint64_t rank; /* line_before.c's: the how manyth it is; 0: it waits no more */
};

struct line {
	bool shifted;        /* some may stand in front that have waited since before the trace */
	bool aligned;        /* it is known how many did */
	struct score order;  /* by what responses say of it, since it is known */
	uint64_t first, end; /* tickets of the places in use, from 1 */
	struct place *places;
	uint64_t first_handed, end_handed; /* numbers of the segments in use, from 1 */
	uint64_t kept;                     /* so many proved to be of whoever had the connection */
	uint64_t idle_peers;               /* as peer_bit(): a connection lay idle there since before the trace, so nobody waited for one */
	struct context **handed;
	uint64_t capacity; /* of either: a power of two */
};

static inline struct place *place_at(struct line *line, uint64_t ticket)
{
	return &line->places[ticket & (line->capacity - 1)];
}

/* Is its place in this line? Another thread's lines count by themselves. */
static inline bool has_place(const struct line *line, const struct context *context)
{
	return line && context->line_ticket >= line->first && context->line_ticket < line->end &&
	       line->places[context->line_ticket & (line->capacity - 1)].context == context;
}

/* Who went on by itself, or is over, waits no more. */
static inline bool still_waits(struct line *line, uint64_t ticket)
{
	const struct context *context = place_at(line, ticket)->context;

	return context->line_ticket == ticket && (context->is_request ? context_is_open_request(context) : !context->bound_to);
}

/* While the line is shifted, who has been answered since still tells whose turn it was. */
static inline bool place_counts(struct line *line, uint64_t ticket)
{
	return place_at(line, ticket)->named || still_waits(line, ticket);
}

static inline bool has_had_a_turn(const struct context *root)
{
	return root && !root->is_request && (root->origin == ORIGIN_POOL || root->origin == ORIGIN_WORKER);
}

static inline struct context **handed_at(struct line *line, uint64_t number)
{
	return &line->handed[number & (line->capacity - 1)];
}

/* Is its number of this line? What began in one thread may go on, and be answered, in another one. */
static inline bool was_handed(struct line *line, const struct context *segment)
{
	return segment->handed >= line->first_handed && segment->handed < line->end_handed && *handed_at(line, segment->handed) == segment;
}

static inline bool is_unnamed(struct line *line, uint64_t number)
{
	const struct context *segment = *handed_at(line, number);

	return segment->handed == number && !segment->bound_to && has_had_a_turn(segment);
}

/* Whose it is nobody will say any more. */
static inline void give_up(struct context *segment)
{
	segment->handed = 0;
	segment->ambiguous = true;
}

/* Of what is given away those wait in this line. */
static inline enum line_kind line_for(enum given given)
{
	return given == GIVEN_WORKER ? LINE_WORKERS : LINE_ANY;
}

/* ---- line.c ---- */

/* NULL: no memory. */
struct line *line_of(struct thread *thread, enum line_kind kind);
void line_stand_in(struct engine *engine, struct line *line, struct context *context, uint64_t since_ns);
/* There must be one. */
void line_drop_first(struct engine *engine, struct line *line);
void line_drop_first_handed(struct engine *engine, struct line *line);
/* How many of the segments with a lower number are not named yet. */
uint64_t line_count_unnamed(struct line *line, uint64_t before);
/* It has waited, and goes on with what was given to it at at_ns. */
void line_goes_on(struct engine *engine, const struct place *place, enum given given, uint64_t at_ns);

/* ---- line_before.c ---- */

/*
 * A request that is known to have waited is answered in the course of this segment: does that tell how many had waited before the trace
 * began? Then all are paired in order. False: not for sure yet.
 */
bool line_find_shift(const struct moment *moment, struct line *line, struct context *segment, struct place *place);
/* A connection lies idle: whoever has come to wait has been given one. */
void line_nobody_waits(const struct moment *moment, struct line *line);

/* Whose turn it was nobody will tell any more: all who wait, and all that is not named, are ambiguous. */
void line_forget_order(struct engine *engine, struct line *line);

/* ---- line_kept.c ---- */

/* The request is answered in the course of the segment: had it, and not been given, the connection that this began with? A vote on that. */
bool line_was_kept(const struct moment *moment, struct line *line, const struct context *segment, const struct context *request);
/*
 * The request, which has so many `waiting` before it, is answered in the course of the segment, which has so many `unnamed` ones: was that
 * not given to it, but begun with what it had, or had been given in its turn? So it is if those keep their connections who ask again in the
 * callback of the answer. No response may have said otherwise, and if it could be its turn as well, one must have said so.
 */
bool line_tell_kept(const struct moment *moment, struct line *line, struct context *segment, struct context *request, uint64_t unnamed,
		    uint64_t waiting);
/* If responses have told that they do, it holds for all of whom nothing else is known. */
void line_keep_all(const struct moment *moment, struct line *line);

/* ---- line_exchange.c ---- */

/*
 * The segment, which has so many `unnamed` ones before it, is the request's, which has so many `waiting` before it. `expected`: whose it
 * would have been; NULL: nobody's that is known.
 */
void line_exchange(struct line *line, struct context *segment, uint64_t unnamed, struct context *request, uint64_t waiting,
		   struct context *expected);
/*
 * The segment of this line is the request's, which has so many `waiting` before it in its `own` line: what would have been its there is of
 * whoever this segment would have been.
 */
void line_exchange_across(struct engine *engine, struct line *line, struct context *segment, struct context *expected, struct line *own,
			  struct context *request, uint64_t waiting);
/* The request is answered, and has a place, but in the course of no segment of this line: it takes the one along that would be its. */
struct context *line_leave_unseen(struct line *line, struct context *request, uint64_t waiting);

#endif
