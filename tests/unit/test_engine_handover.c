/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules 6 to 8 where one thread reads requests and others work for them: what a worker was given, and what it had done before. Times in µs.
 */
#include <stdio.h>

#include "unit/engine_script.h"

enum { READER = 1, WORKER, HELPER };
enum { CLIENT_A = 100, CLIENT_B, DB = 200 };
enum { QUEUE = 4096, LOCK = 4100 };

static struct script *server(void)
{
	struct script *script = script_open();

	for (uint32_t tid = READER; tid <= HELPER; tid++)
		script_thread(script, 0, tid, READER, THREAD_FOUND);
	script_conn(script, CLIENT_A, CONN_SERVER, 8080);
	script_conn(script, CLIENT_B, CONN_SERVER, 8080);
	script_conn(script, DB, CONN_DOWNSTREAM, 5432);
	return script;
}

/* The worker has answered a request that another thread read, and sleeps since 400. */
static struct script *server_with_worker(void)
{
	struct script *script = server();

	READ(script, 110, READER, CLIENT_A, .off = 10, .on = 100, .cause = WAIT_NET, .arrived = 100, .line = "GET /a");
	FUTEX_WAKES(script, 120, READER, QUEUE, 1);
	FUTEX_WAITED(script, 130, WORKER, QUEUE, .off = 10, .on = 125, .cause = WAIT_LOCK);
	WRITE(script, 390, WORKER, CLIENT_A, .status = 200);
	return script;
}

static void read_and_wake(struct script *script, uint64_t at, uint64_t after)
{
	READ(script, at, READER, CLIENT_B, .off = 130, .on = at - 10, .cause = WAIT_NET, .arrived = at - 10, .line = "GET /b");
	FUTEX_WAKES(script, at + after, READER, QUEUE, 1);
}

/* It computes, waits for a lock, goes on and answers: all of that is the request's. */
static void a_worker_goes_on_behind_a_lock(void **state)
{
	struct script *script = server_with_worker();
	(void)state;

	read_and_wake(script, 1000, 10);
	FUTEX_WAITED(script, 1020, WORKER, QUEUE, .off = 400, .on = 1015, .cause = WAIT_LOCK);
	FUTEX_WAKES(script, 4000, HELPER, LOCK, 1);
	FUTEX_WAITED(script, 4010, WORKER, LOCK, .off = 1500, .on = 4000, .cause = WAIT_LOCK);
	WRITE(script, 4500, WORKER, CLIENT_B, .status = 200);
	script_finish(script);
	assert_int_equal(told_of(script, "GET /b")->cpu_time, 20 + (1500 - 1015) + 500);
	assert_int_equal(told_of(script, "GET /b")->state[STATE_LOCK], 4000 - 1500);
	assert_int_equal(told_of(script, "GET /a")->after, 10);
	script_close(script);
}

/* It takes the next one by itself, and sleeps in the midst of it before it makes a connection, or asks on one that nobody has used yet. */
static void goes_on_to_ask(bool connects)
{
	struct script *script = server_with_worker();

	READ(script, 300, READER, CLIENT_B, .off = 130, .on = 290, .cause = WAIT_NET, .arrived = 290, .line = "GET /b");
	FUTEX_WAITED(script, 4010, WORKER, LOCK, .off = 900, .on = 4000, .cause = WAIT_LOCK);
	if (connects)
		script_span(script, 4100, WORKER, RECORD_IO, IO_CONNECT, DB, 0, (struct with){0});
	WRITE(script, 4110, WORKER, DB);
	READ(script, 9010, WORKER, DB, .off = 4120, .on = 9000, .cause = WAIT_NET, .arrived = 8990);
	WRITE(script, 9500, WORKER, CLIENT_B, .status = 200);
	script_finish(script);
	assert_int_equal(told_of(script, "GET /b")->cpu_time, 10 + (900 - 390) + 120 + 500);
	assert_int_equal(told_of(script, "GET /b")->state[STATE_LOCK], 4000 - 900);
	script_close(script);
}

static void a_worker_goes_on_to_connect(void **state)
{
	(void)state;
	goes_on_to_ask(true);
}

static void a_worker_goes_on_to_ask(void **state)
{
	(void)state;
	goes_on_to_ask(false);
}

/* What it did after its response, and before it was given the next request, was the last one's, though it slept in between. */
static void a_new_request_ends_what_was_set_aside(void **state)
{
	struct script *script = server_with_worker();
	(void)state;

	read_and_wake(script, 1000, 10);
	FUTEX_WAITED(script, 1020, WORKER, QUEUE, .off = 600, .on = 1015, .cause = WAIT_LOCK);
	WRITE(script, 1500, WORKER, CLIENT_B, .status = 200);
	script_finish(script);
	assert_int_equal(told_of(script, "GET /a")->after, 600 - 390);
	assert_int_equal(told_of(script, "GET /b")->cpu_time, 20 + (1500 - 1015));
	assert_int_equal(told_of(script, "GET /b")->state[STATE_LOCK], 0);
	assert_int_equal(told_of(script, "GET /b")->state[STATE_QUEUE], 1015 - 1010);
	script_close(script);
}

/* Whoever gives a connection out looks whether it is still good. A worker's client then writes and reads on threads of its own. */
static void a_worker_looks_before_its_client_asks(void **state)
{
	struct script *script = server_with_worker();
	(void)state;

	read_and_wake(script, 1000, 10);
	FUTEX_WAITED(script, 1020, WORKER, QUEUE, .off = 400, .on = 1015, .cause = WAIT_LOCK);
	READ_NOTHING(script, 1500, WORKER, DB);
	WRITE(script, 1600, HELPER, DB, .off = 10, .on = 1590, .cause = WAIT_LOCK);
	READ(script, 4010, HELPER, DB, .off = 1610, .on = 4000, .cause = WAIT_NET, .arrived = 4000);
	FUTEX_WAKES(script, 4020, HELPER, LOCK, 1);
	FUTEX_WAITED(script, 4030, WORKER, LOCK, .off = 1510, .on = 4025, .cause = WAIT_LOCK);
	WRITE(script, 4500, WORKER, CLIENT_B, .status = 200);
	script_finish(script);
	assert_int_equal(told_of(script, "GET /b")->call_count, 1);
	assert_int_equal(told_of(script, "GET /b")->state[STATE_NET], 4000 - 1610); /* the helper's 10 behind the write are CPU */
	assert_false(told_of(script, "GET /b")->ambiguous);
	script_close(script);
}

/* The worker computes for the reader's request, and the reader answers: no socket says whose work that was. Only a quick hand-over does. */
static void check_given(uint64_t after, bool given)
{
	struct script *script = server();
	uint64_t readers = 10 + after + 50 + 10, workers = 1005;

	read_and_wake(script, 1000, after);
	FUTEX_WAITED(script, 1005 + after, WORKER, QUEUE, .off = 10, .on = 1000 + after, .cause = WAIT_LOCK);
	WINDOW(script, 9000, WORKER, .off = 2005 + after, .on = 8990, .cause = WAIT_LOCK);
	WRITE(script, 9010, READER, CLIENT_B, .off = 1050 + after, .on = 9000, .cause = WAIT_LOCK, .status = 200);
	script_finish(script);
	assert_int_equal(told_of(script, "GET /b")->cpu_time, readers + (given ? workers : 0));
	script_close(script);
}

static void what_is_handed_over_at_once_is_given(void **state)
{
	(void)state;
	check_given(100, true);
	check_given(2100, false);
}

/* A reader that has called something since has other reasons to wake others; who reads requests itself is given none. */
static void other_wakes_give_nothing(void **state)
{
	struct script *script = server();
	(void)state;

	READ(script, 110, WORKER, CLIENT_A, .off = 10, .on = 100, .cause = WAIT_NET, .arrived = 100, .line = "GET /a");
	WRITE(script, 120, WORKER, CLIENT_A, .status = 200);
	READ(script, 1000, READER, CLIENT_B, .off = 10, .on = 990, .cause = WAIT_NET, .arrived = 990, .line = "GET /b");
	FUTEX_WAKES(script, 1010, READER, QUEUE, 1);
	FUTEX_WAITED(script, 1020, WORKER, QUEUE, .off = 130, .on = 1015, .cause = WAIT_LOCK);
	WINDOW(script, 5000, WORKER, .off = 2000, .on = 4990, .cause = WAIT_LOCK);
	WRITE(script, 5010, READER, DB);
	FUTEX_WAKES(script, 5020, READER, LOCK, 1);
	FUTEX_WAITED(script, 5030, HELPER, LOCK, .off = 10, .on = 5025, .cause = WAIT_LOCK);
	WINDOW(script, 9000, HELPER, .off = 6000, .on = 8990, .cause = WAIT_LOCK);
	WRITE(script, 9010, READER, CLIENT_B, .status = 200);
	script_finish(script);
	assert_int_equal(told_of(script, "GET /b")->cpu_time, 9010 - 990);
	script_close(script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_worker_goes_on_behind_a_lock),
		cmocka_unit_test(a_worker_goes_on_to_connect),
		cmocka_unit_test(a_worker_goes_on_to_ask),
		cmocka_unit_test(a_new_request_ends_what_was_set_aside),
		cmocka_unit_test(a_worker_looks_before_its_client_asks),
		cmocka_unit_test(what_is_handed_over_at_once_is_given),
		cmocka_unit_test(other_wakes_give_nothing),
	};

	return cmocka_run_group_tests_name("engine: hand-over", tests, NULL, NULL);
}
