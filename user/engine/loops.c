/* SPDX-License-Identifier: BSD-2-Clause */
/* Rule 11: which threads are event loops, and what they are seen to do with what they read. How they run it is for rules_loop.c to say. */
#include <errno.h>
#include <stdlib.h>

#include "engine/line.h"
#include "engine/pool_ahead.h"
#include "engine/queue_before.h"
#include "engine/rules_loop.h"

struct continuations *rule_11_loop_of(const struct thread *thread)
{
	struct continuations *loop = thread->continuations;

	return loop && !loop->shared && !thread->carrier ? loop : NULL;
}

/* Threads that wait at one epoll fd share its events: each reads and works at once. */
void rule_11_loop_found(struct engine *engine, struct thread *thread, const struct record *epoll)
{
	struct thread *other;
	size_t cursor = 0;

	thread->continuations = calloc(1, sizeof(*thread->continuations));
	if (!thread->continuations)
		return;
	thread->continuations->epoll_fd = epoll->epoll_fd;
	thread->continuations->since_ns = epoll->epoll_at_ns;
	thread->continuations->thread = thread;
	thread->continuations->next_sharing = thread->continuations;
	thread->proc->threads_share = false; /* it was no loop yet when it answered; others say it again */
	while ((other = idmap_next(&engine->threads, &cursor))) {
		if (other == thread || other->proc != thread->proc || !other->continuations ||
		    other->continuations->epoll_fd != epoll->epoll_fd)
			continue;
		if (!thread->continuations->shared) {
			thread->continuations->next_sharing = other->continuations->next_sharing;
			other->continuations->next_sharing = thread->continuations;
		}
		if (!other->continuations->shared)
			rule_12_events_shared(engine, other);
		other->continuations->shared = thread->continuations->shared = true;
	}
}

static void leave_ring(struct continuations *loop)
{
	struct continuations *before = loop;

	while (before->next_sharing != loop)
		before = before->next_sharing;
	before->next_sharing = loop->next_sharing;
	loop->next_sharing = loop;
}

void rule_11_forget(struct engine *engine, struct thread *thread)
{
	struct continuations *loop = thread->continuations;

	if (!loop)
		return;
	continuations_publish(engine, loop, NULL);
	queue_before_ends(engine, loop);
	leave_ring(loop);
	engine->foresight.wanted_by -= loop->wants_foresight;
	loop->wants_foresight = false;
	while (loop->count)
		continuations_drop(engine, loop, &loop->waiting[loop->count - 1]);
}

/* ---- what they do with what they read ------------------------------------------------------------------------------------------------ */

/* Loops whose events several threads take show as well how they read. */
static struct continuations *observed(const struct thread *thread)
{
	return thread->carrier ? NULL : thread->continuations;
}

static bool tries_a_socket(const struct moment *moment)
{
	bool socket = moment->conn->role == CONN_SERVER || moment->conn->role == CONN_DOWNSTREAM;
	bool peek = moment->record->head.flags & RECORD_PEEK;

	return socket && !peek && (moment->record->result > 0 || moment->record->result == -EAGAIN);
}

/* They turn out to read ahead: what the others do now, behind a call, need not be for whoever had called. */
static void others_read_ahead(struct engine *engine, const struct continuations *loop)
{
	for (struct continuations *at = loop->next_sharing; at != loop; at = at->next_sharing) {
		const struct context *root = context_root(at->thread->context);
		struct context *step;

		if (!at->thread->asked || !root || !root->is_request)
			continue;
		step = context_new_segment(engine, ORIGIN_EVENT, NULL, at->thread->span_start_ns);
		thread_switch(engine, at->thread, step, false);
		context_put(engine, step);
	}
}

/* It may just have turned out to read ahead. ahead: that was known before. */
static void note_ahead(struct engine *engine, struct continuations *loop, bool ahead)
{
	if (ahead || !continuations_ahead(loop))
		return;
	others_read_ahead(engine, loop);
	ahead_began_unseen(engine, loop);
}

static void judge(struct engine *engine, struct continuations *loop, bool at_once)
{
	bool ahead = continuations_ahead(loop);

	continuations_judge_last_read(loop, at_once);
	note_ahead(engine, loop, ahead);
}

static void judge_reading_on(const struct moment *moment, struct continuations *loop)
{
	bool ahead = continuations_ahead(loop);

	continuations_read_on(loop, moment->record->core_ns >= WORK_MIN_NS, moment->record->result > 0);
	note_ahead(moment->engine, loop, ahead);
}

/* If something else was queued it may have been for that that the thread computed or called, unless it is an answer to what was read. */
static void judge_last_read(const struct moment *moment, struct continuations *loop, bool at_once)
{
	bool answers = moment->record->head.op == IO_WRITE && moment->conn->id == moment->thread->last_read_conn_id;

	if (at_once && loop->found == FOUND_FIRST_TRY && loop->count > 1 && !answers)
		loop->found = FOUND_UNKNOWN;
	judge(moment->engine, loop, at_once);
}

/* It was told of what it, or another thread, had written there. */
static void show_taken(const struct moment *moment, struct continuations *loop)
{
	struct thread *thread = moment->thread;
	const struct context *step = present_step(thread);
	uint64_t from_ns = step ? shared_took_at_ns(thread, step) : moment->at_ns, early_ns;
	uint64_t queued_ns = shared_queued_at_ns(loop, moment->conn, &early_ns);

	if (queued_ns > moment->at_ns)
		queued_ns = moment->conn->written_ns; /* whoever wrote was taken off its core only after that */
	if (early_ns > queued_ns)
		early_ns = queued_ns;
	shared_shows(moment->engine, thread, &(struct shown){from_ns, moment->at_ns, queued_ns, early_ns});
	pool_ahead_shows(moment->engine, thread, moment->at_ns, queued_ns);
}

void rule_11_turns_to_epoll(struct engine *engine, struct thread *thread, uint64_t at_ns)
{
	struct continuations *loop = observed(thread);

	if (!loop)
		return;
	shared_queues(engine, thread);
	if (loop->found != FOUND_UNKNOWN && at_ns < loop->found_at_ns + WORK_MIN_NS)
		judge(engine, loop, false);
}

void rule_11_tries_to_read(const struct moment *moment)
{
	static const uint8_t found_by_state[] = {
		[READ_UNKNOWN] = FOUND_UNKNOWN, [READ_NOT_TRIED] = FOUND_FIRST_TRY, [READ_TRIED] = FOUND_LATER_TRY};
	struct continuations *loop = observed(moment->thread);
	struct conn *conn = moment->conn;
	bool found = moment->record->result > 0;

	if (loop) {
		shared_queues(moment->engine, moment->thread);
		judge_last_read(moment, loop, moment->record->core_ns >= WORK_MIN_NS);
	}
	if (!tries_a_socket(moment))
		return;
	if (loop && ahead_may_show(moment->thread, loop))
		judge_reading_on(moment, loop);
	if (loop && loop->shared && conn->read_state == READ_NOT_TRIED)
		show_taken(moment, loop);
	if (loop)
		ahead_note_try(moment, loop);
	if (loop && found) {
		bool first = conn->read_state == READ_UNKNOWN && ahead_tries_first(loop);

		loop->found = first ? FOUND_FIRST_TRY : found_by_state[conn->read_state];
		loop->found_at_ns = moment->at_ns;
	}
	conn->read_state = found ? READ_NOT_TRIED : READ_TRIED;
	if (!found && rule_11_shared_ahead(moment->thread))
		shared_before_read(moment);
	else if (loop && !found && !loop->shared && continuations_ahead(loop))
		ahead_before_read(moment);
}

void rule_11_accepts(const struct moment *moment)
{
	const struct thread *thread = moment->thread;

	moment->conn->accepted = true;
	moment->conn->read_state = READ_NOT_TRIED;
	/* What is done with it begins here, or with a step that is queued now. */
	moment->conn->written_ns = observed(thread) ? shared_queues_at_ns(thread, moment->at_ns) : moment->at_ns;
	moment->conn->written_early_ns = moment->at_ns;
}

void rule_11_calls(const struct moment *moment)
{
	struct continuations *loop = observed(moment->thread);

	if (loop) {
		shared_queues(moment->engine, moment->thread);
		loop->wrote_conn_id = moment->conn->id;
	}
	moment->conn->written_ns = moment->conn->written_early_ns = moment->at_ns;
	moment->conn->read_state = READ_NOT_TRIED;
	if (!loop)
		return;
	if (moment->record->core_ns >= WORK_MIN_NS)
		continuations_step(loop);
	judge_last_read(moment, loop, true);
}
