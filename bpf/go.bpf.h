/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Go's scheduler, at the places that user/runtime/go.h names: uprobes on calls whose argument is a goroutine. Each is attached to one
 * process, with the number of its layout as cookie. Never: a return probe, which would break the goroutines' stacks as they grow.
 */
#ifndef IOCPU_GO_BPF_H
#define IOCPU_GO_BPF_H

#include "strand.bpf.h"

/* Arguments of Go's register calling convention, 1.17 and later. */
#if defined(__TARGET_ARCH_x86)
#define GO_ARG0(context) ((context)->ax)
#define GO_ARG1(context) ((context)->bx)
#elif defined(__TARGET_ARCH_arm64)
#define GO_ARG0(context) ((context)->regs[0])
#define GO_ARG1(context) ((context)->regs[1])
#endif

/* Written before the process's hooks are attached. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, HOOKED_PROCESSES_MAX);
	__type(key, __u32);
	__type(value, struct go_layout);
} go_layouts SEC(".maps");

/* A part of runtime.g, as it lies 8 bytes before the id in all known versions. */
struct goroutine {
	__u32 status;
	__u32 stack_lock;
	__u64 id;
	__u64 schedule_link;
	__u64 waiting_since;
	__u8 wait_reason;
	__u8 pad[7];
};

#define GO_STATUS(status) ((status)&0xfff) /* a bit above says that the collector looks at it */
#define GO_RUNNABLE       1
#define GO_WAITING        4
#define GO_DEAD           6

static __always_inline const struct go_layout *layout_of(void *ctx)
{
	__u32 slot = bpf_get_attach_cookie(ctx);

	return bpf_map_lookup_elem(&go_layouts, &slot);
}

static __always_inline bool is_runtimes_own(const struct go_layout *layout, __u64 goroutine)
{
	__u64 start_pc = 0;

	bpf_probe_read_user(&start_pc, sizeof(start_pc), (const void *)(goroutine + layout->startpc_offset));
	return start_pc >= layout->system_from && start_pc < layout->system_to && start_pc != layout->main_pc;
}

/* Its strand; 0: the runtime's own, or not readable. */
static __always_inline __u64 strand_of(const struct go_layout *layout, __u64 goroutine)
{
	__u64 id = 0;

	if (is_runtimes_own(layout, goroutine))
		return 0;
	if (bpf_probe_read_user(&id, sizeof(id), (const void *)(goroutine + layout->goid_offset)))
		count_loss(LOSS_STRANDS);
	return id;
}

/*
 * Why the thread's goroutine left it: its status says so, unless another thread has let it go on already, or has used its memory for
 * another one.
 */
static __always_inline struct leave leave_of(const struct go_layout *layout, const struct thread *thread)
{
	struct leave leave = {.cause = WAIT_OTHER};
	struct goroutine goroutine = {};

	if (!thread->strand_id)
		return leave;
	if (bpf_probe_read_user(&goroutine, sizeof(goroutine), (const void *)(thread->strand_at + layout->goid_offset - 8)))
		return leave;
	if (goroutine.id != thread->strand_id || GO_STATUS(goroutine.status) == GO_DEAD)
		leave.ended = true;
	else if (GO_STATUS(goroutine.status) == GO_RUNNABLE)
		leave.cause = WAIT_RUNNABLE;
	else if (GO_STATUS(goroutine.status) == GO_WAITING)
		leave.cause = layout->wait_cause_by_reason[goroutine.wait_reason & (GO_REASONS_MAX - 1)];
	return leave;
}

SEC("?uprobe")
int on_go_runs(struct pt_regs *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct thread *thread = thread_to_write(task);
	const struct go_layout *layout = layout_of(ctx);
	__u64 strand;

	if (!thread)
		return 0;
	if (!layout)
		return 0;
	strand = strand_of(layout, GO_ARG0(ctx));
	tell_strand(thread, task, strand, leave_of(layout, thread));
	thread->strand_at = GO_ARG0(ctx);
	return 0;
}

SEC("?uprobe")
int on_go_idles(struct pt_regs *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct thread *thread = thread_to_write(task);
	const struct go_layout *layout = layout_of(ctx);

	if (!thread)
		return 0;
	if (!layout)
		return 0;
	tell_strand(thread, task, 0, leave_of(layout, thread));
	return 0;
}

SEC("?uprobe")
int on_go_made(struct pt_regs *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct thread *thread = thread_to_write(task);
	const struct go_layout *layout = layout_of(ctx);
	__u64 strand;

	if (!thread)
		return 0;
	if (!layout)
		return 0;
	/* What the runtime makes for itself, or for nobody, is not worth a record. */
	strand = thread->strand_id ? strand_of(layout, GO_ARG1(ctx)) : 0;
	if (strand)
		tell_of_other_strand(thread, task, STRAND_MADE, strand);
	return 0;
}

SEC("?uprobe")
int on_go_wakes(struct pt_regs *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct thread *thread = thread_to_write(task);
	const struct go_layout *layout = layout_of(ctx);
	__u64 strand;

	if (!thread)
		return 0;
	if (!layout)
		return 0;
	strand = strand_of(layout, GO_ARG0(ctx));
	if (strand)
		tell_of_other_strand(thread, task, STRAND_WOKEN, strand);
	return 0;
}

#endif
