/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Strands that are polled, as tokio's tasks: what one waited for is told by who wakes it. And strands that read for several requests on one
 * connection: whose an answer is, is told by whom they wake. Times in µs.
 */
#include "unit/strand_script.h"

/* The runtime wakes it for a socket: it was ready since then. */
static void test_socket(void **state)
{
	struct script *script = server_with_request();
	const struct told *a;
	(void)state;

	WRITE(script, 1100, MAIN, DB);
	RUNS(script, 1110, MAIN, NONE, .left = WAIT_POLL);
	WOKEN(script, 5010, MAIN, HANDLER_A, POLLED(1120, 5000, 1));
	RUNS(script, 5050, MAIN, HANDLER_A);
	READ(script, 5060, MAIN, DB, .arrived = 4990);
	WRITE(script, 5160, MAIN, CLIENT_A, .status = 200);
	script_finish(script);
	a = told_of(script, "GET /a");
	assert_int_equal(a->state[STATE_NET], 4990 - 1110);
	assert_int_equal(a->state[STATE_READY], 5050 - 4990);
	assert_int_equal(a->cpu_time, 10 + 90 + 10 + 10 + 100);
	script_close(script);
}

/* It does so for a timer: that is certain if there was nothing to read. */
static void test_timer(void **state)
{
	(void)state;

	for (uint32_t events = 0; events < 2; events++) {
		struct script *script = server_with_request();
		const struct told *a;

		RUNS(script, 1110, MAIN, NONE, .left = WAIT_POLL);
		WOKEN(script, 5010, MAIN, TICKER, POLLED(1120, 5000, events));
		WOKEN(script, 5020, MAIN, HANDLER_A);
		RUNS(script, 5050, MAIN, HANDLER_A);
		WRITE(script, 5160, MAIN, CLIENT_A, .status = 200);
		script_finish(script);
		a = told_of(script, "GET /a");
		assert_int_equal(a->state[STATE_SLEEP], events ? 0 : 5020 - 1110);
		assert_int_equal(a->state[STATE_OTHER], events ? 5020 - 1110 : 0);
		assert_int_equal(a->state[STATE_READY], 30);
		script_close(script);
	}
}

/* Another one wakes it, and it asks over the connection that that one had: it had waited for the connection. */
static void test_pool(void **state)
{
	struct script *script = server_with_request();
	(void)state;

	WRITE(script, 1100, MAIN, DB);
	RUNS(script, 1110, MAIN, HANDLER_B, .left = WAIT_POLL);
	READ(script, 1120, MAIN, CLIENT_B, .arrived = 1110, .line = "GET /b");
	RUNS(script, 1200, MAIN, NONE, .left = WAIT_POLL);
	WOKEN(script, 5010, MAIN, HANDLER_A, POLLED(1210, 5000, 1));
	RUNS(script, 5020, MAIN, HANDLER_A);
	READ(script, 5030, MAIN, DB, .arrived = 5000);
	WOKEN(script, 5050, MAIN, HANDLER_B);
	RUNS(script, 5060, MAIN, HANDLER_B, .left = WAIT_POLL);
	WRITE(script, 5070, MAIN, DB);
	READ(script, 9000, MAIN, DB, .off = 5080, .on = 8990, .cause = WAIT_NET, .arrived = 8990);
	WRITE(script, 9100, MAIN, CLIENT_B, .status = 200);
	WRITE(script, 9200, CARRIER, CLIENT_A, .status = 200);
	script_finish(script);
	assert_int_equal(told_of(script, "GET /b")->state[STATE_POOL], 5050 - 1200);
	assert_false(told_of(script, "GET /b")->ambiguous);
	script_close(script);
}

/* WRITER serves whoever gives it something. It is given B's while it runs for A, so that it could go on: that was not a preemption. */
static void test_woken_while_it_runs(void **state)
{
	struct script *script = server_with_request();
	const struct told *a, *b;
	(void)state;

	RUNS(script, 1100, CARRIER, HANDLER_B);
	READ(script, 1110, CARRIER, CLIENT_B, .arrived = 1100, .line = "GET /b");
	WOKEN(script, 1120, MAIN, WRITER);
	RUNS(script, 1130, MAIN, WRITER, .left = WAIT_POLL);
	WRITE(script, 1230, MAIN, DB);
	WOKEN(script, 1240, CARRIER, WRITER);
	RUNS(script, 1250, MAIN, NONE, .left = WAIT_RUNNABLE);
	RUNS(script, 1260, MAIN, WRITER);
	WRITE(script, 1560, MAIN, CACHE);
	RUNS(script, 1570, MAIN, HANDLER_A, .left = WAIT_POLL);
	WRITE(script, 1670, MAIN, CLIENT_A, .status = 200);
	WRITE(script, 1740, CARRIER, CLIENT_B, .status = 200);
	script_finish(script);
	a = told_of(script, "GET /a");
	b = told_of(script, "GET /b");
	assert_int_equal(a->cpu_time, 10 + 110 + 10 + 110 + 10 + 100);
	assert_int_equal(b->cpu_time, 10 + 130 + 500 + 310);
	script_close(script);
}

/* Nobody woke it: it gave way by itself, and goes on with the same. */
static void test_yields(void **state)
{
	struct script *script = server_with_request();
	const struct told *a;
	(void)state;

	RUNS(script, 1100, MAIN, NONE, .left = WAIT_RUNNABLE);
	RUNS(script, 1400, MAIN, HANDLER_A);
	WRITE(script, 1500, MAIN, CLIENT_A, .status = 200);
	script_finish(script);
	a = told_of(script, "GET /a");
	assert_int_equal(a->state[STATE_READY], 300);
	assert_int_equal(a->cpu_time, 10 + 90 + 100);
	script_close(script);
}

/* ---- answers on one connection for several ------------------------------------------------------------------------------------------ */

/* A and B have asked on DB, A first, and both wait; READER waits for what comes, and runs at 5020. */
static struct script *two_ask(void)
{
	struct script *script = server_with_request();

	WRITE(script, 1100, MAIN, DB);
	RUNS(script, 1110, MAIN, HANDLER_B, .left = WAIT_POLL);
	READ(script, 1120, MAIN, CLIENT_B, .arrived = 1110, .line = "GET /b");
	WRITE(script, 1200, MAIN, DB);
	RUNS(script, 1210, MAIN, NONE, .left = WAIT_POLL);
	WOKEN(script, 5010, MAIN, READER, POLLED(1220, 5000, 1));
	RUNS(script, 5020, MAIN, READER);
	return script;
}

/* The handler goes on with what it was given, and answers 100 µs later. */
static void answers(struct script *script, uint64_t at, uint64_t strand, uint64_t client)
{
	RUNS(script, at, MAIN, strand, .left = WAIT_POLL);
	WRITE(script, at + 100, MAIN, client, .status = 200);
}

/* B's answer comes first. */
static void test_out_of_order(void **state)
{
	struct script *script = two_ask();
	const struct told *a, *b;
	(void)state;

	READ(script, 5030, MAIN, DB, .arrived = 4990);
	WOKEN(script, 5050, MAIN, HANDLER_B);
	answers(script, 5060, HANDLER_B, CLIENT_B);
	RUNS(script, 8000, MAIN, READER);
	READ(script, 8010, MAIN, DB, .arrived = 7990);
	WOKEN(script, 8030, MAIN, HANDLER_A);
	answers(script, 8040, HANDLER_A, CLIENT_A);
	script_finish(script);
	a = told_of(script, "GET /a");
	b = told_of(script, "GET /b");
	assert_int_equal(b->state[STATE_NET], 4990 - 1210);
	assert_int_equal(b->call_count, 1);
	assert_int_equal(b->cpu_time, 10 + 80 + 10 + 40 + 100); /* what READER did is a part of it */
	assert_int_equal(a->state[STATE_NET], 7990 - 1110);
	assert_int_equal(a->call_count, 1);
	assert_false(a->ambiguous);
	assert_false(b->ambiguous);
	script_close(script);
}

/* One read brings both, in the order in which they are handed out. When the second one came, nobody knows. */
static void test_two_in_one_read(void **state)
{
	struct script *script = two_ask();
	const struct told *a, *b;
	(void)state;

	READ(script, 5030, MAIN, DB, .arrived = 3000);
	WOKEN(script, 5050, MAIN, HANDLER_B);
	WOKEN(script, 5060, MAIN, HANDLER_A);
	answers(script, 5070, HANDLER_B, CLIENT_B);
	answers(script, 5270, HANDLER_A, CLIENT_A);
	script_finish(script);
	a = told_of(script, "GET /a");
	b = told_of(script, "GET /b");
	assert_int_equal(a->call_count, 1);
	assert_int_equal(b->call_count, 1);
	assert_int_equal(b->state[STATE_NET], 3000 - 1210);
	assert_int_equal(b->state[STATE_READY], 5020 - 3000 + 5070 - 5060); /* READER handed out the other one until 5060 */
	assert_int_equal(a->state[STATE_NET], 3000 - 1110);
	assert_int_equal(a->state[STATE_READY], 5270 - 5070);
	assert_true(a->state[STATE_OTHER] >= 5050 - 3000);
	assert_false(a->ambiguous);
	assert_false(b->ambiguous);
	script_close(script);
}

/* A read that wakes nobody, where others have, was a part of an answer: it answers nothing. */
static void test_part_of_an_answer(void **state)
{
	struct script *script = two_ask();
	const struct told *a;
	(void)state;

	READ(script, 5030, MAIN, DB, .arrived = 4990);
	WOKEN(script, 5050, MAIN, HANDLER_B);
	answers(script, 5060, HANDLER_B, CLIENT_B);
	RUNS(script, 6000, MAIN, READER);
	READ(script, 6010, MAIN, DB, .arrived = 5990);
	RUNS(script, 6020, MAIN, NONE, .left = WAIT_POLL);
	RUNS(script, 8000, MAIN, READER);
	READ(script, 8010, MAIN, DB, .arrived = 7990);
	WOKEN(script, 8030, MAIN, HANDLER_A);
	answers(script, 8040, HANDLER_A, CLIENT_A);
	script_finish(script);
	a = told_of(script, "GET /a");
	assert_int_equal(a->state[STATE_NET], 7990 - 1110);
	assert_int_equal(a->call_count, 1);
	script_close(script);
}

/* Where nobody was ever woken, answers are taken to come in the order of the questions. */
static void test_nobody_is_woken(void **state)
{
	struct script *script = two_ask();
	const struct told *a;
	(void)state;

	READ(script, 5030, MAIN, DB, .arrived = 4990);
	RUNS(script, 5050, MAIN, NONE, .left = WAIT_POLL);
	answers(script, 5060, HANDLER_A, CLIENT_A);
	answers(script, 8040, HANDLER_B, CLIENT_B);
	script_finish(script);
	a = told_of(script, "GET /a");
	assert_int_equal(a->state[STATE_NET], 4990 - 1110);
	assert_int_equal(a->call_count, 1);
	script_close(script);
}

/* Each handler reads its own answer, under some lock: no wake-up is needed to tell. */
static void test_own_answer(void **state)
{
	struct script *script = two_ask();
	const struct told *a, *b;
	(void)state;

	RUNS(script, 5100, MAIN, HANDLER_B, .left = WAIT_POLL);
	READ(script, 5110, MAIN, DB, .arrived = 4990);
	WRITE(script, 5200, MAIN, CLIENT_B, .status = 200);
	RUNS(script, 5300, MAIN, HANDLER_A, .left = WAIT_POLL);
	READ(script, 5310, MAIN, DB, .arrived = 5250);
	WRITE(script, 5400, MAIN, CLIENT_A, .status = 200);
	script_finish(script);
	a = told_of(script, "GET /a");
	b = told_of(script, "GET /b");
	assert_int_equal(b->state[STATE_NET], 4990 - 1210);
	assert_int_equal(a->state[STATE_NET], 5250 - 1110);
	script_close(script);
}

/* WRITER was given a connection by A, which has ended since; then B asks through it, and gets its answer from it. Nothing is in doubt. */
static void test_servant_answers(void **state)
{
	struct script *script = server_with_request();
	const struct told *b;
	(void)state;

	WOKEN(script, 1100, MAIN, WRITER);
	RUNS(script, 1110, MAIN, WRITER, .left = WAIT_POLL);
	WRITE(script, 1120, MAIN, DB);
	RUNS(script, 1130, MAIN, HANDLER_A, .left = WAIT_POLL);
	WRITE(script, 1230, MAIN, CLIENT_A, .status = 200);
	RUNS(script, 1240, MAIN, HANDLER_B, .left = WAIT_POLL);
	READ(script, 1250, MAIN, CLIENT_B, .arrived = 1240, .line = "GET /b");
	RUNS(script, 1300, MAIN, NONE, .left = WAIT_POLL);
	WOKEN(script, 5010, MAIN, WRITER, POLLED(1310, 5000, 1));
	RUNS(script, 5020, MAIN, WRITER);
	READ(script, 5030, MAIN, DB, .arrived = 4990);
	WOKEN(script, 5050, MAIN, HANDLER_B);
	answers(script, 5060, HANDLER_B, CLIENT_B);
	script_finish(script);
	b = told_of(script, "GET /b");
	assert_int_equal(b->call_count, 1);
	assert_false(b->ambiguous);
	script_close(script);
}

/* CHILD is A's, and asks through WRITER, which serves anybody: it has served A, whoever it serves next, and whenever A ends. */
static void test_servant_of_child(void **state)
{
	struct script *script = server_with_request();
	const struct told *a, *b;
	(void)state;

	MADE(script, 1020, MAIN, CHILD);
	RUNS(script, 1030, MAIN, CHILD, .left = WAIT_POLL);
	WOKEN(script, 1040, MAIN, WRITER);
	RUNS(script, 1050, MAIN, WRITER, .left = WAIT_POLL);
	WRITE(script, 1060, MAIN, DB);
	RUNS(script, 1070, MAIN, NONE, .left = WAIT_POLL);
	WOKEN(script, 5010, MAIN, WRITER, POLLED(1080, 5000, 1));
	RUNS(script, 5020, MAIN, WRITER);
	READ(script, 5030, MAIN, DB, .arrived = 4990);
	WOKEN(script, 5050, MAIN, CHILD);
	RUNS(script, 5060, MAIN, CHILD, .left = WAIT_POLL);
	WOKEN(script, 5070, MAIN, HANDLER_A);
	answers(script, 5080, HANDLER_A, CLIENT_A);
	RUNS(script, 5190, MAIN, HANDLER_B, .left = WAIT_POLL);
	READ(script, 5200, MAIN, CLIENT_B, .arrived = 5190, .line = "GET /b");
	script_tick(script, 900000); /* A is told */
	WOKEN(script, 900010, MAIN, WRITER);
	RUNS(script, 900020, MAIN, WRITER, .left = WAIT_POLL);
	answers(script, 900030, HANDLER_B, CLIENT_B);
	script_finish(script);
	a = told_of(script, "GET /a");
	b = told_of(script, "GET /b");
	assert_int_equal(a->call_count, 1);
	assert_int_equal(a->state[STATE_NET], 4990 - 1070);
	assert_int_equal(b->call_count, 0);
	assert_false(a->ambiguous || b->ambiguous);
	script_close(script);
}

/*
 * CHILD is A's. B gives it leave to take a connection, which is the one that an earlier request has given back: or, on a servant's own one,
 * something to send.
 */
static void test_child_takes_any_connection(void **state)
{
	(void)state;

	for (int pooled = 0; pooled < 2; pooled++) {
		struct script *script = server_with_request();
		const struct told *a, *b;

		MADE(script, 1020, MAIN, CHILD);
		RUNS(script, 1030, MAIN, HANDLER_B, .left = WAIT_POLL);
		READ(script, 1040, MAIN, CLIENT_B, .arrived = 1030, .line = "GET /c");
		WRITE(script, 1050, MAIN, pooled ? CACHE : DB);
		READ(script, 2000, MAIN, pooled ? CACHE : DB, .off = 1060, .on = 1990, .cause = WAIT_NET, .arrived = 1990);
		WRITE(script, 2010, MAIN, CLIENT_B, .status = 200);
		READ(script, 3000, MAIN, CLIENT_B, .off = 2020, .on = 2990, .cause = WAIT_NET, .arrived = 2990, .line = "GET /b");
		WOKEN(script, 3010, MAIN, CHILD);
		RUNS(script, 3020, MAIN, CHILD, .left = WAIT_POLL);
		WRITE(script, 3030, MAIN, CACHE);
		READ(script, 5000, MAIN, CACHE, .off = 3040, .on = 4990, .cause = WAIT_NET, .arrived = 4990);
		RUNS(script, 5010, MAIN, NONE, .flags = RECORD_STRAND_ENDED);
		answers(script, 5020, HANDLER_B, CLIENT_B);
		answers(script, 5200, HANDLER_A, CLIENT_A);
		script_finish(script);
		a = told_of(script, "GET /a");
		b = told_of(script, "GET /b");
		assert_int_equal(a->call_count, pooled);
		assert_int_equal(b->call_count, !pooled);
		assert_false(a->ambiguous || b->ambiguous);
		script_close(script);
	}
}

/* WRITER has served A, and B gives it the next question before it leaves its thread: it asks that at once, and not for A. */
static void test_given_while_it_runs(void **state)
{
	struct script *script = server_with_request();
	const struct told *a, *b;
	(void)state;

	WOKEN(script, 1020, MAIN, WRITER);
	RUNS(script, 1030, MAIN, WRITER, .left = WAIT_POLL);
	RUNS(script, 1030, CARRIER, HANDLER_B);
	READ(script, 1035, CARRIER, CLIENT_B, .arrived = 1025, .line = "GET /b");
	WRITE(script, 1040, MAIN, DB);
	READ(script, 3000, MAIN, DB, .off = 1050, .on = 2990, .cause = WAIT_NET, .arrived = 2990);
	WOKEN(script, 3010, MAIN, HANDLER_A);
	WOKEN(script, 3020, CARRIER, WRITER);
	WRITE(script, 3030, MAIN, DB);
	RUNS(script, 3040, CARRIER, NONE, .left = WAIT_POLL);
	RUNS(script, 3040, MAIN, HANDLER_A, .left = WAIT_RUNNABLE);
	WRITE(script, 3140, MAIN, CLIENT_A, .status = 200);
	RUNS(script, 3150, MAIN, WRITER, .left = WAIT_POLL); /* polled again, for nothing */
	RUNS(script, 3160, MAIN, NONE, .left = WAIT_POLL);
	WOKEN(script, 4996, MAIN, WRITER, POLLED(3170, 4990, 1));
	RUNS(script, 5000, MAIN, WRITER);
	READ(script, 5010, MAIN, DB, .arrived = 4980);
	WOKEN(script, 5020, MAIN, HANDLER_B);
	answers(script, 5030, HANDLER_B, CLIENT_B);
	script_finish(script);
	a = told_of(script, "GET /a");
	b = told_of(script, "GET /b");
	assert_int_equal(a->call_count, 1);
	assert_int_equal(b->call_count, 1);
	assert_int_equal(b->state[STATE_NET], 4980 - 3160);
	assert_false(a->ambiguous || b->ambiguous);
	script_close(script);
}

/* The runtime woke WRITER for its socket, and before it ran B gave it something: it does that. */
static void test_woken_twice(void **state)
{
	struct script *script = server_with_request();
	const struct told *a, *b;
	(void)state;

	WOKEN(script, 1020, MAIN, WRITER);
	RUNS(script, 1030, MAIN, WRITER, .left = WAIT_POLL);
	RUNS(script, 1040, MAIN, HANDLER_B, .left = WAIT_POLL);
	READ(script, 1050, MAIN, CLIENT_B, .arrived = 1040, .line = "GET /b");
	RUNS(script, 1060, MAIN, NONE, .left = WAIT_POLL);
	WOKEN(script, 5010, CARRIER, WRITER, POLLED(1080, 5000, 1));
	RUNS(script, 5020, MAIN, HANDLER_B, .off = 1070, .on = 5015, .cause = WAIT_POLL);
	WOKEN(script, 5120, MAIN, WRITER);
	WOKEN(script, 5130, CARRIER, WRITER);
	RUNS(script, 5140, MAIN, WRITER, .left = WAIT_POLL);
	WRITE(script, 5440, MAIN, DB);
	answers(script, 5450, HANDLER_B, CLIENT_B);
	answers(script, 6000, HANDLER_A, CLIENT_A);
	script_finish(script);
	a = told_of(script, "GET /a");
	b = told_of(script, "GET /b");
	assert_int_equal(b->cpu_time, 20 + 100 + 20 + 310 + 100);
	assert_int_equal(a->cpu_time, 10 + 10 + 10 + 10 + 100);
	script_close(script);
}

/* What CHILD computed was nobody's who was known; it is A's by now, and others have run since. It was stolen all the same. */
static void test_stolen_from_one_bound_since(void **state)
{
	struct script *script = server_with_request();
	const struct told *a;
	(void)state;

	RUNS(script, 1100, MAIN, NONE, .left = WAIT_OTHER);
	RUNS(script, 1110, CARRIER, CHILD);
	WRITE(script, 1120, CARRIER, DB);
	RUNS(script, 4120, CARRIER, OTHER_CHILD, .left = WAIT_OTHER);
	WRITE(script, 4150, CARRIER, CACHE);
	RUNS(script, 4250, CARRIER, CHILD, .left = WAIT_OTHER);
	WRITE(script, 4260, CARRIER, CLIENT_A, .status = 200);
	RUNS(script, 4300, CARRIER, OTHER_CHILD, .left = WAIT_NET);
	WINDOW(script, 4500, CARRIER, .off = 4400, .on = 4490, .stolen = 2500, .cause = WAIT_OTHER);
	script_finish(script);
	a = told_of(script, "GET /a");
	assert_int_equal(a->ready[READY_PART_STOLEN], 2500);
	assert_int_equal(a->cpu_time, 100 + 10 + 3000 + 10 - 2500);
	script_close(script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_socket),
		cmocka_unit_test(test_timer),
		cmocka_unit_test(test_pool),
		cmocka_unit_test(test_woken_while_it_runs),
		cmocka_unit_test(test_yields),
		cmocka_unit_test(test_out_of_order),
		cmocka_unit_test(test_two_in_one_read),
		cmocka_unit_test(test_part_of_an_answer),
		cmocka_unit_test(test_nobody_is_woken),
		cmocka_unit_test(test_own_answer),
		cmocka_unit_test(test_servant_answers),
		cmocka_unit_test(test_servant_of_child),
		cmocka_unit_test(test_child_takes_any_connection),
		cmocka_unit_test(test_given_while_it_runs),
		cmocka_unit_test(test_woken_twice),
		cmocka_unit_test(test_stolen_from_one_bound_since),
	};

	return cmocka_run_group_tests_name("polled strands", tests, NULL, NULL);
}
