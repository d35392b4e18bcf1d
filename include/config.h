/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Sizes and switches that user/probe sets or reads and bpf/ obeys. Both halves include this file.
 */
#ifndef IOCPU_CONFIG_H
#define IOCPU_CONFIG_H

#include <linux/types.h>

/* Above the highest syscall number of any architecture here (x86-64 in 6.18: 470). */
#define SYSCALL_MAX 512

/* In the table of wait causes beside enum wait_cause: what the file says that the call works on. */
enum wait_by_file {
	WAIT_BY_READ_FILE = 64, /* the first argument, read from */
	WAIT_BY_WRITE_FILE,     /* the first argument, written to */
	WAIT_BY_THIRD_FILE,     /* splice: the third argument, written to */
};

/*
 * 100,000 records a second of 130 bytes, drained each 5 ms, need 65 KiB; the rest is for a reader that was kept waiting: 300 ms.
 * A larger ring would cost the writers more cache misses.
 */
#define RING_BYTES (4u << 20)

/* Connections with a known role. The least recently used one goes when full, and is described anew at its next use. */
#define CONNS_MAX 65536

/* Unix and UDP sockets whose arrivals are stamped: 150 bytes each. Of the least recently used ones no more is known when full. */
#define STAMPED_SOCKS_MAX 16384

/* Connections to downstreams that several requests use at once: 340 bytes each. The least recently used one is known no more when full. */
#define SHARED_CONNS_MAX 1024

#define PROCESSES_MAX 4096

/* What is known of a followed process: user space says once it has looked at the program. */
enum process_mark {
	PROCESS_FOLLOWED = 1,
	PROCESS_OF_THREADS, /* who sleeps in a futex waits for a lock, or for work; in Go it is only a thread without a goroutine */
};

#define LISTENERS_MAX 4096

/* Why a goroutine waits: runtime.waitReason, a byte, of which no version has this many. */
#define GO_REASONS_MAX 64
/* Instead of why it waits: for another one that its thread has turned to by itself, without the scheduler (iter.Pull). */
#define GO_STAYS 0xff

/* In runtime.g: which of Go's threads it is on (a runtime.m); 0: on none. "Offset known to arm liblink", so no version has moved it. */
#define GO_MACHINE 48
/* From here to here, which is a power of two, lies all else that is told of a goroutine, in all known versions. */
#define GO_TOLD       64
#define GO_TOLD_BYTES 256

/* What a Go program is read by: offsets in runtime.g, and what of its code is the runtime's own. */
struct go_layout {
	__u64 system_from, system_to; /* goroutines that begin there are the runtime's own … */
	__u64 main_pc;                /* … but for the one that begins here */
	__u16 goid_offset;            /* the status is 8 bytes before it, the reason of a wait 24 behind it, in all known versions */
	__u16 startpc_offset;
	__u16 curg_offset; /* in runtime.m: the goroutine that it runs, and 16 behind it its runtime.p, which it has none of in a system
			      call; 0: not known, so probes tell who comes */
	__u16 runq_offset; /* in runtime.p: head and tail of its queue, then its places, then who is next */
	__u8 wait_cause_by_reason[GO_REASONS_MAX]; /* enum wait_cause, or GO_STAYS */
};

/* What a Rust program's tasks of tokio are told by: addresses. See user/runtime/tokio.h. */
struct tokio_layout {
	__u64 tables_from, tables_to; /* each task names one of these tables, which says how far from its begin the task's id lies */
	__u64 next_id_at;             /* the counter that new tasks take their ids from; 0: not known */
};

/* Processes that are hooked at the same time; of more, the rest goes by the kernel's evidence. */
#define HOOKED_PROCESSES_MAX 64

/*
 * Where HotSpot (21 and later) keeps the id of the thread that Java's code calls the current one, for bpf/hotspot.bpf.h: offsets, but for
 * what is called an address. Found by user/runtime/hotspot.h in the running process.
 */
struct hotspot_layout {
	__u64 next_id_at;     /* an address: the counter that new threads take their ids from; 0: not known */
	__u64 narrow_base;    /* an address: of narrow references */
	__u32 tls_module;     /* libjvm's, in the loader's count */
	__u32 tls_offset;     /* in libjvm's block: the JavaThread */
	__u32 thread_object;  /* in the JavaThread: the handle of the carrier's own java.lang.Thread */
	__u32 current_object; /* … and of the one that is mounted */
	__u32 current_id;     /* in the JavaThread: the id of the one that is mounted; 0: not kept there */
	__u32 object_thread;  /* in a java.lang.Thread: back to the JavaThread */
	__u32 object_id;
	__u32 object_container; /* … the scope that it was started in; 0: not known */
	__u32 container_owner;  /* in such a scope: the java.lang.Thread that opened it */
	__u32 piece_start;      /* in the JavaThread: where the piece of the heap begins that it takes memory from; 0: not known */
	__u32 piece_top;        /* … up to where it is used */
	__u32 piece_end;
	__u8 narrow_shift;
	__u8 narrow;      /* references in objects take 4 bytes */
	__u8 coloured;    /* references are those of the generational ZGC */
	__u8 tells_yield; /* a probe tells when a virtual thread leaves its carrier */
	__u8 pad[4];
};

/*
 * Contexts (contextvars) in which something has run on an event loop of CPython's, of all processes, but for those that have a place in
 * python_places. Of more, the least recently used go.
 */
#define PYTHON_CONTEXTS_MAX 65536

/* Of each hooked process: where contexts are looked for first. A power of two; a place is 32 bytes. */
#define PYTHON_PLACES 1024

/* No two contexts begin nearer to each other: what every object has that the collector knows takes as much. */
#define PYTHON_CONTEXT_BYTES_MIN 32

/* What a context is told by, for bpf/python.bpf.h. Found by user/runtime/python.h. */
struct python_layout {
	__u64 context_type;   /* the address of the type that all contexts are of */
	__u32 entered_offset; /* in a context: an int, 0 if nobody has entered it */
	__u8 pad[4];
};

#endif
