/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 9 where a loop has worker threads (Node's): it gives them work by an eventfd of each one's, and they wake it by its own. Times in
 * µs.
 */
#include "unit/workers_script.h"

/* The second request waits until the worker is free; then its callback's first act is to give it to that. */
static void who_waits_longest_is_given_a_worker(void **state)
{
	struct script *script = server();
	(void)state;

	give_a_and_let_b_wait(script);
	hand_back_a_and_give_b(script);
	LOOKS(script, 3090, ONE, TO_ONE, 3040);
	WRITE(script, 5090, ONE, WAKE);
	LOOKS(script, 5110, LOOP, WAKE, 3100);
	WRITE(script, 5130, LOOP, CLIENT_B, .status = 200);
	script_finish(script);
	assert_told(script, "GET /a", 1000, 1110);
	assert_told(script, "GET /b", 2000, 2100);
	assert_in_range(told_of(script, "GET /b")->state[STATE_QUEUE], 1000, 1070);
	assert_int_equal(told_of(script, "GET /b")->state[STATE_POOL], 0);
	script_close(script);
}

/* One wake-up for both: whose callback runs shows by which worker is given something, or by who is answered. */
static void two_may_hand_back_at_once(void **state)
{
	struct script *script = server();
	(void)state;

	LOOKS(script, 2000, LOOP, CLIENT_A, 700, .arrived = 1990, .line = "GET /a");
	WRITE(script, 2010, LOOP, TO_TWO);
	READ(script, 2020, LOOP, CLIENT_B, .arrived = 1995, .line = "GET /b");
	WRITE(script, 2030, LOOP, TO_ONE);
	LOOKS(script, 2040, TWO, TO_TWO, 610);
	LOOKS(script, 2050, ONE, TO_ONE, 310);
	WRITE(script, 3040, TWO, WAKE);
	WRITE(script, 5050, ONE, WAKE);
	LOOKS(script, 5080, LOOP, WAKE, 2040);
	WRITE(script, 5100, LOOP, CLIENT_B, .status = 200);
	WRITE(script, 5120, LOOP, DB);
	LOOKS(script, 6000, LOOP, DB, 5130, .arrived = 5990);
	WRITE(script, 6010, LOOP, CLIENT_A, .status = 200);
	script_finish(script);
	assert_told(script, "GET /a", 1000, 1150);
	assert_told(script, "GET /b", 3000, 3150);
	assert_int_equal(told_of(script, "GET /a")->call_count, 1);
	assert_int_equal(told_of(script, "GET /b")->call_count, 0);
	assert_in_range(told_of(script, "GET /a")->state[STATE_LOOP], 2000, 2100);
	script_close(script);
}

/* What goes on behind a call waits for a worker once more; the response names all of it. */
static void work_goes_on_behind_calls(void **state)
{
	struct script *script = server();
	(void)state;

	LOOKS(script, 2000, LOOP, CLIENT_A, 700, .arrived = 1990, .line = "GET /a");
	WRITE(script, 2010, LOOP, TO_ONE);
	LOOKS(script, 2030, ONE, TO_ONE, 310);
	WRITE(script, 3030, ONE, WAKE);
	LOOKS(script, 3050, LOOP, WAKE, 2030);
	WRITE(script, 3060, LOOP, DB);
	LOOKS(script, 4000, LOOP, DB, 3070, .arrived = 3990);
	WRITE(script, 4010, LOOP, TO_TWO);
	LOOKS(script, 4030, TWO, TO_TWO, 610);
	WRITE(script, 5030, TWO, WAKE);
	LOOKS(script, 5050, LOOP, WAKE, 4020);
	WRITE(script, 5060, LOOP, CLIENT_A, .status = 200);
	script_finish(script);
	assert_told(script, "GET /a", 2000, 2150);
	assert_int_equal(told_of(script, "GET /a")->call_count, 1);
	assert_in_range(told_of(script, "GET /a")->state[STATE_NET], 900, 940);
	script_close(script);
}

/* What both have handed back by one look comes in the order in which they were made, whoever was quicker. */
static void the_loop_looks_at_its_workers_in_their_order(void **state)
{
	struct script *script = server();
	(void)state;

	LOOKS(script, 2000, LOOP, CLIENT_A, 700, .arrived = 1990, .line = "GET /a");
	WRITE(script, 2010, LOOP, TO_ONE);
	READ(script, 2020, LOOP, CLIENT_B, .arrived = 1995, .line = "GET /b");
	WRITE(script, 2030, LOOP, TO_TWO);
	LOOKS(script, 2040, ONE, TO_ONE, 310);
	LOOKS(script, 2050, TWO, TO_TWO, 610);
	WRITE(script, 3000, TWO, WAKE);
	WRITE(script, 3040, ONE, WAKE);
	LOOKS(script, 3080, LOOP, WAKE, 2040);
	WRITE(script, 3100, LOOP, DB);
	WRITE(script, 3120, LOOP, OTHER_DB);
	LOOKS(script, 4000, LOOP, DB, 3130, .arrived = 3990);
	WRITE(script, 4010, LOOP, CLIENT_A, .status = 200);
	LOOKS(script, 5000, LOOP, OTHER_DB, 4020, .arrived = 4990);
	WRITE(script, 5010, LOOP, CLIENT_B, .status = 200);
	script_finish(script);
	assert_told(script, "GET /a", 1000, 1150);
	assert_told(script, "GET /b", 950, 1100);
	assert_int_equal(told_of(script, "GET /a")->call_count, 1);
	assert_int_equal(told_of(script, "GET /b")->call_count, 1);
	script_close(script);
}

/* Who came back from a worker, and then showed nothing, waits for a connection; who has read something, for a worker. */
static void for_workers_and_for_connections_are_two_lines(void **state)
{
	struct script *script = server();
	(void)state;

	LOOKS(script, 1900, LOOP, CLIENT_X, 700, .arrived = 1890, .line = "GET /other");
	WRITE(script, 1910, LOOP, DB);
	LOOKS(script, 2000, LOOP, CLIENT_A, 1920, .arrived = 1990, .line = "GET /a");
	WRITE(script, 2010, LOOP, TO_ONE);
	READ(script, 2020, LOOP, CLIENT_B, .arrived = 1995, .line = "GET /b");
	READ(script, 2025, LOOP, CLIENT_C, .arrived = 1995, .line = "GET /c");
	LOOKS(script, 2030, ONE, TO_ONE, 310);
	WRITE(script, 3030, ONE, WAKE);
	LOOKS(script, 3050, LOOP, WAKE, 2030);
	WRITE(script, 3060, LOOP, TO_ONE);
	LOOKS(script, 3080, ONE, TO_ONE, 3040);
	LOOKS(script, 3500, LOOP, DB, 3070, .arrived = 3490);
	WRITE(script, 3510, LOOP, DB);
	WRITE(script, 3520, LOOP, CLIENT_X, .status = 200);
	WRITE(script, 5080, ONE, WAKE);
	LOOKS(script, 5100, LOOP, WAKE, 3530);
	WRITE(script, 5110, LOOP, TO_ONE);
	WRITE(script, 5120, LOOP, CLIENT_B, .status = 200);
	LOOKS(script, 5130, ONE, TO_ONE, 5090);
	LOOKS(script, 5500, LOOP, DB, 5130, .arrived = 5490);
	WRITE(script, 5510, LOOP, CLIENT_A, .status = 200);
	WRITE(script, 8130, ONE, WAKE);
	LOOKS(script, 8150, LOOP, WAKE, 5520);
	WRITE(script, 8160, LOOP, CLIENT_C, .status = 200);
	script_finish(script);
	assert_told(script, "GET /a", 1000, 1150);
	assert_told(script, "GET /b", 2000, 2100);
	assert_told(script, "GET /c", 3000, 3100);
	assert_int_equal(told_of(script, "GET /a")->call_count, 1);
	assert_in_range(told_of(script, "GET /a")->state[STATE_POOL], 400, 460);
	assert_int_equal(told_of(script, "GET /other")->call_count, 1);
	script_close(script);
}

/* Two were taken for each other: all others stand where they did. */
static void a_response_may_contradict_the_line(void **state)
{
	struct script *script = server();
	(void)state;

	serve_in_line(script);
	LOOKS(script, 2000, LOOP, CLIENT_X, 1240, .arrived = 1990, .line = "GET /first");
	WRITE(script, 2010, LOOP, TO_ONE);
	READ(script, 2015, LOOP, CLIENT_A, .arrived = 1990, .line = "GET /a");
	WRITE(script, 2020, LOOP, TO_TWO);
	READ(script, 2025, LOOP, CLIENT_B, .arrived = 1995, .line = "GET /b");
	READ(script, 2030, LOOP, CLIENT_C, .arrived = 1995, .line = "GET /c");
	READ(script, 2035, LOOP, CLIENT_D, .arrived = 1995, .line = "GET /d");
	LOOKS(script, 2040, ONE, TO_ONE, 1205);
	LOOKS(script, 2050, TWO, TO_TWO, 610);
	WRITE(script, 3030, ONE, WAKE);
	LOOKS(script, 3050, LOOP, WAKE, 2040);
	WRITE(script, 3060, LOOP, TO_ONE);
	WRITE(script, 3080, LOOP, CLIENT_X, .status = 200);
	READ(script, 3085, LOOP, CLIENT_X, .arrived = 3070, .line = "GET /last");
	LOOKS(script, 3090, ONE, TO_ONE, 3040);
	WRITE(script, 4040, TWO, WAKE);
	LOOKS(script, 4050, LOOP, WAKE, 3090);
	WRITE(script, 4060, LOOP, TO_TWO);
	WRITE(script, 4080, LOOP, CLIENT_A, .status = 200);
	LOOKS(script, 4090, TWO, TO_TWO, 4045);
	WRITE(script, 5000, ONE, WAKE);
	LOOKS(script, 5010, LOOP, WAKE, 4090);
	WRITE(script, 5020, LOOP, TO_ONE);
	WRITE(script, 5030, LOOP, DB);
	LOOKS(script, 5040, ONE, TO_ONE, 5005);
	WRITE(script, 6000, TWO, WAKE);
	LOOKS(script, 6010, LOOP, WAKE, 5040);
	WRITE(script, 6020, LOOP, TO_TWO);
	WRITE(script, 6030, LOOP, OTHER_DB);
	LOOKS(script, 6040, TWO, TO_TWO, 6005);
	WRITE(script, 7000, ONE, WAKE);
	LOOKS(script, 7010, LOOP, WAKE, 6040);
	WRITE(script, 7020, LOOP, CLIENT_C, .status = 200);
	WRITE(script, 8000, TWO, WAKE);
	LOOKS(script, 8010, LOOP, WAKE, 7030);
	WRITE(script, 8020, LOOP, CLIENT_X, .status = 200);
	LOOKS(script, 8500, LOOP, DB, 8030, .arrived = 8490);
	WRITE(script, 8510, LOOP, CLIENT_B, .status = 200);
	LOOKS(script, 9000, LOOP, OTHER_DB, 8520, .arrived = 8990);
	WRITE(script, 9010, LOOP, CLIENT_D, .status = 200);
	script_finish(script);
	assert_told(script, "GET /a", 1000, 2150);
	assert_told(script, "GET /b", 1900, 2050);
	assert_int_equal(told_of(script, "GET /b")->call_count, 1);
	assert_told(script, "GET /last", 1950, 2050);
	assert_true(told_of(script, "GET /c")->ambiguous);
	assert_true(told_of(script, "GET /d")->ambiguous);
	assert_int_equal(told_of(script, "GET /d")->call_count, 1);
	script_close(script);
}

/* The first that is seen of the loop is that it was woken, and of a worker that it was given something: who is who shows later. */
static void the_trace_may_begin_with_wakeups(void **state)
{
	struct script *script = open_server();
	(void)state;

	LOOKS(script, 190, LOOP, WAKE, 100);
	LOOKS(script, 200, ONE, TO_ONE, 100);
	LOOKS(script, 210, TWO, TO_TWO, 100);
	WRITE(script, 220, LOOP, CLIENT_X, .status = 200);
	WRITE(script, 700, ONE, WAKE);
	LOOKS(script, 710, LOOP, WAKE, 230);
	WRITE(script, 720, LOOP, CLIENT_A, .status = 200);
	WRITE(script, 900, TWO, WAKE);
	LOOKS(script, 910, LOOP, WAKE, 730);
	WRITE(script, 920, LOOP, CLIENT_B, .status = 200);
	LOOKS(script, 2000, LOOP, CLIENT_A, 930, .arrived = 1990, .line = "GET /a");
	WRITE(script, 2010, LOOP, TO_ONE);
	LOOKS(script, 2030, ONE, TO_ONE, 710);
	WRITE(script, 3030, ONE, WAKE);
	LOOKS(script, 3050, LOOP, WAKE, 2020);
	WRITE(script, 3060, LOOP, DB);
	LOOKS(script, 4000, LOOP, DB, 3070, .arrived = 3990);
	WRITE(script, 4010, LOOP, TO_TWO);
	LOOKS(script, 4030, TWO, TO_TWO, 910);
	WRITE(script, 5030, TWO, WAKE);
	LOOKS(script, 5050, LOOP, WAKE, 4020);
	WRITE(script, 5060, LOOP, CLIENT_A, .status = 200);
	script_finish(script);
	assert_told(script, "GET /a", 2000, 2150);
	assert_int_equal(told_of(script, "GET /a")->call_count, 1);
	script_close(script);
}

/* A, B and C have come; the first worker is given A, for which it works from 2030 on. */
static struct script *two_wait_for_the_worker_of_one(void)
{
	struct script *script = server();

	LOOKS(script, 2000, LOOP, CLIENT_A, 700, .arrived = 1990, .line = "GET /a");
	WRITE(script, 2010, LOOP, TO_ONE);
	READ(script, 2020, LOOP, CLIENT_B, .arrived = 1995, .line = "GET /b");
	READ(script, 2025, LOOP, CLIENT_C, .arrived = 1995, .line = "GET /c");
	LOOKS(script, 2030, ONE, TO_ONE, 310);
	return script;
}

/* In the turn in which A was handed back B is, without a wake-up. The worker is given C. */
static void hand_back_b_unseen(struct script *script)
{
	WRITE(script, 5110, LOOP, TO_ONE, .off = 3085, .on = 5100, .ready = 2015, .cause = WAIT_RUNNABLE);
	WRITE(script, 5120, LOOP, CLIENT_B, .status = 200);
}

static void hand_back_c(struct script *script)
{
	WRITE(script, 8160, ONE, WAKE);
	LOOKS(script, 8180, LOOP, WAKE, 5140);
	WRITE(script, 8190, LOOP, CLIENT_C, .status = 200);
}

/* A worker that is taken off its core when it has handed something back tells that later than its request ends. */
static void a_worker_may_tell_behind_the_response(void **state)
{
	struct script *script = two_wait_for_the_worker_of_one();
	(void)state;

	hand_back_a_and_give_b(script);
	LOOKS(script, 3090, ONE, TO_ONE, 3035);
	hand_back_b_unseen(script);
	READ(script, 5130, LOOP, CLIENT_B, .arrived = 5122, .epoll = 5125, .events = 1, .epoll_fd = LOOP, .line = "GET /d");
	READ(script, 5160, ONE, TO_ONE, .epoll = 5092, .events = 1, .epoll_fd = ONE, .off = 5095, .on = 5150, .ready = 55,
	     .cause = WAIT_RUNNABLE);
	hand_back_c(script);
	script_conn_ended(script, 9000, CLIENT_B);
	script_finish(script);
	assert_told(script, "GET /b", 2000, 2110);
	assert_told(script, "GET /c", 3000, 3110);
	script_close(script);
}

/* B's connection ends in the midst of the response, and its worker has not told yet: it is told once it has been quiet. */
static void who_waits_for_a_worker_is_told_all_the_same(void **state)
{
	struct script *script = two_wait_for_the_worker_of_one();
	(void)state;

	hand_back_a_and_give_b(script);
	LOOKS(script, 3090, ONE, TO_ONE, 3035);
	WRITE(script, 5110, LOOP, TO_ONE, .off = 3085, .on = 5100, .ready = 2015, .cause = WAIT_RUNNABLE);
	WRITE(script, 5120, LOOP, CLIENT_B, .status = 200, .flags = RECORD_PARTIAL);
	script_conn_ended(script, 5130, CLIENT_B);
	READ(script, 5160, ONE, TO_ONE, .epoll = 5092, .events = 1, .epoll_fd = ONE, .off = 5095, .on = 5150, .ready = 55,
	     .cause = WAIT_RUNNABLE);
	hand_back_c(script);
	script_tick(script, 5120 + 2000000);
	assert_told(script, "GET /b", 2000, 2110);
	script_finish(script);
	script_close(script);
}

/* What it has read before that was told to be written it has just as well when it is found to have handed that back. */
static void a_worker_may_read_before_it_is_told_the_write(void **state)
{
	struct script *script = two_wait_for_the_worker_of_one();
	(void)state;

	WRITE(script, 3030, ONE, WAKE);
	LOOKS(script, 3050, LOOP, WAKE, 2030);
	LOOKS(script, 3058, ONE, TO_ONE, 3035);
	WRITE(script, 3060, LOOP, TO_ONE);
	WRITE(script, 3080, LOOP, CLIENT_A, .status = 200);
	WINDOW(script, 5095, ONE, .epoll = 5092, .events = 1, .epoll_fd = ONE, .off = 3059, .on = 3061, .cause = WAIT_RUNNABLE);
	hand_back_b_unseen(script);
	READ(script, 5160, ONE, TO_ONE, .off = 5095, .on = 5150, .ready = 55, .cause = WAIT_RUNNABLE);
	hand_back_c(script);
	script_finish(script);
	assert_told(script, "GET /b", 2000, 2110);
	assert_told(script, "GET /c", 3000, 3110);
	script_close(script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_waits_longest_is_given_a_worker),
		cmocka_unit_test(two_may_hand_back_at_once),
		cmocka_unit_test(work_goes_on_behind_calls),
		cmocka_unit_test(the_loop_looks_at_its_workers_in_their_order),
		cmocka_unit_test(for_workers_and_for_connections_are_two_lines),
		cmocka_unit_test(a_response_may_contradict_the_line),
		cmocka_unit_test(the_trace_may_begin_with_wakeups),
		cmocka_unit_test(a_worker_may_tell_behind_the_response),
		cmocka_unit_test(who_waits_for_a_worker_is_told_all_the_same),
		cmocka_unit_test(a_worker_may_read_before_it_is_told_the_write),
	};

	return cmocka_run_group_tests_name("engine: worker threads", tests, NULL, NULL);
}
