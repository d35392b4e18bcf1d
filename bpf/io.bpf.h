/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Boundaries: what a thread did at a socket, pipe or eventfd, when the call returns. Its arguments are still in the saved registers, so no
 * hook runs at entry. Files and terminals are no boundary: their time stays in the span.
 * Each program is optional: architectures and kernels differ in the calls that they have.
 */
#ifndef IOCPU_IO_BPF_H
#define IOCPU_IO_BPF_H

#include "account.bpf.h"
#include "conn.bpf.h"
#include "seen.bpf.h"
#include "shared.bpf.h"

#define EAGAIN          11
#define EINPROGRESS     115
#define MSG_PEEK        2
#define CLOCK_MONOTONIC 1
#define SOCK_NOSPACE    2 /* a bit of socket.flags */
#define VECTORS_MAX     32

/* BUFFER_FILE: none, the bytes come from a file. */
enum buffer { BUFFER_NONE, BUFFER_FILE, BUFFER_PLAIN, BUFFER_VECTOR, BUFFER_MESSAGE };

/*
 * Where in the arguments a call has what we need; -1: nowhere. As far as possible constants, so that each program holds only what it uses.
 * Calls of one program that differ in one of them are told apart by their numbers.
 */
struct call {
	__u8 op;
	__u8 fd_arg;
	__s8 len_arg;   /* of a write: how much it was given, in one number */
	__s8 flags_arg; /* of a read: MSG_… */
	__u8 buffer;    /* enum buffer, in the second argument */
};

static __always_inline __u64 syscall_arg(struct pt_regs *regs, int index)
{
	switch (index) {
	case 0:
		return SYSCALL_ARG0(regs);
	case 1:
		return SYSCALL_ARG1(regs);
	case 2:
		return SYSCALL_ARG2(regs);
	default:
		return SYSCALL_ARG3(regs);
	}
}

/* ---- when a read's bytes had arrived */

static __always_inline __u64 wake_up_of(const struct thread *thread, __u32 nr)
{
	const struct window *window = &thread->window;

	if (thread->window_state == WINDOW_NONE || thread->wait_nr != nr || window->cause == WAIT_RUNNABLE)
		return 0;
	return window->on_at_ns - window->ready_ns;
}

/*
 * Of a read that took data without having blocked for it. Who polled first asks for a name (every resolver does): that alone is not worth
 * the hook. A request may have waited longer, in a backlog.
 */
static __always_inline bool wants_arrival(const struct thread *thread, struct sock *sk, __u8 role)
{
	return !thread->polled || (role == CONN_SERVER && LOAD(sock, sk, sk_type) == SOCK_STREAM);
}

static __always_inline void set_hooked_arrival(struct boundary *end, const struct thread *thread, struct sock *sk, __u8 role, __u32 nr)
{
	bool hooked = has_sk_data_ready && sk && role != CONN_PAIR && lacks_stamps(sk);

	if (hooked)
		end->arrived_ns = take_arrival(sk, end->flags & RECORD_PEEK, end->at_ns);
	if (!end->arrived_ns || end->arrived_ns > end->at_ns)
		end->arrived_ns = wake_up_of(thread, nr);
	if (hooked && !end->arrived_ns && !wants_arrivals && wants_arrival(thread, sk, role))
		wants_arrivals = true;
}

/*
 * A TCP read has the stamp that tcp_rcv_space_adjust left, unless a clock was changed and it lies ahead; a Unix or UDP one the hook's; any,
 * if it blocked in this very call, the time when it was woken.
 */
static __always_inline void set_arrival(struct boundary *end, struct thread *thread, struct sock *sk, __u8 role, __u32 nr)
{
	if (thread->arrived_ns && thread->arrived_sk == (__u64)sk && thread->arrived_ns <= end->at_ns) {
		end->arrived_ns = thread->arrived_ns;
		if (thread->arrived_coarse)
			end->flags |= RECORD_ARRIVED_COARSE;
	} else if (end->result > 0) {
		set_hooked_arrival(end, thread, sk, role, nr);
	}
}

/* A timer's news "arrived" when it ran out. The read that took them has set a periodic one to its next time already. */
static __always_inline __u64 expiry_of(const struct end *peer)
{
	const struct timerfd_ctx *timer = (const void *)peer->conn_id;

	if (!bpf_core_field_exists(timer->t.tmr.node.expires) || BPF_CORE_READ(timer, clockid) != CLOCK_MONOTONIC)
		return 0;
	return BPF_CORE_READ(timer, t.tmr.node.expires) - BPF_CORE_READ(timer, tintv);
}

/* ---- payload */

/* Small reads take a small reservation: each cache line of the ring is a miss, as it was the reader's last. */
#define PAYLOAD_SHORT 64

static __always_inline void find_payload(struct boundary *end, struct pt_regs *regs, enum buffer buffer)
{
	const void *base = (const void *)SYSCALL_ARG1(regs);

	end->payload_len = end->result;
	if (buffer == BUFFER_MESSAGE) {
		struct user_msghdr message = {};

		bpf_probe_read_user(&message, sizeof(message), base);
		base = message.msg_iov;
	}
	if (buffer != BUFFER_PLAIN) {
		struct iovec vector = {};

		bpf_probe_read_user(&vector, sizeof(vector), base);
		base = vector.iov_base;
		if (end->payload_len > vector.iov_len)
			end->payload_len = vector.iov_len;
	}
	end->payload = base;
}

/* ---- reads, writes */

/* The parts of a write, as far as they are looked at. */
struct vectors {
	const struct iovec *first;
	__u64 count;
};

static __always_inline struct vectors vectors_of(struct pt_regs *regs, enum buffer buffer)
{
	struct user_msghdr message = {};
	__u64 count = SYSCALL_ARG2(regs);

	barrier_var(count); /* or clang reads it, or the header's, by one instruction, which the verifier refuses */
	if (buffer == BUFFER_VECTOR)
		return (struct vectors){(const void *)SYSCALL_ARG1(regs), count};
	bpf_probe_read_user(&message, sizeof(message), (const void *)SYSCALL_ARG1(regs));
	return (struct vectors){message.msg_iov, message.msg_iovlen};
}

static __always_inline bool ran_out_of_room(struct sock *sk)
{
	struct socket *socket = sk ? LOAD(sock, sk, sk_socket) : NULL;

	return socket && (LOAD(socket, socket, flags) & (1 << SOCK_NOSPACE));
}

/* What lies behind the parts that are looked at counts as nothing: then a partial write passes for a whole one. */
static __always_inline bool is_less_than_sum(struct pt_regs *regs, enum buffer buffer, __u64 result)
{
	struct vectors vectors = vectors_of(regs, buffer);
	__u64 sum = 0;

	for (__u32 i = 0; i < VECTORS_MAX && i < vectors.count; i++) {
		struct iovec vector = {};

		bpf_probe_read_user(&vector, sizeof(vector), vectors.first + i);
		sum += vector.iov_len;
	}
	return result < sum;
}

/*
 * Did a write take less than all? Adding up several parts is dear, and a file may end before the length that was asked for: there the
 * socket is asked whether it ran out of room.
 */
static __always_inline bool took_less(const struct call *call, struct pt_regs *regs, struct sock *sk, __u64 result)
{
	if (call->len_arg >= 0 && result >= syscall_arg(regs, call->len_arg))
		return false;
	if (call->buffer == BUFFER_FILE)
		return ran_out_of_room(sk);
	if (call->buffer >= BUFFER_VECTOR)
		return ran_out_of_room(sk) && is_less_than_sum(regs, call->buffer, result);
	return call->len_arg >= 0;
}

static __always_inline __u8 io_flags(const struct call *call, struct pt_regs *regs, struct sock *sk, long result)
{
	if (call->op == IO_WRITE && result == -EAGAIN)
		return RECORD_PARTIAL;
	if (call->op == IO_WRITE && result >= 0 && took_less(call, regs, sk, result))
		return RECORD_PARTIAL;
	if (call->flags_arg >= 0 && (syscall_arg(regs, call->flags_arg) & MSG_PEEK))
		return RECORD_PEEK;
	return 0;
}

/* The bytes of "HTTP/1." as they lie in memory, and of one more that may be any. */
#define HTTP1_BEGINS      0x002e312f50545448ull
#define HTTP1_BEGINS_MASK 0x00ffffffffffffffull

static __always_inline bool begins_response(const struct boundary *end)
{
	__u64 first = 0;

	if (end->payload_len <= PAYLOAD_STATUS_MAX || bpf_probe_read_user(&first, sizeof(first), end->payload))
		return false;
	return (first & HTTP1_BEGINS_MASK) == HTTP1_BEGINS;
}

/* Apart, each with its buffer: the stacks of all that call each other share 512 bytes. */
static __noinline void emit_with_status(struct thread *thread, struct task_struct *task, const struct boundary *end)
{
	emit_span(thread, task, end, PAYLOAD_STATUS_MAX);
}

static __noinline void emit_with_short(struct thread *thread, struct task_struct *task, const struct boundary *end)
{
	emit_span(thread, task, end, PAYLOAD_SHORT);
}

static __noinline void emit_with_request(struct thread *thread, struct task_struct *task, const struct boundary *end)
{
	emit_span(thread, task, end, PAYLOAD_REQUEST_MAX);
}

static __always_inline void emit_io(struct thread *thread, struct task_struct *task, struct pt_regs *regs, struct boundary *end,
				    const struct call *call, __u8 role)
{
	if (call->buffer >= BUFFER_PLAIN && role == CONN_SERVER && end->result > 0 && !no_payload) {
		find_payload(end, regs, call->buffer);
		if (call->op == IO_WRITE && !begins_response(end))
			emit_with_status(thread, task, end);
		else if (end->payload_len <= PAYLOAD_SHORT)
			emit_with_short(thread, task, end);
		else
			emit_with_request(thread, task, end);
	} else {
		emit_span(thread, task, end, 0);
	}
}

static __always_inline void tell_of_shared(struct shared *shared, struct pt_regs *regs, struct boundary *end, const struct call *call,
					   struct sock *sk)
{
	shared->unread = end->op == IO_WRITE ? shared->unread + 1 : 0;
	if (shared->unread > UNREAD_MAX)
		return;
	if (!shared->hooked && is_tcp(sk))
		want_arrivals(shared, sk, end->at_ns);
	if (!no_payload)
		find_payload(end, regs, call->buffer);
	if (end->op == IO_WRITE)
		tell_questions(end);
	else
		tell_answers(end, shared, sk);
}

/* Before the record of the read or write itself. A read whose bytes go elsewhere (splice), or are only looked at, tells nothing. */
static __always_inline void tell_messages(struct thread *thread, struct pt_regs *regs, struct boundary *end, const struct call *call,
					  struct sock *sk)
{
	bool with_others = end->op == IO_WRITE && asks_with_others(thread, end->conn_id), shared_no_more;
	struct shared *shared;

	if (end->op == IO_READ)
		note_answer(end->conn_id);
	shared = find_shared(end->conn_id, with_others);
	if (!shared)
		return;
	shared_no_more = end->op == IO_WRITE && count_alone(shared, with_others);
	tell_of_shared(shared, regs, end, call, sk);
	if (shared_no_more)
		bpf_map_delete_elem(&shared_by_conn, &end->conn_id);
}

static __always_inline void tell_io(struct thread *thread, struct task_struct *task, struct syscall_trace_exit *ctx, const struct call call)
{
	struct boundary end = {};
	struct pt_regs *regs;
	struct end peer;
	__u8 role;

	regs = saved_registers(task);
	end.fd = syscall_arg(regs, call.fd_arg);
	find_end(task, end.fd, &peer);
	if (peer.kind == END_OTHER)
		return;
	end.at_ns = bpf_ktime_get_ns();
	role = role_of_conn(task, &peer, end.at_ns);
	if (!role)
		return;

	end.tid = task->pid;
	end.kind = RECORD_IO;
	end.op = call.op;
	end.conn_id = peer.conn_id;
	end.result = ctx->ret;
	end.flags = io_flags(&call, regs, peer.sk, ctx->ret);
	thread_write_begin(thread);
	charge_core(thread, task, end.at_ns);
	look_at_strand(thread, end.at_ns, false);
	if (call.op == IO_READ && peer.kind == END_TIMERFD && end.result > 0)
		end.arrived_ns = expiry_of(&peer);
	else if (call.op == IO_READ)
		set_arrival(&end, thread, peer.sk, role, ctx->nr);
	thread->polled = 0;
	thread->serves |= role == CONN_SERVER;
	thread->awaits_data = end.result == -EAGAIN;
	if (role == CONN_SERVER && end.result > 0)
		thread->request_conn = end.conn_id;
	if (role == CONN_DOWNSTREAM && peer.sk && end.result > 0 && !(end.flags & RECORD_PEEK)) {
		if (call.buffer >= BUFFER_PLAIN)
			tell_messages(thread, regs, &end, &call, peer.sk);
		else if (call.op == IO_READ)
			note_answer(end.conn_id); /* spliced on, say: whoever asks next is the only one again */
	}
	emit_io(thread, task, regs, &end, &call, role);
	thread_write_end(thread);
}

static __always_inline void handle_io(struct syscall_trace_exit *ctx, const struct call call)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct thread *thread = thread_to_write(task);

	if (!thread)
		return;
	tell_io(thread, task, ctx, call);
	/* The stamp was this call's, told or not: the next connection may get this one's memory, and would pass for having waited since. */
	thread->arrived_ns = 0;
}

/* A call that differs from another one in nothing that is looked at has its program: see the table in user/probe/syscalls.c. */
#define ON_EXIT(name, handle, ...)                                                                                                         \
	SEC("?tracepoint/syscalls/sys_exit_" #name)                                                                                        \
	int on_##name(struct syscall_trace_exit *ctx)                                                                                      \
	{                                                                                                                                  \
		return KEEPING_THE_CORE(handle(ctx, ##__VA_ARGS__));                                                                       \
	}

static __always_inline void handle_read(struct syscall_trace_exit *ctx)
{
	handle_io(ctx, (struct call){IO_READ, 0, -1, ctx->nr == recvfrom_nr ? 3 : -1, BUFFER_PLAIN});
}

static __always_inline void handle_vector_read(struct syscall_trace_exit *ctx)
{
	bool message = ctx->nr == recvmsg_nr;

	handle_io(ctx, (struct call){IO_READ, 0, -1, message ? 2 : -1, message ? BUFFER_MESSAGE : BUFFER_VECTOR});
}

static __always_inline void handle_vector_write(struct syscall_trace_exit *ctx)
{
	handle_io(ctx, (struct call){IO_WRITE, 0, -1, -1, ctx->nr == sendmsg_nr ? BUFFER_MESSAGE : BUFFER_VECTOR});
}

/*
 * Calls of whose bytes nothing is looked at. The result of recvmmsg counts messages, not bytes. Splice from socket to pipe is a read of the
 * socket, from pipe to socket a write to it; the pipe is only how the call wants it.
 */
static __always_inline void handle_blind(struct syscall_trace_exit *ctx)
{
	struct call call = {IO_WRITE, 0, -1, -1, BUFFER_NONE};
	struct task_struct *task = bpf_get_current_task_btf();
	struct end from;

	if (!thread_of(task))
		return;
	if (ctx->nr == recvmmsg_nr) {
		call.op = IO_READ;
		call.flags_arg = 3;
	} else if (ctx->nr == sendfile_nr) {
		call.len_arg = 3;
		call.buffer = BUFFER_FILE;
	} else if (ctx->nr == splice_nr) {
		find_end(task, SYSCALL_ARG0(saved_registers(task)), &from);
		call.op = from.kind == END_SOCKET ? IO_READ : IO_WRITE;
		call.fd_arg = from.kind == END_SOCKET ? 0 : 2;
	}
	handle_io(ctx, call);
}

ON_EXIT(read, handle_read)
ON_EXIT(readv, handle_vector_read)
ON_EXIT(write, handle_io, (struct call){IO_WRITE, 0, 2, -1, BUFFER_PLAIN})
ON_EXIT(writev, handle_vector_write)
ON_EXIT(sendmmsg, handle_blind)

/* ---- new connections, event loops: no payload */

static __always_inline void emit_plain(struct thread *thread, struct task_struct *task, const struct boundary *end)
{
	thread_write_begin(thread);
	charge_core(thread, task, end->at_ns);
	look_at_strand(thread, end->at_ns, false);
	thread->awaits_data = end->result == -EAGAIN || end->result == -EINPROGRESS;
	emit_span(thread, task, end, 0);
	thread_write_end(thread);
}

static __always_inline void handle_accept(struct syscall_trace_exit *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct thread *thread = thread_to_write(task);
	struct boundary end = {.kind = RECORD_IO, .op = IO_ACCEPT};
	struct end peer;

	if (!thread)
		return;
	end.at_ns = bpf_ktime_get_ns();
	if (ctx->ret >= 0) {
		find_end(task, ctx->ret, &peer);
		if (introduce_socket(task, &peer, CONN_SERVER, end.at_ns))
			end.conn_id = peer.conn_id;
	}
	end.tid = task->pid;
	end.fd = SYSCALL_ARG0(saved_registers(task));
	end.result = ctx->ret;
	emit_plain(thread, task, &end);
}

ON_EXIT(accept, handle_accept)

static __always_inline void handle_connect(struct syscall_trace_exit *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct thread *thread = thread_to_write(task);
	struct boundary end = {.kind = RECORD_IO, .op = IO_CONNECT};
	struct end peer;

	if (!thread)
		return;
	end.fd = SYSCALL_ARG0(saved_registers(task));
	find_end(task, end.fd, &peer);
	end.at_ns = bpf_ktime_get_ns();
	if (!introduce_socket(task, &peer, CONN_DOWNSTREAM, end.at_ns))
		return;
	end.conn_id = peer.conn_id;
	end.tid = task->pid;
	end.result = ctx->ret;
	if (ctx->ret == -EINPROGRESS && tcp_state_of(peer.sk) == TCP_ESTABLISHED)
		end.flags = RECORD_ESTABLISHED;
	emit_plain(thread, task, &end);
}

ON_EXIT(connect, handle_connect)

/* Most epoll returns say nothing that the next record does not: they ride on it, unless another one waits for that already. */
static __always_inline void handle_epoll(struct syscall_trace_exit *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct thread *thread = thread_to_write(task);
	struct boundary end = {.kind = RECORD_EPOLL, .fd = -1};

	if (!thread)
		return;
	end.at_ns = bpf_ktime_get_ns();
	end.tid = task->pid;
	if (thread->epoll_at_ns)
		emit_plain(thread, task, &end);
	thread_write_begin(thread);
	look_at_strand(thread, end.at_ns, false);
	thread->epoll_at_ns = end.at_ns;
	thread->epoll_fd = SYSCALL_ARG0(saved_registers(task));
	thread->epoll_events = ctx->ret > 0 ? ctx->ret : 0;
	thread_write_end(thread);
}

ON_EXIT(epoll_pwait, handle_epoll)

static __always_inline void handle_poll(struct syscall_trace_exit *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct thread *thread = thread_to_write(task);
	struct boundary end = {.kind = RECORD_IO, .op = IO_POLL, .fd = -1};

	if (!thread)
		return;
	end.at_ns = bpf_ktime_get_ns();
	end.tid = task->pid;
	end.result = ctx->ret;
	thread->polled = 1;
	emit_plain(thread, task, &end);
}

ON_EXIT(ppoll, handle_poll)

#endif
