/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 12: pools that resume who waits only at the end of the loop's turn, as Lua's in nginx: until then whoever had a connection, or comes
 * first, takes it, and another one is made for whoever waits. Times in µs.
 */
#include <errno.h>

#include "unit/loop_script.h"

static void connects(struct script *script, uint64_t at, uint64_t db, int32_t result)
{
	script_span(script, at, LOOP, RECORD_IO, IO_CONNECT, db, result, (struct with){0});
}

/* The answer on that connection, waited for since `off`, leads to the response to the client, which gives it back. */
static void answer_to(struct script *script, uint64_t at, uint64_t off, uint64_t db, uint64_t client)
{
	READ(script, at, LOOP, db, SLEPT(off, at - 20, 1));
	WRITE(script, at + 200, LOOP, client, .status = 200);
}

/* A has the pool's connection; B and C wait for it. A is answered in a turn of so many events. */
static struct script *begin(uint32_t events)
{
	struct script *script = server();

	show_pool(script);
	READ(script, 3000, LOOP, CLIENT_A, SLEPT(2900, 2980, 3), .line = "GET /a");
	WRITE(script, 3010, LOOP, DB);
	READ(script, 3020, LOOP, CLIENT_B, .arrived = 2980, .line = "GET /b");
	READ(script, 3120, LOOP, CLIENT_C, .arrived = 2980, .line = "GET /c");
	READ(script, 4000, LOOP, DB, SLEPT(3220, 3980, events));
	return script;
}

/* A is answered; D comes, and takes the connection that A has given back. */
static void take(struct script *script)
{
	WRITE(script, 4100, LOOP, CLIENT_A, .status = 200);
	READ(script, 4110, LOOP, CLIENT_D, .arrived = 3980, .line = "GET /d");
	WRITE(script, 4210, LOOP, DB);
}

/* Each of these calls has been made, and is in no doubt. */
static void check(struct script *script, uint64_t of_a, uint64_t of_b, uint64_t of_c)
{
	script_finish(script);
	for (size_t i = 0; i < script->count; i++)
		assert_false(script->told[i].ambiguous);
	assert_int_equal(told_of(script, "GET /a")->call_count, of_a);
	assert_int_equal(told_of(script, "GET /b")->call_count, of_b);
	assert_int_equal(told_of(script, "GET /c")->call_count, of_c);
}

/* The last to come in a turn waits, too: the connection that is made in its callback is that of who waits longest. */
static void test_made_in_the_callback_of_the_last(void **state)
{
	struct script *script = begin(3);
	const struct told *b;
	(void)state;

	take(script);
	READ(script, 4220, LOOP, CLIENT_A, .arrived = 3980, .line = "GET /last");
	connects(script, 4330, DB_2, 0);
	WRITE(script, 4340, LOOP, DB_2);
	answer_to(script, 5000, 4350, DB_2, CLIENT_B);
	WRITE(script, 5210, LOOP, DB_2);
	answer_to(script, 6000, 5220, DB_2, CLIENT_C);
	WRITE(script, 6210, LOOP, DB_2);
	answer_to(script, 7000, 6220, DB_2, CLIENT_A);
	answer_to(script, 8000, 7210, DB, CLIENT_D);
	check(script, 1, 1, 1);
	b = told_of(script, "GET /b");
	assert_int_equal(b->state[STATE_CPU], 100 + 20 + 200);
	assert_int_equal(b->state[STATE_POOL], 4330 - 3120);
	assert_int_equal(told_of(script, "GET /last")->state[STATE_POOL], 6210 - 4350);
	script_close(script);
}

/* D sleeps behind its answer. B's connection has been made: that is the next callback, behind which one is made for C. */
static void test_made_behind_another_ones_connection(void **state)
{
	struct script *script = begin(2);
	(void)state;

	take(script);
	connects(script, 4220, DB_2, -EINPROGRESS);
	READ(script, 5000, LOOP, DB, SLEPT(4230, 4980, 2));
	WRITE(script, 5100, LOOP, DB_2);
	connects(script, 5110, DB_3, 0);
	WRITE(script, 5120, LOOP, DB_3);
	answer_to(script, 6000, 5130, DB_2, CLIENT_B);
	answer_to(script, 7000, 6210, DB_3, CLIENT_C);
	WRITE(script, 9200, LOOP, CLIENT_D, POLLED(7210, 9000, 0), .status = 200);
	check(script, 1, 1, 1);
	assert_int_equal(told_of(script, "GET /d")->call_count, 1);
	assert_int_equal(told_of(script, "GET /c")->state[STATE_POOL], 5110 - 3220);
	script_close(script);
}

/* C sleeps. D has taken the connection behind A's response, in the same turn: so C waits for none of these, and D keeps it. */
static void test_taken_while_nobody_waits(void **state)
{
	struct script *script = server();
	(void)state;

	show_pool(script);
	READ(script, 3000, LOOP, CLIENT_A, SLEPT(2900, 2980, 2), .line = "GET /a");
	WRITE(script, 3010, LOOP, DB);
	READ(script, 3020, LOOP, CLIENT_C, .arrived = 2980, .line = "GET /c");
	READ(script, 4000, LOOP, DB, SLEPT(3120, 3980, 2));
	take(script);
	answer(script, 5000, 4220);
	WRITE(script, 5100, LOOP, DB);
	answer(script, 6000, 5110);
	script_conn_ended(script, 6050, CLIENT_D); /* no response says that it was D */
	script_finish(script);
	assert_int_equal(told_of(script, "GET /d")->call_count, 2);
	script_close(script);
}

/* B is resumed behind D. C waits still, while A takes the one that B gives back, and D one that lies idle; behind D's response C is
 * resumed. */
static void test_idle_beside_who_waits(void **state)
{
	struct script *script = begin(2);
	(void)state;

	WRITE(script, 4100, LOOP, CLIENT_A, .status = 200);
	READ(script, 4110, LOOP, CLIENT_D, .arrived = 3980, .line = "GET /d");
	WRITE(script, 4210, LOOP, DB_2);
	WRITE(script, 4220, LOOP, DB);
	READ(script, 5000, LOOP, DB, SLEPT(4230, 4980, 2));
	WRITE(script, 5100, LOOP, CLIENT_B, .status = 200);
	READ(script, 5110, LOOP, CLIENT_A, .arrived = 4980, .line = "GET /takes it");
	WRITE(script, 5120, LOOP, DB);
	answer_to(script, 6000, 5130, DB_2, CLIENT_D);
	READ(script, 7000, LOOP, CLIENT_D, SLEPT(6210, 6980, 1), .line = "GET /idle");
	WRITE(script, 7010, LOOP, DB_2);
	answer_to(script, 8000, 7020, DB_2, CLIENT_D);
	WRITE(script, 8210, LOOP, DB_2);
	answer_to(script, 9000, 8220, DB_2, CLIENT_C);
	answer_to(script, 10000, 9210, DB, CLIENT_A);
	check(script, 1, 1, 1);
	assert_int_equal(told_of(script, "GET /c")->state[STATE_POOL], 8210 - 3220);
	script_close(script);
}

/* A asks three times on its connection, and is answered: so it was not given on to B, and then to C, who have kept their places in the
 * line. */
static void test_kept_all_the_while(void **state)
{
	struct script *script = begin(1);
	(void)state;

	WRITE(script, 4100, LOOP, DB);
	answer(script, 5000, 4110);
	WRITE(script, 5100, LOOP, DB);
	answer_to(script, 6000, 5110, DB, CLIENT_A);
	WRITE(script, 6210, LOOP, DB);
	answer_to(script, 7000, 6220, DB, CLIENT_B);
	WRITE(script, 7210, LOOP, DB);
	answer_to(script, 8000, 7220, DB, CLIENT_C);
	check(script, 3, 1, 1);
	assert_int_equal(told_of(script, "GET /c")->state[STATE_POOL], 7210 - 3220);
	script_close(script);
}

/* One is made for B, which keeps it for its second call: C has not been given it by then. */
static void test_kept_by_who_was_given_it(void **state)
{
	struct script *script = begin(2);
	(void)state;

	take(script);
	connects(script, 4220, DB_2, 0);
	WRITE(script, 4230, LOOP, DB_2);
	READ(script, 4400, LOOP, CLIENT_A, SLEPT(4240, 4380, 1), .line = "GET /late");
	READ(script, 5000, LOOP, DB_2, SLEPT(4500, 4980, 1));
	WRITE(script, 5100, LOOP, DB_2);
	answer_to(script, 6000, 5110, DB_2, CLIENT_B);
	WRITE(script, 6210, LOOP, DB_2);
	answer_to(script, 7000, 6220, DB_2, CLIENT_C);
	WRITE(script, 7210, LOOP, DB_2);
	answer_to(script, 8000, 7220, DB_2, CLIENT_A);
	answer_to(script, 9000, 8210, DB, CLIENT_D);
	check(script, 1, 2, 1);
	assert_int_equal(told_of(script, "GET /late")->state[STATE_POOL], 7210 - 4500);
	script_close(script);
}

/*
 * A has kept its connection once, so it may be doing so again: what it asks seems to be of those who wait, and to wait itself. D's work,
 * which keeps another one, is not joined with that.
 */
static void test_kept_is_joined_with_nothing(void **state)
{
	struct script *script = server();
	(void)state;

	show_pool(script);
	READ(script, 3000, LOOP, CLIENT_A, SLEPT(2900, 2980, 2), .line = "GET /keeps");
	WRITE(script, 3010, LOOP, DB);
	READ(script, 3020, LOOP, CLIENT_B, .arrived = 2980, .line = "GET /sleeps");
	answer(script, 4000, 3120);
	WRITE(script, 4100, LOOP, DB);
	answer_to(script, 5000, 4110, DB, CLIENT_A);
	WRITE(script, 6000, LOOP, CLIENT_B, POLLED(5210, 5980, 0), .status = 200);
	READ(script, 10000, LOOP, CLIENT_A, SLEPT(6010, 9980, 3), .line = "GET /a");
	WRITE(script, 10010, LOOP, DB);
	READ(script, 10020, LOOP, CLIENT_D, .arrived = 9980, .line = "GET /c");
	WRITE(script, 10030, LOOP, DB_3);
	READ(script, 10040, LOOP, CLIENT_B, .arrived = 9980, .line = "GET /b");
	answer(script, 11000, 10140);
	WRITE(script, 11100, LOOP, DB);
	answer(script, 12000, 11110);
	WRITE(script, 12100, LOOP, DB);
	READ(script, 13000, LOOP, DB_3, SLEPT(12110, 12980, 1));
	WRITE(script, 13100, LOOP, DB_3);
	answer_to(script, 14000, 13110, DB_3, CLIENT_D);
	answer_to(script, 15000, 14210, DB, CLIENT_A);
	WRITE(script, 15210, LOOP, DB);
	answer_to(script, 16000, 15220, DB, CLIENT_B);
	check(script, 3, 1, 2);
	script_close(script);
}

/* A and B seem to have waited twice each; but C is answered in the course of that: places in the line are in doubt, and what is told by
 * them. */
static void take_for_each_other(struct script *script)
{
	READ(script, 3000, LOOP, CLIENT_A, SLEPT(2900, 2980, 3), .line = "GET /one");
	WRITE(script, 3010, LOOP, DB);
	READ(script, 3020, LOOP, CLIENT_B, .arrived = 2980, .line = "GET /other");
	READ(script, 3120, LOOP, CLIENT_C, .arrived = 2980, .line = "GET /third");
	WRITE(script, 3130, LOOP, DB_3);
	answer(script, 4000, 3140);
	WRITE(script, 4005, LOOP, DB);
	answer(script, 5000, 4300);
	WRITE(script, 5005, LOOP, DB);
	answer(script, 6000, 5300);
	WRITE(script, 6005, LOOP, DB);
	WRITE(script, 6300, LOOP, CLIENT_B, .status = 200);
	answer_to(script, 7000, 6310, DB, CLIENT_C);
	WRITE(script, 8000, LOOP, CLIENT_A, POLLED(7210, 7980, 0), .status = 200);
}

/* A's connection is given on to B, after C has taken another one. B asks there twice, while D waits or nobody does, and is answered. */
static void give_b_what_it_keeps(struct script *script, uint64_t at, const char *line, bool waits)
{
	READ(script, at, LOOP, CLIENT_A, SLEPT(at - 500, at - 20, 2), .line = "GET /a");
	WRITE(script, at + 10, LOOP, DB);
	READ(script, at + 20, LOOP, CLIENT_B, .arrived = at - 20, .line = line);
	READ(script, at + 1000, LOOP, DB, SLEPT(at + 120, at + 980, 2));
	WRITE(script, at + 1100, LOOP, CLIENT_A, .status = 200);
	READ(script, at + 1110, LOOP, CLIENT_C, .arrived = at + 980, .line = "GET /c");
	WRITE(script, at + 1210, LOOP, DB_2);
	WRITE(script, at + 1220, LOOP, DB);
	if (waits)
		READ(script, at + 1500, LOOP, CLIENT_D, SLEPT(at + 1230, at + 1480, 1), .line = "GET /d");
	answer(script, at + 2000, at + (waits ? 1600 : 1230));
	WRITE(script, at + 2100, LOOP, DB);
	answer_to(script, at + 3000, at + 2110, DB, CLIENT_B);
	if (waits) {
		WRITE(script, at + 3210, LOOP, DB);
		answer_to(script, at + 3600, at + 3220, DB, CLIENT_D);
	}
	answer_to(script, at + 4000, at + (waits ? 3810 : 3210), DB_2, CLIENT_C);
}

/* A keeps its connection, while B only sleeps. */
static void keep_while_b_sleeps(struct script *script, uint64_t at)
{
	READ(script, at, LOOP, CLIENT_A, SLEPT(at - 500, at - 20, 2), .line = "GET /keeps");
	WRITE(script, at + 10, LOOP, DB);
	READ(script, at + 20, LOOP, CLIENT_B, .arrived = at - 20, .line = "GET /sleeps");
	answer(script, at + 1000, at + 120);
	WRITE(script, at + 1100, LOOP, DB);
	answer_to(script, at + 2000, at + 1110, DB, CLIENT_A);
	WRITE(script, at + 3000, LOOP, CLIENT_B, POLLED(at + 2210, at + 2980, 0), .status = 200);
}

/* Then it shows, often, that those keep their connections who have them: so B does, to which one was given on, and that is in no doubt. */
static void test_what_is_kept_is_in_no_doubt(void **state)
{
	struct script *script = server();
	uint64_t at = 10000;
	(void)state;

	show_pool(script);
	take_for_each_other(script);
	for (int i = 0; i < 5; i++, at += 5000)
		keep_while_b_sleeps(script, at);
	give_b_what_it_keeps(script, at, "GET /b", false);
	script_finish(script);
	assert_true(told_of(script, "GET /other")->ambiguous);
	assert_int_equal(told_of(script, "GET /b")->call_count, 2);
	assert_false(told_of(script, "GET /b")->ambiguous || told_of(script, "GET /c")->ambiguous);
	script_close(script);
}

/*
 * Some connections seem to have been given on at once, and then some are kept: that way is not followed any more, but not seldom enough
 * taken to be in no doubt. Who goes on so, and is answered in its turn, has kept its connection, too.
 */
static void test_who_goes_on_in_its_turn_has_kept_it(void **state)
{
	static const char *const lines[] = {"GET /first_b", "GET /2", "GET /3", "GET /b"};
	struct script *script = server();
	uint64_t at = 10000;
	(void)state;

	show_pool(script);
	take_for_each_other(script);
	for (int i = 0; i < 3; i++, at += 5000) {
		READ(script, at, LOOP, CLIENT_A, SLEPT(at - 500, at - 20, 2), .line = "GET /gives");
		WRITE(script, at + 10, LOOP, DB);
		READ(script, at + 20, LOOP, CLIENT_B, .arrived = at - 20, .line = "GET /waits");
		answer(script, at + 1000, at + 120);
		WRITE(script, at + 1005, LOOP, DB);
		WRITE(script, at + 1100, LOOP, CLIENT_A, .status = 200);
		answer_to(script, at + 2000, at + 1110, DB, CLIENT_B);
	}
	for (int i = 0; i < 2; i++, at += 5000)
		keep_while_b_sleeps(script, at);
	for (int i = 0; i < 4; i++, at += 6000)
		give_b_what_it_keeps(script, at, lines[i], true);
	script_finish(script);
	assert_true(told_of(script, "GET /first_b")->ambiguous);
	assert_int_equal(told_of(script, "GET /b")->call_count, 2);
	assert_false(told_of(script, "GET /b")->ambiguous);
	script_close(script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_made_in_the_callback_of_the_last),
		cmocka_unit_test(test_made_behind_another_ones_connection),
		cmocka_unit_test(test_taken_while_nobody_waits),
		cmocka_unit_test(test_idle_beside_who_waits),
		cmocka_unit_test(test_kept_all_the_while),
		cmocka_unit_test(test_kept_by_who_was_given_it),
		cmocka_unit_test(test_kept_is_joined_with_nothing),
		cmocka_unit_test(test_what_is_kept_is_in_no_doubt),
		cmocka_unit_test(test_who_goes_on_in_its_turn_has_kept_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
