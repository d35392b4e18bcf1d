/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Answers on a connection that several requests use at once: what came in a read, when, and to which call each answer is.
 * Used by the rules of downstream calls and of strands.
 * Never: gives time to anybody.
 */
#ifndef IOCPU_ENGINE_ANSWERS_H
#define IOCPU_ENGINE_ANSWERS_H

#include "engine/names.h"

struct moment;

/* What a read or write moved: of the record before it. */
struct moved {
	uint64_t at_ns;
	uint64_t last_ns; /* of a read: the stamp of the segment that it begins in, or of the last that was joined with that; 0: none */
	uint64_t conn_id;
	uint32_t length;
	uint32_t until;
	uint8_t op;
	uint8_t arrival_count;
	uint8_t message_count;
	struct arrival arrivals[ARRIVALS_MAX];
	struct wire_message messages[WIRE_MESSAGES_MAX];
};

/* RECORD_MESSAGES. */
void answers_note(struct engine *engine, const struct event *event);
/* What this very read or write moved; NULL: not told. */
const struct moved *answers_moved(const struct thread *thread, const struct event *event);
/* When the byte at `offset` of what was read had come. */
struct came answers_came(const struct moved *moved, uint32_t offset);
/* An answer's own moment: `read` is that of all that was read with it, of which it is the first one or not. */
void answers_tell(struct moment *read, struct came came, bool first);
/*
 * Where the next answer begins: the next segment, as a server sends each when it has it; but the next message, where several segments may
 * have come, as nobody saw them come. false: the byte at `offset` was of the last one.
 */
bool answers_next(const struct moved *moved, uint32_t *offset);

/* The calls that are answered by what was read, in that order. */
struct named {
	struct call *calls[WIRE_MESSAGES_MAX]; /* NULL: nobody knows which */
	uint32_t count;
	uint32_t unknown; /* of them, so many are NULL … */
	bool earlier;     /* … among which there are answers to what seems to have been asked before the trace */
	bool guessed;     /* … or which may be no answers at all, as it is not known yet what names a question */
};

/*
 * Finds them, and notes with each when it was. sure: only those of which it is certain.
 */
void answers_name(struct engine *engine, struct conn *conn, const struct moved *moved, bool sure, struct named *named);

#endif
