/* SPDX-License-Identifier: BSD-2-Clause */
/* Rule 9 between processes: a server hands a request's bytes to a worker process over a socketpair. Times in µs. */
#include <stdio.h>

#include "unit/engine_script.h"

enum { SERVER = 1, WORKER = 50 };
enum { CLIENT_A = 100, CLIENT_B = 101, OURS = 300, THEIRS = 301 };

static struct script *server_with_worker(void)
{
	struct script *script = script_open();

	script_thread(script, 0, SERVER, SERVER, THREAD_FOUND);
	script_thread(script, 0, WORKER, WORKER, THREAD_FOUND);
	script_conn(script, CLIENT_A, CONN_SERVER, 8080);
	script_conn(script, CLIENT_B, CONN_SERVER, 8080);
	script_socketpair(script, OURS, THEIRS);
	return script;
}

/* The request waits 50 µs until the worker is woken, and 60 for a core; then the worker computes 1,010 for it. */
static void test_worker_process(void **state)
{
	struct script *script = server_with_worker();
	struct process sum;
	(void)state;

	READ(script, 110, SERVER, CLIENT_A, .off = 10, .on = 100, .cause = WAIT_NET, .arrived = 100, .line = "GET /a");
	WRITE(script, 200, SERVER, OURS);
	READ(script, 320, WORKER, THEIRS, .off = 10, .on = 310, .ready = 60, .cause = WAIT_NET);
	WRITE(script, 1320, WORKER, THEIRS);
	READ(script, 1400, SERVER, OURS, .off = 210, .on = 1380, .ready = 20, .cause = WAIT_NET);
	WRITE(script, 1500, SERVER, CLIENT_A, .status = 200);
	READ(script, 9000, WORKER, THEIRS, .off = 1330, .on = 8990, .cause = WAIT_NET);
	sum = script_finish(script);
	assert_int_equal(script->count, 1);
	assert_int_equal(script->told[0].cpu_time, 110 + 120 + 1010 + 10);
	assert_int_equal(script->told[0].state[STATE_QUEUE], 40);
	assert_int_equal(script->told[0].state[STATE_READY], 80);
	assert_int_equal(script->told[0].state[STATE_OTHER], 30);
	assert_false(script->told[0].ambiguous);
	assert_int_equal(sum.request_cpu_ns / US, 110 + 120 + 1010 + 10);
	script_close(script);
}

/* A header and a body, each in a write and a read of its own; the second request's bytes lie behind the first one's. */
static void test_bytes_say_whose(void **state)
{
	struct script *script = server_with_worker();
	(void)state;

	READ(script, 110, SERVER, CLIENT_A, .epoll = 105, .events = 2, .arrived = 100, .line = "GET /a");
	WRITE(script, 120, SERVER, OURS);
	WRITE(script, 130, SERVER, OURS);
	READ(script, 140, SERVER, CLIENT_B, .arrived = 100, .line = "GET /b");
	WRITE(script, 150, SERVER, OURS);
	READ_BYTES(script, 320, WORKER, THEIRS, 4, .off = 10, .on = 310, .cause = WAIT_NET);
	READ_BYTES(script, 330, WORKER, THEIRS, 124);
	WRITE(script, 1330, WORKER, THEIRS);
	READ(script, 1340, WORKER, THEIRS);
	WRITE(script, 3340, WORKER, THEIRS);
	READ(script, 3400, SERVER, OURS, POLLED(160, 3390, 1));
	WRITE(script, 3410, SERVER, CLIENT_A, .status = 200);
	READ(script, 3420, SERVER, OURS);
	WRITE(script, 3430, SERVER, CLIENT_B, .status = 200);
	script_finish(script);
	assert_int_equal(script->count, 2);
	assert_in_range(told_of(script, "GET /a")->cpu_time, 1020, 1100);
	assert_in_range(told_of(script, "GET /b")->cpu_time, 2000, 2080);
	assert_false(told_of(script, "GET /a")->ambiguous || told_of(script, "GET /b")->ambiguous);
	script_close(script);
}

/* Two requests' messages in one read: in which order the worker takes them nobody can tell. */
static void test_two_in_one_read(void **state)
{
	struct script *script = server_with_worker();
	struct process sum;
	(void)state;

	READ(script, 110, SERVER, CLIENT_A, .epoll = 105, .events = 2, .arrived = 100, .line = "GET /a");
	WRITE(script, 120, SERVER, OURS);
	READ(script, 130, SERVER, CLIENT_B, .arrived = 100, .line = "GET /b");
	WRITE(script, 140, SERVER, OURS);
	READ_BYTES(script, 320, WORKER, THEIRS, 128, .off = 10, .on = 310, .cause = WAIT_NET);
	WRITE(script, 1320, WORKER, THEIRS);
	WRITE(script, 3320, WORKER, THEIRS);
	READ(script, 3400, SERVER, OURS, POLLED(160, 3390, 1));
	WRITE(script, 3410, SERVER, CLIENT_A, .status = 200);
	READ(script, 3420, SERVER, OURS);
	WRITE(script, 3430, SERVER, CLIENT_B, .status = 200);
	sum = script_finish(script);
	assert_in_range(told_of(script, "GET /a")->cpu_time, 0, 100);
	assert_in_range(told_of(script, "GET /b")->cpu_time, 0, 100);
	assert_in_range(sum.unattributed_cpu_ns / US, 3000, 3100);
	script_close(script);
}

/* What the worker does for several messages that it has read together is nobody's, also if it goes on with one that is known. */
static void test_one_behind_several(void **state)
{
	struct script *script = server_with_worker();
	struct process sum;
	(void)state;

	READ(script, 110, SERVER, CLIENT_A, .epoll = 105, .events = 2, .arrived = 100, .line = "GET /a");
	WRITE(script, 120, SERVER, OURS);
	READ(script, 130, SERVER, CLIENT_B, .arrived = 100, .line = "GET /b");
	WRITE(script, 140, SERVER, OURS);
	WRITE(script, 150, SERVER, OURS);
	READ_BYTES(script, 320, WORKER, THEIRS, 128, .off = 10, .on = 310, .cause = WAIT_NET);
	READ(script, 1320, WORKER, THEIRS);
	WRITE(script, 3320, WORKER, THEIRS);
	READ(script, 3400, SERVER, OURS, POLLED(160, 3390, 1));
	WRITE(script, 3410, SERVER, CLIENT_B, .status = 200);
	WRITE(script, 3430, SERVER, CLIENT_A, .status = 200);
	sum = script_finish(script);
	assert_in_range(told_of(script, "GET /a")->cpu_time, 0, 100);
	assert_in_range(told_of(script, "GET /b")->cpu_time, 2000, 2080);
	assert_in_range(sum.unattributed_cpu_ns / US, 1000, 1100);
	script_close(script);
}

/* However many wait, and wherever the first of them stands, each is read in its turn. */
static void test_turns(void **state)
{
	enum { MESSAGES = 5, BYTES = 64 };
	struct script *script = server_with_worker();
	(void)state;

	READ(script, 110, SERVER, CLIENT_A, .epoll = 105, .events = 2, .arrived = 100, .line = "GET /a");
	WRITE(script, 120, SERVER, OURS);
	WRITE(script, 121, SERVER, OURS);
	READ(script, 130, WORKER, THEIRS, .off = 10, .on = 129, .cause = WAIT_NET);
	for (unsigned int i = 0; i < MESSAGES; i++)
		WRITE(script, 140 + i, SERVER, OURS);
	READ(script, 200, SERVER, CLIENT_B, .arrived = 100, .line = "GET /b");
	WRITE(script, 210, SERVER, OURS);
	READ_BYTES(script, 330, WORKER, THEIRS, (MESSAGES + 1) * BYTES);
	READ(script, 1330, WORKER, THEIRS);
	WRITE(script, 3330, WORKER, THEIRS);
	READ(script, 3400, SERVER, OURS, POLLED(220, 3390, 1));
	WRITE(script, 3410, SERVER, CLIENT_B, .status = 200);
	WRITE(script, 3430, SERVER, CLIENT_A, .status = 200);
	script_finish(script);
	assert_in_range(told_of(script, "GET /a")->cpu_time, 1200, 1400);
	assert_in_range(told_of(script, "GET /b")->cpu_time, 2000, 2080);
	script_close(script);
}

/* More messages wait than are kept: of the first ones nobody is known, and those behind them are still their own. */
static void test_many_wait(void **state)
{
	enum { MESSAGES = 70, BYTES = 64 };
	struct script *script = server_with_worker();
	(void)state;

	READ(script, 110, SERVER, CLIENT_A, .epoll = 105, .events = 2, .arrived = 100, .line = "GET /a");
	for (unsigned int i = 0; i < MESSAGES; i++)
		WRITE(script, 120 + i, SERVER, OURS);
	READ(script, 200, SERVER, CLIENT_B, .arrived = 100, .line = "GET /b");
	WRITE(script, 210, SERVER, OURS);
	READ_BYTES(script, 320, WORKER, THEIRS, MESSAGES * BYTES, .off = 10, .on = 310, .cause = WAIT_NET);
	WRITE(script, 1320, WORKER, THEIRS);
	READ(script, 1330, WORKER, THEIRS);
	WRITE(script, 3330, WORKER, THEIRS);
	READ(script, 3400, SERVER, OURS, POLLED(220, 3390, 1));
	WRITE(script, 3410, SERVER, CLIENT_A, .status = 200);
	READ(script, 3420, SERVER, OURS);
	WRITE(script, 3430, SERVER, CLIENT_B, .status = 200);
	script_finish(script);
	assert_in_range(told_of(script, "GET /a")->cpu_time, 0, 200);
	assert_in_range(told_of(script, "GET /b")->cpu_time, 2000, 2080);
	script_close(script);
}

/* The reader may be quicker than the record of the write. */
static void test_read_is_told_first(void **state)
{
	struct script *script = server_with_worker();
	(void)state;

	READ(script, 110, SERVER, CLIENT_A, .off = 10, .on = 100, .cause = WAIT_NET, .arrived = 100, .line = "GET /a");
	WRITE(script, 200, SERVER, OURS);
	READ(script, 320, WORKER, THEIRS, .off = 10, .on = 310, .cause = WAIT_NET);
	WRITE(script, 330, WORKER, THEIRS);
	READ(script, 400, SERVER, OURS, .off = 210, .on = 390, .cause = WAIT_NET);
	WRITE(script, 500, SERVER, CLIENT_A, .status = 200);
	READ(script, 1010, SERVER, CLIENT_A, .off = 510, .on = 1000, .cause = WAIT_NET, .arrived = 1000, .line = "GET /b");
	READ(script, 1115, WORKER, THEIRS, .off = 340, .on = 1110, .cause = WAIT_NET);
	WRITE(script, 1120, SERVER, OURS);
	WRITE(script, 3115, WORKER, THEIRS);
	READ(script, 3200, SERVER, OURS, .off = 1130, .on = 3190, .cause = WAIT_NET);
	WRITE(script, 3300, SERVER, CLIENT_A, .status = 200);
	script_finish(script);
	assert_in_range(told_of(script, "GET /b")->cpu_time, 2005 + 230, 2005 + 240);
	script_close(script);
}

/* Nobody answers: the request did not wait for the worker, but slept. What the worker does is its all the same. */
static void test_no_answer(void **state)
{
	struct script *script = server_with_worker();
	(void)state;

	READ(script, 110, SERVER, CLIENT_A, .off = 10, .on = 100, .cause = WAIT_NET, .arrived = 100, .line = "GET /a");
	WRITE(script, 200, SERVER, OURS);
	READ(script, 2020, WORKER, THEIRS, .off = 10, .on = 2010, .cause = WAIT_NET);
	WINDOW(script, 3020, WORKER, .off = 2120, .on = 3010, .cause = WAIT_NET);
	WRITE(script, 5000, SERVER, CLIENT_A, .off = 210, .on = 4900, .cause = WAIT_SLEEP, .status = 200);
	script_finish(script);
	assert_int_equal(script->count, 1);
	assert_int_equal(script->told[0].state[STATE_QUEUE], 0);
	assert_int_equal(script->told[0].state[STATE_SLEEP], 4900 - 210 - 120);
	assert_in_range(script->told[0].cpu_time, 320, 330);
	script_close(script);
}

/* Within one process it is a wake-up: the thread that reads it may do anybody's work. */
static void test_one_process(void **state)
{
	enum { OTHER = 2 };
	struct script *script = server_with_worker();
	(void)state;

	script_thread(script, 0, OTHER, SERVER, THREAD_FOUND);
	READ(script, 110, SERVER, CLIENT_A, .off = 10, .on = 100, .cause = WAIT_NET, .arrived = 100, .line = "GET /a");
	WRITE(script, 200, SERVER, OURS);
	READ(script, 320, OTHER, THEIRS, .off = 10, .on = 310, .cause = WAIT_NET);
	READ(script, 5320, OTHER, THEIRS, .off = 1320, .on = 5310, .cause = WAIT_NET);
	WRITE(script, 6000, SERVER, CLIENT_A, .off = 210, .on = 5900, .cause = WAIT_SLEEP, .status = 200);
	script_finish(script);
	assert_in_range(script->told[0].cpu_time, 210, 220);
	script_close(script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_worker_process),     cmocka_unit_test(test_bytes_say_whose), cmocka_unit_test(test_two_in_one_read),
		cmocka_unit_test(test_read_is_told_first), cmocka_unit_test(test_no_answer),       cmocka_unit_test(test_one_process),
		cmocka_unit_test(test_one_behind_several), cmocka_unit_test(test_many_wait),       cmocka_unit_test(test_turns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
