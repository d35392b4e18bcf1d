/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A loop's connection that several requests ask on at once: answers that nobody saw come, but to be there by some time. Times in µs.
 */
#include "unit/answers_script.h"

/* Nobody saw B's answer come, but that it was there at 3500, while the loop was busy. Its stamp is a coarse one, and says nothing. */
static void test_come_unseen_to_a_busy_loop(void **state)
{
	struct script *script = three_that_asked();
	(void)state;

	comes_unseen("R 18 ok\n", 2000);
	HEARS(script, 8000, MAIN, "R 18 ok\n", (3500), .epoll = 7990, .events = 1, .arrived = 1900);
	WRITE(script, 8900, MAIN, CLIENT_B, .status = 200);
	script_finish(script);
	assert_int_equal(told_of(script, "GET /b")->state[STATE_NET], 2000 - 1201);
	assert_in_range(told_of(script, "GET /b")->state[STATE_LOOP], 7980 - 3500, 8000 - 3500);
	script_close(script);
}

/*
 * Nobody saw B's answer come, but the kernel has stamped its segment. If more is read with it, others may have been joined with that: then
 * it had come by the last one's stamp.
 */
static void test_come_unseen_with_a_stamp(void **state)
{
	(void)state;

	for (int alone = 0; alone < 2; alone++) {
		struct script *script = three_that_asked();
		const struct told *b;

		comes_unseen("R 18 ok\n", 2000);
		HEARS(script, 8000, MAIN, alone ? "R 18 ok\n" : "R 18 ok\nR 19 ok\n", (6000, 6000), .epoll = 7990, .events = 1,
		      .arrived = 3000);
		WRITE(script, 8900, MAIN, CLIENT_B, .status = 200);
		script_finish(script);
		b = told_of(script, "GET /b");
		assert_int_equal(b->state[STATE_NET], (alone ? 3000 : 2000) - 1201);
		assert_in_range(b->state[STATE_LOOP], 7980 - 3000, 8000 - 3000);
		script_close(script);
	}
}

/* So it has when more of the same answer is read with it, as far as is known what names a question. */
static void test_come_unseen_with_its_rest(void **state)
{
	struct script *script = three_that_asked();
	(void)state;

	HEARS(script, 2000, MAIN, "R 18 ok\n", (1900), POLLED(1310, 1980, 1), .arrived = 1900);
	ASKS(script, 2010, MAIN, "Q 20 9\n");
	HEARS(script, 3000, MAIN, "R 19 ok\n", (2900), POLLED(2020, 2980, 1), .arrived = 2900);
	ASKS(script, 3010, MAIN, "Q 21 9\n");
	HEARS(script, 4000, MAIN, "R 20 ok\n", (3900), POLLED(3020, 3980, 1), .arrived = 3900);
	WRITE(script, 4100, MAIN, CLIENT_B, .status = 200);
	comes_unseen("R 17 ok\n", 6000);
	HEARS(script, 9000, MAIN, "R 17 ok\nR 17 ends\n", (8900, 8900), POLLED(4110, 8980, 1), .arrived = 8000);
	WRITE(script, 9100, MAIN, CLIENT_A, .status = 200);
	script_finish(script);
	assert_int_equal(told_of(script, "GET /a")->state[STATE_NET], 8000 - 1101);
	script_close(script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_come_unseen_to_a_busy_loop),
		cmocka_unit_test(test_come_unseen_with_a_stamp),
		cmocka_unit_test(test_come_unseen_with_its_rest),
	};

	return cmocka_run_group_tests_name("engine, answers that nobody saw come", tests, NULL, NULL);
}
