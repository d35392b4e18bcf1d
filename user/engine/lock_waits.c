/* SPDX-License-Identifier: BSD-2-Clause */
/* Since when has a thread waited for what it seems to have been given just now? It may have been woken in vain meanwhile. */
#include "engine/locks.h"

/* It may look longer whether there is a connection for it by that part of what it has waited: what it needs is in no cache by then. */
#define LOOKED_PART 100

/* A thread's waits for a lock, latest first, between which it only looked and went back to sleep. */
struct waits {
	uint64_t until_ns; /* what was walked so far begins here */
	uint64_t begun_ns; /* the earliest of them */
	bool rename;
};

/* Between two waits, the earlier of which is the last of these intervals but for a wait for a core, or is not known. */
static bool only_looked(const struct interval *look, const struct interval *earlier, uint32_t count)
{
	uint64_t waited_ns = 0;

	if (count && earlier[count - 1].state == STATE_READY)
		count--;
	if (count && earlier[count - 1].state == STATE_LOCK)
		waited_ns = earlier[count - 1].end_ns - earlier[count - 1].start_ns;
	return look->state == STATE_CPU && look->end_ns - look->start_ns <= WORK_MIN_NS + waited_ns / LOOKED_PART;
}

/* False: there are no earlier ones. */
static bool walk_waits(struct waits *waits, struct interval *intervals, uint32_t count)
{
	while (count--) {
		struct interval *interval = &intervals[count];
		if (interval->end_ns != waits->until_ns)
			return false;
		if (interval->state == STATE_LOCK) {
			waits->begun_ns = interval->start_ns;
			interval->state = waits->rename ? STATE_POOL : STATE_LOCK;
		} else if (interval->state != STATE_READY && !only_looked(interval, intervals, count)) {
			return false;
		}
		waits->until_ns = interval->start_ns;
	}
	return true;
}

struct lock_wait lock_waits_before(struct thread *thread, bool rename)
{
	struct context *context = context_root(thread->context);
	struct waits waits = {.rename = rename};
	uint32_t count = thread->pending_count;
	uint64_t until_ns;

	/* What it did since, and may have been preempted in. */
	while (count && (thread->pending[count - 1].state == STATE_CPU || thread->pending[count - 1].state == STATE_READY))
		count--;
	if (!count)
		return (struct lock_wait){0};
	until_ns = waits.until_ns = thread->pending[count - 1].end_ns;
	if (walk_waits(&waits, thread->pending, count) && context)
		(void)walk_waits(&waits, context->timeline.intervals, context->timeline.count);
	return (struct lock_wait){waits.begun_ns, until_ns};
}

/* Going back from the latest: where the earliest sleep between which it only looked began, and how long it has been on a core since. */
struct idling {
	uint64_t until_ns; /* what was walked so far begins here */
	uint64_t since_ns, core_ns;
};

/*
 * False: before these it worked, or what its context did lies elsewhere: on another thread. Whoever seemed to sleep so was not blocked, as
 * the thread turns to something else.
 */
static bool look_back(struct idling *idling, struct interval *intervals, uint32_t count)
{
	while (count--) {
		struct interval *interval = &intervals[count];

		if (interval->end_ns != idling->until_ns)
			return false;
		idling->until_ns = interval->start_ns;
		if (interval->state == STATE_CPU)
			idling->core_ns += interval->end_ns - interval->start_ns;
		if (idling->core_ns >= WORK_MIN_NS || interval->state == STATE_NET)
			return false;
		if (interval->state != STATE_LOCK)
			continue;
		idling->since_ns = interval->start_ns;
		interval->state = STATE_OTHER;
	}
	return true;
}

uint64_t lock_idle_since(struct thread *thread, uint64_t at_ns)
{
	struct context *context = context_root(thread->context);
	uint32_t count = thread->pending_count;
	struct idling idling = {.until_ns = count ? thread->pending[count - 1].end_ns : at_ns, .since_ns = at_ns};

	if (look_back(&idling, thread->pending, count) && context)
		(void)look_back(&idling, context->timeline.intervals, context->timeline.count);
	return idling.since_ns;
}
