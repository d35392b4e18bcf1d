/* SPDX-License-Identifier: BSD-2-Clause */
#include "common_http.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#define ID_HEADER "x-id"

static struct http_reader *reader_of(http_parser *parser)
{
	return parser->data;
}

static int on_message_begin(http_parser *parser)
{
	struct http_reader *reader = reader_of(parser);

	reader->request = (struct http_request){.id = 0};
	reader->target_length = reader->header_name_length = 0;
	reader->header_ended = reader->complete = false;
	return 0;
}

/* The parser hands out names and values in pieces, as they arrive. */
static int on_url(http_parser *parser, const char *piece, size_t length)
{
	struct http_reader *reader = reader_of(parser);

	if (length > sizeof reader->target - reader->target_length)
		return -1;
	memcpy(reader->target + reader->target_length, piece, length);
	reader->target_length += length;
	return 0;
}

static int on_header_field(http_parser *parser, const char *piece, size_t length)
{
	struct http_reader *reader = reader_of(parser);

	if (reader->header_ended)
		reader->header_name_length = 0;
	reader->header_ended = false;
	for (size_t i = 0; i < length; i++, reader->header_name_length++)
		if (reader->header_name_length < sizeof reader->header_name)
			reader->header_name[reader->header_name_length] = piece[i];
	return 0;
}

static int on_header_value(http_parser *parser, const char *piece, size_t length)
{
	struct http_reader *reader = reader_of(parser);

	reader->header_ended = true;
	if (reader->header_name_length != strlen(ID_HEADER) || strncasecmp(reader->header_name, ID_HEADER, strlen(ID_HEADER)))
		return 0;
	for (size_t i = 0; i < length && piece[i] >= '0' && piece[i] <= '9'; i++)
		reader->request.id = reader->request.id * 10 + (unsigned long)(piece[i] - '0');
	return 0;
}

/* One row a key of the query that the servers know. */
static const struct {
	const char *name;
	size_t offset;
} query_keys[] = {
	{"cpu=", offsetof(struct http_request, cpu_us)},
	{"calls=", offsetof(struct http_request, calls)},
	{"hold=", offsetof(struct http_request, hold_us)},
	{"pool=", offsetof(struct http_request, pooled)},
};

static void parse_query(struct http_request *request, char *query)
{
	char *rest, *pair = strtok_r(query, "&", &rest);

	for (; pair; pair = strtok_r(NULL, "&", &rest))
		for (size_t i = 0; i < sizeof query_keys / sizeof *query_keys; i++)
			if (!strncmp(pair, query_keys[i].name, strlen(query_keys[i].name)))
				*(unsigned long *)((char *)request + query_keys[i].offset) =
					strtoul(pair + strlen(query_keys[i].name), NULL, 10);
}

static int on_message_complete(http_parser *parser)
{
	struct http_reader *reader = reader_of(parser);
	struct http_parser_url url;
	char query[HTTP_TARGET_MAX + 1] = "";

	http_parser_url_init(&url);
	if (http_parser_parse_url(reader->target, reader->target_length, parser->method == HTTP_CONNECT, &url))
		return -1;
	if (url.field_data[UF_PATH].len >= sizeof reader->request.path)
		return -1;
	memcpy(reader->request.path, reader->target + url.field_data[UF_PATH].off, url.field_data[UF_PATH].len);
	memcpy(query, reader->target + url.field_data[UF_QUERY].off, url.field_data[UF_QUERY].len);
	parse_query(&reader->request, query);
	reader->request.keep_alive = http_should_keep_alive(parser);
	reader->complete = true;
	http_parser_pause(parser, 1); /* what follows is the next request: not before this one is served */
	return 0;
}

static const http_parser_settings callbacks = {
	.on_message_begin = on_message_begin,
	.on_url = on_url,
	.on_header_field = on_header_field,
	.on_header_value = on_header_value,
	.on_message_complete = on_message_complete,
};

void http_reader_init(struct http_reader *reader)
{
	http_parser_init(&reader->parser, HTTP_REQUEST);
	reader->parser.data = reader;
	reader->parsed = reader->received = 0;
	reader->complete = false;
}

bool http_reader_buffered(const struct http_reader *reader)
{
	return reader->parsed < reader->received;
}

bool http_reader_full(const struct http_reader *reader)
{
	return http_reader_buffered(reader) && reader->received == sizeof reader->buffer;
}

ssize_t http_reader_receive(struct http_reader *reader, int fd)
{
	ssize_t received;

	if (!http_reader_buffered(reader))
		reader->parsed = reader->received = 0;
	if (http_reader_full(reader))
		return -ENOBUFS;
	do {
		received = recv(fd, reader->buffer + reader->received, sizeof reader->buffer - reader->received, 0);
	} while (received < 0 && errno == EINTR);
	if (received < 0)
		return -errno;
	reader->received += (size_t)received;
	return received;
}

int http_reader_next(struct http_reader *reader)
{
	reader->complete = false;
	if (!http_reader_buffered(reader))
		return 0; /* no bytes would mean the end of the stream to the parser */
	reader->parsed +=
		http_parser_execute(&reader->parser, &callbacks, reader->buffer + reader->parsed, reader->received - reader->parsed);
	if (reader->complete) {
		http_parser_pause(&reader->parser, 0);
		return 1;
	}
	return HTTP_PARSER_ERRNO(&reader->parser) == HPE_OK && !reader->parser.upgrade ? 0 : -EPROTO;
}

#define LINE             "{\"status\":\"ok\"}\n"
#define TIMES_4(text)    text text text text
#define TIMES_64(text)   TIMES_4(TIMES_4(TIMES_4(text)))
#define TIMES_4096(text) TIMES_64(TIMES_64(text))

_Static_assert(sizeof LINE - 1 == HTTP_BODY_LINE, "the body's line");

void http_response_init(struct http_response *response, unsigned status, const struct http_request *request, size_t body_bytes)
{
	int length = snprintf(
		response->start, HTTP_HEAD_MAX,
		"HTTP/1.1 %u %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\nX-Id: %lu\r\nConnection: %s\r\n\r\n", status,
		http_status_str((enum http_status)status), body_bytes, request->id, request->keep_alive ? "keep-alive" : "close");

	response->start_bytes = (size_t)length;
	response->rest_bytes = body_bytes;
	if (body_bytes > HTTP_BODY_LINE)
		return;
	memcpy(response->start + response->start_bytes, LINE, body_bytes);
	response->start_bytes += body_bytes;
	response->rest_bytes = 0;
}

const char *http_response_piece(const struct http_response *response, size_t sent, size_t *count)
{
	static const char lines[] = TIMES_4096(LINE);
	size_t body_sent, available;

	if (sent < response->start_bytes) {
		*count = response->start_bytes - sent;
		return response->start + sent;
	}
	body_sent = sent - response->start_bytes;
	available = sizeof lines - 1 - body_sent % (sizeof lines - 1);
	*count = response->rest_bytes - body_sent < available ? response->rest_bytes - body_sent : available;
	return lines + body_sent % (sizeof lines - 1);
}
