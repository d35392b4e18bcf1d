/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What names the questions of a connection that several requests use at once: learnt of what answers repeat.
 * Used by answers.c, and by the rules of downstream calls.
 * Never: takes for certain what only seems so. A guess is proven once the name is known by which it was right, or stays one.
 */
#ifndef IOCPU_ENGINE_NAMES_H
#define IOCPU_ENGINE_NAMES_H

#include "engine/model.h"

enum named_by {
	NAMED_NOBODY,  /* none that waits, by name; or nothing says which */
	NAMED_SURELY,  /* it was the message that said so */
	NAMED_ALONE,   /* no other one waits */
	NAMED_GUESSED, /* nothing is known yet, but it is the only one with a word of the answer's; or the only one whose question was not
			  seen */
	NAMED_UNSEEN,  /* of those whose questions were not seen it is the oldest */
	NAMED_EARLIER, /* none: the question seems to have been asked before the trace */
};

/* The question that the call asks is known by this message. */
void names_expect(struct call *call, const struct wire_message *question);
/* Is this message a question of its own, as far as is known? */
bool names_are_in(const struct conn *conn, const struct wire_message *message);
/* Is what names the questions of this connection known? */
bool names_known(const struct conn *conn);
/*
 * *call: the one that this message answers; NULL: none that is known. Learns what names questions; guesses: while that is not known, also
 * whose answer it may be.
 */
enum named_by names_find(struct engine *engine, struct conn *conn, const struct wire_message *answer, bool guesses, struct call **call);
void names_close(struct engine *engine, struct correlation *correlation);

#endif
