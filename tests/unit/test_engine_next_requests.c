/* SPDX-License-Identifier: BSD-2-Clause */
/* Rule 15 where a task answers and turns to the next request of its connection, or has made tasks for it before. Times in µs. */
#include <errno.h>

#include "unit/task_script.h"

/*
 * The client has its whole response before the task knows that it is done (FastAPI): the next request is read, and nobody let go on for it.
 * The task that answered turns to it with its next step, and makes a task for it there.
 */
static void test_next_request_of_task(void **state)
{
	struct script *script = server_with_requests();
	(void)state;

	RUNS(script, 1080, LOOP, TASK_A, ENDS);
	MADE(script, 1090, LOOP, CHILD);
	WRITE(script, 1180, LOOP, CLIENT_A, .status = 200);
	RUNS(script, 2010, LOOP, 102, .left = WAIT_PIPE, POLLED(1190, 2000, 1));
	READ(script, 2020, LOOP, CLIENT_A, .arrived = 2000, .line = "GET /next");
	RUNS(script, 2030, LOOP, CHILD, ENDS);
	WOKEN(script, 2040, LOOP, TASK_A);
	RUNS(script, 2050, LOOP, TASK_A, .left = WAIT_PIPE);
	MADE(script, 2060, LOOP, NEXT);
	RUNS(script, 2070, LOOP, NEXT, .left = WAIT_PIPE);
	MADE(script, 2080, LOOP, TASK_B);
	RUNS(script, 2090, LOOP, TASK_B, .left = WAIT_PIPE);
	RUNS(script, 2590, LOOP, NEXT, .left = WAIT_PIPE);
	WRITE(script, 2600, LOOP, CLIENT_A, .status = 200);
	script_finish(script);
	assert_int_equal(told_of(script, "GET /next")->cpu_time, 20 + 20 + 20 + 500 + 10);
	script_close(script);
}

/* Only who answered there last does: not a task that did so before and is still there. What it has computed since is no work of its own. */
static void test_next_request_of_last_task(void **state)
{
	struct script *script = server_with_requests();
	(void)state;

	RUNS(script, 1080, LOOP, TASK_A, ENDS);
	MADE(script, 1090, LOOP, NEXT);
	WRITE(script, 1180, LOOP, CLIENT_A, .status = 200);
	RUNS(script, 2010, LOOP, 102, .left = WAIT_PIPE, POLLED(1190, 2000, 1));
	READ(script, 2020, LOOP, CLIENT_A, .arrived = 2000, .line = "GET /next");
	WOKEN(script, 2030, LOOP, NEXT);
	RUNS(script, 2040, LOOP, NEXT, ENDS);
	WRITE(script, 2140, LOOP, CLIENT_A, .status = 200);
	RUNS(script, 2150, LOOP, TASK_B, .left = WAIT_PIPE);
	RUNS(script, 2160, LOOP, NEXT, .left = WAIT_PIPE);
	RUNS(script, 2260, LOOP, TASK_B, .left = WAIT_PIPE);
	RUNS(script, 3010, LOOP, 103, .left = WAIT_PIPE, POLLED(2270, 3000, 1));
	READ(script, 3020, LOOP, CLIENT_A, .arrived = 3000, .line = "GET /third");
	RUNS(script, 3030, LOOP, TASK_A, ENDS);
	RUNS(script, 3040, LOOP, NEXT, .left = WAIT_PIPE);
	MADE(script, 3050, LOOP, CHILD);
	RUNS(script, 3060, LOOP, CHILD, .left = WAIT_PIPE);
	RUNS(script, 3560, LOOP, NEXT, .left = WAIT_PIPE);
	WRITE(script, 3570, LOOP, CLIENT_A, .status = 200);
	script_finish(script);
	assert_int_equal(told_of(script, "GET /third")->cpu_time, 20 + 20 + 500 + 10);
	script_close(script);
}

/* ---- what a task goes on to do behind its response ------------------------------------------------------------------------------- */

/*
 * It connects, for a call, while the loop reads the next request of its client: it turns to that only when its answer is there. Until 7080.
 */
static struct script *asks_behind_its_response(void)
{
	struct script *script = server_with_requests();

	RUNS(script, 1080, LOOP, TASK_A, ENDS);
	WRITE(script, 1180, LOOP, CLIENT_A, .status = 200);
	script_conn(script, NEW_DB, CONN_DOWNSTREAM, 5432);
	script_span(script, 1680, LOOP, RECORD_IO, IO_CONNECT, NEW_DB, -EINPROGRESS, (struct with){0});
	RUNS(script, 2010, LOOP, 102, .left = WAIT_PIPE, POLLED(1690, 2000, 2));
	READ(script, 2020, LOOP, CLIENT_A, .arrived = 1170, .line = "GET /next");
	RUNS(script, 2030, LOOP, 103, ENDS);
	WOKEN(script, 2040, LOOP, TASK_A);
	RUNS(script, 2050, LOOP, TASK_A, ENDS);
	WRITE(script, 2060, LOOP, NEW_DB);
	RUNS(script, 7010, LOOP, 104, .left = WAIT_PIPE, POLLED(2070, 7000, 1));
	READ(script, 7020, LOOP, NEW_DB, .arrived = 7000);
	WOKEN(script, 7030, LOOP, TASK_A);
	RUNS(script, 7040, LOOP, TASK_A, ENDS);
	return script;
}

static void test_next_request_behind_a_call(void **state)
{
	struct script *script = asks_behind_its_response();
	(void)state;

	WRITE(script, 7080, LOOP, CLIENT_A, .status = 200);
	script_finish(script);
	assert_int_equal(told_of(script, "GET /next")->call_count, 0);
	assert_int_equal(told_of(script, "GET /next")->state[STATE_NET], 0);
	assert_int_equal(told_of(script, "GET /next")->cpu_time, 10 + 10 + 40); /* the callback that reads it, and the last step */
	assert_in_range(told_of(script, "GET /next")->state[STATE_QUEUE], 7030 - 2030, 7040 - 2020);
	assert_false(told_of(script, "GET /next")->ambiguous);
	assert_int_equal(told_of(script, "GET /a")->state[STATE_NET], 0);
	script_close(script);
}

/* What it burns then may be of either. */
static void test_next_request_or_rest(void **state)
{
	struct script *script = asks_behind_its_response();
	(void)state;

	WRITE(script, 9080, LOOP, CLIENT_A, .status = 200);
	script_finish(script);
	assert_int_equal(told_of(script, "GET /next")->call_count, 0);
	assert_true(told_of(script, "GET /next")->ambiguous);
	script_close(script);
}

/* So may what it asks then. */
static void test_next_request_or_another_call(void **state)
{
	struct script *script = asks_behind_its_response();
	(void)state;

	WRITE(script, 7080, LOOP, DB);
	RUNS(script, 9010, LOOP, 105, .left = WAIT_PIPE, POLLED(7090, 9000, 1));
	READ(script, 9020, LOOP, DB, .arrived = 9000);
	WOKEN(script, 9030, LOOP, TASK_A);
	RUNS(script, 9040, LOOP, TASK_A, ENDS);
	WRITE(script, 9080, LOOP, CLIENT_A, .status = 200);
	script_finish(script);
	assert_int_equal(told_of(script, "GET /next")->call_count, 1);
	assert_int_equal(told_of(script, "GET /next")->state[STATE_NET], 9000 - 7090);
	assert_true(told_of(script, "GET /next")->ambiguous);
	script_close(script);
}

/* It turned to the next one when it could not connect: what it does in that step may be of either. */
static void test_next_request_after_no_connection(void **state)
{
	struct script *script = server_with_requests();
	(void)state;

	RUNS(script, 1080, LOOP, TASK_A, ENDS);
	WRITE(script, 1180, LOOP, CLIENT_A, .status = 200);
	script_conn(script, NEW_DB, CONN_DOWNSTREAM, 5432);
	script_span(script, 1680, LOOP, RECORD_IO, IO_CONNECT, NEW_DB, -EINPROGRESS, (struct with){0});
	RUNS(script, 2010, LOOP, 102, .left = WAIT_PIPE, POLLED(1690, 2000, 2));
	READ(script, 2020, LOOP, CLIENT_A, .arrived = 1170, .line = "GET /next");
	RUNS(script, 2030, LOOP, 103, ENDS);
	WOKEN(script, 2040, LOOP, TASK_A);
	RUNS(script, 2050, LOOP, TASK_A, ENDS);
	WRITE(script, 3050, LOOP, CLIENT_A, .status = 200);
	script_finish(script);
	assert_int_equal(told_of(script, "GET /next")->cpu_time, 10 + 10 + 1000);
	assert_true(told_of(script, "GET /next")->ambiguous);
	script_close(script);
}

/* A timer lets it go on. */
static void test_next_request_behind_a_sleep(void **state)
{
	struct script *script = server_with_requests();
	(void)state;

	RUNS(script, 1080, LOOP, TASK_A, ENDS);
	WRITE(script, 1180, LOOP, CLIENT_A, .status = 200);
	RUNS(script, 2010, LOOP, 102, .left = WAIT_PIPE, POLLED(1190, 2000, 1));
	READ(script, 2020, LOOP, CLIENT_A, .arrived = 1170, .line = "GET /next");
	RUNS(script, 5010, LOOP, 103, ENDS, POLLED(2030, 5000, 0));
	WOKEN(script, 5020, LOOP, TASK_A);
	RUNS(script, 5030, LOOP, TASK_A, ENDS);
	WRITE(script, 8030, LOOP, CLIENT_A, .status = 200);
	script_finish(script);
	assert_in_range(told_of(script, "GET /next")->cpu_time, 3000, 3000 + 50);
	assert_int_equal(told_of(script, "GET /next")->state[STATE_SLEEP], 0);
	assert_true(told_of(script, "GET /next")->ambiguous);
	script_close(script);
}

/*
 * A task that was made for a request (aiohttp) goes on with that, whatever has been read, until it lets the one go on that has made it:
 * that turns to the next.
 */
static void test_next_request_of_maker(void **state)
{
	struct script *script = server_with_requests();
	(void)state;

	RUNS(script, 1080, LOOP, TASK_A, ENDS);
	MADE(script, 1090, LOOP, CHILD);
	RUNS(script, 1100, LOOP, CHILD, .left = WAIT_PIPE);
	WRITE(script, 1180, LOOP, CLIENT_A, .status = 200);
	RUNS(script, 2010, LOOP, 102, .left = WAIT_PIPE, POLLED(1190, 2000, 1));
	READ(script, 2020, LOOP, CLIENT_A, .arrived = 1170, .line = "GET /next");
	RUNS(script, 3010, LOOP, 103, ENDS, POLLED(2030, 3000, 0));
	WOKEN(script, 3020, LOOP, CHILD);
	RUNS(script, 3030, LOOP, CHILD, ENDS);
	WRITE(script, 6030, LOOP, DB);
	RUNS(script, 7010, LOOP, 104, .left = WAIT_PIPE, POLLED(6040, 7000, 1));
	READ(script, 7020, LOOP, DB, .arrived = 7000);
	WOKEN(script, 7030, LOOP, CHILD);
	RUNS(script, 7040, LOOP, CHILD, ENDS);
	WOKEN(script, 8040, LOOP, TASK_A);
	RUNS(script, 8050, LOOP, TASK_A, .left = WAIT_PIPE);
	MADE(script, 8060, LOOP, NEXT);
	RUNS(script, 8070, LOOP, NEXT, .left = WAIT_PIPE);
	WRITE(script, 8570, LOOP, CLIENT_A, .status = 200);
	script_finish(script);
	assert_int_equal(told_of(script, "GET /next")->call_count, 0);
	assert_in_range(told_of(script, "GET /next")->cpu_time, 10 + 500, 20 + 20 + 500 + 20);
	assert_false(told_of(script, "GET /next")->ambiguous);
	script_close(script);
}

/*
 * A task from before the trace makes one for a request that was read early, and that one makes another. Nobody is told for whom; but when
 * one of them answers, all that it has made has worked for that request.
 */
static void test_makers_from_before_the_trace(void **state)
{
	struct script *script = server_with_tasks();
	(void)state;

	RUNS(script, 1010, LOOP, 100, POLLED(100, 1000, 1));
	READ(script, 1020, LOOP, CLIENT_A, .arrived = 1000, .line = "GET /a");
	RUNS(script, 1030, LOOP, TASK_A, ENDS);
	MADE(script, 1040, LOOP, NEXT);
	RUNS(script, 1050, LOOP, NEXT, .left = WAIT_PIPE);
	MADE(script, 1060, LOOP, CHILD);
	RUNS(script, 1070, LOOP, CHILD, .left = WAIT_PIPE);
	WRITE(script, 1570, LOOP, DB);
	RUNS(script, 1580, LOOP, TASK_B, .left = WAIT_PIPE);
	RUNS(script, 3010, LOOP, 101, ENDS, POLLED(1590, 3000, 1));
	READ(script, 3020, LOOP, DB, .arrived = 3000);
	WOKEN(script, 3030, LOOP, CHILD);
	RUNS(script, 3040, LOOP, CHILD, ENDS);
	RUNS(script, 3340, LOOP, NEXT, .left = WAIT_PIPE);
	WRITE(script, 3350, LOOP, CLIENT_A, .status = 200);
	script_finish(script);
	/* The read, its own step and CHILD's, from when they were made. */
	assert_in_range(told_of(script, "GET /a")->cpu_time, 10 + 500 + 300 + 10, 10 + 20 + 510 + 50 + 300 + 10);
	assert_int_equal(told_of(script, "GET /a")->call_count, 1);
	assert_false(told_of(script, "GET /a")->ambiguous);
	script_close(script);
}

/* uvloop: what a task did until it answers a request from before the trace was for that one, and what it does then is open. */
static void test_put_off_answer_to_nobody_known(void **state)
{
	struct script *script = server_with_tasks();
	struct process process;
	(void)state;

	RUNS(script, 50, LOOP, 99);
	READ(script, 1010, LOOP, DB, .arrived = 1000, POLLED(100, 1000, 1));
	RUNS(script, 1015, LOOP, 100);
	WOKEN(script, 1020, LOOP, TASK_A);
	RUNS(script, 1030, LOOP, TASK_A, ENDS);
	QUEUES(script, 1530, LOOP, CLIENT_A);
	WOKEN(script, 1532, LOOP, TASK_B);
	RUNS(script, 1534, LOOP, TASK_B, .left = WAIT_PIPE);
	WRITE(script, 1540, LOOP, CLIENT_A, .status = 200);
	READ(script, 3010, LOOP, CLIENT_A, .arrived = 3000, .line = "GET /a", POLLED(1550, 3000, 2));
	RUNS(script, 3015, LOOP, 101);
	WOKEN(script, 3020, LOOP, TASK_A);
	READ(script, 3030, LOOP, CLIENT_B, .arrived = 3000, .line = "GET /b");
	RUNS(script, 3035, LOOP, 102);
	WOKEN(script, 3040, LOOP, TASK_B);
	RUNS(script, 3050, LOOP, TASK_A, ENDS);
	QUEUES(script, 3250, LOOP, DB);
	RUNS(script, 3260, LOOP, TASK_B, .left = WAIT_PIPE);
	QUEUES(script, 3660, LOOP, CLIENT_B);
	WRITE(script, 3670, LOOP, DB);
	WRITE(script, 3680, LOOP, CLIENT_B, .status = 200);
	READ(script, 5010, LOOP, DB, .arrived = 5000, POLLED(3690, 5000, 1));
	RUNS(script, 5015, LOOP, 103);
	WOKEN(script, 5020, LOOP, TASK_A);
	RUNS(script, 5030, LOOP, TASK_A, ENDS);
	QUEUES(script, 5130, LOOP, CLIENT_A);
	WRITE(script, 5140, LOOP, CLIENT_A, .status = 200);
	process = script_finish(script);
	assert_in_range(told_of(script, "GET /a")->cpu_time, 200 + 100, 200 + 100 + 100);
	assert_int_equal(told_of(script, "GET /a")->call_count, 1);
	assert_int_equal(told_of(script, "GET /a")->state[STATE_NET], 5000 - 3670);
	assert_in_range(told_of(script, "GET /b")->cpu_time, 400, 400 + 50);
	assert_in_range(process.unattributed_cpu_ns, 500 * US, 600 * US);
	script_close(script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_next_request_of_task),         cmocka_unit_test(test_next_request_of_last_task),
		cmocka_unit_test(test_next_request_behind_a_call),   cmocka_unit_test(test_next_request_or_rest),
		cmocka_unit_test(test_next_request_or_another_call), cmocka_unit_test(test_next_request_after_no_connection),
		cmocka_unit_test(test_next_request_behind_a_sleep),  cmocka_unit_test(test_next_request_of_maker),
		cmocka_unit_test(test_makers_from_before_the_trace), cmocka_unit_test(test_put_off_answer_to_nobody_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
