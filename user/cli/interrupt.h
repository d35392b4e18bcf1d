/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ctrl-C and its like: a run notices them and ends in good order.
 * Called by main (once) and by whatever loops.
 * Never: does more in a signal handler than remember it.
 */
#ifndef IOCPU_CLI_INTERRUPT_H
#define IOCPU_CLI_INTERRUPT_H

#include <stdbool.h>

/*
 * SIGINT, SIGTERM and SIGHUP end the run from now on, but for those that the starter had ignored (a background job, nohup); SIGTERM always.
 * A closed pipe is an error of the write, not the death of the process.
 */
void interrupt_watch(void);

/* For a child, before exec: everything as the starter had it. */
void interrupt_restore(void);

bool interrupted(void);

#endif
