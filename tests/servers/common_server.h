/* SPDX-License-Identifier: BSD-2-Clause */
/* What every sample server begins and ends with: its options, its listeners, the READY line, the end on SIGTERM, the truth file.
 * Called by main() of the servers; knows no model. What fails here is told on stderr and ends the process with 1.
 */
#ifndef SERVERS_COMMON_SERVER_H
#define SERVERS_COMMON_SERVER_H

#include <stdbool.h>

#include "common_options.h"
#include "common_plan.h"

#define LISTENERS_MAX 2 /* TCP, and a Unix socket */

struct server {
	const char *name; /* of the program, for messages */
	unsigned long port, threads, pool_size;
	unsigned long downstream_ports[PEERS];
	const char *downstream_unix_path, *unix_path, *truth_path;
	bool ipv6;
	bool downstream_udp;
	bool variant; /* what a program's own option switches on */
	int listeners[LISTENERS_MAX];
	unsigned listener_count;
};

/* Options, truth, the file for /disk and listeners, in this order. own: one more option of this program's, or NULL; its `parse` is given
 * the server. reuseport: others may join the TCP listener's port (server_listen_again).
 */
void server_open(struct server *server, int argc, char **argv, const struct option_row *own, bool reuseport);

/* Another listener on the server's port: its descriptor, or -errno. */
int server_listen_again(const struct server *server);

/* Prints "READY port=NNNN pid=NNN". */
void server_ready(const struct server *server);

/* The next connection from any listener, blocking: its descriptor, or -errno. Connections that went away meanwhile are passed over. */
int server_accept(const struct server *server);

/* A connection to a downstream peer: its descriptor, or -errno. */
int server_connect_peer(const struct server *server, enum peer peer, bool nonblocking);

/* Waits for SIGTERM or SIGINT, which server_open blocks in every thread and child made later (children: server_unblock_signals). */
void server_wait_for_stop(void);
void server_unblock_signals(void);

/* For servers whose first thread accepts: a thread that waits for the signal, then ends the process with server_close. */
void server_stop_by_thread(struct server *server);

/* Writes the truth, removes the Unix socket. Returns main's exit code. */
int server_close(struct server *server);

/* Says "NAME: what: reason" and ends with 1 if error is negative; returns it otherwise. */
int server_must(const struct server *server, const char *what, int error);

#endif
