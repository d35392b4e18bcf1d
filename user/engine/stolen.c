/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stolen time: what the scheduler did not charge a thread for, which it tells only when the thread leaves its core. By then what was stolen
 * may have been given away as CPU: the request that it ran for may have been answered, and others' work may have run since. A hypervisor
 * takes the core for a while in one piece, in which nothing can happen on it: so that lies in one stretch of what the thread ran, at least
 * as long.
 */
#include "engine/stolen.h"

#include <string.h>

/* ---- who was given what ------------------------------------------------------------------------------------------------------------ */

static void unlink_handout(struct handout *handout)
{
	if (!handout->context)
		return;
	*handout->prev = handout->next;
	if (handout->next)
		handout->next->prev = handout->prev;
	handout->context = NULL;
}

static void link_handout(struct handout *handout, struct context *context)
{
	handout->context = context;
	handout->prev = &context->handouts;
	handout->next = context->handouts;
	if (handout->next)
		handout->next->prev = &handout->next;
	context->handouts = handout;
}

void stolen_stint_begins(struct thread *thread, uint64_t at_ns)
{
	while (thread->handout_count)
		unlink_handout(&thread->handouts[--thread->handout_count]);
	thread->stint_from_ns = at_ns;
}

static uint64_t length_of(const struct handout *handout)
{
	return handout->end_ns - handout->start_ns;
}

/* Where there is room; else that of the shortest, if it is shorter than length_ns. NULL: none is. */
static struct handout *find_place(struct thread *thread, uint64_t length_ns)
{
	struct handout *shortest = &thread->handouts[0];

	if (thread->handout_count < HANDOUTS_MAX) {
		struct handout *free_one = &thread->handouts[thread->handout_count++];

		*free_one = (struct handout){0};
		return free_one;
	}
	for (uint32_t i = 1; i < HANDOUTS_MAX; i++)
		if (length_of(&thread->handouts[i]) < length_of(shortest))
			shortest = &thread->handouts[i];
	return length_of(shortest) < length_ns ? shortest : NULL;
}

void stolen_note_handout(struct thread *thread, struct context *root, const struct interval *cpu)
{
	struct handout *handout;

	if (!root || cpu->start_ns < thread->stint_from_ns)
		return;
	handout = find_place(thread, cpu->end_ns - cpu->start_ns);
	if (!handout)
		return;
	unlink_handout(handout);
	handout->start_ns = cpu->start_ns;
	handout->end_ns = cpu->end_ns;
	link_handout(handout, root);
}

void stolen_move_handouts(struct context *from, struct context *to)
{
	struct handout *handout;

	while ((handout = from->handouts)) {
		unlink_handout(handout);
		if (to)
			link_handout(handout, to);
	}
}

/* ---- taking it back ---------------------------------------------------------------------------------------------------------------- */

/* The end of that CPU, at most most_ns of it, was stolen: it is taken off, and told by itself. */
static struct interval cut_stolen(struct interval *cpu, uint64_t most_ns)
{
	struct interval stolen = {.end_ns = cpu->end_ns, .state = STATE_READY, .ready_part = READY_PART_STOLEN};

	stolen.start_ns = cpu->end_ns - cpu->start_ns > most_ns ? cpu->end_ns - most_ns : cpu->start_ns;
	cpu->end_ns = stolen.start_ns;
	return stolen;
}

/* What is pending lies in the order of time. Without room for one more piece its CPU stays as it is, and that much is owed. */
static uint64_t take_from_pending(struct thread *thread, struct interval *cpu, uint64_t stolen_ns)
{
	struct interval *end = &thread->pending[thread->pending_count];
	struct interval stolen = cut_stolen(cpu, stolen_ns);

	memmove(cpu + 2, cpu + 1, (size_t)(end - (cpu + 1)) * sizeof(*cpu));
	cpu[1] = stolen;
	thread->pending_count++;
	return stolen.end_ns - stolen.start_ns;
}

/*
 * Its context may have been given more before and behind it, in one interval. Of what it has passed on, or what is only sums by now,
 * nothing is found.
 */
static uint64_t take_from_handout(struct engine *engine, const struct thread *thread, const struct handout *handout, uint64_t stolen_ns)
{
	struct context *root = context_root(handout->context);

	for (uint32_t i = 0; root && context_keeps_time(root) && i < root->timeline.count; i++) {
		struct interval *cpu = &root->timeline.intervals[i];
		struct interval behind = *cpu, stolen;

		if (cpu->state != STATE_CPU || cpu->tid != thread->tid || cpu->start_ns >= handout->end_ns || cpu->end_ns < handout->end_ns)
			continue;
		behind.start_ns = cpu->end_ns = handout->end_ns;
		stolen = cut_stolen(cpu, earlier_ns(stolen_ns, length_of(handout)));
		context_add_interval(engine, root, behind);
		context_add_interval(engine, root, stolen);
		return stolen.end_ns - stolen.start_ns;
	}
	return 0;
}

/* The longest of the stint's that is not given away yet; NULL: none is as long as that. */
static struct interval *find_longest_pending(struct thread *thread, uint64_t longer_than_ns)
{
	struct interval *longest = NULL;

	for (uint32_t i = 0; i < thread->pending_count && thread->pending_count < PENDING_MAX; i++) {
		struct interval *cpu = &thread->pending[i];

		if (cpu->state != STATE_CPU || cpu->start_ns < thread->stint_from_ns || cpu->end_ns - cpu->start_ns <= longer_than_ns)
			continue;
		longest = cpu;
		longer_than_ns = cpu->end_ns - cpu->start_ns;
	}
	return longest;
}

static struct handout *find_longest_handout(struct thread *thread, uint64_t longer_than_ns)
{
	struct handout *longest = NULL;

	for (uint32_t i = 0; i < thread->handout_count; i++) {
		struct handout *handout = &thread->handouts[i];

		if (length_of(handout) <= longer_than_ns)
			continue;
		longest = handout;
		longer_than_ns = length_of(handout);
	}
	return longest;
}

uint64_t stolen_take_back(struct engine *engine, struct thread *thread, uint64_t stolen_ns, uint64_t longer_than_ns)
{
	uint64_t left_ns = stolen_ns;

	while (left_ns) {
		struct interval *cpu = find_longest_pending(thread, longer_than_ns);
		struct handout *handout = find_longest_handout(thread, cpu ? cpu->end_ns - cpu->start_ns : longer_than_ns);

		if (handout) {
			uint64_t taken_ns = take_from_handout(engine, thread, handout, left_ns);

			handout->end_ns = taken_ns ? handout->end_ns - taken_ns : handout->start_ns;
			left_ns -= taken_ns;
		} else if (cpu) {
			left_ns -= take_from_pending(thread, cpu, left_ns);
		} else {
			break;
		}
	}
	thread->miscounted_ns += stolen_ns - left_ns;
	return stolen_ns - left_ns;
}
