/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What is done to all threads of a process at once, by iterators that user space runs: adopting those that exist already, and reading
 * accounts in mid-span.
 */
#ifndef IOCPU_ITER_BPF_H
#define IOCPU_ITER_BPF_H

#include "account.bpf.h"

/* ---- adopting */

static __always_inline void prepare_account(struct thread *fresh, struct task_struct *task, bool on_core, __u64 now)
{
	fresh->on_core = on_core;
	fresh->span_at_ns = now;
	fresh->since_ns = now;
	fresh->charged_ns = task->se.sum_exec_runtime;
	fresh->run_delay_ns = task->sched_info.run_delay;
	fresh->nvcsw = task->nvcsw;
	fresh->nivcsw = task->nivcsw;
	if (on_core)
		return;
	fresh->window_state = WINDOW_OPEN;
	fresh->window.off_at_ns = now;
	fresh->reopened_at_ns = now;
	fresh->window.cause = task->__state ? wait_cause_of(task, &fresh->wait_nr) : WAIT_RUNNABLE;
	fresh->window.ready_cause = task->__state ? READY_WAKEUP : READY_PREEMPTED;
}

/*
 * The thread may have switched between our look at it and the making of its account: then it looks otherwise now, while no hook has
 * written to it.
 */
static __always_inline bool adopt_once(struct task_struct *task, __u8 untold, __u64 now)
{
	struct thread fresh = {.untold = untold};
	bool on_core = task->on_cpu;
	struct thread *thread;

	prepare_account(&fresh, task, on_core, now);
	thread = make_account(task, &fresh);
	if (!thread)
		return true;
	if (thread->sequence)
		return true;
	if (on_core == (task->on_cpu != 0))
		return true;
	bpf_task_storage_delete(&thread_by_task, task);
	return false;
}

static __always_inline void adopt(struct task_struct *task)
{
	__u64 now = bpf_ktime_get_ns();
	__u8 untold = emit_thread(task, THREAD_FOUND, task->real_parent->tgid, now) ? 0 : THREAD_FOUND;

	/* At the third look whatever is seen is kept: its next switch puts it right. */
	if (!adopt_once(task, untold, now) && !adopt_once(task, untold, now) && !adopt_once(task, untold, now))
		adopt_once(task, untold, now);
}

SEC("iter/task")
int adopt_threads(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;

	if (!task)
		return 0;
	if (task->__state & TASK_DEAD)
		return 0;
	living_threads++;
	if (!thread_of(task))
		adopt(task);
	return 0;
}

/* ---- snapshots */

/* A hook writes for up to 0.5 µs, a try takes 40 ns: together they outlast it. */
#define READ_TRIES 16

/* The look at the clock lies within: a reader that loses its core behind the copy would take what the thread has slept since for CPU. */
static __always_inline bool try_to_read_account(struct thread *copy, struct thread *thread, __u64 *at_ns)
{
	__u32 before = read_in_order(&thread->sequence);

	bpf_probe_read_kernel(copy, sizeof(*copy), (const void *)thread);
	*at_ns = bpf_ktime_get_ns();
	return !(before & 1) && read_in_order(&thread->sequence) == before;
}

/* Copies an account as it was at one moment. False: its thread kept writing, or lost its core while it did. */
static __always_inline bool read_account(struct thread *copy, struct thread *thread, __u64 *at_ns)
{
#pragma clang loop unroll(full)
	for (int i = 0; i < READ_TRIES; i++)
		if (try_to_read_account(copy, thread, at_ns))
			return true;
	return false;
}

/* Of a thread that waits for a core: since when, by the scheduler's own note. */
static __always_inline __u64 ready_so_far(const struct thread *thread, struct task_struct *task, __u64 now)
{
	__u64 queued_at_ns = task->sched_info.last_queued;

	if (thread->window.cause == WAIT_RUNNABLE)
		return now - thread->reopened_at_ns;
	if (!queued_at_ns || !thread->clock_skew_ns)
		return 0;
	queued_at_ns -= thread->clock_skew_ns;
	return queued_at_ns > thread->reopened_at_ns && queued_at_ns < now ? now - queued_at_ns : 0;
}

/* Not before the thread's own last hook, which may have been under way when the tracing was paused. */
static __always_inline __u64 moment_of_snapshot(const struct thread *thread, __u64 read_at_ns)
{
	__u64 now = paused ? paused_at_ns : read_at_ns;
	__u64 last_ns = thread->on_core ? thread->since_ns : thread->reopened_at_ns;

	return now > last_ns ? now : last_ns;
}

static __always_inline bool waits_to_write(const struct thread *thread)
{
	__u16 nr = thread->wait_nr;

	return thread->window.cause == WAIT_NET && nr < SYSCALL_MAX && writes_by_syscall[nr];
}

/* What the scheduler charged too early is put before the next stint. After the last snapshot there is none: it ends this one later. */
static __always_inline void tell_early_start(struct thread *copy, __u64 now)
{
	__u64 early_ns = early_start(copy, now - copy->reopened_at_ns);

	copy->reopened_at_ns += early_ns;
	copy->core_ns += early_ns;
	if (copy->window.off_at_ns + early_ns <= now)
		copy->window.off_at_ns += early_ns;
}

static __always_inline void emit_snapshot(struct thread *copy, struct task_struct *task, __u64 read_at_ns)
{
	struct boundary end = {.tid = task->pid, .kind = RECORD_SNAPSHOT, .fd = -1};
	__u64 now = moment_of_snapshot(copy, read_at_ns);

	end.at_ns = now;
	if (copy->on_core) {
		settle_window(copy, task);
		copy->core_ns += now - copy->since_ns;
		end.flags = RECORD_ON_CORE;
		end.fd = copy->core;
	} else {
		if (paused)
			tell_early_start(copy, now);
		copy->window.ready_ns += ready_so_far(copy, task, now);
		copy->window.on_at_ns = now;
		end.op = waits_to_write(copy) ? IO_WRITE : 0;
	}
	emit_span(copy, task, &end, 0);
}

/*
 * Nothing ends a thread's span but records of its own. While one is due that goes before anything else, a snapshot would tell it in the
 * thread's place, and the thread once more. At the end there is nobody else to tell it.
 */
static __always_inline bool may_be_told(const struct thread *copy)
{
	return paused || (!copy->untold && !copy->strand_due);
}

SEC("iter/task")
int snapshot_threads(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct thread *thread;
	struct thread copy;
	__u64 read_at_ns;

	if (!task)
		return 0;
	if (task->__state & TASK_DEAD)
		return 0;
	thread = thread_of(task);
	if (!thread)
		return 0;
	if (!read_account(&copy, thread, &read_at_ns))
		count_loss(LOSS_SNAPSHOTS);
	else if (may_be_told(&copy))
		emit_snapshot(&copy, task, read_at_ns);
	return 0;
}

#endif
