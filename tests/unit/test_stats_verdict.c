/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "unit/fixture_stats.h"

/* One request of 100 ms, 10 ms of which are OTHER where a state has the rest. */
static void assert_verdict(const struct request *request, const char *culprit, enum verdict verdict, const char *text)
{
	struct stats *stats = stats_open(10);
	struct snapshot_frame frame = frame_of(NULL, 0, NULL, 0);
	const struct snapshot *snapshot;

	stats_add(stats, "s", "GET /x", culprit, request);
	snapshot = stats_snapshot(stats, &frame);
	assert_string_equal(snapshot->endpoints[0].verdict_text, text);
	assert_int_equal(snapshot->endpoints[0].verdict, verdict);
	stats_snapshot_close(snapshot);
	stats_close(stats);
}

static void each_group_names_its_evidence(void **state)
{
	static const struct {
		enum state state;
		enum verdict verdict;
		const char *text;
	} cases[] = {
		{STATE_CPU, VERDICT_CPU_BOUND, "CPU-bound: computes for 90.0 ms"},
		{STATE_READY, VERDICT_CORE_BOUND, "core-bound: waits 90.0 ms for a core after wake-ups"},
		{STATE_DISK, VERDICT_IO_BOUND, "I/O-bound: disk is 90% of the time"},
		{STATE_NET, VERDICT_IO_BOUND, "I/O-bound: downstream calls are 90% of the time"},
		{STATE_LOOP, VERDICT_LOOP_BOUND, "loop-bound: waits 90.0 ms for a busy loop"},
		{STATE_QUEUE, VERDICT_QUEUE_BOUND, "queue-bound: waits 90.0 ms until a worker begins it"},
		{STATE_LOCK, VERDICT_LOCK_BOUND, "lock-bound: waits 90.0 ms for locks"},
		{STATE_POOL, VERDICT_POOL_BOUND, "pool-bound: waits 90.0 ms for a free downstream connection"},
		{STATE_CLIENT, VERDICT_CLIENT_BOUND, "client-bound: waits 90.0 ms for the client to send or to read"},
		/* No group stands behind these, however much they have: their names say it. */
		{STATE_SLEEP, VERDICT_MIXED, "SLEEP 90%: a timer that it set itself"},
		{STATE_LOG, VERDICT_MIXED, "LOG 90%: blocked writing to a pipe, a terminal or a file"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct request request = request_of(cases[i].state, 100 * MS);

		move_state(&request, cases[i].state, STATE_OTHER, 10 * MS);
		request.ready_ns[READY_PART_WAKEUP] = request.state_ns[STATE_READY];
		assert_verdict(&request, NULL, cases[i].verdict, cases[i].text);
	}
}

static void core_bound_names_its_largest_part(void **state)
{
	static const char *const texts[READY_PARTS] = {
		[READY_PART_WAKEUP] = "core-bound: waits 60.0 ms for a core after wake-ups",
		[READY_PART_PREEMPTED] = "core-bound: waits 60.0 ms for a core that other threads took",
		[READY_PART_THROTTLED] = "core-bound: stopped 60.0 ms by its cgroup's CPU quota",
		[READY_PART_STOLEN] = "core-bound: loses 60.0 ms of its core to the hypervisor or interrupts",
	};

	(void)state;
	for (int part = 0; part < READY_PARTS; part++) {
		struct request request = request_of(STATE_READY, 90 * MS);

		for (int other = 0; other < READY_PARTS; other++)
			request.ready_ns[other] = other == part ? 60 * MS : 10 * MS;
		assert_verdict(&request, NULL, VERDICT_CORE_BOUND, texts[part]);
	}
}

static void net_and_disk_are_one_group(void **state)
{
	struct request request = request_of(STATE_CPU, 100 * MS);

	(void)state;
	move_state(&request, STATE_CPU, STATE_NET, 30 * MS);
	move_state(&request, STATE_CPU, STATE_DISK, 21 * MS);
	assert_verdict(&request, NULL, VERDICT_IO_BOUND, "I/O-bound: downstream calls are 30% of the time");
}

static void half_is_enough_less_is_mixed(void **state)
{
	struct request half = request_of(STATE_NET, 100 * MS), less = request_of(STATE_NET, 100 * MS);

	(void)state;
	move_state(&half, STATE_NET, STATE_LOOP, 50 * MS);
	move_state(&half, STATE_LOOP, STATE_CPU, 1 * MS);
	assert_verdict(&half, NULL, VERDICT_IO_BOUND, "I/O-bound: downstream calls are 50% of the time");
	move_state(&less, STATE_NET, STATE_LOOP, 38 * MS);
	move_state(&less, STATE_NET, STATE_CPU, 21 * MS);
	assert_verdict(&less, NULL, VERDICT_MIXED, "mixed: NET 41%, LOOP 38%");
}

static void half_without_a_group_is_named(void **state)
{
	struct request request = request_of(STATE_SLEEP, 100 * MS);

	(void)state;
	move_state(&request, STATE_SLEEP, STATE_NET, 50 * MS - 1);
	assert_verdict(&request, NULL, VERDICT_MIXED, "SLEEP 50%: a timer that it set itself");
	move_state(&request, STATE_SLEEP, STATE_OTHER, 2);
	assert_verdict(&request, NULL, VERDICT_MIXED, "mixed: NET 50%, SLEEP 50%");
}

static void loop_bound_names_the_culprit(void **state)
{
	struct request request = request_of(STATE_LOOP, 90 * MS);

	(void)state;
	request.culprit_ns = 80 * MS;
	assert_verdict(&request, "POST /resize", VERDICT_LOOP_BOUND, "loop-bound: waits for POST /resize");
	assert_verdict(&request, "GET /x", VERDICT_LOOP_BOUND, "loop-bound: waits for others of its own kind");
}

static void lock_bound_names_the_holder(void **state)
{
	const struct {
		const char *holder, *text;
	} cases[] = {
		{"POST /ledger", "lock-bound: waits 90.0 ms for locks that POST /ledger holds"},
		{"GET /x", "lock-bound: waits 90.0 ms for locks that others of its own kind hold"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct request request = request_of(STATE_LOCK, 90 * MS);
		struct stats *stats = stats_open(10);
		struct snapshot_frame frame = frame_of(NULL, 0, NULL, 0);
		const struct snapshot *snapshot;

		stats_add(stats, "s", "GET /x", NULL, &request);
		stats_add_lock_wait(stats, "s", "GET /x", "PUT /other", 9 * MS);
		stats_add_lock_wait(stats, "s", "GET /x", cases[i].holder, 80 * MS);
		snapshot = stats_snapshot(stats, &frame);
		assert_string_equal(snapshot->endpoints[0].verdict_text, cases[i].text);
		stats_snapshot_close(snapshot);
		stats_close(stats);
	}
}

/* The peer's calls were in flight longer than the state says: the request computed meanwhile. A share is never above 100%. */
static void a_peer_is_at_most_all_of_net(void **state)
{
	struct request_peer peer = {"10.0.0.1:53/udp", 2, 90 * MS, 70 * MS};
	struct request request = request_of(STATE_NET, 100 * MS);

	(void)state;
	move_state(&request, STATE_NET, STATE_CPU, 40 * MS);
	request.peers = &peer;
	request.peer_count = 1;
	assert_verdict(&request, NULL, VERDICT_IO_BOUND, "I/O-bound: 10.0.0.1:53/udp is 100% of NET");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_group_names_its_evidence), cmocka_unit_test(core_bound_names_its_largest_part),
		cmocka_unit_test(net_and_disk_are_one_group),    cmocka_unit_test(half_is_enough_less_is_mixed),
		cmocka_unit_test(half_without_a_group_is_named), cmocka_unit_test(loop_bound_names_the_culprit),
		cmocka_unit_test(lock_bound_names_the_holder),   cmocka_unit_test(a_peer_is_at_most_all_of_net),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
