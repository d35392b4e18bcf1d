/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 12 where threads run each other's requests: who waits for a connection, and what goes on with one, for all of them together.
 * Used by line*.c, doubts.c and the rules of the downstream side; proc.c closes them.
 * Never: where a hook tells which strand a thread runs.
 */
#ifndef IOCPU_ENGINE_CHAINS_H
#define IOCPU_ENGINE_CHAINS_H

#include "engine/moment.h"

/* Tickets of those who wait so: no line of a loop's own has such. */
#define CHAIN_TICKETS (1ull << 62)

/* Do the process's threads take turns at its requests, so that they have one line together? */
bool chains_apply(const struct thread *thread);
/* The thread has left `root`: if that made no call it waits for something within the process. */
void chains_wait(struct engine *engine, struct thread *thread, struct context *root, uint64_t at_ns);
/*
 * The thread turns to another goroutine. If one that no record shows has computed there before, and there are requests that may have done
 * that, what it did stands in line for one of them. False: it does not.
 */
bool chains_unseen_waits(struct engine *engine, struct thread *thread, uint64_t at_ns);
/* Do so many wait that not all of them can only seem to? */
bool chains_many_wait(const struct proc *proc);
/*
 * A goroutine that no hook tells of asks, or is about to: has nobody come to wait who could have been given the connection? False: somebody
 * has, or it is none.
 */
bool chains_nobody_waits(const struct moment *moment);
/* A call is answered: who made it will give back its connection, to who waits longest. */
void chains_released(const struct moment *moment);
/*
 * The thread has answered, or reads a request: net/http lets the goroutine go on that watches the connection meanwhile. So that runs first,
 * and whoever was to run next stands behind all others.
 */
void chains_lets_go_on(const struct thread *thread);
/* A segment has begun like that before the threads were known to share a line: for who waits longest. */
void chains_begun(struct engine *engine, struct thread *thread, struct context *segment);
/* An answer is read to what had been asked before the trace: some may wait who are not known. */
void chains_unknown_answer(const struct moment *moment);
/* A call begins: a segment for who was given a connection. The reference is the caller's. NULL: nobody waits for one. */
struct context *chains_next(const struct moment *moment);
/* The request has not come to wait by now. If it stands in line it only seemed to; false: something has begun in its place. */
bool chains_waits_nowhere(struct engine *engine, struct context *request);
/* `request` is answered by this thread. */
void chains_answered(const struct moment *moment, struct context *request) __attribute__((nonnull));
void chains_close(struct engine *engine, struct proc *proc);
/* A request of which it will not be known any more what it did between two waits: it is ambiguous, if it was awaited. */
void chains_leave_unlinked(struct context *request);

#endif
