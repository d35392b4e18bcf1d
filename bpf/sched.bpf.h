/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Threads: when they leave and enter a core, begin, become another program, and end. The switch hook runs at every switch of the host:
 * whoever is not traced costs two pointer tests.
 */
#ifndef IOCPU_SCHED_BPF_H
#define IOCPU_SCHED_BPF_H

#include "account.bpf.h"
#include "seen.bpf.h"

static __always_inline void forget_process(struct task_struct *task)
{
	__u32 tgid = task->tgid;

	if (task->signal->live.counter == 0)
		bpf_map_delete_elem(&process_by_tgid, &tgid);
}

static __always_inline void handle_switch_out(struct thread *thread, struct task_struct *task, bool preempt, __u64 now)
{
	unsigned int state = task->__state;

	thread_write_begin(thread);
	if (state & TASK_DEAD) {
		leave_for_ever(thread, task, now);
		forget_process(task);
	} else {
		look_at_strand(thread, now, !preempt && state);
		leave_core(thread, task, preempt || state == 0, now);
	}
	thread_write_end(thread);
}

static __always_inline void handle_switch_in(struct thread *thread, struct task_struct *task, __u64 now)
{
	thread_write_begin(thread);
	enter_core(thread, task, now);
	thread_write_end(thread);
}

/*
 * Preempted while a hook of its own writes to its account, as uprobes are. It is left alone until it goes on: then it passes for having
 * run, and what it was not charged for, for stolen.
 */
static __always_inline bool is_in_own_hook(const struct thread *thread)
{
	return thread->sequence & 1;
}

/* The state is taken from the task, so three arguments do for every kernel: since 5.18 (fa2c3254d7cf) there is a fourth, the state itself.
 */
SEC("tp_btf/sched_switch")
int BPF_PROG(on_sched_switch, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	struct thread *leaving, *entering;
	__u64 now = 0;

	if (paused)
		return 0;
	leaving = thread_of(prev);
	if (leaving) {
		now = bpf_ktime_get_ns();
		if (!is_in_own_hook(leaving))
			handle_switch_out(leaving, prev, preempt, now);
	}
	entering = thread_of(next);
	if (entering) {
		if (!is_in_own_hook(entering))
			handle_switch_in(entering, next, now ?: bpf_ktime_get_ns());
	}
	return 0;
}

/* Not woken yet: its life begins with a wait for a core. */
static __always_inline void adopt_child(struct task_struct *child, __u32 parent_tid, __u64 now)
{
	struct thread fresh = {
		.window_state = WINDOW_OPEN,
		.window = {.off_at_ns = now, .cause = WAIT_RUNNABLE, .ready_cause = READY_WAKEUP},
		.span_at_ns = now,
		.since_ns = now,
		.reopened_at_ns = now,
		.charged_ns = child->se.sum_exec_runtime,
		.run_delay_ns = child->sched_info.run_delay,
		.untold = THREAD_FORKED,
	};

	if (emit_thread(child, THREAD_FORKED, parent_tid, now))
		fresh.untold = 0;
	make_account(child, &fresh);
}

/*
 * Asked of the process, not of the thread: while a process is being adopted, threads that are not yet may fork. Not sched_process_fork,
 * which the kernel's own workers in a process (io_uring's) do not come by.
 */
SEC("tp_btf/task_newtask")
int BPF_PROG(on_task_newtask, struct task_struct *child)
{
	struct task_struct *parent = bpf_get_current_task_btf();
	__u32 tgid = parent->tgid, child_tgid = child->tgid;
	__u8 followed = PROCESS_FOLLOWED;

	if (paused)
		return 0;
	if (!bpf_map_lookup_elem(&process_by_tgid, &tgid))
		return 0;
	if (tgid != child_tgid && bpf_map_update_elem(&process_by_tgid, &child_tgid, &followed, BPF_ANY))
		count_loss(LOSS_PROCESSES);
	if (!thread_of(child))
		adopt_child(child, parent->pid, bpf_ktime_get_ns());
	return 0;
}

/* The new program has nothing to do with the old one: not with its strands, whatever their ids, and not with what it did. */
static __always_inline void forget_program(struct thread *thread)
{
	thread->carrier_id = 0;
	thread->yielded_id = 0;
	thread->next_id_seen = 0;
	thread->finds = 0;
	thread->strand_told = 0;
	thread->strand_due = 0;
	thread->strand_id = 0;
	thread->strand_at = 0;
	thread->machine = 0;
	thread->curg_offset = 0;
	thread->runq_at = 0;
	thread->aside = 0;
	thread->runs_once = 0;
	thread->epoll_at_ns = 0;
	thread->epoll_fd = 0;
	thread->polled = 0;
	thread->awaits_data = 0;
	thread->lock_nr = 0;
	thread->serves = 0;
	thread->request_conn = 0;
}

/* A thread that is not the first one takes over the first one's id as it becomes a program of its own: its old id ends. */
static __always_inline void handle_exec(struct task_struct *task, __u32 old_tid)
{
	struct boundary end = {.tid = old_tid, .kind = RECORD_THREAD_EXIT, .fd = -1};
	struct thread *thread = thread_to_write(task);

	if (!thread)
		return;
	end.at_ns = bpf_ktime_get_ns();
	thread_write_begin(thread);
	if (old_tid != task->pid) {
		charge_core(thread, task, end.at_ns);
		emit_span(thread, task, &end, 0);
	}
	forget_program(thread);
	if (!emit_thread(task, THREAD_EXECED, old_tid != task->pid ? old_tid : 0, end.at_ns))
		thread->untold = THREAD_EXECED;
	thread_write_end(thread);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_sched_process_exec, struct task_struct *task, unsigned int old_tid)
{
	return KEEPING_THE_CORE(handle_exec(task, old_tid));
}

#endif
