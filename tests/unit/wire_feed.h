/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Makes events for the wire stage out of strings.
 * Used by its unit tests.
 * Never: more payload than the kernel half would carry along.
 */
#ifndef TESTS_WIRE_FEED_H
#define TESTS_WIRE_FEED_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "route/wire.h"

#define FEED_CONN 77

/* An event and what it points to. */
struct feed {
	struct record record;
	uint8_t payload[255];
	struct event event;
};

static inline const struct wire_note *feed_io(struct feed *feed, struct wire *wire, uint64_t conn_id, uint8_t op, const char *bytes,
					      size_t len, size_t seen_max)
{
	size_t seen = len < seen_max ? len : seen_max;

	memset(feed, 0, sizeof(*feed));
	feed->record.head.kind = RECORD_IO;
	feed->record.head.op = op;
	feed->record.head.payload_len = (uint8_t)seen;
	feed->record.conn_id = conn_id;
	feed->record.result = (int32_t)len;
	memcpy(feed->payload, bytes, seen);
	feed->event.head = &feed->record.head;
	feed->event.payload = seen ? feed->payload : NULL;
	feed->event.payload_len = seen;
	wire_read(wire, &feed->event);
	return &feed->event.note;
}

static inline const struct wire_note *feed_read(struct feed *feed, struct wire *wire, const char *bytes)
{
	return feed_io(feed, wire, FEED_CONN, IO_READ, bytes, strlen(bytes), PAYLOAD_REQUEST_MAX);
}

static inline const struct wire_note *feed_write(struct feed *feed, struct wire *wire, const char *bytes)
{
	bool begins = strncmp(bytes, "HTTP/1.", strlen("HTTP/1.")) == 0;

	return feed_io(feed, wire, FEED_CONN, IO_WRITE, bytes, strlen(bytes), begins ? PAYLOAD_REQUEST_MAX : PAYLOAD_STATUS_MAX);
}

static inline void feed_conn(struct wire *wire, uint64_t conn_id, uint8_t role, uint8_t type)
{
	struct record_conn conn = {.head.kind = RECORD_CONN, .conn_id = conn_id, .role = role, .type = type};
	struct event event = {.head = &conn.head};

	wire_read(wire, &event);
}

static inline void feed_conn_end(struct wire *wire, uint64_t conn_id)
{
	struct record_conn_state state = {.head.kind = RECORD_CONN_STATE, .conn_id = conn_id, .state = CONN_ENDED};
	struct event event = {.head = &state.head};

	wire_read(wire, &event);
}

/* "GET /a" */
static inline const char *line_text(const struct wire_note *note, size_t at)
{
	static char text[2048];
	const struct wire_line *line = &note->lines[at];

	assert_true(at < note->line_count);
	snprintf(text, sizeof(text), "%.*s %.*s", line->method_len, line->method, line->target_len, line->target);
	return text;
}

/* A whole request line, and nothing else. */
static inline void expect_line(const struct wire_note *note, const char *line)
{
	assert_int_equal(note->protocol, WIRE_HTTP1);
	assert_int_equal(note->begun, 1);
	assert_int_equal(note->line_count, 1);
	assert_false(note->late_line);
	assert_string_equal(line_text(note, 0), line);
}

static inline void expect_nothing(const struct wire_note *note)
{
	assert_int_equal(note->begun, 0);
	assert_int_equal(note->line_count, 0);
	assert_int_equal(note->status, 0);
	assert_false(note->late_line);
}

#endif
