/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is told of strands by the rest of the engine, and asked of them: strand.c.
 * Called by whoever follows threads and by the rules, which know no strand but the one that a thread runs.
 */
#ifndef IOCPU_ENGINE_STRANDS_H
#define IOCPU_ENGINE_STRANDS_H

#include "engine/model.h"

struct moment;

/* What the thread says of strands; its span is laid out up to there. */
void rules_strand(struct engine *engine, struct thread *thread, const struct record *record);
/* The thread's strand has read from this request: whoever answers wakes it. */
void strand_reads(const struct thread *thread, struct context *request);
/* It turned out whom a segment that has made tasks works for: so do they. */
void strands_follow(struct engine *engine, struct proc *proc, struct context *request);
/* The thread's strand is about to answer a request, known or not. */
void strand_writes_response(const struct moment *moment);
/* The thread's task answers this request: if it has gone on behind its last response, it has turned to this one since. */
void strand_answers_behind(const struct moment *moment, const struct context *request);
/* The thread's strand has answered a request on this connection. */
void strand_answers(const struct thread *thread, struct conn *conn);
/*
 * What the thread has just read for `context` had arrived then: if its strand waited for it, and was let go on later, it waited for a core
 * (READY).
 */
void strand_was_due(struct engine *engine, const struct thread *thread, struct context *context, uint64_t arrived_ns);
/* The last wait of the thread's strand for something, [*from_ns, *until_ns]; false: it has not waited, or no strand runs here. */
bool strand_last_wait(const struct thread *thread, uint64_t *from_ns, uint64_t *until_ns);
/* The thread reads something: if its loop does so by itself, the callback before has left. */
void strand_loop_reads(struct engine *engine, struct thread *thread, uint64_t at_ns);
/* The loop turns to its next round: the task or callback that it runs has left at at_ns. */
void strand_leaves_loop(struct engine *engine, struct thread *thread, uint64_t at_ns);
/* The thread ends, and the strand that it runs with it. */
void strand_ends_with(struct engine *engine, struct thread *thread);
/* A new program runs, or none: gives the process's strands' work to whom it was for, as far as is known. */
void strands_forget(struct engine *engine, struct proc *proc);
/* Forgets strands that were kept for what is over by now. */
void strands_sweep(struct engine *engine, uint64_t now_ns);

#endif
