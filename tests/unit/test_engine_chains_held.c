/* SPDX-License-Identifier: BSD-2-Clause */
/* Rule 12 in Go: who was held up comes to wait later than it seems, or has not waited; and in which order go on who are let go on. In µs.
 */
#include "unit/chains_script.h"

static void reads(struct script *script, uint64_t at, uint32_t thread, uint64_t client, const char *line)
{
	READ(script, at, thread, client, .arrived = at - 5, .line = line);
}

/* A and E have the connections, and B, C and D wait for one, in this order. */
static void begin_with_three(struct script *script)
{
	reads(script, 100, FIRST, CLIENT_A, "GET /a");
	ask(script, 200, FIRST, DB);
	reads(script, 210, FIRST, CLIENT_E, "GET /e");
	ask(script, 310, FIRST, DB_2);
	reads(script, 320, FIRST, CLIENT_B, "GET /b");
	reads(script, 420, FIRST, CLIENT_C, "GET /c");
	reads(script, 520, FIRST, CLIENT_D, "GET /d");
	READ_NOTHING(script, 620, FIRST, CLIENT_F);
}

/* B and C ask once more, behind D. */
static void b_and_c_ask_again(struct script *script)
{
	answer(script, 2000, FIRST, 1226, DB_2);
	ask(script, 2200, FIRST, DB_2); /* D */
	answer(script, 2300, FIRST, 2206, DB);
	ask(script, 2500, FIRST, DB); /* B */
	answer(script, 3000, FIRST, 2506, DB_2);
	WRITE(script, 3100, FIRST, CLIENT_D, .status = 200);
	ask(script, 3110, FIRST, DB_2); /* C */
	answer(script, 3300, FIRST, 3116, DB);
	WRITE(script, 3400, FIRST, CLIENT_B, .status = 200);
	answer(script, 4000, FIRST, 3406, DB_2);
	WRITE(script, 4100, FIRST, CLIENT_C, .status = 200);
	script_finish(script);
}

/* A thread lets B go on, and then C, and then, as it answers, the goroutine that watches the connection: C stands behind B. */
static void test_queued_behind_each_other(void **state)
{
	struct script *script = server(RUNTIME_GO);
	(void)state;

	begin_with_three(script);
	answer(script, 1000, FIRST, 625, DB);
	READ(script, 1010, FIRST, DB_2, .arrived = 1005);
	WRITE(script, 1100, FIRST, CLIENT_A, .status = 200);
	WRITE(script, 1200, FIRST, CLIENT_E, .status = 200);
	ask(script, 1210, FIRST, DB_2); /* B */
	ask(script, 1220, FIRST, DB);   /* C */
	b_and_c_ask_again(script);
	check(script, "GET /b", 100 + 200 + 100, 1210 - 420 + 2500 - 2200, 2);
	check(script, "GET /c", 100 + 200 + 100, 1220 - 520 + 3110 - 2500, 2);
	script_close(script);
}

/* D goes on on B's thread, and so does B, which has only been held up. */
static void test_goes_on_by_itself(void **state)
{
	struct script *script = server(RUNTIME_GO);
	(void)state;

	reads(script, 100, FIRST, CLIENT_A, "GET /a");
	ask(script, 200, FIRST, DB);
	reads(script, 210, FIRST, CLIENT_B, "GET /b");
	reads(script, 310, FIRST, CLIENT_D, "GET /d");
	answer(script, 1000, FIRST, 410, DB);
	WRITE(script, 1100, FIRST, CLIENT_A, .status = 200);
	ask(script, 1110, FIRST, DB); /* B */
	answer(script, 2000, FIRST, 1116, DB);
	ask(script, 2150, FIRST, DB); /* D */
	WRITE(script, 2190, FIRST, CLIENT_B, .status = 200);
	answer(script, 3000, FIRST, 2200, DB);
	WRITE(script, 3100, FIRST, CLIENT_D, .status = 200);
	script_finish(script);
	check(script, "GET /b", 100 + 150 + 35, 1110 - 310, 1);
	check(script, "GET /d", 100 + 100, 2150 - 410, 1);
	script_close(script);
}

/*
 * F's thread falls asleep, which is told before the others go on. B and C each ask twice, so none of their parts would be known if F stood
 * in front of them.
 */
static void hold_up_in_front(uint64_t read, bool off_core)
{
	struct script *script = server(RUNTIME_GO);

	READ(script, read, SECOND, CLIENT_F, .off = 1, .on = read - 5, .cause = WAIT_LOCK, .arrived = read - 10, .line = "GET /f");
	if (off_core)
		WINDOW(script, read + 150, SECOND, .off = read + 5, .on = read + 145, .cause = WAIT_RUNNABLE);
	begin_with_three(script);
	WINDOW(script, 900, SECOND, .off = read + 155, .on = 890, .cause = WAIT_LOCK);
	answer(script, 1000, FIRST, 625, DB);
	WRITE(script, 1100, FIRST, CLIENT_A, .status = 200);
	ask(script, 1110, FIRST, DB); /* B */
	READ(script, 1130, FIRST, DB_2, .arrived = 1120);
	WRITE(script, 1200, FIRST, CLIENT_E, .status = 200);
	ask(script, 1220, FIRST, DB_2); /* C */
	answer(script, 2000, FIRST, 1226, DB);
	ask(script, 2200, FIRST, DB); /* D */
	answer(script, 2300, FIRST, 2206, DB_2);
	ask(script, 2500, FIRST, DB_2); /* B */
	answer(script, 3000, FIRST, 2506, DB);
	WRITE(script, 3100, FIRST, CLIENT_D, .status = 200);
	ask(script, 3110, FIRST, DB); /* C */
	answer(script, 3300, FIRST, 3116, DB_2);
	WRITE(script, 3400, FIRST, CLIENT_B, .status = 200);
	answer(script, 4000, FIRST, 3406, DB);
	WRITE(script, 4100, FIRST, CLIENT_C, .status = 200);
	WRITE(script, 5000, SECOND, CLIENT_F, .off = 910, .on = 4900, .cause = WAIT_LOCK, .status = 200);
	script_finish(script);
	check(script, "GET /b", 100 + 200 + 100, 1110 - 420 + 2500 - 2200, 2);
	check(script, "GET /c", 100 + 200 + 100, 1220 - 520 + 3110 - 2500, 2);
	script_close(script);
}

/* It would have taken a connection that lay idle then, since before the trace. */
static void test_would_have_found_one_idle(void **state)
{
	(void)state;
	hold_up_in_front(20, false);
}

/* It has hardly been on a core. */
static void test_has_not_been_on_a_core(void **state)
{
	(void)state;
	hold_up_in_front(312, true);
}

/* B's handler is held up before it has done anything, and goes on when nobody sees it. Its watcher runs next, and tells that it was here.
 */
static void test_watcher_tells_of_handler(void **state)
{
	struct script *script = server(RUNTIME_GO);
	(void)state;

	reads(script, 100, FIRST, CLIENT_A, "GET /a");
	ask(script, 200, FIRST, DB);
	reads(script, 210, FIRST, CLIENT_B, "GET /b");
	reads(script, 215, FIRST, CLIENT_C, "GET /c");
	READ_NOTHING(script, 315, FIRST, CLIENT_C);
	READ_NOTHING(script, 715, FIRST, CLIENT_B);
	answer(script, 1000, FIRST, 720, DB);
	WRITE(script, 1100, FIRST, CLIENT_A, .status = 200);
	ask(script, 1110, FIRST, DB); /* C */
	answer(script, 2000, FIRST, 1116, DB);
	WRITE(script, 2100, FIRST, CLIENT_C, .status = 200);
	ask(script, 2110, FIRST, DB); /* B */
	answer(script, 3000, FIRST, 2116, DB);
	WRITE(script, 3100, FIRST, CLIENT_B, .status = 200);
	script_finish(script);
	check(script, "GET /c", 100 + 100, 1110 - 315, 1);
	check(script, "GET /b", 400 + 100, 2110 - 715, 1);
	script_close(script);
}

/* The same, but that the thread which had read it has fallen asleep is told only later: B has come to wait when the watcher looked. */
static void test_watcher_looks_before_reader_wakes(void **state)
{
	struct script *script = server(RUNTIME_GO);
	(void)state;

	reads(script, 100, FIRST, CLIENT_A, "GET /a");
	ask(script, 200, FIRST, DB);
	READ(script, 205, SECOND, CLIENT_B, .off = 1, .on = 200, .cause = WAIT_LOCK, .arrived = 190, .line = "GET /b");
	reads(script, 210, FIRST, CLIENT_C, "GET /c");
	READ_NOTHING(script, 310, FIRST, CLIENT_C);
	READ_NOTHING(script, 715, FIRST, CLIENT_B);
	WINDOW(script, 900, SECOND, .off = 210, .on = 890, .cause = WAIT_LOCK);
	answer(script, 1000, FIRST, 720, DB);
	WRITE(script, 1100, FIRST, CLIENT_A, .status = 200);
	ask(script, 1110, FIRST, DB); /* C */
	answer(script, 2000, FIRST, 1116, DB);
	WRITE(script, 2100, FIRST, CLIENT_C, .status = 200);
	ask(script, 2110, FIRST, DB); /* B */
	answer(script, 3000, FIRST, 2116, DB);
	WRITE(script, 3100, FIRST, CLIENT_B, .status = 200);
	script_finish(script);
	assert_int_equal(told_of(script, "GET /c")->state[STATE_POOL], 1110 - 310);
	assert_int_equal(told_of(script, "GET /b")->call_count, 1);
	assert_int_equal(told_of(script, "GET /b")->state[STATE_POOL], 2110 - 715);
	script_close(script);
}

/* A is answered, and gives the connection to all who wait, in their order: so many others, B, and the last one. */
static void serve_all(struct script *script, uint64_t others)
{
	uint64_t at = 2100;

	WRITE(script, at, FIRST, CLIENT_A, .status = 200);
	for (uint64_t i = 0; i < others + 2; i++, at += 1000) {
		uint64_t client = i < others ? CLIENT_C + i : i == others ? CLIENT_B : CLIENT_LAST;

		ask(script, at + 10, FIRST, DB);
		answer(script, at + 900, FIRST, at + 16, DB);
		WRITE(script, at + 1000, FIRST, client, .status = 200);
	}
	script_finish(script);
}

/* B is held up, and computes when nobody sees it. It has its place in the line all the same, in front of the last one. */
static void test_place_of_unseen(void **state)
{
	struct script *script = server(RUNTIME_GO);
	(void)state;

	reads(script, 100, FIRST, CLIENT_A, "GET /a");
	ask(script, 200, FIRST, DB);
	reads(script, 210, FIRST, CLIENT_B, "GET /b");
	for (uint64_t i = 0; i < 4; i++)
		reads(script, 215 + 100 * i, FIRST, CLIENT_C + i, "GET /waits");
	READ_NOTHING(script, 615, FIRST, CLIENT_F);
	reads(script, 1015, FIRST, CLIENT_LAST, "GET /last");
	READ_NOTHING(script, 1115, FIRST, CLIENT_LAST);
	answer(script, 2000, FIRST, 1120, DB);
	serve_all(script, 4);
	assert_int_equal(told_of(script, "GET /b")->call_count, 1);
	assert_in_range(told_of(script, "GET /b")->cpu_time, 400 + 100, 400 + 140);
	assert_int_equal(told_of(script, "GET /b")->state[STATE_POOL], 6110 - 1015);
	check(script, "GET /last", 100 + 100, 7110 - 1115, 1);
	script_close(script);
}

/* The same, but B finds a connection idle, so that its call is nobody's known; then it waits for another one, behind so many. */
static struct script *unknown_waits_again(uint64_t waiting)
{
	struct script *script = server(RUNTIME_GO);

	reads(script, 210, FIRST, CLIENT_B, "GET /b");
	reads(script, 215, FIRST, CLIENT_A, "GET /a");
	ask(script, 315, FIRST, DB);
	WRITE(script, 700, FIRST, DB_2); /* B */
	READ_NOTHING(script, 705, FIRST, DB_2);
	for (uint64_t i = 0; i < waiting; i++)
		reads(script, 710 + 100 * i, FIRST, CLIENT_C + i, "GET /waits");
	READ_NOTHING(script, 710 + 100 * waiting, FIRST, CLIENT_F);
	answer(script, 1500, FIRST, 715 + 100 * waiting, DB_2);
	reads(script, 1600, FIRST, CLIENT_LAST, "GET /last");
	READ_NOTHING(script, 1700, FIRST, CLIENT_LAST);
	script_conn_ended(script, 1750, DB_2);
	answer(script, 2000, FIRST, 1705, DB);
	serve_all(script, waiting);
	return script;
}

static void test_unknown_waits_again(void **state)
{
	struct script *script = unknown_waits_again(4);
	(void)state;

	assert_int_equal(told_of(script, "GET /b")->call_count, 2);
	assert_int_equal(told_of(script, "GET /b")->state[STATE_POOL], 6110 - 1600);
	check(script, "GET /last", 100 + 100, 7110 - 1700, 1);
	script_close(script);
}

/* Where hardly anybody waits it may have been started by another one, and be done: what goes on next is not joined with it. */
static void test_unknown_may_be_done(void **state)
{
	struct script *script = unknown_waits_again(0);
	(void)state;

	assert_int_equal(told_of(script, "GET /b")->call_count, 1);
	script_close(script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_queued_behind_each_other),  cmocka_unit_test(test_goes_on_by_itself),
		cmocka_unit_test(test_would_have_found_one_idle), cmocka_unit_test(test_has_not_been_on_a_core),
		cmocka_unit_test(test_watcher_tells_of_handler),  cmocka_unit_test(test_watcher_looks_before_reader_wakes),
		cmocka_unit_test(test_place_of_unseen),           cmocka_unit_test(test_unknown_waits_again),
		cmocka_unit_test(test_unknown_may_be_done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
