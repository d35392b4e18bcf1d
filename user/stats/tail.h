/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Why the slowest requests are slow: sums of the states, kept apart by wall time, so that any slowest share can be added up later.
 * Used by the endpoint accumulators of user/stats.
 * Never: a request by itself, but for the slowest one; memory only for the magnitudes that were seen.
 */
#ifndef IOCPU_STATS_TAIL_H
#define IOCPU_STATS_TAIL_H

#include <stdint.h>

#include "util/state.h"

/* Bands an octave: the walls of one band differ by less than 1/16. */
#define TAIL_STEPS 16
/* The first octave takes all that is below 2^15 ns (33 µs), the last all from 2^41 ns (37 minutes). */
#define TAIL_FIRST_BIT 14
#define TAIL_OCTAVES   28

struct tail_band {
	uint64_t requests;
	uint64_t wall_ns;
	uint64_t state_ns[STATES];
};

struct tail {
	struct tail_band slowest; /* of one request */
	struct tail_band *octaves[TAIL_OCTAVES];
};

/* Allocates what tail_add of this wall time needs, so that it cannot fail. 0 or −ENOMEM. */
int tail_reserve(struct tail *tail, uint64_t wall_ns);

/* Adds a request for which tail_reserve succeeded. */
void tail_add(struct tail *tail, uint64_t wall_ns, const uint64_t state_ns[STATES]);

/* The two steps of a merge: allocate what tail_merge needs (0 or −ENOMEM), then add all of `from`. */
int tail_reserve_merge(struct tail *into, const struct tail *from);
void tail_merge(struct tail *into, const struct tail *from);

/*
 * The sums of the slowest `requests` requests (at most as many as were added). Where they end within a band, that band's sums are scaled:
 * its walls are alike to 1/16, and of that band only the mean breakdown is known.
 */
void tail_slowest(const struct tail *tail, uint64_t requests, struct tail_band *sums);

/* Forgets the requests, keeps the memory. A tail begins as all zero bytes. */
void tail_clear(struct tail *tail);
void tail_fini(struct tail *tail);

#endif
