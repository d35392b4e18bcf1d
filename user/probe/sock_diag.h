/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sockets in one state, as the kernel tells them by netlink (sock_diag): listeners, without a walk over all connections.
 * Called by listeners.c.
 * Never: needs a right, but for another network namespace than its own, where it takes CAP_SYS_ADMIN.
 */
#ifndef IOCPU_PROBE_SOCK_DIAG_H
#define IOCPU_PROBE_SOCK_DIAG_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct listener;

/* A socket to ask by: of the process's network namespace, or if it is not `elsewhere` of our own. An fd, or −errno. */
int sock_diag_open(pid_t pid, bool elsewhere);

/* What is asked for: the sockets of a family and protocol (Unix: 0) that are in this state, as TCP counts them. */
struct sock_diag_query {
	uint8_t family;
	uint8_t protocol;
	uint8_t state;
};

/* Calls back for each socket, in no order, up to the callback's first error. 0; that error; −errno: the kernel refused, or broke off. */
typedef int (*sock_diag_callback)(void *context, const struct listener *socket);
int sock_diag_ask(int fd, const struct sock_diag_query *query, sock_diag_callback on_socket, void *context);

#endif
