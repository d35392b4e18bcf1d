/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Go's scheduler, where the layout of its threads (runtime.m) and of their queues (runtime.p) is known: who runs on a thread, and whom that
 * has let go on, is read whenever the thread is looked at anyway. So hits need only tell who leaves a thread behind what it has computed;
 * not who waits for a socket, as it has just found nothing there. Never: a look at a thread that is C's.
 */
#ifndef IOCPU_GO_MACHINE_BPF_H
#define IOCPU_GO_MACHINE_BPF_H

#include "go_goroutine.bpf.h"

/* A part of runtime.m, from its curg on. */
struct go_machine {
	__u64 runs;
	__u64 pad;
	__u64 queue; /* runtime.p */
};

struct go_queue {
	__u32 head, tail;
};

#define GO_QUEUE_LEN  256
#define GO_WAKES_SEEN 8

static __always_inline __u64 word_at(__u64 at)
{
	__u64 word = 0;

	bpf_probe_read_user(&word, sizeof(word), (const void *)at);
	return word;
}

static __always_inline bool begins_in_runtime(const struct go_layout *layout, __u64 at)
{
	__u64 start_pc = word_at(at + layout->startpc_offset);

	return start_pc >= layout->system_from && start_pc < layout->system_to && start_pc != layout->main_pc;
}

/* Its strand; 0: the runtime's own, or not readable. */
static __always_inline __u64 strand_at(const struct go_layout *layout, __u64 at)
{
	return begins_in_runtime(layout, at) ? 0 : word_at(at + layout->goid_offset);
}

/*
 * It has come into the present thread's queue since the last look: who runs there has let it go on. One that has just been made has never
 * waited; and one that waited for a socket, or a timer, the scheduler lets go on. Global, so that the verifier walks through it once.
 */
__noinline int tell_woken(__u64 at, __u64 now)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct thread *thread = thread_of(task);
	const struct go_layout *layout;
	__u64 strand;
	__u8 reason;
	__u32 slot;
	__u8 cause;

	if (!thread)
		return 0;
	slot = thread->go_slot;
	layout = bpf_map_lookup_elem(&go_layouts, &slot);
	if (!layout)
		return 0;
	strand = word_at(at + layout->goid_offset);
	reason = word_at(at + layout->goid_offset + 24);
	if (GO_STATUS(word_at(at + layout->goid_offset - 8)) != GO_RUNNABLE || !reason || strand == thread->strand_id)
		return 0;
	cause = layout->wait_cause_by_reason[reason & (GO_REASONS_MAX - 1)];
	if (cause == WAIT_NET || cause == WAIT_SLEEP || begins_in_runtime(layout, at))
		return 0;
	tell_of_other_at(thread, task, STRAND_WOKEN, strand, cause_told(cause), now);
	return 0;
}

/* Whom the thread's goroutine has let go on since the last look (`same`: it ran then, too). */
static __noinline int look_at_queue(struct thread *thread, __u64 queue, bool same, __u64 now)
{
	__u32 slot = thread->go_slot, tail = thread->runq_tail;
	const struct go_layout *layout = bpf_map_lookup_elem(&go_layouts, &slot);
	__u64 first, next, before = thread->runq_next;
	struct go_queue ends = {};

	if (!layout)
		return 0;
	first = queue + layout->runq_offset;
	if (!queue || bpf_probe_read_user(&ends, sizeof(ends), (const void *)first))
		return 0;
	next = word_at(first + sizeof(ends) + GO_QUEUE_LEN * sizeof(__u64));
	if (queue != thread->runq_at) {
		before = 0;
		same = false;
	}
	thread->runq_at = queue;
	thread->runq_tail = ends.tail;
	thread->runq_next = next;
	if (!thread->strand_id)
		return 0;
	for (int i = 0; same && i < GO_WAKES_SEEN && tail != ends.tail; i++, tail++) {
		__u64 at = word_at(first + sizeof(ends) + (tail % GO_QUEUE_LEN) * sizeof(__u64));

		if (at && at != before)
			tell_woken(at, now);
	}
	if (next && next != before)
		tell_woken(next, now);
	return 0;
}

/* As leave_of, a word at a time: the stacks of all that call each other share 512 bytes. */
static __always_inline struct leave leave_by_words(const struct go_layout *layout, __u64 at, __u64 strand)
{
	__u64 status = word_at(at + layout->goid_offset - 8);
	struct leave leave = {.cause = WAIT_OTHER};

	if (word_at(at + layout->goid_offset) != strand || GO_STATUS(status) == GO_DEAD)
		leave.ended = true;
	else
		leave.cause = cause_of(layout, status, word_at(at + layout->goid_offset + 24));
	return leave;
}

/* Who runs now, whom nothing told of: it has run since the thread was looked at last. */
static __noinline int take_who_runs(struct thread *thread, struct task_struct *task, __u64 runs, __u64 now)
{
	struct strand_change change = {.at_ns = now};
	__u32 slot = thread->go_slot;
	const struct go_layout *layout = bpf_map_lookup_elem(&go_layouts, &slot);

	if (!layout)
		return 0;
	if (thread->strand_id) {
		change.last = leave_by_words(layout, thread->strand_at, thread->strand_id);
		if (change.last.cause == GO_STAYS)
			return 0;
	}
	change.strand_id = runs ? strand_at(layout, runs) : 0;
	change.since_last_seen = change.strand_id != 0;
	thread->strand_at = runs;
	if (!thread->strand_told || change.strand_id != thread->strand_id)
		tell_change(thread, task, &change);
	return 1;
}

static __always_inline int look_at_machine(struct thread *thread, struct task_struct *task, __u64 now)
{
	struct go_machine machine;
	bool same;

	if (bpf_probe_read_user(&machine, sizeof(machine), (const void *)(thread->machine + thread->curg_offset))) {
		count_loss(LOSS_STRANDS);
		return 0;
	}
	same = machine.runs == thread->strand_at;
	if (!same && !take_who_runs(thread, task, machine.runs, now))
		return 0;
	look_at_queue(thread, machine.queue, same, now);
	return 0;
}

/*
 * A thread is hit for the first time: by the goroutine that it is in, be it the scheduler's, it is known. But not one of C's, which calls
 * Go: it has its runtime.m only until it returns. Its goroutine begins nowhere.
 */
static __always_inline void know_thread(struct thread *thread, const struct go_layout *layout, struct pt_regs *ctx)
{
	__u64 machine, runs;

	if (thread->machine || !layout->curg_offset)
		return;
	machine = machine_of(GO_SELF(ctx));
	runs = word_at(machine + layout->curg_offset);
	if (runs && !word_at(runs + layout->startpc_offset))
		return;
	thread->machine = machine;
	thread->go_slot = bpf_get_attach_cookie(ctx);
	thread->curg_offset = layout->curg_offset;
	thread->strand_at = 0;
}

/* Its goroutine leaves the thread, or is about to: whatever it has computed until now is its own. */
static __noinline int tell_leaving(struct thread *thread, struct task_struct *task, __u8 cause, bool ended)
{
	struct strand_change change = {.last = {.cause = cause, .ended = ended}};

	if (!thread->machine)
		return 0;
	thread_write_begin(thread);
	change.at_ns = bpf_ktime_get_ns();
	look_at_machine(thread, task, change.at_ns);
	if (thread->strand_id)
		tell_change(thread, task, &change);
	thread->strand_at = 0;
	thread_write_end(thread);
	return 0;
}

SEC("?uprobe")
int on_go_parks(struct pt_regs *ctx)
{
	ON_THE_THREADS_STACK(ctx);
	struct task_struct *task = bpf_get_current_task_btf();
	struct thread *thread = thread_to_write(task);
	const struct go_layout *layout = layout_of(ctx);

	if (!thread)
		return 0;
	if (!layout)
		return 0;
	know_thread(thread, layout, ctx);
	tell_leaving(thread, task, cause_told(layout->wait_cause_by_reason[GO_ARG2(ctx) & (GO_REASONS_MAX - 1)]), false);
	return 0;
}

SEC("?uprobe")
int on_go_yields(struct pt_regs *ctx)
{
	ON_THE_THREADS_STACK(ctx);
	struct task_struct *task = bpf_get_current_task_btf();
	struct thread *thread = thread_to_write(task);
	const struct go_layout *layout = layout_of(ctx);

	if (!thread)
		return 0;
	if (!layout)
		return 0;
	know_thread(thread, layout, ctx);
	tell_leaving(thread, task, WAIT_RUNNABLE, false);
	return 0;
}

SEC("?uprobe")
int on_go_ends(struct pt_regs *ctx)
{
	ON_THE_THREADS_STACK(ctx);
	struct task_struct *task = bpf_get_current_task_btf();
	struct thread *thread = thread_to_write(task);
	const struct go_layout *layout = layout_of(ctx);

	if (!thread)
		return 0;
	if (!layout)
		return 0;
	know_thread(thread, layout, ctx);
	tell_leaving(thread, task, WAIT_OTHER, true);
	return 0;
}

/* A new thread of Go's: from here on it is looked at. */
SEC("?uprobe")
int on_go_thread(struct pt_regs *ctx)
{
	ON_THE_THREADS_STACK(ctx);
	struct thread *thread = thread_to_write(bpf_get_current_task_btf());
	const struct go_layout *layout = layout_of(ctx);

	if (!thread)
		return 0;
	if (!layout)
		return 0;
	know_thread(thread, layout, ctx);
	return 0;
}

#endif
