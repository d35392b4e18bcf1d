/* SPDX-License-Identifier: BSD-2-Clause */
/* Whose answers come on a connection that several strands use: of tasks and threads of a runtime's own, that a hook tells of. Times in µs.
 */
#include "unit/answers_script.h"

/* Where nothing names a question: answers are handed on in the order in which they came, in a segment each. */
static void test_strands_in_order(void **state)
{
	struct script *script = server_with_request();
	(void)state;

	begin();
	WRITE(script, 1100, MAIN, DB);
	RUNS(script, 1110, MAIN, HANDLER_B, .left = WAIT_POLL);
	READ(script, 1120, MAIN, CLIENT_B, .arrived = 1110, .line = "GET /b");
	WRITE(script, 1200, MAIN, DB);
	RUNS(script, 1210, MAIN, NONE, .left = WAIT_POLL);
	RUNS(script, 8000, MAIN, READER, POLLED(1220, 7990, 1));
	HEARS(script, 8010, MAIN, "+OK\n+OK\n", (3000, 6000), .arrived = 6000);
	WOKEN(script, 8020, MAIN, HANDLER_B);
	WOKEN(script, 8030, MAIN, HANDLER_A);
	RUNS(script, 8040, MAIN, HANDLER_A, .left = WAIT_NET);
	WRITE(script, 8140, MAIN, CLIENT_A, .status = 200);
	RUNS(script, 8150, MAIN, HANDLER_B, .left = WAIT_NET);
	WRITE(script, 8250, MAIN, CLIENT_B, .status = 200);
	script_finish(script);
	assert_int_equal(told_of(script, "GET /a")->state[STATE_NET], 6000 - 1110);
	assert_int_equal(told_of(script, "GET /b")->state[STATE_NET], 3000 - 1210);
	script_close(script);
}

/* A's question was not seen, as nobody else was waiting yet: its answer names nobody, but who is let go on tells. */
static void test_strands_unseen_question(void **state)
{
	struct script *script = server_with_request();
	(void)state;

	begin();
	WRITE(script, 1100, MAIN, DB);
	RUNS(script, 1110, MAIN, HANDLER_B, .left = WAIT_POLL);
	READ(script, 1120, MAIN, CLIENT_B, .arrived = 1110, .line = "GET /b");
	ASKS(script, 1200, MAIN, "Q 18 9\n");
	RUNS(script, 1210, MAIN, NONE, .left = WAIT_POLL);
	RUNS(script, 8000, MAIN, READER, POLLED(1220, 7990, 1));
	HEARS(script, 8010, MAIN, "R 17 ok\nR 18 ok\n", (3000, 6000), .arrived = 6000);
	WOKEN(script, 8020, MAIN, HANDLER_A);
	WOKEN(script, 8030, MAIN, HANDLER_B);
	RUNS(script, 8040, MAIN, HANDLER_A, .left = WAIT_NET);
	WRITE(script, 8140, MAIN, CLIENT_A, .status = 200);
	RUNS(script, 8150, MAIN, HANDLER_B, .left = WAIT_NET);
	WRITE(script, 8250, MAIN, CLIENT_B, .status = 200);
	script_finish(script);
	assert_int_equal(told_of(script, "GET /a")->call_count, 1);
	assert_false(told_of(script, "GET /a")->ambiguous || told_of(script, "GET /b")->ambiguous);
	script_close(script);
}

/* Nobody tells of wake-ups (Java): what was read names whom it was for. */
static void test_strands_by_name(void **state)
{
	struct script *script = server_with_request();
	(void)state;

	begin();
	script_runtime(script, MAIN, RUNTIME_JVM);
	ASKS(script, 1100, MAIN, "Q 17 9\n");
	RUNS(script, 1110, MAIN, HANDLER_B, .left = WAIT_OTHER);
	READ(script, 1120, MAIN, CLIENT_B, .arrived = 1110, .line = "GET /b");
	ASKS(script, 1200, MAIN, "Q 18 9\n");
	RUNS(script, 1210, MAIN, NONE, .left = WAIT_OTHER);
	RUNS(script, 8000, MAIN, READER, POLLED(1220, 7990, 1));
	HEARS(script, 8010, MAIN, "R 18 ok\nR 17 ok\n", (3000, 6000), .arrived = 6000);
	RUNS(script, 8040, MAIN, HANDLER_A, .left = WAIT_NET);
	WRITE(script, 8140, MAIN, CLIENT_A, .status = 200);
	RUNS(script, 8150, MAIN, HANDLER_B, .left = WAIT_NET);
	WRITE(script, 8250, MAIN, CLIENT_B, .status = 200);
	script_finish(script);
	assert_int_equal(told_of(script, "GET /a")->state[STATE_NET], 6000 - 1110);
	assert_int_equal(told_of(script, "GET /b")->state[STATE_NET], 3000 - 1210);
	script_close(script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_strands_in_order),
		cmocka_unit_test(test_strands_unseen_question),
		cmocka_unit_test(test_strands_by_name),
	};

	return cmocka_run_group_tests_name("engine, answers to strands", tests, NULL, NULL);
}
