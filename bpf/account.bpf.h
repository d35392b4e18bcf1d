/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * How a thread spends its time: on a core, waiting for one, or blocked by a cause. Every nanosecond of a traced thread is in exactly one
 * span, and there on a core or in the span's window.
 * Nothing runs at wake-ups: the scheduler keeps the ready time itself. Nothing runs at syscall entry: the registers still say which call it
 * was.
 */
#ifndef IOCPU_ACCOUNT_BPF_H
#define IOCPU_ACCOUNT_BPF_H

#include "file.bpf.h"
#include "records.bpf.h"

#define TASK_UNINTERRUPTIBLE 0x02
#define TASK_STOPPED         0x04
#define TASK_TRACED          0x08
#define TASK_DEAD            0x80

static __always_inline __u8 wait_cause_of(struct task_struct *task, __u16 *wait_nr)
{
	struct pt_regs *regs = saved_registers(task);
	__u64 nr = SYSCALL_NR(regs);
	__u8 cause;

	*wait_nr = SYSCALL_MAX;
	if (BPF_CORE_READ_BITFIELD(task, in_iowait))
		return WAIT_DISK;
	/* By a signal or a debugger, wherever it was. */
	if (task->__state & (TASK_STOPPED | TASK_TRACED))
		return WAIT_OTHER;
	if (nr >= SYSCALL_MAX) /* no syscall: it sleeps in a page fault */
		return task->__state & TASK_UNINTERRUPTIBLE ? WAIT_DISK : WAIT_OTHER;
	*wait_nr = nr;
	if (!blocked_in[nr])
		blocked_in[nr] = true;
	cause = wait_cause_by_syscall[nr];
	if (cause == WAIT_BY_READ_FILE)
		return wait_cause_of_file(task, SYSCALL_ARG0(regs), false);
	if (cause == WAIT_BY_WRITE_FILE)
		return wait_cause_of_file(task, SYSCALL_ARG0(regs), true);
	if (cause == WAIT_BY_THIRD_FILE)
		return wait_cause_of_file(task, SYSCALL_ARG2(regs), true);
	return cause;
}

/*
 * The scheduler charges a thread from the moment when it was chosen, by a clock that may be as old as its wake-up: where the core was idle,
 * and the more so in a guest, that is microseconds before it really runs. What it charged beyond the wall clock in the last stint is
 * therefore put before this one. So core time less stolen time is what was charged, to the last stint.
 */
static __always_inline __u64 early_start(const struct thread *thread, __u64 blocked_ns)
{
	__u64 early_ns = thread->uncharged_ns < 0 ? -thread->uncharged_ns : 0;

	return early_ns < blocked_ns ? early_ns : blocked_ns;
}

static __always_inline void name_longest(struct thread *thread, __u64 off_ns)
{
	if (thread->merged_off_ns > off_ns) {
		thread->window.cause = thread->merged_cause;
		thread->window.ready_cause = thread->merged_ready_cause;
	} else if (thread->merged_off_ns) {
		thread->merged_off_ns = off_ns;
	}
}

/*
 * For a thread that is back on a core: how much of its last time off the core it was ready. Not at switch-in: the scheduler adds to
 * run_delay after that tracepoint.
 */
static __always_inline void settle_window(struct thread *thread, struct task_struct *task)
{
	struct window *window = &thread->window;
	__u64 off_ns, ready_ns, early_ns;

	if (thread->window_state != WINDOW_UNSETTLED)
		return;
	thread->window_state = WINDOW_SETTLED;
	thread->clock_skew_ns = task->sched_info.last_arrival - window->on_at_ns;
	off_ns = window->on_at_ns - thread->reopened_at_ns;
	ready_ns = task->sched_info.run_delay - thread->run_delay_ns;
	if (ready_ns > off_ns)
		ready_ns = off_ns;
	early_ns = early_start(thread, off_ns - ready_ns);
	window->on_at_ns -= early_ns;
	thread->since_ns -= early_ns;
	thread->stint_at_ns -= early_ns;
	off_ns -= early_ns;
	window->ready_ns += window->cause == WAIT_RUNNABLE ? off_ns : ready_ns;
	name_longest(thread, off_ns);
}

static __always_inline void begin_stint(struct thread *thread, __u64 now)
{
	thread->core = bpf_get_smp_processor_id() + 1;
	thread->window.on_at_ns = now;
	thread->window_state = WINDOW_UNSETTLED;
	thread->stint_at_ns = now;
	thread->since_ns = now;
	thread->on_core = 1;
}

/*
 * Its switch-in was hidden from us, as it followed a thread whose switch-outs the kernel does not tell. The scheduler has noted when, by
 * its own clock.
 */
static __always_inline void recover_switch_in(struct thread *thread, struct task_struct *task, __u64 now)
{
	__u64 arrival = task->sched_info.last_arrival - thread->clock_skew_ns;

	if (!thread->clock_skew_ns)
		count_loss(LOSS_SWITCHES);
	if (!thread->clock_skew_ns || arrival > now)
		arrival = now;
	else if (arrival < thread->reopened_at_ns)
		arrival = thread->reopened_at_ns;
	begin_stint(thread, arrival);
}

/* Brings the account of a thread on a core up to date. */
static __always_inline void charge_core(struct thread *thread, struct task_struct *task, __u64 now)
{
	if (!thread->on_core)
		recover_switch_in(thread, task, now);
	settle_window(thread, task);
	thread->core_ns += now - thread->since_ns;
	thread->since_ns = now;
}

/* What the scheduler charged in the stint that ends now, against the wall clock: the difference was stolen. */
static __always_inline void weigh_stint(struct thread *thread, struct task_struct *task, __u64 now)
{
	__u64 charged_ns = task->se.sum_exec_runtime;

	if (thread->stint_at_ns)
		thread->uncharged_ns += (__s64)(now - thread->stint_at_ns) - (__s64)(charged_ns - thread->charged_ns);
	thread->charged_ns = charged_ns;
}

/* The stolen time so far, at most what 32 bits hold; the rest is told with a later window. */
static __always_inline __u32 take_stolen(struct thread *thread)
{
	__u64 stolen_ns;

	if (thread->uncharged_ns <= 0)
		return 0;
	stolen_ns = thread->uncharged_ns;
	if (stolen_ns > (__u32)-1)
		stolen_ns = (__u32)-1;
	thread->uncharged_ns -= stolen_ns;
	return stolen_ns;
}

/* Stolen time of the stint behind the span's finished window, in earlier spans too. Told once: a failed record must give it back. */
static __always_inline void take_stolen_after(struct thread *thread)
{
	thread->window.stolen_after_ns = take_stolen(thread);
}

static __always_inline void count_switches(struct thread *thread, struct task_struct *task)
{
	__u32 nvcsw = task->nvcsw, nivcsw = task->nivcsw;

	thread->window.voluntary += nvcsw - thread->nvcsw;
	thread->window.involuntary += nivcsw - thread->nivcsw;
	thread->nvcsw = nvcsw;
	thread->nivcsw = nivcsw;
}

/* The earlier window stays, because its record did not get in: the new one is merged into it. */
static __always_inline void reopen_window(struct thread *thread)
{
	struct window *window = &thread->window;

	thread->uncharged_ns += window->stolen_after_ns;
	window->stolen_after_ns = 0;
	if (!thread->merged_off_ns)
		thread->merged_off_ns = window->on_at_ns - window->off_at_ns;
	thread->merged_cause = window->cause;
	thread->merged_ready_cause = window->ready_cause;
}

/* Workers of a runtime, and its collector, sleep in futexes all the time: what they wait for no request does. */
static __always_inline void note_lock_wait(struct thread *thread, const struct task_struct *task)
{
	thread->lock_nr = thread->wait_nr;
	if (thread->serves && !thread->strand_told && !wants_futexes && is_of_threads(task))
		wants_futexes = true;
}

static __always_inline void open_window(struct thread *thread, struct task_struct *task, bool runnable, __u64 now)
{
	struct window *window = &thread->window;

	if (thread->window_state == WINDOW_NONE) {
		__builtin_memset(window, 0, sizeof(*window));
		window->off_at_ns = now;
		window->core = thread->core;
		window->stolen_ns = take_stolen(thread);
	} else {
		reopen_window(thread);
	}
	thread->window_state = WINDOW_OPEN;
	thread->reopened_at_ns = now;
	thread->run_delay_ns = task->sched_info.run_delay;
	count_switches(thread, task);
	if (runnable) {
		window->cause = WAIT_RUNNABLE;
		window->ready_cause = is_throttled(task) ? READY_THROTTLED : READY_PREEMPTED;
	} else {
		window->cause = wait_cause_of(task, &thread->wait_nr);
		window->ready_cause = READY_WAKEUP;
		if (window->cause == WAIT_LOCK)
			note_lock_wait(thread, task);
	}
}

/* A span holds one window: the finished one is told before the next begins. */
static __always_inline void emit_window(struct thread *thread, struct task_struct *task, __u64 now)
{
	struct boundary end = {.at_ns = now, .tid = task->pid, .kind = RECORD_WINDOW, .fd = -1};

	take_stolen_after(thread);
	emit_span(thread, task, &end, 0);
}

static __always_inline void leave_core(struct thread *thread, struct task_struct *task, bool runnable, __u64 now)
{
	charge_core(thread, task, now);
	weigh_stint(thread, task, now);
	if (thread->window_state != WINDOW_NONE)
		emit_window(thread, task, now);
	open_window(thread, task, runnable, now);
	thread->on_core = 0;
}

/* The thread's last switch-out. Nothing can be told later, so its last switch rides in a window, of no length if there is none. */
static __always_inline void leave_for_ever(struct thread *thread, struct task_struct *task, __u64 now)
{
	struct boundary end = {.at_ns = now, .tid = task->pid, .kind = RECORD_THREAD_EXIT, .fd = -1};

	charge_core(thread, task, now);
	weigh_stint(thread, task, now);
	if (thread->window_state != WINDOW_NONE) {
		take_stolen_after(thread);
		count_switches(thread, task);
	} else {
		open_window(thread, task, true, now);
		begin_stint(thread, now);
		settle_window(thread, task);
	}
	emit_span(thread, task, &end, 0);
}

/* Its switch-out was hidden from us, or came while it was being adopted. It left the core when the scheduler stopped charging it. */
static __always_inline void recover_switch_out(struct thread *thread, struct task_struct *task, __u64 now)
{
	__u64 off_at_ns = thread->stint_at_ns + task->se.sum_exec_runtime - thread->charged_ns;

	if (!thread->stint_at_ns || off_at_ns < thread->since_ns || off_at_ns > now) {
		count_loss(LOSS_SWITCHES);
		off_at_ns = thread->since_ns;
	}
	leave_core(thread, task, thread->nvcsw == (__u32)task->nvcsw, off_at_ns);
}

static __always_inline void enter_core(struct thread *thread, struct task_struct *task, __u64 now)
{
	if (thread->on_core)
		recover_switch_out(thread, task, now);
	begin_stint(thread, now);
}

#endif
