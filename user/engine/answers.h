/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Answers on a connection that several requests use at once: what came in a read, when, and to which call each answer is.
 * Used by the rules of downstream calls and of strands.
 * Never: gives time to anybody.
 */
#ifndef IOCPU_ENGINE_ANSWERS_H
#define IOCPU_ENGINE_ANSWERS_H

#include "engine/model.h"

/* What a read or write moved: of the record before it. */
struct moved {
	uint64_t at_ns;
	uint64_t last_ns; /* of a read: when the last of it had come; 0: not known */
	uint64_t conn_id;
	uint32_t length;
	uint32_t until;
	uint8_t op;
	bool has_arrivals;
	uint8_t message_count;
	struct arrival arrivals[ARRIVALS_MAX];
	struct wire_message messages[WIRE_MESSAGES_MAX];
};

/* RECORD_MESSAGES. */
void answers_note(struct engine *engine, const struct event *event);
/* What this very read or write moved; NULL: not told. */
const struct moved *answers_moved(const struct thread *thread, const struct event *event);
/* When the byte at `offset` of what was read had come; 0: not known. */
uint64_t answers_arrival(const struct moved *moved, uint32_t offset);
/* The segment behind the one that the byte at `offset` came in; false: it was the last. */
bool answers_next_segment(const struct moved *moved, uint32_t *offset);

/* The question that the call asks is known by this message. */
void answers_expect(struct call *call, const struct wire_message *question);
/* Is this message a question of its own, as far as is known? */
bool answers_is_question(const struct conn *conn, const struct wire_message *message);
/* Is what names the questions of this connection known? */
bool answers_named(const struct conn *conn);
/*
 * Finds the calls that are answered by what was read at at_ns, in that order, and notes with each when it was. Returns how many. sure: only
 * those of which it is certain.
 */
uint32_t answers_name(struct conn *conn, const struct moved *moved, bool sure, struct call *calls[WIRE_MESSAGES_MAX]);
/*
 * The call that this message answers; NULL: none that is known. Learns what names questions. *sure: it was the message that said so; else
 * it is the oldest one whose question was not seen.
 */
struct call *answers_find(struct conn *conn, const struct wire_message *answer, bool *sure);

#endif
