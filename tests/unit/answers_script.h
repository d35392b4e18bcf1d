/* SPDX-License-Identifier: BSD-2-Clause */
/* A connection that several requests ask on at once, for tests of whose answers come. Times in µs. */
#ifndef IOCPU_TESTS_ANSWERS_SCRIPT_H
#define IOCPU_TESTS_ANSWERS_SCRIPT_H

#include <stdio.h>

#include "route/messages.h"
#include "unit/strand_script.h"

enum { CLIENT_C = CLIENT_B + 1 };

/* What has come on DB: a segment a line. */
static struct messages texts;
static struct arrival segments[ARRIVALS_MAX];
static uint32_t segment_count, received;

static inline void note_segments(const char *text, const uint64_t *arrived)
{
	for (const char *line = text; arrived && *line; line = strchr(line, '\n') + 1) {
		uint32_t end = received + (uint32_t)(strchr(line, '\n') + 1 - text);

		segments[segment_count++ % ARRIVALS_MAX] = (struct arrival){end, (uint32_t)(*arrived++ * US)};
	}
}

/* Of the read or write that follows. arrived: of each line; NULL: not told. */
static inline void moves(struct script *script, uint64_t at, uint32_t tid, enum io_op op, const char *text, const uint64_t *arrived)
{
	struct {
		struct record_messages record;
		struct arrival arrivals[ARRIVALS_MAX];
	} bytes = {.record = {.head = {.at_ns = at * US, .tid = tid, .kind = RECORD_MESSAGES, .op = (uint8_t)op},
			      .conn_id = DB,
			      .length = (uint32_t)strlen(text)}};
	static const struct siphash_key key;
	const struct moved_part part = {&key, op == IO_WRITE, (const uint8_t *)text, strlen(text), strlen(text)};
	struct wire_note note = {0};
	size_t size = sizeof(bytes.record);

	messages_read(&texts, &part, &note);
	if (op == IO_READ) {
		note_segments(text, arrived);
		received += (uint32_t)strlen(text);
		bytes.record.head.flags = RECORD_ALL_ARRIVALS;
		bytes.record.until = received;
		memcpy(bytes.arrivals, segments, sizeof(segments));
		size = sizeof(bytes);
	}
	script_feed(script, &bytes, size, &note);
}

#define ASKS(script, at, tid, text, ...)                                                                                                   \
	do {                                                                                                                               \
		moves(script, at, tid, IO_WRITE, text, NULL);                                                                              \
		WRITE(script, at, tid, DB, __VA_ARGS__);                                                                                   \
	} while (0)

/* Nobody saw this come, which is heard next: it had not come by then. */
static inline void comes_unseen(const char *text, uint64_t not_before)
{
	segments[segment_count++ % ARRIVALS_MAX] = (struct arrival){received + (uint32_t)strlen(text), (uint32_t)(not_before * US)};
}

/* The arrivals of the lines are in brackets. */
#define HEARS(script, at, tid, text, arrivals, ...)                                                                                        \
	do {                                                                                                                               \
		moves(script, at, tid, IO_READ, text, (const uint64_t[])UNWRAP arrivals);                                                  \
		READ(script, at, tid, DB, __VA_ARGS__);                                                                                    \
	} while (0)
#define UNWRAP(...)                                                                                                                        \
	{                                                                                                                                  \
		__VA_ARGS__                                                                                                                \
	}

static inline void begin(void)
{
	texts = (struct messages){0};
	memset(segments, 0, sizeof(segments));
	segments[0] = (struct arrival){1000, 1};
	segment_count = 1;
	received = 1000;
}

static inline struct script *loop_with_clients(void)
{
	struct script *script = script_open();

	begin();
	script_thread(script, 0, MAIN, MAIN, THREAD_FOUND);
	script_conn(script, DB, CONN_DOWNSTREAM, 5432);
	for (uint64_t conn = CLIENT_A; conn <= CLIENT_C; conn++)
		script_conn(script, conn, CONN_SERVER, 8080);
	return script;
}

/* A, B and C have asked, at 1100, 1200 and 1300, in a loop that calls back at once. */
static inline struct script *three_that_asked(void)
{
	static const char *const lines[] = {"GET /a", "GET /b", "GET /c"};
	static const char *const questions[] = {"Q 17 9\n", "Q 18 9\n", "Q 19 9\n"};
	struct script *script = loop_with_clients();

	for (uint64_t i = 0; i < 3; i++) {
		uint64_t at = 1010 + 100 * i;

		READ(script, at, MAIN, CLIENT_A + i, POLLED(at - 9, at - 5, 1), .arrived = at - 5, .line = lines[i]);
		ASKS(script, 1100 + 100 * i, MAIN, questions[i]);
	}
	return script;
}

#endif
