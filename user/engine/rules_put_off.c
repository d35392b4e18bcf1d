/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 11: callbacks of an event loop for which nothing was read when they run. Its runtime has put them off behind the reads of the turn
 * (Node's setImmediate and timers), or a thread of its own has done something for them (libuv's pool: files, names, compression). They show
 * by what they compute, behind what another one has asked or answered.
 * Where requests, or answers, are put off as a rule, what runs behind a round's reads is told by their order, as in a loop that defers: the
 * next round seems to begin there. Otherwise whose such a callback is no read tells.
 */
#include "engine/line.h"
#include "engine/rules_loop.h"

#define SHOWS_NS SILENT_NS /* of CPU: less may be what one callback does between two acts, on a slow machine */

/* NULL: the thread is no loop that reads and then works, be it at once or behind that. CPython's defer, or collect their writes. */
static struct continuations *observed(const struct thread *thread)
{
	struct continuations *loop = rule_11_loop_of(thread);

	return loop && !loop->has_workers && !continuations_ahead(loop) && !proc_has_tasks(thread->proc) ? loop : NULL;
}

/* What the thread has computed since it seemed to work for another one becomes a segment. False: no memory. */
static bool begin_step(const struct moment *moment)
{
	struct thread *thread = moment->thread;
	uint64_t begun_ns = thread->pending_count ? thread->pending[0].start_ns : moment->at_ns;
	struct context *segment = context_new_segment(moment->engine, ORIGIN_EVENT, NULL, begun_ns);

	if (!segment)
		return false;
	thread_take_over(moment->engine, thread, segment);
	thread_switch(moment->engine, thread, segment, false);
	context_put(moment->engine, segment);
	return true;
}

/* Who waited for a connection goes on in the callback of the answer that came on it: rule 12. */
static bool is_given_on(const struct moment *moment)
{
	const struct conn *conn = moment->conn;

	return conn->role == CONN_DOWNSTREAM && conn->answer_read_ns && conn->answer_read_ns >= moment->thread->epoll_at_ns;
}

/* In a loop that calls back at once, as far as is known: somebody runs who had been passed over. */
static void another_runs(const struct moment *moment)
{
	struct thread *thread = moment->thread;
	bool has_done_its_part = thread->asked || thread->soft;

	if (!has_done_its_part || is_given_on(moment) || rule_11_in_steps(thread) || !loop_calls_back_at_once(thread) ||
	    !rule_12_somebody_waits(thread, LINE_ANY))
		return;
	doubts_vote(thread->proc, DOUBT_UNREAD, false);
	if (begin_step(moment))
		context_note_evidence(context_root(thread->context));
}

/* Not if it may be the same request's that goes on behind its call, as one does that makes several at once. */
static bool is_anothers(const struct moment *moment)
{
	const struct thread *thread = moment->thread;

	return thread->soft || (moment->conn->role == CONN_SERVER && context_root(thread->context) != moment->conn->first_request);
}

/* What was put off is the turn of, now that all has been read. */
static bool begins_turns(const struct continuations *loop, bool behind)
{
	return loop->reading && continuations_put_off(loop) && continuations_anybody_put_off(loop) &&
	       (behind || (loop->last_side < SIDES && continuations_hops(loop, loop->last_side)));
}

void rule_11_acts(const struct moment *moment)
{
	struct continuations *loop = observed(moment->thread);
	bool writes = moment->record->head.op == IO_WRITE, computed, computed_long, behind;

	if (!loop)
		return;
	computed = thread_computed_ns(moment->thread) >= WORK_MIN_NS;
	computed_long = thread_computed_ns(moment->thread) >= SHOWS_NS;
	behind = loop->has_acted && computed;
	if (computed && loop->event_read && !loop_calls_back_at_once(moment->thread))
		doubts_vote(moment->thread->proc, DOUBT_ORDER, false); /* in a loop that defers it would run a round later */
	loop->ran_behind += loop->has_shown && computed_long && loop->reading && writes && is_anothers(moment);
	if (begins_turns(loop, behind)) {
		if (begin_step(moment))
			continuations_next_round(moment->engine, loop);
		return;
	}
	if (behind)
		another_runs(moment);
	loop->has_acted |= computed && writes;
	loop->has_shown |= computed_long && writes;
}

void rule_11_reads_on(const struct moment *moment)
{
	static const uint8_t side_by_role[] = {
		[CONN_LISTENER] = SIDES, [CONN_SERVER] = SIDE_SERVER, [CONN_DOWNSTREAM] = SIDE_DOWNSTREAM, [CONN_PAIR] = SIDES};
	struct continuations *loop = rule_11_loop_of(moment->thread);

	if (!loop)
		return;
	if (loop->reading)
		continuations_note_read_on(loop, loop->has_acted || thread_computed_ns(moment->thread) >= SILENT_NS);
	loop->has_acted = loop->has_shown = false;
	loop->last_side = (enum side)side_by_role[moment->conn->role];
	loop->event_read = moment->conn->family == CONN_EVENTFD;
}
