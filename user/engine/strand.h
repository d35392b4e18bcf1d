/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A strand, and what the files of rule 15 need of each other: strand.c (which strand runs where), strand_known.c, strand_made.c,
 * strand_given.c (for whom), strand_behind.c and strand_answers.c.
 * Never: seen by the other rules, which know only the thread that runs it.
 */
#ifndef IOCPU_ENGINE_STRAND_H
#define IOCPU_ENGINE_STRAND_H

#include "engine/moment.h"
#include "engine/strands.h"

/* What a strand has read on a connection where several requests wait for answers. */
struct unclaimed {
	uint64_t conn_id; /* 0: nothing */
	uint64_t arrived_ns, read_ns;
	bool woke;      /* it has let another strand go on since … */
	bool claimed;   /* … whose answer it was */
	bool handed_on; /* of a task: a callback has read it */
	uint8_t claims; /* so many have claimed one … */
	uint8_t segment_count;
	struct came *segments; /* … of so many segments, which came so: its own. NULL: not told */
};

struct strand {
	uint64_t id;
	struct thread *thread; /* that runs it and has its state; NULL: it is away, and its state is here */
	struct context *context;
	bool soft;
	uint32_t via_call;    /* as of a thread */
	uint8_t via_doubt;    /* of a task: as of a thread */
	uint8_t left;         /* enum wait_cause: why it left its thread last */
	bool polled;          /* … which who wakes it will tell, or has told */
	uint8_t woken_for;    /* the same, as who woke it since shows it */
	uint64_t left_at_ns;  /* 0: it has not yet */
	uint64_t woken_at_ns; /* since then; 0: not told */
	bool woken_behind;    /* … by itself, or by one that had just answered: that may have been the end of a response */
	uint64_t runs_since_ns;
	uint64_t answered_conn_id; /* of a task: the connection that it has answered on last; 0: on none */
	uint64_t waits_since_ns;   /* it has only looked since then, and waited again; 0: it has not waited */
	struct context *given;     /* whose work whoever woke it did */
	uint8_t given_doubt;       /* enum doubt: of the answer that this came with */
	bool given_by_answer;      /* of a task: by who has just read one */
	bool dispatches;           /* of a task: what it does was given to it so */
	uint64_t maker_id;         /* the strand that is said to have made it; 0: none is */
	bool goes_on;              /* of a task: it goes on behind its response, though the next request has been read … */
	bool may_turn;             /* … and may have turned to that one by now, in a segment of its own */
	bool made_for_request;     /* of a task: it was made for one … */
	bool turns;                /* … but has turned to others on its connection, as those do that serve one after the other */
	bool made;                 /* of a task: its making was seen, so that nothing else has ever been done in its name */
	struct context *own;       /* in doubt: what it did before it was given something; NULL: no doubt */
	uint64_t asked_at_ns;      /* last; 0: it has not */
	struct context *late;      /* whose that may be as well: who let it go on told of that only afterwards; NULL: nobody's */
	struct context *open;      /* … so what it did for whom that seemed to be is not settled yet; NULL: there is none */
	struct unclaimed answer;
};

/*
 * So long is what a task did kept, if nobody has said for whom: a task that was made as its connection came may have begun before that
 * one's first request was read, and its response will name it.
 */
#define TASK_KEPT_NS 2000000000ull

/* ---- strand_known.c ---- */

/* Whose work it does, here or on its thread. */
static inline struct context *strand_context(const struct strand *strand)
{
	return strand->thread ? strand->thread->context : strand->context;
}

/* What is known of a strand, from now on if nothing was. NULL: no memory. */
struct strand *strand_get(struct engine *engine, struct proc *proc, uint64_t id);
void strand_forget(struct engine *engine, struct proc *proc, struct strand *strand);

/* ---- strand_made.c ---- */

/* It works for whom its maker works for as if that had done it itself, and is in the loop's queue as soon as it is made. */
void strand_make_task(struct engine *engine, struct thread *thread, const struct record *record);
/* Where several are told at once, they have ids in a row. */
void strand_make_all(struct engine *engine, struct thread *thread, const struct record *record);
/*
 * What a strand is for that runs for the first time: what its maker does. The runtime's own word for that is surer than who was seen to run
 * as its id was taken.
 */
void strand_make_of_parent(struct engine *engine, struct proc *proc, const struct record *record);

/* ---- strand_answers.c ---- */

/* The thread's strand, which has read an answer, lets this one go on (NULL: one that nothing is known of): was it that one's? */
void strand_claims(const struct moment *moment, const struct strand *woken);
/* Where the one that is let go on will tell whose it was: nothing of the answer is left to the thread's strand. */
bool strand_hands_on(const struct moment *moment, struct strand *woken);
void unclaimed_forget(struct unclaimed *answer);
/* It turns to something else. */
void strand_leaves_answer(const struct moment *moment);

/* ---- strand_behind.c ---- */

/*
 * A request that came where the task was the last to answer, before it knew that it was done: then nobody is let go on for it. NULL: there
 * is none.
 */
struct context *strand_next_request(struct engine *engine, const struct strand *strand);
/* There is one; the task, which works for no open request, and is given this, goes on with its own nevertheless. */
bool strand_goes_on_behind(struct engine *engine, struct strand *strand, const struct context *taken, uint64_t at_ns);
/* The thread's task asks, or makes a task: it may have turned to that one before, and nobody knows (rule 13). */
void strand_asks_behind(const struct moment *moment, bool on_new_connection);
void strand_makes_behind(struct engine *engine, struct thread *thread);
/* It lets the task go on that has made it, and may end: that one turns to the next request. NULL: it is not so. */
struct context *strand_hands_next(struct engine *engine, const struct thread *thread, const struct strand *woken);

/* ---- strand_given.c ---- */

/* Whom it is done for, as far as is known by now. */
struct context *strand_whose(struct context *context);

/* A segment of a strand's own work, on whatever thread. The reference is the caller's. */
struct context *strand_segment(struct engine *engine, enum origin origin, struct context *hint, uint64_t at_ns);
/* What its segment is known to be for is settled now, not when the last one forgets it. */
void strand_settle_hint(struct engine *engine, struct context *context);
/* The open request that it is done for; NULL: none. */
struct context *strand_request_of(struct context *context);
/* What a strand that is made or woken by this thread is for; NULL: nobody that is known. In doubt it is what this strand was made for. */
struct context *strand_given_by(const struct thread *thread);
/* The thread's task makes this one while nobody has said for whom it works. When that is said, it is for the same one. */
void strand_made_for_unnamed(struct engine *engine, const struct thread *thread, struct strand *strand, uint64_t at_ns);
/* It comes to a thread: takes what was given to it meanwhile, if it waited for that. */
void strand_take_what_is_given(struct engine *engine, const struct proc *proc, struct strand *strand, uint64_t at_ns);
/* It leaves its thread and has not shown whose work it did: its own, as it was made for that. */
void strand_decide_in_doubt(struct engine *engine, struct thread *thread, uint64_t at_ns);
/* The thread, or its strand, lets another strand go on. */
void strand_wakes(const struct moment *moment);

#endif
