/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What flows from a source (live rings, a recording, a test's text file) to the engine: a record, and what its payload said.
 * Sources make events, the wire stage (user/route/wire.h) fills in the note, recorder and engine read them.
 * Never: owned by the reader. An event and all that it points to are valid until the source's next `next`.
 */
#ifndef IOCPU_UTIL_EVENT_H
#define IOCPU_UTIL_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "record.h"

/* A pipelining client's requests in one read, beyond which only their number counts. */
#define WIRE_LINES_MAX 16

enum wire_protocol {
	WIRE_UNKNOWN, /* nothing said yet, or nothing that we know: a request is a read-write turn */
	WIRE_HTTP1,
	WIRE_HTTP2, /* preface seen; not readable */
	WIRE_TLS,   /* handshake seen; not readable */
};

/* What a response makes of its connection: something that goes on without an end of its own. */
enum wire_stream {
	WIRE_NO_STREAM,
	WIRE_UPGRADED,  /* a 101 went out, to another protocol than WebSocket */
	WIRE_WEBSOCKET, /* a 101 to WebSocket */
	WIRE_TUNNEL,    /* the answer to a CONNECT */
	WIRE_EVENTS,    /* the head of a text/event-stream: one of the server's only, after which requests may come again */
	WIRE_STREAMS
};

/* A request line. Neither string is ended by 0; both are printable ASCII (others stand as %XX), the target has no query. */
struct wire_line {
	const char *method;
	const char *target;
	uint16_t method_len;
	uint16_t target_len;
	bool cut; /* the target went on beyond what was seen */
};

/* Messages in one read or write, and what each begins with: of more, the rest is not told. */
#define WIRE_MESSAGES_MAX 128
#define WIRE_TOKENS_MAX   8

/*
 * A message on a connection that several requests use at once. An answer is told by what it repeats of its question, where that is always
 * found at the same place: so of the first words (of a line), or numbers (of a frame), a hash each.
 */
struct wire_message {
	uint32_t at; /* its first byte, in the read or write */
	uint32_t token_count;
	uint32_t tokens[WIRE_TOKENS_MAX];
};

/* What the payload of one read or write said: of a server's connection, or of a RECORD_MESSAGES. All zero: nothing. */
struct wire_note {
	uint8_t protocol;                       /* enum wire_protocol of the connection, as known by now */
	uint8_t begun;                          /* requests of which this read holds the first byte (pipelining: several) */
	uint8_t line_count;                     /* request lines that were completed in this read, in order */
	bool late_line;                         /* the first line belongs to a request whose first byte came in an earlier read */
	bool handshake;                         /* bytes of a handshake (TLS, HTTP/2 preface): they begin and answer no request */
	uint8_t stream;                         /* enum wire_stream: a write; with this response the connection becomes one */
	bool stream_ends;                       /* a write: the end of an event stream */
	uint16_t status;                        /* a write: a response with this status code begins in it; 0: none seen. 1xx are told too */
	uint8_t message_count;                  /* of a RECORD_MESSAGES: messages that begin in it, as far as they are seen, in order */
	struct wire_line lines[WIRE_LINES_MAX]; /* those beyond line_count are undefined */
	struct wire_message messages[WIRE_MESSAGES_MAX]; /* the same */
};

/* Says nothing. The lines stay as they are: clearing them would cost more than all else that is done for a record on its way. */
static inline void wire_note_clear(struct wire_note *note)
{
	memset(note, 0, offsetof(struct wire_note, lines));
}

struct event {
	const struct record_head *head; /* the whole record; its kind tells which struct it is */
	const struct window *window;    /* NULL: the span had none */
	const uint8_t *payload;         /* NULL: none, or not kept in the recording */
	size_t payload_len;
	struct wire_note note;
};

/* The three kinds of source behind one interface. */
struct event_source {
	/*
	 * The next event into *event: 1; 0: the end; −errno. A live source returns a RECORD_TICK at least every 100 ms, so that its
	 * caller is never stuck in it.
	 */
	int (*next)(struct event_source *source, struct event *event);
	/* Frees the source. */
	void (*close)(struct event_source *source);
};

static inline const struct record *event_record(const struct event *event)
{
	return (const struct record *)event->head;
}

/* Is it a struct record, which closes (or, for a snapshot, looks at) its thread's span? */
static inline bool record_kind_has_span(uint8_t kind)
{
	return (kind >= RECORD_IO && kind <= RECORD_SNAPSHOT) || kind == RECORD_STRAND || kind == RECORD_FUTEX;
}

/*
 * Finds the parts of a record of `size` bytes; the note says nothing. −EPROTO when the size does not fit the kind and the flags.
 * The bytes must be aligned to 8 and outlive the event.
 */
int event_decode(struct event *event, const void *bytes, size_t size);

/* Says in the record, which need not be aligned, how many bytes of payload follow. */
void event_set_payload_len(void *record, size_t len);

/* How many times a segment came follow such a record. */
uint32_t record_arrival_count(uint8_t kind, uint8_t flags);

/* The bytes that a record of this kind, with these flags, takes without payload; 0 for an unknown kind. */
size_t record_fixed_size(uint8_t kind, uint8_t flags);

#endif
