/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The sums of one endpoint and of one service, as totals keep them.
 * Used by totals.c only.
 * Never: a request by halves: what can fail comes first.
 */
#ifndef IOCPU_STATS_TOTALS_SUM_H
#define IOCPU_STATS_TOTALS_SUM_H

#include "stats/totals_snapshot.h"

#include "stats/tail.h"

/* One endpoint: the figures that are shown, and what they are made of. All zero bytes at first. */
struct endpoint_sum {
	struct totals_endpoint shown; /* but for its `slowest`, which is the slower of the two below */
	size_t peer_capacity;
	/* The slowest 1% are found in batches: so many that 1% is a whole request, or all of a long while. */
	struct tail batch;
	uint64_t batch_requests;
	uint64_t batch_since_ns; /* 0: to be set at the next look */
	struct totals_slowest slowest, slowest_before;
};

/* −ENOMEM: nothing is added. */
int endpoint_sum_add(struct endpoint_sum *sum, const struct request *request, uint64_t end_unix_ns);

/* A request opened a stream; something happened on one. */
void endpoint_sum_open_stream(struct endpoint_sum *sum, const struct request *opener);
void endpoint_sum_add_stream(struct endpoint_sum *sum, const struct stream *stream);

/* Adds what requests waited for those of that endpoint. Its name is not copied. */
void blame_add(struct totals_blame *blame, const char *culprit, uint64_t delay_ns);

/* Ends the batch if it is large or old enough. */
void endpoint_sum_cut(struct endpoint_sum *sum, uint64_t at_ns);

/* The slowest request so far is now the one before; a new search begins. */
void endpoint_sum_forget_slowest(struct endpoint_sum *sum);

void endpoint_sum_fini(struct endpoint_sum *sum);

#endif
