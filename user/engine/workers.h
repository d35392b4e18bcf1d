/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 9 where a loop has worker threads: threads with loops of their own, which touch no socket, and are given work and hand it back by
 * eventfds (Node's worker_threads).
 * Used by the rules of whatever a callback does, and where a loop's turn ends.
 * Never: says whose work it is of which nobody knows; responses do.
 */
#ifndef IOCPU_ENGINE_WORKERS_H
#define IOCPU_ENGINE_WORKERS_H

#include "engine/moment.h"

/* Does the thread work for others only? It is a loop that has touched eventfds and pipes, and no socket yet. */
static inline bool is_worker_thread(const struct thread *thread)
{
	return thread->loop && thread->touched_io && !thread->touched_socket;
}

/* The worker has taken this; NULL: it has handed back what it had. */
void workers_hold(struct engine *engine, struct thread *worker, struct context *context);
/*
 * It was given this before it was known for a worker: of what a loop did then only a request is certain. Else a response will say whose
 * it is. The reference is the caller's, and changed for another one; NULL: no memory.
 */
void workers_forget_giver(const struct moment *moment, uint32_t writer_tid, struct context **given);
/* It falls asleep in a futex: in the midst of what it has taken, be it unread. */
void workers_sleep(struct engine *engine, struct thread *worker, uint64_t off_ns);
/* The loop left its core for so long: in the midst of the callback that has just shown itself? */
void workers_loop_held_up(struct thread *loop, uint64_t off_ns, uint64_t on_ns);
/* It has slept until then because nothing was left for it: what was given to it without a write was not. */
void workers_slept(struct engine *engine, struct thread *worker, uint64_t until_ns);
/* The worker wakes the loop: it hands this back. */
void workers_hand_back(struct engine *engine, struct thread *loop, uint32_t worker_tid, struct context *context, uint64_t at_ns);
/* Do callbacks run of what workers have handed back? */
bool workers_call_back(const struct thread *loop);
/* A worker has handed it back, and its callback is still to come. */
bool workers_callback_to_come(const struct thread *loop, const struct context *context);
/* The loop has read that workers woke it: callbacks of what they handed back are next. */
void workers_callbacks_begin(const struct moment *moment);
/*
 * The loop gives work to this worker (0: one that has not been seen yet): whose? Of whom the callback runs; or, in a callback of what a
 * worker handed back, of who waits longest for one. The reference is the caller's. NULL: nobody knows.
 */
struct context *workers_give(const struct moment *moment, uint32_t worker_tid);
/* Who would stand in line, which is empty, needs no wake-up where a worker is free and still has one to read. False: there is none. */
bool workers_give_at_once(const struct moment *moment, struct context *given);
/* The worker has done what nobody saw it being given: the loop's callback of what it had handed back before has given it that. */
void workers_gave_unseen(const struct moment *moment, uint32_t worker_tid);
/* The loop asks a downstream, or answers this request (NULL: asks): whose callback is it? */
void workers_callback_acts(const struct moment *moment, const struct context *request);
/* A worker that was taken off its core has still to tell what it computed for this request, which has been answered. */
bool workers_tell_late(struct engine *engine, const struct context *request);
/* The loop answers a request from before the trace. */
void workers_callback_answers_unknown(const struct moment *moment);
/* The loop turns to something else: those whose callbacks have shown nothing wait for something within the process. */
void workers_turn_ends(struct engine *engine, struct thread *thread, uint64_t at_ns);
/* ---- rules_handoff.c ---- */

/* The worker has taken what it was given before it read its eventfd: until it has, nobody writes there again. */
bool handoff_is_unseen(const struct moment *moment, uint32_t worker_tid);
/* The same at any time since then. */
bool handoff_was_unseen(const struct moment *moment, uint32_t worker_tid, uint64_t since_ns);
/* … or still, for all that is known: it has read its eventfd then, and not been heard of since. */
bool handoff_may_be_unseen(const struct moment *moment, uint32_t worker_tid, uint64_t since_ns);
/* It has nothing yet of what was left there for it. */
bool handoff_has_room(const struct moment *moment, uint32_t worker_tid);
/* It is given this without a write. */
void handoff_unseen(const struct moment *moment, uint32_t worker_tid, struct context *given);

/* ---- rules_workers.c ---- */

/* The thread ends. */
void workers_forget(struct engine *engine, struct thread *thread);

#endif
