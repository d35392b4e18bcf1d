/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What happened on one stream (a WebSocket, a text/event-stream, a tunnel) since it was told last. A stream has no end of its own, so it is
 * told in pieces; the request that opened it is told as one, with its `opens` set.
 * Made by user/engine, read in its callbacks; all pointers are valid during the callback only.
 */
#ifndef IOCPU_UTIL_STREAM_H
#define IOCPU_UTIL_STREAM_H

#include "util/request.h"

struct stream {
	const struct request *opener; /* who it is: id, tgid, listening end, line, status, start_ns, end_ns; all else is 0 */
	uint8_t kind;                 /* enum wire_stream */
	bool ended;                   /* with this piece */
	uint64_t lasted_ns;           /* since the opener's response; of one that has ended, until it did */
	/* Reads and writes that moved data, and how much: about one a message. Without the head. */
	uint64_t reads, writes;
	uint64_t read_bytes, written_bytes;
	uint64_t cpu_ns;
};

/* "websocket", "event-stream" …: as JSON and metrics have them. */
extern const char *const stream_kind_names[WIRE_STREAMS];

#endif
