/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The intervals of one request or segment, and how they become disjoint states (rule 14).
 * Used by context.c (collects) and finish.c (sweeps).
 * Never: knows what a request is; drops an interval uncounted.
 */
#ifndef IOCPU_ENGINE_TIMELINE_H
#define IOCPU_ENGINE_TIMELINE_H

#include <stdbool.h>

#include "util/order.h"
#include "util/request.h"

struct proc;

/*
 * While the syscall has not returned, nobody knows which side of which connection a thread waits for: such an interval has this state
 * instead of one of enum state, until the record that ends the call settles it.
 */
#define STATE_SOCKET_UNSETTLED STATES

/* One stretch of time in one state; several may overlap. */
struct interval {
	uint64_t start_ns;
	uint64_t end_ns;
	struct proc *proc;  /* whose CPU it is; NULL but for STATE_CPU */
	uint32_t tid;       /* the thread that ran; 0 but for STATE_CPU */
	uint8_t state;      /* enum state or STATE_SOCKET_UNSETTLED */
	uint8_t ready_part; /* of STATE_READY: enum ready */
	uint16_t peer;      /* of STATE_NET: index of the peer's name, 0: none */
};

struct timeline {
	struct interval *intervals;
	uint32_t count;
	uint32_t capacity;
	/* What was folded away because the list grew too long: all of [settled_from, settled_until], and nothing in the list is older. */
	uint64_t settled_from_ns, settled_until_ns;
	uint64_t settled_state_ns[STATES];
	uint64_t settled_ready_ns[READY_PARTS];
};

/* The list's cap: longer timelines are folded. */
#define TIMELINE_INTERVALS_MAX 2048

/* How much of them was spent on a core. */
uint64_t intervals_cpu_ns(const struct interval *intervals, uint32_t count);

/* Appends; empty and reversed intervals are dropped, a direct continuation of the last one extends it. 0 or −ENOMEM. */
int timeline_add(struct timeline *timeline, struct interval interval);

/* Is it time to fold? */
bool timeline_is_full(const struct timeline *timeline);

/* The result of a sweep. Stretches are the caller's to free. */
struct timeline_sums {
	uint64_t state_ns[STATES];
	uint64_t ready_ns[READY_PARTS];
	struct request_stretch *stretches;
	size_t stretch_count;
};

/*
 * At each instant of [start, end] the first state of enum state that any interval claims holds; OTHER where none does. Sums add up to
 * end − start exactly, READY's parts to READY. 0 or −ENOMEM.
 */
int timeline_sweep(const struct timeline *timeline, uint64_t start_ns, uint64_t end_ns, struct timeline_sums *sums);

/* Forgets what lies before until_ns but for its sums, swept from start_ns to there. The CPU times are the caller's to take first. */
void timeline_fold(struct timeline *timeline, uint64_t start_ns, uint64_t until_ns, const struct timeline_sums *sums);

/*
 * An interval, or what of it lies behind from_ns, was learnt of after its time had been folded: moves as much of what was folded as OTHER
 * to its state. Leaves the list alone.
 */
void timeline_settle(struct timeline *timeline, const struct interval *interval, uint64_t from_ns);

/* The same for all states that were folded in another timeline. */
void timeline_settle_sums(struct timeline *timeline, const struct timeline *other);

/* A time that splits the list in about two halves. */
uint64_t timeline_middle(const struct timeline *timeline);

/* Frees the lists. */
void timeline_fini(struct timeline *timeline);

#endif
