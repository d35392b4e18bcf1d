/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules 9 and 12: in which order those come to wait for a connection whom a loop's worker threads have handed back. Times in µs. */
#include "unit/workers_script.h"

/* One has the only connection, and asks. The loop sleeps since 1020. */
static struct script *server_with_pool(void)
{
	struct script *script = server();

	LOOKS(script, 1000, LOOP, CLIENT_D, 700, .arrived = 990, .line = "GET /d");
	WRITE(script, 1010, LOOP, DB);
	return script;
}

/* It is answered at 1520, and gives the connection to who waits. The loop sleeps since 1480. */
static void serve_first(struct script *script)
{
	LOOKS(script, 1500, LOOP, DB, 1480);
	WRITE(script, 1510, LOOP, DB);
	WRITE(script, 1520, LOOP, CLIENT_D, .status = 200);
}

/* Whoever has the connection is answered at `at`, and so is its client; it gives the connection to who waits. */
static void serve_next(struct script *script, uint64_t at, uint64_t client)
{
	LOOKS(script, at, LOOP, DB, at - 170);
	WRITE(script, at + 10, LOOP, DB);
	WRITE(script, at + 20, LOOP, client, .status = 200);
}

static void serve_last(struct script *script, uint64_t at, uint64_t client)
{
	LOOKS(script, at, LOOP, DB, at - 170);
	WRITE(script, at + 10, LOOP, client, .status = 200);
	script_finish(script);
}

static void serve_in_order(struct script *script, uint64_t first, uint64_t second)
{
	serve_first(script);
	serve_next(script, 1700, first);
	serve_last(script, 1900, second);
}

static void serve_three_in_order(struct script *script, uint64_t first, uint64_t second, uint64_t third)
{
	serve_first(script);
	serve_next(script, 1700, first);
	serve_next(script, 1900, second);
	serve_last(script, 2100, third);
}

static void assert_both_served(struct script *script, const char *first, const char *second)
{
	assert_false(told_of(script, first)->ambiguous || told_of(script, second)->ambiguous);
	assert_int_equal(told_of(script, first)->call_count, 1);
	assert_int_equal(told_of(script, second)->call_count, 1);
	script_close(script);
}

/*
 * The loop falls asleep behind what it gave to the second worker. That is told only by its next epoll return, when both workers are done:
 * the callback of the first one's comes first.
 */
static void a_turn_may_be_told_late(void **state)
{
	struct script *script = server_with_pool();
	(void)state;

	LOOKS(script, 1100, LOOP, CLIENT_B, 1020, .arrived = 1090, .line = "GET /b");
	WRITE(script, 1110, LOOP, TO_ONE);
	LOOKS(script, 1130, ONE, TO_ONE, 310);
	LOOKS(script, 1200, LOOP, CLIENT_A, 1120, .arrived = 1190, .line = "GET /a");
	WRITE(script, 1210, LOOP, TO_TWO);
	LOOKS(script, 1230, TWO, TO_TWO, 610);
	WRITE(script, 1300, ONE, WAKE);
	WRITE(script, 1310, TWO, WAKE);
	LOOKS(script, 1330, LOOP, WAKE, 1220);
	serve_in_order(script, CLIENT_B, CLIENT_A);
	assert_both_served(script, "GET /b", "GET /a");
}

/*
 * The second worker is done when the loop has begun to look, and what it hands back runs unseen: it is free, as it is given something else
 * before the loop looks again.
 */
static void who_is_given_something_is_free(void **state)
{
	struct script *script = server_with_pool();
	(void)state;

	LOOKS(script, 1100, LOOP, CLIENT_A, 1020, .arrived = 1090, .line = "GET /a");
	WRITE(script, 1110, LOOP, TO_TWO);
	LOOKS(script, 1130, TWO, TO_TWO, 610);
	LOOKS(script, 1150, LOOP, CLIENT_B, 1120, .arrived = 1140, .line = "GET /b");
	WRITE(script, 1160, LOOP, TO_ONE);
	LOOKS(script, 1180, ONE, TO_ONE, 310);
	LOOKS(script, 1290, LOOP, WAKE, 1170);
	WRITE(script, 1300, TWO, WAKE);
	LOOKS(script, 1400, LOOP, CLIENT_C, 1320, .arrived = 1390, .line = "GET /c");
	WRITE(script, 1410, LOOP, TO_TWO);
	LOOKS(script, 1430, TWO, TO_TWO, 1310);
	WRITE(script, 1440, ONE, WAKE);
	LOOKS(script, 1460, LOOP, WAKE, 1420);
	serve_in_order(script, CLIENT_A, CLIENT_B);
	assert_both_served(script, "GET /a", "GET /b");
}

/* The first worker is given A, the second worker another one, and a third one waits. The loop sleeps since 1190. */
static void give_two_and_let_third_wait(struct script *script, uint64_t second, const char *second_line, uint64_t third,
					const char *third_line)
{
	LOOKS(script, 1100, LOOP, CLIENT_A, 1020, .arrived = 1090, .line = "GET /a");
	WRITE(script, 1110, LOOP, TO_ONE);
	LOOKS(script, 1130, ONE, TO_ONE, 310);
	LOOKS(script, 1150, LOOP, second, 1120, .arrived = 1140, .line = second_line);
	WRITE(script, 1160, LOOP, TO_TWO);
	LOOKS(script, 1175, TWO, TO_TWO, 610);
	READ(script, 1185, LOOP, third, .arrived = 1150, .line = third_line);
}

/* The first worker has done A, the second one B, and C waits; of each request's first calls none is made yet. The loop sleeps since 1190.
 */
static void let_three_come(struct script *script)
{
	give_two_and_let_third_wait(script, CLIENT_B, "GET /b", CLIENT_C, "GET /c");
	WRITE(script, 1300, TWO, WAKE);
	WRITE(script, 1310, ONE, WAKE);
	LOOKS(script, 1330, LOOP, WAKE, 1190);
	WRITE(script, 1340, LOOP, TO_ONE);
}

/*
 * The loop is taken off its core in the first worker's callback, which then answers. By then this worker has handed back the next thing:
 * that comes before what the second one had handed back long ago.
 */
static void all_of_a_worker_come_before_the_next_ones(void **state)
{
	struct script *script = server_with_pool();
	(void)state;

	let_three_come(script);
	LOOKS(script, 1360, ONE, TO_ONE, 1315);
	WRITE(script, 1440, ONE, WAKE);
	WRITE(script, 1455, LOOP, CLIENT_A, .status = 200, .off = 1342, .on = 1450, .ready = 108, .cause = WAIT_RUNNABLE);
	READ(script, 1475, LOOP, WAKE, .epoll = 1470, .events = 1, .epoll_fd = LOOP);
	serve_in_order(script, CLIENT_C, CLIENT_B);
	assert_both_served(script, "GET /c", "GET /b");
}

/* … also if it is taken off its core as soon as it has answered. */
static void a_callback_goes_on_behind_its_answer(void **state)
{
	struct script *script = server_with_pool();
	(void)state;

	let_three_come(script);
	WRITE(script, 1350, LOOP, CLIENT_A, .status = 200);
	LOOKS(script, 1365, ONE, TO_ONE, 1315);
	WRITE(script, 1440, ONE, WAKE);
	READ(script, 1475, LOOP, WAKE, .epoll = 1470, .events = 1, .epoll_fd = LOOP, .off = 1352, .on = 1450, .ready = 98,
	     .cause = WAIT_RUNNABLE);
	serve_in_order(script, CLIENT_C, CLIENT_B);
	assert_both_served(script, "GET /c", "GET /b");
}

/* … but not if it has run a while since then: it has looked at the next worker by now. */
static void a_callback_is_soon_over(void **state)
{
	struct script *script = server_with_pool();
	(void)state;

	let_three_come(script);
	WRITE(script, 1350, LOOP, CLIENT_A, .status = 200);
	WINDOW(script, 1360, LOOP, .off = 1352, .on = 1355, .ready = 3, .cause = WAIT_RUNNABLE);
	LOOKS(script, 1365, ONE, TO_ONE, 1315);
	WRITE(script, 1440, ONE, WAKE);
	READ(script, 1475, LOOP, WAKE, .epoll = 1470, .events = 1, .epoll_fd = LOOP, .off = 1360, .on = 1450, .ready = 90,
	     .cause = WAIT_RUNNABLE);
	serve_in_order(script, CLIENT_B, CLIENT_C);
	assert_both_served(script, "GET /b", "GET /c");
}

/* One that is free has handed back what it had, be it that nobody saw that, as the wake-up of another one was still unread. */
static void who_is_free_has_handed_back_unseen(void **state)
{
	struct script *script = server_with_pool();
	(void)state;

	LOOKS(script, 1100, LOOP, CLIENT_A, 1020, .arrived = 1090, .line = "GET /a");
	WRITE(script, 1110, LOOP, TO_TWO);
	LOOKS(script, 1130, TWO, TO_TWO, 610);
	LOOKS(script, 1150, LOOP, CLIENT_B, 1120, .arrived = 1140, .line = "GET /b");
	WRITE(script, 1160, LOOP, TO_ONE);
	LOOKS(script, 1180, ONE, TO_ONE, 310);
	WRITE(script, 1290, ONE, WAKE);
	LOOKS(script, 1310, LOOP, WAKE, 1170);
	LOOKS(script, 1400, LOOP, CLIENT_C, 1330, .arrived = 1390, .line = "GET /c");
	WRITE(script, 1410, LOOP, TO_TWO);
	LOOKS(script, 1430, TWO, TO_TWO, 1300);
	WRITE(script, 1440, TWO, WAKE);
	LOOKS(script, 1460, LOOP, WAKE, 1420);
	serve_first(script);
	serve_next(script, 1700, CLIENT_B);
	LOOKS(script, 1900, LOOP, DB, 1730);
	WRITE(script, 1910, LOOP, DB);
	WRITE(script, 1920, LOOP, TO_TWO);
	LOOKS(script, 1940, TWO, TO_TWO, 1445);
	LOOKS(script, 2100, LOOP, DB, 1930);
	WRITE(script, 2110, LOOP, CLIENT_C, .status = 200);
	WRITE(script, 2940, TWO, WAKE);
	LOOKS(script, 2960, LOOP, WAKE, 2120);
	WRITE(script, 2970, LOOP, CLIENT_A, .status = 200);
	script_finish(script);
	assert_in_range(told_of(script, "GET /a")->cpu_time, 1170, 1300);
	assert_both_served(script, "GET /a", "GET /c");
}

/* A connection is given to the second one who waits: these two are in doubt, and nobody else. */
static void two_that_change_places_are_in_doubt_alone(void **state)
{
	struct script *script = server_with_pool();
	(void)state;

	let_three_come(script);
	LOOKS(script, 1360, ONE, TO_ONE, 1315);
	WRITE(script, 1410, ONE, WAKE);
	LOOKS(script, 1430, LOOP, WAKE, 1345);
	serve_three_in_order(script, CLIENT_B, CLIENT_A, CLIENT_C);
	assert_true(told_of(script, "GET /a")->ambiguous && told_of(script, "GET /b")->ambiguous);
	assert_false(told_of(script, "GET /c")->ambiguous);
	assert_int_equal(told_of(script, "GET /a")->call_count, 1);
	assert_int_equal(told_of(script, "GET /b")->call_count, 1);
	assert_int_equal(told_of(script, "GET /c")->call_count, 1);
	script_close(script);
}

/*
 * B waits for a worker and A for a connection, but what begins with the connection is B's, and A's what the worker is given: these two are
 * in doubt, and E, who waits for a worker behind them, is not.
 */
static void two_of_two_lines_change_places(void **state)
{
	struct script *script = server_with_pool();
	(void)state;

	give_two_and_let_third_wait(script, CLIENT_C, "GET /c", CLIENT_B, "GET /b");
	READ(script, 1195, LOOP, CLIENT_X, .arrived = 1150, .line = "GET /e");
	WRITE(script, 1300, ONE, WAKE);
	LOOKS(script, 1330, LOOP, WAKE, 1200);
	WRITE(script, 1340, LOOP, TO_ONE);
	LOOKS(script, 1360, ONE, TO_ONE, 1305);
	LOOKS(script, 1500, LOOP, DB, 1350);
	WRITE(script, 1510, LOOP, DB);
	WRITE(script, 1520, LOOP, CLIENT_D, .status = 200);
	LOOKS(script, 1700, LOOP, DB, 1530);
	WRITE(script, 1720, LOOP, CLIENT_B, .status = 200);
	WRITE(script, 1800, ONE, WAKE);
	LOOKS(script, 1830, LOOP, WAKE, 1730);
	WRITE(script, 1840, LOOP, TO_ONE);
	WRITE(script, 1850, LOOP, CLIENT_A, .status = 200);
	LOOKS(script, 1860, ONE, TO_ONE, 1805);
	WRITE(script, 2500, ONE, WAKE);
	LOOKS(script, 2530, LOOP, WAKE, 1860);
	WRITE(script, 2540, LOOP, CLIENT_X, .status = 200);
	script_finish(script);
	assert_true(told_of(script, "GET /a")->ambiguous && told_of(script, "GET /b")->ambiguous);
	assert_int_equal(told_of(script, "GET /b")->call_count, 1);
	assert_told(script, "GET /e", 640, 700);
	script_close(script);
}

/*
 * The callback of A gives the worker B unseen, and the loop is held up: B has been handed back when the next thing is seen, which is B's
 * callback. A's has run before that, and C's, of another worker, comes behind it.
 */
static void what_one_worker_hands_back_runs_in_order(void **state)
{
	struct script *script = server_with_pool();
	(void)state;

	LOOKS(script, 1040, LOOP, CLIENT_A, 1020, .arrived = 1030, .line = "GET /a");
	WRITE(script, 1045, LOOP, TO_ONE);
	READ(script, 1050, LOOP, CLIENT_C, .arrived = 1032, .line = "GET /c");
	WRITE(script, 1055, LOOP, TO_TWO);
	READ(script, 1060, LOOP, CLIENT_B, .arrived = 1034, .line = "GET /b");
	READ(script, 1065, LOOP, CLIENT_X, .arrived = 1036, .line = "GET /y");
	LOOKS(script, 1080, ONE, TO_ONE, 310);
	LOOKS(script, 1085, TWO, TO_TWO, 610);
	WRITE(script, 1200, ONE, WAKE);
	LOOKS(script, 1220, LOOP, WAKE, 1070);
	WRITE(script, 1300, TWO, WAKE);
	WRITE(script, 1350, ONE, WAKE, .off = 1205, .on = 1240, .ready = 35, .cause = WAIT_RUNNABLE);
	WRITE(script, 1380, LOOP, TO_ONE, .off = 1240, .on = 1360, .ready = 120, .cause = WAIT_RUNNABLE);
	READ(script, 1400, ONE, TO_ONE, .epoll = 1395, .events = 1, .epoll_fd = ONE);
	serve_three_in_order(script, CLIENT_A, CLIENT_B, CLIENT_C);
	assert_false(told_of(script, "GET /c")->ambiguous);
	assert_both_served(script, "GET /a", "GET /b");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_turn_may_be_told_late),
		cmocka_unit_test(who_is_given_something_is_free),
		cmocka_unit_test(all_of_a_worker_come_before_the_next_ones),
		cmocka_unit_test(a_callback_goes_on_behind_its_answer),
		cmocka_unit_test(a_callback_is_soon_over),
		cmocka_unit_test(who_is_free_has_handed_back_unseen),
		cmocka_unit_test(two_that_change_places_are_in_doubt_alone),
		cmocka_unit_test(two_of_two_lines_change_places),
		cmocka_unit_test(what_one_worker_hands_back_runs_in_order),
	};

	return cmocka_run_group_tests_name("engine: worker threads, in order", tests, NULL, NULL);
}
