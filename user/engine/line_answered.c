/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 12 where callbacks run at once: a response says whose turn it was when the segment began in whose course it goes out. So it bears
 * the order of a line out, or contradicts it.
 */
#include "engine/chains.h"
#include "engine/line.h"
#include "engine/line_places.h"
#include "engine/pool_ahead.h"
#include "engine/rules_loop.h"
#include "engine/workers.h"

/* So often must responses have contradicted the number of those that stood in front, and once for so many that bore it out. */
#define CONTRADICTED_MIN     4
#define RIGHT_PER_MISALIGNED 8
#define LOST_MIN             6  /* so often, and oftener than they bore it out: the line is lost */
#define RESPONSES_MAX        32 /* of longer ago they count half */

static bool request_waits(struct line *line, uint64_t ticket)
{
	return place_at(line, ticket)->context->is_request && still_waits(line, ticket);
}

/* How many requests wait before this ticket, as far as that is less than most. */
static uint64_t count_waiting(struct line *line, uint64_t before, uint64_t most)
{
	uint64_t count = 0;

	for (uint64_t ticket = line->first; ticket < line->end && ticket < before && count < most; ticket++)
		count += request_waits(line, ticket);
	return count;
}

/* The request that waits and has so many before it. NULL: there is none. */
static struct context *waiting_at(struct line *line, uint64_t place)
{
	for (uint64_t ticket = line->first; ticket < line->end; ticket++)
		if (request_waits(line, ticket) && place-- == 0)
			return place_at(line, ticket)->context;
	return NULL;
}

const struct context *rule_12_whose_turn(const struct thread *thread, const struct context *segment)
{
	struct line *line = thread->lines[line_for(segment->given)];

	if (!line || line->shifted || !was_handed(line, segment))
		return NULL;
	return waiting_at(line, line_count_unnamed(line, segment->handed));
}

/* These stand in front, and others were given connections: it is for something else that they wait. */
static void send_away(struct line *line, uint64_t count)
{
	for (uint64_t ticket = line->first; count; ticket++) {
		if (!request_waits(line, ticket))
			continue;
		place_at(line, ticket)->context->line_ticket = 0;
		count--;
	}
}

/* More than can be anybody's who waits: whose they are only their responses can say, and what came before that nobody. */
static void give_up_unnamed(struct line *line, uint64_t count)
{
	for (uint64_t number = line->first_handed; count; number++) {
		struct context *segment = *handed_at(line, number);

		if (!is_unnamed(line, number))
			continue;
		give_up(segment);
		count--;
	}
}

/* It began to wait in the turn in which the tracer came, as whoever the segment is of: before all that have a place. */
static bool waits_since_before(const struct thread *thread, const struct context *segment, const struct context *request)
{
	return !segment->handed && !request->line_ticket && request->first_read_ns < thread->continuations->since_ns;
}

/* Was it the request's turn to be given a connection, or a worker, when the segment began? */
static void judge_turn(const struct moment *moment, struct line *line, struct context *segment, struct context *request)
{
	struct context *expected;
	uint64_t unnamed, waiting, ticket = has_place(line, request) ? request->line_ticket : 0;
	bool right, has_workers = moment->thread->continuations->has_workers;
	/* Of what lost its place in the order no response tells any more, nor as long as the order is not known. */
	bool tells = !line->shifted && (segment->handed || ticket || !has_workers);

	if (line->shifted && segment->handed && ticket) {
		request->ambiguous |= !line_find_shift(moment, line, segment, place_at(line, ticket)) || request->calls_in_flight;
		return;
	}
	unnamed = segment->handed ? line_count_unnamed(line, segment->handed) : 0;
	waiting = count_waiting(line, ticket, UINT64_MAX);
	if (tells && segment->handed && ticket && !has_workers && line_tell_kept(moment, line, segment, request, unnamed, waiting))
		unnamed = waiting;
	expected = waiting_at(line, unnamed);
	if (tells)
		score_count(&line->order, segment->handed && ticket && waiting == unnamed, RESPONSES_MAX);
	if (has_workers && segment->handed && ticket && waiting != unnamed) {
		line_exchange(line, segment, unnamed, request, waiting, expected);
		return;
	}
	if (has_workers && !line->shifted && segment->handed && !ticket && expected) {
		expected->line_ticket = 0;
		expected->ambiguous = request->ambiguous = true;
	}
	right = waits_since_before(moment->thread, segment, request) || (segment->handed && ticket && waiting == unnamed);

	if (ticket && waiting > unnamed && !segment->handed_again)
		send_away(line, waiting - unnamed);
	if (ticket && unnamed > waiting && !segment->handed_again)
		give_up_unnamed(line, unnamed - waiting);
	if (segment->went_on && right)
		doubts_vote_given(moment->thread->proc, (enum given)segment->went_on, false);
	if (segment->handed_again && tells)
		doubts_vote(moment->thread->proc, DOUBT_LINE, right);
	/* It waits for a call of its own; it has had its turn before; or what the segment began with may have been another one's. */
	request->ambiguous |= request->calls_in_flight || unnamed > waiting || (segment->handed_again && !right);
	if (segment->handed_again && !right && expected)
		expected->ambiguous = true;
}

/* There are more segments than requests that wait: some are of such as were not seen to come. */
static void give_up_surplus(struct line *line)
{
	uint64_t unnamed = line && !line->shifted ? line_count_unnamed(line, line->end_handed) : 0;
	uint64_t waiting = unnamed ? count_waiting(line, line->end, unnamed) : 0;

	if (unnamed > waiting)
		give_up_unnamed(line, unnamed - waiting);
}

/* How many stood there since before the trace was found by few responses: others have often contradicted that. */
static bool is_misaligned(const struct line *line)
{
	return line && line->aligned && line->order.wrong >= CONTRADICTED_MIN &&
	       line->order.wrong * RIGHT_PER_MISALIGNED > line->order.right;
}

static bool is_lost(const struct line *line)
{
	return line && line->aligned && line->order.wrong >= LOST_MIN && line->order.wrong > line->order.right;
}

static bool is_of(struct context *context, const struct proc *proc)
{
	const struct context *root = context_root(context);

	return root && root->proc == proc;
}

/* As if the trace began now. */
static void begin_anew(const struct moment *moment)
{
	struct conn *conn;
	size_t cursor = 0;

	for (enum line_kind kind = 0; kind < LINES; kind++) {
		struct line *line = moment->thread->lines[kind];

		if (!line)
			continue;
		line_forget_order(moment->engine, line);
		line->shifted = true;
		line->aligned = false;
		line->kept = line->idle_peers = 0;
	}
	while ((conn = idmap_next(&moment->engine->conns, &cursor)))
		conn->used_before |= is_of(conn->answering, moment->thread->proc) ||
				     (conn->first_call && is_of(conn->first_call->context, moment->thread->proc));
}

/*
 * It stands in its own line, but what it is answered in the course of did not begin there: if that began with a connection, or a worker, it
 * says how many had waited for one before the trace, which is returned: then it has been judged.
 */
static bool leave(const struct moment *moment, struct line *own, struct line *other, struct context *segment, struct context *request)
{
	struct context *taken = line_leave_unseen(own, request, count_waiting(own, request->line_ticket, UINT64_MAX));

	if (!taken || !other || !other->shifted || !has_place(other, taken) || !has_had_a_turn(segment) || !was_handed(other, segment))
		return false;
	(void)line_find_shift(moment, other, segment, place_at(other, taken->line_ticket));
	return true;
}

static bool leave_own_line(const struct moment *moment, struct context *segment, struct context *request)
{
	struct line *workers = moment->thread->lines[LINE_WORKERS], *any = moment->thread->lines[LINE_ANY];
	bool given_worker = segment && segment->handed && segment->given == GIVEN_WORKER;

	if (has_place(workers, request) && !given_worker &&
	    (workers_call_back(moment->thread) || has_had_a_turn(segment) || (segment && segment->is_request)))
		return leave(moment, workers, any, segment, request);
	if (has_place(any, request) && given_worker && workers && workers->shifted)
		return leave(moment, any, workers, segment, request);
	return false;
}

/* Its place is in the one line, what it is answered in the course of has begun in the other: two were taken for each other in between. */
static bool changes_lines(const struct moment *moment, struct line *line, struct context *segment, struct context *request)
{
	struct line *own = moment->thread->lines[segment->given == GIVEN_WORKER ? LINE_ANY : LINE_WORKERS];

	if (!segment->handed || line->shifted || !has_place(own, request) || own->shifted)
		return false;
	score_count(&line->order, false, RESPONSES_MAX);
	line_exchange_across(moment->engine, line, segment, waiting_at(line, line_count_unnamed(line, segment->handed)), own, request,
			     count_waiting(own, request->line_ticket, UINT64_MAX));
	return true;
}

void rule_12_answered(const struct moment *moment, struct context *request)
{
	struct thread *thread = moment->thread;
	struct context *segment = context_root(thread->context);
	struct line *line = has_had_a_turn(segment) ? thread->lines[line_for(segment->given)] : NULL;
	bool judged;

	chains_answered(moment, request);
	pool_ahead_answered(moment, request);
	if (!loop_calls_back_at_once(thread))
		return;
	request->ambiguous |= is_misaligned(thread->lines[LINE_WORKERS]);
	if (line && segment->handed && !was_handed(line, segment))
		line = NULL; /* of another thread's */
	if (line && changes_lines(moment, line, segment, request))
		line = NULL;
	judged = leave_own_line(moment, segment, request);
	if (line) {
		if (!line_was_kept(moment, line, segment, request) && !judged)
			judge_turn(moment, line, segment, request);
		segment->handed = 0;
	}
	request->line_ticket = 0;
	if (is_lost(thread->lines[LINE_WORKERS]))
		begin_anew(moment);
	if (line && !line->shifted)
		line_keep_all(moment, line);
	for (enum line_kind kind = 0; kind < LINES; kind++)
		give_up_surplus(thread->lines[kind]);
}
