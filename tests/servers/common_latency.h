/* SPDX-License-Identifier: BSD-2-Clause */
/* All latencies of a run, kept one by one, and their exact percentiles. Used by loadgen; never prints. */
#ifndef SERVERS_COMMON_LATENCY_H
#define SERVERS_COMMON_LATENCY_H

#include <stddef.h>
#include <stdint.h>

/* Begins as all zeroes. */
struct latencies {
	uint64_t *ns;
	size_t count, room;
};

/* 0, or -ENOMEM. */
int latencies_add(struct latencies *latencies, uint64_t latency_ns);

/* To be called once all are in, before latencies_percentile_ms. */
void latencies_sort(struct latencies *latencies);

/* The smallest latency that percent of all do not exceed, in milliseconds; 0 if there are none. */
double latencies_percentile_ms(const struct latencies *latencies, unsigned percent);

void latencies_fini(struct latencies *latencies);

#endif
