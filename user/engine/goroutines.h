/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 16: goroutines that nobody tells of, and the work of theirs that no record shows.
 * Used by the rules, and where contexts and requests end.
 * Never: where a hook tells which goroutine a thread runs.
 */
#ifndef IOCPU_ENGINE_GOROUTINES_H
#define IOCPU_ENGINE_GOROUTINES_H

#include "engine/model.h"

/* Work of goroutines that no record shows: time on a core or waiting for one, or a segment's calls. Its owner is found when requests end.
 */
struct stray {
	struct proc *proc;
	struct interval interval; /* of a segment: when it asked first */
	struct context *hint;     /* whose goroutine was on the thread before */
	struct context *segment;  /* NULL: only the interval */
	bool beside_requests;     /* one was open then, but is known to have been elsewhere */
};

/* ---- goroutines.c ---- */

/* Work of which no record says whose goroutine it was. */
bool goroutine_is_unseen(const struct context *segment);
/* The thread has shown one, and only slept or computed since. */
bool goroutine_may_resume(const struct thread *thread);
/* When the goroutine that the thread shows may have been taken off it. UINT64_MAX: never, or it shows none. */
uint64_t goroutine_seen_until(const struct thread *thread);
/* It has computed for so long that it may have been taken off the thread: if another one is there it need not wait for anything. */
bool goroutine_may_be_moved(const struct thread *thread, uint64_t at_ns);
/* Where several requests use a connection a goroutine reads for all, and who has asked waits for what that gives to it. */
bool goroutine_reads_for_all(const struct thread *thread, const struct conn *conn);
/* From at_ns on it is not sure any more that the thread runs the goroutine that it showed last. */
void goroutine_lose_sight(struct engine *engine, struct thread *thread, uint64_t at_ns);
/* The thread falls asleep in the midst of the work of one: that may go on when it wakes. */
void goroutine_sleeps(struct engine *engine, struct thread *thread, uint64_t at_ns);
/* Do more than so many requests of the process, that were read before, wait to be begun, and are nowhere else? */
bool goroutine_some_held_up(struct engine *engine, const struct proc *proc, uint64_t before_ns, uint64_t more_than);
/* Has one computed there now that no record shows? */
bool goroutine_has_left_unseen(struct engine *engine, struct thread *thread);
/* The request is over: had it computed before it left a thread unseen? If it went on with computing, that may have been another one. */
void goroutine_settle(struct context *request);
/* Makes a segment's CPU before until_ns strays; not if it is so little that it was the scheduler's. */
void goroutine_stray(struct engine *engine, struct context *segment, uint64_t until_ns);

/* ---- strays.c ---- */

/* Which of the other open requests may have run on a thread where another one was seen. */
enum rivals {
	RIVALS_THAT_COMPUTED, /* so long that they may have been moved, and now wait to go on */
	RIVALS_THAT_MAY_RUN,  /* they are not known to have been elsewhere */
	RIVALS_ANY,
};

/* Whose it was is found later. `hint` may be NULL. */
void strays_add(struct engine *engine, struct proc *proc, struct interval interval, struct context *hint);
/* A segment that made a call at now_ns. */
void strays_add_segment(struct engine *engine, struct context *segment, struct proc *proc, uint64_t now_ns);
/* The request is over, and about to be told: what only it can have done becomes its. What another one may have done too is unattributed. */
void strays_claim(struct engine *engine, struct context *request);
/* Gives up those that no open request can claim, and old ones. */
void strays_sweep(struct engine *engine, uint64_t now_ns);
/* Gives up all. */
void strays_finish(struct engine *engine);
/* Has the process an open request of this kind now, that is not known to be elsewhere? */
bool strays_have_rivals(struct engine *engine, const struct proc *proc, enum rivals rivals, uint64_t at_ns);

#endif
