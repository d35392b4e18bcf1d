/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Log-linear histogram of durations: mergeable, at most 0.8% off in any percentile, exact in mean, minimum and maximum.
 * Used by the endpoint accumulators of user/stats.
 * Never: more memory than 37 chunks of 512 bytes, and those only for the magnitudes that were seen; zeros take none.
 */
#ifndef IOCPU_STATS_HISTOGRAM_H
#define IOCPU_STATS_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

/* Buckets an octave. A percentile is told as the middle of its bucket, so it is off by at most 1/128 of itself. */
#define HISTOGRAM_STEPS 64

/* Magnitudes told apart: 2^42 ns is 73 minutes; what is longer counts in the last bucket. */
#define HISTOGRAM_BITS   42
#define HISTOGRAM_CHUNKS (HISTOGRAM_BITS - 5)

struct histogram {
	uint64_t count;
	uint64_t zeros;
	uint64_t sum_ns;
	uint64_t min_ns;
	uint64_t max_ns;
	/* Chunk 0 holds 0–63 ns one by one, chunk k the octave from 2^(k+5) ns; NULL: nothing there yet. */
	uint64_t *chunks[HISTOGRAM_CHUNKS];
};

/* Allocates what histogram_add of this value needs, so that it cannot fail. 0 or −ENOMEM. */
int histogram_reserve(struct histogram *histogram, uint64_t value_ns);

/* Counts a value for which histogram_reserve succeeded. */
void histogram_add(struct histogram *histogram, uint64_t value_ns);

/* The two steps of a merge: allocate what histogram_merge needs (0 or −ENOMEM), then add all of `from`. */
int histogram_reserve_merge(struct histogram *into, const struct histogram *from);
void histogram_merge(struct histogram *into, const struct histogram *from);

/* The value, in ns, that this many percent (0–100) of all values do not exceed; 0 without values. */
uint64_t histogram_percentile(const struct histogram *histogram, unsigned percent);

/* In ns, rounded to the nearest; 0 without values. */
uint64_t histogram_mean(const struct histogram *histogram);

/* Forgets the values, keeps the memory. A histogram begins as all zero bytes. */
void histogram_clear(struct histogram *histogram);
void histogram_fini(struct histogram *histogram);

#endif
