/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rules that give a thread's time to requests, one function each, numbered as in the rules document (docs/attribution.md): which one a
 * record asks for, and the small ones. Each is called with the span laid out: the thread's pending time ends at this record.
 */
#include <errno.h>

#include "engine/answers.h"
#include "engine/line.h"
#include "engine/moment.h"
#include "engine/set_aside.h"
#include "engine/strands.h"
#include "engine/turns.h"
#include "engine/workers.h"

/* A thread that is blocked for one of these goes on because data has come. */
static const bool ends_with_data[WAIT_CAUSES] = {[WAIT_NET] = true, [WAIT_POLL] = true, [WAIT_PIPE] = true};

/*
 * When the data of a read had come, as well as is known; false: only that it was there at the read. A socket without stamps (Unix) does not
 * say; if the thread was blocked for data, it came when the thread was woken.
 */
static bool find_arrival(const struct event *event, uint64_t *arrived_ns)
{
	const struct record *record = event_record(event);
	const struct window *window = event->window;
	uint64_t at_ns = record->head.at_ns;

	*arrived_ns = at_ns;
	if (record->arrived_ns) {
		*arrived_ns = earlier_ns(record->arrived_ns, at_ns);
		return true;
	}
	if (!window || window->cause >= WAIT_CAUSES || !ends_with_data[window->cause])
		return false;
	*arrived_ns = window->on_at_ns - (window->ready_ns < window->on_at_ns ? window->ready_ns : 0);
	return true;
}

/* ---- rule 6, the part that the record itself shows: in Go a read that finds nothing parks the goroutine ---------------------------- */

/*
 * Who reads the answers for whoever asks on a connection (net/http's client has a goroutine for that) looks there again as soon as it has
 * let the asker go on, which its thread turns to then. Not so if the thread works for another one that waits for nothing: that checks a
 * connection which it was given.
 */
static struct context *asker_let_go_on(const struct moment *moment, bool first_look)
{
	const struct conn *conn = moment->conn;
	struct context *asker = context_root(conn->answering), *root = context_root(moment->thread->context);

	if (!first_look || conn->role != CONN_DOWNSTREAM || conn->first_call || !context_is_open_request(asker) || asker->calls_in_flight)
		return NULL;
	return thread_is_active(moment->thread) && root != asker && !root->calls_in_flight ? NULL : asker;
}

static void rule_6_goroutine_parks(const struct moment *moment, bool first_look)
{
	struct conn *conn = moment->conn;
	struct context *hint = NULL, *root = context_root(moment->thread->context), *asker = asker_let_go_on(moment, first_look);

	conn->read_for_others |= first_look && conn->role == CONN_DOWNSTREAM && !conn->first_call && conn->answering &&
				 moment->thread->last_read_conn_id == conn->id;
	moment->thread->proc->has_readers |= conn->read_for_others;
	if (asker) {
		work_for(moment, asker);
		return;
	}

	if (conn->role == CONN_SERVER && context_is_open_request(conn->last_request) && !conn->last_request->calls_in_flight)
		hint = conn->last_request; /* net/http's background read: the handler runs on, or what it has started */
	else if (conn->role == CONN_DOWNSTREAM && !conn->first_call)
		hint = root;
	rule_12_turn_ends(moment->engine, moment->thread, moment->at_ns);
	end_soft_tail(moment);
	turn_to_segment(moment, ORIGIN_PARK, hint, false);
}

/* In a loop a timer's callback begins: what it does next is nobody's yet. A thread that waits for its own timer goes on. */
static void timer_read(const struct moment *moment)
{
	moment->thread->timer_iteration = true;
	if (moment->record->arrived_ns)
		moment->thread->due_from_ns = moment->thread->held_from_ns = moment->arrived_ns;
	if (thread_is_active(moment->thread) && !moment->thread->loop)
		return;
	rule_12_turn_ends(moment->engine, moment->thread, moment->at_ns);
	end_soft_tail(moment);
	turn_to_segment(moment, ORIGIN_TIMER, NULL, false);
}

/* ---- which rule ---------------------------------------------------------------------------------------------------------------------- */

/* By a signal: −EINTR, or one of the kernel's own numbers (−ERESTARTSYS …), after which the same call is made again. */
static bool was_interrupted(int32_t result)
{
	return result == -EINTR || (result <= -512 && result >= -516);
}

static void begin_to_ask(const struct moment *moment)
{
	struct context *owner = downstream_owner(moment);

	set_aside_goes_on(moment->engine, moment->thread, owner);
	rule_7_reserve(moment, owner);
}

/*
 * A pool's check of a connection that it is about to give out, or a reader that arms itself. A thread that works for nobody known, and is
 * no loop, checks for the work that it has just taken from a queue.
 */
static void look_at_downstream(const struct moment *moment)
{
	const struct thread *thread = moment->thread;

	if (thread_is_active(thread))
		rule_7_reserve(moment, context_root(thread->context));
	else if (!thread->loop && !thread->carrier && !moment->conn->first_call)
		begin_to_ask(moment);
}

static void on_read(const struct moment *moment)
{
	int32_t result = moment->record->result;
	bool first_look = moment->conn->read_state != READ_TRIED;

	if (was_interrupted(result))
		return;
	rule_11_tries_to_read(moment);
	/* The client has gone: of a Unix socket nothing else tells. */
	if (moment->conn->role == CONN_SERVER && result <= 0 && result != -EAGAIN)
		stream_end(moment->engine, moment->conn, moment->at_ns);
	if (result == -EAGAIN || moment->record->head.flags & RECORD_PEEK) {
		if (thread_runs_untold_goroutines(moment->thread) && result == -EAGAIN)
			rule_6_goroutine_parks(moment, first_look);
		else if (moment->conn->role == CONN_DOWNSTREAM)
			look_at_downstream(moment);
		return;
	}
	if (result > 0) {
		turns_end(moment->engine, moment->thread);
		rule_11_reads_on(moment);
		rule_11_reads_begin(moment);
		strand_loop_reads(moment->engine, moment->thread, moment->at_ns);
		moment->thread->last_read_conn_id = moment->conn->id;
		if (moment->conn->role != CONN_PAIR)
			workers_turn_ends(moment->engine, moment->thread, moment->at_ns);
	}
	if (moment->conn->role == CONN_DOWNSTREAM) {
		/* The end of the connection answers whatever was asked. */
		if (result > 0 || moment->conn->first_call)
			rule_5_downstream_read(moment);
	} else if (result > 0) {
		if (moment->conn->role == CONN_SERVER)
			rule_1_server_read(moment);
		else if (moment->conn->family == CONN_TIMERFD)
			timer_read(moment);
		else
			rule_9_handoff_read(moment);
	}
}

static void on_write(const struct moment *moment)
{
	if (moment->conn->puts_off) {
		rules_go_out(moment);
		return;
	}
	rule_11_calls(moment);
	/* A datagram socket without a peer passes for a server's; one that speaks first asks (musl's resolver, statsd). */
	if (moment->conn->type == CONN_DATAGRAM && moment->conn->role == CONN_SERVER && !moment->conn->turns)
		moment->conn->role = CONN_DOWNSTREAM;
	if (moment->conn->role == CONN_SERVER) {
		if (moment->record->result > 0 || moment->record->result == -EAGAIN)
			rule_2_server_write(moment);
		else if (moment->record->result < 0 && !was_interrupted(moment->record->result))
			stream_end(moment->engine, moment->conn, moment->at_ns);
	} else if (moment->record->result > 0) {
		if (moment->conn->role == CONN_DOWNSTREAM) {
			rules_connected(moment->engine, moment->conn, moment->at_ns);
			rule_4_downstream_write(moment);
		} else {
			rule_9_handoff_write(moment);
		}
	}
}

/* Until it waits for something new the thread readies the connection: hands it over, makes a thread or a process for it. */
static void note_accept(const struct thread *thread)
{
	struct context *root = context_root(thread->context);

	if (context_is_segment(root))
		root->sets_up = true;
}

/* At an idle connection, before it is used: that does not say yet what the thread has been woken for. */
static bool only_looks(const struct moment *moment)
{
	return moment->record->head.op == IO_READ && (moment->record->result == -EAGAIN || moment->record->head.flags & RECORD_PEEK);
}

void rules_io(struct engine *engine, struct thread *thread, const struct event *event, struct conn *conn)
{
	struct moment moment = {
		.engine = engine,
		.thread = thread,
		.conn = conn,
		.event = event,
		.record = event_record(event),
		.at_ns = event->head->at_ns,
	};

	moment.arrival_known = find_arrival(event, &moment.arrived_ns);
	moment.moved = answers_moved(thread, event);
	thread->touched_io = true;
	thread->touched_socket |= conn->role != CONN_PAIR;
	thread->took_ns = 0;
	thread->just_read = false;
	conn->last_used_ns = moment.at_ns;
	settle_socket_waits(&moment);
	rule_16_acts(&moment);
	if (thread_runs_untold_goroutines(moment.thread))
		rule_16_goroutine_shown(&moment);
	switch (event->head->op) {
	case IO_READ:
		on_read(&moment);
		break;
	case IO_WRITE:
		on_write(&moment);
		break;
	case IO_ACCEPT:
		rule_11_accepts(&moment);
		note_accept(thread);
		break;
	case IO_CONNECT:
		rule_11_calls(&moment);
		if (conn->role == CONN_DOWNSTREAM)
			connect_begins(&moment);
		break;
	default:
		break;
	}
	if (!only_looks(&moment))
		set_aside_end(engine, thread);
}
