/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the engine says of one finished request, and of a process so far: the only thing that statistics, `requests` and exports learn.
 * Made by user/engine, read in its callbacks; all pointers are valid during the callback only.
 * Times are ns of CLOCK_MONOTONIC, durations ns.
 */
#ifndef IOCPU_UTIL_REQUEST_H
#define IOCPU_UTIL_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "record.h"
#include "util/event.h"
#include "util/state.h"

/* "127.0.0.1:5432", "[::1]:53/udp", "unix:/run/x.sock" */
#define PEER_NAME_MAX  128
#define REQUEST_ID_MAX 40

/* One downstream call. It was in flight while it connected, and from its last byte on; what lies between is the request's own doing. */
struct request_call {
	uint32_t peer;       /* which of the request's peers */
	uint64_t start_ns;   /* its last byte was written, or connecting began */
	uint64_t connect_ns; /* of net_ns: from the start on */
	uint64_t write_ns;   /* its last byte was written: here begins the rest of net_ns */
	uint64_t net_ns;     /* until the first byte of the answer had arrived */
	uint64_t loop_ns;    /* from there until it was read, as far as an event loop was busy elsewhere */
};

/* All calls of a request to one peer. */
struct request_peer {
	const char *peer;
	uint32_t calls;
	uint64_t net_ns;       /* the sum */
	uint64_t net_union_ns; /* overlapping calls counted once */
};

/* Another request, which had what this one waited for in LOCK, by who woke it. */
struct request_lock {
	char holder_id[REQUEST_ID_MAX];
	const char *method; /* its request line, as below */
	const char *target;
	uint64_t wait_ns; /* of state_ns[STATE_LOCK]; what nobody is known for is left over */
};

/* One stretch of the timeline; stretches touch each other and fill [start, end] of the request. */
struct request_stretch {
	uint64_t start_ns;
	uint64_t end_ns;
	enum state state;
};

/* A thread on a core for the request, after its response as well. What was folded away (engine_losses.stretches) is not listed. */
struct request_run {
	uint64_t start_ns;
	uint64_t end_ns;
	uint32_t tid;
};

struct request {
	char id[REQUEST_ID_MAX]; /* connection and turn on it */
	uint32_t tgid;           /* of the thread that read it */
	/* The listening end. */
	uint16_t port;         /* 0: a Unix socket */
	const char *unix_path; /* NULL: not a Unix socket */
	/* What the wire stage read; method NULL: no HTTP/1 request line. */
	enum wire_protocol protocol;
	const char *method;
	const char *target;
	bool target_cut;
	uint16_t status; /* 0: unknown */
	bool aborted;    /* the connection ended before a response */
	uint8_t opens;   /* enum wire_stream: what its response made of the connection, see util/stream.h; it ended with the head */

	uint64_t start_ns;              /* its first byte had arrived */
	uint64_t end_ns;                /* its last response byte was handed to the kernel */
	uint64_t ttfb_ns;               /* until the first response byte was handed to the kernel */
	uint64_t state_ns[STATES];      /* sums to end − start, exactly */
	uint64_t ready_ns[READY_PARTS]; /* sums to state_ns[STATE_READY], exactly */
	uint64_t cpu_time_ns;           /* of all threads, within [start, end] */
	uint64_t after_response_cpu_ns; /* after the end, as far as known */
	uint32_t voluntary_switches;
	uint32_t involuntary_switches;
	bool ambiguous; /* evidence contradicted itself: rule 13 */

	/* Who held the loop for most of state_ns[STATE_LOOP]; its request line, NULL method: not a request, or not HTTP. */
	uint64_t culprit_ns;
	const char *culprit_method;
	const char *culprit_target;
	bool culprit_known;

	const uint32_t *threads;
	size_t thread_count;
	const struct request_call *calls; /* in the order of their start; at most the engine's cap */
	size_t call_count;
	const struct request_peer *peers;
	size_t peer_count;
	const struct request_lock *locks; /* each holder once */
	size_t lock_count;
	const struct request_stretch *stretches;
	size_t stretch_count;
	const struct request_run *runs; /* in no order */
	size_t run_count;
};

/* One process, from the start of the trace: all counters only grow. cpu_ns is the sum of the five parts, exactly. */
struct process {
	uint32_t tgid;        /* 0: all that ended long ago, summed up */
	uint64_t found_at_ns; /* with tgid: which process it is, as ids are used again */
	uint8_t runtime;      /* enum runtime; 0: unknown */
	bool strands_told;    /* a hook into its runtime has told which of its strands a thread runs */
	char comm[COMM_MAX];
	bool alive;
	uint16_t port; /* the first that it listens on or serves; 0: none */
	char unix_path[UNIX_PATH_MAX + 1];
	const char *model; /* "event-loop" …, see engine.h; NULL: not known yet */
	uint32_t loop_threads;
	uint32_t threads; /* now */
	uint32_t threads_created;
	uint64_t cpu_ns;
	uint64_t request_cpu_ns;
	uint64_t after_response_cpu_ns;
	uint64_t runtime_cpu_ns;
	uint64_t background_cpu_ns;
	uint64_t setup_cpu_ns;  /* of the background: accepting connections, and what they need before their first request has come */
	uint64_t stream_cpu_ns; /* of the background: messages of streams */
	uint64_t unattributed_cpu_ns;
	uint64_t ambiguous_requests;
	uint64_t shared_conn_ambiguous; /* … of them: they share downstream connections, and whose call is whose is not certain */
	uint64_t request_time_ns;       /* sum over time of requests in flight: its growth over a window / the window = in flight */
	uint64_t on_core_ns;            /* the same of threads on a core */
	uint64_t loop_busy_ns;          /* the same of loop threads that are not waiting in epoll */
	uint64_t loop_time_ns;          /* the same of loop threads */
	uint64_t voluntary_switches;
	uint64_t involuntary_switches;
};

#endif
