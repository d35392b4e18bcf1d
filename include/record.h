/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The records that cross from the kernel half to the user half, and that a recording file keeps.
 * Written by bpf/ (and, where it says so, by the user half itself), read by user/. Both halves include this file.
 * Never: anything about requests. A record says what a thread did at the kernel's boundary, and how it spent its time until then.
 *
 * Fixed-width, little-endian, padded by hand; all times are ns of CLOCK_MONOTONIC. A change here is a change of RECORD_ABI and of
 * the recording's version.
 */
#ifndef IOCPU_RECORD_H
#define IOCPU_RECORD_H

#include <linux/types.h>

#define RECORD_ABI 9

/*
 * How much of a server-side read is carried along for the route parser; of a server-side write as much if a response's head begins in it,
 * whose headers say if it is a stream, and of any other just enough to see that.
 */
#define PAYLOAD_REQUEST_MAX 192
#define PAYLOAD_STATUS_MAX  16

/* How much of what moves over a connection to a downstream that several requests use at once: enough to see whose messages they are. */
#define PAYLOAD_ANSWERS_MAX   1536
#define PAYLOAD_ANSWERS_SOME  512
#define PAYLOAD_ANSWERS_SHORT 128
#define PAYLOAD_QUESTIONS_MAX 192

/* Of so many segments it is told when they came; where that is more than enough, of some of the latest, or of few. Powers of two. */
#define ARRIVALS_MAX  128
#define ARRIVALS_SOME 32
#define ARRIVALS_FEW  4

#define ARRIVAL_SPAN_MAX_NS 1000000000

/* Longest Unix socket path carried, without its end; an abstract name starts with '@'. */
#define UNIX_PATH_MAX 104

#define COMM_MAX 16

enum record_kind {
	/* Made by a thread about itself: `struct record`, which closes the thread's span [its previous record, at_ns]. */
	RECORD_IO = 1,      /* a read, write, accept, connect … returned: see enum io_op */
	RECORD_EPOLL,       /* an epoll return that could not ride on another record */
	RECORD_WINDOW,      /* the thread leaves a core while its previous off-core window is not reported yet */
	RECORD_THREAD_EXIT, /* the thread's last switch-out */
	RECORD_SNAPSHOT,    /* read by somebody else, the account is NOT cleared: the span so far, from its same start */
	/* Made once about a thing: a body of its own behind the same first 16 bytes. */
	RECORD_THREAD,     /* struct record_thread: a thread was found or began */
	RECORD_CONN,       /* struct record_conn: a socket, pipe, eventfd or timerfd, before its id is used for the first time */
	RECORD_CONN_STATE, /* struct record_conn_state: a connection got up or ended */
	/* Made by the user half. */
	RECORD_PROCESS, /* struct record_process: what a process is, from its ELF file */
	RECORD_TICK,    /* bare head: time has come to at_ns, and all that happened before has been told */
	/* Made by a thread about itself, by a hook into its runtime: `struct record`, which closes the thread's span. Since RECORD_ABI 2.
	 */
	RECORD_STRAND, /* see enum strand_op */
	/* Made by a thread about itself: `struct record`, which closes the thread's span. Since RECORD_ABI 4. */
	RECORD_FUTEX, /* see enum futex_op */
	/* Struct record_messages: right before the RECORD_IO that it is about, by the same thread at the same time. Since RECORD_ABI 6. */
	RECORD_MESSAGES,
	RECORD_KINDS
};

/* The first 16 bytes of every record. */
struct record_head {
	__u64 at_ns;
	__u32 tid; /* as the initial pid namespace counts; 0: not a thread's doing */
	__u8 kind; /* enum record_kind */
	__u8 op;   /* enum io_op, of RECORD_IO; enum strand_op, of RECORD_STRAND; enum futex_op, of RECORD_FUTEX; of a RECORD_SNAPSHOT:
		    * IO_WRITE if the thread is blocked writing to a socket, else 0 */
	__u8 flags;
	__u8 payload_len; /* bytes after the record's other parts */
};

enum record_flag {
	RECORD_HAS_WINDOW = 1 << 0,      /* a struct window follows the struct record */
	RECORD_ARRIVED_COARSE = 1 << 1,  /* arrived_ns is right to a jiffy only */
	RECORD_PARTIAL = 1 << 2,         /* a write that took less than it was given: more is to come */
	RECORD_SOME_ARRIVALS = 1 << 2,   /* of a RECORD_MESSAGES: ARRIVALS_SOME times a struct arrival follow */
	RECORD_ESTABLISHED = 1 << 3,     /* a connect that said EINPROGRESS, but the connection is up already */
	RECORD_FEW_ARRIVALS = 1 << 3,    /* of a RECORD_MESSAGES: ARRIVALS_FEW times a struct arrival follow. Since RECORD_ABI 7 */
	RECORD_ON_CORE = 1 << 4,         /* a snapshot: the thread was on a core at at_ns */
	RECORD_ALL_ARRIVALS = 1 << 4,    /* of a RECORD_MESSAGES: ARRIVALS_MAX times a struct arrival follow. Since RECORD_ABI 8 */
	RECORD_PEEK = 1 << 5,            /* a read with MSG_PEEK: it took nothing */
	RECORD_STRAND_ENDED = 1 << 6,    /* STRAND_RUNS: the strand that the thread ran until then has ended */
	RECORD_STRAND_DOUBTFUL = 1 << 7, /* STRAND_RUNS: at_ns is when it was seen; of the span's core time it may have used a part */
};

/* What a syscall did, whichever of its many forms was called. */
enum io_op {
	IO_READ = 1,
	IO_WRITE, /* also sendfile and splice, by the fd that is written to */
	IO_ACCEPT,
	IO_CONNECT,
	IO_SHUTDOWN, /* in older recordings only: what it ends, the socket's state change tells */
	IO_POLL,     /* poll or select returned; no conn_id */
	IO_OPS
};

/*
 * A strand is what a runtime multiplexes on threads: a goroutine, a virtual thread, a task of asyncio or tokio. Its id is never used again
 * for another one of its process. Whatever the runtime does for no strand (its scheduler, collecting, idling) is strand 0.
 */
enum strand_op {
	STRAND_RUNS = 1, /* from at_ns on the thread runs this strand; told when it differs from the last one told. `result`: why the last
			  * one left, as enum wait_cause: RUNNABLE (it could have gone on), NET, LOCK, SLEEP, PIPE (it takes what another
			  * strand gives: a channel, a queue, a condition), POLL (any of these: who wakes it will tell), else OTHER */
	STRAND_MADE,     /* the thread's strand made this one; with a `result` above 1 so many, with the ids that follow */
	STRAND_WOKEN,    /* the thread, or the strand that it runs, let this one go on, which had waited. `result`: why that had left, as
			  * above, if it is known here, and its thread may not have said so yet; else 0 */
	STRAND_QUEUES, /* the thread's strand left to its loop what is to be written to `conn_id`: the write that follows, after strands of
			* others, is its. Since RECORD_ABI 5 */
	STRAND_OPS
};

/* Only what tells who waited for whom. A wait that ran out of time, or found the futex changed, is told by its window alone. */
enum futex_op {
	FUTEX_WOKEN = 1, /* the thread was blocked until another one woke it: its last wait for a lock; result 0 */
	FUTEX_WOKE,      /* it woke so many: `result` */
	FUTEX_OPS
};

/* In a futex's address, whose lowest bits are free: it is shared between processes. */
#define FUTEX_SHARED 1

/*
 * Why a thread was off the core, from its saved registers and flags at switch-out. NET is any blocking socket call; of which side the
 * socket is, the record that ends the call tells.
 */
enum wait_cause {
	WAIT_RUNNABLE, /* it did not want to leave: the whole window is ready time */
	WAIT_NET,
	WAIT_POLL,  /* epoll, poll, select */
	WAIT_DISK,  /* in_iowait, a page fault, the fsync family */
	WAIT_LOCK,  /* futex */
	WAIT_SLEEP, /* nanosleep and its like */
	WAIT_LOG,   /* writing to a pipe, a terminal or a regular file */
	WAIT_PIPE,  /* reading from a pipe, an eventfd, a terminal */
	WAIT_OTHER,
	WAIT_CAUSES
};

/* What kind of waiting for a core ended the window. */
enum ready_cause {
	READY_WAKEUP,    /* woken, then waited for a core */
	READY_PREEMPTED, /* taken off the core while it could run */
	READY_THROTTLED, /* its cgroup's CPU quota was used up */
	READY_CAUSES
};

/*
 * One stretch off the core: [off_at_ns, on_at_ns], whose last ready_ns were spent waiting for a core. A span has at most one; a thread that
 * leaves a core a second time reports the first in a RECORD_WINDOW. Only when records are lost are two windows merged into one: then the
 * record's core_ns is more than what the window leaves free, and the cause is the longer one's.
 */
struct window {
	__u64 off_at_ns;
	__u64 on_at_ns; /* of a RECORD_SNAPSHOT of a thread that is still off the core: its at_ns */
	__u64 ready_ns;
	__u64 stolen_ns; /* of the time on that core until off_at_ns, also of earlier spans: what the scheduler did not charge (hypervisor,
			  * interrupts) */
	__u32 voluntary; /* switches, from the task's own nvcsw and nivcsw */
	__u32 involuntary;
	__u8 cause;            /* enum wait_cause */
	__u8 ready_cause;      /* enum ready_cause */
	__u16 core;            /* which one it left at off_at_ns, counted from 1; 0: unknown. Since RECORD_ABI 3 */
	__u32 stolen_after_ns; /* like stolen_ns, of the core time until the record: told where that ends at a switch-out */
};

/* What a thread tells of itself. Followed by a struct window if RECORD_HAS_WINDOW, then by payload_len bytes. */
struct record {
	struct record_head head;
	union {
		__u64 conn_id;   /* 0: none. Sockets and pipes: the inode number; named pipes, eventfds and timerfds: the kernel object */
		__u64 strand_id; /* of a RECORD_STRAND */
		__u64 futex_at;  /* of a RECORD_FUTEX: its address in the process, with FUTEX_SHARED */
	};
	__u64 core_ns; /* of the span: on a core, by the wall clock; of window.stolen_ns a part, or all */
	union {
		__u64 arrived_ns;       /* reads: when the first byte that this read took had arrived; 0: unknown */
		__u64 parent_strand_id; /* of a STRAND_RUNS: who made the strand, where the hook knows it only now; 0: unknown */
	};
	__u64 epoll_at_ns; /* the thread's last epoll return lies in this span, at this time; 0: none does */
	__s32 result;      /* bytes, a new fd, ready events; or −errno */
	union {
		__s32 fd;   /* for people who read dumps; conn_id is what counts */
		__s32 core; /* of a RECORD_SNAPSHOT: which one it is on, counted from 1; 0 or less: none, or unknown. Since RECORD_ABI 3 */
	};
	__s32 epoll_fd;     /* of epoll_at_ns */
	__u32 epoll_events; /* of epoll_at_ns: how many were ready; 0: its timeout ran out */
};

enum conn_family { CONN_INET = 1, CONN_INET6, CONN_UNIX, CONN_PIPE, CONN_EVENTFD, CONN_TIMERFD };
enum conn_type { CONN_STREAM = 1, CONN_DATAGRAM };

/* Which side of a connection the traced process is on. */
enum conn_role {
	CONN_LISTENER = 1,
	CONN_SERVER,     /* accepted by it, or its local port is one it listens on */
	CONN_DOWNSTREAM, /* it connected, or nothing says otherwise */
	CONN_PAIR,       /* a pipe, an eventfd, a timerfd, a socketpair: within the process or its family */
};

/* Followed by payload_len bytes of a Unix socket's path (server: its own, downstream: its peer's). */
struct record_conn {
	struct record_head head;
	__u64 conn_id;
	__u32 tgid; /* of the thread that was seen to use it */
	__u8 family;
	__u8 type;
	__u8 role;
	__u8 pad;
	__u16 local_port;
	__u16 remote_port;
	__u32 other_end_id;  /* of a socketpair's end: the other one's conn_id, which fits; 0: unknown, as in early recordings */
	__u8 local_addr[16]; /* network order; IPv4 in the first 4 */
	__u8 remote_addr[16];
};

/*
 * When a segment came. The same end twice, since RECORD_ABI 9: nobody saw it come; not before the earlier of the two, and by the later one
 * all up to that end had. They lie at most ARRIVAL_SPAN_MAX_NS apart; if so much, it may have come before as well.
 */
struct arrival {
	__u32 end;   /* the sequence number behind its last byte */
	__u32 at_ns; /* the lower half; 0, and `end` too: none */
};

/*
 * What was moved by a read or write on a connection that several requests use at once. Followed by the arrivals, as many as the flags
 * say and in any order, and by prefix_len bytes, the first ones that were moved.
 */
struct record_messages {
	struct record_head head; /* op: IO_READ or IO_WRITE; payload_len: 0 */
	__u64 conn_id;
	__u32 length; /* bytes that were moved */
	__u32 until;  /* of a read with arrivals: the sequence number behind the last of them */
	__u16 prefix_len;
	__u8 pad[6];
};

enum conn_state { CONN_UP = 1, CONN_ENDED };

/* From the socket's own state change; the thread is 0 when the network did it. */
struct record_conn_state {
	struct record_head head;
	__u64 conn_id;
	__u8 state; /* enum conn_state */
	__u8 pad[7];
};

enum thread_origin { THREAD_FOUND = 1, THREAD_FORKED, THREAD_EXECED };

/* The thread's first span begins at at_ns. THREAD_EXECED: same thread, new program; its span goes on. */
struct record_thread {
	struct record_head head;
	__u32 tgid;
	__u32 parent_tid; /* the thread that forked it; of a found one, its process's parent; 0: unknown */
	__u8 origin;      /* enum thread_origin */
	__u8 pad[7];
	char comm[COMM_MAX]; /* ended by 0 */
};

/* Told by the ELF file and the libraries, never by the program's name. */
enum runtime { RUNTIME_NATIVE = 1, RUNTIME_GO, RUNTIME_NODE, RUNTIME_JVM, RUNTIME_PYTHON, RUNTIME_RUST, RUNTIMES };

struct record_process {
	struct record_head head; /* tid: the tgid */
	__u8 runtime;            /* enum runtime */
	__u8 pad[7];
	char comm[COMM_MAX];
};

#define RECORD_SIZE_MAX (sizeof(struct record_messages) + ARRIVALS_MAX * sizeof(struct arrival) + PAYLOAD_ANSWERS_MAX)

_Static_assert(sizeof(struct record_head) == 16, "head: 16 bytes");
_Static_assert(sizeof(struct window) == 48, "window: no padding of the compiler's");
_Static_assert(sizeof(struct record) == 64, "record: one cache line");
_Static_assert(sizeof(struct record_conn) == 72, "conn: no padding of the compiler's");
_Static_assert(sizeof(struct record_messages) == 40, "messages: no padding of the compiler's");
_Static_assert(sizeof(struct record_conn_state) == 32, "conn state: no padding of the compiler's");
_Static_assert(sizeof(struct record_thread) == 48, "thread: no padding of the compiler's");
_Static_assert(sizeof(struct record_process) == 40, "process: no padding of the compiler's");
_Static_assert(PAYLOAD_REQUEST_MAX <= 255 && UNIX_PATH_MAX <= 255, "payload_len is a byte");

#endif
