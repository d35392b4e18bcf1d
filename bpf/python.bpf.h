/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * CPython's event loops, at the places that user/runtime/python.h names. A callback, and so each step of a task, runs in a context, by
 * whose address tasks are told apart. Addresses are soon used again, so each use of one is a strand of its own: it begins with a task's
 * first step, and with a callback that no task or future has scheduled.
 * Never: an address that is no context's.
 */
#ifndef IOCPU_PYTHON_BPF_H
#define IOCPU_PYTHON_BPF_H

#include "strand.bpf.h"

/* Arguments of C's calling convention. */
#if defined(__TARGET_ARCH_x86)
#define C_ARG0(context) ((context)->di)
#define C_ARG1(context) ((context)->si)
#define C_ARG2(context) ((context)->dx)
#define C_ARG3(context) ((context)->cx)
#elif defined(__TARGET_ARCH_arm64)
#define C_ARG0(context) ((context)->regs[0])
#define C_ARG1(context) ((context)->regs[1])
#define C_ARG2(context) ((context)->regs[2])
#define C_ARG3(context) ((context)->regs[3])
#endif

/* Written when all of the process's hooks are attached. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, HOOKED_PROCESSES_MAX);
	__type(key, __u32);
	__type(value, struct python_layout);
} python_layouts SEC(".maps");

/* The last strand of each process. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, HOOKED_PROCESSES_MAX);
	__type(key, __u32);
	__type(value, __u64);
} python_strands SEC(".maps");

struct python_context_key {
	__u64 address;
	__u32 slot; /* the process */
	__u32 pad;
};

struct python_context {
	__u64 strand_id;
	__u64 due; /* callbacks that tasks and futures have scheduled in it, and that have not run yet */
};

/*
 * Those in which tasks and futures have scheduled something, be it long ago, as far as they have no place in python_places. Full: the least
 * recently used one goes. What runs there next is a strand of which nothing is known.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, PYTHON_CONTEXTS_MAX);
	__type(key, struct python_context_key);
	__type(value, struct python_context);
} python_contexts SEC(".maps");

struct python_place {
	__u64 address; /* 0: it was never taken */
	struct python_context context;
	__u64 shared; /* others that belong here are, or were, in python_contexts */
};

struct python_places {
	struct python_place at[PYTHON_PLACES];
};

/*
 * In front of python_contexts, whose lookup costs a third of what the hook's programs do: few contexts are in use at a time, and CPython
 * takes them from near each other. A context is in one of the two. By process, in which only one thread at a time runs Python: nobody else
 * writes.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, HOOKED_PROCESSES_MAX);
	__type(key, __u32);
	__type(value, struct python_places);
} python_places SEC(".maps");

/* NULL: nothing is told of it any more. */
static __always_inline const struct python_layout *layout_of_python(__u32 slot)
{
	const struct python_layout *layout = bpf_map_lookup_elem(&python_layouts, &slot);

	if (!layout)
		return NULL;
	return layout->context_type ? layout : NULL;
}

/* The part of a context that is looked at, behind its count of references. */
static __always_inline bool is_context(const struct python_layout *layout, __u64 address)
{
	__u64 type = 0;

	bpf_probe_read_user(&type, sizeof(type), (const void *)(address + sizeof(__u64)));
	return type == layout->context_type;
}

/* Has somebody entered it, and not left it? */
static __always_inline bool is_entered(const struct python_layout *layout, __u64 address)
{
	__u32 entered = 0;

	bpf_probe_read_user(&entered, sizeof(entered), (const void *)(address + layout->entered_offset));
	return entered && is_context(layout, address);
}

/* A thread that waits in epoll: an event loop's. Others (executors') run functions in contexts too, of which nothing more is told. */
static __always_inline struct thread *loop_at_hook(struct task_struct *task)
{
	struct thread *thread = thread_to_write(task);

	return thread && thread->epoll_fd ? thread : NULL;
}

/* 0: the process's slot is not there. */
static __always_inline __u64 next_strand(__u32 slot)
{
	__u64 *last = bpf_map_lookup_elem(&python_strands, &slot);

	return last ? __sync_fetch_and_add(last, 1) + 1 : 0;
}

/*
 * Where the context belongs: contexts lie at least 32 bytes from each other. Neighbours have places that are neighbours, and what lies
 * further off is spread over all of them.
 */
static __always_inline struct python_place *place_of(const struct python_context_key *key)
{
	struct python_places *places = bpf_map_lookup_elem(&python_places, &key->slot);
	__u64 near = key->address / PYTHON_CONTEXT_BYTES_MIN;

	return places ? &places->at[(near ^ near / PYTHON_PLACES) % PYTHON_PLACES] : NULL;
}

/* NULL: nothing has been scheduled in it that is remembered. */
static __always_inline struct python_context *find_context(struct python_place *place, const struct python_context_key *key)
{
	if (place->address && place->address == key->address)
		return &place->context;
	return place->shared ? bpf_map_lookup_elem(&python_contexts, key) : NULL;
}

/* One that is remembered nowhere. Who is in its place moves out, unless something is due there. */
static __always_inline void remember_context(struct python_place *place, const struct python_context_key *key,
					     const struct python_context *fresh)
{
	struct python_context_key earlier = {.address = place->address, .slot = key->slot};

	if (place->address)
		place->shared = 1;
	if (place->address && place->context.due) {
		bpf_map_update_elem(&python_contexts, key, fresh, BPF_ANY);
		return;
	}
	if (place->address)
		bpf_map_update_elem(&python_contexts, &earlier, &place->context, BPF_ANY);
	place->address = key->address;
	place->context = *fresh;
}

/*
 * Within a task that has not left its context: a part of it (Context.run). Not so within another callback: uvloop runs all that is ready in
 * one of its own, tasks too of which it was not seen that they were scheduled.
 */
static __always_inline bool is_nested(const struct thread *thread, const struct python_layout *layout, __u64 address)
{
	return !thread->runs_once && thread->strand_at && thread->strand_at != address && is_entered(layout, thread->strand_at);
}

/*
 * A callback begins in this context. One that a task or future has scheduled is the loop's own doing, even where the loop is in a callback
 * itself, as uvloop's is.
 */
static __always_inline void begin_callback(struct thread *thread, struct task_struct *task, const struct python_layout *layout,
					   const struct python_context_key *key)
{
	struct strand_change change = {.last = {.cause = WAIT_PIPE, .ended = thread->runs_once}};
	struct python_place *place = place_of(key);
	struct python_context *context;
	bool scheduled;

	if (!place)
		return;
	context = find_context(place, key);
	scheduled = context && context->due;
	if (!scheduled && !is_context(layout, key->address)) {
		count_loss(LOSS_STRANDS);
		return;
	}
	if (!scheduled && is_nested(thread, layout, key->address))
		return;
	if (scheduled) {
		context->due--;
		change.strand_id = context->strand_id;
	} else {
		change.strand_id = next_strand(key->slot);
		if (context)
			context->strand_id = change.strand_id;
	}
	thread->runs_once = !scheduled;
	thread->strand_at = key->address;
	thread_write_begin(thread);
	change.at_ns = bpf_ktime_get_ns();
	tell_change(thread, task, &change);
	thread_write_end(thread);
}

static __always_inline int handle_enter(struct pt_regs *ctx, __u64 address)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct thread *thread = loop_at_hook(task);
	struct python_context_key key = {.address = address, .slot = bpf_get_attach_cookie(ctx)};
	const struct python_layout *layout = layout_of_python(key.slot);

	if (!thread)
		return 0;
	if (!layout)
		return 0;
	begin_callback(thread, task, layout, &key);
	return 0;
}

/* The function behind PyContext_Enter: a thread's state, a context. */
SEC("?uprobe")
int on_python_enters(struct pt_regs *ctx)
{
	ON_THE_THREADS_STACK(ctx);
	return handle_enter(ctx, C_ARG1(ctx));
}

/* Context.run, or PyContext_Enter: a context. */
SEC("?uprobe")
int on_python_runs(struct pt_regs *ctx)
{
	ON_THE_THREADS_STACK(ctx);
	return handle_enter(ctx, C_ARG0(ctx));
}

/* With one argument it is a task's step without a result: its first one, or its next after it has let others go first. */
static __always_inline void handle_schedule(struct thread *thread, struct task_struct *task, const struct python_layout *layout,
					    const struct python_context_key *key, bool first_step)
{
	struct python_place *place = place_of(key);
	struct python_context fresh = {.due = 1};
	bool own = thread->strand_at == key->address, known;
	struct python_context *context;

	if (!place)
		return;
	context = find_context(place, key);
	known = context && (own || !first_step);
	if (!context && !is_context(layout, key->address)) {
		count_loss(LOSS_STRANDS);
		return;
	}
	if (known) {
		context->due++;
		fresh.strand_id = context->strand_id;
	} else {
		fresh.strand_id = own ? thread->strand_id : next_strand(key->slot);
		if (context)
			*context = fresh;
		else
			remember_context(place, key, &fresh);
	}
	tell_of_other_strand(thread, task, first_step && !own ? STRAND_MADE : STRAND_WOKEN, fresh.strand_id);
}

/* Of the vectorcall protocol: the top bit of the count says that the caller lends the place before the arguments. */
#define VECTORCALL_OFFSET_BIT (1ull << 63)
#define ARGUMENTS_MAX         2 /* the callback, and what it is called with */

/* `before`: arguments before the callback. The one keyword's value lies behind them all. */
static __always_inline int handle_call_soon(struct pt_regs *ctx, __u64 before)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct thread *thread = loop_at_hook(task);
	struct python_context_key key = {.slot = bpf_get_attach_cookie(ctx)};
	const struct python_layout *layout = layout_of_python(key.slot);
	__u64 count = (C_ARG2(ctx) & ~VECTORCALL_OFFSET_BIT) - before;

	if (!thread)
		return 0;
	if (!layout)
		return 0;
	if (count && count <= ARGUMENTS_MAX)
		bpf_probe_read_user(&key.address, sizeof(key.address), (const void *)(C_ARG1(ctx) + (before + count) * sizeof(__u64)));
	handle_schedule(thread, task, layout, &key, count == 1);
	return 0;
}

/* The bound method, its arguments, how many, and the keywords. */
SEC("?uprobe")
int on_python_schedules(struct pt_regs *ctx)
{
	ON_THE_THREADS_STACK(ctx);
	return handle_call_soon(ctx, 0);
}

/* The method's name, the loop and its arguments, how many, and the keywords: without any, it has no context to run in yet. */
SEC("?uprobe")
int on_python_schedules_by_name(struct pt_regs *ctx)
{
	ON_THE_THREADS_STACK(ctx);
	return C_ARG3(ctx) ? handle_call_soon(ctx, 1) : 0;
}

#endif
