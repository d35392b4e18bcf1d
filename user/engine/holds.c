/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who had what a context waited for in a futex. That is asked when the waiter is told; by then the holder may have ended, or only have
 * been found to work for a request. So waits know contexts as parties: a party refers to its context as long as that lives, without
 * keeping it, and then is what is left of it.
 */
#include <stdlib.h>
#include <string.h>

#include "engine/locks.h"

struct party {
	uint32_t refs;
	struct context *context; /* NULL: it has ended … */
	struct party *bound_to;  /* … as a part of this one; NULL: on its own */
	char id[REQUEST_ID_MAX]; /* of a request that has ended; empty: it was none */
	char *line;
	const char *target;
};

/* A context waited in a futex for what this one had. */
struct hold {
	struct party *holder;
	uint64_t start_ns, end_ns;
};

/* ---- parties ---------------------------------------------------------------------------------------------------------------------- */

static struct party *party_get(struct context *context)
{
	if (!context->party) {
		context->party = calloc(1, sizeof(*context->party));
		if (!context->party)
			return NULL;
		*context->party = (struct party){.refs = 1, .context = context};
	}
	context->party->refs++;
	return context->party;
}

struct party *party_of(struct thread *thread)
{
	struct context *root = context_root(thread->context);

	return root ? party_get(root) : NULL;
}

/* Not by recursion: what was bound to each other may be a long chain. */
void party_put(struct party *party)
{
	while (party && --party->refs == 0) {
		struct party *next = party->bound_to;

		free(party->line);
		free(party);
		party = next;
	}
}

void party_outlives(struct context *context)
{
	struct party *party = context->party;
	struct context *root = context_root(context);

	if (!party)
		return;
	context->party = NULL;
	party->context = NULL;
	if (root != context) {
		party->bound_to = party->refs > 1 ? party_get(root) : NULL;
	} else if (context->is_request) {
		request_write_id(context, party->id);
		party->line = context->line;
		party->target = context->target;
		context->line = NULL;
	}
	party_put(party);
}

static struct party *party_root(struct party *party)
{
	while (party->bound_to)
		party = party->bound_to;
	return party;
}

struct context *party_context(struct party *party)
{
	return party ? context_root(party_root(party)->context) : NULL;
}

/* False: not a request's, as far as is known. */
static bool describe(struct party *party, struct request_lock *lock)
{
	struct context *root;

	party = party_root(party);
	*lock = (struct request_lock){.method = party->line, .target = party->target};
	memcpy(lock->holder_id, party->id, sizeof(lock->holder_id));
	if (!party->context)
		return lock->holder_id[0] != 0;
	root = context_root(party->context);
	if (!root->is_request && root->hint)
		root = context_root(root->hint);
	if (!root->is_request)
		return false;
	request_write_id(root, lock->holder_id);
	lock->method = root->line;
	lock->target = root->target;
	return true;
}

/* ---- what they held --------------------------------------------------------------------------------------------------------------- */

static bool make_room(struct context *context)
{
	uint32_t capacity = context->hold_capacity ? context->hold_capacity * 2 : 4;
	struct hold *bigger;

	if (context->hold_count < context->hold_capacity)
		return true;
	bigger = context->hold_count < HOLDS_MAX ? realloc(context->holds, capacity * sizeof(*bigger)) : NULL;
	if (!bigger)
		return false;
	context->holds = bigger;
	context->hold_capacity = capacity;
	return true;
}

static void add_hold(struct engine *engine, struct context *root, struct hold hold)
{
	if (!context_keeps_time(root))
		return;
	if (!make_room(root)) {
		engine->losses.holds++;
		return;
	}
	hold.holder->refs++;
	root->holds[root->hold_count++] = hold;
}

void holds_add(struct engine *engine, struct party *waiter, struct party *holder, uint64_t start_ns, uint64_t end_ns)
{
	struct context *context = party_context(waiter);

	if (context && holder && start_ns < end_ns)
		add_hold(engine, context, (struct hold){holder, start_ns, end_ns});
}

void holds_move(struct engine *engine, struct context *from, struct context *to)
{
	for (uint32_t i = 0; i < from->hold_count; i++)
		add_hold(engine, to, from->holds[i]);
	holds_forget(from);
}

void holds_forget(struct context *context)
{
	for (uint32_t i = 0; i < context->hold_count; i++)
		party_put(context->holds[i].holder);
	free(context->holds);
	context->holds = NULL;
	context->hold_count = context->hold_capacity = 0;
}

/* ---- telling ---------------------------------------------------------------------------------------------------------------------- */

static int compare_holds(const void *left, const void *right)
{
	const struct hold *a = left, *b = right;

	return a->start_ns < b->start_ns ? -1 : a->start_ns > b->start_ns;
}

/* Of [start, end] the time in LOCK. Stretches touch each other: the search goes on where the last one ended. */
static uint64_t lock_ns_within(const struct timeline_sums *sums, uint64_t start_ns, uint64_t end_ns, size_t *at)
{
	uint64_t sum_ns = 0;

	while (*at < sums->stretch_count && sums->stretches[*at].end_ns <= start_ns)
		++*at;
	for (size_t i = *at; i < sums->stretch_count && sums->stretches[i].start_ns < end_ns; i++) {
		const struct request_stretch *stretch = &sums->stretches[i];
		uint64_t from_ns = later_ns(stretch->start_ns, start_ns);
		uint64_t until_ns = earlier_ns(stretch->end_ns, end_ns);

		if (stretch->state == STATE_LOCK)
			sum_ns += until_ns - from_ns;
	}
	return sum_ns;
}

static size_t add_lock(struct request_lock *locks, size_t count, const struct request_lock *lock)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(locks[i].holder_id, lock->holder_id)) {
			locks[i].wait_ns += lock->wait_ns;
			return count;
		}
	locks[count] = *lock;
	return count + 1;
}

size_t holds_sum_up(struct context *request, const struct timeline_sums *sums, struct request_lock *locks)
{
	char own_id[REQUEST_ID_MAX];
	uint64_t told_until_ns = 0;
	size_t count = 0, at = 0;

	request_write_id(request, own_id);
	if (request->hold_count > 1)
		qsort(request->holds, request->hold_count, sizeof(request->holds[0]), compare_holds);
	for (uint32_t i = 0; i < request->hold_count; i++) {
		struct hold *hold = &request->holds[i];
		uint64_t start_ns = later_ns(hold->start_ns, told_until_ns); /* of two threads, at once */
		struct request_lock lock;

		if (hold->end_ns <= start_ns || !describe(hold->holder, &lock) || !strcmp(lock.holder_id, own_id))
			continue;
		told_until_ns = hold->end_ns;
		lock.wait_ns = lock_ns_within(sums, start_ns, hold->end_ns, &at);
		if (lock.wait_ns)
			count = add_lock(locks, count, &lock);
	}
	return count;
}
