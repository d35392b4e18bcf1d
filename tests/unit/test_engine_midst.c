/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 11 where the tracer comes in the midst of a loop's work (asyncio, which no hook tells of): steps of requests from before the trace
 * come in their turn among the others. Times in µs.
 */
#include "unit/loop_script.h"

static struct script *asyncio_server(void)
{
	struct script *script = server();

	script_runtime(script, LOOP, RUNTIME_PYTHON);
	return script;
}

/* The answers of two others are read before B: the first one is answered, the second one asks, and only then it is B's turn. */
static void check_turns(struct script *script)
{
	const struct told *b;

	/* It defers. */
	READ(script, 810, LOOP, CLIENT_D, .epoll = 805, .events = 1, .arrived = 800, .line = "GET /first");
	WRITE(script, 840, LOOP, CLIENT_D, .epoll = 820, .status = 200);
	READ(script, 1010, LOOP, DB, .epoll = 1005, .events = 3, .arrived = 900);
	READ(script, 1020, LOOP, DB_2, .arrived = 950);
	READ(script, 1030, LOOP, CLIENT_B, .arrived = 960, .line = "GET /b");
	WRITE(script, 1540, LOOP, CLIENT_A, .epoll = 1040, .status = 200);
	WRITE(script, 2240, LOOP, DB);
	WRITE(script, 3240, LOOP, DB_3);
	READ(script, 3260, LOOP, DB, .epoll = 3250, .events = 2, .arrived = 3100);
	READ(script, 3270, LOOP, DB_3, .arrived = 3245);
	WRITE(script, 3980, LOOP, CLIENT_C, .epoll = 3280, .status = 200);
	WRITE(script, 4980, LOOP, CLIENT_B, .status = 200);
	script_finish(script);
	b = told_of(script, "GET /b");
	assert_int_equal(b->call_count, 1);
	assert_int_equal(b->peer_union, 3245 - 3240);
	assert_in_range(b->cpu_time, 2000, 2000 + 50);
	assert_false(b->ambiguous);
	script_close(script);
}

/* Both had asked before the trace. */
static void test_answers_to_what_was_asked_before(void **state)
{
	(void)state;
	check_turns(asyncio_server());
}

/* Both asked in the trace, but before an epoll return showed that this is a loop. */
static void test_calls_before_the_first_round(void **state)
{
	struct script *script = asyncio_server();
	(void)state;

	WRITE(script, 100, LOOP, DB);
	WRITE(script, 600, LOOP, DB_2);
	check_turns(script);
}

/* Another one had connected before the trace, and asks now, which is no work: what is due is B, whose turn comes next. */
static void test_connected_before(void **state)
{
	struct script *script = asyncio_server();
	const struct told *b;
	(void)state;

	READ(script, 1010, LOOP, CLIENT_B, .epoll = 1005, .events = 1, .arrived = 960, .line = "GET /b");
	WRITE(script, 1030, LOOP, DB, .epoll = 1020);
	WRITE(script, 2030, LOOP, DB_2);
	READ(script, 3010, LOOP, DB, .epoll = 2040, .events = 2, .arrived = 2500);
	READ(script, 3020, LOOP, DB_2, .arrived = 2600);
	WRITE(script, 3530, LOOP, CLIENT_A, .epoll = 3030, .status = 200);
	WRITE(script, 4530, LOOP, CLIENT_B, .status = 200);
	script_finish(script);
	b = told_of(script, "GET /b");
	assert_int_equal(b->call_count, 1);
	assert_int_equal(b->peer_union, 2600 - 2030);
	assert_in_range(b->cpu_time, 2000, 2000 + 50);
	assert_false(b->ambiguous);
	script_close(script);
}

/* C is answered when it is B's turn. That says nothing of the order if one from before the trace had still to be answered behind C's read.
 */
static void check_contradiction(bool in_the_midst)
{
	struct script *script = asyncio_server();

	READ(script, 810, LOOP, CLIENT_D, .epoll = 805, .events = 1, .arrived = 800, .line = "GET /first");
	WRITE(script, 840, LOOP, CLIENT_D, .epoll = 820, .status = 200);
	READ(script, 1010, LOOP, CLIENT_B, .epoll = 1005, .events = 2, .arrived = 960, .line = "GET /b");
	READ(script, 1020, LOOP, CLIENT_C, .arrived = 960, .line = "GET /c");
	WRITE(script, 1100, LOOP, DB, .epoll = 1030);
	if (in_the_midst)
		WRITE(script, 1200, LOOP, CLIENT_A, .status = 200);
	READ(script, 1310, LOOP, DB, .epoll = 1305, .events = 1, .arrived = 1300);
	WRITE(script, 1540, LOOP, CLIENT_C, .epoll = 1320, .status = 200);
	WRITE(script, 1840, LOOP, CLIENT_B, .status = 200);
	READ(script, 2010, LOOP, CLIENT_D, .epoll = 2005, .events = 1, .arrived = 2000, .line = "GET /later");
	WRITE(script, 2540, LOOP, CLIENT_D, .epoll = 2020, .status = 200);
	script_finish(script);
	assert_true(told_of(script, "GET /b")->ambiguous);
	assert_true(told_of(script, "GET /c")->ambiguous);
	assert_int_equal(told_of(script, "GET /later")->ambiguous, !in_the_midst);
	script_close(script);
}

static void test_contradictions_in_the_midst(void **state)
{
	(void)state;
	check_contradiction(true);
	check_contradiction(false);
}

/*
 * DB's answer at `at` is that of who has waited for two rounds, or since before the trace; its response goes to `answered`. Then the next
 * one in line asks on DB. A new request, `client`'s, finds no connection meanwhile.
 */
static void give_on(struct script *script, uint64_t at, uint64_t answered, uint64_t client, const char *line)
{
	READ(script, at + 10, LOOP, DB, .epoll = at + 5, .events = 2, .arrived = at);
	READ(script, at + 20, LOOP, client, .arrived = at, .line = line);
	WRITE(script, at + 540, LOOP, answered, .epoll = at + 30, .status = 200);
	WRITE(script, at + 690, LOOP, DB, .epoll = at + 650);
}

/* One stands in line since before the trace. By how many places all others are behind is known once three have been answered. */
static void test_line_from_before(void **state)
{
	enum { UNKNOWN = CLIENT_D + 1, UNKNOWN_2, UNKNOWN_3, REQUESTS = 9 };
	struct script *script = asyncio_server();
	char line[] = "GET /0";
	(void)state;

	for (uint64_t conn = UNKNOWN; conn <= UNKNOWN_3; conn++)
		script_conn(script, conn, CONN_SERVER, 8080);
	READ(script, 510, LOOP, CLIENT_D, .epoll = 505, .events = 1, .arrived = 500, .line = "GET /first");
	WRITE(script, 540, LOOP, CLIENT_D, .epoll = 520, .status = 200);
	READ(script, 610, LOOP, DB_2, .epoll = 605, .events = 2, .arrived = 600);
	READ(script, 620, LOOP, CLIENT_A, .arrived = 600, .line = line);
	WRITE(script, 640, LOOP, UNKNOWN, .epoll = 630, .status = 200);
	for (uint64_t i = 1; i < REQUESTS; i++) {
		line[5] = (char)('0' + i);
		give_on(script, 1000 * i, i < 3 ? UNKNOWN + i : CLIENT_A + (i - 3) % 4, CLIENT_A + i % 4, line);
	}
	script_finish(script);
	for (char i = 0; i < REQUESTS - 3; i++) {
		const struct told *told;

		line[5] = (char)('0' + i);
		told = told_of(script, line);
		assert_int_equal(told->call_count, 1);
		assert_int_equal(told->ambiguous, i < 3);
	}
	assert_int_equal(told_of(script, "GET /4")->state[STATE_POOL], 1010 + 350);
	assert_int_equal(told_of(script, "GET /4")->state[STATE_NET], 1000 - 690);
	script_close(script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers_to_what_was_asked_before),
		cmocka_unit_test(test_calls_before_the_first_round),
		cmocka_unit_test(test_connected_before),
		cmocka_unit_test(test_contradictions_in_the_midst),
		cmocka_unit_test(test_line_from_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
