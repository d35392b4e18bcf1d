/* SPDX-License-Identifier: BSD-2-Clause */
/* Downstream calls that block: a thread's own connections to its peers, kept open, and a pool of few that threads share.
 * Used by the blocking servers; an event loop has common_loop_call.h.
 */
#ifndef SERVERS_COMMON_CALL_H
#define SERVERS_COMMON_CALL_H

#include <pthread.h>

#include "common_server.h"

/* One connection for each of the calls that may be made at once; opened when first needed. Belongs to one thread. */
struct caller {
	const struct server *server;
	int fds[CALLS_AT_ONCE];
};

void caller_init(struct caller *caller, const struct server *server);
void caller_fini(struct caller *caller);

/* One call, and its answer awaited: 0, or -errno. hold_ns: for how long the peer keeps us waiting. */
int caller_call(struct caller *caller, enum peer peer, unsigned long id, uint64_t hold_ns);

/* A call to each of typical_peers, all written before the first answer is read; ids from first_id on. 0, or -errno. */
int caller_call_all(struct caller *caller, unsigned long first_id, uint64_t hold_ns);

/* Connections to the database that all threads share. Who finds none free waits for one. */
struct caller_pool {
	const struct server *server;
	pthread_mutex_t mutex;
	pthread_cond_t freed;
	int *idle_fds; /* -1: not connected yet */
	unsigned long idle;
};

int caller_pool_init(struct caller_pool *pool, const struct server *server);
void caller_pool_fini(struct caller_pool *pool);
int caller_pool_call(struct caller_pool *pool, unsigned long id, uint64_t hold_ns);

#endif
