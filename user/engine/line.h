/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 12 where callbacks run at once: the line of requests that wait for something within the process.
 * Used where a thread's turn ends, and where it ends itself; the rules see the rest in moment.h.
 * Never: a thread that defers its callbacks, or shares them with others.
 */
#ifndef IOCPU_ENGINE_LINE_H
#define IOCPU_ENGINE_LINE_H

#include "engine/model.h"

/* Rule 12: the thread leaves its context. If that made no call it waits for something within the process. */
void rule_12_turn_ends(struct engine *engine, struct thread *thread, uint64_t at_ns);
/* `root` waits for something within the process, if it may. */
void rule_12_waits(struct engine *engine, struct thread *thread, struct context *root, uint64_t at_ns);
/* It was guessed that `root` had been given a worker: it waits for one still, before all others, or nobody knows of it. */
void rule_12_waits_still(struct engine *engine, struct thread *loop, struct context *root, uint64_t since_ns);
/* May it wait for something within the process, for all that is known? */
bool rule_12_may_wait(const struct thread *thread, const struct context *root);
/* Did somebody wait before the trace began? Then what is guessed of the first ones leads to more. */
bool lines_began_unseen(const struct thread *thread);
/* The loop is found to have workers: it is for these that those wait who stand in line. */
void rule_12_workers_found(struct engine *engine, struct thread *thread);
/* Other threads are found to share the loop's events: those who stand in its line wait with those of the other threads. */
void rule_12_events_shared(struct engine *engine, struct thread *thread);
/* Does somebody wait for that, as far as is known? */
bool rule_12_somebody_waits(const struct thread *thread, enum line_kind kind);
/* Is it known how many do, also of those who came before the trace? */
bool rule_12_knows_who_waits(const struct thread *thread);
/* Of what began with a place in the line: whose it is, if that is served in order. NULL: nobody knows. */
const struct context *rule_12_whose_turn(const struct thread *thread, const struct context *segment);
/* Is it a loop that runs what waits for a read at once, as far as is known? */
bool loop_calls_back_at_once(const struct thread *thread);
void lines_close(struct engine *engine, struct thread *thread);

#endif
