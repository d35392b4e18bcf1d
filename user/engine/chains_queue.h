/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 12 where threads run each other's requests: who of those that came to wait may wait for a connection to one peer. Who came when one
 * lay idle for which nobody before it waited would have taken that: it is held up, or waits for something else.
 * Used by chains.c.
 * Never: tells anything of threads that are no goroutines': of their connections none is known to lie idle.
 */
#ifndef IOCPU_ENGINE_CHAINS_QUEUE_H
#define IOCPU_ENGINE_CHAINS_QUEUE_H

#include "engine/chains_places.h"

/* Those who wait for a connection to one peer. All zero: to any. */
struct queue {
	const struct conn *idle; /* what came to lie idle after the last one who was asked about had come; NULL: nothing, or all is told */
	uint64_t idle_before;    /* so many had come to lie idle before that */
	uint64_t spare;          /* so many of these may have been given to somebody who is not known to wait */
	uint64_t waiting;        /* so many of those who were asked about are in it */
	uint64_t peer_bit;
};

/* To the peer of the moment's connection. */
struct queue queue_for(const struct moment *moment);
/* Is whoever has this place in it? Asked of all places, from the front on. */
bool queue_has(struct queue *queue, struct chains *chains, uint64_t ticket);
/*
 * The moment's connection is asked on. If it had lain idle for long, nobody who came meanwhile waits for one to that peer, be it that no
 * other one is idle any more. `chains` may be NULL: nobody has come yet.
 */
void queue_leave_idle(const struct moment *moment, struct chains *chains);

#endif
