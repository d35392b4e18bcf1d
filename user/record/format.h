/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The bytes of a recording: a file header, then frames, each an event or (the last) the trailer.
 * Written by writer.c, read by reader.c; nobody else needs it.
 * Never: host byte order, a compiler's padding, a string without a length. All is little-endian.
 */
#ifndef IOCPU_RECORD_FORMAT_H
#define IOCPU_RECORD_FORMAT_H

#include <stdint.h>

#include "record.h"
#include "util/event.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "records and recordings are little-endian as they are in memory");

#define RECORDING_MAGIC   "IOCPUREC"
#define RECORDING_VERSION 5

enum { RECORDING_HAS_PAYLOAD = 1 << 0 };

struct file_header {
	char magic[8];
	uint32_t version;
	uint32_t header_bytes; /* frames begin here */
	uint64_t unix_offset_ns;
	uint64_t start_ns;
	uint32_t cores;
	uint32_t flags;
	uint32_t record_abi;
	uint32_t pad;
	char kernel[64];
	char arch[16];
	char tool_version[32];
};

enum frame_kind { FRAME_EVENT = 1, FRAME_TRAILER };

/* An event's body: the record with its payload (or path), then the note, if there is one. */
struct frame_header {
	uint32_t body_bytes;
	uint16_t record_bytes; /* of an event's body; 0 in a trailer */
	uint8_t kind;          /* enum frame_kind */
	uint8_t pad;
};

/* NOTE_UPGRADED: of early recordings, in which `stream` is 0. It stands in all notes behind a 101 too. */
enum { NOTE_LATE_LINE = 1 << 0, NOTE_HANDSHAKE = 1 << 1, NOTE_UPGRADED = 1 << 2, NOTE_STREAM_ENDS = 1 << 3 };

/* Followed by line_count times: a struct note_line and its strings; then message_count times: a struct note_message and its tokens. */
struct note_header {
	uint8_t protocol;
	uint8_t begun;
	uint8_t line_count;
	uint8_t flags;
	uint16_t status;
	uint8_t stream;        /* enum wire_stream */
	uint8_t message_count; /* since version 5 */
};

struct note_line {
	uint16_t method_bytes;
	uint16_t target_bytes;
	uint8_t cut;
	uint8_t pad;
};

struct note_message {
	uint32_t at;
	uint32_t token_count;
};

/* What is longer is cut, and a target says so: a bound on a frame keeps a damaged file from asking for any memory it likes. */
#define NOTE_METHOD_MAX 64
#define NOTE_TARGET_MAX 4096

struct trailer_header {
	uint64_t end_ns;
	uint64_t tool_kernel_ns;
	uint64_t tool_user_cpu_ns;
	uint32_t loss_count;
	uint32_t pad;
};

struct trailer_loss {
	char name[32];
	uint64_t count;
};

#define NOTE_BYTES_MAX                                                                                                                     \
	(sizeof(struct note_header) + WIRE_LINES_MAX * (sizeof(struct note_line) + NOTE_METHOD_MAX + NOTE_TARGET_MAX) +                    \
	 WIRE_MESSAGES_MAX * (sizeof(struct note_message) + WIRE_TOKENS_MAX * sizeof(uint32_t)))
#define FRAME_BODY_MAX (RECORD_SIZE_MAX + NOTE_BYTES_MAX)

_Static_assert(sizeof(struct file_header) == 160, "file header: no padding of the compiler's");
_Static_assert(sizeof(struct frame_header) == 8, "frame header: no padding of the compiler's");
_Static_assert(sizeof(struct note_header) == 8, "note header: no padding of the compiler's");
_Static_assert(sizeof(struct note_message) == 8, "note message: no padding of the compiler's");
_Static_assert(sizeof(struct note_line) == 6, "note line: no padding of the compiler's");
_Static_assert(sizeof(struct trailer_header) == 32, "trailer: no padding of the compiler's");
_Static_assert(sizeof(struct trailer_loss) == 40, "trailer's loss: no padding of the compiler's");

#endif
