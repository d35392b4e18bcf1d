/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 12: the connections that goroutines which no hook tells of have given back, by process and peer, in that order.
 * Used by chains.c and chains_queue.c, and where connections are answered, asked on, and end.
 * Never: says who waits for one.
 */
#ifndef IOCPU_ENGINE_IDLE_H
#define IOCPU_ENGINE_IDLE_H

#include "engine/model.h"

/* An answer has been read there, and nobody waits for another one: it lies idle from at_ns on. */
void idle_begins(struct proc *proc, struct conn *conn, uint64_t at_ns);
/* It is asked on, or ends. If it does not lie idle nothing happens. */
void idle_ends(struct conn *conn);
/* Of those to this peer the one that has lain idle longest; the next younger one is its next_idle. NULL: none. */
const struct conn *idle_longest(const struct proc *proc, uint16_t peer);
/* This one is asked on that had lain idle since before the trace. */
void idle_is_left(struct proc *proc, const struct conn *conn, uint64_t at_ns);
/* To which peers such a one still lay idle at since_ns: as wait's found_idle. Of who came to wait then it may be told later. */
uint64_t idle_left_since(const struct proc *proc, uint64_t since_ns);

/* Peers as bits: by number modulo 64. */
static inline uint64_t peer_bit(uint16_t peer)
{
	return 1ull << peer % 64;
}

void idle_close(struct proc *proc);

#endif
