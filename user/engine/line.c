/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 12 where callbacks run at once: requests whose turn ended without a call wait for something within the process, such as a connection
 * of a pool. Who is given the next one no record shows; the response says it later. So two lines are kept: of those who came to wait, and
 * of the segments that began with a connection that was given on. A pool that serves in order pairs them from the front.
 */
#include <stdlib.h>

#include "engine/chains.h"
#include "engine/idle.h"
#include "engine/line.h"
#include "engine/line_places.h"
#include "engine/rules_loop.h"
#include "engine/workers.h"

/* Not if its requests go on on other threads too. */
bool loop_calls_back_at_once(const struct thread *thread)
{
	const struct continuations *loop = rule_11_loop_of(thread);

	return loop && !continuations_known_to_defer(loop) && !continuations_collect(loop) && !continuations_ahead(loop);
}

#define TICKETS       (1ull << 60) /* those of two lines differ */
#define CAPACITY_MIN  64
#define ROUNDS_UNSEEN 3 /* epoll returns: what was read before the trace has been done with then */

static bool grow(struct line *line)
{
	struct line bigger = *line;

	bigger.capacity = line->capacity ? 2 * line->capacity : CAPACITY_MIN;
	if (bigger.capacity > LINE_MAX)
		return false;
	bigger.places = calloc(bigger.capacity, sizeof(*bigger.places));
	bigger.handed = calloc(bigger.capacity, sizeof(struct context *));
	if (!bigger.places || !bigger.handed) {
		free(bigger.places);
		free(bigger.handed);
		return false;
	}
	for (uint64_t ticket = line->first; ticket < line->end; ticket++)
		*place_at(&bigger, ticket) = *place_at(line, ticket);
	for (uint64_t number = line->first_handed; number < line->end_handed; number++)
		*handed_at(&bigger, number) = *handed_at(line, number);
	free(line->places);
	free(line->handed);
	*line = bigger;
	return true;
}

struct line *line_of(struct thread *thread, enum line_kind kind)
{
	struct line *line = thread->lines[kind];

	if (line)
		return line;
	line = calloc(1, sizeof(*line));
	if (!line || !grow(line)) {
		free(line);
		return NULL;
	}
	line->first = line->end = kind * TICKETS + 1;
	line->first_handed = line->end_handed = 1;
	thread->lines[kind] = line;
	return line;
}

/* ---- those who came to wait ---------------------------------------------------------------------------------------------------------- */

void line_drop_first(struct engine *engine, struct line *line)
{
	struct context *context = place_at(line, line->first)->context;

	if (context->line_ticket == line->first)
		context->line_ticket = 0;
	line->first++;
	context_put(engine, context);
}

/* Behind one that waits for long others have come and gone: all that wait move up. */
static void close_ranks(struct engine *engine, struct line *line)
{
	uint64_t to = line->first;

	for (uint64_t ticket = line->first; ticket < line->end; ticket++) {
		struct place place = *place_at(line, ticket);
		bool counts = place_counts(line, ticket);

		if (place.context->line_ticket == ticket)
			place.context->line_ticket = counts ? to : 0;
		if (counts)
			*place_at(line, to++) = place;
		else
			context_put(engine, place.context);
	}
	line->end = to;
}

/* So many in a ring leave it no room, or too little to be worth moving all the others. */
static bool is_nearly_full(const struct line *line, uint64_t count)
{
	return count > line->capacity - line->capacity / 4;
}

/* False: there is none. */
static bool make_place(struct engine *engine, struct line *line)
{
	while (line->first < line->end && !place_counts(line, line->first))
		line_drop_first(engine, line);
	if (line->end - line->first < line->capacity)
		return true;
	close_ranks(engine, line);
	return !is_nearly_full(line, line->end - line->first) || grow(line) || line->end - line->first < line->capacity;
}

void line_stand_in(struct engine *engine, struct line *line, struct context *context, uint64_t since_ns)
{
	if (!make_place(engine, line)) {
		engine->losses.waiters++;
		return;
	}
	context->line_ticket = line->end;
	*place_at(line, line->end++) = (struct place){.context = context_get(context), .since_ns = since_ns};
}

void rule_12_waits_still(struct engine *engine, struct thread *loop, struct context *root, uint64_t since_ns)
{
	struct line *line = loop->lines[LINE_WORKERS];

	if (!line)
		return;
	if (line->aligned && !root->line_ticket) {
		if (line->end - line->first == line->capacity) {
			engine->losses.waiters++;
			return;
		}
		root->line_ticket = --line->first;
		*place_at(line, line->first) = (struct place){.context = context_get(root), .since_ns = since_ns};
	} else if (line->shifted && root->handed == line->end_handed - 1 && was_handed(line, root)) {
		root->handed = 0;
		context_put(engine, *handed_at(line, --line->end_handed));
	}
}

/* What a loop's workers are given may be of a request that nobody saw begin. */
static bool is_of_a_worker_loop(const struct thread *thread, const struct context *root)
{
	return thread->continuations && thread->continuations->has_workers && context_is_segment(root) && root->evidence;
}

bool rule_12_may_wait(const struct thread *thread, const struct context *root)
{
	bool asks = context_is_open_request(root) && !root->stream;

	return (asks || has_had_a_turn(root) || is_of_a_worker_loop(thread, root)) && !context_awaits_peer(root) &&
	       (!root->line_ticket || root->line_ticket >= CHAIN_TICKETS) && !root->at_worker;
}

/* A loop that it shares may be known by another thread's epoll returns alone. */
static bool may_share_a_line(const struct thread *thread)
{
	return !thread->continuations && !thread->carrier && thread->proc->told.loop_threads;
}

void rule_12_waits(struct engine *engine, struct thread *thread, struct context *root, uint64_t at_ns)
{
	const struct moment moment = {.engine = engine, .thread = thread, .at_ns = at_ns};
	enum line_kind kind;
	struct line *line;

	if (chains_apply(thread) || may_share_a_line(thread))
		chains_wait(engine, thread, root, at_ns);
	if (!loop_calls_back_at_once(thread) || !rule_12_may_wait(thread, root))
		return;
	kind = thread->continuations->has_workers && !root->came_back ? LINE_WORKERS : LINE_ANY;
	line = line_of(thread, kind);
	if (kind == LINE_WORKERS && line && line->aligned && !rule_12_somebody_waits(thread, LINE_WORKERS) &&
	    workers_give_at_once(&moment, root))
		return;
	if (line)
		line_stand_in(engine, line, root, at_ns);
}

void rule_12_turn_ends(struct engine *engine, struct thread *thread, uint64_t at_ns)
{
	struct context *root = context_root(thread->context);

	/* That a turn had ended is told only by the next epoll return: what it gave to a worker may be done by then. */
	if (!thread->soft && !is_worker_thread(thread) && !workers_callback_to_come(thread, root))
		rule_12_waits(engine, thread, root, at_ns);
}

/* ---- those who were given a connection, and have not shown whose work they are ------------------------------------------------------- */

void line_drop_first_handed(struct engine *engine, struct line *line)
{
	context_put(engine, *handed_at(line, line->first_handed++));
}

static struct context *begin_work(const struct moment *moment, enum given given)
{
	enum origin origin = given == GIVEN_WORKER ? ORIGIN_WORKER : ORIGIN_POOL;
	struct context *segment = context_new_segment(moment->engine, origin, NULL, moment->at_ns);

	context_note_evidence(segment);
	return segment;
}

/* The same of the segments. Their numbers tell how many have begun, as long as that matters. */
static void close_ranks_handed(struct engine *engine, struct line *line)
{
	uint64_t to = line->first_handed;

	for (uint64_t number = line->first_handed; number < line->end_handed; number++) {
		struct context *segment = *handed_at(line, number);
		bool unnamed = is_unnamed(line, number);

		if (segment->handed == number)
			segment->handed = unnamed ? to : 0;
		if (unnamed)
			*handed_at(line, to++) = segment;
		else
			context_put(engine, segment);
	}
	line->end_handed = to;
}

/* If there is no room, the oldest is forgotten. */
static void make_room_for_handed(struct engine *engine, struct line *line)
{
	while (line->first_handed < line->end_handed && !is_unnamed(line, line->first_handed))
		line_drop_first_handed(engine, line);
	if (line->end_handed - line->first_handed < line->capacity)
		return;
	if (!line->shifted)
		close_ranks_handed(engine, line);
	if (is_nearly_full(line, line->end_handed - line->first_handed) && !grow(line) &&
	    line->end_handed - line->first_handed == line->capacity) {
		engine->losses.waiters++;
		line_drop_first_handed(engine, line);
	}
}

static struct context *begin_handed(const struct moment *moment, struct line *line, enum given given)
{
	struct context *segment = begin_work(moment, given);

	if (!segment)
		return NULL;
	make_room_for_handed(moment->engine, line);
	segment->given = (uint8_t)given;
	segment->instead = context_get(context_root(moment->thread->context));
	segment->handed = line->end_handed;
	*handed_at(line, line->end_handed++) = context_get(segment);
	return segment;
}

uint64_t line_count_unnamed(struct line *line, uint64_t before)
{
	uint64_t count = 0;

	for (uint64_t number = line->first_handed; number < before; number++)
		count += is_unnamed(line, number);
	return count;
}

/* ---- a connection is given on -------------------------------------------------------------------------------------------------------- */

/*
 * The first that waits, but for those whose turn it was already: as many requests from the front as there are segments that are not named
 * yet. Who waited while this very connection lay idle waits for none of its pool. 0: nobody waits.
 */
static uint64_t first_in_line(struct line *line, uint64_t not_before_ns)
{
	uint64_t had_their_turn = line_count_unnamed(line, line->end_handed);

	for (uint64_t ticket = line->first; ticket < line->end; ticket++) {
		const struct place *place = place_at(line, ticket);

		if (!still_waits(line, ticket))
			continue;
		if (place->context->is_request && had_their_turn)
			had_their_turn--;
		else if (place->since_ns >= not_before_ns)
			return ticket;
	}
	return 0;
}

bool rule_12_somebody_waits(const struct thread *thread, enum line_kind kind)
{
	return thread->lines[kind] && first_in_line(thread->lines[kind], 0);
}

void line_goes_on(struct engine *engine, const struct place *place, enum given given, uint64_t at_ns)
{
	place->context->handed_again = true;
	context_add_wait(engine, place->context, place->since_ns, at_ns, given == GIVEN_WORKER ? STATE_QUEUE : STATE_POOL);
}

/* Who waits since before the trace stands in front of those that are known. */
static void expect_unknown(struct thread *thread, enum line_kind kind)
{
	struct line *line = line_of(thread, kind);

	if (line)
		line->shifted = !line->aligned;
}

bool lines_began_unseen(const struct thread *thread)
{
	for (enum line_kind kind = 0; kind < LINES; kind++)
		if (thread->lines[kind] && (thread->lines[kind]->shifted || thread->lines[kind]->aligned))
			return true;
	return false;
}

/* It may be the turn of one that has waited since before the trace. */
static bool may_be_for_unknown(const struct moment *moment, const struct line *line, enum given given)
{
	return line->shifted && (given == GIVEN_WORKER || (given == GIVEN_AT_ONCE && moment->conn->used_before));
}

/*
 * Who waited while the connection lay idle waits for another pool, or something else. But some pools keep connections idle beside those who
 * wait: there whoever runs behind others is who was resumed.
 */
static uint64_t not_before(const struct moment *moment, enum given given)
{
	bool resumed = given == GIVEN_LATER && doubts_is_given_on(moment->thread->proc, given);

	return resumed || given == GIVEN_WORKER || given == GIVEN_IDLE ? 0 : moment->conn->idle_until_ns;
}

struct context *rule_12_next_in_line(const struct moment *moment, enum given given)
{
	struct thread *thread = moment->thread;
	const struct score *on = &thread->proc->given[given];
	struct line *line;
	struct place *place;
	uint64_t ticket;

	if (!loop_calls_back_at_once(thread))
		return NULL;
	if (given == GIVEN_WORKER || moment->conn->used_before)
		expect_unknown(thread, line_for(given));
	line = thread->lines[line_for(given)];
	if (!line)
		return NULL;
	if (may_be_for_unknown(moment, line, given))
		return begin_handed(moment, line, given);
	ticket = first_in_line(line, not_before(moment, given));
	if (!ticket)
		return NULL;
	place = place_at(line, ticket);
	if (place->context->is_request)
		return begin_handed(moment, line, given);
	if (given == GIVEN_AT_ONCE && on->wrong > on->right)
		return NULL; /* it was kept so far: no two ones' work is to be joined by that */
	place->context->line_ticket = 0;
	line_goes_on(moment->engine, place, given, moment->at_ns);
	return context_get(place->context);
}

bool rule_12_could_be_given(const struct moment *moment, enum given given)
{
	struct line *line = moment->thread->lines[line_for(given)];

	return line && !line->shifted && first_in_line(line, not_before(moment, given));
}

/* Of another pool some may wait still. */
static bool only_pool_used_before(struct engine *engine, uint16_t peer)
{
	struct conn *conn;
	size_t cursor = 0;

	while ((conn = idmap_next(&engine->conns, &cursor)))
		if (conn->used_before && conn->peer != peer)
			return false;
	return true;
}

/*
 * It was there before the trace, and is asked on now for the first time since, in no turn in which its answer may have been read before
 * that, nor in the next one.
 */
static bool lay_idle_since_before(const struct moment *moment)
{
	const struct conn *conn = moment->conn;

	return !conn->connect_seen && !conn->answer_read_ns && !conn->idle_until_ns && loop_calls_back_at_once(moment->thread) &&
	       moment->thread->continuations->round >= ROUNDS_UNSEEN;
}

void rule_12_lay_idle(const struct moment *moment, bool in_this_turn)
{
	struct conn *conn = moment->conn;
	bool since_before = lay_idle_since_before(moment), used_before = conn->used_before || since_before;
	struct line *line = since_before ? line_of(moment->thread, LINE_ANY) : moment->thread->lines[LINE_ANY];

	conn->idle_until_ns = moment->at_ns;
	if (in_this_turn)
		return;
	conn->used_before = false;
	if (since_before && line)
		line->idle_peers |= peer_bit(conn->peer);
	if (used_before && line && line->shifted && only_pool_used_before(moment->engine, conn->peer))
		line_nobody_waits(moment, line);
}

/* Some may have waited for it before the trace, if none lay idle. */
static void note_used_before(const struct moment *moment)
{
	const struct line *line = moment->thread->lines[LINE_ANY];

	moment->conn->used_before = !line || !(line->idle_peers & peer_bit(moment->conn->peer));
	if (moment->conn->used_before)
		expect_unknown(moment->thread, LINE_ANY);
}

static void go_on_for_unknown(const struct moment *moment)
{
	struct context *segment = begin_work(moment, GIVEN_NOT);

	thread_switch(moment->engine, moment->thread, segment, false);
	context_put(moment->engine, segment);
}

/* Who shares a loop's events, too. */
static bool works_at_once(const struct thread *thread)
{
	return loop_calls_back_at_once(thread) || (thread->continuations && thread->continuations->shared && !thread->carrier);
}

/* May it be a loop, in the turn in which the tracer came? */
static bool may_be_in_first_turn(const struct thread *thread)
{
	return !thread->born && !thread->continuations && !thread->carrier && !thread_runs_untold_goroutines(thread);
}

void rule_12_unknown_answer(const struct moment *moment)
{
	struct thread *thread = moment->thread;

	if (loop_calls_back_at_once(thread)) {
		note_used_before(moment);
		rule_12_turn_ends(moment->engine, thread, moment->at_ns);
	} else if (!works_at_once(thread) && !(may_be_in_first_turn(thread) && thread_is_active(thread))) {
		return;
	}
	end_soft_tail(moment);
	go_on_for_unknown(moment);
}

void rule_12_asked_in_first_turn(const struct moment *moment, struct call *call)
{
	struct thread *thread = moment->thread;
	struct context *segment, *before = call->context;

	if (!works_at_once(thread) || thread->born || call->connect_ns || call->write_ns >= thread->continuations->since_ns)
		return;
	moment->conn->used_before = true;
	if (has_had_a_turn(context_root(before)))
		return; /* it is nobody's already */
	segment = begin_work(moment, GIVEN_NOT);
	if (!segment)
		return;
	if (loop_calls_back_at_once(thread))
		note_used_before(moment);
	call_delist(call);
	call->context = segment;
	call->doubt = DOUBT_NONE;
	call_enlist(call, segment);
	context_put(moment->engine, before);
}

/* ---- the end ------------------------------------------------------------------------------------------------------------------------- */

static void line_close(struct engine *engine, struct line *line)
{
	while (line && line->first < line->end)
		line_drop_first(engine, line);
	while (line && line->first_handed < line->end_handed)
		line_drop_first_handed(engine, line);
	if (line) {
		free(line->places);
		free(line->handed);
	}
	free(line);
}

void lines_close(struct engine *engine, struct thread *thread)
{
	for (enum line_kind kind = 0; kind < LINES; kind++) {
		line_close(engine, thread->lines[kind]);
		thread->lines[kind] = NULL;
	}
}
