/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "unit/fixture_totals.h"

static struct totals *totals;
static const struct totals_snapshot *snapshot;

static int open_totals(void **state)
{
	(void)state;
	totals = totals_open();
	return !totals;
}

static int close_totals(void **state)
{
	(void)state;
	totals_snapshot_close(snapshot);
	snapshot = NULL;
	totals_close(totals);
	return 0;
}

static void look(void)
{
	struct totals_frame frame = totals_frame();

	totals_snapshot_close(snapshot);
	snapshot = totals_snapshot(totals, &frame);
	assert_non_null(snapshot);
}

static void add_wall(const char *endpoint, uint64_t wall_ns)
{
	struct request request = request_of(STATE_NET, wall_ns);

	assert_int_equal(totals_add(totals, &node, endpoint, NULL, &request, UNIX_NS + wall_ns), 0);
}

static const struct totals_endpoint *sums_of(const char *endpoint)
{
	for (size_t i = 0; i < snapshot->endpoint_count; i++)
		if (!strcmp(snapshot->endpoints[i].endpoint, endpoint))
			return snapshot->endpoints[i].sums;
	fail_msg("no endpoint %s", endpoint);
	return NULL;
}

static void an_edge_belongs_to_the_bucket_below_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < WALL_EDGES; i++) {
		add_wall("GET /at", wall_edges_ns[i]);
		add_wall("GET /above", wall_edges_ns[i] + 1);
	}
	for (size_t i = 0; i < PART_EDGES; i++)
		add_wall("GET /part", part_edges_ns[i]);
	look();
	for (size_t i = 0; i <= WALL_EDGES; i++) {
		assert_int_equal(sums_of("GET /at")->wall.counts[i], i < WALL_EDGES);
		assert_int_equal(sums_of("GET /above")->wall.counts[i], i > 0);
	}
	for (size_t i = 0; i <= PART_EDGES; i++) {
		assert_int_equal(sums_of("GET /part")->state[STATE_NET].counts[i], i < PART_EDGES);
		/* What a request did not have counts as 0: quantiles are those of all requests. */
		assert_int_equal(sums_of("GET /part")->state[STATE_CPU].counts[i], i ? 0 : PART_EDGES);
	}
}

static void a_snapshot_does_not_change(void **state)
{
	(void)state;
	add_totals_sample(totals);
	look();
	add_totals_sample(totals);
	assert_int_equal(sums_of("GET /users/:id")->requests, 412);
	look();
	assert_int_equal(sums_of("GET /users/:id")->requests, 824);
	assert_int_equal(sums_of("GET /users/:id")->loops.count, 1);
	assert_string_equal(sums_of("GET /users/:id")->loops.culprits[0].endpoint, "POST /resize");
	assert_int_equal(sums_of("GET /users/:id")->loops.culprits[0].delay_ns, 2 * 124 * 20 * MS);
	assert_int_equal(sums_of("POST /resize")->answers[ANSWER_5XX], 8);
	assert_int_equal(snapshot->services[0].sums->cpu_ns[USE_REQUEST], 2 * 970 * MS);
}

static void what_lives_now_is_told_anew_each_window(void **state)
{
	struct snapshot_process process = node_process();

	(void)state;
	add_totals_sample(totals);
	process.now.threads = 7;
	totals_cut(totals, 2000 * MS);
	assert_int_equal(totals_add_process(totals, &node, &process), 0);
	look();
	assert_int_equal(snapshot->services[0].sums->threads, 7);
	totals_cut(totals, 3000 * MS);
	look();
	assert_int_equal(snapshot->services[0].sums->threads, 0);
	assert_int_equal(snapshot->services[0].sums->processes, 0);
	assert_int_equal(snapshot->services[0].sums->cpu_ns[USE_RUNTIME], 2 * 11 * MS);
}

static void kinds_of_processes_are_told_once_each(void **state)
{
	struct snapshot_process process = node_process();
	const struct totals_service *sums;

	(void)state;
	process.now.runtime = RUNTIME_PYTHON;
	process.now.model = "event-loop";
	process.hook = HOOK_REFUSED;
	for (int i = 0; i < 3; i++)
		totals_add_process(totals, &node, &process);
	process.hook = HOOK_UNKNOWN;
	process.now.strands_told = true;
	totals_add_process(totals, &node, &process);
	process.now.model = NULL;
	totals_add_process(totals, &node, &process);
	process.now.alive = false;
	process.now.runtime = RUNTIME_GO;
	totals_add_process(totals, &node, &process);
	look();
	sums = snapshot->services[0].sums;
	assert_int_equal(sums->kind_count, 3);
	assert_int_equal(sums->kinds[0].hook, HOOK_REFUSED);
	assert_int_equal(sums->kinds[1].hook, HOOK_ON);
	assert_string_equal(sums->kinds[1].model, "event-loop");
	assert_null(sums->kinds[2].model);
	totals_cut(totals, 2000 * MS);
	look();
	assert_int_equal(snapshot->services[0].sums->kind_count, 0);
}

static void kinds_beyond_the_cap_are_one(void **state)
{
	struct snapshot_process process = node_process();
	const struct totals_service *sums;

	(void)state;
	process.hook = HOOK_ABSENT;
	for (int i = 0; i < 2 * TOTALS_KINDS_MAX; i++) {
		process.now.model = i % 2 ? "event-loop" : NULL;
		process.hook = i % 4 < 2 ? HOOK_REFUSED : HOOK_UNASKED;
		process.now.runtime = (uint8_t)(i / 4);
		totals_add_process(totals, &node, &process);
	}
	look();
	sums = snapshot->services[0].sums;
	assert_int_equal(sums->kind_count, TOTALS_KINDS_MAX);
	for (size_t i = 0; i < TOTALS_KINDS_MAX; i++)
		assert_int_equal(sums->kinds[i].is_rest, i == TOTALS_KINDS_MAX - 1);
}

static void no_hook_and_none_that_is_known_of_are_one_kind(void **state)
{
	struct snapshot_process process = node_process();

	(void)state;
	process.hook = HOOK_UNKNOWN;
	totals_add_process(totals, &node, &process);
	process.hook = HOOK_ABSENT;
	totals_add_process(totals, &node, &process);
	look();
	assert_int_equal(snapshot->services[0].sums->kind_count, 1);
}

static void the_slowest_are_one_in_a_hundred(void **state)
{
	(void)state;
	for (int i = 0; i < 250; i++)
		add_wall("GET /often", i == 7 || i == 90 ? 900 * MS : 10 * MS);
	for (int i = 0; i < 3; i++)
		add_wall("GET /rare", (uint64_t)(i + 1) * 100 * MS);
	totals_cut(totals, 1000 * MS);
	look();
	assert_int_equal(sums_of("GET /often")->slowest_requests, 2);
	assert_int_equal(sums_of("GET /often")->slowest_state_ns[STATE_NET], 1800 * MS);
	/* Too few yet: 1% is to be a whole request, or the slowest of a minute. */
	assert_int_equal(sums_of("GET /rare")->slowest_requests, 0);
	totals_cut(totals, 62000 * MS);
	look();
	assert_int_equal(sums_of("GET /rare")->slowest_requests, 1);
	assert_int_equal(sums_of("GET /rare")->slowest_state_ns[STATE_NET], 300 * MS);
	assert_int_equal(sums_of("GET /often")->slowest_requests, 2);
}

static void the_slowest_request_is_one_of_the_last_while(void **state)
{
	(void)state;
	totals_cut(totals, 100000 * MS);
	add_wall("GET /x", 900 * MS);
	add_wall("GET /x", 10 * MS);
	totals_cut(totals, 116000 * MS);
	add_wall("GET /x", 20 * MS);
	look();
	assert_string_equal(sums_of("GET /x")->slowest.id, "9f3a61-7");
	assert_int_equal(sums_of("GET /x")->slowest.wall_ns, 900 * MS);
	assert_int_equal(sums_of("GET /x")->slowest.end_unix_ns, UNIX_NS + 900 * MS);
	totals_cut(totals, 132000 * MS);
	look();
	assert_int_equal(sums_of("GET /x")->slowest.wall_ns, 20 * MS);
	totals_cut(totals, 148000 * MS);
	look();
	assert_int_equal(sums_of("GET /x")->slowest.id[0], 0);
}

static void culprits_beyond_the_cap_are_one(void **state)
{
	struct request request = request_of(STATE_LOOP, 5 * MS);
	const struct totals_endpoint *sums;
	char culprit[32];
	uint64_t delay_ns = 0;

	(void)state;
	request.culprit_ns = 3 * MS;
	for (int i = 0; i < 2 * 3 * TOTALS_CULPRITS_MAX; i++) {
		snprintf(culprit, sizeof(culprit), "GET /block%d", i % (3 * TOTALS_CULPRITS_MAX));
		assert_int_equal(totals_add(totals, &node, "GET /waits", culprit, &request, UNIX_NS), 0);
	}
	look();
	sums = sums_of("GET /waits");
	assert_int_equal(sums->loops.count, TOTALS_CULPRITS_MAX);
	assert_string_equal(sums->loops.culprits[0].endpoint, "GET /block0");
	assert_int_equal(sums->loops.culprits[0].delay_ns, 2 * 3 * MS);
	assert_string_equal(sums->loops.culprits[TOTALS_CULPRITS_MAX - 1].endpoint, "(other culprits)");
	for (size_t i = 0; i < sums->loops.count; i++)
		delay_ns += sums->loops.culprits[i].delay_ns;
	assert_int_equal(delay_ns, 2 * 3 * TOTALS_CULPRITS_MAX * 3 * MS);
}

static struct request_call call_of(uint32_t peer, uint64_t start_ns, uint64_t net_ns)
{
	return (struct request_call){.peer = peer, .start_ns = start_ns, .write_ns = start_ns, .net_ns = net_ns};
}

static int by_start(const void *left, const void *right)
{
	const struct request_call *a = left, *b = right;

	return a->start_ns < b->start_ns ? -1 : a->start_ns > b->start_ns;
}

static uint64_t count_of(const struct part_times *times)
{
	uint64_t count = 0;

	for (size_t i = 0; i <= PART_EDGES; i++)
		count += times->counts[i];
	return count;
}

/* Replicas behind one name: a request waits for that name once, however many of them it asks, and no longer than it waits at all. */
static void addresses_of_one_name_are_one_peer(void **state)
{
	struct request_peer peers[] = {{"db:5432", 1, 4 * MS, 4 * MS}, {"cache:6379", 1, 1 * MS, 1 * MS}, {"db:5432", 2, 6 * MS, 6 * MS}};
	/* Two at once, of which the second connects first, and one behind the cache's. */
	const struct request_call calls[] = {
		call_of(0, 1000 * MS, 4 * MS),
		{.peer = 2, .start_ns = 1001 * MS, .connect_ns = 1 * MS, .write_ns = 1003 * MS, .net_ns = 3 * MS},
		call_of(1, 1006 * MS, 1 * MS),
		call_of(2, 1007 * MS, 3 * MS),
	};
	struct request request = request_of(STATE_NET, 10 * MS);
	const struct totals_endpoint *sums;

	(void)state;
	request.peers = peers;
	request.peer_count = 3;
	request.calls = calls;
	request.call_count = 4;
	assert_int_equal(totals_add(totals, &node, "GET /x", NULL, &request, UNIX_NS), 0);
	look();
	sums = sums_of("GET /x");
	assert_int_equal(sums->peer_count, 2);
	assert_string_equal(sums->peers[0].name, "db:5432");
	assert_int_equal(sums->peers[0].calls, 3);
	assert_int_equal(sums->peers[0].net.sum_ns, (5 + 3) * MS);
	assert_int_equal(count_of(&sums->peers[0].net), 1);
	assert_int_equal(sums->peers[1].calls, 1);
	assert_int_equal(sums->peers[1].net.sum_ns, 1 * MS);
}

static void peers_beyond_the_cap_are_one(void **state)
{
	char names[3 * TOTALS_PEERS_MAX][24];
	struct request_peer peers[3 * TOTALS_PEERS_MAX];
	struct request_call calls_made[2 * 3 * TOTALS_PEERS_MAX];
	struct request request = request_of(STATE_NET, 10 * MS);
	const struct totals_peer *rest;
	const struct totals_endpoint *sums;
	uint64_t calls = 0;

	(void)state;
	for (uint32_t i = 0; i < 3 * TOTALS_PEERS_MAX; i++) {
		snprintf(names[i], sizeof(names[i]), "10.0.0.%u:5432", i);
		peers[i] = (struct request_peer){names[i], 2, 4 * MS, 3 * MS};
		calls_made[2 * i] = call_of(i, 1000 * MS, 2 * MS);
		calls_made[2 * i + 1] = call_of(i, 1001 * MS, 2 * MS);
	}
	qsort(calls_made, 2 * 3 * TOTALS_PEERS_MAX, sizeof(calls_made[0]), by_start);
	request.peers = peers;
	request.peer_count = 3 * TOTALS_PEERS_MAX;
	request.calls = calls_made;
	request.call_count = 2 * 3 * TOTALS_PEERS_MAX;
	for (int i = 0; i < 2; i++)
		assert_int_equal(totals_add(totals, &node, "GET /x", NULL, &request, UNIX_NS), 0);
	look();
	sums = sums_of("GET /x");
	assert_int_equal(sums->peer_count, TOTALS_PEERS_MAX);
	assert_string_equal(sums->peers[0].name, "10.0.0.0:5432");
	assert_int_equal(sums->peers[0].net.sum_ns, 2 * 3 * MS);
	rest = &sums->peers[TOTALS_PEERS_MAX - 1];
	assert_string_equal(rest->name, "(other peers)");
	assert_int_equal(rest->net.sum_ns, 2 * 3 * MS);
	assert_int_equal(count_of(&rest->net), 2);
	for (size_t i = 0; i < sums->peer_count; i++)
		calls += sums->peers[i].calls;
	assert_int_equal(calls, 2 * 2 * 3 * TOTALS_PEERS_MAX);
}

static void endpoints_beyond_the_caps_are_one_a_service(void **state)
{
	struct request request = request_of(STATE_NET, 10 * MS);
	uint64_t requests = 0, folded = 0;

	(void)state;
	for (int i = 0; i < 5000; i++) {
		const char *const services[] = {"a:1", "b:2", "c:3", "d:4"};
		char endpoint[32];

		snprintf(endpoint, sizeof(endpoint), "GET /%d", i);
		for (int j = 0; j < 4; j++)
			totals_add(totals, &(struct totals_label){services[j], "", "", ""}, endpoint, NULL, &request, UNIX_NS);
	}
	look();
	assert_int_equal(snapshot->service_count, 4);
	assert_in_range(snapshot->endpoint_count, TOTALS_ROWS_MAX, TOTALS_ROWS_MAX + 4);
	for (size_t i = 0; i < snapshot->endpoint_count; i++) {
		requests += snapshot->endpoints[i].sums->requests;
		if (!strcmp(snapshot->endpoints[i].endpoint, "(other)"))
			folded += snapshot->endpoints[i].sums->requests;
	}
	assert_int_equal(requests, 4 * 5000);
	for (size_t i = 0; i < snapshot->service_count; i++)
		folded -= snapshot->services[i].sums->folded_requests;
	assert_int_equal(folded, 0);
}

static void pods_of_one_service_stay_apart(void **state)
{
	const struct totals_label pods[] = {{"node:8080", "shop", "cart-1", "app"}, {"node:8080", "shop", "cart-2", "app"}};
	struct request request = request_of(STATE_NET, 10 * MS);

	(void)state;
	for (int i = 0; i < 5; i++)
		totals_add(totals, &pods[i % 2], "GET /x", NULL, &request, UNIX_NS);
	totals_add(totals, &node, "GET /x", NULL, &request, UNIX_NS);
	look();
	assert_int_equal(snapshot->service_count, 3);
	assert_string_equal(snapshot->services[1].label.pod, "cart-2");
	assert_string_equal(snapshot->services[1].label.pod_namespace, "shop");
	assert_string_equal(snapshot->services[1].label.container, "app");
	assert_string_equal(snapshot->services[1].label.service, "node:8080");
	assert_string_equal(snapshot->services[2].label.pod, "");
	assert_int_equal(snapshot->endpoints[0].sums->requests, 3);
	assert_int_equal(snapshot->endpoints[1].sums->requests, 2);
	assert_int_equal(snapshot->endpoints[2].sums->requests, 1);
}

/* Pods never come again under their name; what is no pod's is kept for good. */
static void a_pod_that_is_gone_is_forgotten(void **state)
{
	const struct totals_label pod = {"node:8080", "shop", "cart-1", "app"};
	struct request request = request_of(STATE_NET, 10 * MS);
	struct snapshot_process process = node_process();
	uint64_t at_ns = 1000 * MS;

	(void)state;
	for (int i = 0; i < 50; i++) {
		char endpoint[32];

		snprintf(endpoint, sizeof(endpoint), "GET /%d", i);
		totals_add(totals, &pod, endpoint, NULL, &request, UNIX_NS);
		totals_add(totals, &node, endpoint, NULL, &request, UNIX_NS);
	}
	totals_cut(totals, at_ns);
	totals_add_process(totals, &pod, &process);
	for (; at_ns < TOTALS_POD_GONE_NS; at_ns += 1000 * MS)
		totals_cut(totals, at_ns);
	look();
	assert_int_equal(snapshot->service_count, 2);
	assert_int_equal(snapshot->endpoint_count, 100);
	totals_cut(totals, at_ns + 2000 * MS);
	/* The snapshot of before stays whole. */
	assert_string_equal(snapshot->services[0].label.pod, "cart-1");
	assert_string_equal(snapshot->endpoints[98].endpoint, "GET /49");
	look();
	assert_int_equal(snapshot->service_count, 1);
	assert_int_equal(snapshot->endpoint_count, 50);
	assert_string_equal(snapshot->services[0].label.pod, "");
	for (size_t i = 0; i < snapshot->endpoint_count; i++)
		assert_int_equal(snapshot->endpoints[i].sums->requests, 1);
	totals_add(totals, &pod, "GET /7", NULL, &request, UNIX_NS);
	look();
	assert_int_equal(snapshot->endpoint_count, 51);
}

static void services_beyond_the_cap_are_one(void **state)
{
	struct request request = request_of(STATE_NET, 10 * MS);
	uint64_t requests = 0;

	(void)state;
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 300; i++) {
			char pod[32];

			snprintf(pod, sizeof(pod), "pod-%d-%d", round, i);
			totals_add(totals, &(struct totals_label){"node:1", "n", pod, "c"}, "GET /", NULL, &request, UNIX_NS);
		}
		look();
		assert_in_range(snapshot->service_count, 256, 257);
		/* All pods go; what nobody had a place for stays, as nobody knows whose it is. */
		totals_cut(totals, 1000 * MS + (uint64_t)round * TOTALS_POD_GONE_NS * 2);
		totals_cut(totals, 2000 * MS + (uint64_t)round * TOTALS_POD_GONE_NS * 2 + TOTALS_POD_GONE_NS);
		look();
		assert_int_equal(snapshot->service_count, 1);
		assert_string_equal(snapshot->services[0].label.service, "(other)");
	}
	for (size_t i = 0; i < snapshot->endpoint_count; i++)
		requests += snapshot->endpoints[i].sums->requests;
	assert_int_equal(requests, 2 * 44 + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_edge_belongs_to_the_bucket_below_it, open_totals, close_totals),
		cmocka_unit_test_setup_teardown(a_snapshot_does_not_change, open_totals, close_totals),
		cmocka_unit_test_setup_teardown(what_lives_now_is_told_anew_each_window, open_totals, close_totals),
		cmocka_unit_test_setup_teardown(kinds_of_processes_are_told_once_each, open_totals, close_totals),
		cmocka_unit_test_setup_teardown(kinds_beyond_the_cap_are_one, open_totals, close_totals),
		cmocka_unit_test_setup_teardown(no_hook_and_none_that_is_known_of_are_one_kind, open_totals, close_totals),
		cmocka_unit_test_setup_teardown(the_slowest_are_one_in_a_hundred, open_totals, close_totals),
		cmocka_unit_test_setup_teardown(the_slowest_request_is_one_of_the_last_while, open_totals, close_totals),
		cmocka_unit_test_setup_teardown(addresses_of_one_name_are_one_peer, open_totals, close_totals),
		cmocka_unit_test_setup_teardown(peers_beyond_the_cap_are_one, open_totals, close_totals),
		cmocka_unit_test_setup_teardown(culprits_beyond_the_cap_are_one, open_totals, close_totals),
		cmocka_unit_test_setup_teardown(endpoints_beyond_the_caps_are_one_a_service, open_totals, close_totals),
		cmocka_unit_test_setup_teardown(pods_of_one_service_stay_apart, open_totals, close_totals),
		cmocka_unit_test_setup_teardown(a_pod_that_is_gone_is_forgotten, open_totals, close_totals),
		cmocka_unit_test_setup_teardown(services_beyond_the_cap_are_one, open_totals, close_totals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
