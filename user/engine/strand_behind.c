/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 15, of tasks: what one goes on to do once it has answered, while its client's next request on that connection has been read already.
 * Nothing shows when it is done with the former, and turns to that one.
 */
#include "engine/strand.h"

#define TURN_DOUBT_NS 500000 /* more CPU than this is not spent on a mere answer */

struct context *strand_next_request(struct engine *engine, const struct strand *strand)
{
	struct conn *conn = strand->answered_conn_id ? conn_of(engine, strand->answered_conn_id) : NULL;
	struct context *request = conn ? conn->last_request : NULL;

	return context_is_open_request(request) && !request->has_task && conn->answerer_strand_id == strand->id ? request : NULL;
}

/*
 * It waited for what it had asked for itself: an answer, or a connection, a timer, room to write, for which somebody lets it go on that
 * works for nobody. When one lets it go on that has just answered, or it itself, once others have run, that may be the end of its response.
 */
static bool waited_for_its_own(const struct strand *strand, const struct context *taken)
{
	const struct context *root = context_root(strand->context);

	if (context_is_segment(root) && context_awaits_peer(root))
		return true;
	return (taken && taken == root) || (!context_is_segment(root) && !strand->woken_behind);
}

/* From here on what it does may be for the next one: it has a segment of its own, which is the answered one's if nothing says otherwise. */
static void begin_to_doubt(struct engine *engine, struct strand *strand, uint64_t at_ns)
{
	struct context *before = strand->context, *answered, *segment;

	strand_settle_hint(engine, before);
	answered = before ? context_root(before) : conn_of(engine, strand->answered_conn_id)->last_closed;
	segment = strand_segment(engine, ORIGIN_SOFT, answered, at_ns);
	context_note_evidence(segment);
	strand->context = segment;
	strand->soft = strand->dispatches = false;
	strand->via_call = 0;
	strand->via_doubt = DOUBT_NONE;
	strand->waits_since_ns = 0;
	strand->may_turn = true;
	context_put(engine, before);
}

bool strand_goes_on_behind(struct engine *engine, struct strand *strand, const struct context *taken, uint64_t at_ns)
{
	const struct context *root = context_root(strand->context);

	if (!strand->may_turn && (strand_request_of(strand->given) || !waited_for_its_own(strand, taken)))
		return false;
	strand->goes_on = true;
	if (!context_is_segment(root) || !(strand->may_turn || root->connects))
		begin_to_doubt(engine, strand, at_ns);
	return true;
}

static void turn_to(struct engine *engine, struct thread *thread, struct context *next, bool doubtful)
{
	struct strand *strand = thread->strand;
	struct context *segment = context_get(context_root(thread->context));

	next->ambiguous |= doubtful; /* rule 13 */
	next->has_task = true;
	if (strand->may_turn) {
		context_add_wait(engine, next, next->first_read_ns, segment->begun_ns, STATE_QUEUE);
		context_bind(engine, segment, next);
	}
	thread_take_over(engine, thread, next);
	strand_settle_hint(engine, segment);
	strand->goes_on = strand->may_turn = false;
	strand->turns = true;
	context_put(engine, segment);
}

/* The request that the thread's task may turn to now. NULL: there is none. */
static struct context *may_turn_to(struct engine *engine, const struct thread *thread)
{
	const struct strand *strand = thread->strand;

	return strand && strand->goes_on && context_is_segment(context_root(thread->context)) ? strand_next_request(engine, strand) : NULL;
}

/* It connects, for what it went on to do, and asks on that connection now, or says the rest of that. */
static bool asks_where_it_connected(const struct moment *moment)
{
	const struct context *root = context_root(moment->thread->context);
	const struct call *last = moment->conn->last_call;

	return context_root(moment->conn->reserved) == root || (last && context_root(last->context) == root);
}

/* It was made while a request was being worked on, for that, and has never turned to another one: so it asks for that even now. */
static bool is_for_one(const struct strand *strand)
{
	return strand->made_for_request && !strand->turns;
}

void strand_asks_behind(const struct moment *moment, bool on_new_connection)
{
	struct context *next = may_turn_to(moment->engine, moment->thread);

	if (next && !is_for_one(moment->thread->strand) &&
	    (moment->thread->strand->may_turn || on_new_connection || !asks_where_it_connected(moment)))
		turn_to(moment->engine, moment->thread, next, true);
}

void strand_makes_behind(struct engine *engine, struct thread *thread)
{
	struct context *next = may_turn_to(engine, thread);

	if (next && thread->strand->may_turn && !is_for_one(thread->strand))
		turn_to(engine, thread, next, true);
}

void strand_answers_behind(const struct moment *moment, const struct context *request)
{
	struct thread *thread = moment->thread;
	struct context *next = may_turn_to(moment->engine, thread), *root = context_root(thread->context);

	if (next && next == request)
		turn_to(moment->engine, thread, next,
			!thread->strand->may_turn || root->call_count || thread_segment_cpu_ns(thread, root) >= TURN_DOUBT_NS);
}

struct context *strand_hands_next(struct engine *engine, const struct thread *thread, const struct strand *woken)
{
	struct context *next = may_turn_to(engine, thread);

	return next && thread->strand->may_turn && thread->strand->maker_id == woken->id ? next : NULL;
}
