/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is kept of one endpoint's requests, whatever their number.
 * Used by the endpoint table and the snapshot maker of user/stats.
 * Never: more than its caps; adds a request by halves: it reserves first, then counts.
 */
#ifndef IOCPU_STATS_ENDPOINT_H
#define IOCPU_STATS_ENDPOINT_H

#include <stddef.h>
#include <stdint.h>

#include "stats/histogram.h"
#include "stats/streams.h"
#include "stats/tail.h"
#include "util/request.h"

/* Peers of one endpoint told apart; later ones add to other_peers. */
#define ENDPOINT_PEERS_MAX 32
/* Culprits of one endpoint told apart: when one more comes, the one with the least time goes over to the others. */
#define ENDPOINT_CULPRITS_MAX 16

/* Longest name of a culprit, with its end; what route gives out is never longer. */
#define CULPRIT_NAME_MAX 160

struct endpoint_peer {
	char name[PEER_NAME_MAX];
	uint64_t calls;
	uint64_t net_ns;
	uint64_t net_union_ns;
};

struct endpoint_culprit {
	char name[CULPRIT_NAME_MAX];
	uint64_t victims;
	uint64_t ns;
};

/* Endpoints whose requests made those of this one wait. */
struct endpoint_blame {
	struct endpoint_culprit culprits[ENDPOINT_CULPRITS_MAX];
	size_t count;
	struct endpoint_culprit other; /* without a name */
};

struct endpoint {
	uint64_t requests;
	uint64_t errors;
	uint64_t ambiguous_requests;
	uint64_t delayed_requests; /* that named this endpoint as their culprit; may be there before its own first request ends */
	struct histogram wall, ttfb, cpu_time;
	struct histogram state[STATES];
	struct tail tail;
	uint64_t after_response_cpu_ns;
	uint64_t ready_ns[READY_PARTS];
	uint64_t voluntary_switches, involuntary_switches;
	struct endpoint_peer peers[ENDPOINT_PEERS_MAX];
	size_t peer_count;
	struct endpoint_peer other_peers; /* without a name */
	struct endpoint_blame loops;      /* held the event loop: the one that did so longest, of each request */
	struct endpoint_blame locks;      /* held what they waited for in LOCK: all that did */
	struct stream_sums streams;
};

/* Counts a request, among the streams if it opens one; culprit: the endpoint that held the loop, NULL: unknown. 0, or −ENOMEM and nothing
 * is counted. */
int endpoint_add(struct endpoint *endpoint, const struct request *request, const char *culprit);

/* A request that was added has waited for one of this endpoint's, in LOCK. */
void endpoint_add_lock_wait(struct endpoint *endpoint, const char *holder, uint64_t wait_ns);

/* Adds all of `from`. 0, or −ENOMEM and nothing is added. */
int endpoint_merge(struct endpoint *into, const struct endpoint *from);

/* Forgets the requests, keeps the memory. An endpoint begins as all zero bytes. */
void endpoint_clear(struct endpoint *endpoint);
void endpoint_fini(struct endpoint *endpoint);

#endif
