/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 12: responses that contradict the order of those who wait for a loop's worker threads: two were taken for each other, and all others
 * stand where they did. Times in µs.
 */
#include "unit/workers_script.h"

enum { CLIENT_E = 110 };

/* Both workers have something, and B, C and D wait, in that order. The first one works until it hands back at 3000, the second at 4000. */
static struct script *three_that_wait(void)
{
	struct script *script = server();

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
	return script;
}

/* The worker hands back at `at`, and is given what is next; the loop sleeps since `since`, and for 970 from then on. */
static void hand_back_and_take(struct script *script, uint64_t at, uint32_t tid, uint64_t since)
{
	WRITE(script, at, tid, WAKE);
	LOOKS(script, at + 10, LOOP, WAKE, since);
	WRITE(script, at + 20, LOOP, TO_ONE + tid - ONE);
}

static void take(struct script *script, uint64_t at, uint32_t tid)
{
	LOOKS(script, at, tid, TO_ONE + tid - ONE, at - 35);
}

static void hand_back_and_answer(struct script *script, uint64_t at, uint32_t tid, uint64_t since, uint64_t client)
{
	WRITE(script, at, tid, WAKE);
	LOOKS(script, at + 10, LOOP, WAKE, since);
	WRITE(script, at + 20, LOOP, client, .status = 200);
}

/* Each worker takes the next one; the first has done with that, too. */
static void serve_x_and_a(struct script *script)
{
	hand_back_and_take(script, 3000, ONE, 2040);
	WRITE(script, 3030, LOOP, CLIENT_X, .status = 200);
	take(script, 3040, ONE);
	hand_back_and_take(script, 4000, TWO, 3040);
	WRITE(script, 4030, LOOP, CLIENT_A, .status = 200);
	take(script, 4040, TWO);
	hand_back_and_take(script, 5000, ONE, 4040);
}

/* What B was expected in was D's: so B is in what D was expected in. C keeps its place between them. */
static void the_last_one_may_go_first(void **state)
{
	struct script *script = three_that_wait();
	(void)state;

	serve_x_and_a(script);
	WRITE(script, 5030, LOOP, CLIENT_D, .status = 200);
	take(script, 5040, ONE);
	hand_back_and_answer(script, 6000, TWO, 5040, CLIENT_C);
	hand_back_and_answer(script, 7000, ONE, 6030, CLIENT_B);
	script_finish(script);
	assert_told(script, "GET /c", 1900, 2050);
	assert_true(told_of(script, "GET /b")->ambiguous && told_of(script, "GET /d")->ambiguous);
	assert_in_range(told_of(script, "GET /b")->cpu_time, 1900, 2050);
	assert_in_range(told_of(script, "GET /d")->cpu_time, 1900, 2050);
	script_close(script);
}

/* What D was expected in was B's, which is shown before C and D are answered: they have gone on to ask. */
static void the_first_one_may_go_last(void **state)
{
	struct script *script = three_that_wait();
	(void)state;

	serve_x_and_a(script);
	WRITE(script, 5030, LOOP, DB);
	take(script, 5040, ONE);
	WRITE(script, 6000, TWO, WAKE);
	LOOKS(script, 6010, LOOP, WAKE, 5040);
	WRITE(script, 6020, LOOP, OTHER_DB);
	hand_back_and_answer(script, 7000, ONE, 6030, CLIENT_B);
	LOOKS(script, 7100, LOOP, OTHER_DB, 7030, .arrived = 7090);
	WRITE(script, 7110, LOOP, CLIENT_C, .status = 200);
	LOOKS(script, 7200, LOOP, DB, 7120, .arrived = 7190);
	WRITE(script, 7210, LOOP, CLIENT_D, .status = 200);
	script_finish(script);
	assert_told(script, "GET /c", 1900, 2100);
	assert_int_equal(told_of(script, "GET /c")->call_count, 1);
	assert_true(told_of(script, "GET /b")->ambiguous && told_of(script, "GET /d")->ambiguous);
	script_close(script);
}

/* The worker hands back whom `answered` has read from, is given what is next, and another one comes. */
static void serve_one_more(struct script *script, uint64_t number, uint64_t since, uint64_t answered)
{
	uint32_t tid = ONE + number % 2;
	uint64_t at = 3000 + 1000 * number;
	char line[16];

	hand_back_and_take(script, at, tid, since);
	WRITE(script, at + 30, LOOP, answered, .status = 200);
	snprintf(line, sizeof(line), "GET /%u", (unsigned int)number);
	script_conn(script, CLIENT_E + number, CONN_SERVER, 8080);
	READ(script, at + 35, LOOP, CLIENT_E + number, .arrived = at + 5, .line = line);
	take(script, at + 40, tid);
}

/*
 * Behind those who were served in order B comes, who waits for something else, as one response after the other shows. After five of them
 * nobody is expected in its place any more, and who comes then is in doubt no longer than it takes to forget the five.
 */
static void whom_responses_show_to_be_another_stands_for_nobody(void **state)
{
	enum { SERVED = 40, BEFORE = 14, IN_DOUBT_UNTIL = BEFORE + 5, CERTAIN_FROM = 30 };
	static const uint64_t first[] = {CLIENT_X, CLIENT_A, CLIENT_C, CLIENT_D};
	struct script *script = server();
	char line[16];
	(void)state;

	serve_in_line(script);
	LOOKS(script, 2000, LOOP, CLIENT_X, 1240, .arrived = 1990, .line = "GET /first");
	WRITE(script, 2010, LOOP, TO_ONE);
	READ(script, 2015, LOOP, CLIENT_A, .arrived = 1990, .line = "GET /a");
	WRITE(script, 2020, LOOP, TO_TWO);
	READ(script, 2030, LOOP, CLIENT_C, .arrived = 1995, .line = "GET /c");
	READ(script, 2035, LOOP, CLIENT_D, .arrived = 1995, .line = "GET /d");
	LOOKS(script, 2040, ONE, TO_ONE, 1205);
	LOOKS(script, 2050, TWO, TO_TWO, 610);
	for (uint64_t i = 0; i < SERVED; i++) {
		serve_one_more(script, i, i ? 3000 + 1000 * i - 960 : 2040, i < 4 ? first[i] : CLIENT_E + i - 4);
		if (i == BEFORE)
			READ(script, 3000 + 1000 * i + 38, LOOP, CLIENT_B, .arrived = 3000 + 1000 * i + 5, .line = "GET /b");
	}
	script_finish(script);
	for (unsigned int i = 0; i < SERVED - 4; i++) {
		snprintf(line, sizeof(line), "GET /%u", i);
		assert_in_range(told_of(script, line)->cpu_time, 1900, 2050);
		if (i <= BEFORE || i >= CERTAIN_FROM)
			assert_false(told_of(script, line)->ambiguous);
		else if (i < IN_DOUBT_UNTIL)
			assert_true(told_of(script, line)->ambiguous);
	}
	script_close(script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_one_may_go_first),
		cmocka_unit_test(the_first_one_may_go_last),
		cmocka_unit_test(whom_responses_show_to_be_another_stands_for_nobody),
	};

	return cmocka_run_group_tests_name("engine: worker threads, exchanged", tests, NULL, NULL);
}
