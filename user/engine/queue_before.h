/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The line of a loop that defers where some may have stood in it since before the trace: who came to wait, and what each connection that
 * was given back has led to, both in their order. By how many the latter are behind the former the responses tell. Used by continuations.c,
 * whose line it takes the place of, and by rules_loop_*.c. Never: used by a loop that was seen from its beginning.
 */
#ifndef IOCPU_ENGINE_QUEUE_BEFORE_H
#define IOCPU_ENGINE_QUEUE_BEFORE_H

#include "engine/moment.h"

/* An answer was read to what had been asked before the trace: who comes to wait from now on may stand behind others. */
void queue_before_answer(struct continuations *loop, uint64_t now_ns);
/* `root` came to wait. */
void queue_before_waits(struct engine *engine, struct continuations *loop, struct context *root, uint64_t since_ns);
/* The step `by` has given a connection back: a segment is due for whoever is first in line. False: the line itself is known. */
bool queue_before_wakes(struct engine *engine, struct continuations *loop, const struct continuation *by);
/* Is it such a segment, of which no response has told yet whose it is? */
bool queue_before_is_unnamed(const struct continuation *waiting);
/* A response, of one that has waited: what it went on with is its. */
void queue_before_answered(const struct moment *moment, struct continuations *loop, struct context *request);
void queue_before_ends(struct engine *engine, struct continuations *loop);

#endif
