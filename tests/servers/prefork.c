/* SPDX-License-Identifier: BSD-2-Clause */
/* Pre-fork: children made at the start, all of them accepting on the one listener they inherited; each serves one connection at a time.
 * The parent only waits for the end. As Apache's prefork, PHP-FPM and Gunicorn's sync workers do it.
 */
#include <errno.h>
#include <unistd.h>

#include "common_blocking.h"
#include "common_children.h"

static void serve_forever(const struct server *server, void *argument, unsigned long number)
{
	struct worker worker;

	(void)number;
	worker_init(&worker, argument);
	for (;;)
		serve_connection(&worker, server_must(server, "accept", server_accept(server)));
}

int main(int argc, char **argv)
{
	static struct workplace workplace;
	static struct server server;

	server_open(&server, argc, argv, NULL, false);
	workplace_init(&workplace, &server);
	children_start(&server, serve_forever, &workplace);
	server_ready(&server);
	return children_finish(&server);
}
