/* SPDX-License-Identifier: BSD-2-Clause */
#include "route/wire.h"

#include <stdlib.h>
#include <string.h>

#include "route/conns.h"
#include "route/http1.h"
#include "route/response.h"
#include "route/tls.h"

/* RFC 9113, 3.4. No HTTP/1 method begins with its first three bytes. */
static const char http2_preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
#define HTTP2_PREFACE_SIZE (sizeof(http2_preface) - 1)
#define HTTP2_PREFACE_SURE 3

struct wire {
	struct conns *conns;
	struct siphash_key key; /* of words */
	struct http1_text text; /* of the note told last */
};

/* The payload of a read or write, and how many bytes of it were not carried along. */
struct prefix {
	const uint8_t *bytes;
	size_t len;
	uint64_t unseen_bytes;
};

struct wire *wire_open(bool keep_query)
{
	struct wire *wire = calloc(1, sizeof(*wire));

	if (!wire)
		return NULL;
	wire->text.keep_query = keep_query;
	wire->conns = conns_open();
	if (!wire->conns) {
		free(wire);
		return NULL;
	}
	return wire;
}

void wire_set_key(struct wire *wire, const struct siphash_key *key)
{
	wire->key = *key;
}

/* Follows the preface from the connection's first byte on. True: this read holds a part of it that nothing else can be. */
static bool read_preface(struct conn *conn, const struct prefix *prefix)
{
	size_t left = HTTP2_PREFACE_SIZE - conn->preface_len;
	size_t len = prefix->len < left ? prefix->len : left;

	if (!left || !len || (conn->has_begun && !conn->preface_len))
		return false;
	if (memcmp(prefix->bytes, http2_preface + conn->preface_len, len) != 0) {
		conn->preface_len = 0;
		return false;
	}
	conn->preface_len = (uint8_t)(conn->preface_len + len);
	return conn->preface_len >= HTTP2_PREFACE_SURE;
}

static void read_unsettled(struct wire *wire, struct conn *conn, const struct prefix *prefix, struct wire_note *note)
{
	if (tls_begins(prefix->bytes, prefix->len)) {
		conn->protocol = WIRE_TLS;
		note->handshake = tls_read(&conn->tls, prefix->bytes, prefix->len, prefix->unseen_bytes);
		return;
	}
	if (read_preface(conn, prefix)) {
		conn->protocol = WIRE_HTTP2;
		note->handshake = true;
		return;
	}
	http1_read(&conn->http1, (const char *)prefix->bytes, prefix->len, prefix->unseen_bytes, note, &wire->text);
	if (note->line_count)
		conn->protocol = WIRE_HTTP1;
}

/* Requests may come again behind a stream of events only. */
static bool carries_no_more_requests(const struct conn *conn)
{
	return conn->stream && conn->stream != WIRE_EVENTS;
}

static void read_request(struct wire *wire, struct conn *conn, const struct prefix *prefix, struct wire_note *note)
{
	if (carries_no_more_requests(conn))
		return;
	switch (conn->protocol) {
	case WIRE_UNKNOWN:
		read_unsettled(wire, conn, prefix, note);
		break;
	case WIRE_HTTP1:
		http1_read(&conn->http1, (const char *)prefix->bytes, prefix->len, prefix->unseen_bytes, note, &wire->text);
		break;
	case WIRE_HTTP2:
		note->handshake = read_preface(conn, prefix);
		break;
	case WIRE_TLS:
		note->handshake = tls_read(&conn->tls, prefix->bytes, prefix->len, prefix->unseen_bytes);
		break;
	}
	conn->has_begun = true;
	if (note->begun)
		conn->stream = WIRE_NO_STREAM;
}

static void read_response(struct conn *conn, const struct prefix *prefix, struct wire_note *note)
{
	enum http1_status_seen seen = HTTP1_STATUS_UNSEEN;
	bool begins;

	if (carries_no_more_requests(conn) || conn->protocol == WIRE_HTTP2)
		return;
	if (conn->protocol == WIRE_TLS) {
		note->handshake = tls_write_is_handshake(prefix->bytes, prefix->len);
		return;
	}
	if (prefix->len)
		seen = http1_status((const char *)prefix->bytes, prefix->len, &note->status);
	if (seen == HTTP1_STATUS_SEEN) {
		conn->protocol = WIRE_HTTP1;
		note->stream = (uint8_t)response_stream((const char *)prefix->bytes, prefix->len, note->status, conn->http1.method);
		conn->stream = note->stream;
	}
	if (conn->stream == WIRE_EVENTS && response_ends_chunks((const char *)prefix->bytes, prefix->len, prefix->unseen_bytes)) {
		note->stream_ends = true;
		conn->stream = WIRE_NO_STREAM;
	}
	/* On a connection known to be HTTP, other bytes go on with a response that has begun before. */
	begins = seen != HTTP1_STATUS_NONE || conn->protocol == WIRE_UNKNOWN;
	if (begins && (note->status == 0 || note->status >= 200))
		http1_answer(&conn->http1);
}

/* Payload comes with server-side streams only: one that has it but is unknown was forgotten, or its description was lost. */
static struct conn *find_conn(struct wire *wire, const struct event *event)
{
	uint64_t id = event_record(event)->conn_id;
	struct conn *conn = conns_get(wire->conns, id);

	if (!conn && event->payload_len) {
		conn = conns_add(wire->conns, id);
		conn->is_server = true;
		conn->has_begun = true;
	}
	return conn;
}

/* The connection was not taken for one that several share, or a record was lost: what comes next may begin anywhere. */
static void note_untold(struct conn *conn, uint64_t at_ns)
{
	if (conn->messages_at_ns != at_ns)
		memset(&conn->messages, 0, sizeof(conn->messages));
}

static void read_io(struct wire *wire, struct event *event)
{
	const struct record *record = event_record(event);
	uint64_t result = record->result > 0 ? (uint64_t)record->result : 0;
	struct prefix prefix = {event->payload, event->payload_len, 0};
	struct conn *conn;

	if (!result || !record->conn_id || (event->head->flags & RECORD_PEEK))
		return;
	if (event->head->op != IO_READ && event->head->op != IO_WRITE)
		return;
	conn = find_conn(wire, event);
	if (conn && !conn->is_server)
		note_untold(conn, event->head->at_ns);
	if (!conn || !conn->is_server)
		return;
	if (prefix.len > result)
		prefix.len = result;
	prefix.unseen_bytes = result - prefix.len;
	wire->text.len = 0;
	if (event->head->op == IO_READ)
		read_request(wire, conn, &prefix, &event->note);
	else
		read_response(conn, &prefix, &event->note);
	event->note.protocol = conn->protocol;
}

static void read_messages(struct wire *wire, struct event *event)
{
	const struct record_messages *record = (const struct record_messages *)event->head;
	const struct moved_part part = {
		.key = &wire->key,
		.direction = record->head.op == IO_WRITE,
		.bytes = event->payload,
		.seen = event->payload_len < record->length ? event->payload_len : record->length,
		.len = record->length,
	};
	struct conn *conn = conns_get(wire->conns, record->conn_id);

	if (!conn)
		conn = conns_add(wire->conns, record->conn_id);
	messages_read(&conn->messages, &part, &event->note);
	conn->messages_at_ns = record->head.at_ns;
}

void wire_read(struct wire *wire, struct event *event)
{
	const struct record_conn *described = (const struct record_conn *)event->head;
	const struct record_conn_state *changed = (const struct record_conn_state *)event->head;

	switch (event->head->kind) {
	case RECORD_IO:
		read_io(wire, event);
		break;
	case RECORD_MESSAGES:
		read_messages(wire, event);
		break;
	case RECORD_CONN:
		conns_add(wire->conns, described->conn_id)->is_server = described->role == CONN_SERVER && described->type == CONN_STREAM;
		break;
	case RECORD_CONN_STATE:
		if (changed->state == CONN_ENDED)
			conns_remove(wire->conns, changed->conn_id);
		break;
	}
}

void wire_close(struct wire *wire)
{
	if (!wire)
		return;
	conns_close(wire->conns);
	free(wire);
}
