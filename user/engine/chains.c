/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 12 where threads run each other's requests (goroutines, a runtime's tasks): who is given a connection goes on on any of them, and no
 * record says who that is. So whatever begins with such a connection is a segment of its own. It is linked to who waited longest; if it
 * comes to wait again, what goes on then is linked to it. A response names the last segment of such a chain: if the chain began with that
 * very request, all of it is the request's. If not, two that were given connections at about the same time were taken for each other.
 */
#include "engine/chains.h"

#include <stdlib.h>

#include "engine/chains_queue.h"
#include "engine/goroutines.h"
#include "engine/idle.h"
#include "engine/locks.h"
#include "engine/rules_loop.h"

#define CHAIN_MAX  64 /* longer ones are not followed */
#define NEAR       4  /* so far from its turn goes on who was given a connection */
#define ASTRAY     3  /* so much weighs a response that contradicts the line, against one that bears it out */
#define ASTRAY_MIN 10 /* the line has lost its place */
#define ASTRAY_MAX 15
#define HELD_UP    4       /* fewer goroutines may only seem to wait: they were held up */
#define IDLE_NS    1000000 /* who is given a connection asks sooner, as a rule */
#define PASSED_MAX 2       /* whom so many have passed by does not go on yet: it has only seemed to wait */

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
	if (!proc->chains && (proc->chains = calloc(1, sizeof(*proc->chains))))
		proc->chains->first = proc->chains->end = proc->chains->waiting = CHAIN_TICKETS;
	return proc->chains;
}

static bool may_wait(const struct context *root)
{
	bool asks = context_is_open_request(root) && !root->stream && !root->watched;

	return (asks || (root && !root->is_request && root->origin == ORIGIN_POOL)) && !root->calls_in_flight && !root->connects &&
	       !root->line_ticket;
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

void chains_wait(struct engine *engine, struct thread *thread, struct context *root, uint64_t at_ns)
{
	struct chains *chains = may_wait(root) && !goroutine_may_be_moved(thread, at_ns) ? chains_of(thread->proc) : NULL;
	uint64_t ticket;

	if (!chains || !make_room(engine, chains))
		return;
	if (root == context_root(thread->context))
		at_ns = lock_idle_since(thread, at_ns);
	ticket = chains->end++;
	*wait_at(chains, ticket) = (struct wait){.context = context_get(root), .since_ns = at_ns};
	root->line_ticket = ticket;
	/* That a thread had fallen asleep is told only when it wakes. */
	for (; still_waits(chains, ticket - 1) && wait_at(chains, ticket - 1)->since_ns > at_ns; ticket--)
		chains_exchange(chains, ticket - 1, ticket);
}

/* ---- who goes on --------------------------------------------------------------------------------------------------------------------- */

bool chains_nobody_waits(const struct moment *moment)
{
	struct chains *chains = moment->thread->proc->chains;
	struct queue queue = queue_for(moment);

	if (!thread_runs_untold_goroutines(moment->thread))
		return false;
	for (uint64_t ticket = chains ? chains->waiting : 0; chains && ticket < chains->end; ticket++)
		if (queue_has(&queue, chains, ticket))
			return false;
	return true;
}

static void give(struct chains *chains, struct queue queue, uint32_t tid)
{
	for (uint64_t ticket = chains->waiting; ticket < chains->end; ticket++)
		if (queue_has(&queue, chains, ticket) && !wait_at(chains, ticket)->grant.tid) {
			wait_at(chains, ticket)->grant.tid = tid;
			return;
		}
}

void chains_released(const struct moment *moment)
{
	const struct thread *thread = moment->thread;
	struct conn *conn = moment->conn;

	if (!chains_apply(thread) || conn->read_for_others)
		return;
	if (thread->proc->chains)
		give(thread->proc->chains, queue_for(moment), thread->tid);
	if (thread_runs_untold_goroutines(thread) && !conn->first_call)
		idle_begins(thread->proc, conn, moment->at_ns);
}

/*
 * Who is let go on runs on the thread that gave the connection back, the last one first, unless another one that had nothing to do has
 * taken it from there. 0: nobody is.
 */
static uint64_t next_given(struct chains *chains, struct queue queue, uint32_t tid)
{
	uint64_t own = 0, oldest = 0;

	for (uint64_t ticket = chains->waiting; ticket < chains->end; ticket++) {
		if (!queue_has(&queue, chains, ticket) || !wait_at(chains, ticket)->grant.tid)
			continue;
		if (wait_at(chains, ticket)->grant.tid == tid)
			own = ticket;
		if (!oldest)
			oldest = ticket;
	}
	return own ? own : oldest;
}

static void begin(struct chains *chains, uint64_t ticket, struct context *segment)
{
	segment->handed = ticket;
	segment->given = GIVEN_TO_ANY;
	wait_at(chains, ticket)->grant.begun = context_get(segment);
}

void chains_begun(struct thread *thread, struct context *segment)
{
	struct chains *chains = thread->proc->chains;
	uint64_t ticket = chains ? chains->waiting : 0;

	segment->handed = 0;
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
static bool may_wait_for_it(struct chains *chains, const struct moment *moment)
{
	uint64_t count = 0;

	if (!thread_runs_untold_goroutines(moment->thread) || moment->at_ns < moment->conn->answer_read_ns + IDLE_NS)
		return true;
	for (uint64_t ticket = chains->waiting; ticket < chains->end && count < HELD_UP; ticket++)
		count += still_waits(chains, ticket);
	return count == HELD_UP;
}

/* Whoever ran on the thread until now. */
static struct context *ran_before(const struct thread *thread)
{
	struct context *root = context_root(thread->context);

	return root && !root->is_request && !root->evidence && !thread->soft ? context_root(root->resumes) : root;
}

struct context *chains_next(const struct moment *moment)
{
	struct thread *thread = moment->thread;
	struct chains *chains = thread->proc->chains;
	struct context *segment, *before = ran_before(thread);
	uint64_t ticket = 0;

	if (chains)
		queue_leave_idle(moment, chains);
	if (chains && is_of_a_pool(moment) && may_wait_for_it(chains, moment))
		ticket = next_given(chains, queue_for(moment), thread->tid);
	segment = ticket ? context_new_segment(moment->engine, ORIGIN_POOL, NULL, moment->at_ns) : NULL;
	if (!segment)
		return NULL;
	context_note_evidence(segment);
	segment->instead = context_get(before);
	begin(chains, ticket, segment);
	end_soft_tail(moment);
	chains_wait(moment->engine, thread, before, moment->at_ns);
	thread_switch(moment->engine, thread, segment, false);
	return segment;
}

/* ---- a response names one ------------------------------------------------------------------------------------------------------------ */

struct path {
	uint64_t tickets[CHAIN_MAX];
	uint32_t count;
};

/* Nobody goes on before it waits. */
static bool may_be_of(const struct wait *wait, const struct context *begun)
{
	return wait->since_ns <= begun->begun_ns;
}

/* From the segment back to what its chain began with, which is returned. */
static struct context *path_back(struct chains *chains, struct context *segment, struct path *path)
{
	struct wait *wait;

	while (!segment->is_request && segment->given == GIVEN_TO_ANY && path->count < CHAIN_MAX &&
	       (wait = wait_of(chains, segment->handed)) && context_root(wait->grant.begun) == segment && may_be_of(wait, segment)) {
		path->tickets[path->count++] = segment->handed;
		segment = context_root(wait->context);
	}
	return segment;
}

/* From the request on. */
static void path_on(struct chains *chains, struct context *request, struct path *path)
{
	struct context *root = request;
	struct wait *wait;

	while (root && path->count < CHAIN_MAX && (wait = wait_of(chains, root->line_ticket))) {
		path->tickets[path->count++] = root->line_ticket;
		root = context_root(wait->grant.begun);
	}
}

/* Where two paths may have been taken for each other: the nearest such places, and how far apart they and the second nearest ones are. */
struct crossing {
	uint64_t from, to, away, second_away;
};

static struct crossing find_crossing(struct chains *chains, const struct path *back, const struct path *on)
{
	struct crossing crossing = {.away = UINT64_MAX, .second_away = UINT64_MAX};

	for (uint32_t i = 0; i < back->count; i++)
		for (uint32_t j = 0; j < on->count; j++) {
			uint64_t from = back->tickets[i], to = on->tickets[j], away = from > to ? from - to : to - from;

			if (!may_be_of(wait_at(chains, to), context_root(wait_at(chains, from)->grant.begun)))
				continue;
			if (away < crossing.away)
				crossing = (struct crossing){from, to, away, crossing.away};
			else if (away < crossing.second_away)
				crossing.second_away = away;
		}
	return crossing;
}

/* A line that has lost its place is contradicted by most responses, one that has not by one in ten. */
static void note_order(struct chains *chains, bool borne_out)
{
	if (borne_out)
		chains->astray -= chains->astray != 0;
	else
		chains->astray = chains->astray + ASTRAY < ASTRAY_MAX ? chains->astray + ASTRAY : ASTRAY_MAX;
}

/* All of the chain is the request's. */
static void bind_chain(const struct moment *moment, struct chains *chains, struct context *last, struct context *request)
{
	struct path path = {0};

	request->ambiguous |= path_back(chains, last, &path) != request;
	request->ambiguous |= path.count > 1 && (chains->astray >= ASTRAY_MIN || !doubts_mostly_right(moment->thread->proc, DOUBT_LINE));
	for (uint32_t i = path.count; i-- > 0;) {
		struct wait *wait = wait_at(chains, path.tickets[i]);
		struct context *begun = context_root(wait->grant.begun);

		context_add_interval(moment->engine, request,
				     (struct interval){.start_ns = wait->since_ns, .end_ns = begun->begun_ns, .state = STATE_POOL});
		if (begun != last)
			context_bind(moment->engine, begun, request);
		chains_forget(moment->engine, chains, path.tickets[i]);
	}
}

/* Another one has gone on in its place. */
static void pass_by(struct chains *chains, uint64_t ticket)
{
	struct wait *wait = wait_at(chains, ticket);

	if (++wait->passed < PASSED_MAX)
		return;
	wait = wait_at(chains, chains_put_behind(chains, ticket));
	wait->passed = 0;
	wait->put_behind = true;
}

/* A response names the last segment of a chain. */
struct naming {
	struct context *segment, *began, *request; /* that segment, what its chain began with, and who is answered */
	struct path back;
	bool kept; /* who had the connection has gone on with it, and nobody was given it */
};

/* The chain ends with this request, but began with another one. False: where they were taken for each other nobody knows. */
static bool mend(const struct moment *moment, struct chains *chains, const struct naming *naming)
{
	const struct path *back = &naming->back;
	struct path on = {0};
	struct crossing crossing;
	bool sure;

	path_on(chains, naming->request, &on);
	crossing = find_crossing(chains, back, &on);
	if (naming->kept && back->count && on.count)
		crossing = (struct crossing){.from = back->tickets[0], .to = on.tickets[0], .second_away = UINT64_MAX};
	if (crossing.away == UINT64_MAX)
		return false;
	chains_exchange(chains, crossing.from, crossing.to);
	sure = crossing.away <= NEAR &&
	       (back->count + on.count == 2 || (crossing.second_away >= crossing.away + NEAR &&
						!wait_at(chains, crossing.from)->put_behind && !wait_at(chains, crossing.to)->put_behind));
	if (!naming->kept)
		doubts_vote(moment->thread->proc, DOUBT_LINE, crossing.away <= NEAR);
	if (!sure) {
		naming->request->ambiguous = true;
		naming->began->ambiguous |= back->count + on.count > 2; /* else it has only lost what it never had */
	}
	bind_chain(moment, chains, naming->segment, naming->request);
	if (crossing.to > crossing.from)
		pass_by(chains, crossing.to); /* not before: whoever is behind it in the chain keeps its place until then */
	return true;
}

static void cannot_mend(const struct moment *moment, struct chains *chains, const struct naming *naming)
{
	struct context *segment = naming->segment, *began = naming->began, *request = naming->request;

	request->ambiguous = true;
	/* Nobody saw either come to wait: it asked when it was not known yet that its thread is a loop. */
	if (!began->is_request && !wait_of(chains, request->line_ticket)) {
		if (began != segment)
			context_bind(moment->engine, began, request);
		bind_chain(moment, chains, segment, request);
		return;
	}
	began->ambiguous |= naming->back.count > 1; /* else it has only lost what it never had */
	if (wait_of(chains, segment->handed))
		chains_take_out(moment->engine, chains, segment->handed);
}

static void named(const struct moment *moment, struct chains *chains, struct context *segment, struct context *request)
{
	struct naming naming = {.segment = segment, .request = request, .kept = context_root(segment->instead) == request};

	naming.began = path_back(chains, segment, &naming.back);
	doubts_vote_given(moment->thread->proc, GIVEN_TO_ANY, !naming.kept);
	if (!naming.kept)
		note_order(chains, naming.began == request);
	if (naming.began == request) {
		doubts_vote(moment->thread->proc, DOUBT_LINE, true);
		bind_chain(moment, chains, segment, request);
	} else if (!mend(moment, chains, &naming)) {
		cannot_mend(moment, chains, &naming);
	}
}

/* It did not wait for a connection: what was given for it was another one's. */
static void waits_no_more(struct engine *engine, struct chains *chains, uint64_t ticket)
{
	uint32_t tid;

	ticket = chains_put_behind(chains, ticket);
	tid = wait_at(chains, ticket)->grant.begun ? 0 : wait_at(chains, ticket)->grant.tid;
	chains_forget(engine, chains, ticket);
	if (tid)
		give(chains, (struct queue){0}, tid);
}

void chains_answered(const struct moment *moment, struct context *request)
{
	struct chains *chains = moment->thread->proc->chains;
	struct context *segment = context_root(moment->thread->context);

	if (!chains)
		return;
	if (context_is_segment(segment) && segment->given == GIVEN_TO_ANY)
		named(moment, chains, segment, request);
	if (wait_of(chains, request->line_ticket))
		waits_no_more(moment->engine, chains, request->line_ticket);
}

void chains_close(struct engine *engine, struct proc *proc)
{
	struct chains *chains = proc->chains;

	idle_close(proc);
	if (!chains)
		return;
	while (chains->first < chains->end)
		chains_forget(engine, chains, chains->first++);
	free(chains);
	proc->chains = NULL;
}
