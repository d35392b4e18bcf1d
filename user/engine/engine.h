/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Attribution: gives each slice of each thread's time to the request that it served.
 * Called by cli's session with events in the order of their source; tells finished requests, and what streams do, through callbacks.
 * Never: a clock, a syscall, libbpf, a file. Same events in, same requests out.
 */
#ifndef IOCPU_ENGINE_ENGINE_H
#define IOCPU_ENGINE_ENGINE_H

#include "util/core_use.h"
#include "util/event.h"
#include "util/request.h"
#include "util/stream.h"

struct engine;

struct engine_sink {
	void *context;
	/* A request is complete: its response is over, or its connection. *request is the engine's, for this call only. */
	void (*on_request)(void *context, const struct request *request);
	/* What happened on a stream since it was told last: at least with every tick. *stream is the engine's, for this call only. */
	void (*on_stream)(void *context, const struct stream *stream);
};

/* What fell off because memory is bounded, or came out of order; all of it is shown to the user. */
struct engine_losses {
	uint64_t contexts;        /* a request or segment that could not be kept: its time is unattributed */
	uint64_t conns;           /* a connection forgotten while in use */
	uint64_t calls;           /* calls beyond a cap, or answered unseen: of a request their time is in the states, not in the list */
	uint64_t holds;           /* waits for locks beyond the cap of one request: their time is in the states, without a holder */
	uint64_t waiters;         /* who came to wait for a pool while as many did as are kept: ambiguous, if it matters */
	uint64_t stretches;       /* timelines folded because they grew too long: sums right, order lost */
	uint64_t late_writes;     /* response bytes after a request had been told as finished */
	uint64_t unknown_threads; /* records of a thread that was never described */
};

/* NULL: no memory. The sink is copied. */
struct engine *engine_open(const struct engine_sink *sink);

/* Takes one event. 0, or −EPROTO: a kind that no version knows. What does not fit into memory is counted as lost. */
int engine_handle(struct engine *engine, const struct event *event);

/* The trace is over: tells the answered requests that were still held back; drops, uncounted, those without a response. */
void engine_finish(struct engine *engine);

/* Fills at most `max` processes, oldest first; returns how many there are. When many have ended, the oldest of them are one at the end,
 * with tgid 0 and the name "(ended)". A model's name is one of: "thread-per-connection", "worker-pool", "pre-fork", "event-loop",
 * "event-loops", "goroutines", "virtual-threads", "asyncio-tasks", "tasks" (tokio's). Counters never fall; those of requests that are still
 * open are as of the last tick. */
size_t engine_processes(const struct engine *engine, struct process *processes, size_t max);

void engine_losses(const struct engine *engine, struct engine_losses *losses);

/* The process that a living thread is of; of one that was never described the same id: a process's first thread has the process's. */
uint32_t engine_process_of(const struct engine *engine, uint32_t tid);

/* From the start of the trace, of all processes: on_core_ns by core. Of a recording by an older version nothing. */
const struct core_use *engine_core_use(const struct engine *engine);

/* NULL is fine. */
void engine_close(struct engine *engine);

#endif
