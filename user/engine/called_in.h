/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 9, of a loop that runs tasks: what other threads of its process have done for these (asyncio's to_thread and run_in_executor, and
 * what FastAPI runs of functions that are not async). Each calls in at the loop then, which lets a task go on.
 * Used by rules_handoff.c, where they call in, by strand_given.c, where a task goes on, and where a process ends.
 * Never: says whose the task is.
 */
#ifndef IOCPU_ENGINE_CALLED_IN_H
#define IOCPU_ENGINE_CALLED_IN_H

#include "engine/moment.h"

/* The thread writes to what wakes the process's loop. If it is no loop itself, what it has done until then is what it calls in with. */
void called_in(const struct moment *moment);
/* A task of the request is let go on by a callback that came from no task: it goes on with what was called in, be it a little later. */
void called_in_goes_on(const struct moment *moment, struct context *request);
void called_in_close(struct engine *engine, struct proc *proc);

#endif
