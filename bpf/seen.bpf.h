/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What no hook tells, but the memory of the runtime whenever one of its threads is looked at anyway.
 * Never: a look at a thread that no hook has told to be a runtime's.
 */
#ifndef IOCPU_SEEN_BPF_H
#define IOCPU_SEEN_BPF_H

#include "go.bpf.h"
#include "hotspot.bpf.h"

/* Global, so that the verifier walks through it once a program, and not by each way that leads there. */
__noinline int look_at_present_strand(__u64 now, bool waits)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct thread *thread = thread_of(task);

	if (!thread)
		return 0;
	tell_left(thread, task, now);
	tell_mounted(thread, task, now, waits);
	return 0;
}

/* Before a record of the present thread, or the end of its time on a core, at `now` (`waits`: to wait). Its account is being written. */
static __always_inline void look_at_strand(const struct thread *thread, __u64 now, bool waits)
{
	if (thread->machine || hotspots)
		look_at_present_strand(now, waits);
}

#endif
