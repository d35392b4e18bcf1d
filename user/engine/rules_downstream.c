/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules 4, 7 and 12: calls to a downstream, and who has a connection to it. What comes of them: rules_answered.c. */
#include <errno.h>

#include "engine/answers.h"
#include "engine/chains.h"
#include "engine/goroutines.h"
#include "engine/line.h"
#include "engine/locks.h"
#include "engine/moment.h"
#include "engine/set_aside.h"
#include "engine/rules_loop.h"
#include "engine/strands.h"
#include "engine/turns.h"
#include "engine/workers.h"

/* ---- rule 4: a downstream write ---------------------------------------------------------------------------------------------------- */

/* What it asks, where several ask at once; NULL: not seen. */
static const struct wire_message *question_of(const struct moment *moment)
{
	return moment->moved && moment->moved->message_count ? &moment->moved->messages[0] : NULL;
}

/*
 * Rule 12, as far as the kernel shows it: this connection was given back by another request while the thread waited (for a lock, as it
 * seemed), so it waited for the connection: also where it was woken in vain before, as another had been quicker.
 */
static void rule_12_pool_wait(const struct moment *moment, struct context *owner)
{
	struct thread *thread = moment->thread;
	uint64_t released_ns = moment->conn->answer_read_ns, begun_ns, until_ns;

	/* One that several ask on at once was nobody's to give back. */
	if (!released_ns || moment->conn->claimed || question_of(moment) || context_root(moment->conn->answering) == owner) {
		set_aside_goes_on(moment->engine, thread, owner);
		return;
	}
	if (strand_last_wait(thread, &begun_ns, &until_ns)) {
		if (begun_ns <= released_ns && released_ns <= until_ns)
			context_add_wait(moment->engine, owner, begun_ns, until_ns, STATE_POOL);
		return;
	}
	if (set_aside_taken_back(moment->engine, thread, owner, released_ns))
		return;
	set_aside_goes_on(moment->engine, thread, owner);
	begun_ns = lock_waits_before(thread, false).begun_ns;
	if (begun_ns && begun_ns <= released_ns)
		(void)lock_waits_before(thread, true);
	if (thread->loop && !owner->is_request && owner->origin == ORIGIN_SOFT && released_ns <= owner->begun_ns && !owner->call_count)
		owner->origin = ORIGIN_POOL;
}

void rule_7_reserve(const struct moment *moment, struct context *owner)
{
	struct conn *conn = moment->conn;

	if (conn->first_call || !owner)
		return;
	context_hold(moment->engine, &conn->reserved, owner);
}

static bool answered_in_this_turn(const struct moment *moment)
{
	return moment->conn->answer_read_ns && moment->conn->answer_read_ns >= moment->thread->epoll_at_ns;
}

static enum given given_on(const struct moment *moment)
{
	const struct conn *conn = moment->conn;
	const struct thread *thread = moment->thread;
	bool next_callback = thread->asked || thread->soft;

	if (conn->first_call || question_of(moment))
		return GIVEN_NOT;
	if (conn->answer_read_ns < thread->epoll_at_ns)
		return next_callback && conn->answer_read_ns ? GIVEN_IDLE : GIVEN_NOT;
	if (next_callback)
		return GIVEN_LATER;
	return thread->last_read_conn_id == conn->id ? GIVEN_AT_ONCE : GIVEN_NOT;
}

/* Rule 12, of callbacks: who waits longest for a connection is given this one. In steps, order tells. NULL: it is not like that here. */
static struct context *next_waiter(const struct moment *moment, enum given given)
{
	if (chains_apply(moment->thread))
		return question_of(moment) ? NULL : chains_next(moment);
	return given != GIVEN_NOT && doubts_try_line(moment->thread->proc, moment->conn, given) ? rule_12_next_in_line(moment, given)
												: NULL;
}

/*
 * The line is not asked any more, and goes on for nobody known: whoever has been given the connection may ask now, unless it is kept as a
 * rule. A request shows by its response whether it is its own call, but such work is taken for that of whoever is answered.
 */
static void doubt_unnamed_work(const struct moment *moment, struct context *owner)
{
	enum given given = given_on(moment);

	if (!owner || owner->is_request || chains_apply(moment->thread) || given == GIVEN_NOT ||
	    doubts_try_line(moment->thread->proc, moment->conn, given) || doubts_is_mostly_kept(moment->thread->proc, given))
		return;
	owner->doubts |= 1u << DOUBT_LINE;
	if (rule_12_could_be_given(moment, given))
		owner->went_on = (uint8_t)given;
}

/* Whose call it is: of whoever has the connection reserved, otherwise of whom the thread works for. The reference is the caller's. */
static struct context *caller_of(const struct moment *moment, bool *by_line)
{
	struct conn *conn = moment->conn;
	struct context *reserved = conn->reserved, *root = context_root(reserved), *before = context_root(moment->thread->context);
	bool valid = root != before && !conn->first_call && context_is_active(root);
	bool step = rule_11_in_steps(moment->thread);

	/* Who only read its own answer to the end has no claim against a request that the thread works for. */
	if (valid && context_is_open_request(before) && context_root(conn->answering) == root && !conn->connected_ns)
		valid = false;
	/* Nor against the strand that gave this one something to write. */
	if (valid && before && before->origin == ORIGIN_WOKEN && context_root(before->hint) != root)
		valid = false;
	conn->reserved = NULL;
	if (valid) {
		context_get(root);
		if (step)
			rule_11_reserved_asks(moment);
		before = context_root(moment->thread->context);
		if (context_is_segment(before) && !before->evidence)
			work_for(moment, root);
		if (conn->connected_ns)
			context_add_wait(moment->engine, root, conn->connected_ns, blame_loop(moment, root, conn->connected_ns),
					 STATE_LOOP);
	} else if (!step && (root = next_waiter(moment, given_on(moment)))) {
		*by_line = true;
	} else {
		root = context_get(step ? rule_11_step_owner(moment) : downstream_owner(moment));
		if (!step)
			doubt_unnamed_work(moment, root);
	}
	conn->connected_ns = 0;
	context_put(moment->engine, reserved);
	return root;
}

static bool lay_idle(enum given given)
{
	return given == GIVEN_NOT || given == GIVEN_IDLE;
}

static void open_call(const struct moment *moment, struct context *owner, bool by_line, const struct wire_message *question)
{
	struct conn *conn = moment->conn;
	struct call *call = conn->last_call;
	enum doubt doubt;

	if (call && context_root(call->context) == owner && !(question && names_are_in(conn, question))) {
		call->write_ns = moment->at_ns; /* the rest of the same question */
		return;
	}
	rule_12_pool_wait(moment, owner);
	if (thread_runs_untold_goroutines(moment->thread) && !owner->is_request)
		strays_add_segment(moment->engine, owner, moment->thread->proc, moment->at_ns);
	if (conn->waiting_calls == CALLS_WAITING_MAX) {
		moment->engine->losses.calls += conn->answer_read_ns != 0; /* otherwise nobody answers here: nothing is lost */
		conn_drop_call(moment->engine, conn, conn->first_call);
	}
	if (!conn->first_call && lay_idle(given_on(moment)))
		rule_12_lay_idle(moment, moment->thread->loop && answered_in_this_turn(moment));
	doubt = doubt_of_call(moment, owner, by_line, question != NULL);
	call = conn_push_call(conn, owner, moment->at_ns);
	if (!call) {
		moment->engine->losses.calls++;
		return;
	}
	call->doubt = (uint8_t)doubt;
	call->asker_tid = moment->thread->tid;
	if (question)
		names_expect(call, question);
	if (conn->connect_ns) {
		call->connect_ns = conn->connect_ns;
		call->start_ns = conn->connect_start_ns;
		conn->connect_ns = 0;
	}
}

/* Several questions may leave in one write. */
static void open_calls(const struct moment *moment, struct context *owner, bool by_line)
{
	const struct moved *moved = moment->moved;

	open_call(moment, owner, by_line, question_of(moment));
	for (uint32_t i = 1; moved && i < moved->message_count; i++)
		if (names_are_in(moment->conn, &moved->messages[i]))
			open_call(moment, owner, by_line, &moved->messages[i]);
}

/*
 * In a loop a callback often ends here: what ran so far was for its context, what runs next may be another's callback. So it is where
 * `next` was this one already.
 */
static void note_asked(const struct moment *moment, struct context *owner, bool next)
{
	struct thread *thread = moment->thread;

	if (!thread->loop || thread->carrier || thread_runs_untold_goroutines(moment->thread) ||
	    (owner != context_root(thread->context) && !next))
		return;
	thread_commit(moment->engine, thread);
	thread->asked = true;
}

/* One of several whom answers have let go on, on threads that take such from each other: what comes next is another one's. */
static bool is_of_one_let_go_on(const struct thread *thread, const struct context *owner)
{
	return thread_shares_events(thread) && !owner->is_request && owner->origin == ORIGIN_SOCKET;
}

/* In a loop that calls back at once another one's connection is made: that is a callback of its own. */
static bool is_of_one_connected(const struct moment *moment)
{
	const struct conn *conn = moment->conn;
	const struct context *reserved = context_root(conn->reserved);

	return reserved && conn->connected_ns && !conn->first_call && reserved != context_root(moment->thread->context) &&
	       loop_calls_back_at_once(moment->thread);
}

void rule_4_downstream_write(const struct moment *moment)
{
	bool by_line = false, step, in_turn, connected;
	struct context *owner;

	rule_11_acts(moment);
	step = rule_11_in_steps(moment->thread);
	connected = is_of_one_connected(moment);
	strand_asks(moment, false);
	workers_callback_acts(moment, NULL);
	rule_11_called_at_once(moment);
	in_turn = turns_ask(moment);
	owner = in_turn ? context_get(downstream_owner(moment)) : caller_of(moment, &by_line);
	if (owner) {
		owner->line_ticket = 0;
		owner->connects = owner->came_back = false;
		owner->has_turn_in_doubt |= in_turn;
		open_calls(moment, owner, by_line);
		note_asked(moment, owner, connected);
		rule_16_asked(moment);
	}
	if (owner && step)
		rule_11_step_called(moment, owner);
	else if (owner)
		rule_11_unknown_called(moment, owner);
	if (owner && question_of(moment) && goroutine_reads_for_all(moment->thread, moment->conn))
		turn_to_segment(moment, ORIGIN_PARK, NULL, false);
	else if (owner && question_of(moment) && is_of_one_let_go_on(moment->thread, owner))
		turn_to_segment(moment, ORIGIN_SOCKET, NULL, false);
	context_put(moment->engine, owner);
}

/* ---- connecting -------------------------------------------------------------------------------------------------------------------- */

/*
 * A connection is made: for a waiter, if whoever ran last has asked, or been answered. Nor is it for a request that has only come now, if
 * others wait: whoever is behind them comes to wait, too.
 */
static enum given made_for(const struct moment *moment)
{
	const struct thread *thread = moment->thread;
	const struct context *root = context_root(thread->context);

	if (thread->asked || thread->soft)
		return GIVEN_NEW;
	return context_is_open_request(root) && !root->call_count && !root->calls_in_flight && thread->last_read_conn_id == root->conn_id
		       ? GIVEN_MADE
		       : GIVEN_NOT;
}

void connect_begins(const struct moment *moment)
{
	struct conn *conn = moment->conn;
	const struct window *window = moment->event->window;
	bool step, by_line;
	struct context *owner;

	rule_11_acts(moment);
	step = rule_11_in_steps(moment->thread);
	conn->connect_seen = true;
	strand_asks(moment, true);
	workers_callback_acts(moment, NULL);
	rule_11_called_at_once(moment);
	owner = step ? NULL : next_waiter(moment, made_for(moment));
	by_line = owner;
	if (!owner)
		owner = context_get(step ? rule_11_step_owner(moment) : downstream_owner(moment));
	if (!owner)
		return;
	set_aside_goes_on(moment->engine, moment->thread, owner);
	rule_7_reserve(moment, owner);
	owner->connects = true;
	owner->line_ticket = 0;
	note_asked(moment, owner, by_line && !chains_apply(moment->thread));
	conn->connected_ns = moment->at_ns;
	if (moment->record->result == -EINPROGRESS && !(moment->record->head.flags & RECORD_ESTABLISHED)) {
		conn->connecting = true;
		conn->connecting_since_ns = moment->at_ns;
	} else if (window && window->cause == WAIT_NET) {
		conn->connect_start_ns = window->off_at_ns;
		conn->connect_ns = window->on_at_ns - window->ready_ns - window->off_at_ns;
	}
	if (thread_runs_untold_goroutines(moment->thread) && moment->record->result == -EINPROGRESS)
		turn_to_segment(moment, ORIGIN_PARK, NULL, false);
	else if (step)
		rule_11_step_called(moment, owner);
	context_put(moment->engine, owner);
}

void rules_connected(struct engine *engine, struct conn *conn, uint64_t now_ns)
{
	if (!conn->connecting)
		return;
	context_add_interval(
		engine, conn->reserved,
		(struct interval){.start_ns = conn->connecting_since_ns, .end_ns = now_ns, .state = STATE_NET, .peer = conn->peer});
	conn->connect_start_ns = conn->connecting_since_ns;
	conn->connect_ns = now_ns - conn->connecting_since_ns;
	conn->connecting = false;
	conn->connected_ns = now_ns;
}
