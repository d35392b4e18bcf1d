/* SPDX-License-Identifier: BSD-2-Clause */
/* Rule 16 where goroutines are held up, and go on when nobody sees it: what may hold another one's work is ambiguous. Times in µs. */
#include "unit/chains_script.h"

enum { HELD = CLIENT_A + 10 }; /* the first of those whose requests are held up */

static void reads(struct script *script, uint64_t at, uint32_t thread, uint64_t client, const char *line)
{
	READ(script, at, thread, client, .arrived = at - 5, .line = line);
}

/* Handlers compute for so long at one go. Ends 1 ms before 20,000. */
static void compute_for(struct script *script, uint64_t burst)
{
	for (uint64_t i = 0; i < 6; i++) {
		reads(script, 1000 + 3000 * i, FIRST, CLIENT_A, "GET /a");
		WRITE(script, 1000 + 3000 * i + burst, FIRST, CLIENT_A, .status = 200);
	}
}

/* FIRST reads so many requests, and is given to another goroutine right behind each. */
static void hold_up(struct script *script, uint64_t at, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++)
		reads(script, at + 5 * i, FIRST, HELD + i, "GET /held");
}

static void answer_held(struct script *script, uint64_t at, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++)
		WRITE(script, at + 10 * i, FIRST, HELD + i, .status = 200);
}

/* B is answered by a thread that has computed unseen for 900 µs, while one other waits to be begun. */
static bool is_unseen_in_doubt(uint64_t burst)
{
	struct script *script = server(RUNTIME_GO);
	bool ambiguous;

	compute_for(script, burst);
	reads(script, 20000, FIRST, CLIENT_B, "GET /b");
	hold_up(script, 20005, 1);
	reads(script, 20010, FIRST, CLIENT_C, "GET /c");
	WRITE(script, 20110, FIRST, CLIENT_C, .status = 200);
	WRITE(script, 20920, THIRD, CLIENT_B, .off = 1, .on = 20020, .cause = WAIT_LOCK, .status = 200);
	answer_held(script, 23000, 1);
	script_finish(script);
	ambiguous = told_of(script, "GET /b")->ambiguous;
	script_close(script);
	return ambiguous;
}

static void test_several_bursts(void **state)
{
	(void)state;
	assert_true(is_unseen_in_doubt(100));
	assert_false(is_unseen_in_doubt(1000)); /* one computes as long */
}

/* B's thread computes, and turns to another goroutine, without a call or a response. B is answered elsewhere, after so much more. */
static bool is_left_in_doubt(uint64_t held, uint64_t more)
{
	struct script *script = server(RUNTIME_GO);
	bool ambiguous;

	compute_for(script, 1000);
	hold_up(script, 20000, held);
	reads(script, 20000 + 5 * held, FIRST, CLIENT_B, "GET /b");
	reads(script, 20600, FIRST, CLIENT_C, "GET /c");
	WRITE(script, 20700, FIRST, CLIENT_C, .status = 200);
	WRITE(script, 21000 + more, THIRD, CLIENT_B, .off = 1, .on = 21000, .cause = WAIT_LOCK, .status = 200);
	answer_held(script, 23000, held);
	script_finish(script);
	ambiguous = told_of(script, "GET /b")->ambiguous;
	script_close(script);
	return ambiguous;
}

static void test_left_in_silence(void **state)
{
	(void)state;
	assert_true(is_left_in_doubt(4, 150));
	assert_false(is_left_in_doubt(4, 20));  /* it had computed before */
	assert_false(is_left_in_doubt(1, 150)); /* hardly another one ran */
}

/* B asks, and instead of looking for the answer its thread computes, and asks on another connection. */
static void ask_and_compute(struct script *script, uint64_t at)
{
	reads(script, at, FIRST, CLIENT_B, "GET /b");
	WRITE(script, at + 100, FIRST, DB);
	ask(script, at + 600, FIRST, DB_2);
}

static void test_computes_after_asking(void **state)
{
	struct script *script = server(RUNTIME_GO);
	(void)state;

	compute_for(script, 1000);
	hold_up(script, 20000, 4);
	ask_and_compute(script, 20020);
	answer(script, 21000, FIRST, 20710, DB);
	answer(script, 21200, FIRST, 21100, DB_2);
	WRITE(script, 21300, FIRST, CLIENT_B, .status = 200);
	answer_held(script, 23000, 4);
	script_finish(script);
	assert_true(told_of(script, "GET /b")->ambiguous);
	script_close(script);
}

/* Who has asked before B came is answered for by no response to B. */
static void test_asked_before_it_came(void **state)
{
	struct script *script = server(RUNTIME_GO);
	(void)state;

	ask(script, 300, FIRST, DB);
	answer(script, 1000, FIRST, 310, DB);
	reads(script, 1100, SECOND, CLIENT_B, "GET /b");
	reads(script, 1105, SECOND, CLIENT_C, "GET /c");
	WRITE(script, 1205, SECOND, CLIENT_C, .status = 200);
	WRITE(script, 1400, FIRST, CLIENT_B, .status = 200);
	script_finish(script);
	assert_int_equal(told_of(script, "GET /b")->call_count, 0);
	assert_in_range(told_of(script, "GET /b")->cpu_time, 0, 320);
	assert_true(told_of(script, "GET /b")->ambiguous);
	script_close(script);
}

/* B's call is not answered yet, but B is, on another thread. */
static void test_answered_while_it_waits(void **state)
{
	struct script *script = server(RUNTIME_GO);
	(void)state;

	reads(script, 100, FIRST, CLIENT_B, "GET /b");
	ask(script, 200, FIRST, DB);
	WRITE(script, 900, THIRD, CLIENT_B, .off = 1, .on = 800, .cause = WAIT_LOCK, .status = 200);
	answer(script, 2000, FIRST, 210, DB);
	script_finish(script);
	assert_true(told_of(script, "GET /b")->ambiguous);
	script_close(script);
}

/* What contradicts is in doubt already: it says nothing of who is not. */
static void test_marked_by_itself(void **state)
{
	struct script *script = server(RUNTIME_GO);
	(void)state;

	for (uint64_t i = 0; i < 8; i++) {
		uint64_t at = 1000 + 2000 * i, client = i % 2 ? CLIENT_A : CLIENT_C, db = i / 2 % 2 ? DB_2 : DB;

		reads(script, at, FIRST, client, "GET /early");
		ask(script, at + 100, FIRST, db);
		answer(script, at + 1000, FIRST, at + 110, db);
		WRITE(script, at + 1100, FIRST, client, .status = 200);
	}
	for (uint64_t at = 20000; at < 60000; at += 10000) {
		reads(script, at - 1000, FIRST, CLIENT_D, "GET /d");
		hold_up(script, at, 4);
		ask_and_compute(script, at + 20);
		answer(script, at + 1200, FIRST, at + 630, DB_2);
		WRITE(script, at + 1300, FIRST, CLIENT_D, .status = 200); /* B seemed to run */
		answer(script, at + 1500, FIRST, at + 1305, DB);
		WRITE(script, at + 1600, FIRST, CLIENT_B, .status = 200);
		answer_held(script, at + 3000, 4);
	}
	reads(script, 70000, FIRST, CLIENT_E, "GET /e");
	ask(script, 70100, FIRST, DB);
	answer(script, 71000, FIRST, 70110, DB);
	WRITE(script, 71100, FIRST, CLIENT_E, .status = 200);
	script_finish(script);
	check(script, "GET /e", 100 + 100, 0, 1);
	script_close(script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_several_bursts),          cmocka_unit_test(test_left_in_silence),
		cmocka_unit_test(test_computes_after_asking),   cmocka_unit_test(test_asked_before_it_came),
		cmocka_unit_test(test_answered_while_it_waits), cmocka_unit_test(test_marked_by_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
