/* SPDX-License-Identifier: BSD-2-Clause */
/* Rule 15 where a task answers and turns to the next request of its connection, which had come by then. Times in µs. */
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
	RUNS(script, 2010, LOOP, 102, .left = WAIT_PIPE, .off = 1190, .on = 2000, .cause = WAIT_POLL, .epoll = 2002, .events = 1);
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
	RUNS(script, 2010, LOOP, 102, .left = WAIT_PIPE, .off = 1190, .on = 2000, .cause = WAIT_POLL, .epoll = 2002, .events = 1);
	READ(script, 2020, LOOP, CLIENT_A, .arrived = 2000, .line = "GET /next");
	WOKEN(script, 2030, LOOP, NEXT);
	RUNS(script, 2040, LOOP, NEXT, ENDS);
	WRITE(script, 2140, LOOP, CLIENT_A, .status = 200);
	RUNS(script, 2150, LOOP, TASK_B, .left = WAIT_PIPE);
	RUNS(script, 2160, LOOP, NEXT, .left = WAIT_PIPE);
	RUNS(script, 2260, LOOP, TASK_B, .left = WAIT_PIPE);
	RUNS(script, 3010, LOOP, 103, .left = WAIT_PIPE, .off = 2270, .on = 3000, .cause = WAIT_POLL, .epoll = 3002, .events = 1);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_next_request_of_task),
		cmocka_unit_test(test_next_request_of_last_task),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
