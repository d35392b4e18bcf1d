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
void idle_close(struct proc *proc);

#endif
