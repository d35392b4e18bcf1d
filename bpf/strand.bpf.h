/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Strands: what the hooks of all runtimes tell, in one shape. A hook finds the ids; here they become records.
 * Never: an id of its own making. 0 is the runtime itself.
 */
#ifndef IOCPU_STRAND_BPF_H
#define IOCPU_STRAND_BPF_H

#include "account.bpf.h"

/* Why a strand left its thread. */
struct leave {
	__u8 cause; /* enum wait_cause */
	bool ended;
};

/* From now on the thread runs this strand. Told when it differs from what was told last. */
static __always_inline void tell_strand(struct thread *thread, struct task_struct *task, __u64 strand_id, struct leave last)
{
	struct boundary end = {.kind = RECORD_STRAND, .op = STRAND_RUNS, .conn_id = strand_id, .fd = -1};

	if (thread->strand_told && thread->strand_id == strand_id)
		return;
	end.at_ns = bpf_ktime_get_ns();
	end.tid = task->pid;
	end.result = last.cause;
	end.flags = last.ended ? RECORD_STRAND_ENDED : 0;
	thread_write_begin(thread);
	charge_core(thread, task, end.at_ns);
	thread->strand_due = 0;
	if (!emit_span(thread, task, &end, 0))
		thread->strand_due = 1;
	thread->strand_id = strand_id;
	thread->strand_told = 1;
	thread_write_end(thread);
}

/* The thread's strand made this one, or let it go on. */
static __always_inline void tell_of_other_strand(struct thread *thread, struct task_struct *task, enum strand_op op, __u64 strand_id)
{
	struct boundary end = {.kind = RECORD_STRAND, .op = op, .conn_id = strand_id, .fd = -1};

	end.at_ns = bpf_ktime_get_ns();
	end.tid = task->pid;
	thread_write_begin(thread);
	charge_core(thread, task, end.at_ns);
	emit_span(thread, task, &end, 0);
	thread_write_end(thread);
}

#endif
