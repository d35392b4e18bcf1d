/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 9, from one process to another: what is written into a pipe or a socketpair is a message, of which the bytes say whose it is.
 */
#include "engine/rules_messages.h"

struct conn *message_written_end(const struct moment *moment)
{
	struct conn *conn = moment->conn;

	if (conn->family != CONN_UNIX)
		return conn;
	return conn->other_end_id ? conn_of(moment->engine, conn->other_end_id) : NULL;
}

bool message_between_processes(const struct moment *moment, const struct conn *from)
{
	struct handoffs *handoffs = from->handoffs;

	return from->family != CONN_EVENTFD && handoffs && handoffs->count && handoffs_first(handoffs)->proc != moment->thread->proc;
}

/* Who went to sleep for want of something to read: what was written before went another way, unseen. */
static void drop_what_was_read(const struct moment *moment, struct handoffs *handoffs)
{
	const struct window *window = moment->event->window;
	bool waited = window && (window->cause == WAIT_NET || window->cause == WAIT_PIPE);

	if (waited && handoffs->forgotten_ns < window->off_at_ns)
		handoffs->forgotten_bytes = 0;
	while (waited && handoffs->count && handoffs_first(handoffs)->sent_ns < window->off_at_ns)
		handoffs_drop_first(moment->engine, handoffs);
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
		struct handoff *first = handoffs_first(handoffs);
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
			handoffs_drop_first(moment->engine, handoffs);
	}
	if (message.mixed) {
		context_hold(moment->engine, &message.owner, NULL);
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

	if (context_is_segment(root) && root->origin == ORIGIN_MISSED)
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

void handoffs_read_ahead(const struct moment *moment, struct handoffs *handoffs, uint64_t bytes, bool begins)
{
	if (!handoffs->ahead_bytes)
		handoffs->ahead_ns = moment->at_ns;
	handoffs->ahead_bytes += bytes;
	if (!begins || thread_is_active(moment->thread))
		return;
	end_soft_tail(moment);
	turn_to_segment(moment, ORIGIN_HANDOFF, NULL, false);
	context_hold(moment->engine, &handoffs->ahead, moment->thread->context);
}

uint64_t handoffs_settle_ahead(const struct moment *moment, struct handoffs *handoffs, struct context *sender, uint64_t bytes)
{
	uint64_t settled = handoffs->ahead_bytes < bytes ? handoffs->ahead_bytes : bytes;
	struct context *segment = context_root(handoffs->ahead);

	if (!settled)
		return 0;
	if (moment->at_ns > handoffs->ahead_ns + HANDOFF_LATE_NS)
		settled = 0;
	else if (context_is_segment(segment) && context_is_active(sender))
		context_bind(moment->engine, segment, sender);
	if (!settled || settled == handoffs->ahead_bytes)
		handoffs_forget_ahead(moment->engine, handoffs);
	else
		handoffs->ahead_bytes -= settled;
	return settled;
}

void message_receive(const struct moment *moment, struct conn *from)
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
		handoffs_read_ahead(moment, handoffs, message.missing_bytes, !any);
	context_put(moment->engine, message.owner);
}
