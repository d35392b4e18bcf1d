/* SPDX-License-Identifier: BSD-2-Clause */
/* All latencies of a run, kept one by one, and their exact percentiles. Used by loadgen; pure but for latencies_print. */
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

/* To be called once all are in: "p50 … ms, p90 … ms, p99 … ms, max … ms" to standard output; a percentile is the smallest latency that so
 * many percent of all do not exceed, 0 if there are none.
 */
void latencies_print(struct latencies *latencies);

void latencies_fini(struct latencies *latencies);

#endif
