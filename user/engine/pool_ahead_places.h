/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The places of pool_ahead.c: those who came to wait for a connection, and those who were woken as one was given back, in their order. The
 * n-th who was woken is the n-th who came to wait.
 * Used by pool_ahead.c and pool_ahead_places.c.
 * Never: seen by a rule.
 */
#ifndef IOCPU_ENGINE_POOL_AHEAD_PLACES_H
#define IOCPU_ENGINE_POOL_AHEAD_PLACES_H

#include "engine/moment.h"
#include "engine/votes.h"

#define WAITS_KEPT 1024 /* … of which no response has told yet: of more the oldest are forgotten */
#define NOTES_MAX  256  /* not settled yet: of more the oldest are settled */
#define IDLE_MAX   256
#define HOP_NS     5000 /* from where somebody is woken until it is queued */

enum came_to {
	CAME_NOT_YET,     /* woken: that is queued */
	CAME_TOLD,        /* it has been told so, and its turn is queued */
	CAME_ON,          /* it has found a connection */
	CAME_IN_VAIN,     /* it has found none, and waits anew */
	CAME_FOR_NOTHING, /* it did not wait for one */
};

/* One that came to wait. */
struct pool_wait {
	struct context *context; /* NULL: whoever was woken in vain, or one that is not known */
	uint64_t again_of;       /* … the number of that wake; 0: not known */
	uint64_t since_ns;
	bool told; /* a response has told who it was */
};

struct pool_wake {
	uint64_t number, at_ns, told_ns;
	struct context *begun; /* what has gone on; NULL: nothing, or not yet */
	uint8_t came_to;
	bool told;
};

enum what {
	NOTE_WAITS,
	NOTE_GIVES_BACK,
	NOTE_GOES_ON,
	NOTE_TAKES,
	NOTE_SHOWS,
	NOTE_ROUND,
	NOTE_SLEEPS,
};

struct pool_note {
	uint64_t at_ns;
	struct context *context;
	uint64_t value; /* a connection; of NOTE_SHOWS: when it had been queued */
	uint8_t what;   /* enum what */
};

/* A connection that was given back, and not taken since. */
struct idle_conn {
	uint64_t conn_id, since_ns;
};

/* Of one process. */
struct pool_ahead {
	uint32_t note_count, wait_count, wake_count, idle_count;
	uint64_t next_number;
	bool aligned;                      /* it is known how many had come who were not seen */
	int32_t shift;                     /* by so many places was the latest chain that a response named apart … */
	uint32_t shifted_times;            /* … and so often in a row */
	uint32_t astray;                   /* so many responses in a row of whom no chain leads back */
	uint64_t told_number;              /* the latest wake of which a response has told whose it was */
	uint64_t round_ns;                 /* the last epoll return */
	struct score order;                /* of responses: was who is answered in its place? */
	struct pool_note notes[NOTES_MAX]; /* in the order of time */
	struct pool_wait waits[WAITS_KEPT];
	struct pool_wake wakes[WAITS_KEPT];
	struct idle_conn idle[IDLE_MAX];
};

static inline bool is_to_come(const struct pool_wake *wake)
{
	return wake->came_to == CAME_NOT_YET || wake->came_to == CAME_TOLD;
}

/* By when it came. */
void places_add(struct engine *engine, struct pool_ahead *pool, struct pool_wait wait);
/* Who waits longest, if anybody does. */
void places_wake(struct pool_ahead *pool, uint64_t at_ns);
/* A response: this segment led to it. request NULL: it is from before the trace. */
void places_named(const struct moment *moment, struct pool_ahead *pool, struct context *segment, struct context *request)
	__attribute__((nonnull(1, 2, 3)));
/* The request is answered: it waits no more. */
void places_leave(struct engine *engine, struct pool_ahead *pool, const struct context *request);
void places_close(struct engine *engine, struct pool_ahead *pool);

#endif
