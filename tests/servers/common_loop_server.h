/* SPDX-License-Identifier: BSD-2-Clause */
/* A web server on one event loop: carries out the same plans as the blocking servers, but never waits: a step that has to wait is
 * started, and the loop calls back when it is through. (A disk read and a log line do block the loop, as they do in the real ones.)
 * Used by epoll_loop and reuseport_loops.
 */
#ifndef SERVERS_COMMON_LOOP_SERVER_H
#define SERVERS_COMMON_LOOP_SERVER_H

#include "common_loop_call.h"

struct loop_listener {
	struct watcher watcher;
	struct loop_server *loop_server;
};

struct loop_server {
	struct loop loop;
	const struct server *server;
	struct loop_listener listeners[LISTENERS_MAX];
	unsigned listener_count;
	struct call_pool peers[PEERS];
	struct call_pool limited; /* to the database: what /pool goes through */
	LIST_HEAD(, client) clients;
	LIST_HEAD(, job) jobs;
};

/* The listeners' descriptors become nonblocking and the loop's own. 0, or -errno. */
int loop_server_init(struct loop_server *loop_server, const struct server *server, const int *listener_fds, unsigned listener_count);

/* After the loop was stopped: finishes the requests that are under way, for two seconds at most. */
void loop_server_drain(struct loop_server *loop_server);
void loop_server_fini(struct loop_server *loop_server);

#endif
