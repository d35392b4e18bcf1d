/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the head of an HTTP/1 response, as far as it is carried along, says of what comes behind it.
 * Called by wire.c with each write that begins a response.
 * Never: keeps a byte of it.
 */
#ifndef IOCPU_ROUTE_RESPONSE_H
#define IOCPU_ROUTE_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/event.h"

/*
 * What this response to a request of `method` (enum http_method) makes of its connection. An event stream is one if its type lies within
 * the bytes; a 101 to WebSocket likewise, otherwise it is one to something else.
 */
enum wire_stream response_stream(const char *head, size_t len, uint16_t status, uint8_t method);

/* Are these, all that a write wrote, the end of a chunked body? */
bool response_ends_chunks(const char *bytes, size_t len, uint64_t unseen_bytes);

#endif
