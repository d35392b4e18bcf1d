/* SPDX-License-Identifier: BSD-2-Clause */
/* Event loop: one thread, nonblocking sockets, callbacks called back at once, as in Node and nginx. It serves all requests side by side as
 * long as none of them computes; while one does, all the others wait.
 */
#include "common_loop_server.h"

int main(int argc, char **argv)
{
	static struct loop_server loop_server;
	static struct server server;

	server_open(&server, argc, argv, NULL, false);
	server_must(&server, "event loop", loop_server_init(&loop_server, &server, server.listeners, server.listener_count));
	server_must(&server, "event loop", loop_stop_on_signals(&loop_server.loop));
	server_ready(&server);
	server_must(&server, "event loop", loop_run(&loop_server.loop));
	loop_server_drain(&loop_server);
	loop_server_fini(&loop_server);
	return server_close(&server);
}
