/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What goes over each server-side connection: tells HTTP/1 request and status lines, TLS and HTTP/2 from payload prefixes.
 * Stands between a live source and its readers; a recording made without payload already holds the notes.
 * Never: keeps a byte of a query, header or body in a note.
 */
#ifndef IOCPU_ROUTE_WIRE_H
#define IOCPU_ROUTE_WIRE_H

#include <stdbool.h>

#include "util/event.h"
#include "util/siphash.h"

struct wire;

/* keep_query: targets keep their query (--show-query). NULL: no memory. */
struct wire *wire_open(bool keep_query);

/* Words that notes compare are hashed by this key from now on, and no recording could be searched for one without it. At first it is 0. */
void wire_set_key(struct wire *wire, const struct siphash_key *key);

/*
 * Fills event->note from event->payload, for server-side reads and writes; follows RECORD_CONN and RECORD_CONN_STATE. Strings of the
 * note live until the next call. A read of which nothing can be said has note.begun 0: the engine then goes by turns. Connections are
 * bounded; the least recently used one is forgotten, and its protocol is found again with its next request.
 */
void wire_read(struct wire *wire, struct event *event);

void wire_close(struct wire *wire);

#endif
