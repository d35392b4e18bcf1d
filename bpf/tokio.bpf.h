/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * tokio's tasks, at the places that user/runtime/tokio.h names: uprobes near the beginning of functions whose argument is a task. Each is
 * attached to one process, with the number of its layout as cookie.
 * Never: an id of what does not look like a task.
 */
#ifndef IOCPU_TOKIO_BPF_H
#define IOCPU_TOKIO_BPF_H

#include "strand.bpf.h"

/* Arguments, by their numbers from 0. */
#if defined(__TARGET_ARCH_x86)
#define TOKIO_ARG0(context) ((context)->di)
#define TOKIO_ARG1(context) ((context)->si)
#define TOKIO_ARG3(context) ((context)->cx)
#define TOKIO_ARG4(context) ((context)->r8)
#elif defined(__TARGET_ARCH_arm64)
#define TOKIO_ARG0(context) ((context)->regs[0])
#define TOKIO_ARG1(context) ((context)->regs[1])
#define TOKIO_ARG3(context) ((context)->regs[3])
#define TOKIO_ARG4(context) ((context)->regs[4])
#endif

/* Written before the process's hooks are attached. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, HOOKED_PROCESSES_MAX);
	__type(key, __u32);
	__type(value, struct tokio_layout);
} tokio_layouts SEC(".maps");

/* How a task begins. */
struct tokio_task {
	__u64 state;
	__u64 queue_next;
	__u64 table; /* of its kind of task */
};

/* Of its state. */
#define TOKIO_RUNNING  1
#define TOKIO_COMPLETE 2
#define TOKIO_NOTIFIED 4

/* In the table: how far from the task's begin its id lies. */
#define TOKIO_TABLE_ID 72

static __always_inline const struct tokio_layout *tokio_layout_of(void *ctx)
{
	__u32 slot = bpf_get_attach_cookie(ctx);

	return bpf_map_lookup_elem(&tokio_layouts, &slot);
}

/* False: it cannot be read. */
static __always_inline bool read_tokio_task(struct tokio_task *task, __u64 at)
{
	return !bpf_probe_read_user(task, sizeof(*task), (const void *)at);
}

/* Its strand; 0: it does not look like a task. Ids of tasks are counted up from 1, and never used again. */
static __always_inline __u64 strand_of_tokio_task(const struct tokio_layout *layout, const struct tokio_task *task, __u64 at)
{
	__u64 id = 0, id_offset = 0;

	if (task->table < layout->tables_from || task->table >= layout->tables_to ||
	    bpf_probe_read_user(&id_offset, sizeof(id_offset), (const void *)(task->table + TOKIO_TABLE_ID)) ||
	    bpf_probe_read_user(&id, sizeof(id), (const void *)(at + id_offset)))
		count_loss(LOSS_STRANDS);
	return id;
}

/* The thread is about to run it, unless it is over, or runs elsewhere. */
SEC("?uprobe")
int on_tokio_runs(struct pt_regs *ctx)
{
	ON_THE_THREADS_STACK(ctx);
	struct task_struct *task = bpf_get_current_task_btf();
	struct thread *thread = thread_to_write(task);
	const struct tokio_layout *layout = tokio_layout_of(ctx);
	struct leave unseen = {.cause = WAIT_OTHER};
	struct tokio_task next = {};

	if (!thread)
		return 0;
	if (!layout)
		return 0;
	if (!read_tokio_task(&next, TOKIO_ARG0(ctx)) || next.state & (TOKIO_RUNNING | TOKIO_COMPLETE))
		return 0;
	tell_strand(thread, task, strand_of_tokio_task(layout, &next, TOKIO_ARG0(ctx)), unseen);
	return 0;
}

/* Its poll returned. One that was notified meanwhile is polled again; what any other one waits for, whoever wakes it will tell. */
SEC("?uprobe")
int on_tokio_idles(struct pt_regs *ctx)
{
	ON_THE_THREADS_STACK(ctx);
	struct task_struct *task = bpf_get_current_task_btf();
	struct thread *thread = thread_to_write(task);
	struct leave last = {.cause = WAIT_POLL};
	struct tokio_task left = {};

	if (!thread)
		return 0;
	if (read_tokio_task(&left, TOKIO_ARG0(ctx)) && left.state & TOKIO_NOTIFIED)
		last.cause = WAIT_RUNNABLE;
	tell_strand(thread, task, 0, last);
	return 0;
}

SEC("?uprobe")
int on_tokio_ends(struct pt_regs *ctx)
{
	ON_THE_THREADS_STACK(ctx);
	struct task_struct *task = bpf_get_current_task_btf();
	struct thread *thread = thread_to_write(task);
	struct leave last = {.cause = WAIT_OTHER, .ended = true};

	if (thread)
		tell_strand(thread, task, 0, last);
	return 0;
}

/* One that is over stays so. One that waits for a thread already may still be given something, by another task. */
SEC("?uprobe")
int on_tokio_wakes(struct pt_regs *ctx)
{
	ON_THE_THREADS_STACK(ctx);
	struct task_struct *task = bpf_get_current_task_btf();
	struct thread *thread = thread_to_write(task);
	const struct tokio_layout *layout = tokio_layout_of(ctx);
	struct tokio_task woken = {};
	__u64 strand;

	if (!thread)
		return 0;
	if (!layout)
		return 0;
	if (!read_tokio_task(&woken, TOKIO_ARG0(ctx)) ||
	    woken.state & (thread->strand_id ? TOKIO_COMPLETE : TOKIO_COMPLETE | TOKIO_NOTIFIED))
		return 0;
	strand = strand_of_tokio_task(layout, &woken, TOKIO_ARG0(ctx));
	if (strand && strand != thread->strand_id)
		tell_of_other_strand(thread, task, STRAND_WOKEN, strand);
	return 0;
}

/* What is made by no task is for nobody: not worth a record. */
SEC("?uprobe")
int on_tokio_made(struct pt_regs *ctx)
{
	ON_THE_THREADS_STACK(ctx);
	struct task_struct *task = bpf_get_current_task_btf();
	struct thread *thread = thread_to_write(task);
	const struct tokio_layout *layout = tokio_layout_of(ctx);
	struct tokio_task made = {};
	__u64 strand = 0;

	if (!thread)
		return 0;
	if (!layout)
		return 0;
	if (thread->strand_id && read_tokio_task(&made, TOKIO_ARG1(ctx)))
		strand = strand_of_tokio_task(layout, &made, TOKIO_ARG1(ctx));
	if (strand)
		tell_of_other_strand(thread, task, STRAND_MADE, strand);
	return 0;
}

/* Other threads may have taken so many ids since. No address is so small. */
#define TOKIO_IDS_SINCE_MAX 64

static __always_inline bool is_new_tokio_id(__u64 value, __u64 next_id)
{
	return value < next_id && next_id - value <= TOKIO_IDS_SINCE_MAX;
}

/* Its id was taken a moment ago, and is an argument behind the future, which takes one register or two. */
SEC("?uprobe")
int on_tokio_binds(struct pt_regs *ctx)
{
	ON_THE_THREADS_STACK(ctx);
	struct task_struct *task = bpf_get_current_task_btf();
	struct thread *thread = thread_to_write(task);
	const struct tokio_layout *layout = tokio_layout_of(ctx);
	__u64 next_id = 0;

	if (!thread)
		return 0;
	if (!layout)
		return 0;
	if (!thread->strand_id || bpf_probe_read_user(&next_id, sizeof(next_id), (const void *)layout->next_id_at))
		return 0;
	if (is_new_tokio_id(TOKIO_ARG3(ctx), next_id))
		tell_of_other_strand(thread, task, STRAND_MADE, TOKIO_ARG3(ctx));
	else if (is_new_tokio_id(TOKIO_ARG4(ctx), next_id))
		tell_of_other_strand(thread, task, STRAND_MADE, TOKIO_ARG4(ctx));
	return 0;
}

#endif
