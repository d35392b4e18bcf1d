/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 12 where threads run each other's requests (goroutines, a runtime's tasks): who is given a connection goes on on any of them, and no
 * record says who that is. So whatever begins with such a connection is a segment of its own. It is linked to who waited longest; if it
 * comes to wait again, what goes on then is linked to it. A response names the last segment of such a chain: if the chain began with that
 * very request, all of it is the request's. If not, two that were given connections at about the same time were taken for each other.
 */
#include "engine/chains.h"

#include <stdlib.h>

#include "engine/chains_before.h"
#include "engine/chains_queue.h"
#include "engine/goroutines.h"
#include "engine/idle.h"
#include "engine/locks.h"
#include "engine/pool_ahead.h"
#include "engine/rules_loop.h"

#define HELD_UP 4       /* fewer goroutines may only seem to wait: they were held up */
#define IDLE_NS 1000000 /* who is given a connection asks sooner, as a rule */

bool chains_apply(const struct thread *thread)
{
	const struct continuations *loop = thread->continuations;

	if (thread->carrier)
		return false;
	return thread_runs_untold_goroutines(thread) || (loop && loop->shared && !continuations_ahead(loop));
}

/* ---- who waits ----------------------------------------------------------------------------------------------------------------------- */

static struct chains *chains_of(struct proc *proc)
{
	struct chains *chains = proc->chains;

	if (chains || !(chains = calloc(1, sizeof(*chains))))
		return chains;
	chains->first = chains->end = chains->waiting = CHAIN_TICKETS;
	if (proc->answers_unknown)
		chains_before_begin(chains);
	return proc->chains = chains;
}

static bool may_wait(const struct thread *thread, const struct context *root)
{
	bool asks = context_is_open_request(root) && !root->stream && !root->watched;
	/* Who was given a connection, or has asked without one's knowing who it is. */
	bool goes_on =
		context_is_segment(root) && (root->origin == ORIGIN_POOL || (thread_runs_untold_go(thread) && root->origin == ORIGIN_PARK &&
									     root->call_count && chains_many_wait(thread->proc)));

	return (asks || goes_on) && !context_awaits_peer(root) && !root->line_ticket;
}

static bool is_full(const struct chains *chains)
{
	return chains->end - chains->first == WAITS_MAX;
}

/* Lets go of what is over; if there is no room, of the oldest chain that no response has named. */
static void drop_front(struct engine *engine, struct chains *chains)
{
	for (; chains->waiting < chains->end && !still_waits(chains, chains->waiting); chains->waiting++)
		if (is_over(chains, chains->waiting))
			chains_forget(engine, chains, chains->waiting);
	while (chains->first < chains->waiting && (!wait_of(chains, chains->first) || is_full(chains)))
		chains_forget(engine, chains, chains->first++);
}

/* Most of those who came after the first one have gone on by themselves, or been answered: it waits for something else. */
static bool first_is_stuck(struct chains *chains)
{
	uint64_t over = 0;

	for (uint64_t ticket = chains->first; ticket < chains->end; ticket++)
		over += is_over(chains, ticket);
	return over > WAITS_MAX / 2;
}

/* False: as many wait as are kept. Who comes then would be served last. */
static bool make_room(struct engine *engine, struct chains *chains)
{
	if (chains->before && !is_full(chains))
		return true;
	chains_before_end(engine, chains);
	drop_front(engine, chains);
	if (!is_full(chains))
		return true;
	if (!first_is_stuck(chains)) {
		engine->losses.waiters++;
		return false;
	}
	chains_forget(engine, chains, chains->first);
	drop_front(engine, chains);
	return true;
}

/*
 * A goroutine that has read its request and left the thread before it can have done anything for it was held up: the thread had been given
 * to others meanwhile. It comes to wait later, or not at all.
 */
static bool is_held_up(const struct thread *thread, const struct context *root, uint64_t at_ns)
{
	if (!thread_runs_untold_goroutines(thread) || !root->is_request)
		return false;
	return at_ns < root->last_read_ns + WORK_MIN_NS || (thread_runs_untold_go(thread) && root == context_root(thread->context) &&
							    !root->call_count && !thread_has_worked(thread, root));
}

static void stand_in(struct proc *proc, struct context *root, uint64_t since_ns)
{
	struct chains *chains = proc->chains;
	uint64_t ticket = chains->end++;

	*wait_at(chains, ticket) =
		(struct wait){.context = context_get(root), .since_ns = since_ns, .found_idle = idle_left_since(proc, since_ns)};
	root->line_ticket = ticket;
	/* That a thread had fallen asleep is told only when it wakes. */
	for (; still_waits(chains, ticket - 1) && wait_at(chains, ticket - 1)->since_ns > since_ns; ticket--)
		chains_exchange(chains, ticket - 1, ticket);
}

void chains_wait(struct engine *engine, struct thread *thread, struct context *root, uint64_t at_ns)
{
	struct chains *chains = may_wait(thread, root) && !goroutine_may_be_moved(thread, at_ns) ? chains_of(thread->proc) : NULL;

	if (!chains || !make_room(engine, chains))
		return;
	if (root == context_root(thread->context))
		at_ns = lock_idle_since(thread, at_ns);
	if (is_held_up(thread, root, at_ns)) {
		if (root->watched_ns < at_ns)
			return;
		at_ns = root->watched_ns; /* it has gone on elsewhere */
	}
	stand_in(thread->proc, root, at_ns);
}

bool chains_many_wait(const struct proc *proc)
{
	struct chains *chains = proc->chains;
	uint64_t count = 0;

	for (uint64_t ticket = chains ? chains->waiting : 0; chains && ticket < chains->end && count < HELD_UP; ticket++)
		count += still_waits(chains, ticket);
	return count == HELD_UP;
}

/* So many stand in line already of whom it is not known who they are. */
static uint64_t count_unseen(struct chains *chains)
{
	uint64_t count = 0;

	for (uint64_t ticket = chains->first; ticket < chains->end; ticket++) {
		const struct wait *wait = wait_of(chains, ticket);

		count += wait && wait_is_unseen(wait);
	}
	return count;
}

bool chains_unseen_waits(struct engine *engine, struct thread *thread, uint64_t at_ns)
{
	struct chains *chains = thread->proc->chains;
	struct context *segment = context_root(thread->context);

	if (!thread_runs_untold_go(thread) || !chains_many_wait(thread->proc) || !goroutine_has_left_unseen(engine, thread) ||
	    segment->line_ticket || !goroutine_some_held_up(engine, thread->proc, segment->begun_ns, count_unseen(chains)) ||
	    !make_room(engine, chains))
		return false;
	stand_in(thread->proc, segment, lock_idle_since(thread, at_ns));
	return true;
}

/* ---- who goes on --------------------------------------------------------------------------------------------------------------------- */

bool chains_nobody_waits(const struct moment *moment)
{
	struct chains *chains = moment->thread->proc->chains;
	struct queue queue = queue_for(moment);

	if (!thread_runs_untold_goroutines(moment->thread) || (chains && chains->before))
		return false;
	for (uint64_t ticket = chains ? chains->waiting : 0; chains && ticket < chains->end; ticket++)
		if (queue_has(&queue, chains, ticket))
			return false;
	return true;
}

/* The thread lets another one go on, which it runs first. */
static void lets_go_on(struct chains *chains, uint32_t tid)
{
	for (uint64_t ticket = chains->waiting; ticket < chains->end; ticket++)
		wait_at(chains, ticket)->grant.queued |= wait_at(chains, ticket)->grant.tid == tid;
}

void chains_lets_go_on(const struct thread *thread)
{
	struct chains *chains = thread->proc->chains;

	if (!chains || !thread_runs_untold_go(thread))
		return;
	if (chains->before)
		chains_before_lets_go_on(chains, thread->tid);
	else
		lets_go_on(chains, thread->tid);
}

static void give(struct chains *chains, struct queue queue, uint32_t tid)
{
	for (uint64_t ticket = chains->waiting; ticket < chains->end; ticket++)
		if (queue_has(&queue, chains, ticket) && !wait_at(chains, ticket)->grant.tid) {
			wait_at(chains, ticket)->grant.tid = tid;
			wait_at(chains, ticket)->grant.queued = false;
			return;
		}
}

void chains_released(const struct moment *moment)
{
	const struct thread *thread = moment->thread;
	struct conn *conn = moment->conn;

	pool_ahead_gives_back(moment);
	if (!chains_apply(thread) || conn->read_for_others)
		return;
	chains_lets_go_on(thread);
	if (thread->proc->chains && thread->proc->chains->before)
		chains_before_released(thread->proc->chains, thread->tid);
	else if (thread->proc->chains)
		give(thread->proc->chains, queue_for(moment), thread->tid);
	if (thread_runs_untold_goroutines(thread) && !conn->first_call)
		idle_begins(thread->proc, conn, moment->at_ns);
}

void chains_unknown_answer(const struct moment *moment)
{
	struct proc *proc = moment->thread->proc;

	if (moment->conn->answer_read_ns || moment->conn->written_ns)
		return;
	pool_ahead_gives_back(moment);
	proc->answers_unknown = true;
	if (proc->chains && chains_apply(moment->thread)) {
		if (!proc->chains->before && proc->chains->waiting == CHAIN_TICKETS)
			chains_before_begin(proc->chains);
		chains_lets_go_on(moment->thread);
		if (proc->chains->before)
			chains_before_released(proc->chains, moment->thread->tid);
	}
}

/* 0: nobody is let go on. */
static uint64_t next_given(struct chains *chains, struct queue queue, uint32_t tid)
{
	struct next_grant next = {0};

	for (uint64_t ticket = chains->waiting; ticket < chains->end; ticket++)
		if (queue_has(&queue, chains, ticket))
			next_grant_look(&next, &wait_at(chains, ticket)->grant, ticket, tid);
	return next_grant_place(&next);
}

static void begin(struct chains *chains, uint64_t ticket, struct context *segment)
{
	segment->handed = ticket;
	segment->given = GIVEN_TO_ANY;
	wait_at(chains, ticket)->grant.begun = context_get(segment);
}

void chains_begun(struct engine *engine, struct thread *thread, struct context *segment)
{
	struct chains *chains = thread->proc->chains;
	uint64_t ticket = chains ? chains->waiting : 0;

	segment->handed = 0;
	if (chains && chains->before) {
		chains_before_begun(engine, chains, thread->tid, segment);
		return;
	}
	while (chains && ticket < chains->end && !still_waits(chains, ticket))
		ticket++;
	if (chains && ticket < chains->end)
		begin(chains, ticket, segment);
}

/* A connection of which it is known that requests give it back to each other. */
static bool is_of_a_pool(const struct moment *moment)
{
	const struct conn *conn = moment->conn;

	return !conn->first_call && conn->answer_read_ns && !conn->read_for_others &&
	       doubts_try_line(moment->thread->proc, conn, GIVEN_TO_ANY);
}

/*
 * A goroutine may seem to wait that was only held up. Where so few seem to that it may be none, a connection that has lain idle for a while
 * was not waited for.
 */
static bool may_wait_for_it(const struct moment *moment)
{
	if (!thread_runs_untold_goroutines(moment->thread) || moment->at_ns < moment->conn->answer_read_ns + IDLE_NS)
		return true;
	return chains_many_wait(moment->thread->proc);
}

/* Whoever ran on the thread until now. */
static struct context *ran_before(const struct thread *thread)
{
	struct context *root = context_root(thread->context);

	return root && !root->is_request && !root->evidence && !thread->soft ? context_root(root->resumes) : root;
}

/* 0: nobody is given the connection. In front of who is known some may wait who are not. */
static bool is_given_on(const struct moment *moment, uint64_t *ticket)
{
	struct chains *chains = moment->thread->proc->chains;

	*ticket = 0;
	if (!chains || !is_of_a_pool(moment))
		return false;
	if (chains->before)
		return true;
	if (may_wait_for_it(moment))
		*ticket = next_given(chains, queue_for(moment), moment->thread->tid);
	return *ticket;
}

struct context *chains_next(const struct moment *moment)
{
	struct thread *thread = moment->thread;
	struct chains *chains = thread->proc->chains;
	struct context *segment, *before;
	uint64_t ticket;

	queue_leave_idle(moment, chains);
	before = ran_before(thread); /* now: that may have bound it */
	segment = is_given_on(moment, &ticket) ? context_new_segment(moment->engine, ORIGIN_POOL, NULL, moment->at_ns) : NULL;
	if (!segment)
		return NULL;
	context_note_evidence(segment);
	segment->instead = context_get(before);
	if (chains->before)
		chains_before_begun(moment->engine, chains, thread->tid, segment);
	else
		begin(chains, ticket, segment);
	end_soft_tail(moment);
	chains_wait(moment->engine, thread, before, moment->at_ns);
	(void)chains_unseen_waits(moment->engine, thread, moment->at_ns);
	thread_switch(moment->engine, thread, segment, false);
	return segment;
}

void chains_give(struct chains *chains, uint32_t tid)
{
	give(chains, (struct queue){0}, tid);
}

/* ---- the end ------------------------------------------------------------------------------------------------------------------------- */

void chains_close(struct engine *engine, struct proc *proc)
{
	struct chains *chains = proc->chains;

	idle_close(proc);
	if (!chains)
		return;
	chains_before_end(engine, chains);
	while (chains->first < chains->end)
		chains_forget(engine, chains, chains->first++);
	free(chains);
	proc->chains = NULL;
}
