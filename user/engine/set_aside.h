/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rules 6 and 12: what a thread did for nobody known before it fell asleep in a futex.
 * Used by span.c, the files of rules, and where threads end.
 * Never: more than one stretch of work a thread.
 */
#ifndef IOCPU_ENGINE_SET_ASIDE_H
#define IOCPU_ENGINE_SET_ASIDE_H

#include "engine/model.h"

/*
 * The thread falls asleep in a futex, and works for nobody known. True: what it did so far is set aside, and must not be given to whom it
 * was hinted at yet.
 */
bool set_aside_at_futex(struct engine *engine, struct thread *thread, uint64_t off_ns);
/*
 * It asks for `owner` over a connection that was given back then. True: it had waited for that, so what it had set aside was for the same.
 */
bool set_aside_taken_back(struct engine *engine, struct thread *thread, struct context *owner, uint64_t released_ns);
/*
 * It goes on with `owner`'s work, be it asking or answering. If nobody is known to have given it something new meanwhile, and it is one
 * that answers what others read, what it had set aside was for the same.
 */
void set_aside_goes_on(struct engine *engine, struct thread *thread, struct context *owner);
/* It turned to something else: what was set aside is for whom it was hinted at. */
void set_aside_end(struct engine *engine, struct thread *thread);

#endif
