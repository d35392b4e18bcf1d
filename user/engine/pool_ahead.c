/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 12 where several threads run a loop that reads ahead. Who gives a connection back wakes who waits longest, and that one looks for a
 * connection when its turn comes: if another one has taken it by then it waits anew, behind all others. Whether it found one the kernel
 * shows: a small step asks on one, or all that was queued has run and none is idle. So those who came to wait and those who were woken pair
 * in order, without it being known who they are; what was waited for and what went on are linked by that, until a response names a chain.
 */
#include "engine/pool_ahead.h"

#include <stdlib.h>
#include <string.h>

#include "engine/pool_ahead_places.h"
#include "engine/rules_loop.h"

#define IDLE_NS 5000000 /* who looks for a connection finds one sooner, if it may have it */
#define OVER_NS 5000000 /* behind its turn: it had seemed to wait, and did not take what was idle */
#define LATE_NS 4000000 /* what is told later than that is out of order */

/* ---- what is settled in the order of time -------------------------------------------------------------------------------------------- */

static void idle_take(struct pool_ahead *pool, uint64_t id)
{
	for (uint32_t i = pool->idle_count; i-- > 0;)
		if (pool->idle[i].conn_id == id)
			pool->idle[i] = pool->idle[--pool->idle_count];
}

static void idle_put(struct pool_ahead *pool, uint64_t id, uint64_t at_ns)
{
	idle_take(pool, id);
	if (pool->idle_count < IDLE_MAX)
		pool->idle[pool->idle_count++] = (struct idle_conn){.conn_id = id, .since_ns = at_ns};
}

/* Somebody has come to wait, and has not taken what lay idle: that is of another pool, or has ended. */
static void idle_forget_before(struct pool_ahead *pool, uint64_t before_ns)
{
	for (uint32_t i = pool->idle_count; i-- > 0;)
		if (pool->idle[i].since_ns < before_ns)
			pool->idle[i] = pool->idle[--pool->idle_count];
}

/* Its turn has come, and no connection was idle. */
static void wait_anew(struct engine *engine, struct pool_ahead *pool, struct pool_wake *wake, uint64_t at_ns)
{
	wake->came_to = CAME_IN_VAIN;
	places_add(engine, pool, (struct pool_wait){.again_of = wake->number, .since_ns = at_ns});
}

/* Whoever was woken goes through the queue twice: it is told, and then it goes on. */
static void look(struct engine *engine, struct pool_ahead *pool, uint64_t at_ns, uint64_t queued_ns)
{
	for (uint32_t i = 0; i < pool->wake_count; i++) {
		struct pool_wake *wake = &pool->wakes[i];

		if (wake->came_to == CAME_NOT_YET && queued_ns > wake->at_ns) {
			wake->came_to = CAME_TOLD;
			wake->told_ns = at_ns;
		} else if (wake->came_to == CAME_TOLD && queued_ns > wake->told_ns && !pool->idle_count) {
			wait_anew(engine, pool, wake, at_ns);
		} else if (wake->came_to == CAME_TOLD && queued_ns > wake->told_ns + OVER_NS) {
			wake->came_to = CAME_FOR_NOTHING;
		}
	}
}

static void look_all(struct engine *engine, struct pool_ahead *pool, uint64_t at_ns)
{
	for (uint32_t i = 0; i < pool->wake_count; i++) {
		struct pool_wake *wake = &pool->wakes[i];

		if (is_to_come(wake) && at_ns > wake->at_ns + HOP_NS && !pool->idle_count)
			wait_anew(engine, pool, wake, at_ns);
	}
}

/* A segment that a response has named meanwhile is the request's already: nothing leads back from there. */
static void go_on(struct pool_ahead *pool, struct context *segment)
{
	for (uint32_t i = 0; i < pool->wake_count; i++) {
		struct pool_wake *wake = &pool->wakes[i];

		if (!is_to_come(wake))
			continue;
		wake->came_to = CAME_ON;
		if (context_is_segment(segment)) {
			wake->begun = context_get(segment);
			segment->handed = wake->number;
		}
		return;
	}
}

static void settle(struct engine *engine, struct pool_ahead *pool, const struct pool_note *note)
{
	struct context *root = context_root(note->context);

	switch (note->what) {
	case NOTE_WAITS:
		if (note->at_ns > IDLE_NS)
			idle_forget_before(pool, note->at_ns - IDLE_NS);
		if (!root->is_request || context_is_open_request(root))
			places_add(engine, pool, (struct pool_wait){.context = note->context, .since_ns = note->at_ns});
		break;
	case NOTE_GIVES_BACK:
		idle_put(pool, note->value, note->at_ns);
		places_wake(pool, note->at_ns);
		break;
	case NOTE_GOES_ON:
		idle_take(pool, note->value);
		go_on(pool, root);
		break;
	case NOTE_TAKES:
		idle_take(pool, note->value);
		break;
	case NOTE_SHOWS:
		look(engine, pool, note->at_ns, note->value);
		break;
	case NOTE_ROUND:
		look(engine, pool, note->at_ns, pool->round_ns);
		pool->round_ns = note->at_ns;
		break;
	case NOTE_SLEEPS:
		look_all(engine, pool, note->at_ns);
		break;
	}
}

static void drop_first_note(struct engine *engine, struct pool_ahead *pool)
{
	struct context *context = pool->notes[0].context;

	pool->note_count--;
	memmove(&pool->notes[0], &pool->notes[1], pool->note_count * sizeof(pool->notes[0]));
	context_put(engine, context);
}

static void settle_until(struct engine *engine, struct pool_ahead *pool, uint64_t until_ns)
{
	while (pool->note_count && pool->notes[0].at_ns <= until_ns) {
		settle(engine, pool, &pool->notes[0]);
		drop_first_note(engine, pool);
	}
}

static void note(struct engine *engine, struct thread *thread, struct pool_note note)
{
	struct pool_ahead *pool = thread->proc->pool_ahead;
	uint32_t i;

	if (!pool)
		return;
	if (pool->note_count == NOTES_MAX)
		settle_until(engine, pool, pool->notes[0].at_ns);
	for (i = pool->note_count++; i > 0 && pool->notes[i - 1].at_ns > note.at_ns; i--)
		pool->notes[i] = pool->notes[i - 1];
	pool->notes[i] = note;
	context_get(note.context);
	if (engine->now_ns > LATE_NS)
		settle_until(engine, pool, engine->now_ns - LATE_NS);
}

/* ---- what happens -------------------------------------------------------------------------------------------------------------------- */

static bool may_wait(const struct context *root)
{
	bool asks = context_is_open_request(root) && !root->stream;

	return root && (asks || !root->is_request) && !context_awaits_peer(root);
}

/* It has not been seen to do anything since. */
static bool still_waits(const struct pool_ahead *pool, uint32_t place)
{
	return place >= pool->wake_count || (pool->wakes[place].came_to != CAME_ON && pool->wakes[place].came_to != CAME_FOR_NOTHING);
}

static bool waits_already(const struct pool_ahead *pool, const struct context *root)
{
	for (uint32_t i = 0; i < pool->note_count; i++)
		if (pool->notes[i].what == NOTE_WAITS && context_root(pool->notes[i].context) == root)
			return true;
	for (uint32_t i = 0; i < pool->wait_count; i++)
		if (context_root(pool->waits[i].context) == root && still_waits(pool, i))
			return true;
	return false;
}

void pool_ahead_waits(struct engine *engine, struct thread *thread, struct context *root, uint64_t at_ns)
{
	struct proc *proc = thread->proc;

	if (!may_wait(root) || (!proc->pool_ahead && !(proc->pool_ahead = calloc(1, sizeof(*proc->pool_ahead)))))
		return;
	if (!proc->pool_ahead->next_number)
		proc->pool_ahead->next_number = 1;
	if (!waits_already(proc->pool_ahead, root))
		note(engine, thread, (struct pool_note){.at_ns = at_ns, .context = root, .what = NOTE_WAITS});
}

void pool_ahead_gives_back(const struct moment *moment)
{
	if (rule_11_shared_ahead(moment->thread))
		note(moment->engine, moment->thread,
		     (struct pool_note){.at_ns = moment->at_ns, .value = moment->conn->id, .what = NOTE_GIVES_BACK});
}

bool pool_ahead_may_go_on(const struct moment *moment)
{
	const struct pool_ahead *pool = moment->thread->proc->pool_ahead;

	return pool && moment->conn->answer_read_ns && (pool->wait_count || pool->note_count);
}

void pool_ahead_goes_on(const struct moment *moment, struct context *segment)
{
	note(moment->engine, moment->thread,
	     (struct pool_note){.at_ns = moment->at_ns, .context = segment, .value = moment->conn->id, .what = NOTE_GOES_ON});
}

void pool_ahead_takes(const struct moment *moment)
{
	note(moment->engine, moment->thread, (struct pool_note){.at_ns = moment->at_ns, .value = moment->conn->id, .what = NOTE_TAKES});
}

void pool_ahead_shows(struct engine *engine, struct thread *thread, uint64_t at_ns, uint64_t queued_ns)
{
	if (rule_11_shared_ahead(thread))
		note(engine, thread, (struct pool_note){.at_ns = at_ns, .value = queued_ns, .what = NOTE_SHOWS});
}

void pool_ahead_round(struct engine *engine, struct thread *thread, uint64_t at_ns)
{
	if (rule_11_shared_ahead(thread))
		note(engine, thread, (struct pool_note){.at_ns = at_ns, .what = NOTE_ROUND});
}

void pool_ahead_sleeps(struct engine *engine, struct thread *thread, uint64_t at_ns)
{
	if (rule_11_shared_ahead(thread))
		note(engine, thread, (struct pool_note){.at_ns = at_ns, .what = NOTE_SLEEPS});
}

/* ---- a response names a chain -------------------------------------------------------------------------------------------------------- */

void pool_ahead_answered(const struct moment *moment, struct context *request)
{
	struct pool_ahead *pool = moment->thread->proc->pool_ahead;
	struct context *segment = context_root(moment->thread->context);

	if (!pool)
		return;
	if (!thread_shares_events(moment->thread))
		segment = NULL; /* its number is one of another kind of loop's */
	if (context_is_segment(segment))
		settle_until(moment->engine, pool, segment->begun_ns);
	if (context_is_segment(segment) && segment->handed)
		places_named(moment, pool, segment, request);
	if (request)
		places_leave(moment->engine, pool, request);
}

void pool_ahead_close(struct engine *engine, struct proc *proc)
{
	struct pool_ahead *pool = proc->pool_ahead;

	if (!pool)
		return;
	while (pool->note_count)
		drop_first_note(engine, pool);
	places_close(engine, pool);
	free(pool);
	proc->pool_ahead = NULL;
}
