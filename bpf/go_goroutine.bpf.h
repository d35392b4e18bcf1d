/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What is read of a goroutine (a runtime.g) in the memory of a Go program, by the layout of its version, and at the hits of its hooks.
 * Never: a record.
 */
#ifndef IOCPU_GO_GOROUTINE_BPF_H
#define IOCPU_GO_GOROUTINE_BPF_H

#include "strand.bpf.h"

/* Arguments of Go's register calling convention, 1.17 and later. */
#if defined(__TARGET_ARCH_x86)
#define GO_ARG0(context) ((context)->ax)
#define GO_ARG1(context) ((context)->bx)
#define GO_ARG2(context) ((context)->cx)
#define GO_SELF(context) ((context)->r14)
#elif defined(__TARGET_ARCH_arm64)
#define GO_ARG0(context) ((context)->regs[0])
#define GO_ARG1(context) ((context)->regs[1])
#define GO_ARG2(context) ((context)->regs[2])
#define GO_SELF(context) ((context)->regs[28])
#endif

/* Written before the process's hooks are attached. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, HOOKED_PROCESSES_MAX);
	__type(key, __u32);
	__type(value, struct go_layout);
} go_layouts SEC(".maps");

/* A part of runtime.g, as it lies 8 bytes before the id in all known versions. */
struct goroutine_state {
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

static __always_inline __u64 machine_of(__u64 goroutine)
{
	__u64 machine = 0;

	bpf_probe_read_user(&machine, sizeof(machine), (const void *)(goroutine + GO_MACHINE));
	return machine;
}

/* Why a goroutine left its thread, by its status. */
static __always_inline __u8 cause_of(const struct go_layout *layout, __u32 status, __u8 wait_reason)
{
	if (GO_STATUS(status) == GO_RUNNABLE)
		return WAIT_RUNNABLE;
	if (GO_STATUS(status) == GO_WAITING)
		return layout->wait_cause_by_reason[wait_reason & (GO_REASONS_MAX - 1)];
	return WAIT_OTHER;
}

static __always_inline __u8 cause_told(__u8 cause)
{
	return cause == GO_STAYS ? WAIT_OTHER : cause;
}

/* Why it left: its status says so, unless another thread has let it go on already, or has used its memory for another one. */
static __always_inline struct leave leave_of(const struct go_layout *layout, __u64 at, __u64 strand)
{
	struct leave leave = {.cause = WAIT_OTHER};
	struct goroutine_state state = {};

	if (!strand)
		return leave;
	if (bpf_probe_read_user(&state, sizeof(state), (const void *)(at + layout->goid_offset - 8)))
		return leave;
	if (state.id != strand || GO_STATUS(state.status) == GO_DEAD)
		leave.ended = true;
	else
		leave.cause = cause_of(layout, state.status, state.wait_reason);
	return leave;
}

#endif
