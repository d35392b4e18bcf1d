/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stolen time: what the scheduler did not charge a thread for, which it tells only when the thread leaves its core. By then what was stolen
 * may have been given away as CPU: the request that it ran for may have been answered.
 */
#include "engine/stolen.h"

#include <string.h>

/* The latest CPU of a thread that began since then; NULL: there is none. */
static struct interval *find_latest_cpu(struct interval *intervals, uint32_t count, uint32_t tid, uint64_t since_ns)
{
	while (count--) {
		struct interval *interval = &intervals[count];

		if (interval->state == STATE_CPU && interval->tid == tid && interval->start_ns >= since_ns &&
		    interval->end_ns > interval->start_ns)
			return interval;
	}
	return NULL;
}

/* The end of that CPU, at most most_ns of it, was stolen: it is taken off, and told by itself. */
static struct interval cut_stolen(struct interval *cpu, uint64_t most_ns)
{
	struct interval stolen = {.end_ns = cpu->end_ns, .state = STATE_READY, .ready_part = READY_PART_STOLEN};

	stolen.start_ns = cpu->end_ns - cpu->start_ns > most_ns ? cpu->end_ns - most_ns : cpu->start_ns;
	cpu->end_ns = stolen.start_ns;
	return stolen;
}

/* What is pending lies in the order of time. */
static void insert_pending(struct thread *thread, uint32_t at, struct interval interval)
{
	memmove(&thread->pending[at + 1], &thread->pending[at], (thread->pending_count - at) * sizeof(interval));
	thread->pending[at] = interval;
	thread->pending_count++;
}

static uint64_t take_from_pending(struct thread *thread, uint64_t stolen_ns)
{
	uint64_t left_ns = stolen_ns;

	/* Without room for the last piece its CPU stays as it is, and that much is owed. */
	while (left_ns && thread->pending_count < PENDING_MAX) {
		struct interval *cpu = find_latest_cpu(thread->pending, thread->pending_count, 0, thread->stint_from_ns);
		struct interval stolen;

		if (!cpu)
			break;
		stolen = cut_stolen(cpu, left_ns);
		left_ns -= stolen.end_ns - stolen.start_ns;
		insert_pending(thread, (uint32_t)(cpu - thread->pending) + 1, stolen);
	}
	return stolen_ns - left_ns;
}

static uint64_t take_from_context(struct engine *engine, const struct thread *thread, struct context *root, uint64_t stolen_ns)
{
	uint64_t left_ns = stolen_ns;

	while (left_ns && root && context_keeps_time(root)) {
		struct interval *cpu = find_latest_cpu(root->timeline.intervals, root->timeline.count, thread->tid, thread->stint_from_ns);
		struct interval stolen;

		if (!cpu)
			break;
		stolen = cut_stolen(cpu, left_ns);
		left_ns -= stolen.end_ns - stolen.start_ns;
		context_add_interval(engine, root, stolen);
	}
	return stolen_ns - left_ns;
}

uint64_t stolen_take_back(struct engine *engine, struct thread *thread, uint64_t stolen_ns)
{
	uint64_t taken_ns = take_from_pending(thread, stolen_ns);

	taken_ns += take_from_context(engine, thread, context_root(thread->context), stolen_ns - taken_ns);
	taken_ns += take_from_context(engine, thread, thread->gave_to, stolen_ns - taken_ns);
	thread->miscounted_ns += taken_ns;
	return taken_ns;
}
