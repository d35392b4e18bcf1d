/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules 9 and 12: in which order those come to wait for a connection whom a loop's worker threads have handed back. Times in µs. */
#include "unit/workers_script.h"

/* One has the only connection, and asks. The loop sleeps since 1020. */
static struct script *server_with_pool(void)
{
	struct script *script = server();

	LOOKS(script, 1000, LOOP, CLIENT_D, 700, .arrived = 990, .line = "GET /d");
	WRITE(script, 1010, LOOP, DB);
	return script;
}

/* It is answered, and gives the connection to the first one who waits, and this one to the second. The loop sleeps since 1480. */
static void serve_in_order(struct script *script, uint64_t first, uint64_t second)
{
	LOOKS(script, 1500, LOOP, DB, 1480);
	WRITE(script, 1510, LOOP, DB);
	WRITE(script, 1520, LOOP, CLIENT_D, .status = 200);
	LOOKS(script, 1700, LOOP, DB, 1530);
	WRITE(script, 1710, LOOP, DB);
	WRITE(script, 1720, LOOP, first, .status = 200);
	LOOKS(script, 1900, LOOP, DB, 1730);
	WRITE(script, 1910, LOOP, second, .status = 200);
	script_finish(script);
}

static void assert_both_served(struct script *script, const char *first, const char *second)
{
	assert_false(told_of(script, first)->ambiguous || told_of(script, second)->ambiguous);
	assert_int_equal(told_of(script, first)->call_count, 1);
	assert_int_equal(told_of(script, second)->call_count, 1);
	script_close(script);
}

/*
 * The loop falls asleep behind what it gave to the second worker. That is told only by its next epoll return, when both workers are done:
 * the callback of the first one's comes first.
 */
static void a_turn_may_be_told_late(void **state)
{
	struct script *script = server_with_pool();
	(void)state;

	LOOKS(script, 1100, LOOP, CLIENT_B, 1020, .arrived = 1090, .line = "GET /b");
	WRITE(script, 1110, LOOP, TO_ONE);
	LOOKS(script, 1130, ONE, TO_ONE, 310);
	LOOKS(script, 1200, LOOP, CLIENT_A, 1120, .arrived = 1190, .line = "GET /a");
	WRITE(script, 1210, LOOP, TO_TWO);
	LOOKS(script, 1230, TWO, TO_TWO, 610);
	WRITE(script, 1300, ONE, WAKE);
	WRITE(script, 1310, TWO, WAKE);
	LOOKS(script, 1330, LOOP, WAKE, 1220);
	serve_in_order(script, CLIENT_B, CLIENT_A);
	assert_both_served(script, "GET /b", "GET /a");
}

/*
 * The second worker is done when the loop has begun to look, and what it hands back runs unseen: it is free, as it is given something else
 * before the loop looks again.
 */
static void who_is_given_something_is_free(void **state)
{
	struct script *script = server_with_pool();
	(void)state;

	LOOKS(script, 1100, LOOP, CLIENT_A, 1020, .arrived = 1090, .line = "GET /a");
	WRITE(script, 1110, LOOP, TO_TWO);
	LOOKS(script, 1130, TWO, TO_TWO, 610);
	LOOKS(script, 1150, LOOP, CLIENT_B, 1120, .arrived = 1140, .line = "GET /b");
	WRITE(script, 1160, LOOP, TO_ONE);
	LOOKS(script, 1180, ONE, TO_ONE, 310);
	LOOKS(script, 1290, LOOP, WAKE, 1170);
	WRITE(script, 1300, TWO, WAKE);
	LOOKS(script, 1400, LOOP, CLIENT_C, 1320, .arrived = 1390, .line = "GET /c");
	WRITE(script, 1410, LOOP, TO_TWO);
	LOOKS(script, 1430, TWO, TO_TWO, 1310);
	WRITE(script, 1440, ONE, WAKE);
	LOOKS(script, 1460, LOOP, WAKE, 1420);
	serve_in_order(script, CLIENT_A, CLIENT_B);
	assert_both_served(script, "GET /a", "GET /b");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_turn_may_be_told_late),
		cmocka_unit_test(who_is_given_something_is_free),
	};

	return cmocka_run_group_tests_name("engine: worker threads, in order", tests, NULL, NULL);
}
