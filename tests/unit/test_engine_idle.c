/* SPDX-License-Identifier: BSD-2-Clause */
/* Rule 12 of goroutines: who seems to wait for a connection while one lies idle. Times in µs. */
#include <time.h>

#include "engine/idle.h"
#include "unit/chains_script.h"

/* B seems to wait while DB lies idle: it is only held up. So what E asks, gives back and asks again is E's, which slept in between. */
static void test_who_finds_one_idle_does_not_wait(void **state)
{
	struct script *script = server(RUNTIME_GO);
	(void)state;

	READ(script, 100, FIRST, CLIENT_A, .arrived = 90, .line = "GET /a");
	ask(script, 200, FIRST, DB);
	READ(script, 300, SECOND, CLIENT_D, .arrived = 290, .line = "GET /d");
	ask(script, 400, SECOND, DB_2);
	answer(script, 1000, FIRST, 206, DB);
	WRITE(script, 1100, FIRST, CLIENT_A, .status = 200);
	READ(script, 1200, FIRST, CLIENT_B, .arrived = 1190, .line = "GET /b");
	READ(script, 1300, FIRST, CLIENT_E, .arrived = 1290, .line = "GET /e");
	answer(script, 1500, SECOND, 406, DB_2);
	WRITE(script, 1600, SECOND, CLIENT_D, .status = 200);
	ask(script, 1700, FIRST, DB_2);
	answer(script, 2000, FIRST, 1706, DB_2);
	ask(script, 2200, FIRST, DB_2);
	answer(script, 2500, FIRST, 2206, DB_2);
	WRITE(script, 2600, FIRST, CLIENT_E, .status = 200);
	WRITE(script, 2700, SECOND, CLIENT_B, .off = 1610, .on = 2600, .cause = WAIT_LOCK, .status = 200);
	script_finish(script);
	check(script, "GET /e", 400 + 200 + 100, 0, 2);
	check(script, "GET /b", 100 + 100, 0, 0);
	script_close(script);
}

/*
 * B waits, as it seems, while D asks on a connection that has not been used since the trace began: so B waits for none, also once none is
 * idle any more. What E asks as soon as A's is given back, and once more, is E's.
 */
static void test_who_left_one_idle_does_not_wait(void **state)
{
	struct script *script = server(RUNTIME_GO);
	(void)state;

	READ(script, 100, FIRST, CLIENT_A, .arrived = 90, .line = "GET /a");
	ask(script, 200, FIRST, DB);
	READ(script, 300, FIRST, CLIENT_B, .arrived = 290, .line = "GET /b");
	READ(script, 400, FIRST, CLIENT_D, .arrived = 390, .line = "GET /d");
	ask(script, 500, FIRST, DB_2);
	READ(script, 600, SECOND, CLIENT_E, .arrived = 590, .line = "GET /e");
	answer(script, 1000, FIRST, 506, DB);
	WRITE(script, 1100, FIRST, CLIENT_A, .status = 200);
	ask(script, 1200, SECOND, DB);
	answer(script, 2000, SECOND, 1206, DB);
	ask(script, 2200, SECOND, DB);
	answer(script, 2500, SECOND, 2206, DB);
	WRITE(script, 2600, SECOND, CLIENT_E, .status = 200);
	WRITE(script, 2700, FIRST, CLIENT_B, .off = 1110, .on = 2600, .cause = WAIT_LOCK, .status = 200);
	answer(script, 3000, FIRST, 2710, DB_2);
	WRITE(script, 3100, FIRST, CLIENT_D, .status = 200);
	script_finish(script);
	check(script, "GET /e", 600 + 200 + 100, 0, 2);
	check(script, "GET /b", 100 + 100, 0, 0);
	script_close(script);
}

/* Two connections, and never more than one is asked on: who asks on one that others have used is in no doubt from the beginning. */
static void test_nobody_waits(void **state)
{
	struct script *script = server(RUNTIME_GO);
	uint64_t at = 200;
	(void)state;

	for (uint64_t client = CLIENT_A; client <= CLIENT_F; client++, at += 2000) {
		READ(script, at, FIRST, client, .arrived = at - 10, .line = "GET /nobody-waits");
		ask(script, at + 100, FIRST, client % 2 ? DB : DB_2);
		answer(script, at + 800, FIRST, at + 106, client % 2 ? DB : DB_2);
		WRITE(script, at + 900, FIRST, client, .status = 200);
	}
	script_finish(script);
	assert_int_equal(script->count, 6);
	for (uint32_t i = 0; i < script->count; i++)
		assert_false(script->told[i].ambiguous);
	script_close(script);
}

/* B has read its request, and lost its thread at once: so E and F wait for A's connection, and nobody before them. Each asks, E again. */
static void test_who_lost_its_thread_does_not_wait(void **state)
{
	struct script *script = server(RUNTIME_GO);
	(void)state;

	READ(script, 100, FIRST, CLIENT_A, .arrived = 90, .line = "GET /a");
	ask(script, 200, FIRST, DB);
	READ(script, 210, FIRST, CLIENT_B, .arrived = 90, .line = "GET /b");
	READ(script, 220, FIRST, CLIENT_E, .arrived = 90, .line = "GET /e");
	READ(script, 420, FIRST, CLIENT_F, .arrived = 90, .line = "GET /f");
	answer(script, 1000, FIRST, 520, DB);
	WRITE(script, 1300, FIRST, CLIENT_A, .status = 200);
	ask(script, 1310, FIRST, DB); /* E */
	answer(script, 2000, FIRST, 1316, DB);
	ask(script, 2200, FIRST, DB); /* F */
	answer(script, 3000, FIRST, 2206, DB);
	WRITE(script, 3100, FIRST, CLIENT_F, .status = 200);
	ask(script, 3110, FIRST, DB); /* E */
	answer(script, 4000, FIRST, 3116, DB);
	WRITE(script, 4150, FIRST, CLIENT_E, .status = 200);
	WRITE(script, 4600, SECOND, CLIENT_B, .off = 1, .on = 4500, .cause = WAIT_LOCK, .status = 200);
	script_finish(script);
	check(script, "GET /e", 200 + 200 + 150, 1310 - 420 + 3110 - 2200, 2);
	check(script, "GET /f", 100 + 100, 2200 - 520, 1);
	assert_false(told_of(script, "GET /b")->ambiguous);
	script_close(script);
}

/* The tracer comes when DB is in use, and B seems to wait, maybe behind others. But DB_2 lies idle until E asks on it, so nobody does. */
static void test_nobody_waited_before_the_trace(void **state)
{
	struct script *script = server(RUNTIME_GO);
	(void)state;

	answer(script, 50, FIRST, 10, DB); /* to what was asked before the trace */
	READ(script, 100, FIRST, CLIENT_B, .arrived = 90, .line = "GET /b");
	READ(script, 300, FIRST, CLIENT_D, .arrived = 290, .line = "GET /d");
	ask(script, 400, FIRST, DB_2);
	answer(script, 1000, FIRST, 406, DB_2);
	WRITE(script, 1100, FIRST, CLIENT_D, .status = 200);
	READ(script, 13000, FIRST, CLIENT_E, .off = 1110, .on = 12990, .cause = WAIT_POLL, .epoll = 12995, .events = 1, .line = "GET /e");
	ask(script, 13100, FIRST, DB_2);
	answer(script, 13500, FIRST, 13106, DB_2);
	ask(script, 13700, FIRST, DB_2);
	answer(script, 14000, FIRST, 13706, DB_2);
	WRITE(script, 14100, FIRST, CLIENT_E, .status = 200);
	WRITE(script, 14500, SECOND, CLIENT_B, .off = 1, .on = 14400, .cause = WAIT_LOCK, .status = 200);
	script_finish(script);
	check(script, "GET /e", 100 + 200 + 100, 0, 2);
	check(script, "GET /b", 200 + 100, 0, 0);
	script_close(script);
}

/* How long it takes that a connection of each of so many peers lies idle, is found and asked on, in ns each. */
static double time_of_each(uint16_t peers)
{
	enum { TIMES = 80000 };
	struct conn *conns = calloc(peers, sizeof(*conns));
	struct proc proc = {0};
	clock_t began = clock();

	assert_non_null(conns);
	for (uint32_t i = 0; i < TIMES; i++) {
		struct conn *conn = &conns[i % peers];

		conn->peer = (uint16_t)(i % peers);
		idle_begins(&proc, conn, i);
		assert_ptr_equal(idle_longest(&proc, conn->peer), conn);
		idle_ends(conn);
	}
	began = clock() - began;
	idle_close(&proc);
	free(conns);
	return (double)began * 1e9 / CLOCKS_PER_SEC / TIMES;
}

/* One that has many is as fast as one that has few: if all were looked at it would take hundreds of times as long. */
static void test_many_peers(void **state)
{
	(void)state;
	assert_true(time_of_each(PEERS_MAX) < 20 * (time_of_each(8) + 100));
}

/* Who waited in the program before, and what lay idle, is nothing to the next one. Whom that had answered is told. */
static void test_exec(void **state)
{
	struct script *script = server(RUNTIME_GO);
	const struct proc *proc = thread_of(script->engine, FIRST)->proc;
	(void)state;

	READ(script, 100, FIRST, CLIENT_A, .arrived = 90, .line = "GET /a");
	ask(script, 200, FIRST, DB);
	READ(script, 300, FIRST, CLIENT_B, .arrived = 290, .line = "GET /b");
	answer(script, 1000, FIRST, 406, DB);
	WRITE(script, 1100, FIRST, CLIENT_A, .status = 200);
	assert_non_null(proc->chains);
	assert_int_equal(proc->idle_by_peer.count, 1);
	script_thread(script, 1100, FIRST, FIRST, THREAD_EXECED);
	assert_null(proc->chains);
	assert_int_equal(proc->idle_by_peer.count, 0);
	assert_int_equal(told_of(script, "GET /a")->call_count, 1);
	script_finish(script);
	script_close(script);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_finds_one_idle_does_not_wait),
		cmocka_unit_test(test_who_left_one_idle_does_not_wait),
		cmocka_unit_test(test_nobody_waits),
		cmocka_unit_test(test_nobody_waited_before_the_trace),
		cmocka_unit_test(test_who_lost_its_thread_does_not_wait),
		cmocka_unit_test(test_many_peers),
		cmocka_unit_test(test_exec),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
