/* SPDX-License-Identifier: BSD-2-Clause */
/* N event loops, each in a process of its own (or, with --as-threads, in a thread of one process), each with its own listener on the same
 * port: the kernel spreads the connections over them (SO_REUSEPORT). As nginx and Envoy do it to use all cores.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "common_children.h"
#include "common_loop_server.h"

struct loops {
	const struct server *server;
	int (*listeners)[LISTENERS_MAX]; /* of each loop: its own on the port, and the shared Unix socket */
};

struct loop_thread {
	struct loops *loops;
	unsigned long number;
};

/* All listeners are there before the first loop runs, so that no connection meets a port with fewer loops. */
static void open_listeners(struct loops *loops, const struct server *server)
{
	loops->server = server;
	loops->listeners = calloc(server->threads, sizeof *loops->listeners);
	server_must(server, "loops", loops->listeners ? 0 : -ENOMEM);
	for (unsigned long i = 0; i < server->threads; i++) {
		loops->listeners[i][0] = i ? server_must(server, "listener", server_listen_again(server)) : server->listeners[0];
		loops->listeners[i][1] = server->listeners[1];
	}
}

static void run_loop(const struct server *server, void *argument, unsigned long number)
{
	struct loop_server *loop_server = malloc(sizeof *loop_server);
	struct loops *loops = argument;

	server_must(server, "loop", loop_server ? 0 : -ENOMEM);
	server_must(server, "loop", loop_server_init(loop_server, server, loops->listeners[number], server->listener_count));
	server_must(server, "loop", loop_run(&loop_server->loop));
}

/* A child keeps its own listener only: connections to another's must not wait in a queue that nobody but us holds open. */
static void run_loop_in_child(const struct server *server, void *argument, unsigned long number)
{
	struct loops *loops = argument;

	for (unsigned long i = 0; i < server->threads; i++)
		if (i != number)
			close(loops->listeners[i][0]);
	run_loop(server, argument, number);
}

static void *run_loop_in_thread(void *argument)
{
	struct loop_thread thread = *(struct loop_thread *)argument;

	free(argument);
	run_loop(thread.loops->server, thread.loops, thread.number);
	return NULL;
}

static int run_threads(struct server *server, struct loops *loops)
{
	for (unsigned long i = 0; i < server->threads; i++) {
		struct loop_thread *thread = malloc(sizeof *thread);
		pthread_t id;

		server_must(server, "loop", thread ? 0 : -ENOMEM);
		*thread = (struct loop_thread){.loops = loops, .number = i};
		server_must(server, "loop", -pthread_create(&id, NULL, run_loop_in_thread, thread));
		pthread_detach(id);
	}
	server_ready(server);
	server_wait_for_stop();
	return server_close(server);
}

static int run_children(struct server *server, struct loops *loops)
{
	children_start(server, run_loop_in_child, loops);
	for (unsigned long i = 0; i < server->threads; i++)
		close(loops->listeners[i][0]);
	server_ready(server);
	return children_finish(server);
}

static const struct option_row as_threads = {"as-threads", OPTION_FLAG, offsetof(struct server, variant), NULL,
					     "the loops are threads of one process"};

int main(int argc, char **argv)
{
	static struct server server;
	static struct loops loops;

	server_open(&server, argc, argv, &as_threads, true);
	open_listeners(&loops, &server);
	return server.variant ? run_threads(&server, &loops) : run_children(&server, &loops);
}
