/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What no hook tells, but the memory of the runtime whenever one of its threads is looked at anyway.
 * Never: a look at a thread that no hook has told to be a runtime's.
 */
#ifndef IOCPU_SEEN_BPF_H
#define IOCPU_SEEN_BPF_H

#include "go.bpf.h"
#include "hotspot.bpf.h"

/* Before a record of the thread, or the end of its time on a core, at `now`. Its account is being written. */
static __always_inline void look_at_strand(struct thread *thread, struct task_struct *task, __u64 now)
{
	tell_left(thread, task, now);
	tell_mounted(thread, task, now);
}

#endif
