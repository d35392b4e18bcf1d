/* SPDX-License-Identifier: BSD-2-Clause */
/* Carries out an endpoint's plan the blocking way: one step after another, the thread waiting wherever there is something to wait for.
 * Used by thread_per_conn, worker_pool and prefork, which differ only in how a connection or request finds its thread.
 */
#ifndef SERVERS_COMMON_BLOCKING_H
#define SERVERS_COMMON_BLOCKING_H

#include "common_call.h"
#include "common_http.h"
#include "common_server.h"

/* What all requests of a server share. Made before any fork or thread. */
struct workplace {
	const struct server *server;
	struct caller_pool pool; /* each process's own */
	pthread_mutex_t *lock;   /* of all processes */
};

/* What one thread brings along. */
struct worker {
	struct workplace *workplace;
	struct caller caller;
};

/* The clocks when a thread began with a request. */
struct began {
	uint64_t at_ns, thread_cpu_ns;
	int64_t voluntary, involuntary; /* switches of the thread so far */
};

/* Fails loudly, ending the process. */
void workplace_init(struct workplace *workplace, const struct server *server);

void worker_init(struct worker *worker, struct workplace *workplace);
void worker_fini(struct worker *worker);

struct began began_now(void);

/* Carries out one request, answers on fd, and keeps its truth: 0, or -errno if the client could not be answered. */
int serve_request(struct worker *worker, int fd, const struct http_request *request, const struct began *began);

/* Reads requests from fd and serves them until the client or an error ends the connection. Closes fd. */
void serve_connection(struct worker *worker, int fd);

#endif
