/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One moment of the statistics, complete and const: all that views and exports may see.
 * Made by stats_snapshot; read by user/view and user/export.
 * Never: changes after it was made; needs another module to be understood. Durations are ns, shares 0–1, rates per second.
 */
#ifndef IOCPU_STATS_SNAPSHOT_H
#define IOCPU_STATS_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/core_use.h"
#include "util/request.h"
#include "util/stream.h"

/* A figure that is not known: printed as "?", null in JSON. */
#define UNKNOWN_NS UINT64_MAX

enum verdict {
	VERDICT_IO_BOUND,
	VERDICT_CPU_BOUND,
	VERDICT_CORE_BOUND,
	VERDICT_LOOP_BOUND,
	VERDICT_QUEUE_BOUND,
	VERDICT_POOL_BOUND,
	VERDICT_LOCK_BOUND,
	VERDICT_CLIENT_BOUND,
	VERDICT_MIXED,
	VERDICTS
};

extern const char *const verdict_names[VERDICTS]; /* "io-bound" … */

/* All UNKNOWN_NS when there was nothing to measure: the first byte of responses that never began. */
struct distribution {
	uint64_t mean, p50, p90, p99, max;
};

struct snapshot_peer {
	const char *peer;
	double calls_mean;
	uint64_t net_mean_ns;
	uint64_t net_union_mean_ns;
};

struct snapshot_culprit {
	const char *endpoint;
	uint64_t victims; /* of a loop: requests of this endpoint that it delayed most; of a lock: how often they waited for one of its */
	uint64_t ns;      /* the sum of the LOOP or LOCK time that it made them */
};

struct snapshot_endpoint {
	const char *service;
	const char *endpoint;
	uint64_t requests;
	uint64_t errors; /* status ≥ 500, or aborted */
	double rate;
	struct distribution wall, ttfb, cpu_time;
	struct distribution state[STATES];
	/* The slowest 1%, at least one. */
	uint64_t slowest_requests;
	uint64_t slowest_wall_mean_ns;
	uint64_t slowest_state_mean_ns[STATES];
	uint64_t after_response_cpu_mean_ns;
	uint64_t ready_mean_ns[READY_PARTS];
	double io_share, cpu_share;
	double io_cpu_ratio; /* negative: cpu is 0, so there is none */
	double voluntary_mean, involuntary_mean;
	const struct snapshot_peer *peers; /* most time first */
	size_t peer_count;
	const struct snapshot_culprit *culprits; /* who held the loop while these waited; most time first */
	size_t culprit_count;
	const struct snapshot_culprit *locks; /* who held what these waited for in LOCK; most time first */
	size_t lock_count;
	uint64_t delayed_requests; /* requests (of any endpoint of the service) that waited most for this one to leave the loop */
	uint64_t ambiguous_requests;
	double ambiguous_share; /* … of the requests */
	enum verdict verdict;
	char verdict_text[200];
};

/* Of one endpoint, in the window; `open` at its end. They are not among the endpoint's requests. */
struct snapshot_stream {
	const char *service;
	const char *endpoint;
	uint8_t kind; /* enum wire_stream */
	uint64_t open;
	uint64_t opened, ended;
	struct distribution opening; /* until the response's head; all UNKNOWN_NS when none was opened */
	struct distribution lasted;  /* of those that ended, since the head */
	uint64_t reads, writes;      /* that moved data */
	uint64_t read_bytes, written_bytes;
	uint64_t cpu_ns;
};

struct snapshot_loss {
	const char *name; /* "records", "connection_roles" … */
	uint64_t count;
};

/* Whether a hook into its runtime tells of a process. */
enum hook_state {
	HOOK_UNKNOWN, /* a recording does not say */
	HOOK_ABSENT,  /* there is nothing to hook */
	HOOK_UNASKED, /* --hooks off */
	HOOK_REFUSED, /* why: hook_says */
	HOOK_ON,
};

struct snapshot_process {
	struct process now; /* counters over the window, not from the start */
	const char *service;
	enum hook_state hook;
	const char *hook_says;               /* one line for people on what is hooked, or why nothing is; NULL: nothing to say */
	double in_flight_mean, on_core_mean; /* negative: unknown */
	double loop_busy_share;              /* negative: no loop */
};

/* What a snapshot says besides requests. */
struct snapshot_frame {
	const char *version;
	uint64_t window_start_unix_ns;
	uint64_t window_ns;
	uint32_t cores;          /* that the targets may use */
	uint64_t tool_kernel_ns; /* UNKNOWN_NS: not measured */
	uint64_t tool_user_cpu_ns;
	const struct snapshot_loss *losses; /* all kinds, also those at 0; the first is "records" */
	size_t loss_count;
	const struct snapshot_process *processes;
	size_t process_count;
	const struct core_use *core_use; /* over the window */
};

/* What the tool itself used, of one core; negative: unknown. */
static inline double snapshot_tool_share(const struct snapshot_frame *frame)
{
	if (!frame->window_ns || frame->tool_kernel_ns == UNKNOWN_NS || frame->tool_user_cpu_ns == UNKNOWN_NS)
		return -1;
	return (double)(frame->tool_kernel_ns + frame->tool_user_cpu_ns) / (double)frame->window_ns;
}

/* Does a hook into its runtime tell of the process? A recording says nothing of hooks, but holds what one has told. */
bool snapshot_hook_is_on(const struct snapshot_process *process);

/* Into what a hook would tell more of a process whose strands nobody tells of: "Go's scheduler"; NULL: none would, or one does. */
const char *snapshot_missing_hook(const struct snapshot_process *process);

struct snapshot {
	struct snapshot_frame frame;
	const struct snapshot_endpoint *endpoints;
	size_t endpoint_count;
	const struct snapshot_stream *streams; /* most CPU first */
	size_t stream_count;
	uint64_t requests; /* of all endpoints */
	uint64_t ambiguous_requests;
	uint64_t endpoints_folded; /* requests in "(other)" rows */
};

#endif
