/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Endpoint table: adds finished requests up, gives snapshots, merges windows into a total.
 * Called by cli's session; views and exports see only the const snapshot.
 * Never: more memory than its caps, whatever the endpoints are called.
 */
#ifndef IOCPU_STATS_STATS_H
#define IOCPU_STATS_STATS_H

#include "stats/snapshot.h"
#include "util/request.h"
#include "util/stream.h"

struct stats;

/* At most endpoint_cap endpoints a service, the rest goes to a row "(other)". NULL: no memory. */
struct stats *stats_open(size_t endpoint_cap);

/*
 * Adds one finished request. service: "node:8080". Culprit: the endpoint that held the loop, NULL when unknown.
 * −ENOMEM: it is counted as lost.
 */
int stats_add(struct stats *stats, const char *service, const char *endpoint, const char *culprit, const struct request *request);

/* A request of this endpoint that was added has waited in LOCK for one of the holder's. −ENOMEM: that is not known of the endpoint. */
int stats_add_lock_wait(struct stats *stats, const char *service, const char *endpoint, const char *holder, uint64_t wait_ns);

/* Adds what happened on a stream of this endpoint. −ENOMEM: that is lost, and counted as a lost request. */
int stats_add_stream(struct stats *stats, const char *service, const char *endpoint, const struct stream *stream);

/*
 * Adds all of `from` to `into`: histograms bucket by bucket, so percentiles of the sum are as good as those of the parts.
 * −ENOMEM: the requests of the endpoints that could not be added are counted as lost.
 */
int stats_merge(struct stats *into, const struct stats *from);

/* Requests that no memory was left for, since stats_open; to be shown with the other losses. */
uint64_t stats_lost_requests(const struct stats *stats);

/* Forgets all requests, keeps the memory and the names: an endpoint that was folded into "(other)" stays folded. */
void stats_clear(struct stats *stats);

/*
 * The present state, endpoints by total wall time, largest first. `frame` gives what does not come from requests (window, tool, processes)
 * and is copied; its own arrays are borrowed and must outlive the snapshot. NULL: no memory. Free with stats_snapshot_close.
 */
const struct snapshot *stats_snapshot(const struct stats *stats, const struct snapshot_frame *frame);
void stats_snapshot_close(const struct snapshot *snapshot);

void stats_close(struct stats *stats);

#endif
