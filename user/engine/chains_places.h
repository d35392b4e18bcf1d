/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 12 where threads run each other's requests: the places of those who came to wait, and what has begun with what each was given.
 * Used by chains*.c.
 * Never: says who goes on.
 */
#ifndef IOCPU_ENGINE_CHAINS_PLACES_H
#define IOCPU_ENGINE_CHAINS_PLACES_H

#include "engine/chains.h"

#define NEAR      4    /* so far from its turn goes on who was given a connection */
#define WAITS_MAX 1024 /* of more the latest are counted in struct engine_losses. Power of two */

/* A connection that was given back, and what has begun with it. */
struct grant {
	uint32_t tid;          /* who gave it back; 0: nobody yet */
	bool queued;           /* that thread has let another one go on since: it runs that one first, and then these in their order */
	struct context *begun; /* NULL: nothing yet */
};

/* A request, or a segment of one, that came to wait; and what it was given, if all are served in order. */
struct wait {
	struct context *context; /* NULL: that is over */
	uint64_t since_ns;
	uint64_t found_idle; /* of which peers a connection lay idle that it could have taken: bits, by number modulo 64 */
	uint32_t passed;     /* so often has another one gone on in its place */
	bool put_behind;     /* for that: nobody knows how far */
	uint64_t said;       /* chains_before.c: which grant led to the response; 0: none has come */
	struct grant grant;
};

struct chains {
	uint64_t first, end;          /* tickets in use, from CHAIN_TICKETS */
	uint64_t waiting;             /* before this one nobody waits: what is in use there has been given its connection */
	struct chains_before *before; /* some may stand in front of all these; NULL: it is known that none do */
	uint32_t astray;              /* how much the latest responses have contradicted it */
	int64_t shift;                /* so many places behind whose it was the latest responses have found what they name, at least … */
	uint32_t shifted_times;       /* … and so many in a row in that direction */
	uint64_t told;                /* the latest place that a response has borne out */
	struct wait waits[WAITS_MAX];
};

static inline struct wait *wait_at(struct chains *chains, uint64_t ticket)
{
	return &chains->waits[ticket % WAITS_MAX];
}

/* NULL: nobody has it. */
static inline struct wait *wait_of(struct chains *chains, uint64_t ticket)
{
	return ticket >= chains->first && ticket < chains->end && wait_at(chains, ticket)->context ? wait_at(chains, ticket) : NULL;
}

static inline bool still_waits(struct chains *chains, uint64_t ticket)
{
	struct wait *wait = wait_of(chains, ticket);
	const struct context *root = wait ? context_root(wait->context) : NULL;

	return root && !wait->grant.begun && root->line_ticket == ticket && (!root->is_request || context_is_open_request(root));
}

/* Somebody has computed there, and come to wait, of whom nobody knows yet who it is. */
static inline bool wait_is_unseen(const struct wait *wait)
{
	const struct context *root = context_root(wait->context);

	return !root->is_request && root->given == GIVEN_NOT && !root->evidence;
}

/* Who went on by itself, or was answered, and was given nothing that has begun. */
static inline bool is_over(struct chains *chains, uint64_t ticket)
{
	return !still_waits(chains, ticket) && !wait_at(chains, ticket)->grant.begun;
}

/* Of the grants that nothing has begun with yet: whose turn it is on a thread. */
struct next_grant {
	uint64_t last, queued, others_queued, others; /* places; 0: none */
};

void next_grant_look(struct next_grant *next, const struct grant *grant, uint64_t place, uint32_t tid);

/*
 * A thread runs whom it has let go on last, then all others of its own in their order; one that has nothing to do takes those from another
 * one, from the front. 0: nobody is let go on.
 */
static inline uint64_t next_grant_place(const struct next_grant *next)
{
	return next->last ? next->last : next->queued ? next->queued : next->others_queued ? next->others_queued : next->others;
}

/* A connection that was given back on this thread goes to who waits longest and has been given none. */
void chains_give(struct chains *chains, uint32_t tid);
/* The two who wait there change places. */
void chains_exchange(struct chains *chains, uint64_t one, uint64_t other);
void chains_forget(struct engine *engine, struct chains *chains, uint64_t ticket);
/* It has not gone on yet: what has begun since was of those behind it. Where it stands now. */
uint64_t chains_put_behind(struct chains *chains, uint64_t ticket);
/* What has begun there was nobody's who waits: what has begun since was of those before. */
void chains_take_out(struct engine *engine, struct chains *chains, uint64_t ticket);
/* Behind that place: what was given there first was nobody's who was seen to wait, and all others came to the one before. */
void chains_give_earlier(struct engine *engine, struct chains *chains, uint64_t behind);
/* Behind that place: who waits there first was given nothing, and all others came to the one behind. */
void chains_give_later(struct engine *engine, struct chains *chains, uint64_t behind);

#endif
