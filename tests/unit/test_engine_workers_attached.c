/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules 9 and 12 where requests had a loop's workers, or waited for them, before the trace began. Times in µs. */
#include "unit/workers_script.h"

/* Both workers are known, and have nothing. The loop sleeps since 265. */
static struct script *attach(void)
{
	struct script *script = open_server();

	LOOKS(script, 200, ONE, TO_ONE, 100);
	LOOKS(script, 205, TWO, TO_TWO, 100);
	WRITE(script, 240, ONE, WAKE);
	LOOKS(script, 260, LOOP, WAKE, 100);
	return script;
}

/* Whose request is not known is answered by the callback of what was handed back, not of what the other worker computes still. */
static void who_is_not_known_has_been_handed_back(void **state)
{
	struct script *script = attach();
	(void)state;

	LOOKS(script, 500, LOOP, CLIENT_A, 265, .arrived = 490, .line = "GET /a");
	WRITE(script, 510, LOOP, TO_ONE);
	LOOKS(script, 540, ONE, TO_ONE, 245);
	WRITE(script, 1540, ONE, WAKE);
	LOOKS(script, 1560, LOOP, WAKE, 515);
	/* X's answer: A's call is next there. */
	LOOKS(script, 2000, LOOP, DB, 1565, .arrived = 1990);
	WRITE(script, 2010, LOOP, DB);
	WRITE(script, 2015, LOOP, TO_ONE);
	LOOKS(script, 2040, ONE, TO_ONE, 1545);
	LOOKS(script, 2200, LOOP, DB, 2020, .arrived = 2190);
	WRITE(script, 2210, LOOP, TO_TWO);
	LOOKS(script, 2240, TWO, TO_TWO, 210);
	WRITE(script, 3040, ONE, WAKE);
	LOOKS(script, 3060, LOOP, WAKE, 2215);
	WRITE(script, 3080, LOOP, CLIENT_X, .status = 200);
	WRITE(script, 4240, TWO, WAKE);
	LOOKS(script, 4260, LOOP, WAKE, 3085);
	WRITE(script, 4280, LOOP, CLIENT_A, .status = 200);
	script_finish(script);
	assert_told(script, "GET /a", 3000, 3200);
	script_close(script);
}

/*
 * A worker that is given something outside of those callbacks was free: all who had come to wait had been given one, and it had not been
 * given anything unseen.
 */
static void nobody_waits_while_a_worker_is_free(void **state)
{
	struct script *script = attach();
	(void)state;

	WRITE(script, 270, LOOP, TO_ONE);
	LOOKS(script, 300, ONE, TO_ONE, 245);
	/* Somebody's answer, who came before the trace: the worker is next for it, and then for A. */
	LOOKS(script, 400, LOOP, OTHER_DB, 275, .arrived = 390);
	READ(script, 405, LOOP, CLIENT_A, .arrived = 395, .line = "GET /a");
	WRITE(script, 1300, ONE, WAKE);
	LOOKS(script, 1320, LOOP, WAKE, 407);
	WRITE(script, 1330, LOOP, TO_ONE);
	WRITE(script, 1340, LOOP, CLIENT_X, .status = 200);
	LOOKS(script, 1370, ONE, TO_ONE, 1305);
	WRITE(script, 1870, ONE, WAKE);
	LOOKS(script, 1890, LOOP, WAKE, 1345);
	WRITE(script, 1900, LOOP, TO_ONE);
	WRITE(script, 1910, LOOP, CLIENT_D, .status = 200);
	LOOKS(script, 1940, ONE, TO_ONE, 1875);
	WRITE(script, 2940, ONE, WAKE);
	LOOKS(script, 2960, LOOP, WAKE, 1915);
	WRITE(script, 2980, LOOP, DB);
	LOOKS(script, 4000, LOOP, CLIENT_B, 2985, .arrived = 3990, .line = "GET /b");
	WRITE(script, 4010, LOOP, TO_ONE);
	LOOKS(script, 4040, ONE, TO_ONE, 2945);
	WRITE(script, 4540, ONE, WAKE);
	LOOKS(script, 4560, LOOP, WAKE, 4015);
	WRITE(script, 4580, LOOP, CLIENT_B, .status = 200);
	LOOKS(script, 5000, LOOP, DB, 4585, .arrived = 4990);
	WRITE(script, 5010, LOOP, CLIENT_A, .status = 200);
	script_finish(script);
	assert_told(script, "GET /a", 1000, 1150);
	assert_told(script, "GET /b", 500, 650);
	script_close(script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_is_not_known_has_been_handed_back),
		cmocka_unit_test(nobody_waits_while_a_worker_is_free),
	};

	return cmocka_run_group_tests_name("engine: worker threads, before the trace", tests, NULL, NULL);
}
