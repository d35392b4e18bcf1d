/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * All state of the kernel half: its maps, its knobs, and what it counts.
 */
#ifndef IOCPU_MAPS_BPF_H
#define IOCPU_MAPS_BPF_H

#include "compat.bpf.h"
#include "counters.h"
#include "record.h"

/* ---- set by user space before loading */

/* Found in BTF: see compat.bpf.h. */
const volatile bool has_rdonly_cast = false;
const volatile bool is_preemptible = false;
/* The tracepoint sk_data_ready. Kernels before 6.3 (40e0b0908142, "net/sock: Introduce trace_sk_data_ready()") lack it. */
const volatile bool has_sk_data_ready = false;
/* The kernel's tick, 1 / CONFIG_HZ. */
const volatile __u64 jiffy_ns = 10000000;
/* --no-routes: no byte of any payload is copied. */
const volatile bool no_payload = false;
/* enum wait_cause or wait_by_file, by syscall number. User space knows this machine's numbers. */
const volatile __u8 wait_cause_by_syscall[SYSCALL_MAX] = {};
/* The numbers of calls that have another one's program, and differ from that one in an argument. */
const volatile __s32 recvfrom_nr = -1, recvmsg_nr = -1, sendmsg_nr = -1, recvmmsg_nr = -1, sendfile_nr = -1, splice_nr = -1;
/* 1: what a thread waits for in it, if that is a socket, is to be rid of bytes. */
const volatile __u8 writes_by_syscall[SYSCALL_MAX] = {};

/* ---- changed by user space while running */

/* Set before the last snapshots, so that they race with no hook. They tell of the moment when it was set, however late they are made. */
volatile bool paused = false;
volatile __u64 paused_at_ns = 0;
/* CLOCK_REALTIME − CLOCK_MONOTONIC, measured again each second: packets are stamped with the first. */
volatile __u64 realtime_offset_ns = 0;

/* ---- read by user space */

__u64 losses[LOSS_KINDS] = {};

static __always_inline void count_loss(enum loss loss)
{
	__sync_fetch_and_add(&losses[loss], 1);
}

/* Threads that adopt_threads found alive. User space sets it to 0 before each run. */
__u32 living_threads = 0;

/* A read wanted to know when its data had come, and could not; or several requests ask at once on a connection, whose reads will want to
 * know when each segment has come: worth the hook on sk_data_ready, which costs the whole host. */
volatile bool wants_arrivals = false;

/* By number: a followed thread was seen blocked in this system call. Some calls get their hook only then. */
volatile bool blocked_in[SYSCALL_MAX] = {};

/* A thread that serves connections was blocked in a futex: worth the hook on futexes. */
volatile bool wants_futexes = false;

/* ---- threads */

enum window_state {
	WINDOW_NONE,
	WINDOW_OPEN,      /* off the core */
	WINDOW_UNSETTLED, /* over; the scheduler adds the wait for the core only after the switch tracepoint, so ready_ns is still missing
			   */
	WINDOW_SETTLED,
};

/*
 * One thread's account since the last record that it got in. Written by the thread's own hooks alone; iterators read it, and look at
 * `sequence` before and after.
 */
struct thread {
	__u32 sequence; /* odd: being written */
	__u8 on_core;
	__u8 window_state;   /* enum window_state */
	__u8 untold;         /* enum thread_origin of a RECORD_THREAD that did not get in, and is due before anything else; 0: told */
	__u8 arrived_coarse; /* arrived_ns is right to a jiffy only */
	__u64 span_at_ns;    /* the span's begin */
	__u64 since_ns;      /* on a core: core time from here on is not in core_ns yet */
	__u64 core_ns;       /* of the span, up to since_ns */
	struct window window;

	/* The scheduler's own sums, as they were at the last switch-out. */
	__u64 charged_ns;
	__u64 run_delay_ns;
	__u32 nvcsw;
	__u32 nivcsw;

	__u64 stint_at_ns;   /* on a core since; 0: it was there when we came, and what the scheduler had charged by then is unknown */
	__s64 uncharged_ns;  /* wall on cores less charged, as far as no window told it. Below 0 by the jitter between the two clocks */
	__u64 clock_skew_ns; /* the scheduler's clock less ours, at the last switch-in */

	/* Two windows merged because the record between them did not get in. */
	__u64 merged_off_ns;  /* how long the longest one was; 0: not merged */
	__u64 reopened_at_ns; /* the last one's begin */
	__u8 merged_cause;    /* of the longest one */
	__u8 merged_ready_cause;
	__u16 wait_nr; /* the syscall that the window lies in */

	/* An epoll return that waits for a record to ride on; epoll_at_ns 0: none. */
	__u32 epoll_events;
	__u64 epoll_at_ns;

	/* What the read in progress found on its socket; arrived_ns 0: nothing. */
	__u64 arrived_ns;
	__u64 arrived_sk;

	__s32 epoll_fd;
	__u8 polled;      /* its last call was poll or select: a read now comes as soon as there is something */
	__u8 strand_told; /* a hook into its runtime has told which strand it runs */
	__u8 strand_due;  /* the record that tells of strand_id did not get in, and is due before anything else but `untold` */
	__u8 awaits_data; /* its last call found nothing, or has only begun to connect */

	__u64 strand_id; /* 0: the runtime itself */
	__u64 strand_at; /* of the traced process: where the runtime keeps the strand, or what says which, if its hook wants to know */

	/* See hotspot.bpf.h. */
	__u64 carrier_id;   /* Java's id of the thread itself; 0: not known to be a Java thread */
	__u64 yielded_id;   /* the strand that has said that it leaves, until it is seen to be gone, or to have stayed; 0: none */
	__u64 next_id_seen; /* the counter of ids, when the thread was looked at last */
	__u32 hotspot;      /* its process's number */
	__u32 hotspots_asked;
	__u32 finds;
	__u32 core; /* that it is on, or was on last, counted from 1; 0: unknown */

	__u16 lock_nr; /* it has been blocked for a lock in this call, which has not returned; 0: it has not */
	__u8 serves;   /* it has read from or written to a server's side of a connection */

	/* See python.bpf.h. */
	__u8 runs_once; /* the strand is a callback that ends when it leaves */

	/* See go.bpf.h. */
	__u8 go_slot; /* its process's number */

	__u8 aside;        /* see hotspot.bpf.h: nobody was mounted at the last look, and the strand may have stepped aside only */
	__u16 curg_offset; /* see struct go_layout: 0: hits tell who comes to the thread */
	__u64 machine;     /* what Go calls the thread; 0: it is not known to be one of Go's */

	/* See shared.bpf.h. */
	__u32 request_conn; /* the lower half of the connection whose request it has read, or answered, last; 0: it has not */

	/* See go.bpf.h: what lay in the queue of goroutines that the thread takes from, when it was looked at last. */
	__u32 runq_tail;
	__u64 runq_at;
	__u64 runq_next;
};

/* Being here is what makes a thread traced: one pointer test for all others. Freed with the thread. No memory: LOSS_THREADS. */
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct thread);
} thread_by_task SEC(".maps");

/*
 * enum process_mark of the living processes that are followed. Asked at forks, thread exits and futexes only. Full: LOSS_PROCESSES, and a
 * child goes untraced.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, PROCESSES_MAX);
	__type(key, __u32);
	__type(value, __u8);
} process_by_tgid SEC(".maps");

/* Local TCP ports that a followed process listens on. Asked when a connection is first seen. Full: LOSS_LISTENERS. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, LISTENERS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u16);
	__type(value, __u8);
} listener_by_port SEC(".maps");

/* enum conn_role of each connection that user space has been told of. Full: the least recently used one is told again. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, CONNS_MAX);
	__type(key, __u64);
	__type(value, __u8);
} role_by_conn SEC(".maps");

/*
 * In front of role_by_conn, whose lookup costs ten times a load: conn_id << 8 | role of the connection that was last asked for of those
 * that share a slot. One word, so that nobody sees half an entry. Ids that do not fit (eventfds') are not kept.
 */
#define ROLE_SLOTS 1024
volatile __u64 role_slots[ROLE_SLOTS] = {};

/* ---- arrivals on sockets that have no stamps of their own */

#define STAMPS 8

/* Of the messages that wait in a socket's queue, as far as the hook has seen them come: those from `taken` to `told`. */
struct arrivals {
	__u64 stamp_ns[STAMPS]; /* of message n in n % STAMPS */
	__u32 told;             /* messages that came so far */
	__u32 taken;            /* of them, read */
	__u32 unaccepted;       /* nobody has accepted the connection yet */
	__u32 pad;
};

/* By the kernel's socket. Full: the least recently used one goes, and when its data came is unknown, which the records say. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, STAMPED_SOCKS_MAX);
	__type(key, __u64);
	__type(value, struct arrivals);
} arrivals_by_sock SEC(".maps");

/*
 * By the kernel's struct unix_address, which a listener shares with the connections that nobody has accepted yet. Full: as above, of what
 * comes before accept.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, LISTENERS_MAX);
	__type(key, __u64);
	__type(value, __u8);
} listener_by_unix_address SEC(".maps");

/* ---- connections to downstreams that several requests use at once: see shared.bpf.h */

/* Which segments came last. */
struct shared {
	__u64 looked_ns;                       /* until the hook tells: how much had come was looked at then; 0: never */
	__u32 hooked;                          /* the hook on arrivals has told of it: it misses none any more */
	__u32 told;                            /* so many came since it is known */
	__u32 unread;                          /* so many writes since something was read */
	__u32 alone;                           /* so many, the last ones, while nobody else waited, as far as is seen */
	__u32 out_of_order;                    /* so many segments had come so when the hook told last … */
	__u32 stamped;                         /* … of that: its time's lower half */
	struct arrival arrivals[ARRIVALS_MAX]; /* of segment n in n % ARRIVALS_MAX */
};

/* By connection. Full: the least recently used one goes, until it is seen to be shared again. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, SHARED_CONNS_MAX);
	__type(key, __u64);
	__type(value, struct shared);
} shared_by_conn SEC(".maps");

/* Too long for the stack. */
static const volatile struct shared fresh_shared = {};

/* Is there any? */
volatile bool knows_shared = false;

/*
 * Who wrote last to a connection, if nothing was read there since: the lower half of its id << 32 | that of the strand, or of the
 * connection whose request the thread has read last. 0: nobody. Of connections that share a slot only the last one is known.
 */
#define ASKER_SLOTS 1024
volatile __u64 asker_slots[ASKER_SLOTS] = {};

/* Everything that user space learns. Full: LOSS_RECORDS. See RING_BYTES. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, RING_BYTES);
} records SEC(".maps");

static __always_inline struct thread *thread_of(struct task_struct *task)
{
	return bpf_task_storage_get(&thread_by_task, task, 0, 0);
}

/* Does a thread of this process that sleeps in a futex wait for somebody? */
static __always_inline bool is_of_threads(const struct task_struct *task)
{
	__u32 tgid = task->tgid;
	__u8 *mark = bpf_map_lookup_elem(&process_by_tgid, &tgid);

	return mark && *mark == PROCESS_OF_THREADS;
}

/* Of the current task, for a hook that writes to it. NULL: not traced, or the tracing is paused. */
static __always_inline struct thread *thread_to_write(struct task_struct *task)
{
	return paused ? NULL : thread_of(task);
}

/*
 * The account of a thread that had none when the caller looked; NULL: no memory. Made with its content, as a switch on another CPU must not
 * see a half-made one. A process is adopted while its threads fork, and other tracers keep storage on the same tasks: the first try fails
 * where another CPU was quicker by less than its own length (EEXIST, EAGAIN); the second finds what that one made. Where both fail, user
 * space looks for the thread again.
 */
static __always_inline struct thread *make_account(struct task_struct *task, struct thread *fresh)
{
	struct thread *thread = bpf_task_storage_get(&thread_by_task, task, fresh, BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (!thread)
		thread = bpf_task_storage_get(&thread_by_task, task, fresh, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!thread)
		count_loss(LOSS_THREADS);
	return thread;
}

/* The owner's half of the sequence lock. */
static __always_inline void thread_write_begin(struct thread *thread)
{
	count_in_order(&thread->sequence);
}

static __always_inline void thread_write_end(struct thread *thread)
{
	count_in_order(&thread->sequence);
}

#endif
