/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Connections to a downstream on which several requests wait for answers at once. Of these it is told what is moved there: the first bytes,
 * which name whose question or answer it is, and when each segment came. Segments that wait together for a late reader are joined by the
 * kernel, and only the last one's stamp stays: so each is noted as it comes, by the hook on sk_data_ready, which costs the whole host.
 * Never: anything of a connection that one request at a time uses.
 */
#ifndef IOCPU_SHARED_BPF_H
#define IOCPU_SHARED_BPF_H

#include "file.bpf.h"
#include "records.bpf.h"

/* On a connection where nobody answers (statsd, syslog) there is nothing to tell apart. */
#define UNREAD_MAX 512

/* After so many writes each of which was done while nobody else waited, it is not shared any more. */
#define ALONE_MAX 1024

/* ---- data comes, in the sender's context */

static __always_inline void add_arrival(struct shared *shared, __u32 end, __u64 at_ns)
{
	struct arrival *arrival = &shared->arrivals[shared->told % ARRIVALS_MAX];

	arrival->end = end;
	arrival->at_ns = at_ns;
	shared->told++;
}

static __always_inline bool is_told(const struct shared *shared, __u32 end)
{
	return shared->told && shared->arrivals[(shared->told - 1) % ARRIVALS_MAX].end == end;
}

/*
 * Until the hook tells, each read and write looks how much has come: what is new has come since the last look. So little is missed of what
 * comes before the hook is attached, and where a loop writes often it is known closely when that came.
 */
static __always_inline void look_at_arrivals(struct shared *shared, __u32 end, __u64 now)
{
	if (!is_told(shared, end)) {
		if (shared->looked_ns)
			add_arrival(shared, end, now - at_most(ARRIVAL_SPAN_MAX_NS, now - shared->looked_ns));
		add_arrival(shared, end, now);
	}
	shared->looked_ns = now;
}

/* It is there a while later than its stamp says, if a thread is off its core in the midst of a call on the socket. */
static __always_inline __u64 arrival_of_last(const struct sock *sk)
{
	struct sk_buff *last = sk->sk_receive_queue.prev;
	__u64 now = bpf_ktime_get_ns(), stamp_ns;

	if ((void *)last == (void *)&sk->sk_receive_queue)
		return now;
	stamp_ns = last->tstamp - realtime_offset_ns;
	return now - stamp_ns < ARRIVAL_SPAN_MAX_NS ? stamp_ns : now;
}

/*
 * The segment that a lost one was waited for with comes last, and all behind it at once: the stamp is of the last of those, which had come
 * out of order before. So it had if it is older than what came before it.
 */
static __always_inline void add_segment(struct shared *shared, const struct sock *sk, const struct tcp_sock *tcp)
{
	__u64 at_ns = arrival_of_last(sk);

	if (tcp->rcv_ooopack != shared->out_of_order || (__s32)((__u32)at_ns - shared->stamped) < 0)
		at_ns = bpf_ktime_get_ns();
	shared->stamped = at_ns;
	add_arrival(shared, tcp->rcv_nxt, at_ns);
}

static __always_inline void note_segment(const struct sock *sk)
{
	__u64 conn_id = sk->sk_socket->file->f_inode->i_ino;
	struct shared *shared = conn_id ? bpf_map_lookup_elem(&shared_by_conn, &conn_id) : NULL;
	struct tcp_sock *tcp;

	if (!shared)
		return;
	tcp = bpf_skc_to_tcp_sock((struct sock *)sk);
	if (!tcp)
		return;
	if (!shared->hooked)
		look_at_arrivals(shared, tcp->rcv_nxt, bpf_ktime_get_ns()); /* others may have come before it */
	else if (!is_told(shared, tcp->rcv_nxt))
		add_segment(shared, sk, tcp);
	shared->out_of_order = tcp->rcv_ooopack;
	shared->hooked = 1;
}

/* ---- who uses it */

/* A loop that defers reads for many, and asks for all of them then: only the responses in between tell that there are several. */
static __always_inline __u32 asker_of(const struct thread *thread)
{
	return thread->strand_told ? thread->strand_id : thread->request_conn;
}

/* A second one asks before the first one's answer was read. */
static __always_inline bool asks_with_others(const struct thread *thread, __u64 conn_id)
{
	volatile __u64 *slot = &asker_slots[conn_id % ASKER_SLOTS];
	__u64 last = *slot, asker = asker_of(thread);

	if (!asker)
		return false;
	*slot = conn_id << 32 | asker;
	return last >> 32 == (__u32)conn_id && last != (conn_id << 32 | asker);
}

/* Looks first: an update takes a free entry, or another connection's, before it sees that this one is known. NULL: it is not shared. */
static __always_inline struct shared *find_shared(__u64 conn_id, bool with_others)
{
	struct shared *shared = knows_shared ? bpf_map_lookup_elem(&shared_by_conn, &conn_id) : NULL;

	if (shared || !with_others)
		return shared;
	bpf_map_update_elem(&shared_by_conn, &conn_id, (const void *)&fresh_shared, BPF_NOEXIST);
	knows_shared = true;
	return bpf_map_lookup_elem(&shared_by_conn, &conn_id);
}

/* Another write. True: it is shared no more. What is forgotten for that is known again as soon as a second one is seen to ask again. */
static __always_inline bool count_alone(struct shared *shared, bool with_others)
{
	shared->alone = with_others ? 0 : shared->alone + 1;
	return shared->alone >= ALONE_MAX;
}

static __always_inline void note_answer(__u64 conn_id)
{
	volatile __u64 *slot = &asker_slots[conn_id % ASKER_SLOTS];

	if (*slot >> 32 == (__u32)conn_id)
		*slot = 0;
}

/* ---- what is told */

/* Straight into the ring: it is too long for the stack, and rare enough for what copy_payload avoids. */
static __always_inline __u16 copy_prefix(void *to, const struct boundary *end, __u32 max)
{
	__u64 len = at_most(max, end->payload_len);

	if (!end->payload)
		return 0;
	if (bpf_probe_read_user(to, len, end->payload)) {
		count_loss(LOSS_PAYLOADS);
		return 0;
	}
	return len;
}

static __always_inline void begin_messages(struct record_messages *record, const struct boundary *end)
{
	__builtin_memset(record, 0, sizeof(*record));
	record->head.at_ns = end->at_ns;
	record->head.tid = end->tid;
	record->head.kind = RECORD_MESSAGES;
	record->head.op = end->op;
	record->conn_id = end->conn_id;
	record->length = end->result;
}

static __always_inline void tell_questions(const struct boundary *end)
{
	struct record_messages *record = reserve_record(sizeof(*record) + PAYLOAD_QUESTIONS_MAX);

	if (!record)
		return;
	begin_messages(record, end);
	record->prefix_len = copy_prefix(record + 1, end, PAYLOAD_QUESTIONS_MAX);
	bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
}

/* Are so many of the latest enough: does the first of them end before what was read? */
static __always_inline bool are_enough(const struct shared *shared, __u32 count, __u32 first)
{
	return shared->told < count || (__s32)(shared->arrivals[(shared->told - count) % ARRIVALS_MAX].end - first) <= 0;
}

static __always_inline void tell_sized(const struct boundary *end, const struct shared *shared, __u32 until, __u8 flag, __u32 count,
				       __u32 max)
{
	struct record_messages *record = reserve_record(sizeof(*record) + count * sizeof(struct arrival) + max);
	struct arrival *arrivals = (void *)(record + 1);

	if (!record)
		return;
	begin_messages(record, end);
	record->head.flags = flag;
	record->until = until;
	for (__u32 i = 0; i < count; i++)
		arrivals[i] = shared->arrivals[(shared->told - 1 - i) % ARRIVALS_MAX];
	record->prefix_len = copy_prefix(arrivals + count, end, max);
	bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
}

/* Of TCP. Not where nothing ever comes: statsd and syslog never answer, and the hook would cost the host all the same. */
static __always_inline void want_arrivals(struct shared *shared, struct sock *sk, __u64 now)
{
	look_at_arrivals(shared, LOAD(tcp_sock, sk, rcv_nxt), now);
	if (has_sk_data_ready && !wants_arrivals && LOAD(tcp_sock, sk, bytes_received))
		wants_arrivals = true;
}

/* As little as it takes: a connection is read often, and little at a time. */
static __always_inline void tell_answers(const struct boundary *end, const struct shared *shared, struct sock *sk)
{
	__u32 until = is_tcp(sk) ? LOAD(tcp_sock, sk, copied_seq) : 0, first = until - (__u32)end->result;

	if (end->result <= PAYLOAD_ANSWERS_SHORT && are_enough(shared, ARRIVALS_FEW, first))
		tell_sized(end, shared, until, RECORD_FEW_ARRIVALS, ARRIVALS_FEW, PAYLOAD_ANSWERS_SHORT);
	else if (end->result <= PAYLOAD_ANSWERS_SOME && are_enough(shared, ARRIVALS_SOME, first))
		tell_sized(end, shared, until, RECORD_SOME_ARRIVALS, ARRIVALS_SOME, PAYLOAD_ANSWERS_SOME);
	else
		tell_sized(end, shared, until, RECORD_ALL_ARRIVALS, ARRIVALS_MAX, PAYLOAD_ANSWERS_MAX);
}

#endif
