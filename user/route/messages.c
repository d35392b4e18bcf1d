/* SPDX-License-Identifier: BSD-2-Clause */
#include "route/messages.h"

#include <string.h>

#define FRAME_BYTES_MAX (16u << 20) /* what says that it is longer is no frame */
#define UNKNOWN_LENGTH  UINT64_MAX

/* One that begins at `bytes`, of which `seen` are there. */
struct cut {
	const struct siphash_key *key;
	const uint8_t *bytes;
	size_t seen;
	uint64_t length;             /* with its head; UNKNOWN_LENGTH: it ends beyond what is seen */
	struct wire_message message; /* `at` aside. No token: it names no question */
};

static void add_token(struct cut *cut, const uint8_t *bytes, size_t len)
{
	struct wire_message *message = &cut->message;

	if (message->token_count < WIRE_TOKENS_MAX)
		message->tokens[message->token_count++] = (uint32_t)siphash(cut->key, bytes, len);
}

static uint64_t number_at(const uint8_t *bytes, size_t size, bool big_endian)
{
	uint64_t number = 0;

	for (size_t i = 0; i < size; i++)
		number = number << 8 | bytes[big_endian ? i : size - 1 - i];
	return number;
}

/* ---- lines: of words, between spaces or JSON's signs -------------------------------------------------------------------------------- */

static bool is_text(uint8_t byte)
{
	return byte >= 0x20 ? byte != 0x7f : byte == '\n' || byte == '\r' || byte == '\t';
}

static bool is_between_words(uint8_t byte)
{
	return strchr(" \t\r\n{}[]\",:;=", byte) != NULL;
}

/* A word that goes on beyond what is seen is none. */
static void take_words(struct cut *cut, size_t end)
{
	size_t begin = 0;

	for (size_t at = 0; at < end; at++) {
		if (!is_between_words(cut->bytes[at]))
			continue;
		if (at > begin)
			add_token(cut, cut->bytes + begin, at - begin);
		begin = at + 1;
	}
}

static bool cut_line(struct cut *cut)
{
	const uint8_t *newline = memchr(cut->bytes, '\n', cut->seen);
	size_t end = newline ? (size_t)(newline - cut->bytes) + 1 : cut->seen;

	for (size_t at = 0; at < end; at++)
		if (!is_text(cut->bytes[at]))
			return false;
	take_words(cut, end);
	cut->length = newline ? end : UNKNOWN_LENGTH;
	return true;
}

/* ---- HTTP/2, RFC 9113, 4.1: the stream is named by each frame, the first is HEADERS -------------------------------------------------- */

#define HTTP2_HEAD     9
#define HTTP2_HEADERS  1
#define HTTP2_TYPE_MAX 16

static bool cut_http2(struct cut *cut)
{
	if (cut->seen < HTTP2_HEAD) {
		cut->length = UNKNOWN_LENGTH;
		return true;
	}
	cut->length = HTTP2_HEAD + number_at(cut->bytes, 3, true);
	if (cut->bytes[3] > HTTP2_TYPE_MAX || cut->bytes[5] & 0x80)
		return false;
	if (cut->bytes[3] == HTTP2_HEADERS)
		add_token(cut, cut->bytes + 5, 4);
	return true;
}

/* ---- frames that begin with a head of fixed places ----------------------------------------------------------------------------------- */

static bool cut_frame(struct cut *cut, size_t length_at, size_t added, bool big_endian, size_t word)
{
	if (cut->seen < length_at + 4) {
		cut->length = UNKNOWN_LENGTH;
		return true;
	}
	cut->length = added + number_at(cut->bytes + length_at, 4, big_endian);
	if (cut->length < length_at + 4 || cut->length > FRAME_BYTES_MAX)
		return false;
	for (size_t at = 0; at + word <= cut->seen && at + word <= cut->length && at < word * WIRE_TOKENS_MAX; at += word)
		add_token(cut, cut->bytes + at, word);
	return true;
}

/* Kafka and many others: how long the rest is. */
static bool cut_sized(struct cut *cut)
{
	return cut_frame(cut, 0, 4, true, 4);
}

/* MongoDB: how long all is. */
static bool cut_mongo(struct cut *cut)
{
	return cut_frame(cut, 0, 0, false, 4);
}

/* Cassandra's native protocol, version 3 and later: version and direction, flags, stream, opcode, length of the rest. */
static bool cut_cassandra(struct cut *cut)
{
	return cut->seen && (cut->bytes[0] & 0x7f) >= 3 && (cut->bytes[0] & 0x7f) <= 5 && cut_frame(cut, 5, 9, true, 2);
}

/* memcached's binary protocol: 0x80 or 0x81 first, the length of the rest at 8. */
static bool cut_memcached(struct cut *cut)
{
	return cut->seen && (cut->bytes[0] & 0xfe) == 0x80 && cut_frame(cut, 8, 24, true, 4);
}

/* ---- which --------------------------------------------------------------------------------------------------------------------------- */

/* The surest first. */
static bool (*const framings[])(struct cut *cut) = {cut_memcached, cut_cassandra, cut_http2, cut_mongo, cut_sized, cut_line};
#define FRAMINGS ((uint8_t)(sizeof(framings) / sizeof(*framings)))

/* Where in this read or write the first message begins; `len`: not in it; UNKNOWN_LENGTH: nor does the line end in it that goes on. */
static uint64_t skip_rest(const struct messages *messages, uint8_t framing, const struct moved_part *part)
{
	const uint8_t *newline;

	if (messages->rest[part->direction])
		return messages->rest[part->direction] < part->len ? messages->rest[part->direction] : part->len;
	if (!messages->in_message[part->direction])
		return 0;
	newline = memchr(part->bytes, '\n', part->seen);
	if (newline)
		return (uint64_t)(newline - part->bytes) + 1;
	return framings[framing - 1] == cut_line ? UNKNOWN_LENGTH : part->len;
}

/* False: it is not framed so. *end: where the last one that was found ends, which may be beyond all; UNKNOWN_LENGTH: not known. */
static bool split(bool (*cut_one)(struct cut *cut), uint64_t at, const struct moved_part *part, uint64_t *end, struct wire_note *note)
{
	note->message_count = 0;
	while (at < part->seen) {
		struct cut cut = {.key = part->key, .bytes = part->bytes + at, .seen = part->seen - at};

		if (!cut_one(&cut))
			return false;
		cut.message.at = (uint32_t)at;
		if (cut.message.token_count && note->message_count < WIRE_MESSAGES_MAX)
			note->messages[note->message_count++] = cut.message;
		at = cut.length == UNKNOWN_LENGTH ? UNKNOWN_LENGTH : at + cut.length;
	}
	*end = at;
	return true;
}

static bool read_as(struct messages *messages, uint8_t framing, const struct moved_part *part, struct wire_note *note)
{
	uint64_t at = skip_rest(messages, framing, part), end = at, *rest = &messages->rest[part->direction];

	if (!split(framings[framing - 1], at, part, &end, note))
		return false;
	messages->framing = framing;
	/* What was not seen is taken to end with a message. */
	messages->in_message[part->direction] = end == UNKNOWN_LENGTH && part->seen == part->len;
	*rest = at == part->len && *rest > part->len ? *rest - part->len : end != UNKNOWN_LENGTH && end > part->len ? end - part->len : 0;
	return true;
}

/* Nothing of the last message is still to come: before that is seen, anything may pass for the head of a long frame. */
static bool ends_whole(const struct messages *messages, int direction)
{
	return !messages->in_message[direction] && !messages->rest[direction];
}

void messages_read(struct messages *messages, const struct moved_part *part, struct wire_note *note)
{
	if (!part->seen)
		return;
	if (messages->framing && read_as(messages, messages->framing, part, note))
		return;
	for (uint8_t framing = 1; framing <= FRAMINGS; framing++) {
		memset(messages, 0, sizeof(*messages));
		if (read_as(messages, framing, part, note) && (part->seen < part->len || ends_whole(messages, part->direction)))
			return;
	}
	memset(messages, 0, sizeof(*messages));
	note->message_count = 0;
}
