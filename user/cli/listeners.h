/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who listens where, from /proc: the sockets that a network namespace listens on, and which process holds them.
 * Called by target resolution (--port, "its child serves") and by doctor.
 * Never: opens a socket; changes a namespace.
 */
#ifndef IOCPU_CLI_LISTENERS_H
#define IOCPU_CLI_LISTENERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "record.h"

struct listener_socket {
	uint64_t inode;
	uint16_t port; /* 0: a Unix socket */
	bool datagram; /* UDP, bound and not connected: it may be a server's */
	char path[UNIX_PATH_MAX + 1];
};

/* The listening sockets of one network namespace. */
struct listener_table {
	uint64_t namespace_inode;
	struct listener_socket *sockets;
	size_t count;
};

/* The network namespace of a process; 0: gone, or not ours to see. */
uint64_t network_namespace(pid_t pid);

/* Reads the table of the process's namespace; to be ended with listener_table_fini in any case. 0 or −errno. */
int listener_table_read(struct listener_table *table, pid_t pid);
void listener_table_fini(struct listener_table *table);

/* Is any of them bound to this port? */
bool listener_table_has(const struct listener_table *table, uint16_t port);

/* Which of the table's sockets the process holds: fills at most max, returns how many there are. */
size_t listeners_of_process(const struct listener_table *table, pid_t pid, const struct listener_socket **held, size_t max);

#endif
