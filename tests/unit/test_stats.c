/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "unit/fixture_stats.h"

static const struct snapshot *snapshot_of(const struct stats *stats)
{
	struct snapshot_frame frame = frame_of(NULL, 0, NULL, 0);
	const struct snapshot *snapshot = stats_snapshot(stats, &frame);

	assert_non_null(snapshot);
	return snapshot;
}

static const struct snapshot_endpoint *find(const struct snapshot *snapshot, const char *service, const char *endpoint)
{
	for (size_t i = 0; i < snapshot->endpoint_count; i++)
		if (!strcmp(snapshot->endpoints[i].service, service) && !strcmp(snapshot->endpoints[i].endpoint, endpoint))
			return &snapshot->endpoints[i];
	return NULL;
}

static uint64_t sum_of_states(const struct snapshot_endpoint *endpoint)
{
	uint64_t sum_ns = 0;

	for (int state = 0; state < STATES; state++)
		sum_ns += endpoint->state[state].mean;
	return sum_ns;
}

static void sample_adds_up(void **state)
{
	struct stats *stats = stats_open(100);
	const struct snapshot *snapshot;
	const struct snapshot_endpoint *users, *resize;

	(void)state;
	add_sample(stats);
	snapshot = snapshot_of(stats);
	assert_int_equal(snapshot->endpoint_count, 2);
	assert_int_equal(snapshot->requests, 416);
	users = &snapshot->endpoints[0]; /* the larger sum of wall times */
	resize = &snapshot->endpoints[1];
	assert_string_equal(users->endpoint, "GET /users/:id");
	assert_int_equal(users->requests, 412);
	assert_true(users->rate == 412);
	assert_int_equal(users->wall.mean, 72 * MS);
	assert_int_equal(users->state[STATE_NET].mean, 46500000);
	assert_true(users->io_share == 46.5 / 72);
	assert_true(users->io_cpu_ratio > 42.27 && users->io_cpu_ratio < 42.28);
	assert_true(users->voluntary_mean == 6);
	assert_int_equal(users->peer_count, 2);
	assert_string_equal(users->peers[0].peer, "127.0.0.1:5432");
	assert_true(users->peers[0].calls_mean == 5);
	assert_int_equal(users->peers[0].net_mean_ns, 42315000);
	assert_string_equal(users->culprits[0].endpoint, "POST /resize");
	assert_int_equal(users->culprits[0].victims, 124);
	assert_int_equal(users->culprits[0].ns, 124 * 20 * MS);
	assert_int_equal(users->delayed_requests, 0);
	assert_int_equal(resize->delayed_requests, 124);
	assert_int_equal(resize->after_response_cpu_mean_ns, 3 * MS);
	assert_int_equal(resize->ready_mean_ns[READY_PART_WAKEUP], 2 * MS);
	stats_snapshot_close(snapshot);
	stats_close(stats);
}

/* Three requests; eleven states sum to 3001 ns each, so that each by itself would round down, and 4 ns would be missing. */
static void mean_states_sum_to_mean_wall(void **state)
{
	struct stats *stats = stats_open(10);
	const struct snapshot *snapshot;

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct request request = request_of(STATE_OTHER, 1000000);

		for (int other = 0; other < STATE_OTHER; other++)
			move_state(&request, STATE_OTHER, (enum state)other, i ? 1000 : 1001);
		stats_add(stats, "s", "e", NULL, &request);
	}
	snapshot = snapshot_of(stats);
	assert_int_equal(snapshot->endpoints[0].wall.mean, 1000000);
	assert_int_equal(sum_of_states(&snapshot->endpoints[0]), 1000000);
	stats_snapshot_close(snapshot);
	stats_close(stats);
}

static void errors_are_server_errors_and_aborts(void **state)
{
	struct stats *stats = stats_open(10);
	struct request request = request_of(STATE_CPU, MS);
	const struct snapshot *snapshot;

	(void)state;
	for (uint16_t status = 0; status < 600; status++) {
		request.status = status;
		stats_add(stats, "s", "e", NULL, &request);
	}
	request.status = 0;
	request.aborted = true;
	request.ttfb_ns = 0;
	stats_add(stats, "s", "aborted", NULL, &request);
	snapshot = snapshot_of(stats);
	assert_int_equal(find(snapshot, "s", "e")->errors, 100);
	assert_int_equal(find(snapshot, "s", "aborted")->errors, 1);
	/* No response began: its first byte is not 0 ns away, but unknown. */
	assert_int_equal(find(snapshot, "s", "aborted")->ttfb.mean, UNKNOWN_NS);
	stats_snapshot_close(snapshot);
	stats_close(stats);
}

/* 300 requests: 297 in NET, the slowest three in LOCK, far above; a mean would not show them. */
static void slowest_percent_has_its_own_states(void **state)
{
	struct stats *stats = stats_open(10);
	const struct snapshot *snapshot;
	const struct snapshot_endpoint *endpoint;

	(void)state;
	for (uint64_t i = 0; i < 300; i++) {
		struct request request = request_of(i % 100 ? STATE_NET : STATE_LOCK, i % 100 ? (10 + i % 5) * MS : 900 * MS);

		stats_add(stats, "s", "e", NULL, &request);
	}
	snapshot = snapshot_of(stats);
	endpoint = &snapshot->endpoints[0];
	assert_int_equal(endpoint->slowest_requests, 3);
	assert_int_equal(endpoint->slowest_wall_mean_ns, 900 * MS);
	assert_int_equal(endpoint->slowest_state_mean_ns[STATE_LOCK], 900 * MS);
	assert_int_equal(endpoint->slowest_state_mean_ns[STATE_NET], 0);
	stats_snapshot_close(snapshot);
	stats_close(stats);
}

/* The slowest 2 of 200, all of which lie in one band: the one slowest is exact, the second taken as the band's mean. */
static void slowest_percent_within_one_band_is_scaled(void **state)
{
	struct stats *stats = stats_open(10);
	const struct snapshot *snapshot;
	const struct snapshot_endpoint *endpoint;
	uint64_t rest_ns = 0, sum_ns = 0;

	(void)state;
	for (uint64_t i = 0; i < 200; i++) {
		struct request request = request_of(STATE_NET, 610 * MS + i * 100000);

		rest_ns += i < 199 ? 610 * MS + i * 100000 : 0;
		stats_add(stats, "s", "e", NULL, &request);
	}
	snapshot = snapshot_of(stats);
	endpoint = &snapshot->endpoints[0];
	assert_int_equal(endpoint->slowest_requests, 2);
	assert_in_range(endpoint->slowest_wall_mean_ns, (629900000 + rest_ns / 199) / 2 - 2, (629900000 + rest_ns / 199) / 2 + 2);
	for (int i = 0; i < STATES; i++)
		sum_ns += endpoint->slowest_state_mean_ns[i];
	assert_int_equal(sum_ns, endpoint->slowest_wall_mean_ns);
	stats_snapshot_close(snapshot);
	stats_close(stats);
}

static void one_request_is_its_own_slowest(void **state)
{
	struct stats *stats = stats_open(10);
	struct request quick = request_of(STATE_CPU, 5), slow = request_of(STATE_NET, 7 * MS + 1);
	const struct snapshot *snapshot;

	(void)state;
	stats_add(stats, "s", "e", NULL, &quick);
	stats_add(stats, "s", "e", NULL, &slow);
	snapshot = snapshot_of(stats);
	assert_int_equal(snapshot->endpoints[0].slowest_requests, 1);
	assert_int_equal(snapshot->endpoints[0].slowest_wall_mean_ns, 7 * MS + 1);
	stats_snapshot_close(snapshot);
	stats_close(stats);
}

static void endpoints_beyond_the_cap_are_folded_by_service(void **state)
{
	struct stats *stats = stats_open(13);
	struct request request = request_of(STATE_CPU, MS);
	const struct snapshot *snapshot;

	(void)state;
	for (int i = 0; i < 1009; i++) {
		char name[32];

		snprintf(name, sizeof(name), "GET /random/%d", i);
		assert_int_equal(stats_add(stats, "scanned:80", name, NULL, &request), 0);
	}
	stats_add(stats, "calm:80", "GET /random/900", NULL, &request);
	stats_add(stats, "scanned:80", "GET /random/3", NULL, &request);
	snapshot = snapshot_of(stats);
	assert_int_equal(snapshot->endpoint_count, 13 + 1 + 1);
	assert_int_equal(find(snapshot, "scanned:80", "(other)")->requests, 1009 - 13);
	assert_int_equal(find(snapshot, "scanned:80", "GET /random/3")->requests, 2);
	assert_int_equal(find(snapshot, "calm:80", "GET /random/900")->requests, 1);
	assert_null(find(snapshot, "calm:80", "(other)"));
	assert_int_equal(snapshot->endpoints_folded, 1009 - 13);
	assert_int_equal(snapshot->requests, 1011);
	stats_snapshot_close(snapshot);
	stats_close(stats);
}

static void services_are_bounded_too(void **state)
{
	struct stats *stats = stats_open(5);
	struct request request = request_of(STATE_CPU, MS);
	const struct snapshot *snapshot;

	(void)state;
	for (int i = 0; i < 307; i++) {
		char name[32];

		snprintf(name, sizeof(name), "forked-%d:80", i);
		stats_add(stats, name, "GET /", NULL, &request);
	}
	snapshot = snapshot_of(stats);
	assert_int_equal(snapshot->endpoint_count, 256 + 1);
	assert_int_equal(find(snapshot, "(other)", "(other)")->requests, 307 - 256);
	assert_int_equal(snapshot->requests, 307);
	stats_snapshot_close(snapshot);
	stats_close(stats);
}

static void peers_beyond_the_cap_are_added_up(void **state)
{
	struct stats *stats = stats_open(5);
	const struct snapshot *snapshot;
	const struct snapshot_endpoint *endpoint;
	uint64_t calls = 0;

	(void)state;
	for (int i = 0; i < 101; i++) {
		char name[32];
		struct request_peer peer = {name, 2, MS, MS};
		struct request request = request_of(STATE_NET, MS);

		snprintf(name, sizeof(name), "10.0.0.%d:80", i);
		request.peers = &peer;
		request.peer_count = 1;
		stats_add(stats, "s", "e", NULL, &request);
	}
	snapshot = snapshot_of(stats);
	endpoint = &snapshot->endpoints[0];
	assert_int_equal(endpoint->peer_count, 33);
	assert_string_equal(endpoint->peers[32].peer, "(other peers)");
	for (size_t i = 0; i < endpoint->peer_count; i++)
		calls += (uint64_t)(endpoint->peers[i].calls_mean * 101 + 0.5);
	assert_int_equal(calls, 202);
	stats_snapshot_close(snapshot);
	stats_close(stats);
}

/* The heavy culprit stays named among many that come once; the others' time is kept, without their names. */
static void culprits_are_bounded_and_keep_the_heavy_one(void **state)
{
	struct stats *stats = stats_open(1000);
	const struct snapshot *snapshot;
	const struct snapshot_endpoint *victim;
	uint64_t sum_ns = 0, victims = 0;

	(void)state;
	for (int i = 0; i < 211; i++) {
		char name[32];
		struct request request = request_of(STATE_LOOP, 50 * MS);

		snprintf(name, sizeof(name), "GET /once/%d", i);
		request.culprit_ns = MS;
		stats_add(stats, "s", "GET /victim", name, &request);
		request.culprit_ns = 40 * MS;
		stats_add(stats, "s", "GET /victim", "POST /heavy", &request);
	}
	snapshot = snapshot_of(stats);
	victim = find(snapshot, "s", "GET /victim");
	assert_int_equal(victim->culprit_count, 17);
	assert_string_equal(victim->culprits[0].endpoint, "POST /heavy");
	assert_int_equal(victim->culprits[0].victims, 211);
	assert_string_equal(victim->culprits[16].endpoint, "(other endpoints)");
	for (size_t i = 0; i < victim->culprit_count; i++) {
		sum_ns += victim->culprits[i].ns;
		victims += victim->culprits[i].victims;
	}
	assert_int_equal(sum_ns, 211 * 41 * MS);
	assert_int_equal(victims, 422);
	stats_snapshot_close(snapshot);
	stats_close(stats);
}

/* The sum of two windows' waits, and none of what was cleared. */
static void lock_waits_are_merged(void **state)
{
	struct request request = request_of(STATE_LOCK, 50 * MS);
	struct stats *window = stats_open(10), *total = stats_open(10);
	const struct snapshot *snapshot;

	(void)state;
	for (int i = 0; i < 2; i++) {
		stats_add(window, "s", "GET /waits", NULL, &request);
		stats_add_lock_wait(window, "s", "GET /waits", "POST /holds", 20 * MS);
		stats_add_lock_wait(window, "s", "GET /waits", "GET /waits", 5 * MS);
		assert_int_equal(stats_merge(total, window), 0);
		stats_clear(window);
	}
	snapshot = snapshot_of(total);
	assert_int_equal(snapshot->endpoint_count, 1); /* of a holder nothing is known but its name */
	assert_int_equal(snapshot->endpoints[0].lock_count, 2);
	assert_string_equal(snapshot->endpoints[0].locks[0].endpoint, "POST /holds");
	assert_int_equal(snapshot->endpoints[0].locks[0].victims, 2);
	assert_int_equal(snapshot->endpoints[0].locks[0].ns, 40 * MS);
	assert_int_equal(snapshot->endpoints[0].culprit_count, 0);
	stats_snapshot_close(snapshot);
	stats_close(window);
	stats_close(total);
}

static void assert_same_endpoint(const struct snapshot_endpoint *a, const struct snapshot_endpoint *b)
{
	assert_string_equal(a->endpoint, b->endpoint);
	assert_int_equal(a->requests, b->requests);
	assert_memory_equal(&a->wall, &b->wall, sizeof(a->wall));
	assert_memory_equal(&a->ttfb, &b->ttfb, sizeof(a->ttfb));
	assert_memory_equal(&a->cpu_time, &b->cpu_time, sizeof(a->cpu_time));
	assert_memory_equal(a->state, b->state, sizeof(a->state));
	assert_int_equal(a->slowest_wall_mean_ns, b->slowest_wall_mean_ns);
	assert_memory_equal(a->slowest_state_mean_ns, b->slowest_state_mean_ns, sizeof(a->slowest_state_mean_ns));
	assert_memory_equal(a->ready_mean_ns, b->ready_mean_ns, sizeof(a->ready_mean_ns));
	assert_int_equal(a->peer_count, b->peer_count);
	assert_int_equal(a->culprit_count, b->culprit_count);
	assert_int_equal(a->delayed_requests, b->delayed_requests);
	assert_string_equal(a->verdict_text, b->verdict_text);
}

static void windows_merge_into_what_one_run_would_say(void **state)
{
	struct stats *window = stats_open(100), *total = stats_open(100), *whole = stats_open(100);
	const struct snapshot *merged, *direct;

	(void)state;
	for (int i = 0; i < 3; i++) {
		add_sample(window);
		add_sample(whole);
		assert_int_equal(stats_merge(total, window), 0);
		stats_clear(window);
	}
	merged = snapshot_of(total);
	direct = snapshot_of(whole);
	assert_int_equal(merged->requests, 3 * 416);
	assert_int_equal(merged->endpoint_count, direct->endpoint_count);
	for (size_t i = 0; i < direct->endpoint_count; i++)
		assert_same_endpoint(&merged->endpoints[i], &direct->endpoints[i]);
	stats_snapshot_close(merged);
	stats_snapshot_close(direct);
	stats_close(window);
	stats_close(total);
	stats_close(whole);
}

static void cleared_stats_are_empty(void **state)
{
	struct stats *stats = stats_open(100);
	const struct snapshot *before, *after;

	(void)state;
	add_sample(stats);
	before = snapshot_of(stats);
	stats_clear(stats);
	after = snapshot_of(stats);
	assert_int_equal(after->endpoint_count, 0);
	assert_int_equal(after->requests, 0);
	/* The first snapshot does not know of it. */
	assert_int_equal(before->requests, 416);
	assert_string_equal(before->endpoints[1].verdict_text, "CPU-bound: holds the loop 121 ms, delays 31 others");
	stats_snapshot_close(before);
	stats_snapshot_close(after);
	assert_int_equal(stats_lost_requests(stats), 0);
	stats_close(stats);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sample_adds_up),
		cmocka_unit_test(mean_states_sum_to_mean_wall),
		cmocka_unit_test(errors_are_server_errors_and_aborts),
		cmocka_unit_test(slowest_percent_has_its_own_states),
		cmocka_unit_test(slowest_percent_within_one_band_is_scaled),
		cmocka_unit_test(one_request_is_its_own_slowest),
		cmocka_unit_test(endpoints_beyond_the_cap_are_folded_by_service),
		cmocka_unit_test(services_are_bounded_too),
		cmocka_unit_test(peers_beyond_the_cap_are_added_up),
		cmocka_unit_test(culprits_are_bounded_and_keep_the_heavy_one),
		cmocka_unit_test(lock_waits_are_merged),
		cmocka_unit_test(windows_merge_into_what_one_run_would_say),
		cmocka_unit_test(cleared_stats_are_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
