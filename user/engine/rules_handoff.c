/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 9: what one thread writes into an eventfd, a pipe or a socketpair, and another one reads. Within a process that is most often a
 * wake-up, and says no more than a hint. From one process to another it is a message, of which the bytes say whose it is.
 */
#include <stdlib.h>

#include "engine/moment.h"

/* A write's record is told as its call returns: its reader may be quicker, by less than this. */
#define LATE_NS 200000

/* What one write left there. */
struct handoff {
	struct context *context; /* whose thread wrote it; NULL: nobody's that is known */
	const struct proc *proc; /* the writer's: only to be compared */
	uint64_t sent_ns;
	uint64_t bytes_left;
	struct interval wait; /* of an answer: what the message that it answers had waited for its reader */
};

struct handoffs {
	struct handoff queue[HANDOFFS_MAX];
	uint32_t first, count;
	/* Of writes that there was no room for: they are read before what is in the queue. The last one's time. */
	uint64_t forgotten_bytes, forgotten_ns;
	/* Read before their write was told. */
	uint64_t ahead_bytes, ahead_ns;
	struct context *ahead; /* the segment that began with them; NULL: none did */
};

/* ---- the queue -------------------------------------------------------------------------------------------------------------------- */

static struct handoff *first_of(struct handoffs *handoffs)
{
	return &handoffs->queue[handoffs->first];
}

static void drop_first(struct engine *engine, struct handoffs *handoffs)
{
	context_put(engine, first_of(handoffs)->context);
	handoffs->first = (handoffs->first + 1) % HANDOFFS_MAX;
	handoffs->count--;
}

static void forget_ahead(struct engine *engine, struct handoffs *handoffs)
{
	context_put(engine, handoffs->ahead);
	handoffs->ahead = NULL;
	handoffs->ahead_bytes = 0;
}

void handoffs_forget(struct engine *engine, struct conn *conn)
{
	struct handoffs *handoffs = conn->handoffs;

	if (!handoffs)
		return;
	while (handoffs->count)
		drop_first(engine, handoffs);
	forget_ahead(engine, handoffs);
	free(handoffs);
	conn->handoffs = NULL;
}

/* NULL: no memory. */
static struct handoffs *handoffs_of(struct conn *conn)
{
	if (!conn->handoffs)
		conn->handoffs = calloc(1, sizeof(*conn->handoffs));
	return conn->handoffs;
}

static void push(struct engine *engine, struct handoffs *handoffs, struct handoff handoff)
{
	if (handoffs->count == HANDOFFS_MAX) {
		handoffs->forgotten_bytes += first_of(handoffs)->bytes_left;
		handoffs->forgotten_ns = first_of(handoffs)->sent_ns;
		drop_first(engine, handoffs);
	}
	context_get(handoff.context);
	handoffs->queue[(handoffs->first + handoffs->count++) % HANDOFFS_MAX] = handoff;
}

/* The oldest context waiting there whose request is open; the reference is the caller's. NULL: none. */
static struct context *pop_open(struct engine *engine, struct handoffs *handoffs)
{
	struct context *context = NULL;

	while (handoffs->count && !context) {
		if (context_is_open_request(context_root(first_of(handoffs)->context)))
			context = context_get(first_of(handoffs)->context);
		drop_first(engine, handoffs);
	}
	return context;
}

/* ---- messages between processes --------------------------------------------------------------------------------------------------- */

/* Where what this end reads was written. NULL: unknown. */
static struct conn *written_end(const struct moment *moment)
{
	struct conn *conn = moment->conn;

	if (conn->family != CONN_UNIX)
		return conn;
	return conn->other_end_id ? conn_of(moment->engine, conn->other_end_id) : NULL;
}

static bool is_message(const struct moment *moment, const struct conn *from)
{
	struct handoffs *handoffs = from->handoffs;

	return from->family != CONN_EVENTFD && handoffs && handoffs->count && first_of(handoffs)->proc != moment->thread->proc;
}

/* Who went to sleep for want of something to read: what was written before went another way, unseen. */
static void drop_what_was_read(const struct moment *moment, struct handoffs *handoffs)
{
	const struct window *window = moment->event->window;
	bool waited = window && (window->cause == WAIT_NET || window->cause == WAIT_PIPE);

	if (waited && handoffs->forgotten_ns < window->off_at_ns)
		handoffs->forgotten_bytes = 0;
	while (waited && handoffs->count && first_of(handoffs)->sent_ns < window->off_at_ns)
		drop_first(moment->engine, handoffs);
}

/* Returns how many of the bytes read were of writes whose owners are forgotten. */
static uint64_t take_forgotten(struct handoffs *handoffs, uint64_t bytes)
{
	uint64_t taken = handoffs->forgotten_bytes < bytes ? handoffs->forgotten_bytes : bytes;

	handoffs->forgotten_bytes -= taken;
	return taken;
}

struct message {
	struct context *owner; /* NULL: nobody's that is known, or several ones' */
	bool mixed;
	uint64_t sent_ns;
	struct interval wait;
	uint64_t missing_bytes; /* of which no write has been told yet */
};

static struct message take_message(const struct moment *moment, struct handoffs *handoffs)
{
	struct message message = {.missing_bytes = (uint64_t)moment->record->result};
	uint64_t forgotten_bytes = take_forgotten(handoffs, message.missing_bytes);
	bool any = forgotten_bytes != 0;

	message.missing_bytes -= forgotten_bytes;
	while (message.missing_bytes && handoffs->count) {
		struct handoff *first = first_of(handoffs);
		struct context *root = context_root(first->context);
		uint64_t taken = first->bytes_left < message.missing_bytes ? first->bytes_left : message.missing_bytes;

		message.mixed |= any && root != context_root(message.owner);
		if (!any) {
			message.owner = context_get(root);
			message.wait = first->wait;
		}
		any = true;
		message.sent_ns = first->sent_ns;
		message.missing_bytes -= taken;
		first->bytes_left -= taken;
		if (!first->bytes_left)
			drop_first(moment->engine, handoffs);
	}
	if (message.mixed) {
		context_put(moment->engine, message.owner);
		message.owner = NULL;
	}
	return message;
}

/*
 * A message waited for a reader that was busy: a loop, or a process that takes work from a queue. Whether its request waited too shows only
 * when an answer comes.
 */
static void name_waits(const struct moment *moment, const struct message *message)
{
	struct thread *thread = moment->thread;
	struct context *owner = context_root(message->owner);
	struct interval wait = {.start_ns = message->sent_ns, .end_ns = moment->at_ns, .state = STATE_QUEUE};

	if (thread->loop) {
		wait.end_ns = blame_loop(moment, owner, message->sent_ns);
		wait.state = STATE_LOOP;
	}
	if (owner->proc != thread->proc) {
		thread->message_wait = wait;
		return;
	}
	if (message->wait.end_ns > message->wait.start_ns)
		context_add_interval(moment->engine, owner, message->wait);
	if (thread->loop)
		context_add_interval(moment->engine, owner, wait);
}

/* What it did for several together, of which nobody can tell whose it was, was not for this one. */
static void leave_mixed(const struct moment *moment)
{
	const struct context *root = context_root(moment->thread->context);

	if (root && !root->is_request && root->origin == ORIGIN_MISSED)
		turn_to_segment(moment, ORIGIN_HANDOFF, NULL, false);
}

/* The thread works for whom the message was written for; of several together nobody can tell who comes when. */
static void work_for_sender(const struct moment *moment, const struct message *message)
{
	struct context *owner = context_root(message->owner), *after = owner && owner->is_request ? owner : NULL;

	if (context_is_open_request(owner)) {
		leave_mixed(moment);
		work_for(moment, owner);
		thread_commit(moment->engine, moment->thread);
		name_waits(moment, message);
		rule_11_read(moment, owner, SIDE_DOWNSTREAM);
	} else if (!thread_is_active(moment->thread)) {
		end_soft_tail(moment);
		turn_to_segment(moment, message->mixed ? ORIGIN_MISSED : ORIGIN_HANDOFF, after, after != NULL);
	}
}

/* Its write is told at any moment, and then says for whom this is. */
static void read_ahead(const struct moment *moment, struct handoffs *handoffs, uint64_t bytes, bool begins)
{
	if (!handoffs->ahead_bytes)
		handoffs->ahead_ns = moment->at_ns;
	handoffs->ahead_bytes += bytes;
	if (!begins || thread_is_active(moment->thread))
		return;
	end_soft_tail(moment);
	turn_to_segment(moment, ORIGIN_HANDOFF, NULL, false);
	context_put(moment->engine, handoffs->ahead);
	handoffs->ahead = context_get(moment->thread->context);
}

static void receive(const struct moment *moment, struct conn *from)
{
	struct handoffs *handoffs = handoffs_of(from);
	struct message message;
	bool any;

	if (!handoffs)
		return;
	drop_what_was_read(moment, handoffs);
	any = handoffs->count || handoffs->forgotten_bytes;
	message = take_message(moment, handoffs);
	if (any)
		work_for_sender(moment, &message);
	if (message.missing_bytes)
		read_ahead(moment, handoffs, message.missing_bytes, !any);
	context_put(moment->engine, message.owner);
}

/* Bytes that were read already, before this record of their write. */
static uint64_t settle_ahead(const struct moment *moment, struct handoffs *handoffs, struct context *sender, uint64_t bytes)
{
	uint64_t settled = handoffs->ahead_bytes < bytes ? handoffs->ahead_bytes : bytes;
	struct context *segment = context_root(handoffs->ahead);

	if (!settled)
		return 0;
	if (moment->at_ns > handoffs->ahead_ns + LATE_NS)
		settled = 0;
	else if (segment && !segment->is_request && context_is_open_request(sender))
		context_bind(moment->engine, segment, sender);
	if (!settled || settled == handoffs->ahead_bytes)
		forget_ahead(moment->engine, handoffs);
	else
		handoffs->ahead_bytes -= settled;
	return settled;
}

/* ---- the rule --------------------------------------------------------------------------------------------------------------------- */

/* For whom the thread writes. What follows a worker's message in its soft tail is more of it. */
static struct context *sender_of(const struct moment *moment)
{
	struct context *root = context_root(moment->thread->context);

	if (thread_is_active(moment->thread))
		return root;
	return moment->conn->crosses && moment->thread->soft && root ? context_root(root->hint) : NULL;
}

void rule_9_handoff_write(const struct moment *moment)
{
	struct handoffs *handoffs = handoffs_of(moment->conn);
	struct context *sender = sender_of(moment);
	uint64_t bytes = (uint64_t)moment->record->result;

	if (!handoffs || (!sender && moment->conn->family == CONN_EVENTFD))
		return;
	bytes -= settle_ahead(moment, handoffs, sender, bytes);
	if (bytes)
		push(moment->engine, handoffs,
		     (struct handoff){.context = sender,
				      .proc = moment->thread->proc,
				      .sent_ns = moment->at_ns,
				      .bytes_left = bytes,
				      .wait = moment->thread->message_wait});
	/* A worker has told another process what it had computed for its request. */
	if (moment->conn->crosses && sender && sender == context_root(moment->thread->context) && sender->is_request &&
	    sender->proc != moment->thread->proc)
		turn_to_segment(moment, ORIGIN_SOFT, sender, true);
}

/* Within a process: a hint at whoever wrote. */
static void take_hint(const struct moment *moment, struct handoffs *handoffs)
{
	struct context *handed = pop_open(moment->engine, handoffs);
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

void rule_9_handoff_read(const struct moment *moment)
{
	struct conn *from = written_end(moment);

	if (!from)
		return;
	if (is_message(moment, from))
		from->crosses = moment->conn->crosses = true;
	if (from->crosses)
		receive(moment, from);
	else if (from == moment->conn && from->handoffs)
		take_hint(moment, from->handoffs);
}
