/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * When data came to a socket whose messages carry no stamp: Unix ones (the kernel has none for them), and UDP's (theirs are gone with the
 * message when the read returns). sk_data_ready fires for every socket of the host, so it is attached only once a read has missed it.
 * Never: a stamp that may be another message's. What is not certain is unknown.
 */
#ifndef IOCPU_ARRIVAL_BPF_H
#define IOCPU_ARRIVAL_BPF_H

#include "file.bpf.h"
#include "shared.bpf.h"

/* In the socket's queue: a Unix stream keeps each write (of up to 32 KB) apart. */
static __always_inline __u32 messages_waiting(const struct sock *sk)
{
	__u32 count = LOAD(sock, sk, sk_receive_queue.qlen);

	return family_of((struct sock *)sk) == AF_UNIX ? count : count + LOAD(udp_sock, sk, reader_queue.qlen);
}

/* ---- data comes */

/*
 * A connection in a listener's backlog, with data already. It has no file yet, but it shares its listener's address. The first message
 * begins anew, whatever an earlier socket left here: nobody can be reading yet.
 */
static __always_inline struct arrivals *arrivals_before_accept(const struct sock *sk)
{
	__u64 key = (__u64)sk, address = (__u64)unix_address_of((struct sock *)sk);
	struct arrivals fresh = {.unaccepted = 1};

	if (sk->__sk_common.skc_family != AF_UNIX || !address || !bpf_map_lookup_elem(&listener_by_unix_address, &address))
		return NULL;
	if (messages_waiting(sk) == 1)
		bpf_map_update_elem(&arrivals_by_sock, &key, &fresh, BPF_ANY);
	return bpf_map_lookup_elem(&arrivals_by_sock, &key);
}

static __always_inline void handle_data_ready(const struct sock *sk)
{
	__u64 key = (__u64)sk;
	struct arrivals *arrivals;
	__u32 waiting, told;

	if (sk->sk_socket)
		arrivals = bpf_map_lookup_elem(&arrivals_by_sock, &key);
	else
		arrivals = arrivals_before_accept(sk);
	if (!arrivals)
		return;
	waiting = messages_waiting(sk);
	told = arrivals->told;
	/* A quick reader has it already; or there are some that nobody saw come: until all are read, which is which is unknown. */
	if (!waiting || waiting > told - arrivals->taken + 1)
		return;
	arrivals->stamp_ns[told % STAMPS] = bpf_ktime_get_ns();
	/* Two senders at once: one of them was not seen. */
	__sync_val_compare_and_swap(&arrivals->told, told, told + 1);
}

/* In the sender's context. */
SEC("?tp_btf/sk_data_ready")
int BPF_PROG(on_sk_data_ready, const struct sock *sk)
{
	if (paused)
		return 0;
	if (sk->__sk_common.skc_family == AF_UNIX || sk->sk_type == SOCK_DGRAM)
		handle_data_ready(sk);
	else if (knows_shared)
		note_segment(sk);
	return 0;
}

/* ---- its reader */

/* A socket of ours is seen for the first time. What came before accept stays. */
static __always_inline void expect_arrivals(struct sock *sk, __u8 role)
{
	__u64 key = (__u64)sk, address;
	struct arrivals fresh = {}, *arrivals;
	__u8 yes = 1;

	if (!has_sk_data_ready || role == CONN_LISTENER || role == CONN_PAIR || !lacks_stamps(sk))
		return;
	arrivals = bpf_map_lookup_elem(&arrivals_by_sock, &key);
	if (arrivals && arrivals->unaccepted)
		arrivals->unaccepted = 0;
	else
		bpf_map_update_elem(&arrivals_by_sock, &key, &fresh, BPF_ANY);
	if (role != CONN_SERVER || family_of(sk) != AF_UNIX)
		return;
	address = (__u64)unix_address_of(sk);
	if (address && !bpf_map_lookup_elem(&listener_by_unix_address, &address))
		bpf_map_update_elem(&listener_by_unix_address, &address, &yes, BPF_ANY);
}

/*
 * When the first of what a read just took had come; 0: unknown. What is left over of the same message had come by now: said so, as whoever
 * sent the next one may be between the queue and the hook.
 */
static __always_inline __u64 take_arrival(struct sock *sk, bool peeked, __u64 now)
{
	__u64 key = (__u64)sk, arrived_ns = 0;
	struct arrivals fresh = {}, *arrivals = bpf_map_lookup_elem(&arrivals_by_sock, &key);
	__u32 taken, told, next;

	if (!arrivals) {
		bpf_map_update_elem(&arrivals_by_sock, &key, &fresh, BPF_ANY);
		return 0;
	}
	taken = arrivals->taken;
	told = arrivals->told;
	next = told - messages_waiting(sk);
	if (told != taken && told - taken <= STAMPS)
		arrived_ns = arrivals->stamp_ns[taken % STAMPS];
	if (peeked)
		return arrived_ns;
	if ((__s32)(next - taken) > 0)
		arrivals->taken = next;
	else if (arrived_ns)
		arrivals->stamp_ns[taken % STAMPS] = now;
	return arrived_ns;
}

#endif
