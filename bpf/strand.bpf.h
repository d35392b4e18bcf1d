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

/* From at_ns on the thread runs this strand. */
struct strand_change {
	__u64 at_ns;
	__u64 strand_id;
	__u64 parent_id; /* who made it, where the hook knows that only now; 0: unknown */
	struct leave last;
	bool since_last_seen; /* at_ns is only when that was seen: it has run since the thread came to its core, or since its span began */
	bool doubtful;        /* at_ns is only when that was seen, and it may have run for a while */
};

/* So far back do the thread's core time and its last epoll return not tell of anything else. */
static __always_inline __u64 core_since_last_seen(const struct thread *thread, __u64 now)
{
	__u64 from_ns = thread->window_state == WINDOW_NONE ? thread->span_at_ns : thread->window.on_at_ns;

	if (from_ns < thread->epoll_at_ns)
		from_ns = thread->epoll_at_ns;
	return now - from_ns < thread->core_ns ? now - from_ns : thread->core_ns;
}

/* Its account is being written. */
static __always_inline void tell_change(struct thread *thread, struct task_struct *task, const struct strand_change *change)
{
	struct boundary end = {.kind = RECORD_STRAND, .op = STRAND_RUNS, .fd = -1};
	__u64 core_ns = 0;

	charge_core(thread, task, change->at_ns);
	if (change->since_last_seen)
		core_ns = core_since_last_seen(thread, change->at_ns);
	end.at_ns = change->at_ns - core_ns;
	end.tid = task->pid;
	end.conn_id = change->strand_id;
	end.arrived_ns = change->parent_id;
	end.result = change->last.cause;
	end.flags = (change->last.ended ? RECORD_STRAND_ENDED : 0) | (change->doubtful ? RECORD_STRAND_DOUBTFUL : 0);
	thread->core_ns -= core_ns;
	thread->strand_due = !emit_span(thread, task, &end, 0);
	thread->core_ns += core_ns;
	thread->since_ns = change->at_ns;
	thread->strand_id = change->strand_id;
	thread->strand_told = 1;
	thread->awaits_data = 0;
}

/* From now on the thread runs this strand. Told when it differs from what was told last. */
static __always_inline void tell_strand(struct thread *thread, struct task_struct *task, __u64 strand_id, struct leave last)
{
	struct strand_change change = {.strand_id = strand_id, .last = last};

	if (thread->strand_told && thread->strand_id == strand_id)
		return;
	thread_write_begin(thread);
	change.at_ns = bpf_ktime_get_ns();
	tell_change(thread, task, &change);
	thread_write_end(thread);
}

/* The same, where the account is being written. */
static __always_inline void tell_of_other_at(struct thread *thread, struct task_struct *task, enum strand_op op, __u64 strand_id, __u8 left,
					     __u64 now)
{
	struct boundary end = {.at_ns = now, .kind = RECORD_STRAND, .op = op, .conn_id = strand_id, .fd = -1, .result = left};

	end.tid = task->pid;
	charge_core(thread, task, now);
	emit_span(thread, task, &end, 0);
}

/* The thread's strand made this one, or let it go on: `left` is then why that had left, as enum wait_cause; 0: not known. */
static __always_inline void tell_of_other_left(struct thread *thread, struct task_struct *task, enum strand_op op, __u64 strand_id,
					       __u8 left)
{
	thread_write_begin(thread);
	tell_of_other_at(thread, task, op, strand_id, left, bpf_ktime_get_ns());
	thread_write_end(thread);
}

static __always_inline void tell_of_other_strand(struct thread *thread, struct task_struct *task, enum strand_op op, __u64 strand_id)
{
	tell_of_other_left(thread, task, op, strand_id, 0);
}

#endif
