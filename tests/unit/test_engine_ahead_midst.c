/* SPDX-License-Identifier: BSD-2-Clause */
/* Rule 11: where the tracer comes in the midst of the work of a loop that reads ahead. Times in µs. */
#include <stdio.h>

#include "unit/engine_script.h"

enum { LOOP = 1 };
enum { CLIENT_A = 100, CLIENT_B, CLIENT_C, CLIENT_D, CLIENT_U, CLIENT_V, CLIENT_W, CLIENT_X, DB_A = 200, DB_B, DB_C, DB_D, DB_U, DB_V };

static struct script *attach(void)
{
	struct script *script = script_open();

	script_thread(script, 0, LOOP, LOOP, THREAD_FOUND);
	for (uint64_t i = CLIENT_A; i <= CLIENT_X; i++)
		script_conn(script, i, CONN_SERVER, 8080);
	for (uint64_t i = DB_A; i <= DB_V; i++)
		script_conn(script, i, CONN_DOWNSTREAM, 5432);
	return script;
}

/*
 * Queued are by then tries to read what was written before the trace: A's request, U's answer and B's request are found, and C's and D's
 * behind a step that answers W. That it reads on there, behind a step and without an epoll return, shows how it reads. So the steps come in
 * the order of the reads: A's, U's, which answers it, B's, C's and D's; then V's, whose question and answer were seen, and so on. That
 * DB_D was looked at while the loop seemed to work for A says nothing. B is ambiguous: what answered W had seemed to be for it, which had
 * been read for last.
 */
static struct script *come_in_the_midst(void)
{
	struct script *script = attach();

	WRITE(script, 10, LOOP, DB_V);
	READ(script, 30, LOOP, CLIENT_A, .epoll = 20, .events = 1, .arrived = 5, .line = "GET /a");
	READ_NOTHING(script, 35, LOOP, DB_D);
	READ(script, 40, LOOP, DB_U, .arrived = 5);
	READ(script, 50, LOOP, CLIENT_B, .arrived = 5, .line = "GET /b");
	WRITE(script, 550, LOOP, CLIENT_W, .status = 200);
	READ(script, 560, LOOP, CLIENT_C, .arrived = 5, .line = "GET /c");
	READ(script, 570, LOOP, CLIENT_D, .arrived = 5, .line = "GET /d");
	WRITE(script, 1070, LOOP, DB_A);
	WRITE(script, 1570, LOOP, CLIENT_U, .status = 200);
	WRITE(script, 2070, LOOP, DB_B);
	READ(script, 2080, LOOP, DB_V, .arrived = 1000);
	READ_NOTHING(script, 2090, LOOP, CLIENT_W);
	WRITE(script, 2590, LOOP, DB_C);
	WRITE(script, 3090, LOOP, DB_D);
	READ(script, 3100, LOOP, DB_A, .arrived = 3000);
	READ_NOTHING(script, 3110, LOOP, CLIENT_U);
	READ(script, 3120, LOOP, DB_B, .arrived = 3000);
	WRITE(script, 3620, LOOP, CLIENT_V, .status = 200);
	READ(script, 3630, LOOP, DB_C, .arrived = 3500);
	READ(script, 3640, LOOP, DB_D, .arrived = 3500);
	WRITE(script, 4140, LOOP, CLIENT_A, .status = 200);
	WRITE(script, 4640, LOOP, CLIENT_B, .status = 200);
	READ_NOTHING(script, 4650, LOOP, CLIENT_V);
	WRITE(script, 5150, LOOP, CLIENT_C, .status = 200);
	WRITE(script, 5650, LOOP, CLIENT_D, .status = 200);
	return script;
}

static void test_in_the_midst(void **state)
{
	struct script *script = come_in_the_midst();
	(void)state;

	script_finish(script);
	assert_int_equal(script->count, 4);
	for (size_t i = 0; i < script->count; i++)
		assert_int_equal(script->told[i].call_count, 1);
	assert_in_range(told_of(script, "GET /a")->cpu_time, 1000, 1020);
	assert_in_range(told_of(script, "GET /c")->cpu_time, 1000, 1020);
	assert_in_range(told_of(script, "GET /d")->cpu_time, 1000, 1020);
	assert_false(told_of(script, "GET /a")->ambiguous || told_of(script, "GET /c")->ambiguous || told_of(script, "GET /d")->ambiguous);
	assert_true(told_of(script, "GET /b")->ambiguous);
	script_close(script);
}

/*
 * X waited for something within the process when the tracer came, and is answered in front of E's step, which is first: so that is still to
 * come, and so is the one of nobody's behind it.
 */
static void test_answered_in_front(void **state)
{
	struct script *script = come_in_the_midst();
	(void)state;

	READ(script, 5660, LOOP, CLIENT_A, .arrived = 5000, .line = "GET /e");
	READ(script, 5670, LOOP, DB_U, .arrived = 5000);
	READ(script, 5680, LOOP, CLIENT_B, .arrived = 5000, .line = "GET /f");
	WRITE(script, 6180, LOOP, CLIENT_X, .status = 200);
	WRITE(script, 6680, LOOP, DB_A);
	WRITE(script, 7180, LOOP, CLIENT_B, .status = 200);
	READ(script, 7190, LOOP, DB_A, .arrived = 7000);
	WRITE(script, 7690, LOOP, CLIENT_A, .status = 200);
	script_finish(script);
	assert_int_equal(told_of(script, "GET /e")->call_count, 1);
	assert_int_equal(told_of(script, "GET /f")->call_count, 0);
	script_close(script);
}

/*
 * Until V's question, which was seen to be written, is tried, U's answer may have been found at the first try. It has come with an event:
 * its step follows at once, right before epoll returns again, and is none of those that are queued, as shows when what it wrote is tried.
 */
static void test_event_in_the_midst(void **state)
{
	struct script *script = attach();
	(void)state;

	READ(script, 30, LOOP, CLIENT_A, .epoll = 20, .events = 1, .arrived = 5, .line = "GET /a");
	READ(script, 40, LOOP, CLIENT_B, .arrived = 5, .line = "GET /b");
	WRITE(script, 540, LOOP, DB_V);
	READ(script, 550, LOOP, CLIENT_C, .arrived = 5, .line = "GET /c");
	READ(script, 560, LOOP, CLIENT_D, .arrived = 5, .line = "GET /d");
	WRITE(script, 1060, LOOP, DB_A);
	WRITE(script, 1560, LOOP, DB_B);
	READ(script, 1570, LOOP, DB_U, .arrived = 10);
	WRITE(script, 2070, LOOP, CLIENT_U, .status = 200);
	READ(script, 2090, LOOP, DB_V, .epoll = 2080, .events = 1, .arrived = 1000);
	WRITE(script, 2590, LOOP, DB_C);
	WRITE(script, 3090, LOOP, DB_D);
	READ(script, 3100, LOOP, DB_A, .arrived = 2000);
	READ(script, 3110, LOOP, DB_B, .arrived = 2800);
	READ_NOTHING(script, 3120, LOOP, CLIENT_U);
	WRITE(script, 3620, LOOP, CLIENT_V, .status = 200);
	READ(script, 3630, LOOP, DB_C, .arrived = 3500);
	READ(script, 3640, LOOP, DB_D, .arrived = 3600);
	WRITE(script, 4140, LOOP, CLIENT_A, .status = 200);
	WRITE(script, 4640, LOOP, CLIENT_B, .status = 200);
	WRITE(script, 5140, LOOP, CLIENT_C, .status = 200);
	WRITE(script, 5640, LOOP, CLIENT_D, .status = 200);
	script_finish(script);
	assert_in_range(told_of(script, "GET /a")->state[STATE_NET], 930, 2000 - 1060);
	assert_in_range(told_of(script, "GET /b")->state[STATE_NET], 1230, 2800 - 1560);
	assert_in_range(told_of(script, "GET /c")->state[STATE_NET], 900, 3500 - 2590);
	assert_in_range(told_of(script, "GET /d")->state[STATE_NET], 500, 3600 - 3090);
	script_close(script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in_the_midst),
		cmocka_unit_test(test_answered_in_front),
		cmocka_unit_test(test_event_in_the_midst),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
