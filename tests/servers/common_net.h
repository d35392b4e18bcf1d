/* SPDX-License-Identifier: BSD-2-Clause */
/* Sockets on the loopback only: listeners, connections, and writing or reading a whole message through a blocking one.
 * Used by every sample program. Functions return a descriptor (closed by the caller) or a count, else -errno; none prints.
 */
#ifndef SERVERS_COMMON_NET_H
#define SERVERS_COMMON_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct tcp_options {
	bool ipv6;      /* ::1 rather than 127.0.0.1 */
	bool reuseport; /* several listeners share the port */
	bool nonblocking;
};

/* port 0 takes a free one (see local_port). */
int listen_tcp(uint16_t port, struct tcp_options options);

/* A datagram socket bound to 127.0.0.1, nonblocking. port 0 takes a free one. */
int listen_udp(uint16_t port);

/* Replaces a socket that an earlier run left at path. */
int listen_unix(const char *path);

/* The local port of a bound IP socket, 0 if it has none. */
uint16_t local_port(int fd);

/* A nonblocking connect returns while it may still be under way. */
int connect_tcp(uint16_t port, struct tcp_options options);
int connect_unix(const char *path, bool nonblocking);

/* Datagrams go to, and come from, this port only. */
int connect_udp(uint16_t port, bool nonblocking);

void set_nonblocking(int fd);

/* Small messages leave at once, not when the last one was acknowledged. Harmless on other sockets than TCP's. */
void send_without_delay(int fd);

/* Writes all of it: 0, or -errno. Never raises SIGPIPE. */
int send_all(int fd, const void *bytes, size_t count);

/* As many descriptors as the hard limit allows: each connection under load takes one. */
void raise_descriptor_limit(void);

#endif
