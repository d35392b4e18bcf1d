/* SPDX-License-Identifier: BSD-2-Clause */
/* Thread per connection: the first thread accepts, and every connection gets a thread of its own that reads a request, does all its
 * work, waiting wherever it must, answers, and reads the next one.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common_blocking.h"

struct connection {
	struct workplace *workplace;
	int fd;
};

static void *connection_thread(void *argument)
{
	struct connection connection = *(struct connection *)argument;
	struct worker worker;

	free(argument);
	worker_init(&worker, connection.workplace);
	serve_connection(&worker, connection.fd);
	worker_fini(&worker);
	return NULL;
}

static int start_thread(struct workplace *workplace, int fd)
{
	struct connection *connection = malloc(sizeof *connection);
	pthread_t thread;
	int error;

	if (!connection)
		return -ENOMEM;
	*connection = (struct connection){.workplace = workplace, .fd = fd};
	error = -pthread_create(&thread, NULL, connection_thread, connection);
	if (error)
		free(connection);
	else
		pthread_detach(thread);
	return error;
}

int main(int argc, char **argv)
{
	static struct workplace workplace;
	static struct server server;

	server_open(&server, argc, argv, NULL, false);
	workplace_init(&workplace, &server);
	server_stop_by_thread(&server);
	server_ready(&server);
	for (;;) {
		int fd = server_must(&server, "accept", server_accept(&server));
		int error = start_thread(&workplace, fd);

		if (error) {
			fprintf(stderr, "%s: a connection is refused: %s\n", server.name, strerror(-error));
			close(fd);
		}
	}
}
