/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The totals: what is kept of all requests and processes since the start, for exporters.
 * Called by cli's collector, from one thread.
 * Never: more memory than its caps; a figure that falls; a clock.
 */
#ifndef IOCPU_STATS_TOTALS_H
#define IOCPU_STATS_TOTALS_H

#include "stats/totals_snapshot.h"

/* Endpoints of one service, and of all; the rest goes to rows "(other)", one a service. */
#define TOTALS_ENDPOINTS_MAX 1000
#define TOTALS_ROWS_MAX      2000

#define TOTALS_POD_GONE_NS 600000000000ull

struct totals;

/* NULL: no memory. */
struct totals *totals_open(void);

/*
 * Adds a finished request. culprit: the endpoint that held the loop, NULL when unknown; at_unix_ns: when it ended. −ENOMEM: it is counted
 * as lost.
 */
int totals_add(struct totals *totals, const struct totals_label *label, const char *endpoint, const char *culprit,
	       const struct request *request, uint64_t end_unix_ns);

/* A request of this endpoint that was added has waited in LOCK for one of the holder's. −ENOMEM: that is not known of the endpoint. */
int totals_add_lock_wait(struct totals *totals, const struct totals_label *label, const char *endpoint, const char *holder,
			 uint64_t wait_ns);

/* Adds what happened on a stream of this endpoint. −ENOMEM: that is lost, and counted as a lost request. */
int totals_add_stream(struct totals *totals, const struct totals_label *label, const char *endpoint, const struct stream *stream);

/*
 * Once a window: forgets which processes and threads each service has, to be told again with totals_add_process. A service of a pod that
 * has had no process for TOTALS_POD_GONE_NS is forgotten altogether: that pod does not come again. at_ns: any clock.
 */
void totals_cut(struct totals *totals, uint64_t at_ns);

/* Adds what a process's counters grew by (process->now), its present threads and its kind. −ENOMEM: the growth is lost, and counted as one
 * lost request. */
int totals_add_process(struct totals *totals, const struct totals_label *label, const struct snapshot_process *process);

/* What no memory was left for. */
uint64_t totals_lost_requests(const struct totals *totals);

/* The present state. All is copied but the frame's version, kernel and names of losses, which are borrowed. NULL: no memory. */
const struct totals_snapshot *totals_snapshot(const struct totals *totals, const struct totals_frame *frame);

void totals_close(struct totals *totals);

#endif
