/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 10: who had what a context waited for in a futex.
 * Used by the rules that see waits, and where contexts are bound, told and end.
 * Never: keeps a context alive.
 */
#ifndef IOCPU_ENGINE_LOCKS_H
#define IOCPU_ENGINE_LOCKS_H

#include "engine/model.h"

/* Waits for locks of one request of which the holder is named. */
#define HOLDS_MAX 256

/* ---- lock_waits.c ---- */

/* A thread's waits in futexes, between which it only looked and went back to sleep. */
struct lock_wait {
	uint64_t begun_ns; /* 0: there are none */
	uint64_t until_ns; /* it was woken */
};

/* Those right before this moment; the earlier ones may have been given to its context already. rename: they were POOL. */
struct lock_wait lock_waits_before(struct thread *thread, bool rename);

/*
 * The thread turns to something else at at_ns. Since when it has only slept in futexes, having nothing to do, and looked whether there is:
 * those waits were nobody's for a lock. at_ns: it worked until then.
 */
uint64_t lock_idle_since(struct thread *thread, uint64_t at_ns);

/* ---- futex.c ---- */

/* Rule 10 (and 8): the thread woke somebody in a futex, or was woken. Its span is laid out up to there. */
void rules_futex(struct engine *engine, struct thread *thread, const struct event *event);
/* Forgets who woke whom in the process's own futexes, or in those that processes share. */
void futexes_forget(struct futexes **futexes);

/* ---- holds.c ---- */

/* Whoever the thread works for, as far as that is known by now or will be. The reference is the caller's. NULL: nobody, or no memory. */
struct party *party_of(struct thread *thread);
/* NULL is fine. */
void party_put(struct party *party);
/* What it is now, or is a part of; NULL: that has ended. */
struct context *party_context(struct party *party);
/* The context ends. */
void party_outlives(struct context *context);
/* The waiter waited for what the holder had, [start_ns, end_ns]. Not if either is NULL, or the waiter has ended. */
void holds_add(struct engine *engine, struct party *waiter, struct party *holder, uint64_t start_ns, uint64_t end_ns);
/* A segment's are its request's. */
void holds_move(struct engine *engine, struct context *from, struct context *to);
void holds_forget(struct context *context);
/*
 * Of the LOCK time of a request, how much each holder that is known made it wait. `locks` has room for hold_count of them; returns how many
 * they are. What they point to is valid as long as the request's holds are.
 */
size_t holds_sum_up(struct context *request, const struct timeline_sums *sums, struct request_lock *locks);

#endif
