/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Kernel and architecture differences, told by the shape of BTF, never by a version. Included by every file of bpf/.
 * Never: a difference handled elsewhere.
 */
#ifndef IOCPU_COMPAT_BPF_H
#define IOCPU_COMPAT_BPF_H

#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "config.h"

/* A syscall's number and arguments, from the registers that it saved. */
#if defined(__TARGET_ARCH_x86)
#define SYSCALL_NR(regs)   ((regs)->orig_ax)
#define SYSCALL_ARG0(regs) ((regs)->di)
#define SYSCALL_ARG1(regs) ((regs)->si)
#define SYSCALL_ARG2(regs) ((regs)->dx)
#define SYSCALL_ARG3(regs) ((regs)->r10)
/* Where a thread's own storage is told. */
#define THREAD_POINTER(task) ((task)->thread.fsbase)
#elif defined(__TARGET_ARCH_arm64)
#define SYSCALL_NR(regs)     ((regs)->syscallno)
#define SYSCALL_ARG0(regs)   ((regs)->orig_x0)
#define SYSCALL_ARG1(regs)   ((regs)->regs[1])
#define SYSCALL_ARG2(regs)   ((regs)->regs[2])
#define SYSCALL_ARG3(regs)   ((regs)->regs[3])
/* Not asked for: libraries of this architecture are not read yet. */
#define THREAD_POINTER(task) 0
#endif

static __always_inline struct pt_regs *saved_registers(struct task_struct *task)
{
	return (struct pt_regs *)bpf_task_pt_regs(task);
}

/*
 * Kernels since 6.2 (a35b9af4ec2c, "bpf: Add a kfunc for generic type cast") let a program load from any typed pointer as C does, 1 ns a
 * load where bpf_probe_read_kernel takes 20. User space sets the switch from BTF; the verifier then drops the other branch.
 */
extern void *bpf_rdonly_cast(const void *object, __u32 btf_id) __ksym __weak;
extern const volatile bool has_rdonly_cast;

#define LOAD(type, object, member)                                                                                                         \
	(has_rdonly_cast ? ((struct type *)bpf_rdonly_cast((const void *)(object), bpf_core_type_id_kernel(struct type)))->member          \
			 : BPF_CORE_READ((struct type *)(object), member))

/*
 * Some kernels (7.3) run the programs of tracepoints with preemption on. An account is written by its thread's own hooks, of which the
 * switch hook is one: it must not come in between another's look at the clock and the end of its writing. User space sets the switch from
 * BTF. Returns 0, a program's result. (Uprobes are preempted on every kernel, on some that cannot turn it off: see is_in_own_hook.)
 */
extern void bpf_preempt_disable(void) __ksym __weak;
extern void bpf_preempt_enable(void) __ksym __weak;
extern const volatile bool is_preemptible;

#define KEEPING_THE_CORE(work)                                                                                                             \
	({                                                                                                                                 \
		if (is_preemptible)                                                                                                        \
			bpf_preempt_disable();                                                                                             \
		work;                                                                                                                      \
		if (is_preemptible)                                                                                                        \
			bpf_preempt_enable();                                                                                              \
		0;                                                                                                                         \
	})

/*
 * Kernels since 6.13 ("bpf, x86: Support private stack in jit") give a program that needs 64 bytes of stack and more one of
 * its own on each core, as if it never ran there twice at once. A uprobe's does: it is preempted in its midst, and another thread's hit on
 * that core writes over what it goes on with, which are the kernel's pointers. A program that may call another one is left on the thread's
 * stack. It never does, and the verifier drops the call.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} no_program SEC(".maps");

const volatile bool calls_a_program = false;

#define ON_THE_THREADS_STACK(context)                                                                                                      \
	do {                                                                                                                               \
		if (calls_a_program)                                                                                                       \
			bpf_tail_call(context, &no_program, 0);                                                                            \
	} while (0)

/*
 * An element of an array of pointers, for which there is no type to load it by: where loads are cheap it is read as the `file` of a struct
 * socket that would lie around it.
 */
static __always_inline void *load_pointer(const void *at)
{
	void *pointer = NULL;

	if (has_rdonly_cast)
		return LOAD(socket, at - bpf_core_field_offset(struct socket, file), file);
	bpf_probe_read_kernel(&pointer, sizeof(pointer), at);
	return pointer;
}

/*
 * A length that the verifier sees bounded. Hidden from the compiler on both sides, which would compare only 32 bits of it, or compare one
 * copy and use another: 6.1's verifier then takes it for unbounded.
 */
static __always_inline __u64 at_most(__u64 limit, __u64 len)
{
	barrier_var(len);
	if (len > limit)
		len = limit;
	barrier_var(len);
	return len;
}

/*
 * Adds one to a counter that nobody else writes, after all stores before and ahead of all behind. x86 shows a core's stores in their order;
 * arm64 does for an atomic whose result is used: BPF's other kind orders nothing.
 */
static __always_inline void count_in_order(__u32 *counter)
{
#if defined(__TARGET_ARCH_x86)
	barrier();
	*(volatile __u32 *)counter = *counter + 1;
	barrier();
#else
	__u32 before = __sync_fetch_and_add(counter, 1);

	barrier_var(before);
#endif
}

/* Such a counter, read after all loads before and ahead of all behind. */
static __always_inline __u32 read_in_order(__u32 *counter)
{
	__u32 count;

	barrier();
#if defined(__TARGET_ARCH_x86)
	count = *(volatile __u32 *)counter;
#else
	count = __sync_fetch_and_add(counter, 0);
#endif
	barrier();
	return count;
}

/* Is a runnable task off its core because its group's CPU quota is used up? */
static __always_inline bool is_throttled(struct task_struct *task)
{
	/* 6.18, e1fad12dcb66 ("sched/fair: Switch to task based throttle model"). */
	const struct task_struct___throttled *marked = (const void *)task;

	if (bpf_core_field_exists(marked->throttled) && BPF_CORE_READ(marked, throttled))
		return true;
	/* Present with CONFIG_FAIR_GROUP_SCHED and CONFIG_CFS_BANDWIDTH. */
	if (!bpf_core_field_exists(task->se.cfs_rq) || !bpf_core_field_exists(task->se.cfs_rq->throttle_count))
		return false;
	return BPF_CORE_READ(task, se.cfs_rq, throttle_count) != 0;
}

#endif
