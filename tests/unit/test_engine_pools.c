/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules 12 and 13: connections that several requests use, in a loop that calls back at once. Times in µs. */
#include <errno.h>

#include "unit/loop_script.h"

/* B finds no free connection; A's answer frees it, and B's question goes out before or after what A does with its answer. */
static void serve_two(struct script *script, uint64_t asked, uint64_t answered)
{
	uint64_t end = 4000 + (asked > answered ? asked : answered);

	READ(script, 3000, LOOP, CLIENT_A, SLEPT(2900, 2980, 2), .line = "GET /a");
	WRITE(script, 3010, LOOP, DB);
	READ(script, 3020, LOOP, CLIENT_B, .arrived = 2980, .line = "GET /b");
	READ(script, 4000, LOOP, DB, SLEPT(3120, 3980, 1));
	if (asked < answered)
		WRITE(script, 4000 + asked, LOOP, DB);
	WRITE(script, 4000 + answered, LOOP, CLIENT_A, .status = 200);
	if (asked > answered)
		WRITE(script, 4000 + asked, LOOP, DB);
	READ(script, 9000, LOOP, DB, SLEPT(end + 10, 8980, 1));
	WRITE(script, 9200, LOOP, CLIENT_B, .status = 200);
	script_finish(script);
}

static void check_two(uint64_t asked, uint64_t answered)
{
	struct script *script = server();
	const struct told *a, *b;

	show_pool(script);
	serve_two(script, asked, answered);
	a = told_of(script, "GET /a");
	b = told_of(script, "GET /b");
	assert_int_equal(a->call_count, 1);
	assert_int_equal(b->call_count, 1);
	assert_int_equal(a->state[STATE_CPU], 20 + 10 + 10 + 20 + answered);
	assert_int_equal(b->state[STATE_CPU], 100 + 20 + 200);
	assert_int_equal(b->state[STATE_NET], 8980 - (4000 + asked));
	assert_int_equal(b->state[STATE_POOL], 4000 + asked - 3120);
	assert_false(a->ambiguous || b->ambiguous);
	script_close(script);
}

static void test_waiter_asks_before_the_answer_is_worked_for(void **state)
{
	(void)state;
	check_two(5, 700);
}

static void test_waiter_asks_after_the_response(void **state)
{
	(void)state;
	check_two(710, 700);
}

/* A request of C's that asks on DB_2, long before. */
static void use_other_connection(struct script *script)
{
	READ(script, 2200, LOOP, CLIENT_C, SLEPT(2010, 2180, 1), .line = "GET /before");
	WRITE(script, 2210, LOOP, DB_2);
	READ(script, 2500, LOOP, DB_2, SLEPT(2220, 2480, 1));
	WRITE(script, 2510, LOOP, CLIENT_C, .status = 200);
}

/* The answer on that connection, waited for since `off`, leads to the response to the client. */
static void answer_to(struct script *script, uint64_t at, uint64_t off, uint64_t db, uint64_t client)
{
	READ(script, at, LOOP, db, SLEPT(off, at - 20, 1));
	WRITE(script, at + 200, LOOP, client, .status = 200);
}

enum resumed { WITH_THE_SAME, WITH_A_NEW_ONE, WITH_AN_IDLE_ONE };

/* A pool that resumes who waits at the end of the turn: until then the next callback may run, and ask on a connection of its own, or on the
 * very one that was given back: then another one is made for whoever waits, or had been idle all the while. */
static void check_resumed_later(enum resumed how)
{
	struct script *script = server();
	const struct told *b, *c;
	bool made = how == WITH_A_NEW_ONE, taken = how != WITH_THE_SAME;

	show_pool(script);
	if (how == WITH_AN_IDLE_ONE)
		use_other_connection(script);
	READ(script, 3000, LOOP, CLIENT_A, SLEPT(2900, 2980, 2), .line = "GET /a");
	WRITE(script, 3010, LOOP, DB);
	READ(script, 3020, LOOP, CLIENT_B, .arrived = 2980, .line = "GET /b");
	READ(script, 4000, LOOP, DB, SLEPT(3120, 3980, 2));
	WRITE(script, 4100, LOOP, CLIENT_A, .status = 200);
	READ(script, 4110, LOOP, CLIENT_C, .arrived = 3980, .line = "GET /c");
	WRITE(script, 4210, LOOP, taken ? DB : DB_2);
	if (made)
		script_span(script, 4220, LOOP, RECORD_IO, IO_CONNECT, DB_2, 0, (struct with){0});
	WRITE(script, 4230, LOOP, taken ? DB_2 : DB);
	if (how == WITH_AN_IDLE_ONE) {
		answer_to(script, 7000, 4240, DB_2, CLIENT_B);
		answer_to(script, 8000, 7210, DB, CLIENT_C);
	} else {
		answer_to(script, 8000, 4240, made ? DB : DB_2, CLIENT_C);
		answer_to(script, 9000, 8210, made ? DB_2 : DB, CLIENT_B);
	}
	script_finish(script);
	b = told_of(script, "GET /b");
	c = told_of(script, "GET /c");
	assert_int_equal(b->call_count, 1);
	assert_int_equal(c->call_count, 1);
	assert_int_equal(b->state[STATE_CPU], 100 + 20 + 200);
	assert_false(b->ambiguous || c->ambiguous);
	script_close(script);
}

static void test_waiter_is_resumed_later(void **state)
{
	(void)state;
	check_resumed_later(WITH_THE_SAME);
	check_resumed_later(WITH_A_NEW_ONE);
	check_resumed_later(WITH_AN_IDLE_ONE);
}

/* A and B ask the one behind the other on DB and DB_2, twice: connections of a pool. */
static uint64_t share_both(struct script *script, uint64_t at, const char *line)
{
	for (uint64_t i = 0; i < 4; i++, at += 1000) {
		READ(script, at, LOOP, CLIENT_A + i % 2, SLEPT(at - 480, at - 20, 1), .line = line);
		WRITE(script, at + 10, LOOP, i < 2 ? DB : DB_2);
		READ(script, at + 500, LOOP, i < 2 ? DB : DB_2, SLEPT(at + 20, at + 480, 1));
		WRITE(script, at + 510, LOOP, CLIENT_A + i % 2, .status = 200);
	}
	return at;
}

/* A has asked on DB, then something asks on DB_2; `whose` is answered behind that. */
static uint64_t ask_behind(struct script *script, uint64_t at, uint64_t whose, const char *line)
{
	READ(script, at, LOOP, CLIENT_A, SLEPT(at - 480, at - 20, 1), .line = line);
	WRITE(script, at + 10, LOOP, DB);
	WRITE(script, at + 20, LOOP, DB_2);
	READ(script, at + 500, LOOP, DB, SLEPT(at + 30, at + 480, 1));
	READ(script, at + 600, LOOP, DB_2, SLEPT(at + 510, at + 580, 1));
	WRITE(script, at + 610, LOOP, whose, .status = 200);
	if (whose != CLIENT_A)
		WRITE(script, at + 700, LOOP, CLIENT_A, .off = at + 620, .on = at + 680, .cause = WAIT_POLL, .epoll = at + 690,
		      .status = 200);
	return at + 1500;
}

/*
 * D waits; it turns out, twice, to have asked behind A. From then on that is in doubt, but not who asks first in its own callback. That is
 * so as well where an answer comes to a call from before the trace, as what was guessed then may have led to anything.
 */
static void check_doubt_about_the_next_callback(bool attached)
{
	struct script *script = server();
	uint64_t at;

	show_pool(script);
	if (attached)
		READ(script, 2300, LOOP, DB_2, SLEPT(2030, 2280, 1));
	at = share_both(script, 3000, "GET /shares");
	READ(script, at, LOOP, CLIENT_D, SLEPT(at - 480, at - 20, 1), .line = "GET /sleeps");
	at += 1000;
	for (unsigned int i = 0; i < 6; i++)
		at = ask_behind(script, at, CLIENT_A, "GET /both");
	for (unsigned int i = 0; i < 2; i++) {
		at = ask_behind(script, at, CLIENT_D, "GET /seems");
		READ(script, at, LOOP, CLIENT_D, SLEPT(at - 480, at - 20, 1), .line = "GET /sleeps");
		at += 1000;
	}
	at = ask_behind(script, at, CLIENT_A, "GET /both again");
	(void)share_both(script, at, "GET /shares again");
	script_finish(script);
	assert_true(attached || !told_of(script, "GET /both")->ambiguous);
	assert_true(attached || told_of(script, "GET /both")->call_count == 2);
	assert_true(told_of(script, "GET /seems")->ambiguous);
	assert_true(told_of(script, "GET /both again")->ambiguous);
	assert_int_equal(told_of(script, "GET /shares again")->ambiguous, attached);
	script_close(script);
}

static void test_doubt_about_the_next_callback(void **state)
{
	(void)state;
	check_doubt_about_the_next_callback(false);
	check_doubt_about_the_next_callback(true);
}

/* A and B ask for the connection at once: A has it, B stands in line. */
static void ask_both(struct script *script)
{
	READ(script, 3000, LOOP, CLIENT_A, SLEPT(2900, 2980, 2), .line = "GET /a");
	WRITE(script, 3010, LOOP, DB);
	READ(script, 3020, LOOP, CLIENT_B, .arrived = 2980, .line = "GET /b");
}

/* Not B, who seemed to wait for the connection, asks next, but A again: the response on that answer says so, and settles it. */
static void test_response_names_who_asked(void **state)
{
	struct script *script = server();
	const struct told *a, *b;
	(void)state;

	show_pool(script);
	ask_both(script);
	answer(script, 4000, 3120);
	WRITE(script, 4100, LOOP, DB);
	answer(script, 5000, 4110);
	WRITE(script, 5100, LOOP, CLIENT_A, .status = 200);
	WRITE(script, 9200, LOOP, CLIENT_B, .off = 5110, .on = 9000, .cause = WAIT_POLL, .epoll = 9000, .status = 200);
	script_finish(script);
	a = told_of(script, "GET /a");
	b = told_of(script, "GET /b");
	assert_false(a->ambiguous || b->ambiguous);
	assert_int_equal(a->call_count, 2);
	assert_int_equal(a->state[STATE_CPU], 20 + 10 + 10 + 20 + 100 + 10 + 20 + 100);
	assert_int_equal(b->call_count, 0);
	assert_int_equal(b->state[STATE_POOL], 0);
	script_close(script);
}

/* A asks on DB, twice, while B waits, for something else if nothing is made for it. */
static uint64_t keep(struct script *script, uint64_t at, bool made, const char *line)
{
	READ(script, at, LOOP, CLIENT_A, .off = at - 400, .on = at - 20, .cause = WAIT_POLL, .epoll = at - 10, .events = 2,
	     .arrived = at - 20, .line = "GET /keeps");
	WRITE(script, at + 10, LOOP, DB);
	READ(script, at + 20, LOOP, CLIENT_B, .arrived = at - 20, .line = line);
	answer(script, at + 1000, at + 120);
	WRITE(script, at + 1100, LOOP, DB);
	if (made) {
		script_span(script, at + 1110, LOOP, RECORD_IO, IO_CONNECT, DB_2, 0, (struct with){0});
		WRITE(script, at + 1120, LOOP, DB_2);
		answer_to(script, at + 1500, at + 1130, DB_2, CLIENT_B);
	}
	answer_to(script, at + 2500, at + (made ? 1710 : 1110), DB, CLIENT_A);
	if (!made)
		WRITE(script, at + 3200, LOOP, CLIENT_B, .off = at + 2710, .on = at + 3180, .cause = WAIT_POLL, .epoll = at + 3190,
		      .status = 200);
	return at + 4000;
}

/* Twice whoever had the connection has asked on it again: so it does the third time, and the one that is made then is B's who waits. */
static void test_who_has_a_connection_keeps_it(void **state)
{
	struct script *script = server();
	const struct told *b;
	uint64_t at = 3000;
	(void)state;

	show_pool(script);
	for (unsigned int i = 0; i < 2; i++)
		at = keep(script, at, false, "GET /waits");
	(void)keep(script, at, true, "GET /b");
	script_finish(script);
	b = told_of(script, "GET /b");
	assert_false(b->ambiguous);
	assert_int_equal(b->call_count, 1);
	script_close(script);
}

/* C sleeps while B waits for A's connection. C has come first, and its timer ends it, before or after B's answer. */
static void check_sleeper(uint64_t slept_until)
{
	struct script *script = server();
	const struct told *b, *c;

	show_pool(script);
	READ(script, 2600, LOOP, CLIENT_C, SLEPT(2500, 2580, 1), .line = "GET /c");
	READ(script, 3000, LOOP, CLIENT_A, SLEPT(2700, 2980, 2), .line = "GET /a");
	WRITE(script, 3010, LOOP, DB);
	READ(script, 3020, LOOP, CLIENT_B, .arrived = 2980, .line = "GET /b");
	answer(script, 4000, 3120);
	WRITE(script, 4005, LOOP, DB);
	WRITE(script, 4100, LOOP, CLIENT_A, .status = 200);
	if (slept_until < 9000)
		WRITE(script, slept_until, LOOP, CLIENT_C, .off = 4110, .on = slept_until - 20, .cause = WAIT_POLL,
		      .epoll = slept_until - 10, .status = 200);
	answer(script, 9000, slept_until < 9000 ? slept_until + 10 : 4110);
	WRITE(script, 9200, LOOP, CLIENT_B, .status = 200);
	if (slept_until > 9000)
		WRITE(script, slept_until, LOOP, CLIENT_C, .off = 9210, .on = slept_until - 20, .cause = WAIT_POLL,
		      .epoll = slept_until - 10, .status = 200);
	script_finish(script);
	b = told_of(script, "GET /b");
	c = told_of(script, "GET /c");
	assert_false(b->ambiguous || c->ambiguous || told_of(script, "GET /a")->ambiguous);
	assert_int_equal(b->call_count, 1);
	assert_int_equal(b->state[STATE_POOL], 4005 - 3120);
	assert_int_equal(b->state[STATE_CPU], 100 + 20 + 200);
	assert_int_equal(c->call_count, 0);
	assert_int_equal(c->state[STATE_POOL], 0);
	assert_true(c->state[STATE_SLEEP] > slept_until - 2700 - 100);
	script_close(script);
}

static void test_sleeper_is_no_waiter(void **state)
{
	(void)state;
	check_sleeper(6000);
	check_sleeper(20000);
}

/* A and B ask twice each, and wait for each other in between. `last`: who is answered first. */
static struct script *ask_twice(uint64_t last)
{
	struct script *script = server();

	show_pool(script);
	ask_both(script);
	answer(script, 4000, 3120); /* A's, and B is given the connection; A waits */
	WRITE(script, 4005, LOOP, DB);
	answer(script, 5000, 4300); /* B's, and A is given it; B waits */
	WRITE(script, 5005, LOOP, DB);
	answer(script, 6000, 5300); /* A's, and B is given it */
	WRITE(script, 6005, LOOP, DB);
	WRITE(script, 6300, LOOP, last == CLIENT_A ? CLIENT_A : CLIENT_B, .status = 200);
	answer(script, 7000, 6310);
	WRITE(script, 7300, LOOP, last == CLIENT_A ? CLIENT_B : CLIENT_A, .status = 200);
	script_finish(script);
	return script;
}

static void test_waits_twice(void **state)
{
	struct script *script = ask_twice(CLIENT_A);
	const struct told *a = told_of(script, "GET /a"), *b = told_of(script, "GET /b");
	(void)state;

	assert_false(a->ambiguous || b->ambiguous);
	assert_int_equal(a->call_count, 2);
	assert_int_equal(b->call_count, 2);
	assert_int_equal(a->state[STATE_CPU], 20 + 10 + 10 + 20 + 300 + 20 + 300);
	assert_int_equal(b->state[STATE_CPU], 100 + 20 + 300 + 20 + 300);
	assert_int_equal(a->state[STATE_POOL], 5005 - 4300);
	assert_int_equal(b->state[STATE_POOL], (4005 - 3120) + (6005 - 5300));
	script_close(script);
}

/* What was taken for A's second call was B's: by then their work can have been mixed up, so both are ambiguous (rule 13). */
static void test_waits_twice_out_of_order(void **state)
{
	struct script *script = ask_twice(CLIENT_B);
	(void)state;

	assert_true(told_of(script, "GET /a")->ambiguous);
	assert_true(told_of(script, "GET /b")->ambiguous);
	script_close(script);
}

/* C has slept while the connection lay idle, so it does not wait for that: whoever asks there twice in a turn goes on. */
static void test_idle_connection_has_no_waiters(void **state)
{
	struct script *script = server();
	const struct told *a;
	(void)state;

	show_pool(script);
	READ(script, 2600, LOOP, CLIENT_C, SLEPT(2500, 2580, 1), .line = "GET /c");
	READ(script, 3000, LOOP, CLIENT_A, SLEPT(2700, 2980, 1), .line = "GET /a");
	WRITE(script, 3010, LOOP, DB);
	answer(script, 4000, 3020);
	WRITE(script, 4100, LOOP, DB);
	answer(script, 5000, 4110);
	script_conn_ended(script, 5050, CLIENT_A); /* no response says that it was A */
	script_finish(script);
	a = told_of(script, "GET /a");
	assert_int_equal(a->call_count, 2);
	assert_int_equal(a->state[STATE_POOL], 0);
	script_close(script);
}

/* B makes a connection of its own, so it waits for none of A's, which asks again. */
static void test_connecting_is_no_waiting(void **state)
{
	struct script *script = server();
	(void)state;

	show_pool(script);
	READ(script, 3000, LOOP, CLIENT_A, SLEPT(2900, 2980, 2), .line = "GET /a");
	WRITE(script, 3010, LOOP, DB);
	READ(script, 3020, LOOP, CLIENT_B, .arrived = 2980, .line = "GET /b");
	script_span(script, 3030, LOOP, RECORD_IO, IO_CONNECT, DB_2, -EINPROGRESS, (struct with){0});
	READ(script, 4000, LOOP, DB, SLEPT(3120, 3980, 1));
	WRITE(script, 4100, LOOP, DB);
	READ(script, 5000, LOOP, DB, SLEPT(4110, 4980, 1));
	WRITE(script, 5100, LOOP, CLIENT_A, .status = 200);
	script_finish(script);
	assert_false(told_of(script, "GET /a")->ambiguous);
	assert_int_equal(told_of(script, "GET /a")->call_count, 2);
	script_close(script);
}

/* Two questions on one connection, and the answers in the other order, often: all who ask beside others there are ambiguous. */
static void serve_multiplexed(struct script *script, uint64_t from, bool in_order)
{
	READ(script, from + 100, LOOP, CLIENT_A, SLEPT(from + 10, from + 80, 2), .line = "GET /a");
	WRITE(script, from + 110, LOOP, DB);
	READ(script, from + 120, LOOP, CLIENT_B, .arrived = from + 80, .line = "GET /b");
	WRITE(script, from + 130, LOOP, DB);
	READ(script, from + 500, LOOP, DB, SLEPT(from + 140, from + 480, 1));
	WRITE(script, from + 600, LOOP, in_order ? CLIENT_A : CLIENT_B, .status = 200);
	READ(script, from + 900, LOOP, DB, SLEPT(from + 610, from + 880, 1));
	WRITE(script, from + 1000, LOOP, in_order ? CLIENT_B : CLIENT_A, .status = 200);
}

static void test_answers_out_of_order(void **state)
{
	struct script *script = server();
	(void)state;

	for (uint64_t from = 0; from < 10000; from += 2000)
		serve_multiplexed(script, from, false);
	script_finish(script);
	assert_int_equal(script->count, 10);
	for (size_t i = 2; i < script->count; i++)
		assert_true(script->told[i].ambiguous);
	script_close(script);
}

static void test_pipelined_answers(void **state)
{
	struct script *script = server();
	(void)state;

	for (uint64_t from = 0; from < 10000; from += 2000)
		serve_multiplexed(script, from, true);
	script_finish(script);
	assert_int_equal(script->count, 10);
	for (size_t i = 0; i < script->count; i++) {
		assert_false(script->told[i].ambiguous);
		assert_int_equal(script->told[i].call_count, 1);
	}
	script_close(script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_waiter_asks_before_the_answer_is_worked_for),
		cmocka_unit_test(test_waiter_asks_after_the_response),
		cmocka_unit_test(test_waiter_is_resumed_later),
		cmocka_unit_test(test_doubt_about_the_next_callback),
		cmocka_unit_test(test_response_names_who_asked),
		cmocka_unit_test(test_who_has_a_connection_keeps_it),
		cmocka_unit_test(test_sleeper_is_no_waiter),
		cmocka_unit_test(test_waits_twice),
		cmocka_unit_test(test_waits_twice_out_of_order),
		cmocka_unit_test(test_idle_connection_has_no_waiters),
		cmocka_unit_test(test_connecting_is_no_waiting),
		cmocka_unit_test(test_answers_out_of_order),
		cmocka_unit_test(test_pipelined_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
