/* SPDX-License-Identifier: BSD-2-Clause */
/* Who made a strand, where the hook learns it late, or by two ways: rule 15. Times in µs. */
#include "unit/strand_script.h"

/* A hook that knows a strand's maker only when it runs. */
static void test_parent_told_late(void **state)
{
	struct script *script = server_with_request();
	(void)state;

	RUNS(script, 1100, MAIN, CHILD, .left = WAIT_OTHER, .parent = HANDLER_A);
	RUNS(script, 3100, MAIN, HANDLER_A, .left = WAIT_OTHER, .flags = RECORD_STRAND_ENDED);
	WRITE(script, 3200, MAIN, CLIENT_A, .status = 200);
	script_finish(script);
	assert_int_equal(told_of(script, "GET /a")->cpu_time, 10 + 90 + 2000 + 100);
	script_close(script);
}

/* Whoever ran as its id was taken seemed to be its maker, until the runtime itself said who is. */
static void test_runtime_knows_better(void **state)
{
	struct script *script = server_with_request();
	(void)state;

	RUNS(script, 1100, CARRIER, HANDLER_B);
	READ(script, 1110, CARRIER, CLIENT_B, .arrived = 1100, .line = "GET /b");
	MADE(script, 1200, CARRIER, CHILD);
	RUNS(script, 1300, MAIN, CHILD, .left = WAIT_OTHER, .parent = HANDLER_A);
	RUNS(script, 3300, MAIN, HANDLER_A, .left = WAIT_OTHER, .flags = RECORD_STRAND_ENDED);
	WRITE(script, 3400, MAIN, CLIENT_A, .status = 200);
	WRITE(script, 3500, CARRIER, CLIENT_B, .status = 200);
	script_finish(script);
	assert_int_equal(told_of(script, "GET /a")->cpu_time, 10 + 290 + 2000 + 100);
	assert_int_equal(told_of(script, "GET /b")->cpu_time, 10 + 90 + 2300);
	script_close(script);
}

/* The runtime names the same one as was seen; but that has answered since, and works for its next request when the child runs first. */
static void test_maker_goes_on(void **state)
{
	struct script *script = server_with_request();
	struct process sum;
	(void)state;

	MADE(script, 1100, MAIN, CHILD);
	WRITE(script, 1200, MAIN, CLIENT_A, .status = 200);
	READ(script, 1300, MAIN, CLIENT_A, .arrived = 1290, .line = "GET /next");
	RUNS(script, 1400, CARRIER, CHILD, .left = WAIT_OTHER, .parent = HANDLER_A);
	RUNS(script, 3400, CARRIER, NONE, .left = WAIT_OTHER, .flags = RECORD_STRAND_ENDED);
	WRITE(script, 3500, MAIN, CLIENT_A, .status = 200);
	sum = script_finish(script);
	assert_int_equal(told_of(script, "GET /next")->cpu_time, 2200);
	assert_int_equal(sum.after_response_cpu_ns, (100 + 2000) * US);
	script_close(script);
}

/* Another one was seen than the runtime names, and that one is not known to work for anybody: so it is not the former's. */
static void test_named_by_nobody(void **state)
{
	struct script *script = server_with_request();
	struct process sum;
	(void)state;

	MADE(script, 1100, MAIN, CHILD);
	RUNS(script, 1400, CARRIER, CHILD, .parent = OTHER_CHILD);
	RUNS(script, 3400, CARRIER, NONE, .left = WAIT_OTHER, .flags = RECORD_STRAND_ENDED);
	WRITE(script, 3500, MAIN, CLIENT_A, .status = 200);
	sum = script_finish(script);
	assert_int_equal(told_of(script, "GET /a")->cpu_time, 10 + 2490);
	assert_int_equal(sum.background_cpu_ns, 2000 * US);
	script_close(script);
}

/* A maker that is told late, of several at once: one that has begun already, and one that has not. */
static void test_made_in_a_row(void **state)
{
	struct script *script = server_with_request();
	struct process sum;
	(void)state;

	RUNS(script, 1100, CARRIER, CHILD);
	MADE(script, 1200, MAIN, CHILD, .left = OTHER_CHILD - CHILD + 1); /* here: how many */
	RUNS(script, 1300, MAIN, NONE, .left = WAIT_OTHER);
	RUNS(script, 1500, CARRIER, OTHER_CHILD, .left = WAIT_OTHER, .flags = RECORD_STRAND_ENDED);
	RUNS(script, 2100, CARRIER, NONE, .left = WAIT_OTHER, .flags = RECORD_STRAND_ENDED);
	RUNS(script, 2200, MAIN, HANDLER_A);
	WRITE(script, 2300, MAIN, CLIENT_A, .status = 200);
	sum = script_finish(script);
	assert_int_equal(told_of(script, "GET /a")->cpu_time, 10 + 290 + 400 + 600 + 100);
	assert_int_equal(sum.unattributed_cpu_ns, 2 * 900 * US);
	script_close(script);
}

/*
 * It asked for somebody before the trace, and is given something by A. What it asks then over its own connection is A's; if it answers
 * somebody, it is a handler, and what it was given was leave to go on.
 */
static void test_known_late(void **state)
{
	(void)state;

	for (int servant = 0; servant < 2; servant++) {
		struct script *script = server_with_request();

		RUNS(script, 1100, CARRIER, WRITER);
		WRITE(script, 1200, CARRIER, CACHE);
		RUNS(script, 1210, CARRIER, NONE, .left = WAIT_PIPE);
		WOKEN(script, 1300, MAIN, WRITER);
		RUNS(script, 1310, CARRIER, WRITER, .left = WAIT_PIPE);
		RUNS(script, 1310, MAIN, NONE, .left = WAIT_PIPE);
		WRITE(script, 1510, CARRIER, servant ? CACHE : CLIENT_B);
		if (servant)
			WOKEN(script, 1600, CARRIER, HANDLER_A);
		RUNS(script, 1610, CARRIER, NONE, .left = WAIT_PIPE);
		RUNS(script, 1620, MAIN, HANDLER_A, .left = WAIT_PIPE);
		WRITE(script, 1700, MAIN, CLIENT_A, .status = 200);
		script_finish(script);
		assert_int_equal(told_of(script, "GET /a")->cpu_time, 10 + 300 + 80 + (servant ? 200 + 100 : 0));
		assert_false(told_of(script, "GET /a")->ambiguous);
		script_close(script);
	}
}

/*
 * A connection that all ask on, one after the other: B, the first to do so, lets CHILD go on, which is A's, and waited for its turn to ask.
 * Nobody has been answered there yet.
 */
static void test_child_asks_behind_another_request(void **state)
{
	struct script *script = server_with_request();
	(void)state;

	MADE(script, 1020, MAIN, CHILD);
	RUNS(script, 1030, CARRIER, HANDLER_B);
	READ(script, 1040, CARRIER, CLIENT_B, .arrived = 1020, .line = "GET /b");
	RUNS(script, 1050, MAIN, CHILD, .left = WAIT_POLL);
	RUNS(script, 1060, MAIN, NONE, .left = WAIT_PIPE);
	WRITE(script, 1200, CARRIER, DB);
	WOKEN(script, 1210, CARRIER, CHILD);
	RUNS(script, 1220, CARRIER, CHILD, .left = WAIT_POLL);
	WRITE(script, 1300, CARRIER, DB);
	RUNS(script, 1310, CARRIER, NONE, .left = WAIT_POLL);
	RUNS(script, 5010, CARRIER, READER, POLLED(1320, 5000, 1));
	READ(script, 5020, CARRIER, DB, .arrived = 4990);
	WOKEN(script, 5030, CARRIER, HANDLER_B);
	WOKEN(script, 5040, CARRIER, CHILD);
	RUNS(script, 5050, CARRIER, HANDLER_B, .left = WAIT_NET);
	WRITE(script, 5150, CARRIER, CLIENT_B, .status = 200);
	RUNS(script, 5160, CARRIER, CHILD, .left = WAIT_NET);
	WOKEN(script, 5170, CARRIER, HANDLER_A);
	RUNS(script, 5180, CARRIER, HANDLER_A, .left = WAIT_POLL);
	WRITE(script, 5280, CARRIER, CLIENT_A, .status = 200);
	script_finish(script);
	assert_int_equal(told_of(script, "GET /a")->call_count, 1);
	assert_int_equal(told_of(script, "GET /b")->call_count, 1);
	assert_false(told_of(script, "GET /a")->ambiguous || told_of(script, "GET /b")->ambiguous);
	script_close(script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_late),
		cmocka_unit_test(test_parent_told_late),
		cmocka_unit_test(test_runtime_knows_better),
		cmocka_unit_test(test_maker_goes_on),
		cmocka_unit_test(test_named_by_nobody),
		cmocka_unit_test(test_made_in_a_row),
		cmocka_unit_test(test_child_asks_behind_another_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
