/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Connections: which side of them a traced process is on, and what user space is told at their first sight. Later records only name them.
 */
#ifndef IOCPU_CONN_BPF_H
#define IOCPU_CONN_BPF_H

#include <bpf/bpf_endian.h>

#include "arrival.bpf.h"

#define SHUTDOWN_MASK 3

enum tcp_state { TCP_ESTABLISHED = 1, TCP_SYN_SENT = 2, TCP_FIN_WAIT1 = 4, TCP_CLOSE = 7, TCP_LAST_ACK = 9, TCP_LISTEN = 10 };

static __always_inline __u8 tcp_state_of(struct sock *sk)
{
	return LOAD(sock, sk, __sk_common.skc_state);
}

/* By either side, or by both directions shut down: its end was told then, and it is not told a second time as a new connection. */
static __always_inline bool has_ended(struct sock *sk)
{
	return tcp_state_of(sk) == TCP_CLOSE || LOAD(sock, sk, sk_shutdown) == SHUTDOWN_MASK;
}

/* Nothing but the socket is known: neither accept nor connect was seen. 0: its end was told already. */
static __always_inline __u8 guess_inet_role(struct sock *sk)
{
	__u16 port = LOAD(sock, sk, __sk_common.skc_num);

	if (LOAD(sock, sk, sk_type) == SOCK_STREAM) {
		if (has_ended(sk))
			return 0;
		return bpf_map_lookup_elem(&listener_by_port, &port) ? CONN_SERVER : CONN_DOWNSTREAM;
	}
	return LOAD(sock, sk, __sk_common.skc_dport) ? CONN_DOWNSTREAM : CONN_SERVER;
}

static __always_inline struct sock *unix_peer_of(struct sock *sk)
{
	return LOAD(unix_sock, sk, peer);
}

static __always_inline __u8 guess_unix_role(struct sock *sk)
{
	struct sock *peer = unix_peer_of(sk);

	if (peer && unix_address_of(peer))
		return CONN_DOWNSTREAM;
	return unix_address_of(sk) ? CONN_SERVER : CONN_PAIR;
}

static __always_inline bool is_inet(__u16 family)
{
	return family == AF_INET || family == AF_INET6;
}

static __always_inline __u8 guess_role(const struct end *end)
{
	__u16 family;

	if (end->kind != END_SOCKET)
		return CONN_PAIR;
	family = family_of(end->sk);
	if (is_inet(family))
		return guess_inet_role(end->sk);
	return family == AF_UNIX ? guess_unix_role(end->sk) : 0;
}

static __always_inline void describe_inet(struct record_conn *record, struct sock *sk, __u16 family)
{
	record->local_port = LOAD(sock, sk, __sk_common.skc_num);
	record->remote_port = bpf_ntohs(LOAD(sock, sk, __sk_common.skc_dport));
	if (family == AF_INET) {
		record->family = CONN_INET;
		BPF_CORE_READ_INTO((__be32 *)record->local_addr, sk, __sk_common.skc_rcv_saddr);
		BPF_CORE_READ_INTO((__be32 *)record->remote_addr, sk, __sk_common.skc_daddr);
	} else {
		record->family = CONN_INET6;
		BPF_CORE_READ_INTO((struct in6_addr *)record->local_addr, sk, __sk_common.skc_v6_rcv_saddr);
		BPF_CORE_READ_INTO((struct in6_addr *)record->remote_addr, sk, __sk_common.skc_v6_daddr);
	}
}

/* By the number that find_end gives to it: a socket's inode's, of which the kernel counts 32 bits. 0: it is closed. */
static __always_inline __u32 other_end_of(struct sock *sk)
{
	struct sock *peer = unix_peer_of(sk);
	struct socket *socket = peer ? LOAD(sock, peer, sk_socket) : NULL;
	struct file *file = socket ? LOAD(socket, socket, file) : NULL;
	struct inode *inode = file ? LOAD(file, file, f_inode) : NULL;

	return inode ? LOAD(inode, inode, i_ino) : 0;
}

/* The path by which the two sides met: a server's own, its peer's for a client. A socketpair's ends have none. */
static __always_inline void describe_unix(struct record_conn *record, struct sock *sk)
{
	struct unix_address *address = unix_address_of(record->role == CONN_DOWNSTREAM ? unix_peer_of(sk) : sk);
	char *path = (char *)(record + 1);
	__u64 len;

	record->family = CONN_UNIX;
	if (record->role == CONN_PAIR)
		record->other_end_id = other_end_of(sk);
	if (!address)
		return;
	len = BPF_CORE_READ(address, len);
	if (len <= sizeof(address->name[0].sun_family))
		return; /* not named */
	len = at_most(UNIX_PATH_MAX, len - sizeof(address->name[0].sun_family));
	if (bpf_probe_read_kernel(path, len, &address->name[0].sun_path))
		return;
	if (!path[0])
		path[0] = '@';
	else if (len > 1 && !path[len - 1])
		len--;
	record->head.payload_len = len;
}

static __always_inline void describe_socket(struct record_conn *record, struct sock *sk)
{
	__u16 family = family_of(sk);

	record->type = LOAD(sock, sk, sk_type) == SOCK_DGRAM ? CONN_DATAGRAM : CONN_STREAM;
	if (family == AF_UNIX)
		describe_unix(record, sk);
	else
		describe_inet(record, sk, family);
}

/* False: it did not get in, and the connection's id may not be used yet. */
static __always_inline bool emit_conn(struct task_struct *task, const struct end *end, __u8 role, __u64 at_ns)
{
	struct record_conn *record = reserve_record(sizeof(*record) + UNIX_PATH_MAX);

	if (!record)
		return false;
	__builtin_memset(record, 0, sizeof(*record));
	record->head.at_ns = at_ns;
	record->head.tid = task->pid;
	record->head.kind = RECORD_CONN;
	record->conn_id = end->conn_id;
	record->tgid = task->tgid;
	record->role = role;
	record->type = CONN_STREAM;
	if (end->kind == END_SOCKET)
		describe_socket(record, end->sk);
	else
		record->family = end->kind == END_PIPE ? CONN_PIPE : end->kind == END_EVENTFD ? CONN_EVENTFD : CONN_TIMERFD;
	bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
	return true;
}

static __always_inline volatile __u64 *role_slot_of(__u64 conn_id)
{
	return &role_slots[conn_id % ROLE_SLOTS];
}

static __always_inline bool is_known_conn(__u64 conn_id)
{
	return *role_slot_of(conn_id) >> 8 == conn_id || bpf_map_lookup_elem(&role_by_conn, &conn_id);
}

static __always_inline void forget_role(__u64 conn_id)
{
	bpf_map_delete_elem(&role_by_conn, &conn_id);
	*role_slot_of(conn_id) = 0;
}

/*
 * Tells the connection to user space and remembers its role. Returns the role; 0: nothing of ours, or it did not get in. Apart, as what it
 * needs of the stack would be taken from what its caller calls else: 512 bytes for all that call each other.
 */
static __noinline __u8 introduce_conn(struct task_struct *task, const struct end *end, __u8 role, __u64 at_ns)
{
	if (!role || !emit_conn(task, end, role, at_ns))
		return 0;
	if (bpf_map_update_elem(&role_by_conn, &end->conn_id, &role, BPF_ANY))
		count_loss(LOSS_CONN_ROLES);
	*role_slot_of(end->conn_id) = 0;
	if (end->kind == END_SOCKET)
		expect_arrivals(end->sk, role);
	return role;
}

/* A new socket's, of whose role its call leaves no doubt. Those of other families (vsock, netlink …) are no boundary: 0, as above. */
static __always_inline __u8 introduce_socket(struct task_struct *task, const struct end *end, __u8 role, __u64 at_ns)
{
	__u16 family;

	if (end->kind != END_SOCKET)
		return 0;
	family = family_of(end->sk);
	return is_inet(family) || family == AF_UNIX ? introduce_conn(task, end, role, at_ns) : 0;
}

/* Role of a connection that user space knows from here on; 0 as above. */
static __always_inline __u8 role_of_conn(struct task_struct *task, const struct end *end, __u64 at_ns)
{
	volatile __u64 *slot = role_slot_of(end->conn_id);
	__u64 entry = *slot;
	__u8 *known;

	if (entry >> 8 == end->conn_id)
		return entry;
	known = bpf_map_lookup_elem(&role_by_conn, &end->conn_id);
	if (!known)
		return introduce_conn(task, end, guess_role(end), at_ns);
	*slot = end->conn_id << 8 | *known;
	return *known;
}

#endif
