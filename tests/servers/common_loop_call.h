/* SPDX-License-Identifier: BSD-2-Clause */
/* Downstream calls of an event loop: asked now, called back when the answer came, over connections that are kept and shared.
 * Used by the loop servers; never blocks, never calls back before call_start returned.
 */
#ifndef SERVERS_COMMON_LOOP_CALL_H
#define SERVERS_COMMON_LOOP_CALL_H

#include <sys/queue.h>

#include "common_loop.h"
#include "common_server.h"

struct call {
	unsigned long id;
	uint64_t hold_ns;
	void *owner;
	void (*on_done)(void *owner, int error); /* error: 0, or -errno */
};

/* Connections to one peer. Calls that find none free make a new one, or queue in order once there are `limit` of them. */
struct call_pool {
	struct loop *loop;
	const struct server *server;
	enum peer peer;
	unsigned long limit, open;
	LIST_HEAD(, call_connection) connections, idle;
	TAILQ_HEAD(, waiting_call) waiting;
};

void call_pool_init(struct call_pool *pool, struct loop *loop, const struct server *server, enum peer peer, unsigned long limit);

/* Closes all connections; calls in flight or waiting are forgotten without a call back. */
void call_pool_fini(struct call_pool *pool);

/* 0: on_done will be called. Else -errno, and it will not. */
int call_start(struct call_pool *pool, struct call call);

#endif
