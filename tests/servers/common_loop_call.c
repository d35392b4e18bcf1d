/* SPDX-License-Identifier: BSD-2-Clause */
#include "common_loop_call.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common_clock.h"
#include "common_net.h"

struct call_connection {
	struct watcher watcher;
	struct call_pool *pool;
	LIST_ENTRY(call_connection) link, idle_link;
	bool connecting, busy; /* busy: `call` is in flight, or will be when connected */
	struct call call;
	size_t received;
	char answer[64];
};

struct waiting_call {
	TAILQ_ENTRY(waiting_call) link;
	struct call call;
};

static int send_query(struct call_connection *connection)
{
	char query[64];
	int length = snprintf(query, sizeof query, "Q %lu %lu\n", connection->call.id, connection->call.hold_ns / NS_PER_US);

	connection->received = 0;
	return send_all(connection->watcher.fd, query, (size_t)length);
}

static void drop_connection(struct call_connection *connection)
{
	LIST_REMOVE(connection, link);
	if (!connection->busy)
		LIST_REMOVE(connection, idle_link);
	connection->pool->open--;
	loop_discard(connection->pool->loop, &connection->watcher);
}

static void set_busy(struct call_connection *connection, struct call call)
{
	LIST_REMOVE(connection, idle_link);
	connection->busy = true;
	connection->call = call;
}

static void set_idle(struct call_connection *connection)
{
	LIST_INSERT_HEAD(&connection->pool->idle, connection, idle_link);
	connection->busy = false;
}

/* One that waits takes over what has become free. */
static void serve_waiting(struct call_pool *pool)
{
	struct waiting_call *first = TAILQ_FIRST(&pool->waiting);
	int error;

	if (!first)
		return;
	TAILQ_REMOVE(&pool->waiting, first, link);
	error = call_start(pool, first->call);
	if (error)
		first->call.on_done(first->call.owner, error);
	free(first);
}

static void fail(struct call_connection *connection, int error)
{
	struct call_pool *pool = connection->pool;
	struct call call = connection->call;
	bool busy = connection->busy;

	drop_connection(connection);
	if (!busy)
		return;
	serve_waiting(pool);
	call.on_done(call.owner, error);
}

/* The answer to the call in flight has come. Whoever waits for the connection has it before the answer is worked on. */
static void finish(struct call_connection *connection)
{
	struct call call = connection->call;

	set_idle(connection);
	serve_waiting(connection->pool);
	call.on_done(call.owner, 0);
}

static void on_connected(struct call_connection *connection)
{
	socklen_t length = sizeof(int);
	int error = 0;

	getsockopt(connection->watcher.fd, SOL_SOCKET, SO_ERROR, &error, &length);
	connection->connecting = false;
	error = error ? -error : loop_rewatch(connection->pool->loop, &connection->watcher, EPOLLIN);
	if (!error)
		error = send_query(connection);
	if (error)
		fail(connection, error);
}

static void receive(struct call_connection *connection)
{
	char *answer = connection->answer, expected[sizeof connection->answer];
	size_t length = (size_t)snprintf(expected, sizeof expected, "R %lu ok\n", connection->call.id);
	ssize_t received = recv(connection->watcher.fd, answer + connection->received, sizeof connection->answer - connection->received, 0);

	if (received < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (received <= 0 || !connection->busy) {
		fail(connection, received < 0 ? -errno : -ECONNRESET);
		return;
	}
	connection->received += (size_t)received;
	if (connection->received < length)
		return;
	if (connection->received == length && !memcmp(answer, expected, length))
		finish(connection);
	else
		fail(connection, -EPROTO);
}

static void on_ready(struct watcher *watcher, uint32_t events)
{
	struct call_connection *connection = (struct call_connection *)watcher;

	(void)events;
	if (connection->connecting)
		on_connected(connection);
	else
		receive(connection);
}

static int connect_and_call(struct call_pool *pool, struct call call)
{
	struct call_connection *connection = calloc(1, sizeof *connection);
	int error;

	if (!connection)
		return -ENOMEM;
	*connection = (struct call_connection){.pool = pool, .connecting = true, .busy = true, .call = call};
	connection->watcher = (struct watcher){.fd = server_connect_peer(pool->server, pool->peer, true), .on_ready = on_ready};
	error = connection->watcher.fd < 0 ? connection->watcher.fd : loop_watch(pool->loop, &connection->watcher, EPOLLOUT);
	if (error) {
		loop_close(&connection->watcher);
		free(connection);
		return error;
	}
	LIST_INSERT_HEAD(&pool->connections, connection, link);
	pool->open++;
	return 0;
}

static int wait_in_line(struct call_pool *pool, struct call call)
{
	struct waiting_call *waiting = malloc(sizeof *waiting);

	if (!waiting)
		return -ENOMEM;
	waiting->call = call;
	TAILQ_INSERT_TAIL(&pool->waiting, waiting, link);
	return 0;
}

int call_start(struct call_pool *pool, struct call call)
{
	struct call_connection *connection;

	while ((connection = LIST_FIRST(&pool->idle))) {
		set_busy(connection, call);
		if (!send_query(connection))
			return 0;
		drop_connection(connection); /* its peer has gone meanwhile */
	}
	return pool->limit && pool->open == pool->limit ? wait_in_line(pool, call) : connect_and_call(pool, call);
}

void call_pool_init(struct call_pool *pool, struct loop *loop, const struct server *server, enum peer peer, unsigned long limit)
{
	*pool = (struct call_pool){.loop = loop, .server = server, .peer = peer, .limit = limit};
	LIST_INIT(&pool->connections);
	LIST_INIT(&pool->idle);
	TAILQ_INIT(&pool->waiting);
}

void call_pool_fini(struct call_pool *pool)
{
	struct waiting_call *waiting;

	while (!LIST_EMPTY(&pool->connections))
		drop_connection(LIST_FIRST(&pool->connections));
	while ((waiting = TAILQ_FIRST(&pool->waiting))) {
		TAILQ_REMOVE(&pool->waiting, waiting, link);
		free(waiting);
	}
}
