/* SPDX-License-Identifier: BSD-2-Clause */
#include "engine/timeline.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int timeline_add(struct timeline *timeline, struct interval interval)
{
	struct interval *last = timeline->count ? &timeline->intervals[timeline->count - 1] : NULL;

	if (interval.end_ns <= interval.start_ns)
		return 0;
	if (last && last->end_ns == interval.start_ns && last->state == interval.state && last->ready_part == interval.ready_part &&
	    last->proc == interval.proc && last->tid == interval.tid && last->peer == interval.peer) {
		last->end_ns = interval.end_ns;
		return 0;
	}
	if (!timeline->intervals || timeline->count == timeline->capacity) {
		uint32_t capacity = timeline->capacity ? timeline->capacity * 2 : 8;
		struct interval *bigger = realloc(timeline->intervals, capacity * sizeof(*bigger));

		if (!bigger)
			return -ENOMEM;
		timeline->intervals = bigger;
		timeline->capacity = capacity;
	}
	timeline->intervals[timeline->count++] = interval;
	return 0;
}

uint64_t intervals_cpu_ns(const struct interval *intervals, uint32_t count)
{
	uint64_t sum_ns = 0;

	for (uint32_t i = 0; i < count; i++)
		if (intervals[i].state == STATE_CPU)
			sum_ns += intervals[i].end_ns - intervals[i].start_ns;
	return sum_ns;
}

bool timeline_is_full(const struct timeline *timeline)
{
	return timeline->count >= TIMELINE_INTERVALS_MAX;
}

void timeline_fini(struct timeline *timeline)
{
	free(timeline->intervals);
	*timeline = (struct timeline){0};
}

/* ---- the sweep: interval ends in the order of time, with a count of claims a state -------------------------------------------- */

struct edge {
	uint64_t at_ns;
	int8_t step; /* +1: an interval begins, −1: it ends */
	uint8_t state;
	uint8_t ready_part;
};

static int compare_edges(const void *left, const void *right)
{
	const struct edge *a = left, *b = right;

	return a->at_ns < b->at_ns ? -1 : a->at_ns > b->at_ns;
}

/* Most requests have a handful of edges, nearly in order: insertion beats qsort's calls there. */
static void sort_edges(struct edge *edges, size_t count)
{
	if (count > 64) {
		qsort(edges, count, sizeof(*edges), compare_edges);
		return;
	}
	for (size_t i = 1; i < count; i++) {
		struct edge edge = edges[i];
		size_t at = i;

		for (; at && edges[at - 1].at_ns > edge.at_ns; at--)
			edges[at] = edges[at - 1];
		edges[at] = edge;
	}
}

/* Both ends of each interval within [start, end], clipped to it. */
static size_t collect_edges(const struct timeline *timeline, uint64_t start_ns, uint64_t end_ns, struct edge *edges)
{
	size_t count = 0;

	for (uint32_t i = 0; i < timeline->count; i++) {
		const struct interval *interval = &timeline->intervals[i];
		uint64_t from = later_ns(interval->start_ns, start_ns);
		uint64_t to = earlier_ns(interval->end_ns, end_ns);
		uint8_t state = interval->state < STATES ? interval->state : STATE_OTHER;

		if (from >= to)
			continue;
		edges[count++] = (struct edge){from, 1, state, interval->ready_part};
		edges[count++] = (struct edge){to, -1, state, interval->ready_part};
	}
	sort_edges(edges, count);
	return count;
}

struct claims {
	int32_t by_state[STATES];
	int32_t by_ready_part[READY_PARTS];
};

static enum state winner(const struct claims *claims)
{
	for (unsigned int state = 0; state < STATES; state++)
		if (claims->by_state[state] > 0)
			return state;
	return STATE_OTHER;
}

static enum ready winning_part(const struct claims *claims)
{
	for (unsigned int part = 0; part < READY_PARTS; part++)
		if (claims->by_ready_part[part] > 0)
			return part;
	return READY_PART_WAKEUP;
}

static void add_stretch(struct timeline_sums *sums, const struct claims *claims, uint64_t from, uint64_t to)
{
	enum state state = winner(claims);
	struct request_stretch *last = sums->stretch_count ? &sums->stretches[sums->stretch_count - 1] : NULL;

	if (from >= to)
		return;
	sums->state_ns[state] += to - from;
	if (state == STATE_READY)
		sums->ready_ns[winning_part(claims)] += to - from;
	if (last && last->state == state)
		last->end_ns = to;
	else
		sums->stretches[sums->stretch_count++] = (struct request_stretch){from, to, state};
}

int timeline_sweep(const struct timeline *timeline, uint64_t start_ns, uint64_t end_ns, struct timeline_sums *sums)
{
	struct claims claims = {0};
	struct edge few[64], *edges = few;
	uint64_t from = start_ns;
	size_t count;

	*sums = (struct timeline_sums){0};
	if (timeline->settled_until_ns > from) {
		from = timeline->settled_until_ns;
		memcpy(sums->state_ns, timeline->settled_state_ns, sizeof(sums->state_ns));
		memcpy(sums->ready_ns, timeline->settled_ready_ns, sizeof(sums->ready_ns));
	}
	/* Each interval has two edges, and between two edges lies at most one stretch; one more at either end. */
	sums->stretches = calloc(2 * (size_t)timeline->count + 3, sizeof(*sums->stretches));
	if (2 * (size_t)timeline->count > sizeof(few) / sizeof(few[0]))
		edges = malloc(2 * (size_t)timeline->count * sizeof(*edges));
	if (!sums->stretches || !edges) {
		if (edges != few)
			free(edges);
		free(sums->stretches);
		*sums = (struct timeline_sums){0};
		return -ENOMEM;
	}
	if (from > start_ns)
		sums->stretches[sums->stretch_count++] = (struct request_stretch){start_ns, from, STATE_OTHER};
	count = collect_edges(timeline, from, end_ns, edges);
	for (size_t i = 0; i < count; i++) {
		add_stretch(sums, &claims, from, edges[i].at_ns);
		if (edges[i].at_ns > from)
			from = edges[i].at_ns;
		claims.by_state[edges[i].state] += edges[i].step;
		if (edges[i].state == STATE_READY)
			claims.by_ready_part[edges[i].ready_part] += edges[i].step;
	}
	add_stretch(sums, &claims, from, end_ns);
	if (edges != few)
		free(edges);
	return 0;
}

/* ---- folding -------------------------------------------------------------------------------------------------------------- */

static int compare_times(const void *left, const void *right)
{
	const uint64_t *a = left, *b = right;

	return *a < *b ? -1 : *a > *b;
}

uint64_t timeline_middle(const struct timeline *timeline)
{
	uint64_t ends[TIMELINE_INTERVALS_MAX];
	uint32_t count = timeline->count < TIMELINE_INTERVALS_MAX ? timeline->count : TIMELINE_INTERVALS_MAX;

	for (uint32_t i = 0; i < count; i++)
		ends[i] = timeline->intervals[i].end_ns;
	qsort(ends, count, sizeof(ends[0]), compare_times);
	return count ? ends[count / 2] : 0;
}

void timeline_fold(struct timeline *timeline, uint64_t start_ns, uint64_t until_ns, const struct timeline_sums *sums)
{
	uint32_t kept = 0;

	memcpy(timeline->settled_state_ns, sums->state_ns, sizeof(sums->state_ns));
	memcpy(timeline->settled_ready_ns, sums->ready_ns, sizeof(sums->ready_ns));
	timeline->settled_from_ns = start_ns;
	timeline->settled_until_ns = until_ns;
	for (uint32_t i = 0; i < timeline->count; i++) {
		struct interval interval = timeline->intervals[i];

		if (interval.end_ns <= until_ns)
			continue;
		if (interval.start_ns < until_ns)
			interval.start_ns = until_ns;
		timeline->intervals[kept++] = interval;
	}
	timeline->count = kept;
}

static void settle(struct timeline *timeline, unsigned int state, unsigned int ready_part, uint64_t ns)
{
	uint64_t *unknown_ns = &timeline->settled_state_ns[STATE_OTHER];

	if (ns > *unknown_ns)
		ns = *unknown_ns;
	*unknown_ns -= ns;
	timeline->settled_state_ns[state] += ns;
	if (state == STATE_READY)
		timeline->settled_ready_ns[ready_part] += ns;
}

void timeline_settle(struct timeline *timeline, const struct interval *interval, uint64_t from_ns)
{
	uint64_t start_ns = later_ns(interval->start_ns, from_ns);
	uint64_t end_ns = earlier_ns(interval->end_ns, timeline->settled_until_ns);

	if (start_ns < timeline->settled_from_ns)
		start_ns = timeline->settled_from_ns;
	if (start_ns < end_ns && interval->state < STATES)
		settle(timeline, interval->state, interval->ready_part, end_ns - start_ns);
}

void timeline_settle_sums(struct timeline *timeline, const struct timeline *other)
{
	for (unsigned int state = 0; state < STATE_OTHER; state++)
		if (state != STATE_READY)
			settle(timeline, state, 0, other->settled_state_ns[state]);
	for (unsigned int part = 0; part < READY_PARTS; part++)
		settle(timeline, STATE_READY, part, other->settled_ready_ns[part]);
}
