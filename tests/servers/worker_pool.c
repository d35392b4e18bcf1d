/* SPDX-License-Identifier: BSD-2-Clause */
/* Worker pool: threads that exist from the start take their work from a queue. Two kinds of work:
 *   --handoff connection (the default): the first thread accepts and hands over whole connections, each then served by one worker until
 *     its end; a connection that is kept open keeps its worker.
 *   --handoff request: the first thread is a selector: it watches all connections, reads the requests, and hands these over one by one; the
 *     worker answers, and gives the connection back to the selector. As Java's servers do it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common_blocking.h"
#include "common_clock.h"
#include "common_loop.h"
#include "common_net.h"

/* Owned by whoever has it: the selector while it waits for bytes, then the queue, then a worker. */
struct connection {
	struct watcher watcher;
	STAILQ_ENTRY(connection) link;
	uint64_t read_ns; /* when the first byte of the request was read; 0: none yet */
	struct http_reader reader;
};

static struct server server;
static struct workplace workplace;
static struct loop selector;

/* ---- the queue */

static struct {
	pthread_mutex_t mutex;
	pthread_cond_t filled;
	STAILQ_HEAD(, connection) connections;
} queue = {.mutex = PTHREAD_MUTEX_INITIALIZER, .filled = PTHREAD_COND_INITIALIZER};

static void enqueue(struct connection *connection)
{
	pthread_mutex_lock(&queue.mutex);
	STAILQ_INSERT_TAIL(&queue.connections, connection, link);
	pthread_cond_signal(&queue.filled);
	pthread_mutex_unlock(&queue.mutex);
}

static struct connection *dequeue(void)
{
	struct connection *connection;

	pthread_mutex_lock(&queue.mutex);
	while (STAILQ_EMPTY(&queue.connections))
		pthread_cond_wait(&queue.filled, &queue.mutex);
	connection = STAILQ_FIRST(&queue.connections);
	STAILQ_REMOVE_HEAD(&queue.connections, link);
	pthread_mutex_unlock(&queue.mutex);
	return connection;
}

/* ---- connections */

static struct connection *connection_open(int fd)
{
	struct connection *connection = malloc(sizeof *connection);

	if (!connection) {
		fprintf(stderr, "%s: a connection is refused: %s\n", server.name, strerror(ENOMEM));
		close(fd);
		return NULL;
	}
	connection->watcher = (struct watcher){.fd = fd};
	connection->read_ns = 0;
	http_reader_init(&connection->reader);
	return connection;
}

static void connection_close(struct connection *connection)
{
	loop_close(&connection->watcher);
	free(connection);
}

/* Hands over the request if it is whole, else waits for the rest of it; closes the connection if that is all there will be. */
static void hand_over_next_request(struct connection *connection)
{
	int found = 0;

	if (http_reader_buffered(&connection->reader)) {
		if (!connection->read_ns)
			connection->read_ns = now_ns();
		found = http_reader_next(&connection->reader);
	}
	if (found > 0)
		enqueue(connection);
	else if (found < 0 || loop_rewatch(&selector, &connection->watcher, EPOLLIN | EPOLLONESHOT))
		connection_close(connection);
}

/* ---- the workers */

static void serve_whole_connection(struct worker *worker, struct connection *connection)
{
	serve_connection(worker, connection->watcher.fd);
	free(connection);
}

static void serve_one_request(struct worker *worker, struct connection *connection)
{
	struct began began = began_now();
	int error;

	began.at_ns = connection->read_ns; /* the request began with the selector; the CPU and the switches are the worker's */
	connection->read_ns = 0;
	error = serve_request(worker, connection->watcher.fd, &connection->reader.request, &began);
	if (error || !connection->reader.request.keep_alive)
		connection_close(connection);
	else
		hand_over_next_request(connection);
}

static void *worker_thread(void *unused)
{
	struct worker worker;

	worker_init(&worker, &workplace);
	for (;;) {
		struct connection *connection = dequeue();

		if (server.variant)
			serve_one_request(&worker, connection);
		else
			serve_whole_connection(&worker, connection);
	}
	return unused;
}

static void start_workers(void)
{
	for (unsigned long i = 0; i < server.threads; i++) {
		pthread_t thread;

		server_must(&server, "worker", -pthread_create(&thread, NULL, worker_thread, NULL));
		pthread_detach(thread);
	}
}

/* ---- the selector, for --handoff request */

static void on_connection_ready(struct watcher *watcher, uint32_t events)
{
	struct connection *connection = (struct connection *)watcher;

	(void)events;
	if (http_reader_receive(&connection->reader, watcher->fd) > 0)
		hand_over_next_request(connection);
	else
		connection_close(connection);
}

static void on_listener_ready(struct watcher *watcher, uint32_t events)
{
	int fd = accept4(watcher->fd, NULL, NULL, SOCK_CLOEXEC);
	struct connection *connection;

	(void)events;
	if (fd < 0)
		return; /* it went away before we came */
	send_without_delay(fd);
	connection = connection_open(fd);
	if (!connection)
		return;
	connection->watcher.on_ready = on_connection_ready;
	if (loop_watch(&selector, &connection->watcher, EPOLLIN | EPOLLONESHOT))
		connection_close(connection);
}

static void select_forever(void)
{
	static struct watcher listeners[LISTENERS_MAX];

	server_must(&server, "selector", loop_init(&selector));
	for (unsigned i = 0; i < server.listener_count; i++) {
		set_nonblocking(server.listeners[i]);
		listeners[i] = (struct watcher){.fd = server.listeners[i], .on_ready = on_listener_ready};
		server_must(&server, "selector", loop_watch(&selector, &listeners[i], EPOLLIN));
	}
	server_ready(&server);
	server_must(&server, "selector", loop_run(&selector));
}

/* ---- the acceptor, for --handoff connection */

static void accept_forever(void)
{
	server_ready(&server);
	for (;;) {
		struct connection *connection = connection_open(server_must(&server, "accept", server_accept(&server)));

		if (connection)
			enqueue(connection);
	}
}

static int parse_handoff(void *target, const char *text)
{
	struct server *into = target;

	into->variant = !strcmp(text, "request");
	return into->variant || !strcmp(text, "connection") ? 0 : -EINVAL;
}

static const struct option_row handoff = {"handoff", OPTION_CALL, 0, parse_handoff,
					  "connection | request: what the queue holds (default connection)"};

int main(int argc, char **argv)
{
	STAILQ_INIT(&queue.connections);
	server_open(&server, argc, argv, &handoff, false);
	workplace_init(&workplace, &server);
	server_stop_by_thread(&server);
	start_workers();
	if (server.variant)
		select_forever();
	else
		accept_forever();
}
