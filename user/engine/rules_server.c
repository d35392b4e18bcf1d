/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules 1 to 3: a request begins with a server-side read, and a server-side write says who ran. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/chains.h"
#include "engine/moment.h"
#include "engine/pool_ahead.h"
#include "engine/set_aside.h"
#include "engine/rules_loop.h"
#include "engine/strands.h"
#include "engine/turns.h"
#include "engine/workers.h"

/* ---- rule 1: a server-side read -------------------------------------------------------------------------------------------------- */

static void set_line(struct context *request, const struct wire_line *line)
{
	char *copy = malloc((size_t)line->method_len + line->target_len + 2u);

	if (!copy)
		return;
	memcpy(copy, line->method, line->method_len);
	copy[line->method_len] = 0;
	memcpy(copy + line->method_len + 1, line->target, line->target_len);
	copy[line->method_len + 1 + line->target_len] = 0;
	free(request->line);
	request->line = copy;
	request->target = copy + line->method_len + 1;
	request->target_cut = line->cut;
}

static void count_begun(const struct moment *moment, struct context *request)
{
	struct proc *proc = moment->thread->proc;
	struct conn *conn = moment->conn;

	proc_count_open_requests(proc, +1, moment->at_ns);
	proc->told.request_time_ns += moment->at_ns - request->start_ns;
	if (moment->thread->loop)
		proc->loop_reads++;
	else
		proc->blocking_reads++;
	/* uvloop reads outside of its strands, and for them. */
	proc->strand_reads += moment->thread->strand || (moment->thread->carrier && moment->thread->reads_outside);
	proc->conns_served += request->turn == 1;
	if (request->turn == 1 && conn->accepted) {
		bool fresh = moment->thread->born && !moment->thread->last_server_conn_id;

		proc->conns_by_new_threads += fresh;
		proc->conns_by_old_threads += !fresh;
	}
	proc->threads_serving += !moment->thread->last_server_conn_id;
	moment->thread->last_server_conn_id = conn->id;
	if (!proc->told.port && !proc->told.unix_path[0]) {
		proc->told.port = conn->port;
		if (conn->unix_path)
			memcpy(proc->told.unix_path, conn->unix_path, strlen(conn->unix_path) + 1);
	}
	if (proc->parent && proc->forked)
		proc->parent->any_child_serves = true;
}

static struct context *begin_request(const struct moment *moment)
{
	struct engine *engine = moment->engine;
	struct conn *conn = moment->conn;
	struct context *request = context_new_request(engine, moment->arrived_ns);

	if (!request)
		return NULL;
	request->proc = proc_get(moment->thread->proc);
	request->conn_id = conn->id;
	request->turn = ++conn->turns;
	request->order_contradicted = request->proc->order_contradicted;
	request->reader_tid = moment->thread->tid;
	strand_reads(moment->thread, request);
	request->port = conn->port;
	request->unix_path = conn->unix_path ? strdup(conn->unix_path) : NULL;
	request->protocol = moment->event->note.protocol;
	request->first_read_ns = request->last_read_ns = moment->at_ns;
	request->prev_open = engine->open_requests_end;
	*engine->open_requests_end = request;
	engine->open_requests_end = &request->next_open;
	conn_push_request(conn, request);
	count_begun(moment, request);
	return request;
}

/* How many requests begin in this read. HTTP says so; elsewhere a request is a read-write turn. */
static unsigned int requests_begun(const struct moment *moment)
{
	const struct wire_note *note = &moment->event->note;

	if (note->protocol == WIRE_HTTP1)
		return note->begun;
	return context_is_open_request(moment->conn->last_request) ? 0 : 1;
}

/* It is told with the request that it was done for, which may be told next. */
static void end_work_after_response(const struct moment *moment)
{
	struct context *segment = context_root(moment->thread->context);

	end_soft_tail(moment);
	if (!thread_worked_after_response(moment->thread))
		return;
	context_bind(moment->engine, segment, segment->hint);
	turn_to_segment(moment, ORIGIN_SOCKET, NULL, false);
}

/* False: there is no room, or memory, for any. */
static bool read_first_bytes(const struct moment *moment, unsigned int begun)
{
	const struct wire_note *note = &moment->event->note;
	struct context *worked_for = NULL;
	unsigned int line = note->late_line ? 1 : 0;

	for (unsigned int i = 0; i < begun; i++) {
		struct context *request;

		if (moment->conn->request_count >= PIPELINE_MAX || !(request = begin_request(moment)))
			break;
		if (line < note->line_count)
			set_line(request, &note->lines[line++]);
		if (!worked_for)
			worked_for = request;
	}
	if (!worked_for)
		return false;
	work_for(moment, moment->conn->first_request->answered ? worked_for : moment->conn->first_request);
	moment->thread->took_ns = moment->at_ns;
	chains_lets_go_on(moment->thread);
	rule_11_read(moment, context_root(moment->thread->context), SIDE_SERVER);
	for (struct context *request = worked_for; request; request = request->next_on_conn) {
		uint64_t loop_until_ns = blame_loop(moment, request, request->start_ns);

		context_add_wait(moment->engine, request, request->start_ns, loop_until_ns, STATE_LOOP);
		context_add_wait(moment->engine, request, request->start_ns, moment->at_ns, STATE_QUEUE);
		/* Of a new connection it may have waited to be accepted first. */
		if (request->turn > 1 || !moment->conn->accepted)
			strand_was_due(moment->engine, moment->thread, request, request->start_ns);
	}
	return true;
}

/*
 * Go's net/http watches a connection while its handler runs, by a goroutine that reads a single byte, and ends. So a request is begun only
 * by who reads the rest of it.
 */
static bool only_watches(const struct moment *moment)
{
	return thread_runs_untold_goroutines(moment->thread) && moment->record->result == 1 && moment->conn->turns > 1;
}

static void leave_to_handler(const struct moment *moment)
{
	struct context *request = context_root(moment->thread->context);

	request->watched = true;
	turn_to_segment(moment, ORIGIN_PARK, NULL, false);
}

static void begin_watched(const struct moment *moment, struct context *request)
{
	request->watched = false;
	context_add_wait(moment->engine, request, request->start_ns, moment->at_ns, STATE_QUEUE);
	request->first_read_ns = moment->at_ns;
	request->reader_tid = moment->thread->tid;
}

/* The rest of a request: until its bytes came the server waited for the client. */
static void read_further_bytes(const struct moment *moment, struct context *request)
{
	uint64_t loop_until_ns;

	if (request->watched)
		begin_watched(moment, request);
	work_for(moment, request);
	strand_reads(moment->thread, request);
	context_add_wait(moment->engine, request, request->last_read_ns, moment->arrived_ns, STATE_CLIENT);
	loop_until_ns = moment->arrived_ns > request->last_read_ns ? blame_loop(moment, request, moment->arrived_ns) : 0;
	context_add_wait(moment->engine, request, moment->arrived_ns, loop_until_ns, STATE_LOOP);
	request->last_read_ns = moment->at_ns;
	rule_11_read(moment, request, SIDE_SERVER);
}

void rule_1_server_read(const struct moment *moment)
{
	const struct wire_note *note = &moment->event->note;
	struct conn *conn = moment->conn;
	unsigned int begun;

	/* Its first read may have been too short to tell what it speaks. */
	if (context_is_open_request(conn->last_request) && conn->last_request->protocol == WIRE_UNKNOWN)
		conn->last_request->protocol = note->protocol;
	if (note->handshake) {
		end_soft_tail(moment);
		turn_to_segment(moment, ORIGIN_SETUP, NULL, false);
		return;
	}
	if (note->begun)
		stream_end_unseen(moment->engine, conn);
	if (conn->stream) {
		stream_read(moment);
		return;
	}
	begun = requests_begun(moment);
	conn->read_is_longer = (conn->read_is_longer && !begun) || moment->record->result > PAYLOAD_REQUEST_MAX;
	if (note->late_line && note->line_count && conn->last_request && !conn->last_request->line)
		set_line(conn->last_request, &note->lines[0]);
	if (begun) {
		end_work_after_response(moment);
		thread_commit(moment->engine, moment->thread);
		conn_tell_answered(moment->engine, conn, false);
		if (read_first_bytes(moment, begun) && only_watches(moment))
			leave_to_handler(moment);
	} else if (conn->last_request) {
		read_further_bytes(moment, conn->last_request);
	} else if (!thread_is_active(moment->thread)) {
		end_soft_tail(moment);
		turn_to_segment(moment, ORIGIN_MISSED, NULL, false);
	}
}

/* ---- rule 2: a server-side write, the strongest evidence of who ran -------------------------------------------------------------- */

/*
 * The thread seemed to work for another request; but that one had just asked a downstream again, and this one waits for no answer. Then in
 * a loop another callback ran, of a timer or of what the process itself had ready: nothing contradicts.
 */
static bool is_next_callback(const struct moment *moment, const struct context *request)
{
	return moment->thread->asked && !request->calls_in_flight;
}

/* A segment that began as another request's call: that call was this request's, unless it is older than this request. */
static void repair(const struct moment *moment, struct context *from, struct context *to)
{
	struct done_call call;

	from->ambiguous = to->ambiguous = true; /* rule 13 */
	if (context_take_call(from, moment->thread->via_call, to->start_ns, &call))
		(void)context_add_call(moment->engine, to, &call);
}

/* A task that had touched sockets before this request came had worked for another one, which nobody has named. */
static bool began_for_another(const struct thread *thread, const struct context *segment, const struct context *request)
{
	const struct context *hint = context_root(segment->hint);

	return (thread_runs_untold_go(thread) || (thread->carrier && proc_has_tasks(thread->proc))) && segment->evidence &&
	       !(hint && hint->is_request) && segment->begun_ns < request->start_ns;
}

void rule_2_ran_for(const struct moment *moment, struct context *request)
{
	struct thread *thread = moment->thread;
	struct context *before;
	bool contradicts;

	strand_answers_behind(moment, request);
	before = context_root(thread->context);
	contradicts = before && before->is_request && before != request && !before->closed && !before->answered &&
		      !is_next_callback(moment, request);
	if (!request->answered) {
		doubts_judge(moment, request, contradicts);
		rule_12_answered(moment, request);
	}
	if (before == request)
		return;
	if (context_is_segment(before) && began_for_another(thread, before, request)) {
		before->origin = ORIGIN_MISSED;
		request->ambiguous |= !thread->carrier; /* and when the one came behind the other no record shows */
		context_give_since(moment->engine, before, request, request->start_ns);
		thread_take_over(moment->engine, thread, request);
	} else if (context_is_segment(before)) {
		set_aside_goes_on(moment->engine, thread, before);
		/* As it seemed it has asked elsewhere, and waits for the answer: that was another one's, and what led to it. */
		request->ambiguous |= thread_runs_untold_go(thread) && request->calls_in_flight;
		name_gap(moment, request, before);
		if (thread->soft && before->hint)
			split_soft_tail(moment, before, request->start_ns);
		context_bind(moment->engine, before, request);
		if (before->made_tasks)
			strands_follow(moment->engine, thread->proc, request);
	} else if (before) {
		if (contradicts)
			repair(moment, before, request);
		thread_take_over(moment->engine, thread, request);
	}
	thread_switch(moment->engine, thread, request, false);
}

/* Rule 3: what is still in flight when the response goes out is real work, just not the request's. */
static void rule_3_detach(const struct moment *moment, struct context *request)
{
	struct call *call;

	while ((call = request->calls_in_flight)) {
		struct context *segment = context_new_segment(moment->engine, ORIGIN_DETACHED, request, moment->at_ns);

		call_delist(call);
		if (!segment)
			continue;
		context_note_evidence(segment);
		segment->doubts = (uint16_t)(1u << call->doubt);
		context_put(moment->engine, call->context);
		call->context = segment;
		call_enlist(call, segment);
	}
}

#define STATUS_REQUEST_TIMEOUT 408 /* tells a client that it has sent nothing: no answer to anything */

/*
 * A response begins while no request waits for one: there was one more in that read, whose line lay behind the bytes that are carried
 * along. It came with the others, and stood behind them.
 */
static void begin_unseen_request(const struct moment *moment)
{
	struct conn *conn = moment->conn;
	uint16_t status = moment->event->note.status;
	struct context *before = conn->last_request ? conn->last_request : conn->last_closed, *request;
	struct moment then = *moment;

	if (!conn->read_is_longer || status < 200 || status == STATUS_REQUEST_TIMEOUT)
		return;
	if (!before || !before->answered || before->protocol != WIRE_HTTP1)
		return;
	then.arrived_ns = before->start_ns;
	request = begin_request(&then);
	if (request)
		context_add_wait(moment->engine, request, request->start_ns, before->last_write_ns, STATE_QUEUE);
}

/* The response that this write belongs to: with pipelining a further status line begins the next request's. */
static struct context *request_answered_by(const struct moment *moment)
{
	struct conn *conn = moment->conn;
	struct context *request = conn->first_request;
	bool begins = moment->event->note.status >= 200 || (request && request->protocol != WIRE_HTTP1);

	if (!request || !request->answered || !begins || !request->next_on_conn)
		return request;
	request_tell(moment->engine, request);
	request = conn->first_request;
	/* It stood behind the one before it. */
	context_add_wait(moment->engine, request, request->start_ns, conn->last_closed->last_write_ns, STATE_QUEUE);
	return request;
}

static void count_answer(const struct moment *moment, struct context *request)
{
	struct proc *proc = request->proc;

	if (request->answered) {
		if (moment->at_ns > request->last_write_ns)
			proc->told.request_time_ns += moment->at_ns - request->last_write_ns;
	} else {
		proc_count_open_requests(proc, -1, moment->at_ns);
		proc->handed_over += request->reader_tid != moment->thread->tid;
		request->first_write_ns = moment->at_ns;
	}
}

/* A greeting, as of SMTP or MySQL: the server speaks first, and what the client says then is the first request. */
static bool is_greeting(const struct moment *moment)
{
	return moment->conn->accepted && !moment->conn->turns;
}

static void write_without_request(const struct moment *moment)
{
	struct context *before = context_root(moment->thread->context), *closed = moment->conn->last_closed;
	bool sets_up = moment->event->note.handshake || is_greeting(moment);

	if (closed) {
		moment->engine->losses.late_writes++;
		if (context_is_segment(before))
			context_bind(moment->engine, before, closed);
	} else if (context_is_segment(before) && !before->hint) {
		before->origin = sets_up ? ORIGIN_SETUP : ORIGIN_MISSED;
		before->helper_only = false;
	}
	turn_to_segment(moment, closed ? ORIGIN_SOFT : sets_up ? ORIGIN_SETUP : ORIGIN_MISSED, closed, true);
}

/* Something of the response goes out. False: it is none yet, or nothing went. */
static bool goes_out(const struct moment *moment, struct context *request)
{
	const struct wire_note *note = &moment->event->note;

	context_add_wait(moment->engine, request, request->partial_since_ns ? request->partial_since_ns : moment->at_ns, moment->at_ns,
			 STATE_CLIENT);
	request->partial_since_ns = moment->record->head.flags & RECORD_PARTIAL ? moment->at_ns : 0;
	if (moment->record->result <= 0 || (note->status && note->status < 200 && note->status != 101))
		return false;
	if (note->status)
		request->status = note->status;
	count_answer(moment, request);
	if (!request->answered && !note->stream)
		rule_3_detach(moment, request);
	request->answered = true;
	if (moment->at_ns > request->last_write_ns) /* records of two threads may come in the wrong order */
		request->last_write_ns = moment->at_ns;
	request->writer_tid = moment->thread->tid;
	if (note->stream)
		stream_open(moment, request);
	return true;
}

static struct context *request_written_for(const struct moment *moment)
{
	begin_unseen_request(moment);
	return request_answered_by(moment);
}

void rule_2_server_write(const struct moment *moment)
{
	struct context *request;

	if (moment->conn->stream) {
		stream_ran(moment);
		stream_goes_out(moment);
		return;
	}
	strand_writes_response(moment);
	request = request_written_for(moment);
	if (!request) {
		if (!is_greeting(moment))
			rule_11_unknown_write(moment);
		if (!is_greeting(moment) && !moment->conn->last_closed) {
			turns_answer(moment, NULL);
			workers_callback_answers_unknown(moment);
			pool_ahead_answered(moment, NULL);
		}
		write_without_request(moment);
		return;
	}
	if (!request->answered)
		rule_11_acts(moment);
	workers_callback_acts(moment, request);
	turns_answer(moment, request);
	rule_11_server_write(moment, request);
	rule_2_ran_for(moment, request);
	if (!goes_out(moment, request))
		return;
	chains_lets_go_on(moment->thread);
	moment->thread->answers = true;
	strand_answers(moment->thread, moment->conn);
	turn_to_segment(moment, ORIGIN_SOFT, request, true);
}

struct context *rule_2_carry_out(const struct moment *moment)
{
	struct context *request;

	if (moment->conn->stream)
		return stream_goes_out(moment);
	request = request_written_for(moment);
	if (request)
		goes_out(moment, request);
	return context_root(request);
}
