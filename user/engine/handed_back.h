/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 9 where a loop has worker threads: what these have handed back, whose callbacks are to come.
 * Used by rules_workers.c, and by rules_workers_acts.c, which finds out which one runs.
 * Never: seen by another rule, which ask by workers.h.
 */
#ifndef IOCPU_ENGINE_HANDED_BACK_H
#define IOCPU_ENGINE_HANDED_BACK_H

#include "engine/workers.h"

#define BACK_MAX    16 /* of more the oldest are taken for such as show nothing */
#define WORKERS_MAX 32 /* of more it is not found out what they hand back unseen */

/* A worker is done with it, and its callback has not shown itself yet. */
struct back {
	struct context *context;
	uint32_t worker_tid;
	uint64_t sent_ns;
	bool gave; /* it has given its worker something since, without a write */
};

struct handed_back {
	struct back waiting[BACK_MAX]; /* oldest first */
	uint32_t count;
	uint64_t looked_ns;   /* the callbacks of what was handed back until then are over when the turn ends */
	bool in_callbacks;    /* since then nothing else was read */
	uint32_t running_tid; /* the worker whose callbacks run; 0: none's has shown itself in this turn */
	uint64_t passed_ns;   /* until then those of the workers before that one, and its own, have run */
	uint64_t ran_ns;      /* so long has it been on a core between its last act in the present callback and then */
	uint32_t workers[WORKERS_MAX];
	uint32_t worker_count;
};

/* The present callback shows itself. */
static inline void handed_back_acts(struct handed_back *handed_back, uint64_t at_ns)
{
	handed_back->passed_ns = at_ns;
	handed_back->ran_ns = 0;
}

/* ---- rules_workers.c ---- */

/*
 * In a turn the loop looks at its workers' messages in the order in which the workers were made, and takes all of one's before it turns to
 * the next one's. What was sent when it had looked there comes in the next turn.
 */
uint64_t handed_back_turns_until(const struct handed_back *handed_back, const struct back *back);
/* What the thread does in this callback is for this one, which has waited for the loop. wakes: it wakes its worker now. */
void handed_back_run(const struct moment *moment, uint32_t at, bool wakes);
/* The same of what this worker has handed back without a wake-up, as an earlier one was not seen yet. */
void handed_back_run_unseen(const struct moment *moment, struct thread *worker);
/*
 * Before anything else its callback has given the worker what waits longest, if anything does. It may not have needed to be woken: then it
 * has taken something without reading its eventfd; or it has read that, and was taken off its core before it had looked.
 */
bool handed_back_give_unseen(const struct moment *moment, uint32_t worker_tid);

#endif
