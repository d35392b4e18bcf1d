/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Arithmetic with the counters of struct process.
 * Used by the engine, which sums up processes that ended, and by cli's windows, which take differences.
 * Never: what a process is; that is the engine's to say.
 */
#ifndef IOCPU_UTIL_PROCESS_H
#define IOCPU_UTIL_PROCESS_H

#include "util/request.h"

/* Adds the counters of `one` to `sum`, whose other members stay. */
void process_add(struct process *sum, const struct process *one);

/* Takes the counters of `one`, none of which is larger, from `sum`. */
void process_subtract(struct process *sum, const struct process *one);

/* Are both the same process, looked at twice? */
bool process_is_same(const struct process *one, const struct process *other);

#endif
