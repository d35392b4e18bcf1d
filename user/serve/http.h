/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The exporter's HTTP server: /metrics, /healthz and a short page at /, in one thread of its own.
 * Called by `serve`.
 * Never: waits for a client beyond its time, or for more of them than it has room for; knows who is traced.
 */
#ifndef IOCPU_SERVE_HTTP_H
#define IOCPU_SERVE_HTTP_H

#include "serve/exhibit.h"
#include "util/listen_address.h"

struct http_server;

/*
 * Listens and answers from now on; *bound is the address with the port that it got. The exhibit is borrowed. 0 or −errno of the socket, or
 * −ENOMEM; −ENOTSUP: this program was linked without an HTTP server.
 */
int http_open(struct http_server **server, const struct listen_address *address, struct exhibit *exhibit, struct listen_address *bound);

/* Once a window: where all places are taken, whoever asks or listens too slowly gives way to those who wait for one. */
void http_relieve(struct http_server *server);

/* Ends all connections, also in the middle of an answer. NULL is fine. */
void http_close(struct http_server *server);

#endif
