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
 * Y, who is not known, was given a worker before B, who seemed to stand first. Y is answered in the course of that: not of what the second
 * worker computes for C, which began with a connection that any of those may have waited for who came before the trace.
 */
static void who_is_not_known_may_seem_to_be_another_one(void **state)
{
	struct script *script = attach();
	(void)state;

	LOOKS(script, 500, LOOP, CLIENT_C, 265, .arrived = 490, .line = "GET /c");
	WRITE(script, 510, LOOP, TO_ONE);
	LOOKS(script, 540, ONE, TO_ONE, 245);
	WRITE(script, 1540, ONE, WAKE);
	LOOKS(script, 1560, LOOP, WAKE, 515);
	LOOKS(script, 2000, LOOP, DB, 1565, .arrived = 1990);
	WRITE(script, 2010, LOOP, DB);
	WRITE(script, 2015, LOOP, TO_ONE);
	LOOKS(script, 2040, ONE, TO_ONE, 1545);
	LOOKS(script, 2200, LOOP, DB, 2020, .arrived = 2190);
	WRITE(script, 2210, LOOP, TO_TWO);
	LOOKS(script, 2240, TWO, TO_TWO, 210);
	LOOKS(script, 2300, LOOP, CLIENT_B, 2215, .arrived = 2290, .line = "GET /b");
	READ(script, 2310, LOOP, OTHER_DB, .arrived = 2290);
	WRITE(script, 3040, ONE, WAKE);
	LOOKS(script, 3060, LOOP, WAKE, 2320);
	WRITE(script, 3070, LOOP, TO_ONE);
	WRITE(script, 3080, LOOP, CLIENT_X, .status = 200);
	LOOKS(script, 3100, ONE, TO_ONE, 3045);
	WRITE(script, 4100, ONE, WAKE);
	LOOKS(script, 4120, LOOP, WAKE, 3090);
	WRITE(script, 4130, LOOP, CLIENT_D, .status = 200);
	WRITE(script, 6110, ONE, WAKE, .off = 4105, .on = 4110, .ready = 5, .cause = WAIT_RUNNABLE);
	READ(script, 6120, ONE, TO_ONE, .epoll = 6115, .events = 1, .epoll_fd = ONE);
	LOOKS(script, 6140, LOOP, WAKE, 4140);
	WRITE(script, 6150, LOOP, CLIENT_B, .status = 200);
	WRITE(script, 6240, TWO, WAKE);
	LOOKS(script, 6260, LOOP, WAKE, 6155);
	WRITE(script, 6280, LOOP, CLIENT_C, .status = 200);
	script_finish(script);
	assert_in_range(told_of(script, "GET /c")->cpu_time, 5000, 5200);
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

/*
 * While it is not known how many wait the second worker seems to be given something unseen. If the first one is free then, nobody had
 * waited: what the second one seemed to have stands for nobody, and in front of nobody when that is found to have slept.
 */
static void who_seemed_to_be_given_unseen_may_be_nobody(void **state)
{
	struct script *script = attach();
	(void)state;

	WRITE(script, 270, LOOP, TO_ONE);
	LOOKS(script, 300, ONE, TO_ONE, 245);
	LOOKS(script, 400, LOOP, OTHER_DB, 275, .arrived = 390);
	WRITE(script, 1240, TWO, WAKE);
	LOOKS(script, 1260, LOOP, WAKE, 405);
	WRITE(script, 1270, LOOP, TO_TWO);
	LOOKS(script, 1300, TWO, TO_TWO, 1245);
	WRITE(script, 2300, TWO, WAKE);
	LOOKS(script, 2320, LOOP, WAKE, 1275);
	WRITE(script, 2330, LOOP, DB);
	WRITE(script, 3000, ONE, WAKE);
	LOOKS(script, 3020, LOOP, WAKE, 2335);
	WRITE(script, 3030, LOOP, CLIENT_D, .status = 200);
	LOOKS(script, 4000, LOOP, CLIENT_A, 3035, .arrived = 3990, .line = "GET /a");
	WRITE(script, 4010, LOOP, TO_ONE);
	LOOKS(script, 4040, ONE, TO_ONE, 3005);
	LOOKS(script, 4100, LOOP, CLIENT_B, 4015, .arrived = 4090, .line = "GET /b");
	WRITE(script, 4110, LOOP, TO_TWO);
	LOOKS(script, 4140, TWO, TO_TWO, 2305);
	LOOKS(script, 4200, LOOP, CLIENT_C, 4115, .arrived = 4190, .line = "GET /c");
	WRITE(script, 5040, ONE, WAKE);
	LOOKS(script, 5060, LOOP, WAKE, 4205);
	WRITE(script, 5070, LOOP, TO_ONE);
	WRITE(script, 5080, LOOP, CLIENT_A, .status = 200);
	LOOKS(script, 5100, ONE, TO_ONE, 5045);
	WRITE(script, 6140, TWO, WAKE);
	LOOKS(script, 6160, LOOP, WAKE, 5085);
	WRITE(script, 6170, LOOP, CLIENT_B, .status = 200);
	WRITE(script, 8100, ONE, WAKE);
	LOOKS(script, 8120, LOOP, WAKE, 6175);
	WRITE(script, 8130, LOOP, CLIENT_C, .status = 200);
	script_finish(script);
	assert_told(script, "GET /a", 1000, 1150);
	assert_told(script, "GET /b", 2000, 2150);
	assert_told(script, "GET /c", 3000, 3150);
	script_close(script);
}

/* The worker has done what it had at `done`, and is given the next; what the loop does then for what it had done is the caller's. */
static void give_next(struct script *script, uint64_t done, uint32_t tid, uint64_t loop_since)
{
	WRITE(script, done, tid, WAKE);
	LOOKS(script, done + 20, LOOP, WAKE, loop_since);
	WRITE(script, done + 30, LOOP, TO_ONE + tid - ONE);
}

/*
 * Of one worker nobody has seen yet where it is given something: what the loop writes there for the first time, while it runs callbacks of
 * what its workers handed back, is given as well, by the next callback. So two have asked, and stand in line again, in front of B and C.
 */
static void who_is_given_something_may_not_be_known_yet(void **state)
{
	struct script *script = open_server();
	(void)state;

	LOOKS(script, 150, LOOP, CLIENT_X, 100, .arrived = 140, .line = "GET /x");
	WRITE(script, 155, LOOP, CLIENT_X, .status = 200);
	LOOKS(script, 200, ONE, TO_ONE, 100);
	WRITE(script, 235, TWO, WAKE);
	WRITE(script, 240, ONE, WAKE);
	LOOKS(script, 260, LOOP, WAKE, 160);
	WRITE(script, 270, LOOP, TO_ONE);
	WRITE(script, 275, LOOP, DB);
	WRITE(script, 280, LOOP, TO_TWO);
	WRITE(script, 285, LOOP, OTHER_DB);
	READ(script, 295, LOOP, CLIENT_A, .arrived = 250, .epoll = 290, .events = 1, .epoll_fd = LOOP, .line = "GET /a");
	LOOKS(script, 300, ONE, TO_ONE, 245);
	LOOKS(script, 305, TWO, TO_TWO, 240);
	LOOKS(script, 400, LOOP, DB, 300, .arrived = 390);
	READ(script, 410, LOOP, OTHER_DB, .arrived = 390);
	READ(script, 420, LOOP, CLIENT_B, .arrived = 395, .line = "GET /b");
	READ(script, 430, LOOP, CLIENT_C, .arrived = 395, .line = "GET /c");
	give_next(script, 1000, ONE, 435);
	WRITE(script, 1040, LOOP, CLIENT_D, .status = 200);
	LOOKS(script, 1050, ONE, TO_ONE, 1005);
	give_next(script, 1200, TWO, 1045);
	WRITE(script, 1240, LOOP, DB);
	LOOKS(script, 1250, TWO, TO_TWO, 1205);
	give_next(script, 2050, ONE, 1245);
	WRITE(script, 2090, LOOP, CLIENT_A, .status = 200);
	LOOKS(script, 2100, ONE, TO_ONE, 2055);
	give_next(script, 2300, TWO, 2095);
	WRITE(script, 2340, LOOP, OTHER_DB);
	LOOKS(script, 2350, TWO, TO_TWO, 2305);
	give_next(script, 2600, ONE, 2345);
	LOOKS(script, 2650, ONE, TO_ONE, 2605);
	WRITE(script, 4350, TWO, WAKE);
	LOOKS(script, 4370, LOOP, WAKE, 2645);
	WRITE(script, 4390, LOOP, CLIENT_B, .status = 200);
	WRITE(script, 5650, ONE, WAKE);
	LOOKS(script, 5670, LOOP, WAKE, 4395);
	WRITE(script, 5690, LOOP, CLIENT_C, .status = 200);
	script_finish(script);
	assert_told(script, "GET /c", 3000, 3110);
	script_close(script);
}

/* A is read before it shows that the thread is a loop, B and C when it has: they stand in line before it shows that the loop has workers.
 */
static void who_was_read_first_stands_first(void **state)
{
	struct script *script = open_server();
	(void)state;

	READ(script, 150, LOOP, CLIENT_A, .arrived = 140, .line = "GET /a");
	READ(script, 154, LOOP, DB, .arrived = 142);
	WRITE(script, 156, LOOP, DB);
	READ(script, 165, LOOP, CLIENT_B, .arrived = 145, .epoll = 160, .events = 1, .epoll_fd = LOOP, .line = "GET /b");
	LOOKS(script, 200, ONE, TO_ONE, 100);
	LOOKS(script, 205, TWO, TO_TWO, 100);
	LOOKS(script, 300, LOOP, CLIENT_C, 170, .arrived = 290, .line = "GET /c");
	give_next(script, 400, ONE, 310);
	WRITE(script, 440, LOOP, CLIENT_D, .status = 200);
	LOOKS(script, 460, ONE, TO_ONE, 405);
	give_next(script, 1460, ONE, 445);
	WRITE(script, 1500, LOOP, CLIENT_A, .status = 200);
	LOOKS(script, 1520, ONE, TO_ONE, 1465);
	give_next(script, 3520, ONE, 1505);
	WRITE(script, 3560, LOOP, CLIENT_B, .status = 200);
	LOOKS(script, 3580, ONE, TO_ONE, 3525);
	WRITE(script, 6580, ONE, WAKE);
	LOOKS(script, 6600, LOOP, WAKE, 3565);
	WRITE(script, 6610, LOOP, CLIENT_C, .status = 200);
	script_finish(script);
	assert_told(script, "GET /a", 1000, 1110);
	assert_told(script, "GET /b", 2000, 2110);
	assert_told(script, "GET /c", 3000, 3110);
	script_close(script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_is_not_known_has_been_handed_back),
		cmocka_unit_test(who_is_not_known_may_seem_to_be_another_one),
		cmocka_unit_test(nobody_waits_while_a_worker_is_free),
		cmocka_unit_test(who_seemed_to_be_given_unseen_may_be_nobody),
		cmocka_unit_test(who_is_given_something_may_not_be_known_yet),
		cmocka_unit_test(who_was_read_first_stands_first),
	};

	return cmocka_run_group_tests_name("engine: worker threads, before the trace", tests, NULL, NULL);
}
