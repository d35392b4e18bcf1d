/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rules that give a thread's time to requests, one function each, numbered as in the rules document (docs/attribution.md).
 * Rule 6 is in span.c, rule 14 in timeline.c. Each is called with the span laid out: the thread's pending time ends at this record.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/model.h"

/* What a rule is asked about. */
struct moment {
	struct engine *engine;
	struct thread *thread;
	struct conn *conn;
	const struct event *event;
	const struct record *record;
	uint64_t at_ns;
	uint64_t arrived_ns; /* reads: when its data had come, as well as is known; at most at_ns */
};

static bool is_go(const struct moment *moment)
{
	return moment->thread->proc->told.runtime == RUNTIME_GO;
}

/* A socket without stamps (Unix): if the thread was blocked for this data, it came when the thread was woken. */
static uint64_t arrival(const struct event *event)
{
	const struct record *record = event_record(event);
	const struct window *window = event->window;
	uint64_t at_ns = record->head.at_ns;

	if (record->arrived_ns)
		return record->arrived_ns < at_ns ? record->arrived_ns : at_ns;
	if (window && (window->cause == WAIT_NET || window->cause == WAIT_POLL || window->cause == WAIT_PIPE))
		return window->on_at_ns - (window->ready_ns < window->on_at_ns ? window->ready_ns : 0);
	return at_ns;
}

/* ---- what the rules do to a thread -------------------------------------------------------------------------------------------- */

/* A soft tail is its request's as soon as the thread turns to something else. */
static void end_soft_tail(const struct moment *moment)
{
	struct context *tail = context_root(moment->thread->context);

	if (moment->thread->soft && tail && tail->hint)
		context_bind(moment->engine, tail, tail->hint);
}

static void turn_to_segment(const struct moment *moment, enum origin origin, struct context *hint, bool soft)
{
	struct context *segment = context_new_segment(moment->engine, origin, hint, moment->at_ns);

	thread_switch(moment->engine, moment->thread, segment, soft);
	context_put(moment->engine, segment);
}

/* The thread works for `context` now; a free stretch before it, without evidence of its own, was for it too. */
static void work_for(const struct moment *moment, struct context *context)
{
	struct thread *thread = moment->thread;
	struct context *before = context_root(thread->context), *root = context_root(context);

	if (before == root) {
		thread->soft = false;
		return;
	}
	if (thread->soft)
		end_soft_tail(moment);
	else if (before && !before->is_request && !before->evidence)
		context_bind(moment->engine, before, root);
	thread_switch(moment->engine, thread, root, false);
}

/* Socket waits of this call can be named now: the call has returned, and the connection has a side. */
static void settle_socket_waits(const struct moment *moment)
{
	struct thread *thread = moment->thread;
	static const uint8_t state_by_role[] = {
		[CONN_LISTENER] = STATE_OTHER, [CONN_SERVER] = STATE_CLIENT, [CONN_DOWNSTREAM] = STATE_NET, [CONN_PAIR] = STATE_OTHER};

	for (uint32_t i = 0; i < thread->pending_count; i++) {
		struct interval *interval = &thread->pending[i];

		if (interval->state != STATE_SOCKET_UNSETTLED)
			continue;
		interval->state = state_by_role[moment->conn->role];
		interval->peer = moment->conn->peer;
	}
}

/* ---- who made whom wait --------------------------------------------------------------------------------------------------------- */

#define SUSPECTS_MAX 16

struct suspect {
	struct context *context;
	uint64_t ns;
};

static void suspect_add(struct suspect *suspects, size_t *count, struct context *context, uint64_t ns)
{
	for (size_t i = 0; i < *count; i++) {
		if (suspects[i].context == context) {
			suspects[i].ns += ns;
			return;
		}
	}
	if (*count < SUSPECTS_MAX)
		suspects[(*count)++] = (struct suspect){context, ns};
}

/* Whoever held the loop longest while `victim` had data waiting, [from, until]. */
static void find_culprit(const struct moment *moment, struct context *victim, uint64_t from_ns, uint64_t until_ns)
{
	const struct thread *thread = moment->thread;
	struct suspect suspects[SUSPECTS_MAX];
	size_t count = 0;

	for (uint32_t i = 1; thread->history && i <= HISTORY_MAX; i++) {
		const struct history_entry *entry = &thread->history[(thread->history_next - i) & (HISTORY_MAX - 1)];
		struct context *root = context_root(entry->context);
		uint64_t start = entry->start_ns > from_ns ? entry->start_ns : from_ns;
		uint64_t end = entry->end_ns < until_ns ? entry->end_ns : until_ns;

		if (!root || entry->end_ns <= from_ns)
			break;
		if (root->hint && !root->is_request)
			root = context_root(root->hint);
		if (root != victim && end > start)
			suspect_add(suspects, &count, root, end - start);
	}
	for (size_t i = 0; i < count; i++) {
		if (suspects[i].ns <= victim->culprit_ns)
			continue;
		context_put(moment->engine, victim->culprit);
		victim->culprit = context_get(suspects[i].context);
		victim->culprit_ns = suspects[i].ns;
	}
}

/*
 * Data waited from arrived to this read, on a loop thread. Until the free stretch began the loop was busy with others (LOOP); the loop's
 * own wait for a core delayed everybody whose data was there (READY). Returns the end of the LOOP part, 0: none.
 */
static uint64_t blame_loop(const struct moment *moment, struct context *victim, uint64_t arrived_ns)
{
	struct thread *thread = moment->thread;
	uint64_t until_ns = thread->boundary_ns ? thread->boundary_ns : moment->at_ns;
	uint64_t ready_from_ns = thread->wake_from_ns > arrived_ns ? thread->wake_from_ns : arrived_ns;

	if (!thread->loop)
		return 0;
	if (thread->wake_until_ns > ready_from_ns)
		context_add_interval(moment->engine, victim,
				     (struct interval){.start_ns = ready_from_ns,
						       .end_ns = thread->wake_until_ns,
						       .state = STATE_READY,
						       .ready_part = READY_PART_WAKEUP});
	if (until_ns <= arrived_ns)
		return 0;
	if (victim->is_request)
		find_culprit(moment, victim, arrived_ns, until_ns);
	return until_ns;
}

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
	proc->conns_served += request->turn == 1;
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
	request->proc = moment->thread->proc;
	request->conn_id = conn->id;
	request->turn = ++conn->turns;
	request->reader_tid = moment->thread->tid;
	request->port = conn->port;
	request->unix_path = conn->unix_path ? strdup(conn->unix_path) : NULL;
	request->protocol = moment->event->note.protocol;
	request->last_read_ns = moment->at_ns;
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

static void tell_answered(const struct moment *moment)
{
	struct conn *conn = moment->conn;

	while (conn->first_request && conn->first_request->answered)
		request_tell(moment->engine, conn->first_request);
}

static void read_first_bytes(const struct moment *moment, unsigned int begun)
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
		return;
	work_for(moment, moment->conn->first_request->answered ? worked_for : moment->conn->first_request);
	for (struct context *request = worked_for; request; request = request->next_on_conn) {
		uint64_t loop_until_ns = blame_loop(moment, request, request->start_ns);

		context_add_interval(moment->engine, request,
				     (struct interval){.start_ns = request->start_ns, .end_ns = loop_until_ns, .state = STATE_LOOP});
		context_add_interval(moment->engine, request,
				     (struct interval){.start_ns = request->start_ns, .end_ns = moment->at_ns, .state = STATE_QUEUE});
	}
}

/* The rest of a request: until its bytes came the server waited for the client. */
static void read_further_bytes(const struct moment *moment, struct context *request)
{
	uint64_t loop_until_ns;

	work_for(moment, request);
	context_add_interval(moment->engine, request,
			     (struct interval){.start_ns = request->last_read_ns, .end_ns = moment->arrived_ns, .state = STATE_CLIENT});
	loop_until_ns = moment->arrived_ns > request->last_read_ns ? blame_loop(moment, request, moment->arrived_ns) : 0;
	context_add_interval(moment->engine, request,
			     (struct interval){.start_ns = moment->arrived_ns, .end_ns = loop_until_ns, .state = STATE_LOOP});
	request->last_read_ns = moment->at_ns;
}

static void rule_1_server_read(const struct moment *moment)
{
	const struct wire_note *note = &moment->event->note;
	struct conn *conn = moment->conn;
	unsigned int begun;

	if (note->handshake || conn->upgraded) {
		end_soft_tail(moment);
		turn_to_segment(moment, ORIGIN_SETUP, NULL, false);
		return;
	}
	begun = requests_begun(moment);
	if (note->late_line && note->line_count && conn->last_request && !conn->last_request->line)
		set_line(conn->last_request, &note->lines[0]);
	if (begun) {
		end_soft_tail(moment);
		thread_commit(moment->engine, moment->thread);
		tell_answered(moment);
		read_first_bytes(moment, begun);
	} else if (conn->last_request) {
		read_further_bytes(moment, conn->last_request);
	} else if (!thread_is_active(moment->thread)) {
		end_soft_tail(moment);
		turn_to_segment(moment, ORIGIN_MISSED, NULL, false);
	}
}

/* ---- rule 2: a server-side write, the strongest evidence of who ran -------------------------------------------------------------- */

/*
 * What a request waited for between what was last seen of it and the segment that turned out to be its next work, by what that began with.
 * −1: the evidence does not say.
 */
static int gap_state(const struct thread *thread, const struct context *segment)
{
	switch (segment->origin) {
	case ORIGIN_TIMER:
		return STATE_SLEEP;
	case ORIGIN_SOFT: /* a worker goes from job to job; a loop goes on with what this iteration brought */
		return !thread->loop ? STATE_QUEUE : thread->timer_iteration ? STATE_SLEEP : -1;
	case ORIGIN_START:
	case ORIGIN_FUTEX:
	case ORIGIN_HANDOFF:
		return STATE_QUEUE;
	case ORIGIN_POOL:
	case ORIGIN_DETACHED:
		return STATE_POOL;
	default:
		return -1;
	}
}

static void name_gap(const struct moment *moment, struct context *request, const struct context *segment)
{
	uint64_t until_ns = segment->call_count ? segment->calls[0].start_ns : segment->begun_ns;
	int state = gap_state(moment->thread, segment);

	if (state >= 0)
		context_add_interval(moment->engine, request,
				     (struct interval){.start_ns = request->last_active_ns, .end_ns = until_ns, .state = (uint8_t)state});
}

/*
 * A call that outlived the request in whose callback it was made was some other request's: of one that had been waiting since before, as a
 * pool hands a connection on. If this one was at work meanwhile, it can't have been that one (rule 13).
 */
static bool detached_call_fits(const struct context *segment, const struct context *request)
{
	return segment->call_count && !request->calls_in_flight && request->last_active_ns <= segment->calls[0].start_ns;
}

/* A segment that began as another request's call: that call was this request's. */
static void repair(const struct moment *moment, struct context *from, struct context *to)
{
	int32_t via = moment->thread->via_call;

	from->ambiguous = to->ambiguous = true; /* rule 13 */
	if (via < 0 || (uint32_t)via >= from->call_count)
		return;
	context_add_call(moment->engine, to, &from->calls[via]);
	from->call_count--;
	memmove(&from->calls[via], &from->calls[via + 1], (from->call_count - (uint32_t)via) * sizeof(from->calls[0]));
}

/* A soft tail turned out to be the next request's work; but what ran before that one had come was still the last one's. */
static void split_soft_tail(const struct moment *moment, struct context *tail, uint64_t start_ns)
{
	struct thread *thread = moment->thread;

	for (uint32_t i = 0; i < thread->pending_count; i++) {
		struct interval *interval = &thread->pending[i], earlier = *interval;

		if (interval->start_ns >= start_ns)
			continue;
		earlier.end_ns = interval->end_ns < start_ns ? interval->end_ns : start_ns;
		earlier.proc = interval->state == STATE_CPU ? thread->proc : NULL;
		context_add_interval(moment->engine, tail->hint, earlier);
		interval->start_ns = earlier.end_ns;
	}
}

static void bind_to_request(const struct moment *moment, struct context *request)
{
	struct thread *thread = moment->thread;
	struct context *before = context_root(thread->context);

	if (before == request)
		return;
	if (before && !before->is_request) {
		if (before->origin == ORIGIN_DETACHED && !detached_call_fits(before, request))
			request->ambiguous = true; /* rule 13 */
		else if (context_root(before->hint) != request)
			name_gap(moment, request, before);
		if (thread->soft && before->hint)
			split_soft_tail(moment, before, request->start_ns);
		context_bind(moment->engine, before, request);
	} else if (before) {
		if (!before->told && !before->answered)
			repair(moment, before, request);
		/* The pending time is this request's, not that of the one it seemed to be. */
		context_put(moment->engine, thread->context);
		thread->context = context_get(request);
	}
	thread_switch(moment->engine, thread, request, false);
}

/* Rule 3: what is still in flight when the response goes out is real work, just not the request's. */
static void rule_3_detach(const struct moment *moment, struct context *request)
{
	struct conn *conn;
	size_t cursor = 0;

	if (!request->calls_in_flight)
		return;
	while ((conn = idmap_next(&moment->engine->conns, &cursor))) {
		for (struct call *call = conn->first_call; call; call = call->next) {
			struct context *segment;

			if (context_root(call->context) != request)
				continue;
			segment = context_new_segment(moment->engine, ORIGIN_DETACHED, request, moment->at_ns);
			if (!segment)
				continue;
			segment->evidence = true;
			segment->helper_only = false;
			segment->calls_in_flight = 1;
			request->calls_in_flight--;
			context_put(moment->engine, call->context);
			call->context = segment;
		}
	}
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
	context_add_interval(
		moment->engine, request,
		(struct interval){.start_ns = request->start_ns, .end_ns = conn->last_told->last_write_ns, .state = STATE_QUEUE});
	return request;
}

static void count_answer(const struct moment *moment, struct context *request)
{
	struct proc *proc = request->proc;

	if (request->answered) {
		proc->told.request_time_ns += moment->at_ns - request->last_write_ns;
	} else {
		proc_count_open_requests(proc, -1, moment->at_ns);
		proc->handed_over += request->reader_tid != moment->thread->tid;
		request->first_write_ns = moment->at_ns;
	}
}

static void write_without_request(const struct moment *moment)
{
	struct context *before = context_root(moment->thread->context), *told = moment->conn->last_told;

	if (told) {
		moment->engine->losses.late_writes += !moment->conn->upgraded;
		if (before && !before->is_request)
			context_bind(moment->engine, before, told);
	} else if (before && !before->is_request && !before->hint) {
		before->origin = moment->event->note.handshake ? ORIGIN_SETUP : ORIGIN_MISSED;
		before->helper_only = false;
	}
	turn_to_segment(moment, told ? ORIGIN_SOFT : ORIGIN_MISSED, told, true);
}

static void rule_2_server_write(const struct moment *moment)
{
	const struct wire_note *note = &moment->event->note;
	struct context *request = request_answered_by(moment);

	if (note->upgraded)
		moment->conn->upgraded = true;
	if (!request) {
		write_without_request(moment);
		return;
	}
	bind_to_request(moment, request);
	context_add_interval(moment->engine, request,
			     (struct interval){.start_ns = request->partial_since_ns ? request->partial_since_ns : moment->at_ns,
					       .end_ns = moment->at_ns,
					       .state = STATE_CLIENT});
	request->partial_since_ns = moment->record->head.flags & RECORD_PARTIAL ? moment->at_ns : 0;
	if (moment->record->result <= 0 || (note->status && note->status < 200 && note->status != 101))
		return;
	if (note->status)
		request->status = note->status;
	count_answer(moment, request);
	if (!request->answered)
		rule_3_detach(moment, request);
	request->answered = true;
	request->last_write_ns = moment->at_ns;
	turn_to_segment(moment, ORIGIN_SOFT, request, true);
}

/* ---- rule 4: a downstream write ---------------------------------------------------------------------------------------------------- */

/* Whose downstream work the thread does: after a response it is a segment's own, until a server-side write names it. */
static struct context *downstream_owner(const struct moment *moment)
{
	struct thread *thread = moment->thread;
	struct context *root = context_root(thread->context);

	if (root && root->is_request && (root->answered || root->told)) {
		turn_to_segment(moment, ORIGIN_SOFT, root, false);
		root = context_root(thread->context);
	}
	thread->soft = false;
	if (root) {
		root->evidence = true;
		root->helper_only = false;
	}
	return root;
}

/*
 * Rule 12, as far as the kernel shows it: this connection was given back by another request while the thread waited (for a lock, as it
 * seemed), so it waited for the connection.
 */
static void rule_12_pool_wait(const struct moment *moment, struct context *owner)
{
	struct thread *thread = moment->thread;
	uint64_t released_ns = moment->conn->answer_read_ns;

	if (!released_ns || context_root(moment->conn->answering) == owner)
		return;
	for (uint32_t i = 0; i < thread->pending_count; i++) {
		struct interval *interval = &thread->pending[i];

		if (interval->state == STATE_LOCK && interval->start_ns <= released_ns && released_ns <= interval->end_ns)
			interval->state = STATE_POOL;
	}
	if (!owner->is_request && owner->origin == ORIGIN_SOFT && released_ns <= owner->begun_ns && !owner->call_count)
		owner->origin = ORIGIN_POOL;
}

/*
 * Rule 7: whoever connected, or looked at an idle connection and found nothing to read (a pool's check, a reader that arms itself), has it
 * reserved: the next call on it is its. Not in Go, where a read that finds nothing parks.
 */
static void rule_7_reserve(const struct moment *moment, struct context *owner)
{
	struct conn *conn = moment->conn;

	if (is_go(moment) || conn->first_call || !owner)
		return;
	context_put(moment->engine, conn->reserved);
	conn->reserved = context_get(owner);
}

static struct context *rule_7_reserved_for(const struct moment *moment)
{
	struct conn *conn = moment->conn;
	struct context *reserved = conn->reserved, *root = context_root(reserved), *before = context_root(moment->thread->context);
	bool valid = root && root != before && !conn->first_call && (root->is_request ? context_is_open_request(root) : root->evidence);

	conn->reserved = NULL;
	if (valid && before && !before->is_request && !before->evidence)
		work_for(moment, root);
	context_put(moment->engine, reserved);
	return valid ? root : NULL;
}

static void rule_4_downstream_write(const struct moment *moment)
{
	struct conn *conn = moment->conn;
	struct context *reserved = rule_7_reserved_for(moment);
	struct context *owner = reserved ? reserved : downstream_owner(moment);
	struct call *call = conn->last_call;

	if (!owner)
		return;
	if (call && context_root(call->context) == owner) {
		call->write_ns = moment->at_ns; /* the rest of the same question */
		return;
	}
	rule_12_pool_wait(moment, owner);
	call = conn_push_call(conn, owner, moment->at_ns);
	if (!call) {
		moment->engine->losses.calls++;
		return;
	}
	if (conn->connect_ns) {
		call->connect_ns = conn->connect_ns;
		call->start_ns = conn->connect_start_ns;
		conn->connect_ns = 0;
	}
}

/* ---- rule 5: a downstream read ------------------------------------------------------------------------------------------------------- */

/* More of an answer whose first bytes came before: what had not arrived by then was still on its way. */
static void read_further_answer(const struct moment *moment)
{
	struct conn *conn = moment->conn;
	struct context *context = context_root(conn->answering);

	if (!context) {
		downstream_owner(moment); /* attached in the middle, or a server that speaks first */
		return;
	}
	context_add_interval(
		moment->engine, context,
		(struct interval){.start_ns = conn->answer_read_ns, .end_ns = moment->arrived_ns, .state = STATE_NET, .peer = conn->peer});
	conn->answer_read_ns = moment->at_ns;
	if (!context->told)
		work_for(moment, context);
}

static void rule_5_downstream_read(const struct moment *moment)
{
	struct conn *conn = moment->conn;
	struct call *call = conn->first_call;
	struct done_call done;
	struct context *context;

	if (!call) {
		read_further_answer(moment);
		return;
	}
	context = context_root(call->context);
	done = (struct done_call){
		.start_ns = call->start_ns,
		.write_ns = call->write_ns,
		.arrived_ns = moment->arrived_ns > call->write_ns ? moment->arrived_ns : call->write_ns,
		.connect_ns = call->connect_ns,
		.peer = conn->peer,
	};
	context_put(moment->engine, conn->answering);
	conn->answering = context_get(context);
	conn->answer_read_ns = moment->at_ns;
	conn_drop_oldest_call(moment->engine, conn);
	if (!context)
		return;
	work_for(moment, context);
	thread_commit(moment->engine, moment->thread);
	done.loop_until_ns = blame_loop(moment, context, done.arrived_ns);
	context_add_call(moment->engine, context, &done);
	moment->thread->via_call = context->is_request ? (int32_t)context->call_count - 1 : -1;
}

/* ---- rule 6, the part that the record itself shows: in Go a read that finds nothing parks the goroutine ---------------------------- */

static void rule_6_goroutine_parks(const struct moment *moment)
{
	struct conn *conn = moment->conn;
	struct context *hint = NULL, *root = context_root(moment->thread->context);

	if (conn->role == CONN_SERVER && context_is_open_request(conn->last_request))
		hint = conn->last_request; /* net/http's background read: the handler runs on */
	else if (conn->role == CONN_DOWNSTREAM && !conn->first_call)
		hint = root;
	end_soft_tail(moment);
	turn_to_segment(moment, ORIGIN_PARK, hint, false);
}

/* ---- rule 9: eventfds, pipes, socketpairs hand contexts over, as hints --------------------------------------------------------------- */

static void rule_9_handoff_write(const struct moment *moment)
{
	if (thread_is_active(moment->thread))
		handoff_push(moment->engine, moment->conn, context_root(moment->thread->context));
}

static void rule_9_handoff_read(const struct moment *moment)
{
	struct context *handed = handoff_pop(moment->engine, moment->conn);
	struct context *root = context_root(moment->thread->context);

	if (handed && !thread_is_active(moment->thread) && root && !root->is_request && context_root(handed) != root) {
		if (moment->thread->soft) {
			end_soft_tail(moment);
			turn_to_segment(moment, ORIGIN_HANDOFF, handed, false);
		} else if (!root->hint) {
			root->hint = context_get(context_root(handed));
			root->origin = ORIGIN_HANDOFF;
		}
	}
	context_put(moment->engine, handed);
}

/* A timer's callback begins: what a loop does next is its work. */
static void timer_read(const struct moment *moment)
{
	moment->thread->timer_iteration = true;
	if (thread_is_active(moment->thread))
		return;
	end_soft_tail(moment);
	turn_to_segment(moment, ORIGIN_TIMER, NULL, false);
}

/* ---- connecting ------------------------------------------------------------------------------------------------------------------------
 */

static void connect_begins(const struct moment *moment)
{
	struct conn *conn = moment->conn;
	const struct window *window = moment->event->window;
	struct context *owner = downstream_owner(moment);

	if (conn->type != CONN_STREAM || !owner)
		return;
	rule_7_reserve(moment, owner);
	if (moment->record->result == -EINPROGRESS && !(moment->record->head.flags & RECORD_ESTABLISHED)) {
		conn->connecting = true;
		conn->connecting_since_ns = moment->at_ns;
	} else if (window && window->cause == WAIT_NET) {
		conn->connect_start_ns = window->off_at_ns;
		conn->connect_ns = window->on_at_ns - window->ready_ns - window->off_at_ns;
	}
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
}

/* ---- which rule ------------------------------------------------------------------------------------------------------------------------
 */

static void on_read(const struct moment *moment)
{
	int32_t result = moment->record->result;

	if (result == -EAGAIN || moment->record->head.flags & RECORD_PEEK) {
		if (is_go(moment) && result == -EAGAIN)
			rule_6_goroutine_parks(moment);
		else if (moment->conn->role == CONN_DOWNSTREAM && thread_is_active(moment->thread))
			rule_7_reserve(moment, context_root(moment->thread->context));
		return;
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
	if (moment->conn->role == CONN_SERVER) {
		if (moment->record->result > 0 || moment->record->result == -EAGAIN)
			rule_2_server_write(moment);
	} else if (moment->record->result > 0) {
		if (moment->conn->role == CONN_DOWNSTREAM) {
			rules_connected(moment->engine, moment->conn, moment->at_ns);
			rule_4_downstream_write(moment);
		} else {
			rule_9_handoff_write(moment);
		}
	}
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
		.arrived_ns = arrival(event),
	};

	thread->touched_io = true;
	conn->last_used_ns = moment.at_ns;
	settle_socket_waits(&moment);
	switch (event->head->op) {
	case IO_READ:
		on_read(&moment);
		break;
	case IO_WRITE:
		on_write(&moment);
		break;
	case IO_CONNECT:
		if (conn->role == CONN_DOWNSTREAM)
			connect_begins(&moment);
		break;
	default:
		break;
	}
}
