/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What was written into an eventfd, a pipe or a socketpair, and was not read yet: the writes in their order, and whose they are.
 * Used by rule 9.
 * Never: says what a reader does for whom.
 */
#ifndef IOCPU_ENGINE_HANDOFFS_H
#define IOCPU_ENGINE_HANDOFFS_H

#include "engine/model.h"

/* What one write left there. */
struct handoff {
	struct context *context; /* whose thread wrote it; NULL: nobody's that is known */
	const struct proc *proc; /* the writer's: only to be compared */
	uint32_t writer_tid;     /* 0: it was left there without a write */
	uint64_t sent_ns;
	uint64_t bytes_left;
	struct interval wait; /* of an answer: what the message that it answers had waited for its reader */
};

struct handoffs {
	struct handoff *queue; /* a ring: most pipes have one write at a time in them, and there may be very many pipes */
	uint32_t capacity, first, count;
	uint32_t worker_tid;   /* it is read by this worker thread; 0: by others */
	uint32_t waker_tid;    /* a worker thread writes to it … */
	uint32_t loop_tid;     /* … and this thread reads it */
	uint64_t taken_ns;     /* that one has taken what was left here last */
	uint64_t read_late_ns; /* then it looked, having taken before what was left here */
	bool taken_unread;     /* its reader, being awake, has taken what was left here before it looked */
	bool own_task;         /* its reader has left itself something there, and not looked since */
	/* Of writes that there was no room for: they are read before what is in the queue. The last one's time. */
	uint64_t forgotten_bytes, forgotten_ns;
	/* Read before their write was told. */
	uint64_t ahead_bytes, ahead_ns;
	struct context *ahead; /* the segment that began with them; NULL: none did */
};

/* There must be one. */
static inline struct handoff *handoffs_first(struct handoffs *handoffs)
{
	return &handoffs->queue[handoffs->first];
}

/* NULL: no memory. */
struct handoffs *handoffs_of(struct conn *conn);

/* Takes its own reference to the context. If there is no room, or no memory for it, the first is forgotten. */
void handoffs_push(struct engine *engine, struct handoffs *handoffs, struct handoff handoff);

void handoffs_drop_first(struct engine *engine, struct handoffs *handoffs);

/* The oldest context waiting there whose request is open; the reference is the caller's. NULL: none. */
struct context *handoffs_pop_open(struct engine *engine, struct handoffs *handoffs);

/* The connection ends. */
void handoffs_forget(struct engine *engine, struct conn *conn);
void handoffs_forget_ahead(struct engine *engine, struct handoffs *handoffs);

#endif
