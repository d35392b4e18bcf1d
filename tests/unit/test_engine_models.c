/* SPDX-License-Identifier: BSD-2-Clause */
/* The engine on each model of server, record by record: threads, loops, pools, goroutines. Times in µs. */
#include <stdio.h>

#include "unit/engine_script.h"

enum { MAIN = 1, WORKER = 2, OTHER_WORKER = 3 };
enum { CLIENT_A = 100, CLIENT_B = 101, DB = 200, CACHE = 201 };

static struct script *server_with_clients(void)
{
	struct script *script = script_open();

	script_thread(script, 0, MAIN, MAIN, THREAD_FOUND);
	script_conn(script, CLIENT_A, CONN_SERVER, 8080);
	script_conn(script, CLIENT_B, CONN_SERVER, 8080);
	script_conn(script, DB, CONN_DOWNSTREAM, 5432);
	script_conn(script, CACHE, CONN_DOWNSTREAM, 6379);
	return script;
}

/* A thread that blocks in everything: the request's data comes at 1000, the thread waits 20 for a core. */
static void test_blocking_thread(void **state)
{
	struct script *script = server_with_clients();
	struct process sum;
	(void)state;

	READ(script, 1030, MAIN, CLIENT_A, .off = 10, .on = 1020, .ready = 20, .cause = WAIT_NET, .arrived = 1000, .line = "GET /users/17");
	WRITE(script, 1130, MAIN, DB);
	READ(script, 6200, MAIN, DB, .off = 1135, .on = 6190, .ready = 55, .cause = WAIT_NET, .arrived = 6134);
	WRITE(script, 6400, MAIN, CLIENT_A, .status = 200);
	READ(script, 9010, MAIN, CLIENT_A, .off = 6410, .on = 9000, .cause = WAIT_NET, .arrived = 8999, .line = "GET /b");
	assert_int_equal(script->count, 1);
	sum = script_finish(script);
	assert_string_equal(script->told[0].line, "GET /users/17");
	assert_int_equal(script->told[0].wall, 5400);
	/* 10 after the wake-up, 100 to the call, 5 until it blocks, 10 and 200 after it. */
	assert_int_equal(script->told[0].state[STATE_CPU], 325);
	assert_int_equal(script->told[0].cpu_time, 325);
	assert_int_equal(script->told[0].state[STATE_READY], 75);
	assert_int_equal(script->told[0].ready[READY_PART_WAKEUP], 75);
	assert_int_equal(script->told[0].state[STATE_NET], 5000);
	assert_int_equal(script->told[0].state[STATE_OTHER], 0);
	assert_int_equal(script->told[0].after, 10);
	assert_int_equal(script->told[0].call_count, 1);
	assert_int_equal(script->told[0].voluntary, 2);
	assert_int_equal(script->told[0].status, 200);
	assert_false(script->told[0].ambiguous);
	assert_int_equal(sum.voluntary_switches, 3);
	script_close(script);
}

/* Both calls are in flight at once: NET is the union, each peer has its own sum. */
static void test_parallel_calls(void **state)
{
	struct script *script = server_with_clients();
	(void)state;

	READ(script, 110, MAIN, CLIENT_A, .off = 10, .on = 100, .cause = WAIT_NET, .arrived = 100, .line = "GET /parallel");
	WRITE(script, 120, MAIN, DB);
	WRITE(script, 130, MAIN, CACHE);
	READ(script, 1130, MAIN, DB, .off = 131, .on = 1120, .cause = WAIT_NET, .arrived = 1120);
	READ(script, 1640, MAIN, CACHE, .off = 1131, .on = 1630, .cause = WAIT_NET, .arrived = 1630);
	WRITE(script, 1650, MAIN, CLIENT_A, .status = 200);
	script_finish(script);
	assert_int_equal(script->count, 1);
	/* [120, 1630] is covered by calls, less the CPU in it: 10, 1, 10, 1. */
	assert_int_equal(script->told[0].state[STATE_NET], 1510 - 22);
	assert_int_equal(script->told[0].peer_union, 1000 + 1500);
	assert_int_equal(script->told[0].call_count, 2);
	script_close(script);
}

/* One loop: A's handler computes 90 ms while B's data is there: B shows LOOP, and A is named. */
static void test_loop_victim(void **state)
{
	struct script *script = server_with_clients();
	(void)state;

	READ(script, 1010, MAIN, CLIENT_A, POLLED(10, 1000, 1), .arrived = 999, .line = "GET /block");
	WRITE(script, 91010, MAIN, CLIENT_A, .status = 200);
	READ(script, 91030, MAIN, CLIENT_B, .epoll = 91020, .events = 1, .arrived = 1030, .line = "GET /json");
	WRITE(script, 91040, MAIN, CLIENT_B, .status = 200);
	script_finish(script);
	assert_int_equal(script->count, 2);
	assert_string_equal(script->told[1].line, "GET /json");
	assert_int_equal(script->told[1].wall, 90010);
	assert_int_equal(script->told[1].state[STATE_LOOP], 89990);
	assert_int_equal(script->told[1].state[STATE_CPU], 20);
	assert_string_equal(script->told[1].culprit, "GET /block");
	assert_true(script->told[1].culprit_us >= 89980);
	assert_int_equal(script->told[0].state[STATE_LOOP], 0);
	assert_int_equal(script->told[0].after, 10);
	script_close(script);
}

/* A's answer is ready at 40 ms, B computes until 50 ms: A's 10 ms are LOOP, not NET. */
static void test_loop_answer_waits(void **state)
{
	struct script *script = server_with_clients();
	(void)state;

	READ(script, 1010, MAIN, CLIENT_A, SLEPT(10, 1000, 1), .line = "GET /a");
	WRITE(script, 1020, MAIN, DB);
	READ(script, 20010, MAIN, CLIENT_B, SLEPT(1025, 20000, 1), .line = "GET /b");
	WRITE(script, 50000, MAIN, CLIENT_B, .status = 200);
	READ(script, 50020, MAIN, DB, .epoll = 50010, .events = 1, .arrived = 40000);
	WRITE(script, 50030, MAIN, CLIENT_A, .status = 200);
	script_finish(script);
	assert_int_equal(script->count, 2);
	assert_string_equal(script->told[0].line, "GET /a");
	assert_int_equal(script->told[0].state[STATE_LOOP], 10010);
	assert_int_equal(script->told[0].state[STATE_NET], 38980 - 5);
	assert_int_equal(script->told[0].state[STATE_CPU], 10 + 10 + 5 + 20);
	assert_string_equal(script->told[0].culprit, "GET /b");
	script_close(script);
}

/*
 * An answer without a stamp, read by a loop after it had also waited for a lock: that wait says nothing of when the answer came. It was
 * there at the epoll return.
 */
static void test_loop_answer_unstamped(void **state)
{
	struct script *script = server_with_clients();
	(void)state;

	READ(script, 110, MAIN, CLIENT_A, SLEPT(10, 100, 1), .line = "GET /a");
	WRITE(script, 130, MAIN, DB);
	READ(script, 1010, MAIN, CLIENT_B, SLEPT(140, 1000, 2), .line = "GET /b");
	READ(script, 3010, MAIN, DB, .off = 1110, .on = 3000, .cause = WAIT_LOCK);
	WRITE(script, 3110, MAIN, CLIENT_A, .status = 200);
	WRITE(script, 3210, MAIN, CLIENT_B, .status = 200);
	script_finish(script);
	assert_string_equal(script->told[0].line, "GET /a");
	assert_int_equal(script->told[0].state[STATE_NET], 860);
	assert_int_equal(script->told[0].state[STATE_LOOP], 2005);
	assert_string_equal(script->told[0].culprit, "GET /b");
	script_close(script);
}

/* The rest of an answer: on its way until 30 ms, and then waiting for the loop, which B holds until 50 ms. Without a stamp neither is
 * known. */
static void test_loop_rest_of_answer_waits(void **state)
{
	static const struct {
		uint64_t arrived, net, loop;
	} expected[] = {{30000, 8975 + 19975, 20010}, {0, 8975 + 9980, 0}};
	(void)state;

	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		struct script *script = server_with_clients();

		READ(script, 1010, MAIN, CLIENT_A, SLEPT(10, 1000, 1), .line = "GET /a");
		WRITE(script, 1015, MAIN, DB);
		READ(script, 10010, MAIN, DB, SLEPT(1025, 10000, 1));
		READ(script, 20010, MAIN, CLIENT_B, SLEPT(10025, 20000, 1), .line = "GET /b");
		WRITE(script, 50000, MAIN, CLIENT_B, .status = 200);
		READ(script, 50020, MAIN, DB, .epoll = 50010, .events = 1, .arrived = expected[i].arrived);
		WRITE(script, 50030, MAIN, CLIENT_A, .status = 200);
		script_finish(script);
		assert_string_equal(script->told[0].line, "GET /a");
		assert_int_equal(script->told[0].state[STATE_NET], expected[i].net);
		assert_int_equal(script->told[0].state[STATE_LOOP], expected[i].loop);
		assert_int_equal(script->told[0].call_count, 1);
		script_close(script);
	}
}

/* A selector reads, a worker that was asleep in a futex computes and answers: the worker's time is known only from its write. */
static void test_queue_to_worker(void **state)
{
	struct script *script = server_with_clients();
	struct process sum;
	(void)state;

	script_thread(script, 0, WORKER, MAIN, THREAD_FOUND);
	READ(script, 1010, MAIN, CLIENT_A, SLEPT(10, 1000, 1), .line = "GET /a");
	WRITE(script, 1500, WORKER, CLIENT_A, .off = 10, .on = 1100, .ready = 40, .cause = WAIT_LOCK, .status = 200);
	READ(script, 2010, MAIN, CLIENT_B, SLEPT(1030, 2000, 1), .line = "GET /b");
	/* No sleep between the two: it finds B in the queue. */
	WRITE(script, 2700, WORKER, CLIENT_B, .status = 200);
	sum = script_finish(script);
	assert_int_equal(script->count, 2);
	assert_string_equal(script->told[0].line, "GET /a");
	/* The selector's 10 and 20, the worker's 400. */
	assert_int_equal(script->told[0].state[STATE_CPU], 430);
	assert_int_equal(script->told[0].state[STATE_READY], 40);
	assert_int_equal(script->told[0].state[STATE_QUEUE], 30);
	assert_int_equal(script->told[0].voluntary, 2);
	assert_int_equal(script->told[1].cpu_time, 10 + 700);
	/* What the worker did before B had come was A's tail; the selector's 20 after reading B come with its next record. */
	assert_int_equal(sum.after_response_cpu_ns, 500 * US);
	assert_string_equal(sum.model, "worker-pool");
	script_close(script);
}

/*
 * Workers that share a connection: one computes for what it took from the queue, and then sleeps until the other has given the connection
 * back. What it did before is its request's; that sleep was POOL, the part of it that another one's request made it wait.
 */
static struct script *queue_with_a_pool(uint64_t woken_in_vain, uint64_t second_conn)
{
	struct script *script = server_with_clients();

	script_thread(script, 0, WORKER, MAIN, THREAD_FOUND);
	script_thread(script, 0, OTHER_WORKER, MAIN, THREAD_FOUND);
	READ(script, 1010, MAIN, CLIENT_A, SLEPT(10, 1000, 1), .line = "GET /a");
	READ(script, 1210, MAIN, CLIENT_B, SLEPT(1030, 1200, 1), .line = "GET /b");
	WRITE(script, 1500, OTHER_WORKER, DB, .off = 10, .on = 1100, .cause = WAIT_LOCK);
	WINDOW(script, 2300, WORKER, .off = 10, .on = 1300, .cause = WAIT_LOCK);
	if (woken_in_vain)
		WINDOW(script, woken_in_vain + 20, WORKER, .off = 2300, .on = woken_in_vain, .cause = WAIT_LOCK);
	READ(script, 9010, OTHER_WORKER, DB, .off = 1510, .on = 9000, .cause = WAIT_NET, .arrived = 9000);
	WRITE(script, 9060, WORKER, second_conn, .off = woken_in_vain ? woken_in_vain + 20 : 2300, .on = 9030, .ready = 10,
	      .cause = WAIT_LOCK);
	READ(script, 15010, WORKER, second_conn, .off = 9070, .on = 15000, .cause = WAIT_NET, .arrived = 15000);
	WRITE(script, 15100, WORKER, CLIENT_B, .status = 200);
	WRITE(script, 15200, OTHER_WORKER, CLIENT_A, .off = 9020, .on = 15150, .cause = WAIT_SLEEP, .status = 200);
	return script;
}

static void test_queue_to_worker_that_waits_for_a_connection(void **state)
{
	static const uint64_t woken_in_vain[] = {0, 5000};
	(void)state;

	for (size_t i = 0; i < 2; i++) {
		struct script *script = queue_with_a_pool(woken_in_vain[i], DB);

		script_finish(script);
		assert_int_equal(script->count, 2);
		assert_string_equal(script->told[1].line, "GET /b");
		/* The selector's 10 and 20, and the worker's 1000, 30, 10, 10 and 90, with 20 of looking in vain. */
		assert_int_equal(script->told[1].cpu_time, 10 + 1000 + 30 + 10 + 10 + 90 + (woken_in_vain[i] ? 20 : 0));
		assert_int_equal(script->told[1].state[STATE_POOL], 9020 - 2300 - (woken_in_vain[i] ? 20 : 0));
		assert_int_equal(script->told[1].state[STATE_LOCK], 0);
		script_close(script);
	}
}

/* The connection that it then asks over was nobody's: the sleep was between two jobs, and whose the first one was nobody knows. */
static void test_worker_that_slept_between_two_jobs(void **state)
{
	struct script *script = queue_with_a_pool(0, CACHE);
	(void)state;

	script_finish(script);
	assert_string_equal(script->told[1].line, "GET /b");
	assert_int_equal(script->told[1].state[STATE_POOL], 0);
	assert_int_equal(script->told[1].cpu_time, 10 + 30 + 10 + 10 + 90);
	script_close(script);
}

/* Goroutines: one thread runs A until it waits for its call, then B, then the rest of A. */
static void test_goroutines(void **state)
{
	struct script *script = server_with_clients();
	(void)state;

	script_runtime(script, MAIN, RUNTIME_GO);
	READ(script, 1010, MAIN, CLIENT_A, SLEPT(10, 1000, 2), .line = "GET /a");
	WRITE(script, 1110, MAIN, DB);
	READ_NOTHING(script, 1112, MAIN, DB);
	READ(script, 1120, MAIN, CLIENT_B, .arrived = 1001, .line = "GET /b");
	WRITE(script, 1420, MAIN, CLIENT_B, .status = 200);
	READ_NOTHING(script, 1422, MAIN, CLIENT_B);
	READ(script, 3010, MAIN, DB, POLLED(1425, 3000, 1), .arrived = 2999);
	WRITE(script, 3200, MAIN, CLIENT_A, .status = 200);
	script_finish(script);
	assert_int_equal(script->count, 2);
	assert_string_equal(script->told[0].line, "GET /a");
	assert_int_equal(script->told[0].cpu_time, 10 + 102 + 10 + 190);
	assert_int_equal(script->told[1].cpu_time, 8 + 300);
	script_close(script);
}

/* Where a hook tells of strands, and these read most requests, they are the model: whose they are the runtime says. */
static void test_models_of_strands(void **state)
{
	static const struct {
		enum runtime runtime;
		bool told;
		const char *model;
	} cases[] = {
		{RUNTIME_JVM, true, "virtual-threads"}, {RUNTIME_PYTHON, true, "asyncio-tasks"},       {RUNTIME_RUST, true, "tasks"},
		{RUNTIME_GO, true, "goroutines"},       {RUNTIME_JVM, false, "thread-per-connection"}, {RUNTIME_GO, false, "goroutines"},
	};
	(void)state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct script *script = server_with_clients();
		struct process process;

		script_runtime(script, MAIN, cases[i].runtime);
		if (cases[i].told)
			RUNS(script, 900, MAIN, 10);
		READ(script, 1010, MAIN, CLIENT_A, .arrived = 1000, .line = "GET /a");
		WRITE(script, 1110, MAIN, CLIENT_A, .status = 200);
		process = script_finish(script);
		assert_string_equal(process.model, cases[i].model);
		assert_int_equal(process.strands_told, cases[i].told);
		script_close(script);
	}
}

/* A process that executes another program has no strands of the earlier one. Of the same program, told once more, they are told on. */
static void test_strands_end_with_their_program(void **state)
{
	static const struct {
		enum runtime next;
		bool goes_on;
	} cases[] = {{RUNTIME_NODE, false}, {RUNTIME_GO, true}};
	(void)state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct script *script = server_with_clients();

		script_runtime(script, MAIN, RUNTIME_GO);
		RUNS(script, 900, MAIN, 10);
		script_runtime(script, MAIN, cases[i].next);
		if (cases[i].goes_on)
			RUNS(script, 1000, MAIN, 11);
		assert_int_equal(script_finish(script).strands_told, cases[i].goes_on);
		script_close(script);
	}
}

/* Nor is a thread that ran them a carrier in the next program: there it may be a loop. */
static void test_carrier_becomes_a_loop(void **state)
{
	struct script *script = server_with_clients();
	(void)state;

	script_runtime(script, MAIN, RUNTIME_GO);
	RUNS(script, 900, MAIN, 10);
	script_thread(script, 900, MAIN, MAIN, THREAD_EXECED);
	script_runtime(script, MAIN, RUNTIME_NODE);
	READ(script, 1010, MAIN, CLIENT_A, SLEPT(960, 1000, 1), .line = "GET /a");
	WRITE(script, 1110, MAIN, CLIENT_A, .status = 200);
	READ_NOTHING(script, 1112, MAIN, CLIENT_A);
	assert_string_equal(script_finish(script).model, "event-loop");
	script_close(script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_blocking_thread),
		cmocka_unit_test(test_parallel_calls),
		cmocka_unit_test(test_loop_victim),
		cmocka_unit_test(test_loop_answer_waits),
		cmocka_unit_test(test_loop_answer_unstamped),
		cmocka_unit_test(test_loop_rest_of_answer_waits),
		cmocka_unit_test(test_queue_to_worker),
		cmocka_unit_test(test_queue_to_worker_that_waits_for_a_connection),
		cmocka_unit_test(test_worker_that_slept_between_two_jobs),
		cmocka_unit_test(test_goroutines),
		cmocka_unit_test(test_models_of_strands),
		cmocka_unit_test(test_strands_end_with_their_program),
		cmocka_unit_test(test_carrier_becomes_a_loop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
