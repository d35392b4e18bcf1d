/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What one process writes into a pipe or a socketpair, and another one reads; and what is read before its write is told.
 * Used by rules_handoff.c.
 * Never: looks at what goes on within a process.
 */
#ifndef IOCPU_ENGINE_RULES_MESSAGES_H
#define IOCPU_ENGINE_RULES_MESSAGES_H

#include "engine/handoffs.h"
#include "engine/moment.h"

/* A write's record is told as its call returns: its reader may be quicker, by less than this. */
#define HANDOFF_LATE_NS 200000

/* Where what this end reads was written. NULL: unknown. */
struct conn *message_written_end(const struct moment *moment);
bool message_between_processes(const struct moment *moment, const struct conn *from);
/* The thread reads, and works for whoever wrote. */
void message_receive(const struct moment *moment, struct conn *from);

/* Nobody has told of the write of these bytes yet, which may happen at any moment, and then says for whom they are. */
void handoffs_read_ahead(const struct moment *moment, struct handoffs *handoffs, uint64_t bytes, bool begins);
/* They were written for `sender`: how many of `bytes` had been read before. */
uint64_t handoffs_settle_ahead(const struct moment *moment, struct handoffs *handoffs, struct context *sender, uint64_t bytes);

#endif
