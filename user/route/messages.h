/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where messages begin on a connection to a downstream that several requests use at once, and the first words or numbers of each: lines, or
 * frames that say how long they are. Which of them names the question, the engine finds out.
 * Called by wire.c only.
 * Never: keeps a byte of a message; knows what one means.
 */
#ifndef IOCPU_ROUTE_MESSAGES_H
#define IOCPU_ROUTE_MESSAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/event.h"
#include "util/siphash.h"

/* Of one connection. All zero: nothing is known. */
struct messages {
	uint8_t framing;    /* which it is, from 1; 0: unknown */
	bool in_message[2]; /* reads, writes: what comes next goes on with a message whose end is not known … */
	uint64_t rest[2];   /* … or that goes on for so many bytes */
};

/* A read (0) or write (1) that moved `len` bytes, of which these came along. */
struct moved_part {
	const struct siphash_key *key; /* of the hashes by which words are told */
	int direction;
	const uint8_t *bytes;
	size_t seen;
	uint64_t len;
};

/* Fills in the note's messages. */
void messages_read(struct messages *messages, const struct moved_part *part, struct wire_note *note);

#endif
