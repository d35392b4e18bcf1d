/* SPDX-License-Identifier: BSD-2-Clause */
/* What each endpoint does, as a list of steps. The blocking servers (common_blocking.c) and the loops (common_loop_server.c) carry
 * out the same lists, each in its own way: that is the whole difference between the models. Pure.
 */
#ifndef SERVERS_COMMON_PLAN_H
#define SERVERS_COMMON_PLAN_H

#include <stddef.h>
#include <stdint.h>

#include "common_http.h"

enum peer { PEER_DB, PEER_CACHE, PEER_MAIL, PEERS };

enum step_kind {
	STEP_END,
	STEP_BURN,      /* ns of CPU */
	STEP_CALL,      /* a downstream call to peer, held for ns */
	STEP_CALL_ALL,  /* calls to each of typical_peers at once, each held for ns */
	STEP_POOL_CALL, /* a call to the database through a pool of few connections */
	STEP_SLEEP,     /* ns */
	STEP_LOCK,      /* the lock that all requests share ... */
	STEP_UNLOCK,    /* ... and its release, always in the same plan */
	STEP_DISK,      /* reads past the page cache */
	STEP_LOG,       /* lines into a pipe that is read slowly */
	STEP_RESPOND,   /* exactly once in a plan; the steps behind it are work after the response */
	STEP_KINDS,
};

struct step {
	enum step_kind kind;
	enum peer peer;
	uint64_t ns;
};

#define CALLS_AT_ONCE 5
extern const enum peer typical_peers[CALLS_AT_ONCE];

#define PLAN_CALLS_MAX 64
#define PLAN_STEPS_MAX (2 * PLAN_CALLS_MAX + 3)

struct plan {
	unsigned status; /* of the response, if no step fails */
	size_t body_bytes;
	struct step steps[PLAN_STEPS_MAX]; /* up to STEP_END */
};

/* Fills the plan for a request: status 404 for a path that no endpoint has, 400 for more calls than PLAN_CALLS_MAX. */
void plan_request(struct plan *plan, const struct http_request *request);

/* The k-th downstream call's id, by which its log is joined with the request's truth. */
static inline unsigned long call_id(unsigned long request_id, unsigned call)
{
	return request_id * 100 + call;
}

#endif
