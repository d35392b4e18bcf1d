/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The connections that the wire stage follows: a bounded table by id that forgets the least recently used.
 * Called by wire.c only.
 * Never: knows what a connection is to the engine.
 */
#ifndef IOCPU_ROUTE_CONNS_H
#define IOCPU_ROUTE_CONNS_H

#include <stdbool.h>
#include <stdint.h>

#include "route/http1.h"
#include "route/messages.h"
#include "route/tls.h"

/* About 130 bytes each, taken only as they are used. */
#define CONNS_MAX 65536

struct conn {
	uint64_t id;
	uint32_t next_in_bucket;
	uint32_t older;
	uint32_t newer;
	uint8_t protocol;    /* enum wire_protocol */
	uint8_t preface_len; /* bytes of the HTTP/2 preface that came so far, from the connection's first byte on */
	bool is_server;      /* a stream on which requests come in */
	bool has_begun;      /* bytes came in */
	uint8_t stream;      /* enum wire_stream, from its head on */
	struct tls tls;
	struct http1 http1;
	struct messages messages;
	uint64_t messages_at_ns; /* the read or write that they were told of last */
};

struct conns;

/* NULL: no memory. */
struct conns *conns_open(void);

/* The connection, now the most recently used; NULL: not known. */
struct conn *conns_get(struct conns *conns, uint64_t id);

/* A fresh one of this id, in the place of an earlier one of the same id or, if the table is full, of the least recently used. */
struct conn *conns_add(struct conns *conns, uint64_t id);

void conns_remove(struct conns *conns, uint64_t id);

/* NULL is fine. */
void conns_close(struct conns *conns);

#endif
