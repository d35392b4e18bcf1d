/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Futexes: who woke whom. A waiter tells only of waits in which it was blocked, a waker only of calls that woke somebody, so a lock without
 * contention costs nothing. Attached once a thread that serves connections has been blocked in one.
 * Never: waiters that are moved to another futex, or woken by the end of a thread. Who woke them stays unknown.
 */
#ifndef IOCPU_FUTEX_BPF_H
#define IOCPU_FUTEX_BPF_H

#include "io.bpf.h"

#define FUTEX_PRIVATE_FLAG 128
#define FUTEX_CMD_MASK     127 /* without FUTEX_PRIVATE_FLAG and FUTEX_CLOCK_REALTIME (256) */

enum { FUTEX_WAIT = 0, FUTEX_WAKE = 1, FUTEX_WAIT_BITSET = 9, FUTEX_WAKE_BITSET = 10 };

/* enum futex_op; 0: nothing to tell. Who was woken may have lost its core again before it returned: the last window need not be the wait's.
 */
static __always_inline __u8 futex_op_of(const struct syscall_trace_exit *ctx, __u64 command, bool blocked)
{
	switch (command & FUTEX_CMD_MASK) {
	case FUTEX_WAIT:
	case FUTEX_WAIT_BITSET:
		return blocked && ctx->ret == 0 ? FUTEX_WOKEN : 0;
	case FUTEX_WAKE:
	case FUTEX_WAKE_BITSET:
		return ctx->ret > 0 ? FUTEX_WOKE : 0;
	default:
		return 0;
	}
}

static __always_inline void handle_futex(struct syscall_trace_exit *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct thread *thread = thread_to_write(task);
	struct boundary end = {.kind = RECORD_FUTEX, .fd = -1};
	struct pt_regs *regs;
	__u64 command;
	bool blocked;

	if (!thread || thread->strand_told)
		return;
	blocked = thread->lock_nr == ctx->nr;
	thread->lock_nr = 0;
	regs = saved_registers(task);
	command = SYSCALL_ARG1(regs);
	end.op = futex_op_of(ctx, command, blocked);
	if (!end.op || !is_of_threads(task))
		return;
	end.at_ns = bpf_ktime_get_ns();
	end.tid = task->pid;
	end.conn_id = SYSCALL_ARG0(regs) | (command & FUTEX_PRIVATE_FLAG ? 0 : FUTEX_SHARED);
	end.result = ctx->ret;
	emit_plain(thread, task, &end);
}

ON_EXIT(futex, handle_futex)

#endif
