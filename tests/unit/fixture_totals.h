/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Totals for the tests of exporters.
 * Never: a figure that the code under test has made.
 */
#ifndef TEST_FIXTURE_TOTALS_H
#define TEST_FIXTURE_TOTALS_H

#include "stats/totals.h"
#include "unit/fixture_stats.h"

#define UNIX_NS 1700000000123456789ULL

static const struct totals_label node = {"node:8080", "", "", ""};

static inline struct totals_frame totals_frame(void)
{
	static const struct totals_loss losses[] = {{"records", 0}, {"requests", 2}};
	static const struct totals_target targets[] = {{"port:8080", true}, {"unit:cart.service", false}};

	return (struct totals_frame){
		.version = "0.1.0",
		.kernel = "6.1.0-test",
		.at_unix_ns = UNIX_NS,
		.cores = 2,
		.core_use = {.ns = {880 * MS, 30 * MS}, .count = 2},
		.tool_kernel_ns = 3 * MS,
		.tool_user_cpu_ns = 1500 * MS,
		.tool_memory_bytes = 4096,
		.losses = losses,
		.loss_count = 2,
		.targets = targets,
		.target_count = 2,
	};
}

/* The sample of fixture_stats.h, with the process that served it. */
static inline void add_totals_sample(struct totals *totals)
{
	struct request_peer peers[2];
	struct request users = users_request(peers), resize = resize_request();
	struct snapshot_process process = node_process();

	process.now.request_time_ns = 30200 * MS;
	process.now.on_core_ns = 910 * MS;
	process.now.loop_busy_ns = 930 * MS;
	process.now.loop_time_ns = 1000 * MS;
	process.now.voluntary_switches = 2476;
	process.now.involuntary_switches = 40;
	resize.status = 503;
	resize.ambiguous = true;
	for (int i = 0; i < 412; i++)
		totals_add(totals, &node, "GET /users/:id", i < 124 ? "POST /resize" : NULL, &users, UNIX_NS);
	for (int i = 0; i < 4; i++)
		totals_add(totals, &node, "POST /resize", NULL, &resize, UNIX_NS);
	totals_add_lock_wait(totals, &node, "POST /resize", "GET /users/:id", 3 * MS);
	totals_cut(totals, 1000 * MS);
	totals_add_process(totals, &node, &process);
}

#endif
