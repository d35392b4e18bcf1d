/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules 11 and 13: loops whose work takes several rounds. Neither what was read last nor what was read alone tells whose it is. Times in
 * µs. */
#include "unit/loop_script.h"

/*
 * A's work goes on some rounds after its answer, and is answered right after B was read: both are marked. Where that is often so, all are
 * that the loop answers, also who seems to be answered at once; not any more where it is not.
 */
static void test_answered_in_others_turns(void **state)
{
	struct script *script = server();
	(void)state;

	READ(script, 110, LOOP, CLIENT_A, SLEPT(10, 100, 1), .line = "GET /a");
	WRITE(script, 120, LOOP, DB);
	READ(script, 1010, LOOP, DB, SLEPT(130, 1000, 1));
	for (uint64_t at = 1100; at < 1150; at += 10)
		WINDOW(script, at, LOOP, .epoll = at - 5);
	READ(script, 1210, LOOP, CLIENT_B, .epoll = 1205, .events = 1, .arrived = 1200, .line = "GET /b");
	WRITE(script, 3210, LOOP, CLIENT_A, .status = 200);
	WRITE(script, 3220, LOOP, CLIENT_B, .status = 200);
	READ(script, 4010, LOOP, CLIENT_C, SLEPT(3230, 4000, 1), .line = "GET /c");
	WRITE(script, 4110, LOOP, CLIENT_C, .status = 200);
	READ(script, 5010, LOOP, CLIENT_C, SLEPT(4120, 5000, 1), .line = "GET /next");
	for (uint64_t at = 6000; at < 10000; at += 1000) {
		READ(script, at + 10, LOOP, CLIENT_D, SLEPT(at - 490, at, 1), .line = "GET /more");
		WRITE(script, at + 500, LOOP, CLIENT_D, .status = 200);
	}
	READ(script, 10010, LOOP, CLIENT_D, SLEPT(9510, 10000, 1), .line = "GET /last");
	WRITE(script, 10500, LOOP, CLIENT_D, .status = 200);
	script_finish(script);
	assert_true(told_of(script, "GET /a")->ambiguous);
	assert_true(told_of(script, "GET /b")->ambiguous);
	assert_true(told_of(script, "GET /c")->ambiguous);
	assert_false(told_of(script, "GET /last")->ambiguous);
	script_close(script);
}

/* Of a loop that collects its writes: a round in which one thing was read is not all for that, if the loop had not slept before it. */
static void test_read_alone_in_a_busy_loop(void **state)
{
	struct script *script = server();
	struct process sum;
	(void)state;

	READ(script, 1010, LOOP, CLIENT_A, SLEPT(10, 1000, 2), .line = "GET /a");
	READ(script, 1020, LOOP, CLIENT_B, .arrived = 1000, .line = "GET /b");
	WRITE(script, 1030, LOOP, CLIENT_A, .status = 200);
	READ(script, 1040, LOOP, CLIENT_C, .epoll = 1035, .events = 1, .arrived = 1000, .line = "GET /c");
	/* B's work, as well as C's. */
	WRITE(script, 4040, LOOP, CLIENT_C, .status = 200);
	WRITE(script, 5040, LOOP, CLIENT_B, .epoll = 4045, .events = 0, .status = 200);
	sum = script_finish(script);
	assert_int_equal(told_of(script, "GET /c")->cpu_time, 5);
	assert_int_equal(sum.unattributed_cpu_ns, 3000 * US);
	script_close(script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answered_in_others_turns),
		cmocka_unit_test(test_read_alone_in_a_busy_loop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
