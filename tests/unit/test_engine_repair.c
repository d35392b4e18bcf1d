/* SPDX-License-Identifier: BSD-2-Clause */
/* Whose call it was: rule 7's reservations, and rule 2's repairs, where the write says that an answer was not whose it was taken for. Times
 * in µs. */
#include <stdio.h>

#include "unit/engine_script.h"

enum { MAIN = 1, WORKER = 2 };
enum { CLIENT_A = 100, CLIENT_B = 101, CLIENT_C = 102, DB = 200, CACHE = 201, SOCKET_A = 400, SOCKET_B = 401 };

static struct script *server(void)
{
	struct script *script = script_open();

	script_thread(script, 0, MAIN, MAIN, THREAD_FOUND);
	script_thread(script, 0, WORKER, MAIN, THREAD_FOUND);
	script_conn(script, CLIENT_A, CONN_SERVER, 8080);
	script_conn(script, CLIENT_B, CONN_SERVER, 8080);
	script_conn(script, CLIENT_C, CONN_SERVER, 8080);
	script_conn(script, DB, CONN_DOWNSTREAM, 5432);
	script_conn(script, CACHE, CONN_DOWNSTREAM, 6379);
	return script;
}

/* A's call on a shared connection was B's. */
static void test_repair(void **state)
{
	struct script *script = server();
	(void)state;

	READ(script, 110, MAIN, CLIENT_A, SLEPT(10, 100, 2), .line = "GET /a");
	READ(script, 120, MAIN, CLIENT_B, .arrived = 100, .line = "GET /b");
	READ(script, 130, MAIN, CLIENT_A, .arrived = 101); /* A again: its question is written in B's name */
	WRITE(script, 140, MAIN, DB);
	READ(script, 5010, MAIN, DB, SLEPT(150, 5000, 1));
	WRITE(script, 5110, MAIN, CLIENT_B, .status = 200);
	WRITE(script, 5120, MAIN, CLIENT_A, .status = 200);
	script_finish(script);
	assert_int_equal(script->count, 2);
	assert_true(script->told[0].ambiguous && script->told[1].ambiguous);
	assert_string_equal(script->told[1].line, "GET /b");
	assert_int_equal(script->told[1].call_count, 1);
	assert_int_equal(script->told[0].call_count, 0);
	script_close(script);
}

/* Two threads read answers to A, and both were wrong: the first repair takes a call out of A's list, the second finds its own all the same.
 */
static void test_two_repairs(void **state)
{
	struct script *script = server();
	(void)state;

	READ(script, 100, MAIN, CLIENT_A, .epoll = 95, .events = 3, .arrived = 90, .line = "GET /a");
	READ(script, 110, MAIN, CLIENT_B, .arrived = 90, .line = "GET /b");
	READ(script, 120, MAIN, CLIENT_C, .arrived = 90, .line = "GET /c");
	READ(script, 130, MAIN, CLIENT_A, .arrived = 91); /* A again: both questions are written in its name */
	WRITE(script, 140, MAIN, DB);
	WRITE(script, 150, MAIN, CACHE);
	READ(script, 1010, MAIN, DB, SLEPT(160, 1000, 1));
	READ(script, 2010, WORKER, CACHE, SLEPT(10, 2000, 1));
	WRITE(script, 3000, MAIN, CLIENT_B, .status = 200);
	WRITE(script, 4000, WORKER, CLIENT_C, .status = 200);
	WRITE(script, 5000, MAIN, CLIENT_A, .status = 200);
	script_finish(script);
	assert_int_equal(script->count, 3);
	assert_string_equal(script->told[0].line, "GET /a");
	assert_int_equal(script->told[0].call_count, 0);
	assert_string_equal(script->told[1].line, "GET /b");
	assert_int_equal(script->told[1].call_count, 1);
	assert_int_equal(script->told[1].peer_union, 860);
	assert_string_equal(script->told[2].line, "GET /c");
	assert_int_equal(script->told[2].call_count, 1);
	assert_int_equal(script->told[2].peer_union, 1850);
	script_close(script);
}

/* A's answer is read and A asks on, and in the same turn of the loop B's timer runs: nothing of A's is B's. */
static void test_next_callback(void **state)
{
	struct script *script = server();
	(void)state;

	READ(script, 110, MAIN, CLIENT_A, .epoll = 105, .events = 2, .arrived = 100, .line = "GET /a");
	WRITE(script, 130, MAIN, DB);
	READ(script, 210, MAIN, CLIENT_B, SLEPT(140, 200, 1), .line = "GET /b");
	READ(script, 5010, MAIN, DB, SLEPT(240, 5000, 1));
	WRITE(script, 5310, MAIN, CACHE);
	WRITE(script, 5350, MAIN, CLIENT_B, .status = 200);
	READ(script, 9010, MAIN, CACHE, SLEPT(5360, 9000, 1));
	WRITE(script, 9020, MAIN, CLIENT_A, .status = 200);
	script_finish(script);
	assert_int_equal(script->count, 2);
	assert_false(script->told[0].ambiguous || script->told[1].ambiguous);
	assert_string_equal(script->told[0].line, "GET /a");
	assert_int_equal(script->told[0].call_count, 2);
	assert_int_equal(script->told[0].cpu_time, 5 + 20 + 10 + 310 + 20);
	assert_string_equal(script->told[1].line, "GET /b");
	assert_int_equal(script->told[1].call_count, 0);
	assert_int_equal(script->told[1].cpu_time, 10 + 30 + 40);
	assert_int_equal(script->told[1].state[STATE_NET], 0);
	script_close(script);
}

/* B came after A had asked: whatever the thread did for B in A's name, that call was not B's. */
static void test_call_older_than_the_request(void **state)
{
	struct script *script = server();
	(void)state;

	READ(script, 110, MAIN, CLIENT_A, .epoll = 105, .events = 1, .arrived = 100, .line = "GET /a");
	WRITE(script, 130, MAIN, DB);
	READ(script, 210, MAIN, CLIENT_B, SLEPT(140, 200, 1), .line = "GET /b");
	READ(script, 5010, MAIN, DB, SLEPT(240, 5000, 1));
	WRITE(script, 5050, MAIN, CLIENT_B, .status = 200);
	WRITE(script, 5100, MAIN, CLIENT_A, .status = 200);
	script_finish(script);
	assert_true(script->told[0].ambiguous && script->told[1].ambiguous);
	assert_string_equal(script->told[0].line, "GET /a");
	assert_int_equal(script->told[0].call_count, 1);
	assert_int_equal(script->told[1].call_count, 0);
	script_close(script);
}

/* Rule 7: A and B each open a socket, and ask there when it can be written to, which both can in the same round of the loop. */
static void check_connect_reserves(enum conn_type type)
{
	struct script *script = server();

	script_conn_of_type(script, SOCKET_A, CONN_DOWNSTREAM, 53, type);
	script_conn_of_type(script, SOCKET_B, CONN_DOWNSTREAM, 53, type);
	READ(script, 110, MAIN, CLIENT_A, SLEPT(10, 100, 1), .line = "GET /a");
	script_span(script, 120, MAIN, RECORD_IO, IO_CONNECT, SOCKET_A, 0, (struct with){0});
	READ(script, 140, MAIN, CLIENT_B, .epoll = 130, .events = 1, .arrived = 125, .line = "GET /b");
	script_span(script, 150, MAIN, RECORD_IO, IO_CONNECT, SOCKET_B, 0, (struct with){0});
	WRITE(script, 170, MAIN, SOCKET_A, .epoll = 160, .events = 2);
	WRITE(script, 180, MAIN, SOCKET_B);
	READ(script, 5010, MAIN, SOCKET_A, SLEPT(190, 5000, 1));
	WRITE(script, 5020, MAIN, DB);
	READ(script, 7010, MAIN, SOCKET_B, SLEPT(5030, 7000, 1));
	WRITE(script, 7020, MAIN, CLIENT_B, .status = 200);
	READ(script, 9010, MAIN, DB, SLEPT(7030, 9000, 1));
	WRITE(script, 9020, MAIN, CLIENT_A, .status = 200);
	script_finish(script);
	assert_int_equal(script->count, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(script->told[i].call_count, strcmp(script->told[i].line, "GET /a") == 0 ? 2 : 1);
		assert_false(script->told[i].ambiguous);
	}
	script_close(script);
}

static void test_connect_reserves(void **state)
{
	(void)state;
	check_connect_reserves(CONN_STREAM);
	check_connect_reserves(CONN_DATAGRAM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_connect_reserves),
		cmocka_unit_test(test_repair),
		cmocka_unit_test(test_two_repairs),
		cmocka_unit_test(test_next_callback),
		cmocka_unit_test(test_call_older_than_the_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
