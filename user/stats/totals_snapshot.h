/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One moment of the totals, complete and const: what an exporter shows that is asked again and again. All counts and sums are since the
 * start and never fall; times are counted at fixed edges, so that whoever collects them can add and subtract them.
 * Made by totals_snapshot; read by user/export and user/serve, in any thread.
 * Never: changes after it was made. Durations are ns.
 */
#ifndef IOCPU_STATS_TOTALS_SNAPSHOT_H
#define IOCPU_STATS_TOTALS_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stats/snapshot.h"
#include "util/core_use.h"
#include "util/request.h"
#include "util/stream.h"

/* The edges of the buckets of wall times, and of all others: few, as there is a histogram of them for each state and each peer. */
#define WALL_EDGES 14
#define PART_EDGES 5
extern const uint64_t wall_edges_ns[WALL_EDGES];
extern const uint64_t part_edges_ns[PART_EDGES];

/* counts[i]: of those above edge i − 1 and up to edge i; the last: above all edges. */
struct wall_times {
	uint64_t sum_ns;
	uint64_t counts[WALL_EDGES + 1];
};

struct part_times {
	uint64_t sum_ns;
	uint64_t counts[PART_EDGES + 1];
};

/* Classes of what a request was answered with; NONE: not at all, or it is not known. */
enum answer { ANSWER_1XX, ANSWER_2XX, ANSWER_3XX, ANSWER_4XX, ANSWER_5XX, ANSWER_NONE, ANSWERS };

/* What a process's CPU time was used for; the names are those of the JSON contract's keys. */
enum cpu_use { USE_REQUEST, USE_AFTER_RESPONSE, USE_RUNTIME, USE_BACKGROUND, USE_UNATTRIBUTED, CPU_USES };

/* Peers of one endpoint that are told apart; the last one is the rest. */
#define TOTALS_PEERS_MAX 16

struct totals_peer {
	char name[PEER_NAME_MAX];
	uint64_t calls;
	struct part_times net; /* a request's time with a call to this peer in flight, also where it has several addresses */
};

/* Culprits of one endpoint that are told apart; the last one is the rest. */
#define TOTALS_CULPRITS_MAX 16

/* Requests of which endpoint held what those of this one waited for. */
struct totals_culprit {
	const char *endpoint;
	uint64_t delay_ns; /* LOOP or LOCK time of those that waited */
};

struct totals_blame {
	size_t count;
	struct totals_culprit culprits[TOTALS_CULPRITS_MAX];
};

/* The slowest request of the last while. */
struct totals_slowest {
	char id[REQUEST_ID_MAX]; /* empty: there was none */
	uint64_t wall_ns;
	uint64_t end_unix_ns;
};

/* Of one endpoint; they are not among its requests. */
struct totals_streams {
	uint8_t kind;  /* enum wire_stream: of the one that was seen last */
	uint64_t open; /* now */
	uint64_t opened, ended;
	uint64_t ended_lasted_ns; /* how long those that ended had lasted, in sum */
	uint64_t reads, writes;
	uint64_t read_bytes, written_bytes;
	uint64_t cpu_ns;
};

struct totals_endpoint {
	uint64_t requests;
	uint64_t answers[ANSWERS];
	uint64_t ambiguous_requests;
	struct wall_times wall;
	struct part_times state[STATES];
	/* Of the slowest 1%. */
	uint64_t slowest_requests;
	uint64_t slowest_state_ns[STATES];
	struct totals_blame loops, locks;
	size_t peer_count;
	struct totals_peer *peers;
	struct totals_slowest slowest;
	struct totals_streams streams; /* opened 0: it has none */
};

/* Kinds of processes of one service that are told apart; the last one is the rest. */
#define TOTALS_KINDS_MAX 16

/* What processes of a service have in common. */
struct totals_kind {
	bool is_rest;         /* all others: nothing else is known of them */
	uint8_t runtime;      /* enum runtime; 0: unknown */
	enum hook_state hook; /* HOOK_ON also where a hook has told of it in another way than that the feed knows of it; not HOOK_UNKNOWN */
	const char *model;    /* as in struct process */
};

struct totals_service {
	uint64_t cpu_ns[CPU_USES];
	uint64_t request_time_ns;
	uint64_t on_core_ns;
	uint64_t loop_busy_ns;
	uint64_t loop_time_ns; /* 0: no event loop was seen */
	uint64_t voluntary_switches, involuntary_switches;
	uint64_t folded_requests; /* of endpoints beyond the cap */
	/* Now. */
	uint64_t processes, threads, loop_threads;
	struct totals_kind kinds[TOTALS_KINDS_MAX]; /* each once */
	size_t kind_count;
};

/* Which service it is; what is not known is empty. */
struct totals_label {
	const char *service;
	const char *pod_namespace, *pod, *container;
};

struct totals_endpoint_row {
	size_t service; /* in the snapshot's services */
	const char *endpoint;
	const struct totals_endpoint *sums;
};

struct totals_service_row {
	struct totals_label label;
	const struct totals_service *sums;
};

struct totals_loss {
	const char *name;
	uint64_t count;
};

struct totals_target {
	char name[512]; /* as the command line names it: "port:8080"; the cgroup of a pod's container takes 200 */
	bool up;
};

/* What totals say besides requests and processes. */
struct totals_frame {
	const char *version;
	const char *kernel; /* release */
	uint64_t at_unix_ns;
	uint32_t cores; /* 0: not known yet */
	struct core_use core_use;
	uint64_t tool_kernel_ns; /* UINT64_MAX: not measured */
	uint64_t tool_user_cpu_ns;
	uint64_t tool_memory_bytes;
	const struct totals_loss *losses; /* all kinds, also those at 0 */
	size_t loss_count;
	const struct totals_target *targets;
	size_t target_count;
};

struct totals_snapshot {
	struct totals_frame frame;
	const struct totals_service_row *services;
	size_t service_count;
	const struct totals_endpoint_row *endpoints;
	size_t endpoint_count;
};

/* NULL is fine. */
void totals_snapshot_close(const struct totals_snapshot *snapshot);

#endif
