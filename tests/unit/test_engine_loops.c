/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules 12 and 13 where a process has several loops. Times in µs. */
#include "unit/loop_script.h"

enum { CLIENT_OF_OTHER = 150 };

/* Two threads take each other's events: that a thread goes on with what it read last must prove right before it is trusted. */
static bool last_is_ambiguous_of(uint64_t requests)
{
	struct script *script = server();
	bool last;

	script_thread(script, 0, OTHER_LOOP, LOOP, THREAD_FOUND);
	WINDOW(script, 20, OTHER_LOOP, .epoll = 10, .events = 1);
	for (uint64_t i = 0, at = 100; i < requests; i++, at += 1000) {
		READ(script, at, LOOP, CLIENT_A, SLEPT(at - 90, at - 20, 1), .line = "GET /a");
		WRITE(script, at + 10, LOOP, DB);
		READ(script, at + 500, LOOP, DB, SLEPT(at + 20, at + 480, 1));
		WRITE(script, at + 510, LOOP, CLIENT_A, .status = 200);
	}
	script_finish(script);
	last = script->told[script->count - 1].ambiguous;
	script_close(script);
	return last;
}

static void test_threads_that_share_events(void **state)
{
	(void)state;
	assert_true(last_is_ambiguous_of(3));
	assert_false(last_is_ambiguous_of(6));
}

/*
 * A has a connection, and B, C and D wait for it in one loop; what C began with it ends in another loop, where somebody has just come to
 * wait, and which has numbered none that far. Its line says nothing of those.
 */
static void test_answered_by_another_loop(void **state)
{
	struct script *script = server();
	(void)state;

	script_thread(script, 0, OTHER_LOOP, LOOP, THREAD_FOUND);
	script_conn(script, CLIENT_OF_OTHER, CONN_SERVER, 8080);
	show_pool(script);
	READ(script, 2500, OTHER_LOOP, CLIENT_OF_OTHER, POLLED(20, 2480, 1), .epoll_fd = 9, .line = "GET /other");
	WINDOW(script, 2700, OTHER_LOOP, POLLED(2550, 2690, 0), .epoll_fd = 9);
	READ(script, 3000, LOOP, CLIENT_A, SLEPT(2900, 2980, 4), .line = "GET /a");
	WRITE(script, 3010, LOOP, DB);
	READ(script, 3020, LOOP, CLIENT_B, .arrived = 2980, .line = "GET /b");
	READ(script, 3130, LOOP, CLIENT_C, .arrived = 2980, .line = "GET /c");
	READ(script, 3240, LOOP, CLIENT_D, .arrived = 2980, .line = "GET /d");
	answer(script, 4000, 3350); /* A's */
	WRITE(script, 4010, LOOP, DB);
	WRITE(script, 4100, LOOP, CLIENT_A, .status = 200);
	answer(script, 5000, 4110); /* B's */
	WRITE(script, 5010, LOOP, DB);
	WRITE(script, 5100, LOOP, CLIENT_B, .status = 200);
	answer(script, 6000, 5110); /* C's */
	WRITE(script, 6010, LOOP, DB);
	WRITE(script, 6050, LOOP, DB_2); /* C asks once more: the answer is read by the other one */
	READ(script, 7000, OTHER_LOOP, DB_2, POLLED(2710, 6980, 1), .epoll_fd = 9);
	WRITE(script, 7100, OTHER_LOOP, CLIENT_C, .status = 200);
	answer(script, 8000, 6110); /* D's */
	WRITE(script, 8100, LOOP, CLIENT_D, .status = 200);
	script_finish(script);
	assert_int_equal(told_of(script, "GET /c")->call_count, 2);
	assert_int_equal(told_of(script, "GET /d")->call_count, 1);
	script_close(script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_threads_that_share_events),
		cmocka_unit_test(test_answered_by_another_loop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
