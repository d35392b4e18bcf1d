/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests and frames for the tests of statistics, views and exports: the two endpoints of DESIGN.md's sample, and what each test adds.
 * Never: a figure that the code under test has made.
 */
#ifndef TEST_FIXTURE_STATS_H
#define TEST_FIXTURE_STATS_H

#include <stdio.h>
#include <string.h>

#include "stats/stats.h"
#include "util/request.h"

#define MS 1000000ULL

/* A request of this wall time, all of it in one state; the test then moves parts elsewhere. */
static inline struct request request_of(enum state state, uint64_t wall_ns)
{
	struct request request = {.id = "9f3a61-7", .tgid = 4121, .port = 8080, .protocol = WIRE_HTTP1, .status = 200};

	request.start_ns = 1000 * MS;
	request.end_ns = request.start_ns + wall_ns;
	request.ttfb_ns = wall_ns;
	request.state_ns[state] = wall_ns;
	if (state == STATE_READY)
		request.ready_ns[READY_PART_WAKEUP] = wall_ns;
	if (state == STATE_CPU)
		request.cpu_time_ns = wall_ns;
	return request;
}

/* Moves a part of a request's wall time from one state to another. */
static inline void move_state(struct request *request, enum state from, enum state to, uint64_t ns)
{
	request->state_ns[from] -= ns;
	request->state_ns[to] += ns;
	if (to == STATE_READY)
		request->ready_ns[READY_PART_WAKEUP] += ns;
	if (to == STATE_CPU)
		request->cpu_time_ns += ns;
}

/* GET /users/:id of the sample: 72.0 ms = 1.1 CPU, 0.2 READY, 24.0 LOOP, 46.5 NET, 0.1 CLIENT, 0.1 OTHER. */
static inline struct request users_request(struct request_peer peers[2])
{
	struct request request = request_of(STATE_NET, 72 * MS);

	move_state(&request, STATE_NET, STATE_CPU, 11 * MS / 10);
	move_state(&request, STATE_NET, STATE_READY, 2 * MS / 10);
	move_state(&request, STATE_NET, STATE_LOOP, 24 * MS);
	move_state(&request, STATE_NET, STATE_CLIENT, 1 * MS / 10);
	move_state(&request, STATE_NET, STATE_OTHER, 1 * MS / 10);
	peers[0] = (struct request_peer){"127.0.0.1:6379", 1, 4185 * MS / 1000, 4185 * MS / 1000};
	peers[1] = (struct request_peer){"127.0.0.1:5432", 5, 42315 * MS / 1000, 42315 * MS / 1000};
	request.peers = peers;
	request.peer_count = 2;
	request.method = "GET";
	request.target = "/users/17";
	request.voluntary_switches = 6;
	request.culprit_known = true;
	request.culprit_ns = 20 * MS;
	return request;
}

/* POST /resize of the sample: 132.4 ms = 121.0 CPU, 2.0 READY, 9.1 LOOP, 0.2 CLIENT, 0.1 OTHER. */
static inline struct request resize_request(void)
{
	struct request request = request_of(STATE_CPU, 1324 * MS / 10);

	move_state(&request, STATE_CPU, STATE_READY, 2 * MS);
	move_state(&request, STATE_CPU, STATE_LOOP, 91 * MS / 10);
	move_state(&request, STATE_CPU, STATE_CLIENT, 2 * MS / 10);
	move_state(&request, STATE_CPU, STATE_OTHER, 1 * MS / 10);
	request.cpu_time_ns = 121 * MS;
	request.after_response_cpu_ns = 3 * MS;
	request.voluntary_switches = 1;
	request.involuntary_switches = 10;
	return request;
}

/* The Node process of the sample, over a window of one second. */
static inline struct snapshot_process node_process(void)
{
	struct snapshot_process process = {
		.now = {.tgid = 4121, .runtime = RUNTIME_NODE, .comm = "node", .alive = true, .port = 8080, .model = "event-loop"},
		.service = "node:8080",
		.in_flight_mean = 30.2,
		.on_core_mean = 0.91,
		.loop_busy_share = 0.93,
	};

	process.now.loop_threads = 1;
	process.now.threads = 5;
	process.now.cpu_ns = 1000 * MS;
	process.now.request_cpu_ns = 970 * MS;
	process.now.after_response_cpu_ns = 6 * MS;
	process.now.runtime_cpu_ns = 11 * MS;
	process.now.background_cpu_ns = 7 * MS;
	process.now.setup_cpu_ns = 3 * MS;
	process.now.unattributed_cpu_ns = 6 * MS;
	return process;
}

/* One second; the tool used 4 ms, and lost nothing. */
static inline struct snapshot_frame frame_of(const struct snapshot_process *processes, size_t process_count,
					     const struct snapshot_loss *losses, size_t loss_count)
{
	static const struct core_use core_use = {.ns = {880 * MS, 30 * MS}, .count = 2};

	return (struct snapshot_frame){
		.version = "0.1.0",
		.window_start_unix_ns = 1700000000000000000ULL,
		.window_ns = 1000 * MS,
		.cores = 2,
		.tool_kernel_ns = 3 * MS,
		.tool_user_cpu_ns = 1 * MS,
		.losses = losses,
		.loss_count = loss_count,
		.processes = processes,
		.process_count = process_count,
		.core_use = &core_use,
	};
}

/* What an export prints of these statistics, for the caller to free. */
static inline char *exported_text(int (*print)(FILE *out, const struct snapshot *snapshot), const struct stats *stats,
				  const struct snapshot_frame *frame)
{
	const struct snapshot *snapshot = stats_snapshot(stats, frame);
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_int_equal(print(out, snapshot), 0);
	fclose(out);
	stats_snapshot_close(snapshot);
	return text;
}

/* The sample: 412 users, 4 resizes a second, each resize delaying users. */
static inline void add_sample(struct stats *stats)
{
	struct request_peer peers[2];
	struct request users = users_request(peers), resize = resize_request();

	for (int i = 0; i < 412; i++)
		stats_add(stats, "node:8080", "GET /users/:id", i < 124 ? "POST /resize" : NULL, &users);
	for (int i = 0; i < 4; i++)
		stats_add(stats, "node:8080", "POST /resize", NULL, &resize);
}

#endif
