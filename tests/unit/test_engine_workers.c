/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 9 where a loop has worker threads (Node's): it gives them work by an eventfd of each one's, and they wake it by its own. Times in
 * µs.
 */
#include <stdio.h>

#include "unit/engine_script.h"

enum { LOOP = 1, ONE, TWO };
enum { CLIENT_X = 100, CLIENT_A, CLIENT_B, CLIENT_C, CLIENT_D, DB = 200, OTHER_DB, WAKE = 300, TO_ONE, TO_TWO };

/* What a thread finds when its epoll returns at `at` - 5, having slept since `off`. */
#define LOOKS(script, at, tid, conn, since, ...)                                                                                           \
	READ(script, at, tid, conn, .off = since, .on = (at)-10, .cause = WAIT_POLL, .epoll = (at)-5, .events = 1, .epoll_fd = tid,        \
	     ##__VA_ARGS__)

static struct script *open_server(void)
{
	struct script *script = script_open();

	for (uint32_t tid = LOOP; tid <= TWO; tid++)
		script_thread(script, 0, tid, LOOP, THREAD_FOUND);
	for (uint64_t conn = CLIENT_X; conn <= CLIENT_D; conn++)
		script_conn(script, conn, CONN_SERVER, 8080);
	for (uint64_t conn = WAKE; conn <= TO_TWO; conn++)
		script_conn(script, conn, CONN_PAIR, 0);
	for (uint64_t conn = DB; conn <= OTHER_DB; conn++)
		script_conn(script, conn, CONN_DOWNSTREAM, 5432);
	return script;
}

/* Both workers have served one request each, at 1000: the loop sleeps since 1000, they since 900. */
static struct script *server(void)
{
	struct script *script = open_server();

	for (uint32_t tid = ONE; tid <= TWO; tid++) {
		uint64_t at = 200 + 300 * (tid - ONE);

		LOOKS(script, at, LOOP, CLIENT_X, at - 90, .arrived = at - 10, .line = "GET /x");
		WRITE(script, at + 10, LOOP, TO_ONE + tid - ONE);
		LOOKS(script, at + 30, tid, TO_ONE + tid - ONE, 10);
		WRITE(script, at + 100, tid, WAKE);
		LOOKS(script, at + 120, LOOP, WAKE, at + 15);
		WRITE(script, at + 130, LOOP, CLIENT_X, .status = 200);
	}
	return script;
}

static void assert_told(const struct script *script, const char *line, uint64_t cpu_at_least, uint64_t cpu_at_most)
{
	const struct told *told = told_of(script, line);

	assert_in_range(told->cpu_time, cpu_at_least, cpu_at_most);
	assert_false(told->ambiguous);
}

/* The second request waits until the worker is free; then its callback's first act is to give it to that. */
static void who_waits_longest_is_given_a_worker(void **state)
{
	struct script *script = server();
	(void)state;

	LOOKS(script, 2000, LOOP, CLIENT_A, 700, .arrived = 1990, .line = "GET /a");
	WRITE(script, 2010, LOOP, TO_ONE);
	READ(script, 2020, LOOP, CLIENT_B, .arrived = 1995, .line = "GET /b");
	LOOKS(script, 2030, ONE, TO_ONE, 310);
	WRITE(script, 3030, ONE, WAKE);
	LOOKS(script, 3050, LOOP, WAKE, 2030);
	WRITE(script, 3060, LOOP, TO_ONE);
	WRITE(script, 3080, LOOP, CLIENT_A, .status = 200);
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

/* Still awake, the worker finds what it is given without looking at its eventfd, and reads that later. */
static void a_worker_may_go_on_unread(void **state)
{
	struct script *script = server();
	(void)state;

	LOOKS(script, 2000, LOOP, CLIENT_A, 700, .arrived = 1990, .line = "GET /a");
	WRITE(script, 2010, LOOP, TO_ONE);
	READ(script, 2020, LOOP, CLIENT_B, .arrived = 1995, .line = "GET /b");
	LOOKS(script, 2030, ONE, TO_ONE, 310);
	WRITE(script, 3030, ONE, WAKE);
	LOOKS(script, 3050, LOOP, WAKE, 2030);
	WRITE(script, 3060, LOOP, TO_ONE);
	WRITE(script, 3080, LOOP, CLIENT_A, .status = 200);
	WRITE(script, 5060, ONE, WAKE, .off = 3040, .on = 3059, .ready = 19, .cause = WAIT_RUNNABLE);
	READ(script, 5070, ONE, TO_ONE, .epoll = 5065, .events = 1, .epoll_fd = ONE);
	LOOKS(script, 5080, LOOP, WAKE, 3090);
	WRITE(script, 5130, LOOP, CLIENT_B, .status = 200);
	script_finish(script);
	assert_told(script, "GET /a", 1000, 1110);
	assert_told(script, "GET /b", 2000, 2120);
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

/* The worker is done with what it was given unseen before the callback that gave it that has shown itself: the loop was off its core. */
static void what_was_given_unseen_may_show_late(void **state)
{
	struct script *script = server();
	(void)state;

	LOOKS(script, 2000, LOOP, CLIENT_A, 700, .arrived = 1990, .line = "GET /a");
	WRITE(script, 2010, LOOP, TO_ONE);
	READ(script, 2020, LOOP, CLIENT_B, .arrived = 1995, .line = "GET /b");
	READ(script, 2025, LOOP, CLIENT_C, .arrived = 1995, .line = "GET /c");
	LOOKS(script, 2030, ONE, TO_ONE, 310);
	WRITE(script, 3030, ONE, WAKE);
	LOOKS(script, 3050, LOOP, WAKE, 2030);
	WRITE(script, 3060, LOOP, TO_ONE);
	WRITE(script, 3080, LOOP, CLIENT_A, .status = 200);
	WRITE(script, 5060, ONE, WAKE, .off = 3040, .on = 3059, .ready = 19, .cause = WAIT_RUNNABLE);
	LOOKS(script, 5075, LOOP, WAKE, 3090);
	WRITE(script, 8080, ONE, WAKE, .off = 5062, .on = 5079, .ready = 17, .cause = WAIT_RUNNABLE);
	READ(script, 8090, ONE, TO_ONE, .epoll = 8085, .events = 1, .epoll_fd = ONE);
	WRITE(script, 8100, LOOP, CLIENT_B, .status = 200, .off = 5080, .on = 8085, .ready = 3005, .cause = WAIT_RUNNABLE);
	WRITE(script, 8120, LOOP, CLIENT_C, .status = 200);
	script_finish(script);
	assert_told(script, "GET /a", 1000, 1110);
	assert_told(script, "GET /b", 2000, 2130);
	assert_told(script, "GET /c", 2990, 3100);
	script_close(script);
}

/* … and it may be what runs, which stood in no line, as a worker was free. */
static void what_runs_may_be_given_unseen(void **state)
{
	struct script *script = server();
	(void)state;

	LOOKS(script, 2000, LOOP, CLIENT_A, 700, .arrived = 1990, .line = "GET /a");
	WRITE(script, 2010, LOOP, TO_ONE);
	LOOKS(script, 2030, ONE, TO_ONE, 310);
	WRITE(script, 3030, ONE, WAKE);
	LOOKS(script, 3050, LOOP, WAKE, 2020);
	WRITE(script, 3080, LOOP, CLIENT_A, .status = 200);
	READ(script, 3090, LOOP, CLIENT_B, .arrived = 3060, .epoll = 3085, .events = 1, .epoll_fd = LOOP, .line = "GET /b");
	WRITE(script, 3100, LOOP, TO_ONE);
	WRITE(script, 5110, ONE, WAKE, .off = 3040, .on = 3110, .ready = 70, .cause = WAIT_RUNNABLE);
	LOOKS(script, 5130, LOOP, WAKE, 3110);
	WRITE(script, 5140, LOOP, CLIENT_B, .status = 200);
	READ(script, 5150, LOOP, CLIENT_C, .arrived = 5120, .epoll = 5145, .events = 1, .epoll_fd = LOOP, .line = "GET /c");
	WRITE(script, 8160, ONE, WAKE, .off = 5120, .on = 5160, .ready = 40, .cause = WAIT_RUNNABLE);
	READ(script, 8170, ONE, TO_ONE, .epoll = 8165, .events = 1, .epoll_fd = ONE);
	LOOKS(script, 8180, LOOP, WAKE, 5170);
	WRITE(script, 8190, LOOP, CLIENT_C, .status = 200);
	script_finish(script);
	assert_told(script, "GET /a", 1000, 1110);
	assert_told(script, "GET /b", 2000, 2110);
	assert_told(script, "GET /c", 3000, 3110);
	script_close(script);
}

/* A worker that has read its eventfd, and was taken off its core before it had looked what there was, needs no wake-up. */
static void a_worker_may_have_read_but_not_looked(void **state)
{
	struct script *script = server();
	(void)state;

	LOOKS(script, 2000, LOOP, CLIENT_A, 700, .arrived = 1990, .line = "GET /a");
	WRITE(script, 2010, LOOP, TO_ONE);
	READ(script, 2020, LOOP, CLIENT_B, .arrived = 1995, .line = "GET /b");
	LOOKS(script, 2030, ONE, TO_ONE, 310);
	WRITE(script, 3030, ONE, WAKE);
	READ(script, 3040, ONE, TO_ONE, .epoll = 3035, .events = 1, .epoll_fd = ONE);
	LOOKS(script, 3050, LOOP, WAKE, 2030);
	WRITE(script, 3080, LOOP, CLIENT_A, .status = 200);
	WRITE(script, 5100, ONE, WAKE, .off = 3042, .on = 3090, .ready = 48, .cause = WAIT_RUNNABLE);
	LOOKS(script, 5120, LOOP, WAKE, 3090);
	WRITE(script, 5130, LOOP, CLIENT_B, .status = 200);
	script_finish(script);
	assert_told(script, "GET /a", 1000, 1110);
	assert_told(script, "GET /b", 2000, 2060);
	script_close(script);
}

/* One that reads its eventfd for another reason may find there what the loop gives it only then: that wake-up it reads later. */
static void a_worker_may_look_later_than_it_reads(void **state)
{
	struct script *script = server();
	(void)state;

	LOOKS(script, 2000, LOOP, CLIENT_A, 700, .arrived = 1990, .line = "GET /a");
	WRITE(script, 2010, LOOP, TO_ONE);
	READ(script, 2020, LOOP, CLIENT_B, .arrived = 1995, .line = "GET /b");
	LOOKS(script, 2030, ONE, TO_ONE, 310);
	WRITE(script, 3030, ONE, WAKE);
	READ(script, 3040, ONE, TO_ONE, .epoll = 3035, .events = 1, .epoll_fd = ONE);
	LOOKS(script, 3350, LOOP, WAKE, 2030);
	WRITE(script, 3360, LOOP, TO_ONE);
	WRITE(script, 3380, LOOP, CLIENT_A, .status = 200);
	WRITE(script, 5420, ONE, WAKE, .off = 3042, .on = 3420, .ready = 378, .cause = WAIT_RUNNABLE);
	READ(script, 5430, ONE, TO_ONE, .epoll = 5425, .events = 1, .epoll_fd = ONE);
	LOOKS(script, 5440, LOOP, WAKE, 3390);
	WRITE(script, 5450, LOOP, CLIENT_B, .status = 200);
	READ(script, 5465, LOOP, CLIENT_C, .arrived = 5455, .epoll = 5460, .events = 1, .epoll_fd = LOOP, .line = "GET /c");
	WRITE(script, 5480, LOOP, TO_ONE);
	LOOKS(script, 5500, ONE, TO_ONE, 5435);
	WRITE(script, 8500, ONE, WAKE);
	LOOKS(script, 8520, LOOP, WAKE, 5485);
	WRITE(script, 8530, LOOP, CLIENT_C, .status = 200);
	script_finish(script);
	assert_told(script, "GET /a", 1000, 1110);
	assert_told(script, "GET /b", 2000, 2060);
	assert_told(script, "GET /c", 3000, 3100);
	script_close(script);
}

/* Its runtime wakes a worker too: that gives it nothing. */
static void a_worker_may_wake_itself(void **state)
{
	struct script *script = server();
	(void)state;

	LOOKS(script, 2000, LOOP, CLIENT_A, 700, .arrived = 1990, .line = "GET /a");
	WRITE(script, 2010, LOOP, TO_ONE);
	READ(script, 2020, LOOP, CLIENT_B, .arrived = 1995, .line = "GET /b");
	LOOKS(script, 2030, ONE, TO_ONE, 310);
	WRITE(script, 2500, ONE, TO_ONE);
	WRITE(script, 3030, ONE, WAKE);
	LOOKS(script, 3050, LOOP, WAKE, 2030);
	WRITE(script, 3060, LOOP, TO_ONE);
	WRITE(script, 3080, LOOP, CLIENT_A, .status = 200);
	WRITE(script, 5060, ONE, WAKE, .off = 3040, .on = 3059, .ready = 19, .cause = WAIT_RUNNABLE);
	READ(script, 5070, ONE, TO_ONE, .epoll = 5065, .events = 1, .epoll_fd = ONE);
	LOOKS(script, 5080, LOOP, WAKE, 3090);
	WRITE(script, 5130, LOOP, CLIENT_B, .status = 200);
	script_finish(script);
	assert_told(script, "GET /a", 1000, 1110);
	assert_told(script, "GET /b", 2000, 2120);
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

	LOOKS(script, 1000, LOOP, CLIENT_A, 700, .arrived = 990, .line = "GET /p");
	WRITE(script, 1010, LOOP, TO_ONE);
	READ(script, 1015, LOOP, CLIENT_B, .arrived = 995, .line = "GET /q");
	LOOKS(script, 1030, ONE, TO_ONE, 310);
	WRITE(script, 1100, ONE, WAKE);
	LOOKS(script, 1110, LOOP, WAKE, 1020);
	WRITE(script, 1120, LOOP, TO_ONE);
	WRITE(script, 1130, LOOP, CLIENT_A, .status = 200);
	LOOKS(script, 1150, ONE, TO_ONE, 1105);
	WRITE(script, 1200, ONE, WAKE);
	LOOKS(script, 1220, LOOP, WAKE, 1135);
	WRITE(script, 1230, LOOP, CLIENT_B, .status = 200);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_waits_longest_is_given_a_worker),
		cmocka_unit_test(a_worker_may_go_on_unread),
		cmocka_unit_test(two_may_hand_back_at_once),
		cmocka_unit_test(work_goes_on_behind_calls),
		cmocka_unit_test(the_loop_looks_at_its_workers_in_their_order),
		cmocka_unit_test(what_was_given_unseen_may_show_late),
		cmocka_unit_test(what_runs_may_be_given_unseen),
		cmocka_unit_test(a_worker_may_have_read_but_not_looked),
		cmocka_unit_test(a_worker_may_look_later_than_it_reads),
		cmocka_unit_test(a_worker_may_wake_itself),
		cmocka_unit_test(for_workers_and_for_connections_are_two_lines),
		cmocka_unit_test(a_response_may_contradict_the_line),
		cmocka_unit_test(the_trace_may_begin_with_wakeups),
	};

	return cmocka_run_group_tests_name("engine: worker threads", tests, NULL, NULL);
}
