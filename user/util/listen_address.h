/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where to listen, as people type it: "127.0.0.1:9464", "[::1]:9464", "*:9464".
 * Called by cli's options.
 * Never: asks a name service; opens a socket.
 */
#ifndef IOCPU_UTIL_LISTEN_ADDRESS_H
#define IOCPU_UTIL_LISTEN_ADDRESS_H

#include <netinet/in.h>
#include <stddef.h>

struct listen_address {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} socket;
	socklen_t length;
};

/* Room for what listen_address_print writes, its end included. */
#define LISTEN_ADDRESS_TEXT sizeof("[0000:0000:0000:0000:0000:0000:255.255.255.255]:65535")

/* A port of 0 lets the kernel choose one. 0 or −EINVAL. */
int listen_address_parse(const char *text, struct listen_address *address);

/* As it is typed, and as it stands in a URL; every address of this machine is "0.0.0.0" or "[::]" then. */
void listen_address_print(const struct listen_address *address, char text[LISTEN_ADDRESS_TEXT]);

#endif
