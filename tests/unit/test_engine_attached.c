/* SPDX-License-Identifier: BSD-2-Clause */
/* Rule 12 where the tracer came while a pool was in full use, in a loop that calls back at once. Times in µs. */
#include "unit/loop_script.h"

/*
 * The tracer came while one asked and another one waited. A and B wait behind that one, and A once more behind B: what is given to whom is
 * known when the first of them is answered.
 */
static void test_attached_to_a_pool_in_use(void **state)
{
	struct script *script = server();
	const struct told *a, *b;
	(void)state;

	READ(script, 110, LOOP, CLIENT_A, SLEPT(10, 100, 1), .line = "GET /a");
	answer(script, 1000, 200); /* who had asked */
	WRITE(script, 1010, LOOP, DB);
	WRITE(script, 1100, LOOP, CLIENT_C, .status = 200);
	READ(script, 1500, LOOP, CLIENT_B, SLEPT(1110, 1480, 1), .line = "GET /b");
	answer(script, 2000, 1600); /* who had waited */
	WRITE(script, 2010, LOOP, DB);
	WRITE(script, 2100, LOOP, CLIENT_D, .status = 200);
	answer(script, 3000, 2110); /* A, who waits once more */
	WRITE(script, 3010, LOOP, DB);
	answer(script, 4000, 3300); /* B */
	WRITE(script, 4010, LOOP, DB);
	WRITE(script, 4400, LOOP, CLIENT_B, .status = 200);
	answer(script, 5000, 4410); /* A */
	WRITE(script, 5500, LOOP, CLIENT_A, .status = 200);
	script_finish(script);
	assert_int_equal(script->count, 2);
	a = told_of(script, "GET /a");
	b = told_of(script, "GET /b");
	assert_false(a->ambiguous || b->ambiguous);
	assert_int_equal(a->call_count, 2);
	assert_int_equal(b->call_count, 1);
	assert_int_equal(a->state[STATE_CPU], 10 + 90 + 20 + 300 + 20 + 500);
	assert_int_equal(b->state[STATE_CPU], 20 + 100 + 20 + 400);
	assert_int_equal(a->state[STATE_POOL], (2010 - 200) + (4010 - 3300));
	assert_int_equal(b->state[STATE_POOL], 3010 - 1600);
	script_close(script);
}

/* Who had asked waits once more, is given a connection between A and B, and is answered before anybody who is known: it waits no more. */
static void test_unknown_waits_twice(void **state)
{
	struct script *script = server();
	const struct told *a, *e;
	(void)state;

	READ(script, 110, LOOP, CLIENT_A, SLEPT(10, 100, 1), .line = "GET /a");
	answer(script, 1000, 200);
	WRITE(script, 1010, LOOP, DB);
	READ(script, 1500, LOOP, CLIENT_B, SLEPT(1110, 1480, 1), .line = "GET /b");
	answer(script, 2000, 1600);
	WRITE(script, 2010, LOOP, DB);
	WRITE(script, 2100, LOOP, CLIENT_D, .status = 200);
	answer(script, 3000, 2110); /* A, who waits once more */
	WRITE(script, 3010, LOOP, DB);
	answer(script, 4000, 3300);
	WRITE(script, 4010, LOOP, DB);
	WRITE(script, 4100, LOOP, CLIENT_C, .status = 200);
	answer(script, 5000, 4110); /* B */
	WRITE(script, 5010, LOOP, DB);
	WRITE(script, 5400, LOOP, CLIENT_B, .status = 200);
	READ(script, 5600, LOOP, CLIENT_C, SLEPT(5410, 5580, 1), .line = "GET /e");
	answer(script, 6000, 5700); /* A */
	WRITE(script, 6010, LOOP, DB);
	WRITE(script, 6500, LOOP, CLIENT_A, .status = 200);
	answer(script, 7000, 6510); /* E */
	WRITE(script, 7300, LOOP, CLIENT_C, .status = 200);
	script_finish(script);
	assert_int_equal(script->count, 3);
	a = told_of(script, "GET /a");
	e = told_of(script, "GET /e");
	for (size_t i = 0; i < script->count; i++)
		assert_false(script->told[i].ambiguous);
	assert_int_equal(a->call_count, 2);
	assert_int_equal(e->call_count, 1);
	assert_int_equal(e->state[STATE_CPU], 20 + 100 + 20 + 300);
	assert_int_equal(e->state[STATE_POOL], 6010 - 5700);
	script_close(script);
}

/* B comes in the turn of an unknown answer, and asks twice at once: that connection was not given on to anybody, it lay idle. */
static void test_asked_later_in_the_turn(void **state)
{
	struct script *script = server();
	(void)state;

	READ(script, 1000, LOOP, DB, SLEPT(140, 980, 2));
	READ(script, 1010, LOOP, CLIENT_B, .arrived = 980, .line = "GET /b");
	WRITE(script, 1020, LOOP, DB_2);
	WRITE(script, 1030, LOOP, DB);
	READ(script, 2000, LOOP, DB, SLEPT(1140, 1980, 2));
	READ(script, 2010, LOOP, DB_2, .arrived = 1980);
	WRITE(script, 2100, LOOP, CLIENT_B, .status = 200);
	script_finish(script);
	assert_int_equal(told_of(script, "GET /b")->call_count, 2);
	assert_false(told_of(script, "GET /b")->ambiguous);
	script_close(script);
}

/* The tracer came within a turn of the loop: U, who was answered there, gave the connection to V, and behind V waits W, before A. */
static void test_attached_within_a_turn(void **state)
{
	struct script *script = server();
	const struct told *a;
	(void)state;

	READ(script, 100, LOOP, DB, .arrived = 80);
	WRITE(script, 110, LOOP, DB);
	WRITE(script, 200, LOOP, CLIENT_C, .status = 200);
	READ(script, 510, LOOP, CLIENT_A, SLEPT(210, 500, 1), .line = "GET /a");
	answer(script, 1000, 600); /* V */
	WRITE(script, 1010, LOOP, DB);
	WRITE(script, 1100, LOOP, CLIENT_D, .status = 200);
	answer(script, 2000, 1110); /* W, who waits once more */
	WRITE(script, 2010, LOOP, DB);
	answer(script, 3000, 2300); /* A */
	WRITE(script, 3010, LOOP, DB);
	WRITE(script, 3400, LOOP, CLIENT_A, .status = 200);
	answer(script, 4000, 3410); /* W */
	WRITE(script, 4200, LOOP, CLIENT_B, .status = 200);
	script_finish(script);
	assert_int_equal(script->count, 1);
	a = told_of(script, "GET /a");
	assert_false(a->ambiguous);
	assert_int_equal(a->call_count, 1);
	assert_int_equal(a->state[STATE_CPU], 10 + 90 + 20 + 400);
	assert_int_equal(a->state[STATE_POOL], 2010 - 600);
	script_close(script);
}

/*
 * A came in that very turn, before U's answer, and stands in front of all who are known to wait. It is given U's connection, waits once
 * more behind B, and is answered when it was to be expected.
 */
static void test_request_of_the_first_turn(void **state)
{
	struct script *script = server();
	const struct told *a, *b;
	(void)state;

	READ(script, 50, LOOP, CLIENT_A, .arrived = 40, .line = "GET /a");
	READ(script, 100, LOOP, DB, .arrived = 80);
	WRITE(script, 110, LOOP, DB);
	WRITE(script, 300, LOOP, CLIENT_C, .status = 200);
	READ(script, 510, LOOP, CLIENT_B, SLEPT(310, 500, 1), .line = "GET /b");
	answer(script, 1000, 600); /* A */
	WRITE(script, 1010, LOOP, DB);
	answer(script, 2000, 1200); /* B */
	WRITE(script, 2010, LOOP, DB);
	WRITE(script, 2300, LOOP, CLIENT_B, .status = 200);
	answer(script, 3000, 2310); /* A */
	WRITE(script, 3400, LOOP, CLIENT_A, .status = 200);
	script_finish(script);
	a = told_of(script, "GET /a");
	b = told_of(script, "GET /b");
	assert_false(a->ambiguous || b->ambiguous);
	assert_int_equal(a->state[STATE_CPU], 10 + 50 + 20 + 200 + 20 + 400);
	assert_int_equal(b->state[STATE_CPU], 10 + 90 + 20 + 300);
	assert_int_equal(b->state[STATE_POOL], 1010 - 600);
	assert_int_equal(a->call_count, 2);
	assert_int_equal(a->state[STATE_POOL], 10 + 2010 - 1200);
	assert_int_equal(a->state[STATE_NET], (980 - 110) + (2980 - 2010));
	script_close(script);
}

/*
 * There, two are answered one right after the other, U, who waits once more, and X. Their connections are given to V and W, who had waited
 * in front of A: the next one is A's, and not V's, who waits once more.
 */
static void test_two_answers_in_the_first_turn(void **state)
{
	struct script *script = server();
	const struct told *a, *b;
	(void)state;

	READ(script, 50, LOOP, CLIENT_A, .arrived = 40, .line = "GET /a");
	READ(script, 100, LOOP, DB, .arrived = 80);
	WRITE(script, 110, LOOP, DB);
	READ(script, 200, LOOP, DB_2, .arrived = 90);
	WRITE(script, 210, LOOP, DB_2);
	WRITE(script, 300, LOOP, CLIENT_C, .status = 200);
	answer(script, 1000, 310); /* V */
	WRITE(script, 1010, LOOP, DB);
	READ(script, 1300, LOOP, CLIENT_B, SLEPT(1200, 1280, 1), .line = "GET /b");
	READ(script, 2000, LOOP, DB_2, SLEPT(1400, 1980, 1)); /* W */
	WRITE(script, 2010, LOOP, DB_2);
	WRITE(script, 2100, LOOP, CLIENT_D, .status = 200);
	answer(script, 3000, 2110); /* A */
	WRITE(script, 3010, LOOP, DB);
	WRITE(script, 3400, LOOP, CLIENT_A, .status = 200);
	READ(script, 4000, LOOP, DB_2, SLEPT(3410, 3980, 1)); /* U */
	WRITE(script, 4010, LOOP, DB_2);
	WRITE(script, 4200, LOOP, CLIENT_D, .status = 200);
	answer(script, 5000, 4210); /* V */
	WRITE(script, 5200, LOOP, CLIENT_C, .status = 200);
	READ(script, 6000, LOOP, DB_2, SLEPT(5210, 5980, 1)); /* B */
	WRITE(script, 6300, LOOP, CLIENT_B, .status = 200);
	script_finish(script);
	a = told_of(script, "GET /a");
	b = told_of(script, "GET /b");
	assert_false(a->ambiguous || b->ambiguous);
	assert_int_equal(a->call_count, 1);
	assert_int_equal(b->call_count, 1);
	assert_int_equal(a->state[STATE_CPU], 10 + 50 + 20 + 400);
	assert_int_equal(b->state[STATE_POOL], 4010 - 1400);
	script_close(script);
}

/* Who answers before its first epoll return is seen is no thread that runs others' requests: nothing is in doubt because of that. */
static void test_answers_in_the_first_turn(void **state)
{
	static const char *const lines[] = {"GET /a", "GET /b", "GET /c"};
	struct script *script = server();
	uint64_t at = 1000;
	(void)state;

	READ(script, 50, LOOP, CLIENT_D, .arrived = 40, .line = "GET /d");
	WRITE(script, 100, LOOP, CLIENT_D, .status = 200);
	for (uint64_t i = 0; i < 3; i++, at += 1000) {
		READ(script, at, LOOP, CLIENT_A + i, SLEPT(at - 480, at - 20, 1), .line = lines[i]);
		WRITE(script, at + 10, LOOP, DB);
		answer(script, at + 500, at + 20);
		WRITE(script, at + 510, LOOP, CLIENT_A + i, .status = 200);
	}
	script_finish(script);
	assert_int_equal(script->count, 4);
	for (size_t i = 0; i < script->count; i++)
		assert_false(script->told[i].ambiguous);
	script_close(script);
}

/* Where threads share a loop's events, what reads an answer from before the trace goes on for nobody known, not for who ran there before.
 */
static void test_unknown_answer_in_a_shared_loop(void **state)
{
	struct script *script = server();
	const struct told *a;
	(void)state;

	script_thread(script, 0, OTHER_LOOP, LOOP, THREAD_FOUND);
	WINDOW(script, 20, LOOP, .epoll = 10, .events = 1);
	WINDOW(script, 20, OTHER_LOOP, .epoll = 10, .events = 1);
	READ(script, 510, LOOP, CLIENT_A, SLEPT(30, 500, 2), .line = "GET /a");
	WRITE(script, 520, LOOP, DB_2);
	READ(script, 530, LOOP, DB, .arrived = 500);
	WRITE(script, 900, LOOP, CLIENT_C, .status = 200);
	READ(script, 2000, LOOP, DB_2, SLEPT(910, 1980, 1));
	WRITE(script, 2100, LOOP, CLIENT_A, .status = 200);
	script_finish(script);
	a = told_of(script, "GET /a");
	assert_int_equal(a->call_count, 1);
	assert_int_equal(a->state[STATE_CPU], 10 + 10 + 10 + 20 + 100);
	script_close(script);
}

/*
 * A and B wait twice each before anybody is answered of whom that is known. So their first responses may say that three had waited in front
 * of them, as well as one; only E's, who comes later, tells.
 */
static void test_first_answered_has_waited_twice(void **state)
{
	struct script *script = server();
	const struct told *e;
	(void)state;

	READ(script, 110, LOOP, CLIENT_A, SLEPT(10, 100, 1), .line = "GET /a");
	answer(script, 1000, 200); /* who had asked */
	WRITE(script, 1010, LOOP, DB);
	WRITE(script, 1100, LOOP, CLIENT_C, .status = 200);
	READ(script, 1500, LOOP, CLIENT_B, SLEPT(1110, 1480, 1), .line = "GET /b");
	answer(script, 2000, 1600); /* who had waited */
	WRITE(script, 2010, LOOP, DB);
	WRITE(script, 2100, LOOP, CLIENT_D, .status = 200);
	answer(script, 3000, 2110); /* A, who waits once more */
	WRITE(script, 3010, LOOP, DB);
	answer(script, 4000, 3300); /* B, who waits once more */
	WRITE(script, 4010, LOOP, DB);
	answer(script, 5000, 4300); /* A */
	WRITE(script, 5010, LOOP, DB);
	WRITE(script, 5400, LOOP, CLIENT_A, .status = 200);
	READ(script, 5510, LOOP, CLIENT_C, SLEPT(5410, 5500, 1), .line = "GET /e");
	answer(script, 6000, 5600); /* B */
	WRITE(script, 6010, LOOP, DB);
	WRITE(script, 6300, LOOP, CLIENT_B, .status = 200);
	answer(script, 7000, 6310); /* E */
	WRITE(script, 7300, LOOP, CLIENT_C, .status = 200);
	script_finish(script);
	e = told_of(script, "GET /e");
	assert_true(told_of(script, "GET /a")->ambiguous && told_of(script, "GET /b")->ambiguous);
	assert_int_equal(told_of(script, "GET /a")->call_count, 2);
	assert_int_equal(told_of(script, "GET /b")->call_count, 2);
	assert_false(e->ambiguous);
	assert_int_equal(e->call_count, 1);
	assert_int_equal(e->state[STATE_CPU], 10 + 90 + 20 + 300);
	assert_int_equal(e->state[STATE_POOL], 6010 - 5600);
	script_close(script);
}

/* A and B wait twice, and E in between: B's response leaves one number, and E, who was given a connection before that, has its turn still.
 */
static void test_told_by_a_second_turn(void **state)
{
	struct script *script = server();
	const struct told *b, *e;
	(void)state;

	READ(script, 110, LOOP, CLIENT_A, SLEPT(10, 100, 1), .line = "GET /a");
	answer(script, 1000, 200); /* who had asked */
	WRITE(script, 1010, LOOP, DB);
	WRITE(script, 1100, LOOP, CLIENT_C, .status = 200);
	READ(script, 1510, LOOP, CLIENT_B, SLEPT(1110, 1500, 1), .line = "GET /b");
	answer(script, 2000, 1600); /* A, who waits once more */
	WRITE(script, 2010, LOOP, DB);
	READ(script, 2510, LOOP, CLIENT_C, SLEPT(2300, 2500, 1), .line = "GET /e");
	answer(script, 3000, 2600); /* B, who waits once more */
	WRITE(script, 3010, LOOP, DB);
	answer(script, 4000, 3300); /* A */
	WRITE(script, 4010, LOOP, DB);
	WRITE(script, 4400, LOOP, CLIENT_A, .status = 200);
	answer(script, 5000, 4410); /* E, who waits once more */
	WRITE(script, 5010, LOOP, DB);
	answer(script, 6000, 5300); /* B */
	WRITE(script, 6010, LOOP, DB);
	WRITE(script, 6400, LOOP, CLIENT_B, .status = 200);
	answer(script, 7000, 6410); /* E */
	WRITE(script, 7300, LOOP, CLIENT_C, .status = 200);
	script_finish(script);
	b = told_of(script, "GET /b");
	e = told_of(script, "GET /e");
	assert_true(told_of(script, "GET /a")->ambiguous);
	assert_false(b->ambiguous || e->ambiguous);
	assert_int_equal(b->call_count, 2);
	assert_int_equal(e->call_count, 2);
	assert_int_equal(b->state[STATE_CPU], 10 + 90 + 20 + 300 + 20 + 400);
	assert_int_equal(e->state[STATE_CPU], 10 + 90 + 20 + 300 + 20 + 300);
	assert_int_equal(b->state[STATE_POOL], (2010 - 1600) + (5010 - 3300));
	assert_int_equal(e->state[STATE_POOL], (4010 - 2600) + (6010 - 5300));
	script_close(script);
}

/* Who had asked asks again on its own connection, as nobody waits: it only seems to wait from then on. A waits twice behind it. */
static void test_kept_before_anybody_waits(void **state)
{
	struct script *script = server();
	(void)state;

	answer(script, 1000, 10);
	WRITE(script, 1300, LOOP, DB);
	READ(script, 1500, LOOP, CLIENT_A, SLEPT(1310, 1480, 1), .line = "GET /a");
	answer(script, 2000, 1600); /* who had asked, and waits now */
	WRITE(script, 2010, LOOP, DB);
	answer(script, 3000, 2300); /* A, who waits once more */
	WRITE(script, 3010, LOOP, DB);
	answer(script, 4000, 3300);
	WRITE(script, 4010, LOOP, DB);
	WRITE(script, 4100, LOOP, CLIENT_D, .status = 200);
	answer(script, 5000, 4110); /* A */
	WRITE(script, 5400, LOOP, CLIENT_A, .status = 200);
	script_finish(script);
	assert_true(told_of(script, "GET /a")->ambiguous); /* or else all of it would have to be told */
	script_close(script);
}

/* B finds the connection idle: by then all who came to wait have been given one, whoever they are. So C's wait is no riddle. */
static void test_pool_lies_idle(void **state)
{
	struct script *script = server();
	const struct told *c;
	(void)state;

	READ(script, 110, LOOP, CLIENT_A, SLEPT(10, 100, 1), .line = "GET /a");
	answer(script, 1000, 200); /* who had asked */
	WRITE(script, 1010, LOOP, DB);
	WRITE(script, 1100, LOOP, CLIENT_C, .status = 200);
	answer(script, 2000, 1110); /* who had waited, and asks elsewhere */
	WRITE(script, 2010, LOOP, DB);
	WRITE(script, 2100, LOOP, DB_2);
	answer(script, 3000, 2110); /* A, too */
	WRITE(script, 3100, LOOP, DB_3);
	READ(script, 3510, LOOP, CLIENT_B, SLEPT(3110, 3500, 2), .line = "GET /b");
	WRITE(script, 3520, LOOP, DB);
	READ(script, 3530, LOOP, CLIENT_C, .arrived = 3500, .line = "GET /c");
	answer(script, 4000, 3700); /* B */
	WRITE(script, 4010, LOOP, DB);
	WRITE(script, 4100, LOOP, CLIENT_B, .status = 200);
	answer(script, 5000, 4110); /* C */
	WRITE(script, 5200, LOOP, CLIENT_C, .status = 200);
	script_finish(script);
	c = told_of(script, "GET /c");
	assert_false(c->ambiguous || told_of(script, "GET /b")->ambiguous);
	assert_int_equal(c->call_count, 1);
	assert_int_equal(c->state[STATE_POOL], 4010 - 3700);
	script_close(script);
}

/*
 * E finds a connection idle that has been there since before the trace, so nobody had waited then. A and B come to wait behind that, for
 * what others asked before the trace: A waits twice, once before B, and once behind it.
 */
static void test_pool_lay_idle_before(void **state)
{
	struct script *script = server();
	const struct told *a, *b;
	(void)state;

	READ(script, 110, LOOP, CLIENT_D, SLEPT(10, 100, 1), .line = "GET /c");
	WRITE(script, 120, LOOP, CLIENT_D, .status = 200);
	READ(script, 210, LOOP, CLIENT_D, SLEPT(130, 200, 1), .line = "GET /d");
	WRITE(script, 220, LOOP, CLIENT_D, .status = 200);
	READ(script, 310, LOOP, CLIENT_D, SLEPT(230, 300, 1), .line = "GET /e");
	WRITE(script, 320, LOOP, DB_2);
	READ(script, 510, LOOP, CLIENT_A, SLEPT(330, 500, 1), .line = "GET /a");
	READ(script, 1010, LOOP, DB_3, SLEPT(600, 1000, 1)); /* somebody's */
	WRITE(script, 1020, LOOP, DB_3);                     /* A */
	WRITE(script, 1025, LOOP, CLIENT_C, .status = 200);
	READ(script, 2010, LOOP, DB_3, SLEPT(1030, 2000, 1));
	answer(script, 3000, 2300); /* somebody's. A waits once more */
	WRITE(script, 3010, LOOP, DB);
	WRITE(script, 3015, LOOP, CLIENT_B, .status = 200);
	READ(script, 3510, LOOP, CLIENT_B, SLEPT(3020, 3500, 1), .line = "GET /b");
	READ(script, 4010, LOOP, DB_2, SLEPT(3600, 4000, 1));
	WRITE(script, 4020, LOOP, DB_2); /* B */
	WRITE(script, 4030, LOOP, CLIENT_D, .status = 200);
	answer(script, 5000, 4040); /* A */
	WRITE(script, 5500, LOOP, CLIENT_A, .status = 200);
	READ(script, 6010, LOOP, DB_2, SLEPT(5510, 6000, 1));
	WRITE(script, 6400, LOOP, CLIENT_B, .status = 200);
	script_finish(script);
	a = told_of(script, "GET /a");
	b = told_of(script, "GET /b");
	assert_false(a->ambiguous || b->ambiguous);
	assert_int_equal(a->call_count, 2);
	assert_int_equal(b->call_count, 1);
	assert_int_equal(a->state[STATE_POOL], (1020 - 600) + (3010 - 2300));
	assert_int_equal(b->state[STATE_POOL], 4020 - 3600);
	script_close(script);
}

/* A is answered in the course of what began before it had come to wait: no number of those who had waited before allows that. */
static void test_no_number_fits(void **state)
{
	struct script *script = server();
	(void)state;

	answer(script, 1000, 20);
	WRITE(script, 1010, LOOP, DB); /* by one who had waited */
	READ(script, 1500, LOOP, CLIENT_A, SLEPT(1110, 1480, 1), .line = "GET /a");
	answer(script, 2000, 1600);
	WRITE(script, 2100, LOOP, CLIENT_A, .status = 200);
	script_finish(script);
	assert_true(told_of(script, "GET /a")->ambiguous);
	script_close(script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_attached_to_a_pool_in_use),
		cmocka_unit_test(test_unknown_waits_twice),
		cmocka_unit_test(test_asked_later_in_the_turn),
		cmocka_unit_test(test_attached_within_a_turn),
		cmocka_unit_test(test_request_of_the_first_turn),
		cmocka_unit_test(test_two_answers_in_the_first_turn),
		cmocka_unit_test(test_answers_in_the_first_turn),
		cmocka_unit_test(test_unknown_answer_in_a_shared_loop),
		cmocka_unit_test(test_first_answered_has_waited_twice),
		cmocka_unit_test(test_kept_before_anybody_waits),
		cmocka_unit_test(test_told_by_a_second_turn),
		cmocka_unit_test(test_pool_lies_idle),
		cmocka_unit_test(test_pool_lay_idle_before),
		cmocka_unit_test(test_no_number_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
