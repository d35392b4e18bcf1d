/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "export/json.h"
#include "unit/fixture_stats.h"
#include "util/json_out.h"

static const struct snapshot_loss losses[] = {{"records", 0}, {"late writes", 2}};

static char *request_text(const struct request *request, const char *endpoint)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_int_equal(json_print_request(out, request, "node:8080", endpoint, 5000), 0);
	fclose(out);
	return text;
}

static void assert_begins(const char *text, const char *beginning)
{
	if (strncmp(text, beginning, strlen(beginning)))
		fail_msg("%s\ndoes not begin with %s", text, beginning);
}

/* One line, which a parser that is not ours takes, and which has the keys, types and sums of the contract. Frees the text. */
static void assert_keeps_contract(char *text, const char *kind)
{
	char command[64];
	FILE *checker;

	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
	snprintf(command, sizeof(command), "/usr/bin/python3 tests/unit/json_contract.py %s", kind);
	checker = popen(command, "w");
	assert_non_null(checker);
	fputs(text, checker);
	assert_int_equal(pclose(checker), 0);
	free(text);
}

static void a_snapshot_keeps_the_contract(void **state)
{
	struct snapshot_process process = node_process();
	struct snapshot_frame frame = frame_of(&process, 1, losses, 2);
	struct stats *stats = stats_open(100);

	(void)state;
	assert_keeps_contract(exported_text(json_print_snapshot, stats, &frame), "snapshot");
	add_sample(stats);
	assert_keeps_contract(exported_text(json_print_snapshot, stats, &frame), "snapshot");
	stats_close(stats);
}

static void figures_are_exact(void **state)
{
	struct snapshot_process process = node_process();
	struct snapshot_frame frame = frame_of(&process, 1, losses, 2);
	struct stats *stats = stats_open(100);
	char *text;

	(void)state;
	add_sample(stats);
	stats_add_lock_wait(stats, "node:8080", "GET /users/:id", "POST /resize", 3 * MS);
	text = exported_text(json_print_snapshot, stats, &frame);
	assert_begins(text, "{\"schema\":\"iocpu-trace/1\",\"tool\":{\"version\":\"0.1.0\",\"cost\":");
	assert_non_null(strstr(text, "{\"kernel_ns\":3000000,\"user_cpu_ns\":1000000,\"share_of_core\":0.004}"));
	assert_non_null(strstr(text, "\"lost\":{\"records\":0,\"late_writes\":2}"));
	assert_non_null(strstr(text, "\"window\":{\"start_unix_ns\":1700000000000000000,\"duration_ns\":1000000000}"));
	assert_non_null(strstr(text, "\"core_use\":[{\"core\":0,\"share\":0.88},{\"core\":1,\"share\":0.03}]"));
	assert_non_null(strstr(text, "\"in_flight_mean\":30.2,\"on_cpu_mean\":0.91,\"loop_busy_share\":0.93"));
	assert_non_null(strstr(text, "\"net\":{\"mean\":46500000,\"p50\":46500000,\"p99\":46500000}"));
	assert_non_null(strstr(text, "\"io_share\":0.645833,\"cpu_share\":0.0152778,\"io_cpu_ratio\":42.2727"));
	assert_non_null(
		strstr(text, "{\"peer\":\"127.0.0.1:5432\",\"calls_mean\":5,\"net_mean_ns\":42315000,\"net_union_mean_ns\":42315000}"));
	assert_non_null(strstr(text, "\"culprits\":[{\"endpoint\":\"POST /resize\",\"delayed_requests\":124,\"loop_ns\":2480000000}]"));
	assert_non_null(strstr(text, "\"locks\":[{\"holder\":\"POST /resize\",\"waits\":1,\"lock_ns\":3000000}]"));
	assert_non_null(strstr(text, "\"locks\":[]"));
	assert_non_null(strstr(text, "\"verdict\":\"io-bound\",\"verdict_text\":\"I/O-bound: 127.0.0.1:5432 is 91% of NET\"}"));
	free(text);
	stats_close(stats);
}

static void what_is_not_known_is_null(void **state)
{
	struct snapshot_process process = node_process();
	struct snapshot_frame frame = frame_of(&process, 1, losses, 2);
	struct stats *stats = stats_open(100);
	struct request request = request_of(STATE_NET, MS);
	char *text;

	(void)state;
	process.now.model = process.service = NULL;
	process.now.runtime = 0;
	process.in_flight_mean = process.on_core_mean = process.loop_busy_share = -1;
	frame.tool_kernel_ns = UNKNOWN_NS;
	request.aborted = true;
	request.ttfb_ns = 0;
	stats_add(stats, "s", "e", NULL, &request);
	text = exported_text(json_print_snapshot, stats, &frame);
	assert_non_null(strstr(text, "\"kernel_ns\":null,\"user_cpu_ns\":1000000,\"share_of_core\":null"));
	assert_non_null(strstr(text, "\"service\":null,\"runtime\":null,\"hook\":null,\"model\":null"));
	assert_non_null(strstr(text, "\"in_flight_mean\":null,\"on_cpu_mean\":null,\"loop_busy_share\":null"));
	assert_non_null(strstr(text, "\"ttfb_ns\":{\"mean\":null,\"p50\":null,\"p90\":null,\"p99\":null,\"max\":null}"));
	assert_non_null(strstr(text, "\"io_cpu_ratio\":null"));
	assert_keeps_contract(text, "snapshot");
	stats_close(stats);
}

/* What is hooked, why nothing is, and what would tell more where requests are ambiguous. */
static void a_process_tells_of_its_hook(void **state)
{
	static const struct {
		uint8_t runtime;
		bool told;
		enum hook_state hook;
		const char *hook_says;
		const char *says, *missing;
	} cases[] = {
		{RUNTIME_GO, true, HOOK_ON, "go1.24: …", "\"runtime\":\"go\",\"hook\":{\"on\":true,\"says\":\"go1.24: …\"}", "null"},
		{RUNTIME_GO, false, HOOK_REFUSED, "off: go1.17: …", "\"hook\":{\"on\":false,\"says\":\"off: go1.17: …\"}",
		 "\"Go's scheduler\""},
		{RUNTIME_JVM, false, HOOK_UNASKED, "off: --hooks off",
		 "\"runtime\":\"jvm\",\"hook\":{\"on\":false,\"says\":\"off: --hooks off\"}", "\"the JVM's virtual threads\""},
		{RUNTIME_RUST, true, HOOK_UNKNOWN, NULL, "\"runtime\":\"rust\",\"hook\":{\"on\":true,\"says\":null}", "null"},
		{RUNTIME_PYTHON, false, HOOK_UNKNOWN, NULL, "\"runtime\":\"python\",\"hook\":null", "\"asyncio's loop\""},
		{RUNTIME_PYTHON, true, HOOK_REFUSED, "off: Python 3.11: …", "\"hook\":{\"on\":false,\"says\":\"off: Python 3.11: …\"}",
		 "\"asyncio's loop\""},
		{RUNTIME_NODE, false, HOOK_ABSENT, NULL, "\"runtime\":\"node\",\"hook\":null", "null"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct snapshot_process process = node_process();
		struct snapshot_frame frame = frame_of(&process, 1, losses, 2);
		struct stats *stats = stats_open(100);
		char *text, missing[128];

		process.now.runtime = cases[i].runtime;
		process.now.strands_told = cases[i].told;
		process.now.ambiguous_requests = 3;
		process.hook = cases[i].hook;
		process.hook_says = cases[i].hook_says;
		text = exported_text(json_print_snapshot, stats, &frame);
		assert_non_null(strstr(text, cases[i].says));
		snprintf(missing, sizeof(missing), "\"ambiguous_requests\":3,\"missing_hook\":%s,", cases[i].missing);
		assert_non_null(strstr(text, missing));
		assert_keeps_contract(text, "snapshot");
		stats_close(stats);
	}
}

/* Nothing is in doubt: nothing is missing. */
static void no_hook_is_missing_without_doubts(void **state)
{
	struct snapshot_process process = node_process();
	struct snapshot_frame frame = frame_of(&process, 1, losses, 2);
	struct stats *stats = stats_open(100);
	char *text;

	(void)state;
	process.now.runtime = RUNTIME_GO;
	text = exported_text(json_print_snapshot, stats, &frame);
	assert_non_null(strstr(text, "\"ambiguous_requests\":0,\"missing_hook\":null,"));
	free(text);
	stats_close(stats);
}

static void doubts_are_a_share_of_the_endpoint(void **state)
{
	struct snapshot_frame frame = frame_of(NULL, 0, losses, 2);
	struct stats *stats = stats_open(100);
	struct request request = request_of(STATE_CPU, MS);
	char *text;

	(void)state;
	for (int i = 0; i < 4; i++) {
		request.ambiguous = i == 0;
		stats_add(stats, "s", "e", NULL, &request);
	}
	text = exported_text(json_print_snapshot, stats, &frame);
	assert_non_null(strstr(text, "\"ambiguous_requests\":1,\"ambiguous_share\":0.25,"));
	assert_keeps_contract(text, "snapshot");
	stats_close(stats);
}

static void a_request_keeps_the_contract(void **state)
{
	const struct request_call calls[] = {
		{.peer = 1, .start_ns = 1001 * MS, .write_ns = 1001 * MS, .net_ns = 6 * MS, .loop_ns = 2 * MS},
		{.peer = 0, .start_ns = 999 * MS, .write_ns = 999 * MS, .net_ns = 1 * MS},
	};
	const uint32_t threads[] = {4121, 4125};
	struct request_peer peers[2];
	struct request request = users_request(peers);
	char *text;

	(void)state;
	request.calls = calls;
	request.call_count = 2;
	request.threads = threads;
	request.thread_count = 2;
	text = request_text(&request, "GET /users/:id");
	assert_begins(text, "{\"id\":\"9f3a61-7\",\"service\":\"node:8080\",\"endpoint\":\"GET /users/:id\",\"target\":\"/users/17\","
			    "\"status\":200,\"pid\":4121,\"start_unix_ns\":1000005000,\"wall_ns\":72000000,");
	assert_non_null(strstr(text, "\"threads\":[4121,4125],"));
	/* From the start of the request; a call that was under way already began before it. */
	assert_non_null(strstr(text, "{\"peer\":\"127.0.0.1:5432\",\"start_ns\":1000000,\"net_ns\":6000000,\"loop_ns\":2000000}"));
	assert_non_null(strstr(text, "{\"peer\":\"127.0.0.1:6379\",\"start_ns\":-1000000,"));
	assert_keeps_contract(text, "request");
	request.status = 0;
	request.target = NULL;
	request.aborted = true;
	request.ttfb_ns = 0;
	request.ambiguous = true;
	text = request_text(&request, ":8080");
	assert_non_null(strstr(text, "\"target\":null,\"status\":null,"));
	assert_non_null(strstr(text, "\"ttfb_ns\":null,"));
	assert_non_null(strstr(text, "\"ambiguous\":true}"));
	assert_keeps_contract(text, "request");
}

/* Quotes, backslashes, controls of both sets, half a character: the parser must take it, and a terminal survive it. */
static void strings_are_escaped(void **state)
{
	struct request request = request_of(STATE_CPU, MS);
	char *text = request_text(&request, "GET /\"a\\b\"\n\x1b[2J\xc2\x9b\xff\xe6\x97é日");

	(void)state;
	assert_non_null(strstr(text, "\"endpoint\":\"GET /\\u0022a\\u005cb\\u0022\\u000a\\u001b[2J\\u009b\\ufffd\\ufffd\\ufffdé日\""));
	assert_keeps_contract(text, "request");
}

static void numbers_keep_their_form(void **state)
{
	char *text = NULL;
	size_t size = 0;
	struct json_out json = {.out = open_memstream(&text, &size)};

	(void)state;
	json_begin(&json, NULL, '[');
	json_integer(&json, NULL, UINT64_MAX);
	json_signed(&json, NULL, INT64_MIN);
	json_real(&json, NULL, 1.0 / 3);
	json_real(&json, NULL, 1e-9);
	json_real(&json, NULL, (double)NAN);
	json_real(&json, NULL, (double)-INFINITY);
	json_bool(&json, NULL, false);
	json_begin(&json, NULL, '{');
	json_end(&json, '}');
	json_string(&json, NULL, "");
	json_end(&json, ']');
	assert_int_equal(json_finish(&json), 0);
	fclose(json.out);
	assert_string_equal(text, "[18446744073709551615,-9223372036854775808,0.333333,1e-09,null,null,false,{},\"\"]\n");
	free(text);
}

static void a_full_disk_is_an_error(void **state)
{
	struct snapshot_frame frame = frame_of(NULL, 0, losses, 2);
	struct stats *stats = stats_open(100);
	struct request request = request_of(STATE_CPU, MS);
	const struct snapshot *snapshot;
	FILE *full = fopen("/dev/full", "w");

	(void)state;
	/* More than the stream's buffer holds: the write that fails is not the last one. */
	for (int i = 0; i < 100; i++) {
		char name[32];

		snprintf(name, sizeof(name), "GET /%d", i);
		stats_add(stats, "s", name, NULL, &request);
	}
	snapshot = stats_snapshot(stats, &frame);
	assert_int_equal(json_print_snapshot(full, snapshot), -ENOSPC);
	assert_int_equal(json_print_request(full, &request, "s", "e", 0), -ENOSPC);
	fclose(full);
	stats_snapshot_close(snapshot);
	stats_close(stats);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_snapshot_keeps_the_contract),     cmocka_unit_test(figures_are_exact),
		cmocka_unit_test(what_is_not_known_is_null),         cmocka_unit_test(a_process_tells_of_its_hook),
		cmocka_unit_test(no_hook_is_missing_without_doubts), cmocka_unit_test(doubts_are_a_share_of_the_endpoint),
		cmocka_unit_test(a_request_keeps_the_contract),      cmocka_unit_test(strings_are_escaped),
		cmocka_unit_test(numbers_keep_their_form),           cmocka_unit_test(a_full_disk_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
