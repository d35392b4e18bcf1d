/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Records of threads: how they get into the ring, and how the account is cleared when (and only when) one did.
 * Never: a wake-up of the reader. It drains the ring every few milliseconds; a wake-up would cost the traced thread more than the record.
 */
#ifndef IOCPU_RECORDS_BPF_H
#define IOCPU_RECORDS_BPF_H

#include "maps.bpf.h"

/* What ends a span, beside what the account knows. */
struct boundary {
	__u64 at_ns;
	__u64 conn_id;
	__u64 arrived_ns;
	const void *payload; /* in the traced process; used where payload_max says so */
	__u64 payload_len;
	__u32 tid;
	__s32 result;
	__s32 fd;
	__u8 kind;
	__u8 op;
	__u8 flags;
};

static __always_inline void *reserve_record(__u32 size)
{
	void *record = bpf_ringbuf_reserve(&records, size, 0);

	if (!record)
		count_loss(LOSS_RECORDS);
	return record;
}

static __always_inline bool emit_thread(struct task_struct *task, __u8 origin, __u32 parent_tid, __u64 at_ns)
{
	struct record_thread *record = reserve_record(sizeof(*record));

	if (!record)
		return false;
	__builtin_memset(record, 0, sizeof(*record));
	record->head.at_ns = at_ns;
	record->head.tid = task->pid;
	record->head.kind = RECORD_THREAD;
	record->tgid = task->tgid;
	record->parent_tid = parent_tid;
	record->origin = origin;
	bpf_probe_read_kernel(record->comm, sizeof(record->comm), task->comm);
	record->comm[sizeof(record->comm) - 1] = 0;
	bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
	return true;
}

/* The next span begins where this one ended; nothing of the account is left. */
static __always_inline void begin_span(struct thread *thread, __u64 at_ns)
{
	thread->span_at_ns = at_ns;
	thread->since_ns = at_ns;
	thread->core_ns = 0;
	thread->window_state = WINDOW_NONE;
	thread->merged_off_ns = 0;
	thread->epoll_at_ns = 0;
}

static __always_inline void fill_record(struct record *record, const struct thread *thread, const struct boundary *end, bool has_window)
{
	record->head.at_ns = end->at_ns;
	record->head.tid = end->tid;
	record->head.kind = end->kind;
	record->head.op = end->op;
	record->head.flags = end->flags | (has_window ? RECORD_HAS_WINDOW : 0);
	record->head.payload_len = 0;
	record->conn_id = end->conn_id;
	record->core_ns = thread->core_ns;
	record->arrived_ns = end->arrived_ns;
	record->epoll_at_ns = thread->epoll_at_ns;
	record->result = end->result;
	record->fd = end->fd;
	record->epoll_fd = thread->epoll_at_ns ? thread->epoll_fd : 0;
	record->epoll_events = thread->epoll_at_ns ? thread->epoll_events : 0;
	if (has_window)
		*(struct window *)(record + 1) = thread->window;
}

/*
 * By way of the stack: a kernel that checks where it copies to (CONFIG_HARDENED_USERCOPY) would search all its mappings for the ring's.
 * That costs more than copying twice.
 */
static __always_inline __u8 copy_payload(__u64 *to, const struct boundary *end, __u32 payload_max)
{
	__u64 bytes[PAYLOAD_REQUEST_MAX / sizeof(__u64)];
	__u64 len = at_most(payload_max, end->payload_len);

	__builtin_memset(bytes, 0, payload_max);
	if (bpf_probe_read_user(bytes, len, end->payload)) {
		count_loss(LOSS_PAYLOADS);
		return 0;
	}
	__builtin_memcpy(to, bytes, payload_max);
	return len;
}

/* Inlined for each size: before 6.1's dynptrs, a reservation's size is a constant. */
static __always_inline bool emit_sized(struct thread *thread, const struct boundary *end, bool has_window, __u32 payload_max)
{
	__u32 fixed = sizeof(struct record) + (has_window ? sizeof(struct window) : 0);
	struct record *record = reserve_record(fixed + payload_max);

	if (!record)
		return false;
	fill_record(record, thread, end, has_window);
	if (payload_max)
		record->head.payload_len = copy_payload((void *)record + fixed, end, payload_max);
	bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
	begin_span(thread, end->at_ns);
	return true;
}

/* Each size by itself: where the compiler asks twice for the window, 6.1's verifier sees no connection between the answers. */
static __always_inline bool emit_with_its_window(struct thread *thread, const struct boundary *end, __u32 payload_max)
{
	if (thread->window_state != WINDOW_NONE)
		return emit_sized(thread, end, true, payload_max);
	return emit_sized(thread, end, false, payload_max);
}

/* The strand that the thread runs, where the record of its own did not get in: what it did since passes for the last one's. */
static __always_inline bool tell_due_strand(struct thread *thread, __u32 tid, __u64 at_ns)
{
	const struct boundary end = {.at_ns = at_ns,
				     .tid = tid,
				     .kind = RECORD_STRAND,
				     .op = STRAND_RUNS,
				     .conn_id = thread->strand_id,
				     .fd = -1,
				     .result = WAIT_OTHER};

	if (!emit_with_its_window(thread, &end, 0))
		return false;
	thread->strand_due = 0;
	return true;
}

/*
 * Ends the thread's span. Its core time must be settled up to end->at_ns. False: the record did not get in, the span goes on.
 * payload_max is a constant; 0: no payload.
 */
static __always_inline bool emit_span(struct thread *thread, struct task_struct *task, const struct boundary *end, __u32 payload_max)
{
	if (thread->untold) {
		if (!emit_thread(task, thread->untold, 0, thread->span_at_ns))
			return false;
		thread->untold = 0;
	}
	if (thread->strand_due && !tell_due_strand(thread, end->tid, end->at_ns))
		return false;
	return emit_with_its_window(thread, end, payload_max);
}

#endif
