/* SPDX-License-Identifier: BSD-2-Clause */
/* Streams beside requests: their sums, and how they are shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "export/json.h"
#include "export/metrics.h"
#include "unit/fixture_totals.h"
#include "view/table.h"

#define CHAT "GET /chat"

static const struct snapshot_loss losses[] = {{"records", 0}, {"late writes", 0}};

/* A request that opens one, in 5 ms. */
static struct request opener(void)
{
	struct request request = request_of(STATE_CPU, 5 * MS);

	request.method = "GET";
	request.target = "/chat";
	request.status = 101;
	request.opens = WIRE_WEBSOCKET;
	return request;
}

/* 40 messages came, 360 went out; that took 8 ms of CPU. */
static struct stream traffic(const struct request *request)
{
	return (struct stream){.opener = request,
			       .kind = WIRE_WEBSOCKET,
			       .reads = 40,
			       .writes = 360,
			       .read_bytes = 4000,
			       .written_bytes = 72000,
			       .cpu_ns = 8 * MS};
}

/* Three are opened, one of them ends after 12.5 s. */
static void add_streams(struct stats *stats)
{
	struct request request = opener();
	struct stream stream = traffic(&request),
		      end = {.opener = &request, .kind = WIRE_WEBSOCKET, .ended = true, .lasted_ns = 12500 * MS};

	for (int i = 0; i < 3; i++)
		assert_int_equal(stats_add(stats, "node:8080", CHAT, NULL, &request), 0);
	assert_int_equal(stats_add_stream(stats, "node:8080", CHAT, &stream), 0);
	assert_int_equal(stats_add_stream(stats, "node:8080", CHAT, &end), 0);
}

static const struct snapshot *snapshot_of(const struct stats *stats)
{
	struct snapshot_frame frame = frame_of(NULL, 0, losses, 2);
	const struct snapshot *snapshot = stats_snapshot(stats, &frame);

	assert_non_null(snapshot);
	return snapshot;
}

static char *table_of(const struct stats *stats, const struct snapshot_frame *frame, const struct table_options *options)
{
	const struct snapshot *snapshot = stats_snapshot(stats, frame);
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_int_equal(table_print(out, snapshot, options), 0);
	fclose(out);
	stats_snapshot_close(snapshot);
	return text;
}

/* A page at the same address is a request of its own; what opens a stream is none. */
static void they_are_no_requests(void **state)
{
	struct stats *stats = stats_open(100);
	struct request page = request_of(STATE_CPU, 20 * MS);
	const struct snapshot *snapshot;

	(void)state;
	add_streams(stats);
	stats_add(stats, "node:8080", CHAT, NULL, &page);
	snapshot = snapshot_of(stats);
	assert_int_equal(snapshot->requests, 1);
	assert_int_equal(snapshot->endpoint_count, 1);
	assert_int_equal(snapshot->endpoints[0].wall.max, 20 * MS);
	assert_int_equal(snapshot->stream_count, 1);
	assert_string_equal(snapshot->streams[0].endpoint, CHAT);
	assert_int_equal(snapshot->streams[0].kind, WIRE_WEBSOCKET);
	assert_int_equal(snapshot->streams[0].open, 2);
	assert_int_equal(snapshot->streams[0].opened, 3);
	assert_int_equal(snapshot->streams[0].ended, 1);
	assert_int_equal(snapshot->streams[0].opening.mean, 5 * MS);
	assert_int_equal(snapshot->streams[0].lasted.mean, 12500 * MS);
	assert_int_equal(snapshot->streams[0].writes, 360);
	stats_snapshot_close(snapshot);
	stats_close(stats);
}

/* A window forgets what happened, not what is open; the total of all windows agrees with the last one on that. */
static void what_is_open_outlives_windows(void **state)
{
	struct stats *window = stats_open(100), *total = stats_open(100);
	struct request request = opener();
	struct stream end = {.opener = &request, .kind = WIRE_WEBSOCKET, .ended = true, .lasted_ns = 1000 * MS};
	const struct snapshot *snapshot;

	(void)state;
	add_streams(window);
	assert_int_equal(stats_merge(total, window), 0);
	stats_clear(window);
	snapshot = snapshot_of(window);
	assert_int_equal(snapshot->streams[0].open, 2);
	assert_int_equal(snapshot->streams[0].opened + snapshot->streams[0].ended + snapshot->streams[0].reads, 0);
	assert_int_equal(snapshot->streams[0].lasted.mean, UNKNOWN_NS);
	stats_snapshot_close(snapshot);
	stats_add_stream(window, "node:8080", CHAT, &end);
	assert_int_equal(stats_merge(total, window), 0);
	stats_clear(window);
	stats_add_stream(window, "node:8080", CHAT, &end);
	assert_int_equal(stats_merge(total, window), 0);
	stats_clear(window);
	snapshot = snapshot_of(window);
	assert_int_equal(snapshot->stream_count, 0);
	stats_snapshot_close(snapshot);
	snapshot = snapshot_of(total);
	assert_int_equal(snapshot->streams[0].open, 0);
	assert_int_equal(snapshot->streams[0].opened, 3);
	assert_int_equal(snapshot->streams[0].ended, 3);
	assert_in_range(snapshot->streams[0].lasted.p50, 1000 * MS, 1010 * MS);
	assert_int_equal(snapshot->streams[0].cpu_ns, 8 * MS);
	stats_snapshot_close(snapshot);
	stats_close(window);
	stats_close(total);
}

static void the_table_has_a_row_for_them(void **state)
{
	static const char expected[] =
		"\n"
		"STREAM                 OPEN NEW/S  IN/S OUT/S CPU% CPU ms END/S LASTED s OPENING ms IN KB/S OUT KB/S\n"
		"GET /chat (websocket)     2   3.0  40.0   360 0.80  0.020   1.0     12.5       5.00     4.0     72.0\n";
	struct snapshot_process process = node_process();
	struct snapshot_frame frame;
	struct stats *stats = stats_open(100);
	char *text;

	(void)state;
	process.now.background_cpu_ns = 12 * MS;
	process.now.stream_cpu_ns = 8 * MS;
	process.now.setup_cpu_ns = 0;
	process.now.unattributed_cpu_ns = 1 * MS;
	frame = frame_of(&process, 1, losses, 2);
	add_sample(stats);
	add_streams(stats);
	text = table_of(stats, &frame, &(struct table_options){0});
	if (!strstr(text, expected))
		fail_msg("%s", text);
	assert_non_null(strstr(
		text, "97.6% in requests (0.6% after the response), 0.8% in streams, 1.1% runtime (GC, JIT, scheduler), 0.4% background"));
	assert_non_null(strstr(text, "0.40% of one core, caused by no request: timers, consumers\n"));
	free(text);
	text = table_of(stats, &frame, &(struct table_options){.width = 46});
	assert_non_null(strstr(text, "\nSTREAM             OPEN NEW/S  IN/S OUT/S CPU%\nGET /chat (webso…     2   3.0  40.0   360 0.80\n"));
	free(text);
	stats_close(stats);
}

/* A server of streams alone is not one that waits for its first request. */
static void they_may_be_all_there_is(void **state)
{
	struct snapshot_process process = node_process();
	struct snapshot_frame frame = frame_of(&process, 1, losses, 2);
	struct stats *stats = stats_open(100);
	char *text;

	(void)state;
	add_streams(stats);
	text = table_of(stats, &frame, &(struct table_options){0});
	assert_non_null(strstr(text, "GET /chat (websocket)"));
	assert_null(strstr(text, "waiting for"));
	assert_null(strstr(text, "ENDPOINT"));
	free(text);
	stats_close(stats);
}

static void json_keeps_the_contract(void **state)
{
	struct snapshot_process process = node_process();
	struct snapshot_frame frame = frame_of(&process, 1, losses, 2);
	struct stats *stats = stats_open(100);
	char *text;
	FILE *checker;

	(void)state;
	add_streams(stats);
	text = exported_text(json_print_snapshot, stats, &frame);
	assert_non_null(strstr(text, "\"streams\":[{\"service\":\"node:8080\",\"endpoint\":\"GET /chat\",\"kind\":\"websocket\",\"open\":2,"
				     "\"opened\":3,\"ended\":1,\"opening_ns\":{\"mean\":5000000,"));
	assert_non_null(strstr(text, "\"reads\":40,\"writes\":360,\"read_bytes\":4000,\"written_bytes\":72000,\"cpu_ns\":8000000}]"));
	checker = popen("/usr/bin/python3 tests/unit/json_contract.py snapshot", "w");
	assert_non_null(checker);
	fputs(text, checker);
	assert_int_equal(pclose(checker), 0);
	free(text);
	stats_close(stats);
}

static void metrics_count_them(void **state)
{
	static const char *const lines[] = {
		"iocpu_streams_open{service=\"node:8080\",endpoint=\"GET /chat\",kind=\"websocket\"} 1\n",
		"iocpu_streams_opened_total{service=\"node:8080\",endpoint=\"GET /chat\",kind=\"websocket\"} 2\n",
		"iocpu_streams_ended_total{service=\"node:8080\",endpoint=\"GET /chat\",kind=\"websocket\"} 1\n",
		"iocpu_streams_ended_seconds_total{service=\"node:8080\",endpoint=\"GET /chat\",kind=\"websocket\"} 12.5\n",
		"iocpu_stream_messages_total{service=\"node:8080\",endpoint=\"GET /chat\",direction=\"in\"} 40\n",
		"iocpu_stream_messages_total{service=\"node:8080\",endpoint=\"GET /chat\",direction=\"out\"} 360\n",
		"iocpu_stream_bytes_total{service=\"node:8080\",endpoint=\"GET /chat\",direction=\"in\"} 4000\n",
		"iocpu_stream_bytes_total{service=\"node:8080\",endpoint=\"GET /chat\",direction=\"out\"} 72000\n",
		"iocpu_stream_cpu_seconds_total{service=\"node:8080\",endpoint=\"GET /chat\",kind=\"websocket\"} 0.008\n",
	};
	struct request request = opener();
	struct stream stream = traffic(&request);
	struct totals *totals = totals_open();
	struct totals_frame frame = totals_frame();
	const struct totals_snapshot *snapshot;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	for (int i = 0; i < 2; i++)
		assert_int_equal(totals_add(totals, &node, CHAT, NULL, &request, UNIX_NS), 0);
	stream.ended = true;
	stream.lasted_ns = 12500 * MS;
	assert_int_equal(totals_add_stream(totals, &node, CHAT, &stream), 0);
	snapshot = totals_snapshot(totals, &frame);
	assert_int_equal(metrics_print(out, snapshot, METRICS_PROMETHEUS), 0);
	fclose(out);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (!strstr(text, lines[i]))
			fail_msg("%s is not in\n%s", lines[i], text);
	assert_null(strstr(text, "iocpu_requests_total{"));
	free(text);
	totals_snapshot_close(snapshot);
	totals_close(totals);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(they_are_no_requests),         cmocka_unit_test(what_is_open_outlives_windows),
		cmocka_unit_test(the_table_has_a_row_for_them), cmocka_unit_test(they_may_be_all_there_is),
		cmocka_unit_test(json_keeps_the_contract),      cmocka_unit_test(metrics_count_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
