/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Go's scheduler, at the places that user/runtime/go.h names: uprobes on calls whose argument is a goroutine. Each is attached to one
 * process, with the number of its layout as cookie. That a goroutine has left its thread is seen at whatever the thread does next: between
 * the two only the scheduler runs. Never: a return probe, which would break the goroutines' stacks as they grow.
 */
#ifndef IOCPU_GO_BPF_H
#define IOCPU_GO_BPF_H

#include "go_machine.bpf.h"

/*
 * A runtime.g from GO_MACHINE on. A read of the traced process costs the same however short it is: four a hit, of a word or a few, were a
 * third of what these programs take.
 */
struct goroutine {
	__u64 machine;
	__u64 pad;
	__u8 told[GO_TOLD_BYTES] __attribute__((aligned(8)));
};

_Static_assert(sizeof(struct goroutine) == GO_TOLD - GO_MACHINE + GO_TOLD_BYTES, "a part of runtime.g");

/* The 8 bytes there. Without a question that the verifier would follow both answers to. */
static __always_inline __u64 word_of(const struct goroutine *goroutine, __u32 offset)
{
	return *(const __u64 *)(goroutine->told + ((offset - GO_TOLD) & (GO_TOLD_BYTES - sizeof(__u64))));
}

static __always_inline bool is_runtimes_own(const struct go_layout *layout, const struct goroutine *goroutine)
{
	__u64 start_pc = word_of(goroutine, layout->startpc_offset);

	return start_pc >= layout->system_from && start_pc < layout->system_to && start_pc != layout->main_pc;
}

/* Its strand; 0: the runtime's own, or not readable. */
static __always_inline __u64 read_strand(const struct go_layout *layout, __u64 at, struct goroutine *goroutine)
{
	if (bpf_probe_read_user(goroutine, sizeof(*goroutine), (const void *)(at + GO_MACHINE))) {
		count_loss(LOSS_STRANDS);
		return 0;
	}
	return is_runtimes_own(layout, goroutine) ? 0 : word_of(goroutine, layout->goid_offset);
}

/* Of one that has left its thread in any case. */
static __always_inline struct leave leave_told(const struct go_layout *layout, __u64 at, __u64 strand)
{
	struct leave leave = leave_of(layout, at, strand);

	leave.cause = cause_told(leave.cause);
	return leave;
}

/*
 * Has its goroutine left the thread, and the thread not said so yet? Not so one that has switched to another one without the scheduler, as
 * iter.Pull does: that one passes for it.
 */
static __always_inline bool has_left(const struct thread *thread, struct leave *leave)
{
	__u32 slot = thread->go_slot;
	const struct go_layout *layout;

	if (machine_of(thread->strand_at) == thread->machine)
		return false;
	layout = bpf_map_lookup_elem(&go_layouts, &slot);
	if (!layout)
		return false;
	*leave = leave_of(layout, thread->strand_at, thread->strand_id);
	return leave->cause != GO_STAYS;
}

static __noinline void look_at_goroutine(struct thread *thread, struct task_struct *task, __u64 now)
{
	struct strand_change change = {.at_ns = now};

	if (has_left(thread, &change.last))
		tell_change(thread, task, &change);
}

/* Before a record of the thread, or the end of its time on a core, at `now`. Its account is being written. */
static __always_inline void tell_left(struct thread *thread, struct task_struct *task, __u64 now)
{
	if (!thread->machine)
		return;
	if (thread->curg_offset)
		look_at_machine(thread, task, now);
	else if (thread->strand_id)
		look_at_goroutine(thread, task, now);
}

/* Before what the thread makes or wakes: the scheduler does that, too. */
static __always_inline void tell_left_at_hook(struct thread *thread, struct task_struct *task)
{
	struct leave leave = {};

	if (thread->strand_id && has_left(thread, &leave))
		tell_strand(thread, task, 0, leave);
}

static __always_inline void look_at_hook(struct thread *thread, struct task_struct *task)
{
	if (!thread->curg_offset) {
		tell_left_at_hook(thread, task);
		return;
	}
	thread_write_begin(thread);
	look_at_machine(thread, task, bpf_ktime_get_ns());
	thread_write_end(thread);
}

/* What the thread ran until now left without a word, be it the same one. */
SEC("?uprobe")
int on_go_runs(struct pt_regs *ctx)
{
	ON_THE_THREADS_STACK(ctx);
	struct task_struct *task = bpf_get_current_task_btf();
	struct thread *thread = thread_to_write(task);
	const struct go_layout *layout = layout_of(ctx);
	struct goroutine goroutine;
	__u64 strand, machine;
	struct leave last;

	if (!thread)
		return 0;
	if (!layout)
		return 0;
	last = leave_told(layout, thread->strand_at, thread->strand_id);
	strand = read_strand(layout, GO_ARG0(ctx), &goroutine);
	machine = goroutine.machine;
	if (strand && strand == thread->strand_id)
		tell_strand(thread, task, 0, last);
	tell_strand(thread, task, strand, last);
	thread->strand_at = GO_ARG0(ctx);
	thread->machine = machine;
	thread->go_slot = bpf_get_attach_cookie(ctx);
	return 0;
}

SEC("?uprobe")
int on_go_made(struct pt_regs *ctx)
{
	ON_THE_THREADS_STACK(ctx);
	struct task_struct *task = bpf_get_current_task_btf();
	struct thread *thread = thread_to_write(task);
	const struct go_layout *layout = layout_of(ctx);
	__u64 strand;

	if (!thread)
		return 0;
	if (!layout)
		return 0;
	know_thread(thread, layout, ctx);
	look_at_hook(thread, task);
	/* What the runtime makes for itself, or for nobody, is not worth a record. */
	strand = thread->strand_id ? strand_at(layout, GO_ARG1(ctx)) : 0;
	if (strand)
		tell_of_other_strand(thread, task, STRAND_MADE, strand);
	return 0;
}

SEC("?uprobe")
int on_go_wakes(struct pt_regs *ctx)
{
	ON_THE_THREADS_STACK(ctx);
	struct task_struct *task = bpf_get_current_task_btf();
	struct thread *thread = thread_to_write(task);
	const struct go_layout *layout = layout_of(ctx);
	struct goroutine goroutine;
	__u64 strand;
	__u8 cause;

	if (!thread)
		return 0;
	if (!layout)
		return 0;
	tell_left_at_hook(thread, task);
	strand = read_strand(layout, GO_ARG0(ctx), &goroutine);
	if (!strand)
		return 0;
	cause = cause_told(cause_of(layout, word_of(&goroutine, layout->goid_offset - 8), word_of(&goroutine, layout->goid_offset + 24)));
	tell_of_other_left(thread, task, STRAND_WOKEN, strand, cause);
	return 0;
}

#endif
