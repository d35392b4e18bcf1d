/* SPDX-License-Identifier: BSD-2-Clause */
/* Rule 11: loops that read ahead, and deliver later what they found at the first try (Asio). Times in µs. */
#include <stdio.h>

#include "unit/engine_script.h"

enum { LOOP = 1 };
enum { CLIENT_A = 100, CLIENT_B, CLIENT_C, CLIENT_D, DB_A = 200, DB_B, DB_C, DB_D, DB_E };

/* A, B and C are read after an event, and each asks at once, of a connection that any of them might have used. */
static struct script *ask_each(void)
{
	static const char *const lines[] = {"GET /a", "GET /b", "GET /c"};
	struct script *script = script_open();

	script_thread(script, 0, LOOP, LOOP, THREAD_FOUND);
	for (uint64_t i = 0; i < 3; i++) {
		script_conn(script, CLIENT_A + i, CONN_SERVER, 8080);
		script_conn(script, DB_A + i, CONN_DOWNSTREAM, 5432);
		READ_NOTHING(script, 10 + i, LOOP, CLIENT_A + i);
	}
	READ(script, 100, LOOP, CLIENT_A, SLEPT(20, 80, 3), .line = lines[0]);
	WRITE(script, 600, LOOP, DB_A);
	READ(script, 610, LOOP, CLIENT_B, .arrived = 80, .line = lines[1]);
	WRITE(script, 1110, LOOP, DB_B);
	READ(script, 1120, LOOP, CLIENT_C, .arrived = 80, .line = lines[2]);
	WRITE(script, 1620, LOOP, DB_C);
	return script;
}

/* All three answers are there when their steps look for them first, from 1700 on. */
static struct script *ask_all(void)
{
	struct script *script = ask_each();

	READ(script, 1700, LOOP, DB_A, .arrived = 1000);
	READ(script, 1710, LOOP, DB_B, .arrived = 1500);
	return script;
}

/* Their steps come in the order of the reads; from the read to its step each waits for the loop. */
static void test_in_the_order_of_reads(void **state)
{
	struct script *script = ask_all();
	const struct told *b;
	(void)state;

	READ(script, 1720, LOOP, DB_C, .arrived = 1690);
	WRITE(script, 2100, LOOP, CLIENT_A, .status = 200);
	WRITE(script, 2700, LOOP, CLIENT_B, .epoll = 2110, .events = 1, .status = 200);
	WRITE(script, 3400, LOOP, CLIENT_C, .status = 200);
	script_finish(script);
	b = told_of(script, "GET /b");
	assert_int_equal(b->cpu_time, 500 + 10 + (2700 - 2110));
	assert_int_equal(b->state[STATE_NET], 1500 - 1120);
	assert_int_equal(b->state[STATE_LOOP], (610 - 80) + (1710 - 1500) + (2110 - 1710));
	assert_int_equal(told_of(script, "GET /c")->cpu_time, 500 + 80 + 700);
	for (size_t i = 0; i < script->count; i++) {
		assert_int_equal(script->told[i].call_count, 1);
		assert_false(script->told[i].ambiguous);
	}
	script_close(script);
}

/* C's answer was not there at the first try. When it has come after an event its step follows at once, and overtakes those of A and B. */
static void test_delivered_after_an_event(void **state)
{
	struct script *script = ask_all();
	(void)state;

	READ_NOTHING(script, 1720, LOOP, DB_C);
	READ(script, 1760, LOOP, DB_C, .epoll = 1750, .events = 1, .arrived = 1745);
	WRITE(script, 2460, LOOP, CLIENT_C, .status = 200);
	WRITE(script, 2860, LOOP, CLIENT_A, .status = 200);
	WRITE(script, 3460, LOOP, CLIENT_B, .status = 200);
	script_finish(script);
	assert_int_equal(told_of(script, "GET /c")->cpu_time, 500 + 80 + 10 + 700);
	assert_int_equal(told_of(script, "GET /b")->cpu_time, 500 + 10 + 600);
	for (size_t i = 0; i < script->count; i++)
		assert_false(script->told[i].ambiguous);
	script_close(script);
}

/* B's step makes no call: that it has run shows when A, whose response was queued behind it, tries to read again. */
static void test_step_without_a_call(void **state)
{
	struct script *script = ask_all();
	(void)state;

	READ_NOTHING(script, 1720, LOOP, DB_C);
	WRITE(script, 2120, LOOP, CLIENT_A, .status = 200);
	READ_NOTHING(script, 2720, LOOP, CLIENT_A);
	WRITE(script, 9050, LOOP, CLIENT_B, .off = 2730, .on = 9000, .cause = WAIT_POLL, .epoll = 9010, .status = 200);
	script_finish(script);
	assert_int_equal(told_of(script, "GET /a")->cpu_time, 20 + 500 + 10 + 10 + 400);
	assert_int_equal(told_of(script, "GET /b")->cpu_time, 500 + 10 + 600 + 50);
	assert_false(told_of(script, "GET /a")->ambiguous || told_of(script, "GET /b")->ambiguous);
	script_close(script);
}

/* Neither A's nor B's step makes a call, and nothing lies between them: whose part is whose nobody can tell. C's is another one. */
static void test_steps_without_a_call(void **state)
{
	for (int sleeps = 0; sleeps < 2; sleeps++) {
		struct script *script = ask_all();
		(void)state;

		READ_NOTHING(script, 1720, LOOP, DB_C);
		if (sleeps)
			READ(script, 9000, LOOP, DB_C, .off = 2620, .on = 8980, .cause = WAIT_POLL, .epoll = 8990, .events = 1,
			     .arrived = 8980);
		else
			READ(script, 9000, LOOP, DB_C, .off = 1730, .on = 8120, .cause = WAIT_RUNNABLE, .epoll = 1725, .events = 1,
			     .arrived = 1722);
		WRITE(script, 9300, LOOP, CLIENT_C, .status = 200);
		WRITE(script, 9400, LOOP, CLIENT_A, .status = 200);
		WRITE(script, 9600, LOOP, CLIENT_B, .status = 200);
		script_finish(script);
		assert_int_equal(told_of(script, "GET /a")->cpu_time, 20 + 500 + 10 + 10 + 100);
		assert_int_equal(told_of(script, "GET /b")->cpu_time, 500 + 10 + 200);
		assert_int_equal(told_of(script, "GET /c")->cpu_time, 500 + 80 + 300 + (sleeps ? 20 : 0));
		script_close(script);
	}
}

/* Epoll is queued behind A's and B's steps, but not behind C's, which was read for after its last return. */
static void test_epoll_is_queued_too(void **state)
{
	struct script *script = ask_all();
	(void)state;

	READ(script, 1720, LOOP, DB_C, .epoll = 1715, .arrived = 1690);
	READ_NOTHING(script, 2630, LOOP, DB_A, .epoll = 2628);
	WRITE(script, 3330, LOOP, CLIENT_C, .status = 200);
	WRITE(script, 3730, LOOP, CLIENT_A, .status = 200);
	script_finish(script);
	assert_int_equal(told_of(script, "GET /a")->cpu_time, 20 + 500 + 10 + 10 + 400);
	assert_int_equal(told_of(script, "GET /c")->cpu_time, 500 + 80 + 700);
	script_close(script);
}

/* A's step makes no call, and behind it B, who has the connection, asks again. */
static void test_caller_has_the_connection(void **state)
{
	struct script *script = ask_all();
	(void)state;

	READ_NOTHING(script, 1720, LOOP, DB_C);
	WRITE(script, 2620, LOOP, DB_B);
	READ_NOTHING(script, 2630, LOOP, DB_B);
	READ(script, 9000, LOOP, DB_B, .off = 2640, .on = 8980, .cause = WAIT_POLL, .epoll = 8990, .events = 1, .arrived = 8980);
	WRITE(script, 9300, LOOP, CLIENT_B, .status = 200);
	WRITE(script, 9700, LOOP, CLIENT_A, .status = 200);
	script_finish(script);
	assert_int_equal(told_of(script, "GET /b")->call_count, 2);
	assert_int_equal(told_of(script, "GET /a")->call_count, 1);
	assert_int_equal(told_of(script, "GET /a")->cpu_time, 20 + 500 + 10 + 10 + 400);
	assert_int_equal(told_of(script, "GET /b")->cpu_time, 500 + 10 + 10 + 20 + 300);
	assert_false(told_of(script, "GET /a")->ambiguous || told_of(script, "GET /b")->ambiguous);
	script_close(script);
}

/* Before the loop has shown that it reads ahead, A seems to have had its step as soon as it was read. So the next one's is nobody else's.
 */
static void test_not_known_to_read_ahead(void **state)
{
	struct script *script = ask_each();
	(void)state;

	script_conn(script, DB_D, CONN_DOWNSTREAM, 5432);
	script_conn(script, DB_E, CONN_DOWNSTREAM, 5432);
	READ(script, 1700, LOOP, DB_A, .arrived = 1000);
	WRITE(script, 2100, LOOP, DB_E);
	READ(script, 2110, LOOP, DB_B, .arrived = 1500);
	READ(script, 2120, LOOP, DB_C, .arrived = 1690);
	READ_NOTHING(script, 2130, LOOP, DB_B);
	WRITE(script, 2630, LOOP, DB_D); /* A */
	WRITE(script, 3030, LOOP, CLIENT_B, .status = 200);
	WRITE(script, 3730, LOOP, CLIENT_C, .status = 200);
	script_finish(script);
	assert_int_equal(told_of(script, "GET /b")->call_count, 1);
	assert_int_equal(told_of(script, "GET /b")->cpu_time, 500 + 10 + 10 + 400);
	assert_int_equal(told_of(script, "GET /c")->cpu_time, 500 + 80 + 10 + 700);
	assert_false(told_of(script, "GET /b")->ambiguous || told_of(script, "GET /c")->ambiguous);
	script_close(script);
}

/* Accepting takes as much as a short step, and no step of A's has run by that. */
static void test_slow_accept(void **state)
{
	struct script *script = ask_all();
	(void)state;

	script_conn(script, CLIENT_D, CONN_SERVER, 8080);
	script_span(script, 1780, LOOP, RECORD_IO, IO_ACCEPT, CLIENT_D, 9, (struct with){0});
	READ_NOTHING(script, 1790, LOOP, DB_C);
	WRITE(script, 2190, LOOP, CLIENT_A, .status = 200);
	WRITE(script, 2790, LOOP, CLIENT_B, .status = 200);
	script_finish(script);
	assert_int_equal(told_of(script, "GET /a")->cpu_time, 20 + 500 + 10 + 10 + 400);
	assert_int_equal(told_of(script, "GET /b")->cpu_time, 500 + 10 + 600);
	assert_false(told_of(script, "GET /a")->ambiguous || told_of(script, "GET /b")->ambiguous);
	script_close(script);
}

/* B is answered while it is A's turn: that had it before, and made no call. What both of them computed is nobody's. */
static void test_out_of_order(void **state)
{
	struct script *script = ask_all();
	(void)state;

	READ_NOTHING(script, 1720, LOOP, DB_C);
	WRITE(script, 2520, LOOP, CLIENT_B, .status = 200);
	WRITE(script, 3100, LOOP, CLIENT_A, .status = 200);
	script_finish(script);
	assert_int_equal(told_of(script, "GET /a")->cpu_time, 20 + 500 + 10 + 10 + 580);
	assert_int_equal(told_of(script, "GET /b")->cpu_time, 500 + 10);
	assert_false(told_of(script, "GET /a")->ambiguous || told_of(script, "GET /b")->ambiguous);
	script_close(script);
}

/* B asks in what seems to be A's turn, and its response contradicts the order. */
static struct script *contradict_order(void)
{
	struct script *script = ask_all();

	script_conn(script, DB_D, CONN_DOWNSTREAM, 5432);
	READ_NOTHING(script, 1720, LOOP, DB_C);
	WRITE(script, 2100, LOOP, DB_D); /* by B, as it seems A */
	READ_NOTHING(script, 2110, LOOP, DB_D);
	READ(script, 2600, LOOP, DB_D, .off = 2120, .on = 2580, .cause = WAIT_POLL, .epoll = 2590, .events = 1, .arrived = 2580);
	WRITE(script, 2700, LOOP, CLIENT_B, .status = 200);
	WRITE(script, 2750, LOOP, CLIENT_A, .status = 200);
	return script;
}

/* Where the order is wrong, who needs none may have been served by another one's steps, too. */
static void test_order_is_wrong(void **state)
{
	struct script *script = contradict_order();
	(void)state;

	script_conn(script, CLIENT_D, CONN_SERVER, 8080);
	READ(script, 3010, LOOP, CLIENT_D, SLEPT(2760, 3000, 1), .line = "GET /d");
	WRITE(script, 3510, LOOP, CLIENT_D, .status = 200);
	script_finish(script);
	assert_true(told_of(script, "GET /d")->ambiguous);
	script_close(script);
}

/*
 * What a request goes on with after an event came about in a step that was queued: its response bears the order out, too. Once that has
 * been right some times, what leads to its own response is not doubted for the one time that it was not.
 */
static void test_order_proves_right_again(void **state)
{
	struct script *script = contradict_order();
	uint64_t at = 2800;
	(void)state;

	for (uint64_t i = 0; i < 40; i++, at += 2000) {
		READ(script, at, LOOP, CLIENT_A, .arrived = at - 10, .line = "GET /next");
		READ_NOTHING(script, at + 10, LOOP, CLIENT_B);
		WRITE(script, at + 400, LOOP, DB_A);
		READ_NOTHING(script, at + 410, LOOP, DB_A);
		READ(script, at + 1000, LOOP, DB_A, SLEPT(at + 420, at + 980, 1));
		WRITE(script, at + 1400, LOOP, CLIENT_A, .status = 200);
	}
	script_finish(script);
	assert_true(told_of(script, "GET /b")->ambiguous);
	assert_true(told_of(script, "GET /next")->ambiguous);
	for (size_t i = 10; i < 40; i++) {
		assert_string_equal(script->told[i].line, "GET /next");
		assert_int_equal(script->told[i].call_count, 1);
		assert_false(script->told[i].ambiguous);
	}
	script_close(script);
}

/* D is accepted, and its request is there at the first try: that comes behind the steps of A and B, too. */
static void test_accepted(void **state)
{
	struct script *script = ask_all();
	(void)state;

	script_conn(script, CLIENT_D, CONN_SERVER, 8080);
	READ_NOTHING(script, 1720, LOOP, DB_C);
	script_span(script, 1730, LOOP, RECORD_IO, IO_ACCEPT, CLIENT_D, 9, (struct with){0});
	READ(script, 1740, LOOP, CLIENT_D, .arrived = 1735, .line = "GET /d");
	WRITE(script, 2100, LOOP, CLIENT_A, .status = 200);
	WRITE(script, 2700, LOOP, CLIENT_B, .status = 200);
	WRITE(script, 3000, LOOP, CLIENT_D, .status = 200);
	script_finish(script);
	assert_int_equal(told_of(script, "GET /d")->cpu_time, 300);
	assert_int_equal(told_of(script, "GET /b")->cpu_time, 500 + 10 + 600);
	for (size_t i = 0; i < script->count; i++)
		assert_false(script->told[i].ambiguous);
	script_close(script);
}

/* Each step is followed by a read at the first try, and that by the step of another one: it is as if each were for what was read last. */
static void test_full_queue(void **state)
{
	struct script *script = ask_all();
	uint64_t at = 1720;
	(void)state;

	READ_NOTHING(script, at, LOOP, DB_C);
	for (uint64_t i = 0; i < 20; at += 500 + i, i++) {
		WRITE(script, at + 490 + i, LOOP, i % 2 ? CLIENT_B : CLIENT_A, .status = 200);
		READ(script, at + 500 + i, LOOP, i % 2 ? CLIENT_B : CLIENT_A, .arrived = at, .line = "GET /next");
	}
	script_finish(script);
	for (size_t i = 2; i < script->count; i++) {
		assert_false(script->told[i].ambiguous);
		assert_int_equal(script->told[i].cpu_time, 490 + i);
	}
	assert_int_equal(script->count, 20);
	script_close(script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in_the_order_of_reads),
		cmocka_unit_test(test_delivered_after_an_event),
		cmocka_unit_test(test_step_without_a_call),
		cmocka_unit_test(test_steps_without_a_call),
		cmocka_unit_test(test_epoll_is_queued_too),
		cmocka_unit_test(test_caller_has_the_connection),
		cmocka_unit_test(test_not_known_to_read_ahead),
		cmocka_unit_test(test_slow_accept),
		cmocka_unit_test(test_out_of_order),
		cmocka_unit_test(test_order_is_wrong),
		cmocka_unit_test(test_order_proves_right_again),
		cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_full_queue),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
