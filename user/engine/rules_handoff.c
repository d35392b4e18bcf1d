/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 9: what one thread writes into an eventfd, a pipe or a socketpair, and another one reads. Within a process that is most often a
 * wake-up, and says no more than a hint, but between a loop and its worker threads.
 */
#include "engine/called_in.h"
#include "engine/line.h"
#include "engine/rules_messages.h"
#include "engine/workers.h"

/* ---- writing ---------------------------------------------------------------------------------------------------------------------- */

/* For whom the thread writes. What follows a worker's message in its soft tail is more of it. */
static struct context *sender_of(const struct moment *moment)
{
	struct context *root = context_root(moment->thread->context);

	if (thread_is_active(moment->thread))
		return root;
	return moment->conn->crosses && moment->thread->soft && root ? context_root(root->hint) : NULL;
}

/* It has read this before the write was told. */
static void worker_took(const struct moment *moment, const struct handoffs *handoffs, struct context *given)
{
	struct thread *worker = handoffs->worker_tid ? thread_of(moment->engine, handoffs->worker_tid) : NULL;

	if (worker && context_root(worker->context) == given && context_is_active(given))
		workers_hold(moment->engine, worker, given);
}

static void write_for(const struct moment *moment, struct handoffs *handoffs, struct context *sender)
{
	uint64_t bytes = (uint64_t)moment->record->result, settled;

	if (!sender && moment->conn->family == CONN_EVENTFD)
		return;
	settled = handoffs_settle_ahead(moment, handoffs, sender, bytes);
	bytes -= settled;
	if (settled)
		worker_took(moment, handoffs, sender);
	if (bytes)
		handoffs_push(moment->engine, handoffs,
			      (struct handoff){.context = sender,
					       .proc = moment->thread->proc,
					       .writer_tid = moment->thread->tid,
					       .sent_ns = moment->at_ns,
					       .bytes_left = bytes,
					       .wait = moment->thread->message_wait});
	/* A worker has told another process what it had computed for its request. */
	if (moment->conn->crosses && sender && sender == context_root(moment->thread->context) && sender->is_request &&
	    sender->proc != moment->thread->proc)
		turn_to_segment(moment, ORIGIN_SOFT, sender, true);
}

/* ---- a loop and its worker threads ------------------------------------------------------------------------------------------------ */

/* A worker thread reads, or writes, an eventfd. */
static bool by_a_worker(const struct moment *moment)
{
	return moment->conn->family == CONN_EVENTFD && is_worker_thread(moment->thread);
}

/* And still is: a loop may wake others before it has a connection. */
static bool is_a_worker(struct engine *engine, uint32_t tid)
{
	const struct thread *thread = tid ? thread_of(engine, tid) : NULL;

	return thread && is_worker_thread(thread);
}

static void reads_as_worker(const struct moment *moment, struct handoffs *handoffs)
{
	handoffs->worker_tid = moment->thread->tid;
	moment->thread->given_conn_id = moment->conn->id;
}

/* One thing at a time; if there are more, what came before was not seen to be read. */
static void worker_takes(const struct moment *moment, struct handoffs *handoffs)
{
	struct context *context = NULL, *root;
	bool known = handoffs->worker_tid != 0;
	uint32_t writer_tid = 0;
	uint64_t sent_ns = 0;

	reads_as_worker(moment, handoffs);
	if (!handoffs->count && !handoffs->taken_unread && !handoffs->own_task)
		handoffs_read_ahead(moment, handoffs, (uint64_t)moment->record->result, true);
	if (handoffs->taken_unread)
		handoffs->read_late_ns = moment->at_ns;
	handoffs->taken_unread = handoffs->own_task = false;
	if (!handoffs->count)
		return;
	while (handoffs->count) {
		context_hold(moment->engine, &context, handoffs_first(handoffs)->context);
		sent_ns = handoffs_first(handoffs)->sent_ns;
		writer_tid = handoffs_first(handoffs)->writer_tid;
		handoffs_drop_first(moment->engine, handoffs);
	}
	if (!known)
		workers_forget_giver(moment, writer_tid, &context);
	root = context_root(context);
	if (context_is_active(root)) {
		work_for(moment, root);
		workers_hold(moment->engine, moment->thread, root);
		root->at_worker = true; /* be it that nobody knew yet that it was given to a worker */
		root->line_ticket = 0;
		handoffs->taken_ns = moment->at_ns;
		context_add_wait(moment->engine, root, sent_ns, moment->at_ns, STATE_QUEUE);
	}
	context_put(moment->engine, context);
}

/* The worker has read this write before it was told, and what it was given is known already. */
static bool took_just_now(const struct moment *moment, const struct handoffs *handoffs)
{
	const struct thread *worker = thread_of(moment->engine, handoffs->worker_tid);

	return worker->holds && moment->at_ns < handoffs->taken_ns + HANDOFF_LATE_NS;
}

/*
 * To a worker thread the loop gives whose turn it is. One that nobody has seen yet is whoever reads what is written for the first time in
 * a callback of what others handed back. The reference is the caller's.
 */
static struct context *given_by(const struct moment *moment, struct handoffs *handoffs, bool first)
{
	if (handoffs->worker_tid == moment->thread->tid) {
		handoffs->own_task = true; /* of its runtime: collecting garbage */
		return NULL;
	}
	if (first && workers_call_back(moment->thread))
		return workers_give(moment, 0);
	if (!is_a_worker(moment->engine, handoffs->worker_tid) || !moment->thread->loop)
		return context_get(sender_of(moment));
	handoffs->taken_unread = false; /* else nobody would have written */
	return took_just_now(moment, handoffs) ? NULL : workers_give(moment, handoffs->worker_tid);
}

/* What waits for a worker thread. NULL: nothing ever has. */
static struct handoffs *given_to(struct engine *engine, const struct thread *worker)
{
	struct conn *conn = worker && worker->given_conn_id ? conn_of(engine, worker->given_conn_id) : NULL;

	return conn ? conn->handoffs : NULL;
}

bool handoff_is_unseen(const struct moment *moment, uint32_t worker_tid)
{
	const struct handoffs *handoffs = given_to(moment->engine, thread_of(moment->engine, worker_tid));

	return handoffs && handoffs->taken_unread;
}

bool handoff_was_unseen(const struct moment *moment, uint32_t worker_tid, uint64_t since_ns)
{
	const struct handoffs *handoffs = given_to(moment->engine, thread_of(moment->engine, worker_tid));

	return handoffs && (handoffs->taken_unread || handoffs->read_late_ns >= since_ns);
}

bool handoff_may_be_unseen(const struct moment *moment, uint32_t worker_tid, uint64_t since_ns)
{
	const struct thread *worker = thread_of(moment->engine, worker_tid);
	const struct handoffs *handoffs = given_to(moment->engine, worker);

	return handoff_was_unseen(moment, worker_tid, since_ns) ||
	       (handoffs && handoffs->read_late_ns && handoffs->read_late_ns >= worker->acted_ns);
}

bool handoff_has_room(const struct moment *moment, uint32_t worker_tid)
{
	const struct handoffs *handoffs = given_to(moment->engine, thread_of(moment->engine, worker_tid));

	return handoffs && !handoffs->count;
}

void handoff_unseen(const struct moment *moment, uint32_t worker_tid, struct context *given)
{
	struct handoffs *handoffs = given_to(moment->engine, thread_of(moment->engine, worker_tid));

	handoffs_push(
		moment->engine, handoffs,
		(struct handoff){.context = given, .proc = moment->thread->proc, .sent_ns = moment->at_ns, .bytes_left = sizeof(uint64_t)});
}

/* The loop to which it hands back has given it something that nobody has seen. */
static void give_late(const struct moment *moment)
{
	const struct thread *thread = moment->thread;
	const struct conn *wakes = thread->wakes_conn_id ? conn_of(moment->engine, thread->wakes_conn_id) : NULL;
	struct moment then = *moment;

	if (!wakes || !wakes->handoffs)
		return;
	then.thread = thread_of(moment->engine, wakes->handoffs->loop_tid);
	then.at_ns = context_root(thread->context)->begun_ns;
	if (then.thread)
		workers_gave_unseen(&then, thread->tid);
}

/*
 * While it was busy until then it was given the next thing, and went on with that at once: it was awake, or had read its eventfd but not
 * looked yet what there was. That nobody saw it being given is only certain where it hands that back: else it may collect garbage.
 */
static void take_unread(const struct moment *moment, uint64_t until_ns, bool hands_back)
{
	struct thread *thread = moment->thread;
	struct handoffs *handoffs = thread->wakes_conn_id ? given_to(moment->engine, thread) : NULL;
	struct context *root = context_root(thread->context);

	if (!root || !handoffs || context_is_active(root) || (thread->soft && !root->hint) || !thread_has_worked(thread, root))
		return;
	if (!handoffs->count && hands_back)
		give_late(moment);
	if (!handoffs->count || !context_is_active(context_root(handoffs_first(handoffs)->context)))
		return;
	if (until_ns < handoffs_first(handoffs)->sent_ns + WORK_MIN_NS)
		return;
	if (thread->soft) {
		split_soft_tail(moment, root, handoffs_first(handoffs)->sent_ns);
		thread_take_over(moment->engine, thread, context_root(handoffs_first(handoffs)->context));
		thread->soft = false;
	} else {
		work_for(moment, context_root(handoffs_first(handoffs)->context));
	}
	handoffs->taken_unread |= handoffs_first(handoffs)->writer_tid != 0;
	workers_hold(moment->engine, thread, thread->context);
	handoffs_drop_first(moment->engine, handoffs);
}

void workers_sleep(struct engine *engine, struct thread *worker, uint64_t off_ns)
{
	take_unread(&(struct moment){.engine = engine, .thread = worker}, off_ns, false);
}

void workers_slept(struct engine *engine, struct thread *worker, uint64_t until_ns)
{
	struct handoffs *handoffs = worker->wakes_conn_id ? given_to(engine, worker) : NULL;
	struct conn *wakes = handoffs ? conn_of(engine, worker->wakes_conn_id) : NULL;
	struct thread *loop = wakes && wakes->handoffs ? thread_of(engine, wakes->handoffs->loop_tid) : NULL;

	for (; loop && handoffs->count && !handoffs_first(handoffs)->writer_tid && handoffs_first(handoffs)->sent_ns < until_ns;
	     handoffs_drop_first(engine, handoffs)) {
		struct context *context = context_root(handoffs_first(handoffs)->context);

		if (!context_is_active(context))
			continue;
		context->at_worker = false;
		rule_12_waits_still(engine, loop, context, handoffs_first(handoffs)->sent_ns);
	}
}

/* True: it is told the loop. */
static bool worker_wakes_loop(const struct moment *moment, struct handoffs *handoffs)
{
	struct thread *loop = thread_of(moment->engine, handoffs->loop_tid);
	struct context *done;

	if (!by_a_worker(moment) || is_a_worker(moment->engine, handoffs->worker_tid))
		return false;
	handoffs->waker_tid = moment->thread->tid;
	moment->thread->wakes_conn_id = moment->conn->id;
	take_unread(moment, moment->at_ns, true);
	done = context_root(moment->thread->context);
	if (!loop || !context_is_active(done))
		return false;
	workers_hold(moment->engine, moment->thread, NULL);
	workers_hand_back(moment->engine, loop, moment->thread->tid, done, moment->at_ns);
	turn_to_segment(moment, ORIGIN_SOFT, done, true);
	return true;
}

/* ---- the rule --------------------------------------------------------------------------------------------------------------------- */

void rule_9_handoff_write(const struct moment *moment)
{
	bool first = !moment->conn->handoffs && moment->conn->family == CONN_EVENTFD;
	struct handoffs *handoffs = handoffs_of(moment->conn);
	struct context *sender;

	if (!handoffs)
		return;
	if (worker_wakes_loop(moment, handoffs))
		return;
	called_in(moment);
	sender = given_by(moment, handoffs, first);
	write_for(moment, handoffs, sender);
	context_put(moment->engine, sender);
}

/* Within a process: a hint at whoever wrote. */
static void take_hint(const struct moment *moment, struct handoffs *handoffs)
{
	struct context *handed = handoffs_pop_open(moment->engine, handoffs);
	struct context *root = context_root(moment->thread->context);

	if (handed && !thread_is_active(moment->thread) && context_is_segment(root) && context_root(handed) != root) {
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

/* What was written before it was known who reads here. */
static void wakes_up_for_workers(const struct moment *moment, struct handoffs *handoffs)
{
	handoffs->loop_tid = moment->thread->tid;
	for (; handoffs->count; handoffs_drop_first(moment->engine, handoffs)) {
		const struct handoff *first = handoffs_first(handoffs);
		struct thread *worker = thread_of(moment->engine, first->writer_tid);
		struct context *done = context_root(first->context);

		if (!worker || !done || context_root(worker->holds) != done)
			continue;
		workers_hold(moment->engine, worker, NULL);
		workers_hand_back(moment->engine, moment->thread, worker->tid, done, first->sent_ns);
		if (context_root(worker->context) == done)
			turn_to_segment(&(struct moment){.engine = moment->engine, .thread = worker, .at_ns = moment->at_ns}, ORIGIN_SOFT,
					done, true);
	}
	workers_callbacks_begin(moment);
}

static void take_from_thread(const struct moment *moment, struct handoffs *handoffs)
{
	if (by_a_worker(moment))
		worker_takes(moment, handoffs);
	else if (is_a_worker(moment->engine, handoffs->waker_tid) && moment->thread->loop)
		wakes_up_for_workers(moment, handoffs);
	else
		take_hint(moment, handoffs);
}

void rule_9_handoff_read(const struct moment *moment)
{
	struct conn *from = message_written_end(moment);

	if (!from)
		return;
	if (message_between_processes(moment, from))
		from->crosses = moment->conn->crosses = true;
	if (from->crosses)
		message_receive(moment, from);
	else if (from == moment->conn && from->handoffs)
		take_from_thread(moment, from->handoffs);
	else if (by_a_worker(moment) && handoffs_of(from))
		reads_as_worker(moment, from->handoffs);
}
