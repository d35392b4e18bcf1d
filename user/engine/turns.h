/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A loop that calls back at once has read several answers at once: what waits for them goes on one after the other, in their order.
 * Used by the rules, and where a span ends a turn, or a thread ends.
 * Never: asked of other loops, or of threads with strands.
 */
#ifndef IOCPU_ENGINE_TURNS_H
#define IOCPU_ENGINE_TURNS_H

#include "engine/moment.h"

/* Is the thread such a loop, as far as is known? */
bool turns_are_told(const struct thread *thread);
/* What such a loop runs from here on is for whoever asks, or is answered, next. */
void turns_of_nobody(const struct moment *moment);
/* Several answers have come in this read; each of them, in order. */
void turns_begin(const struct moment *moment);
void turns_add(const struct moment *moment, struct context *context, enum doubt doubt);
/* Of one of them nobody known has asked for it. */
void turns_add_unknown(const struct moment *moment);
/* The thread asks a downstream: that is whose turn is next, and it works for that one now. False: nobody's turn is to come. */
bool turns_ask(const struct moment *moment);
/* `request` is answered; NULL: one from before the trace. */
void turns_answer(const struct moment *moment, struct context *request);
/* The loop reads something else, or has nothing more to do. */
void turns_end(struct engine *engine, struct thread *thread);
void turns_forget(struct engine *engine, struct thread *thread);

#endif
