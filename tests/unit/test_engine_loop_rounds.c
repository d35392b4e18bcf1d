/* SPDX-License-Identifier: BSD-2-Clause */
/* Rule 11: loops whose requests wait two rounds for their steps. Times in µs. */
#include "unit/loop_script.h"

/* A server whose requests take one round more, for a task of their own (aiohttp), while answers do not. */
static void test_two_hops(void **state)
{
	struct script *script = server();
	const struct told *a, *b;
	(void)state;

	READ(script, 110, LOOP, CLIENT_D, SLEPT(10, 100, 1), .line = "GET /first");
	WINDOW(script, 130, LOOP, .epoll = 120);
	WRITE(script, 160, LOOP, CLIENT_D, .epoll = 140, .status = 200);
	READ(script, 1010, LOOP, CLIENT_A, SLEPT(170, 1000, 1), .line = "GET /a");
	READ(script, 1030, LOOP, CLIENT_B, .epoll = 1020, .events = 1, .arrived = 1015, .line = "GET /b");
	WRITE(script, 2040, LOOP, DB, .epoll = 1040);
	WRITE(script, 5050, LOOP, DB_2, .epoll = 2050);
	READ(script, 9010, LOOP, DB, POLLED(5060, 9000, 2), .arrived = 8000);
	READ(script, 9020, LOOP, DB_2, .arrived = 8500);
	WRITE(script, 9130, LOOP, CLIENT_A, .epoll = 9030, .status = 200);
	WRITE(script, 9430, LOOP, CLIENT_B, .status = 200);
	script_finish(script);
	a = told_of(script, "GET /a");
	b = told_of(script, "GET /b");
	assert_int_equal(a->cpu_time, 10 + 10 + 1000 + 10 + 10 + 10 + 100);
	assert_int_equal(b->cpu_time, 10 + 10 + 3000 + 10 + 10 + 300);
	assert_int_equal(a->call_count, 1);
	assert_int_equal(b->call_count, 1);
	assert_int_equal(a->peer_union, 8000 - 2040);
	assert_int_equal(b->peer_union, 8500 - 5050);
	assert_false(a->ambiguous || b->ambiguous);
	script_close(script);
}

/* Only B's response tells that it takes two rounds. Until then A's step was taken for that of C, whose turn is still to come. */
static void test_two_hops_told_late(void **state)
{
	struct script *script = server();
	const struct told *a, *c, *d;
	(void)state;

	READ(script, 110, LOOP, CLIENT_A, SLEPT(10, 100, 2), .line = "GET /a");
	READ(script, 120, LOOP, CLIENT_B, .arrived = 100, .line = "GET /b");
	READ(script, 150, LOOP, CLIENT_C, .epoll = 140, .events = 2, .arrived = 130, .line = "GET /c");
	READ(script, 160, LOOP, CLIENT_D, .arrived = 130, .line = "GET /d");
	WRITE(script, 1170, LOOP, DB, .epoll = 170);
	WRITE(script, 3170, LOOP, CLIENT_B, .status = 200);
	WRITE(script, 6180, LOOP, DB_2, .epoll = 3180);
	WRITE(script, 10180, LOOP, DB_3);
	READ(script, 11010, LOOP, DB, POLLED(10190, 11000, 3), .arrived = 10500);
	READ(script, 11020, LOOP, DB_2, .arrived = 10600);
	READ(script, 11030, LOOP, DB_3, .arrived = 10700);
	WRITE(script, 11140, LOOP, CLIENT_A, .epoll = 11040, .status = 200);
	WRITE(script, 11340, LOOP, CLIENT_C, .status = 200);
	WRITE(script, 11640, LOOP, CLIENT_D, .status = 200);
	script_finish(script);
	a = told_of(script, "GET /a");
	c = told_of(script, "GET /c");
	d = told_of(script, "GET /d");
	assert_in_range(a->cpu_time, 1100, 1150);
	assert_in_range(told_of(script, "GET /b")->cpu_time, 2000, 2050);
	assert_in_range(c->cpu_time, 3200, 3250);
	assert_in_range(d->cpu_time, 4300, 4350);
	assert_int_equal(a->peer_union, 10500 - 1170);
	assert_int_equal(c->peer_union, 10600 - 6180);
	assert_int_equal(d->peer_union, 10700 - 10180);
	assert_int_equal(a->state[STATE_POOL] + c->state[STATE_POOL], 0);
	assert_false(a->ambiguous || c->ambiguous || d->ambiguous);
	script_close(script);
}

/* … and B's for one that A had made, as nobody else seemed to be due. */
static void test_two_hops_of_more_than_seem_due(void **state)
{
	struct script *script = server();
	const struct told *a, *b, *c;
	(void)state;

	READ(script, 110, LOOP, CLIENT_A, SLEPT(10, 100, 3), .line = "GET /a");
	READ(script, 120, LOOP, CLIENT_B, .arrived = 100, .line = "GET /b");
	READ(script, 130, LOOP, CLIENT_D, .arrived = 100, .line = "GET /d");
	READ(script, 150, LOOP, CLIENT_C, .epoll = 140, .events = 1, .arrived = 135, .line = "GET /c");
	WRITE(script, 1170, LOOP, DB, .epoll = 170);
	WRITE(script, 3170, LOOP, DB_2);
	WRITE(script, 3670, LOOP, CLIENT_D, .status = 200);
	WRITE(script, 6680, LOOP, DB_3, .epoll = 3680);
	READ(script, 11010, LOOP, DB, POLLED(6690, 11000, 3), .arrived = 10500);
	READ(script, 11020, LOOP, DB_2, .arrived = 10600);
	READ(script, 11030, LOOP, DB_3, .arrived = 10700);
	WRITE(script, 11140, LOOP, CLIENT_A, .epoll = 11040, .status = 200);
	WRITE(script, 11340, LOOP, CLIENT_B, .status = 200);
	WRITE(script, 11640, LOOP, CLIENT_C, .status = 200);
	script_finish(script);
	a = told_of(script, "GET /a");
	b = told_of(script, "GET /b");
	c = told_of(script, "GET /c");
	assert_in_range(a->cpu_time, 1100, 1150);
	assert_in_range(b->cpu_time, 2200, 2250);
	assert_in_range(c->cpu_time, 3300, 3360);
	assert_in_range(told_of(script, "GET /d")->cpu_time, 500, 550);
	assert_int_equal(a->call_count, 1);
	assert_int_equal(b->call_count, 1);
	assert_int_equal(c->call_count, 1);
	assert_false(a->ambiguous || b->ambiguous || c->ambiguous);
	script_close(script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_hops),
		cmocka_unit_test(test_two_hops_told_late),
		cmocka_unit_test(test_two_hops_of_more_than_seem_due),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
