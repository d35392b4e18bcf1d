/* SPDX-License-Identifier: BSD-2-Clause */
/* The servers' side of HTTP/1.1: requests out of a byte stream (http-parser does the parsing), and response heads.
 * Used by both kinds of servers, blocking and loops; never writes to a socket, reads only where asked.
 */
#ifndef SERVERS_COMMON_HTTP_H
#define SERVERS_COMMON_HTTP_H

#include <http_parser.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define HTTP_TARGET_MAX 256
#define HTTP_BUFFER     16384
#define HTTP_HEAD_MAX   256

struct http_request {
	char path[HTTP_TARGET_MAX];                   /* without the query */
	unsigned long cpu_us, calls, hold_us, pooled; /* the query's ?cpu=&calls=&hold=&pool=, 0 where absent */
	unsigned long id;                             /* header X-Id: the key of the truth files; 0 without it */
	bool keep_alive;
};

/* One connection's stream of requests; bytes behind a whole request wait in the buffer (pipelining). */
struct http_reader {
	http_parser parser;
	struct http_request request; /* valid once http_reader_next returned 1, until it is called again */
	char target[HTTP_TARGET_MAX], header_name[8];
	size_t target_length, header_name_length;
	bool header_ended, complete;
	size_t parsed, received; /* of the buffer */
	char buffer[HTTP_BUFFER];
};

void http_reader_init(struct http_reader *reader);

/* Are bytes there that no request has taken yet? */
bool http_reader_buffered(const struct http_reader *reader);

/* Is there no room to receive more until they are taken? */
bool http_reader_full(const struct http_reader *reader);

/* One recv into the buffer: the number of bytes, 0 at the stream's end, else -errno. -ENOBUFS: the buffer is full. */
ssize_t http_reader_receive(struct http_reader *reader, int fd);

/* 1: a whole request stands in reader->request. 0: more bytes are needed. -EPROTO: this is no HTTP, or its target is too long. */
int http_reader_next(struct http_reader *reader);

/* A response as bytes: the head, with a body of one line right behind it (a small answer leaves in one write), then the rest of the body:
 * lines of JSON, HTTP_BODY_LINE bytes each.
 */
#define HTTP_BODY_LINE 16

struct http_response {
	char start[HTTP_HEAD_MAX + HTTP_BODY_LINE];
	size_t start_bytes, rest_bytes;
};

void http_response_init(struct http_response *response, unsigned status, const struct http_request *request, size_t body_bytes);

/* What comes after the first `sent` bytes: a piece of count bytes, borrowed; count is 0 at the end. */
const char *http_response_piece(const struct http_response *response, size_t sent, size_t *count);

#endif
