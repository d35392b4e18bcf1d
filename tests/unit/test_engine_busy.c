/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules 11 and 12 in a loop that is always busy. Times in µs. */
#include "unit/loop_script.h"

/*
 * A loop that never sleeps, as its process has too little of a core: who waits for the connection is answered rounds after it was read.
 * Such a loop does not defer by that.
 */
static void test_busy_loop_does_not_defer(void **state)
{
	static const char *const lines[] = {"GET /a", "GET /b", "GET /c", "GET /d", "GET /e", "GET /f"};
	struct script *script = server();
	uint64_t at = 1000;
	(void)state;

	READ(script, 100, LOOP, CLIENT_A, SLEPT(10, 80, 2), .line = lines[0]);
	WRITE(script, 110, LOOP, DB);
	READ(script, 120, LOOP, CLIENT_A + 1, .arrived = 80, .line = lines[1]);
	for (uint64_t i = 2; i < 6; i++, at += 1000) { /* i - 2 is answered, i - 1 is given the connection, i waits */
		READ(script, at, LOOP, DB, .epoll = at - 10, .events = 2, .arrived = at - 100);
		WRITE(script, at + 10, LOOP, DB);
		WRITE(script, at + 200, LOOP, CLIENT_A + (i - 2) % 4, .status = 200);
		READ(script, at + 300, LOOP, CLIENT_A + i % 4, .arrived = at + 250, .line = lines[i]);
	}
	script_conn_ended(script, at, CLIENT_A);
	script_finish(script);
	for (size_t i = 0; i < 4; i++) {
		const struct told *told = told_of(script, lines[i]);

		assert_false(told->ambiguous);
		assert_int_equal(told->call_count, 1);
	}
	assert_int_equal(told_of(script, "GET /d")->state[STATE_POOL], 3010 - 2990);
	script_close(script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_busy_loop_does_not_defer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
