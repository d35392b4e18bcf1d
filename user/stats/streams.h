/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is kept of one endpoint's streams, whatever their number: apart from its requests, as they have no end of their own.
 * Used by user/stats only.
 * Never: adds anything by halves: it reserves first, then counts.
 */
#ifndef IOCPU_STATS_STREAMS_H
#define IOCPU_STATS_STREAMS_H

#include "stats/histogram.h"
#include "util/stream.h"

struct stream_sums {
	uint8_t kind;  /* enum wire_stream: of the one that was opened last */
	uint64_t open; /* now; all else is counted from when it was cleared last */
	uint64_t opened, ended;
	struct histogram opening; /* from the request's first byte to the head of its response */
	struct histogram lasted;  /* of those that ended */
	uint64_t reads, writes;
	uint64_t read_bytes, written_bytes;
	uint64_t cpu_ns;
};

/* A request opened one. 0, or −ENOMEM and nothing is counted; so all three. */
int stream_sums_open(struct stream_sums *sums, const struct request *opener);
int stream_sums_add(struct stream_sums *sums, const struct stream *stream);
int stream_sums_merge(struct stream_sums *into, const struct stream_sums *from);

/* Has anything happened since it was cleared, or is any open? */
bool stream_sums_any(const struct stream_sums *sums);

/* Forgets what happened, not what is open. */
void stream_sums_clear(struct stream_sums *sums);
void stream_sums_fini(struct stream_sums *sums);

#endif
