/* SPDX-License-Identifier: BSD-2-Clause */
/* Where messages begin on a connection that several requests use, and what each begins with. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "route/messages.h"
#include "route/wire.h"

enum { IN, OUT };

/* What came along of it is its first `seen` bytes. */
static struct wire_note read_part(struct messages *messages, int direction, const void *bytes, size_t len, size_t seen)
{
	static const struct siphash_key key = {{17, 18}};
	const struct moved_part part = {&key, direction, bytes, seen, len};
	struct wire_note note = {0};

	messages_read(messages, &part, &note);
	return note;
}

#define TEXT(messages, direction, text) read_part(messages, direction, text, strlen(text), strlen(text))
#define BYTES(messages, direction, ...)                                                                                                    \
	read_part(messages, direction, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}),                             \
		  sizeof((const uint8_t[]){__VA_ARGS__}))

static void assert_begins(const struct wire_note *note, uint8_t count, const uint32_t *at)
{
	assert_int_equal(note->message_count, count);
	for (uint8_t i = 0; i < count; i++)
		assert_int_equal(note->messages[i].at, at[i]);
}

#define BEGINS(note, ...) assert_begins(note, sizeof((uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t), (uint32_t[]){__VA_ARGS__})

static void lines(void **state)
{
	struct messages messages = {0};
	struct wire_note asked = TEXT(&messages, OUT, "GET 17 x\n"), answered = TEXT(&messages, IN, "OK 18\nOK 17 x y\n");
	(void)state;

	BEGINS(&asked, 0);
	BEGINS(&answered, 0, 6);
	assert_int_equal(asked.messages[0].token_count, 3);
	assert_int_equal(asked.messages[0].tokens[1], answered.messages[1].tokens[1]);
	assert_int_not_equal(asked.messages[0].tokens[1], answered.messages[0].tokens[1]);
}

/* As many as there is room for; all the others' ends are known all the same. */
static void many_lines(void **state)
{
	enum { LINES = WIRE_MESSAGES_MAX + 2, LENGTH = 8 };
	static char text[LINES * LENGTH + 1];
	struct messages messages = {0};
	struct wire_note note;
	(void)state;

	for (int i = 0; i < LINES; i++)
		memcpy(text + i * LENGTH, "R 17 ok\n", LENGTH);
	(void)TEXT(&messages, OUT, "GET 17 x\n");
	note = TEXT(&messages, IN, text);
	assert_int_equal(note.message_count, WIRE_MESSAGES_MAX);
	assert_int_equal(note.messages[WIRE_MESSAGES_MAX - 1].at, (WIRE_MESSAGES_MAX - 1) * LENGTH);
	note = TEXT(&messages, IN, "R 17 ok\n");
	BEGINS(&note, 0);
}

/* The words are those between JSON's signs. */
static void json_lines(void **state)
{
	struct messages messages = {0};
	struct wire_note asked = TEXT(&messages, OUT, "{\"id\": 17, \"method\": \"get\"}\n");
	struct wire_note answered = TEXT(&messages, IN, "{\"result\":null,\"id\":17}\n");
	(void)state;

	assert_int_equal(asked.messages[0].tokens[1], answered.messages[0].tokens[3]);
}

/* One that is read in two parts begins once. A word that is not whole is none. */
static void parts_of_lines(void **state)
{
	struct messages messages = {0};
	struct wire_note note;
	(void)state;

	TEXT(&messages, IN, "OK 1\n");
	note = TEXT(&messages, IN, "OK 2\nOK 3");
	BEGINS(&note, 0, 5);
	assert_int_equal(note.messages[1].token_count, 1);
	note = TEXT(&messages, IN, "4 more\nOK 5\n");
	BEGINS(&note, 7);
}

/* However many parts there are. */
static void long_line(void **state)
{
	struct messages messages = {0};
	struct wire_note note;
	(void)state;

	TEXT(&messages, IN, "OK 1\n");
	TEXT(&messages, IN, "OK 2 a");
	note = TEXT(&messages, IN, "b c d");
	BEGINS(&note);
	note = TEXT(&messages, IN, " e f");
	BEGINS(&note);
	note = TEXT(&messages, IN, " g\nOK 3\n");
	BEGINS(&note, 3);
}

/* HTTP/2: HEADERS on streams 3 and 1, each with some DATA; the settings are no message. */
static void http2_frames(void **state)
{
	struct messages messages = {0};
	struct wire_note note = BYTES(&messages, IN, 0, 0, 0, 4, 1, 0, 0, 0, 0, /* */
				      0, 0, 1, 1, 4, 0, 0, 0, 3, 0x88,          /* */
				      0, 0, 2, 0, 1, 0, 0, 0, 3, 'o', 'k',      /* */
				      0, 0, 1, 1, 4, 0, 0, 0, 1, 0x88);
	struct wire_note asked = BYTES(&messages, OUT, 0, 0, 1, 1, 5, 0, 0, 0, 1, 0x82);
	(void)state;

	BEGINS(&note, 9, 30);
	assert_int_equal(note.messages[1].tokens[0], asked.messages[0].tokens[0]);
	assert_int_not_equal(note.messages[0].tokens[0], asked.messages[0].tokens[0]);
}

/* A long frame goes on in the reads behind it. */
static void parts_of_frames(void **state)
{
	struct messages messages = {0};
	uint8_t long_frame[9 + 1000] = {0, 3, 0xe8, 0, 0, 0, 0, 0, 1};
	struct wire_note note;
	(void)state;

	BYTES(&messages, IN, 0, 0, 1, 1, 4, 0, 0, 0, 1, 0x88);
	note = read_part(&messages, IN, long_frame, 509, 192);
	BEGINS(&note);
	note = read_part(&messages, IN, long_frame + 509, 400, 192);
	BEGINS(&note);
	note = read_part(&messages, IN, (uint8_t[110]){[100] = 0, 0, 1, 1, 4, 0, 0, 0, 3, 0x88}, 110, 110);
	BEGINS(&note, 100);
}

/* Kafka: the length, then in a question what is asked and which version, then the number that the answer begins with. */
static void sized_frames(void **state)
{
	struct messages messages = {0};
	struct wire_note asked = BYTES(&messages, OUT, 0, 0, 0, 10, 0, 3, 0, 9, 0, 0, 1, 2, 'x', 'y');
	struct wire_note answered = BYTES(&messages, IN, 0, 0, 0, 4, 0, 0, 1, 1, 0, 0, 0, 6, 0, 0, 1, 2, 7, 7);
	(void)state;

	BEGINS(&answered, 0, 8);
	assert_int_equal(answered.messages[1].tokens[1], asked.messages[0].tokens[2]);
	assert_int_not_equal(answered.messages[0].tokens[1], asked.messages[0].tokens[2]);
}

/* MongoDB: the length of all, the message's number, and in an answer that of the question. */
static void mongo_frames(void **state)
{
	struct messages messages = {0};
	struct wire_note asked = BYTES(&messages, OUT, 16, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0xdd, 7, 0, 0);
	struct wire_note answered = BYTES(&messages, IN, 16, 0, 0, 0, 99, 0, 0, 0, 7, 0, 0, 0, 0xdd, 7, 0, 0);
	(void)state;

	assert_int_equal(answered.messages[0].tokens[2], asked.messages[0].tokens[1]);
}

static void neither(void **state)
{
	struct messages messages = {0};
	struct wire_note note = BYTES(&messages, IN, 0xff, 0xfe, 0xfd, 0xfc, 0xfb, 0xfa, 0xf9, 0xf8, 0xf7, 0xf6, 0xf5, 0xf4, 0xf3);
	(void)state;

	BEGINS(&note);
	assert_int_equal(messages.framing, 0);
}

/* The vector of SipHash's authors. */
static void hash(void **state)
{
	static const struct siphash_key key = {{0x0706050403020100, 0x0f0e0d0c0b0a0908}};
	uint8_t bytes[15];
	(void)state;

	for (uint8_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = i;
	assert_int_equal(siphash(&key, bytes, sizeof(bytes)), 0xa129ca6149be45e5);
	assert_int_equal(siphash(&key, bytes, 0), 0x726fdb47dd0e0e31);
}

/* The same word is the same by one key, and another one by another: who lacks a recording's key finds no word in it. */
static void words_by_key(void **state)
{
	static const struct siphash_key key = {{1, 2}};
	static const char text[] = "OK OK\n";
	struct {
		struct record_messages record;
		char text[sizeof(text)];
	} bytes = {.record = {.head = {.kind = RECORD_MESSAGES, .op = IO_READ}, .conn_id = 7, .length = 6, .prefix_len = sizeof(text) - 1}};
	uint32_t tokens[2];
	(void)state;

	memcpy(bytes.text, text, sizeof(text));
	for (int keyed = 0; keyed < 2; keyed++) {
		struct wire *wire = wire_open(false);
		struct event event;

		assert_non_null(wire);
		if (keyed)
			wire_set_key(wire, &key);
		assert_int_equal(event_decode(&event, &bytes, sizeof(bytes.record) + sizeof(text) - 1), 0);
		wire_read(wire, &event);
		assert_int_equal(event.note.messages[0].tokens[0], event.note.messages[0].tokens[1]);
		tokens[keyed] = event.note.messages[0].tokens[0];
		wire_close(wire);
	}
	assert_int_not_equal(tokens[0], tokens[1]);
}

/* By their record, of a connection that nothing else is known of. What was not seen of it may hold more. */
static void of_a_record(void **state)
{
	static const char text[] = "OK 1 x\nOK 2";
	struct {
		struct record_messages record;
		char text[sizeof(text)];
	} bytes = {
		.record = {.head = {.kind = RECORD_MESSAGES, .op = IO_READ}, .conn_id = 7, .length = 300, .prefix_len = sizeof(text) - 1}};
	struct wire *wire = wire_open(false);
	struct event event;
	(void)state;

	assert_non_null(wire);
	memcpy((char *)(&bytes.record + 1), text, sizeof(text));
	assert_int_equal(event_decode(&event, &bytes, sizeof(bytes.record) + sizeof(text) - 1), 0);
	assert_int_equal(event.payload_len, sizeof(text) - 1);
	wire_read(wire, &event);
	BEGINS(&event.note, 0, 7);
	assert_int_equal(event.note.messages[0].token_count, 3);
	wire_close(wire);
}

static void feed(struct wire *wire, struct event *event, void *record, size_t size)
{
	assert_int_equal(event_decode(event, record, size), 0);
	wire_read(wire, event);
}

/* How many messages begin in the text that is read at that time. told: it was told of. */
static uint8_t read_at(struct wire *wire, uint64_t at_ns, const char *text, bool told)
{
	struct {
		struct record_messages record;
		char text[8];
	} bytes = {.record = {.head = {.at_ns = at_ns, .kind = RECORD_MESSAGES, .op = IO_READ},
			      .conn_id = 7,
			      .length = (uint32_t)strlen(text),
			      .prefix_len = (uint16_t)strlen(text)}};
	struct record io = {.head = {.at_ns = at_ns, .kind = RECORD_IO, .op = IO_READ}, .conn_id = 7, .result = (int32_t)strlen(text)};
	struct event event;
	uint8_t count = 0;

	memcpy(bytes.text, text, strlen(text));
	if (told) {
		feed(wire, &event, &bytes, sizeof(bytes.record) + strlen(text));
		count = event.note.message_count;
	}
	feed(wire, &event, &io, sizeof(io));
	return count;
}

/* Of a read in between nothing was told: the rest of what was said before it is over, or may be. */
static void behind_a_gap(void **state)
{
	struct record_conn conn = {.head = {.kind = RECORD_CONN}, .conn_id = 7, .type = CONN_STREAM, .role = CONN_DOWNSTREAM};
	(void)state;

	for (int gap = 0; gap < 2; gap++) {
		struct wire *wire = wire_open(false);
		struct event event;

		assert_non_null(wire);
		feed(wire, &event, &conn, sizeof(conn));
		assert_int_equal(read_at(wire, 1, "OK 1\n", true), 1);
		assert_int_equal(read_at(wire, 2, "OK 2", true), 1);
		read_at(wire, 3, "OK 3", !gap);
		assert_int_equal(read_at(wire, 4, "OK 4\n", true), gap);
		wire_close(wire);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),           cmocka_unit_test(many_lines),   cmocka_unit_test(json_lines),
		cmocka_unit_test(parts_of_lines),  cmocka_unit_test(long_line),    cmocka_unit_test(http2_frames),
		cmocka_unit_test(parts_of_frames), cmocka_unit_test(sized_frames), cmocka_unit_test(mongo_frames),
		cmocka_unit_test(neither),         cmocka_unit_test(of_a_record),  cmocka_unit_test(hash),
		cmocka_unit_test(words_by_key),    cmocka_unit_test(behind_a_gap),
	};

	return cmocka_run_group_tests_name("messages", tests, NULL, NULL);
}
