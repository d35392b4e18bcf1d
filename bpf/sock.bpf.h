/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Sockets: when the bytes of a read arrived, and when connections come up and end. By the socket itself, not by close: fds are copied,
 * inherited and closed in ranges.
 */
#ifndef IOCPU_SOCK_BPF_H
#define IOCPU_SOCK_BPF_H

#include "account.bpf.h"
#include "conn.bpf.h"

/* ---- arrival */

/* Right to a jiffy. */
static __always_inline __u64 last_data_at(const struct tcp_sock *tcp, __u64 now)
{
	return now - (__u32)((__u32)bpf_jiffies64() - tcp->inet_conn.icsk_ack.lrcvtime) * jiffy_ns;
}

/*
 * What came out of order is joined with the lost segment that fills the gap before it, and that has its older stamp then. It shows where
 * nothing else waits: the last that came is later.
 */
static __always_inline bool is_of_one_out_of_order(struct sock *sk, const struct sk_buff *head, __u64 stamp_ns)
{
	struct tcp_sock *tcp = bpf_skc_to_tcp_sock(sk);

	return tcp && tcp->rcv_ooopack && sk->sk_receive_queue.prev == head && stamp_ns + jiffy_ns < last_data_at(tcp, bpf_ktime_get_ns());
}

/*
 * The stamp of the segment that is being copied. It is still the head of the queue, as it is taken off after this tracepoint. Realtime, set
 * only while some socket of the host has asked for it: the tool keeps one that did. 0: not set, or another one's.
 */
static __always_inline __u64 arrival_of_segment(struct sock *sk)
{
	struct sk_buff *head = sk->sk_receive_queue.next;
	__u64 stamp_ns;

	if ((void *)head == (void *)&sk->sk_receive_queue)
		return 0;
	stamp_ns = head->tstamp;
	if (!stamp_ns || is_of_one_out_of_order(sk, head, stamp_ns - realtime_offset_ns))
		return 0;
	return stamp_ns - realtime_offset_ns;
}

/*
 * Without it: TCP's own last stamp, exact unless an acknowledgement timer or our own writing renewed it since; then it disagrees with the
 * jiffy of the last data segment, which is all that is left.
 */
static __always_inline __u64 arrival_of_connection(struct sock *sk, __u8 *coarse)
{
	struct tcp_sock *tcp = bpf_skc_to_tcp_sock(sk);
	__u64 now = bpf_ktime_get_ns(), data_at_ns, stamp_ns;

	if (!tcp)
		return 0;
	data_at_ns = last_data_at(tcp, now);
	stamp_ns = tcp->tcp_mstamp * 1000;
	if (stamp_ns <= now && stamp_ns + jiffy_ns >= data_at_ns && stamp_ns <= data_at_ns + jiffy_ns)
		return stamp_ns;
	*coarse = 1;
	return data_at_ns;
}

/* Fires in the reader, once for each segment copied. The first one's stamp counts, and only for a read of this very socket. */
SEC("tp_btf/tcp_rcv_space_adjust")
int BPF_PROG(on_tcp_rcv_space_adjust, struct sock *sk)
{
	struct thread *thread = thread_of(bpf_get_current_task_btf());

	if (!thread)
		return 0;
	if (thread->arrived_ns && thread->arrived_sk == (__u64)sk)
		return 0;
	thread->arrived_coarse = 0;
	thread->arrived_sk = (__u64)sk;
	thread->arrived_ns = arrival_of_segment(sk);
	if (!thread->arrived_ns)
		thread->arrived_ns = arrival_of_connection(sk, &thread->arrived_coarse);
	return 0;
}

/* ---- states */

static __always_inline void emit_conn_state(__u64 conn_id, __u8 state, __u32 tid)
{
	struct record_conn_state *record = reserve_record(sizeof(*record));

	if (!record)
		return;
	__builtin_memset(record, 0, sizeof(*record));
	record->head.at_ns = bpf_ktime_get_ns();
	record->head.tid = tid;
	record->head.kind = RECORD_CONN_STATE;
	record->conn_id = conn_id;
	record->state = state;
	bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
}

/* 0: the socket has no file, or none any more. */
static __always_inline __u64 conn_of_sock(const struct sock *sk)
{
	return sk->sk_socket->file->f_inode->i_ino;
}

/* Both directions are over by our own doing: then the current thread did it, no interrupt. */
static __always_inline __u32 closer_of(const struct sock *sk)
{
	struct task_struct *task = bpf_get_current_task_btf();

	return sk->sk_shutdown == SHUTDOWN_MASK && thread_of(task) ? task->pid : 0;
}

static __always_inline void handle_end(const struct sock *sk)
{
	__u64 conn_id = conn_of_sock(sk);

	if (!conn_id || !is_known_conn(conn_id))
		return;
	forget_role(conn_id);
	emit_conn_state(conn_id, CONN_ENDED, closer_of(sk));
}

static __always_inline void handle_up(const struct sock *sk)
{
	__u64 conn_id = conn_of_sock(sk);

	if (conn_id && is_known_conn(conn_id))
		emit_conn_state(conn_id, CONN_UP, 0);
}

static __always_inline void handle_listen(const struct sock *sk)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct end end = {.conn_id = conn_of_sock(sk), .sk = (struct sock *)sk, .kind = END_SOCKET};
	__u16 port = sk->__sk_common.skc_num;
	__u8 yes = 1;

	if (!thread_of(task))
		return;
	if (bpf_map_update_elem(&listener_by_port, &port, &yes, BPF_ANY))
		count_loss(LOSS_LISTENERS);
	if (end.conn_id)
		introduce_conn(task, &end, CONN_LISTENER, bpf_ktime_get_ns());
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(on_inet_sock_set_state, const struct sock *sk, int old_state, int new_state)
{
	if (paused)
		return 0;
	if (new_state == TCP_CLOSE)
		handle_end(sk);
	else if ((new_state == TCP_FIN_WAIT1 || new_state == TCP_LAST_ACK) && sk->sk_shutdown == SHUTDOWN_MASK)
		handle_end(sk);
	else if (old_state == TCP_SYN_SENT && new_state == TCP_ESTABLISHED)
		handle_up(sk);
	else if (new_state == TCP_LISTEN)
		handle_listen(sk);
	return 0;
}

#endif
