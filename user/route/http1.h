/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One connection's stream of HTTP/1 requests, seen through prefixes of its reads: where requests begin, and their request lines.
 * Called by wire.c with each server-side read and write. libhttp-parser reads lines, headers and chunks.
 * Never: looks at headers but for the length of the body, keeps anything of a request beyond its target.
 */
#ifndef IOCPU_ROUTE_HTTP1_H
#define IOCPU_ROUTE_HTTP1_H

#include <http_parser.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/event.h"

/* How much is kept of a target that comes in several reads. */
#define TARGET_KEPT_MAX 256

enum http1_phase {
	HTTP1_LINE,    /* before or in a request line */
	HTTP1_MESSAGE, /* in headers or chunks: the parser knows where */
	HTTP1_BODY,    /* body_left_bytes of a body are to come */
	HTTP1_BLIND,   /* bytes went by unseen: somewhere in a request */
};

/* What is known of the body of a request whose end was not seen. */
enum http1_body { HTTP1_BODY_UNKNOWN, HTTP1_BODY_NONE, HTTP1_BODY_LIKELY };

struct http1 {
	http_parser parser;
	uint64_t body_left_bytes;
	char *target; /* of the line that is being read, as it came; NULL: has not begun */
	uint16_t target_len;
	uint8_t phase;     /* enum http1_phase */
	uint8_t body;      /* enum http1_body, for HTTP1_BLIND */
	uint8_t method;    /* enum http_method of the last line */
	bool begun;        /* HTTP1_LINE: the line's first byte was seen */
	bool told;         /* … and counted in a note */
	bool doubtful;     /* HTTP1_LINE: perhaps not a line at all; told only once its target begins */
	bool target_ended; /* the target was seen up to its end */
	bool target_cut;   /* more of the target came than is kept */
	bool answered;     /* since the last request began, a response began */
};

/* Where the targets of one note are kept: room for the kept part of a line and for a full payload, each byte as %XX. */
struct http1_text {
	char bytes[3 * (TARGET_KEPT_MAX + 255)];
	size_t len;
	bool keep_query;
};

/* A connection that begins, or whose past is unknown. */
void http1_init(struct http1 *http1);
void http1_fini(struct http1 *http1);

/* A read: `len` bytes seen, followed by unseen_bytes. Adds to begun, line_count, lines and late_line of *note; targets go into *text. */
void http1_read(struct http1 *http1, const char *bytes, size_t len, uint64_t unseen_bytes, struct wire_note *note, struct http1_text *text);

/* A response to the last request began: what is read next may be a new request. */
void http1_answer(struct http1 *http1);

enum http1_status_seen {
	HTTP1_STATUS_NONE,   /* these bytes do not begin a response */
	HTTP1_STATUS_UNSEEN, /* they may, but are too few to tell */
	HTTP1_STATUS_SEEN,
};

/* Does this prefix of a write begin a response? *status is set when HTTP1_STATUS_SEEN. */
enum http1_status_seen http1_status(const char *bytes, size_t len, uint16_t *status);

#endif
