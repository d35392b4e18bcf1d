/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 12 where several threads run a loop that reads ahead: who waits for a connection of a pool, and what goes on with one.
 * Used by the rules of such loops, by chains.c, line_answered.c and rules_server.c, and by span.c where a thread sleeps. proc.c and
 * engine.c close it.
 * Never: of threads that no such loop is known of.
 */
#ifndef IOCPU_ENGINE_POOL_AHEAD_H
#define IOCPU_ENGINE_POOL_AHEAD_H

#include "engine/moment.h"

/* A step of `root`'s ended at at_ns, without a call: it waits for something within the process. */
void pool_ahead_waits(struct engine *engine, struct thread *thread, struct context *root, uint64_t at_ns);
/* An answer is read: whoever had the connection gives it back now. */
void pool_ahead_gives_back(const struct moment *moment);
/* A call begins on a connection that has been answered on before, in a step that has computed next to nothing: may it be a waiter's? */
bool pool_ahead_may_go_on(const struct moment *moment);
/* It is, and goes on with this segment. */
void pool_ahead_goes_on(const struct moment *moment, struct context *segment) __attribute__((nonnull));
/* It is that of whoever ran until then, who has not waited for a connection. */
void pool_ahead_takes(const struct moment *moment);
/* The threads took at at_ns what had been queued at queued_ns. */
void pool_ahead_shows(struct engine *engine, struct thread *thread, uint64_t at_ns, uint64_t queued_ns);
/* Epoll has returned: behind all that had been queued by its return before. */
void pool_ahead_round(struct engine *engine, struct thread *thread, uint64_t at_ns);
/* The thread falls asleep: nothing is queued. */
void pool_ahead_sleeps(struct engine *engine, struct thread *thread, uint64_t at_ns);
/* A request is answered by this thread; NULL: one from before the trace. */
void pool_ahead_answered(const struct moment *moment, struct context *request);
void pool_ahead_close(struct engine *engine, struct proc *proc);

#endif
