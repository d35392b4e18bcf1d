/* SPDX-License-Identifier: BSD-2-Clause */
/* Goroutines that leave no trace in the kernel: what of their work is found again, and what is said not to be known. Times in µs. */
#include <stdio.h>

#include "unit/engine_script.h"

enum { FIRST = 1, SECOND = 2, THIRD = 3 }; /* threads; FIRST is the process too */
enum { CLIENT_A = 100, CLIENT_B = 101, DB = 200, CACHE = 201, MAIL = 202 };

static struct script *go_server(void)
{
	struct script *script = script_open();

	script_thread(script, 0, FIRST, FIRST, THREAD_FOUND);
	script_thread(script, 0, SECOND, FIRST, THREAD_FOUND);
	script_runtime(script, FIRST, RUNTIME_GO);
	script_conn(script, CLIENT_A, CONN_SERVER, 8080);
	script_conn(script, CLIENT_B, CONN_SERVER, 8080);
	script_conn(script, DB, CONN_DOWNSTREAM, 5432);
	script_conn(script, CACHE, CONN_DOWNSTREAM, 6379);
	script_conn(script, MAIL, CONN_DOWNSTREAM, 25);
	return script;
}

/* A goroutine locked to its thread: each time it is stopped the thread sleeps until it may go on. The other request's is so as well. */
static void test_locked(void **state)
{
	struct script *script = go_server();
	struct process sum;
	(void)state;

	READ(script, 100, FIRST, CLIENT_A, .arrived = 100, .line = "GET /a");
	READ(script, 100, SECOND, CLIENT_B, .arrived = 100, .line = "GET /b");
	WINDOW(script, 30100, FIRST, .off = 15100, .on = 20100, .cause = WAIT_LOCK);
	WINDOW(script, 34100, SECOND, .off = 14100, .on = 30100, .cause = WAIT_LOCK);
	WINDOW(script, 50100, FIRST, .off = 30100, .on = 40100, .cause = WAIT_LOCK);
	WRITE(script, 62100, FIRST, CLIENT_A, .off = 50100, .on = 60100, .cause = WAIT_LOCK, .status = 200);
	WRITE(script, 70100, SECOND, CLIENT_B, .off = 34100, .on = 45100, .cause = WAIT_LOCK, .status = 200);
	sum = script_finish(script);
	assert_int_equal(told_of(script, "GET /a")->cpu_time, 15000 + 10000 + 10000 + 2000);
	assert_int_equal(told_of(script, "GET /a")->state[STATE_OTHER], 5000 + 10000 + 10000);
	assert_int_equal(told_of(script, "GET /b")->cpu_time, 14000 + 4000 + 25000);
	assert_false(told_of(script, "GET /a")->ambiguous);
	assert_int_equal(sum.unattributed_cpu_ns, 0);
	script_close(script);
}

/* It is taken off its thread after 10 ms and goes on on another one; nobody else is there. */
static void test_moved_alone(void **state)
{
	struct script *script = go_server();
	(void)state;

	READ(script, 100, FIRST, CLIENT_A, .arrived = 100, .line = "GET /a");
	WINDOW(script, 42100, SECOND, .off = 50, .on = 12100, .cause = WAIT_LOCK);
	WINDOW(script, 42150, SECOND, .off = 42100, .on = 42130, .cause = WAIT_LOCK);
	WRITE(script, 45100, FIRST, CLIENT_A, .off = 12100, .on = 42100, .cause = WAIT_LOCK, .status = 200);
	script_finish(script);
	assert_int_equal(told_of(script, "GET /a")->cpu_time, 12000 + 30000 + 3000);
	assert_int_equal(told_of(script, "GET /a")->state[STATE_OTHER], 0);
	assert_false(told_of(script, "GET /a")->ambiguous);
	script_close(script);
}

/* Two compute on one thread, by turns of 10 ms that nobody sees: only what each surely had is its, and it is said that this is not all. */
static void test_two_compute(void **state)
{
	struct script *script = go_server();
	struct process sum;
	(void)state;

	READ(script, 100, FIRST, CLIENT_A, .arrived = 100, .line = "GET /a");
	READ(script, 20100, FIRST, CLIENT_B, .arrived = 19000, .line = "GET /b");
	WRITE(script, 90100, FIRST, CLIENT_A, .status = 200);
	WRITE(script, 95100, FIRST, CLIENT_B, .status = 200);
	sum = script_finish(script);
	/* A was alone until B was read. B surely had 10 ms from then on, and all after A's answer but for what a tail may take. */
	assert_int_equal(told_of(script, "GET /a")->cpu_time, 20000);
	assert_int_equal(told_of(script, "GET /a")->after, 200);
	assert_int_equal(told_of(script, "GET /b")->cpu_time, 10000 + 4800);
	assert_true(told_of(script, "GET /b")->ambiguous);
	assert_int_equal(sum.unattributed_cpu_ns, 60000 * US);
	script_close(script);
}

/* Who waits for an answer can't have computed. */
static void test_rival_waits(void **state)
{
	struct script *script = go_server();
	struct process sum;
	(void)state;

	READ(script, 100, SECOND, CLIENT_B, .arrived = 100, .line = "GET /b");
	WRITE(script, 110, SECOND, DB);
	READ_NOTHING(script, 120, SECOND, DB);
	READ(script, 200, FIRST, CLIENT_A, .arrived = 200, .line = "GET /a");
	WRITE(script, 60200, FIRST, CLIENT_A, .status = 200);
	READ(script, 70100, SECOND, DB, POLLED(125, 70095, 1), .arrived = 70090);
	WRITE(script, 70200, SECOND, CLIENT_B, .status = 200);
	sum = script_finish(script);
	assert_int_equal(told_of(script, "GET /a")->cpu_time, 60000);
	assert_false(told_of(script, "GET /a")->ambiguous);
	assert_true(told_of(script, "GET /b")->cpu_time < 300);
	assert_int_equal(sum.unattributed_cpu_ns, 0);
	script_close(script);
}

/* A computes, and is moved to a thread where B has just read its answer: that was not A's call. */
static void test_moved_behind_another(void **state)
{
	struct script *script = go_server();
	(void)state;

	READ(script, 100, FIRST, CLIENT_A, .arrived = 100, .line = "GET /a");
	READ(script, 100, SECOND, CLIENT_B, .arrived = 100, .line = "GET /b");
	WRITE(script, 110, SECOND, DB);
	READ_NOTHING(script, 115, SECOND, DB);
	WINDOW(script, 15000, FIRST, .off = 14000, .on = 14900, .cause = WAIT_RUNNABLE);
	READ(script, 20100, SECOND, DB, POLLED(120, 20090, 1), .arrived = 20080);
	WRITE(script, 21000, SECOND, CLIENT_A, .status = 200);
	WRITE(script, 30000, FIRST, CLIENT_B, .status = 200);
	script_finish(script);
	assert_int_equal(told_of(script, "GET /a")->call_count, 0);
	assert_int_equal(told_of(script, "GET /b")->call_count, 1);
	script_close(script);
}

/* A computes, is moved, and asks from there, which nobody sees to be its: who reads that answer and then answers A has worked for A. */
static void test_asks_where_it_was_moved_to(void **state)
{
	struct script *script = go_server();
	(void)state;

	READ(script, 100, FIRST, CLIENT_A, .arrived = 100, .line = "GET /a");
	READ(script, 100, SECOND, CLIENT_B, .arrived = 100, .line = "GET /b");
	READ_NOTHING(script, 110, SECOND, CLIENT_B);
	WINDOW(script, 15000, FIRST, .off = 14000, .on = 14900, .cause = WAIT_RUNNABLE);
	WRITE(script, 20000, SECOND, DB, .off = 115, .on = 19900, .cause = WAIT_LOCK);
	READ_NOTHING(script, 20005, SECOND, DB);
	READ(script, 25000, SECOND, DB, .off = 20010, .on = 24990, .cause = WAIT_LOCK, .arrived = 24900);
	WRITE(script, 26000, SECOND, CLIENT_A, .status = 200);
	WRITE(script, 30000, FIRST, CLIENT_B, .off = 15010, .on = 29990, .cause = WAIT_LOCK, .status = 200);
	script_finish(script);
	assert_int_equal(told_of(script, "GET /a")->call_count, 1);
	assert_in_range(told_of(script, "GET /a")->cpu_time, 10000 + 1000, 14900);
	script_close(script);
}

/* A thread computes for 30 ms and then reads a request: that one was not there yet, and its goroutine was asleep. */
static void test_not_the_next_one(void **state)
{
	struct script *script = go_server();
	struct process sum;
	(void)state;

	READ(script, 30120, FIRST, CLIENT_A, .off = 50, .on = 120, .cause = WAIT_LOCK, .arrived = 30000, .line = "GET /a");
	WRITE(script, 30220, FIRST, CLIENT_A, .status = 200);
	sum = script_finish(script);
	assert_int_equal(told_of(script, "GET /a")->cpu_time, 100);
	assert_int_equal(sum.background_cpu_ns, 30000 * US);
	assert_int_equal(sum.runtime_cpu_ns, 50 * US);
	script_close(script);
}

/* The handler starts two goroutines that call, and waits for both. */
static void call_from_two(struct script *script)
{
	READ(script, 100, FIRST, CLIENT_A, .arrived = 100, .line = "GET /parallel");
	READ_NOTHING(script, 110, FIRST, CLIENT_A);
	WRITE(script, 120, FIRST, DB);
	READ_NOTHING(script, 125, FIRST, DB);
	WRITE(script, 150, SECOND, CACHE, .off = 50, .on = 130, .cause = WAIT_LOCK);
	READ_NOTHING(script, 155, SECOND, CACHE);
	READ(script, 50110, FIRST, DB, POLLED(130, 50100, 2), .arrived = 50090);
	READ(script, 50120, FIRST, CACHE, .arrived = 50095);
	WRITE(script, 52120, FIRST, CLIENT_A, .status = 200);
}

static void test_fan_out(void **state)
{
	struct script *script = go_server();
	(void)state;

	call_from_two(script);
	script_finish(script);
	assert_int_equal(told_of(script, "GET /parallel")->call_count, 2);
	assert_int_equal(told_of(script, "GET /parallel")->peer_union, 49970 + 49945);
	assert_in_range(told_of(script, "GET /parallel")->state[STATE_NET], 49900, 50000);
	script_close(script);
}

/* Another request is open that could have asked as well: the calls without a sign of their own are nobody's. */
static void test_fan_out_contested(void **state)
{
	struct script *script = go_server();
	(void)state;

	READ(script, 90, SECOND, CLIENT_B, .arrived = 90, .line = "GET /b");
	READ_NOTHING(script, 95, SECOND, CLIENT_B);
	READ(script, 100, FIRST, CLIENT_A, .arrived = 100, .line = "GET /parallel");
	READ_NOTHING(script, 110, FIRST, CLIENT_A);
	WRITE(script, 120, FIRST, DB);
	READ_NOTHING(script, 125, FIRST, DB);
	WRITE(script, 150, FIRST, CACHE);
	READ_NOTHING(script, 155, FIRST, CACHE);
	WRITE(script, 160, FIRST, MAIL);
	READ_NOTHING(script, 165, FIRST, MAIL);
	READ(script, 50110, FIRST, DB, POLLED(170, 50100, 2), .arrived = 50090);
	READ(script, 50120, FIRST, CACHE, .arrived = 50095);
	READ(script, 50130, FIRST, MAIL, .arrived = 50096);
	WRITE(script, 52120, FIRST, CLIENT_A, .status = 200);
	WRITE(script, 60000, SECOND, CLIENT_B, .off = 100, .on = 59990, .cause = WAIT_LOCK, .status = 200);
	script_finish(script);
	/* The one that was made as soon as the handler had left the thread, and the one whose answer it read before its own. */
	assert_int_equal(told_of(script, "GET /parallel")->call_count, 2);
	assert_int_equal(told_of(script, "GET /b")->call_count, 0);
	script_close(script);
}

/* What the scheduler does when it looks for work, work beside a request that runs elsewhere, and work while none is open. */
static void test_runtime(void **state)
{
	struct script *script = go_server();
	struct process sum;
	(void)state;

	READ(script, 100, FIRST, CLIENT_A, .arrived = 100, .line = "GET /a");
	WINDOW(script, 350, SECOND, .off = 50, .on = 200, .cause = WAIT_LOCK);
	WINDOW(script, 400, SECOND, .off = 350, .on = 390, .cause = WAIT_LOCK);
	WINDOW(script, 1000, SECOND, .off = 400, .on = 500, .cause = WAIT_LOCK);
	WRITE(script, 1100, FIRST, CLIENT_A, .status = 200);
	READ_NOTHING(script, 1110, FIRST, CLIENT_A);
	WINDOW(script, 45000, SECOND, .off = 1000, .on = 5000, .cause = WAIT_LOCK);
	WINDOW(script, 45010, SECOND, .off = 45000, .on = 45005, .cause = WAIT_LOCK);
	sum = script_finish(script);
	assert_int_equal(told_of(script, "GET /a")->cpu_time, 1000);
	assert_int_equal(sum.runtime_cpu_ns, (50 + 150 + 10 + 500 + 5) * US);
	assert_int_equal(sum.background_cpu_ns, (100 + 40000) * US); /* the first: until A had come */
	assert_int_equal(sum.unattributed_cpu_ns, 0);
	script_close(script);
}

/* Two cores told of a request's read and its write in the wrong order: what another goroutine computed around them is not there twice. */
static void test_answer_told_before_its_read(void **state)
{
	struct script *script = go_server();
	struct process sum;
	(void)state;

	script_thread(script, 0, THIRD, FIRST, THREAD_FOUND);
	READ(script, 10, SECOND, CLIENT_A, .arrived = 10, .line = "GET /a");
	READ(script, 40002, FIRST, CLIENT_B, .arrived = 39990, .line = "GET /b");
	WRITE(script, 40000, THIRD, CLIENT_B, .off = 100, .on = 39990, .cause = WAIT_LOCK, .status = 200);
	script_span(script, 60000, SECOND, RECORD_THREAD_EXIT, 0, 0, 0, (struct with){0});
	sum = script_finish(script); /* checks that */
	assert_int_equal(told_of(script, "GET /b")->wall, 10);
	assert_true(sum.cpu_ns >= 60000 * US);
	script_close(script);
}

/* The trace ends while only a connection knows of a goroutine's work. */
static void test_kept_by_a_connection(void **state)
{
	struct script *script = go_server();
	struct process sum;
	(void)state;

	script_span(script, 8400, FIRST, RECORD_IO, IO_CONNECT, DB, 0,
		    (struct with){.epoll = 10, .events = 3, .off = 4200, .on = 4202, .cause = WAIT_LOCK});
	sum = script_finish(script);
	assert_int_equal(sum.background_cpu_ns + sum.runtime_cpu_ns + sum.unattributed_cpu_ns, 8398 * US);
	script_close(script);
}

/*
 * net/http's client: a goroutine reads the answer on another thread, lets the handler go on, and looks for more as soon as that has read it
 * all. The handler computes there then, and asks elsewhere; the thread had worked for B, which waits for an answer of its own by then.
 */
static void test_reader_lets_asker_go_on(void **state)
{
	struct script *script = go_server();
	(void)state;

	READ(script, 100, FIRST, CLIENT_A, .arrived = 100, .line = "GET /a");
	WRITE(script, 110, FIRST, DB);
	READ_NOTHING(script, 115, FIRST, CLIENT_A);
	READ(script, 120, SECOND, CLIENT_B, .arrived = 110, .line = "GET /b");
	READ(script, 5000, FIRST, DB, POLLED(120, 4990, 1), .arrived = 4980);
	WRITE(script, 5500, SECOND, CACHE);
	READ_NOTHING(script, 5520, SECOND, DB);
	READ(script, 6520, SECOND, CACHE, .arrived = 6000);
	READ_NOTHING(script, 6530, SECOND, CACHE);
	WRITE(script, 7530, SECOND, CLIENT_B, .status = 200);
	WRITE(script, 7600, FIRST, CLIENT_A, .status = 200);
	script_finish(script);
	assert_int_equal(told_of(script, "GET /a")->cpu_time, 10 + 5 + 10 + 2600 + 1000);
	assert_int_equal(told_of(script, "GET /b")->cpu_time, 5380 + 20 + 10 + 1000 + 10);
	assert_false(told_of(script, "GET /a")->ambiguous);
	assert_false(told_of(script, "GET /b")->ambiguous);
	script_close(script);
}

/* A's handler waits for an answer, and its connection's watcher finds nothing: whoever asks there next is not A's. */
static void test_watcher_while_handler_waits(void **state)
{
	struct script *script = go_server();
	(void)state;

	READ(script, 100, SECOND, CLIENT_B, .arrived = 100, .line = "GET /b");
	READ(script, 200, FIRST, CLIENT_A, .arrived = 190, .line = "GET /a");
	WRITE(script, 210, FIRST, DB);
	READ_NOTHING(script, 215, FIRST, DB);
	READ_NOTHING(script, 220, FIRST, CLIENT_A);
	WRITE(script, 320, FIRST, CACHE);
	READ_NOTHING(script, 325, FIRST, CACHE);
	READ(script, 1500, SECOND, CACHE, .off = 110, .on = 1490, .cause = WAIT_LOCK, .arrived = 1400);
	READ_NOTHING(script, 1505, SECOND, CLIENT_B);
	READ(script, 2000, FIRST, DB, .off = 330, .on = 1990, .cause = WAIT_LOCK, .arrived = 1900);
	WRITE(script, 2100, FIRST, CLIENT_A, .status = 200);
	WRITE(script, 3100, SECOND, CLIENT_B, .off = 1510, .on = 3090, .cause = WAIT_LOCK, .status = 200);
	script_finish(script);
	assert_int_equal(told_of(script, "GET /a")->call_count, 1);
	script_close(script);
}

/* A connection that A has used, and is open still, is given to B, which looks whether it is good before it asks. */
static void test_checked_before_use(void **state)
{
	struct script *script = go_server();
	(void)state;

	READ(script, 100, FIRST, CLIENT_A, .arrived = 100, .line = "GET /a");
	WRITE(script, 110, FIRST, DB);
	READ(script, 200, FIRST, DB, .arrived = 190);
	READ(script, 300, SECOND, CLIENT_B, .arrived = 290, .line = "GET /b");
	READ_NOTHING(script, 310, SECOND, DB);
	WRITE(script, 320, SECOND, DB);
	READ(script, 420, SECOND, DB, .arrived = 410);
	WRITE(script, 500, SECOND, CLIENT_B, .status = 200);
	WRITE(script, 600, FIRST, CLIENT_A, .status = 200);
	script_finish(script);
	assert_int_equal(told_of(script, "GET /a")->call_count, 1);
	assert_int_equal(told_of(script, "GET /b")->call_count, 1);
	assert_false(told_of(script, "GET /b")->ambiguous);
	script_close(script);
}

/* net/http reads one byte to see whether the client is still there: of the next request. That goroutine ends; who reads the rest begins. */
static void test_watched_by_a_byte(void **state)
{
	struct script *script = go_server();
	(void)state;

	READ(script, 100, FIRST, CLIENT_A, .arrived = 100, .line = "GET /a");
	READ(script, 100, SECOND, CLIENT_B, .arrived = 100, .line = "GET /b");
	WRITE(script, 200, FIRST, CLIENT_A, .status = 200);
	READ_BYTES(script, 1000, FIRST, CLIENT_A, 1, .off = 210, .on = 990, .cause = WAIT_LOCK, .arrived = 900, .begun = 1);
	WRITE(script, 1500, FIRST, CLIENT_B, .status = 200);
	READ(script, 2000, SECOND, CLIENT_A, .off = 110, .on = 1990, .cause = WAIT_LOCK, .arrived = 900);
	WRITE(script, 2500, SECOND, CLIENT_A, .status = 204);
	script_finish(script);
	assert_false(told_of(script, "GET /b")->ambiguous);
	for (size_t i = 0; i < script->count; i++) {
		if (script->told[i].status != 204)
			continue;
		assert_false(script->told[i].ambiguous);
		assert_int_equal(script->told[i].cpu_time, 10 + 10 + 500);
		assert_int_equal(script->told[i].state[STATE_QUEUE], 1100 - 20);
	}
	script_close(script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_locked),
		cmocka_unit_test(test_moved_alone),
		cmocka_unit_test(test_two_compute),
		cmocka_unit_test(test_rival_waits),
		cmocka_unit_test(test_moved_behind_another),
		cmocka_unit_test(test_asks_where_it_was_moved_to),
		cmocka_unit_test(test_not_the_next_one),
		cmocka_unit_test(test_fan_out),
		cmocka_unit_test(test_fan_out_contested),
		cmocka_unit_test(test_runtime),
		cmocka_unit_test(test_answer_told_before_its_read),
		cmocka_unit_test(test_kept_by_a_connection),
		cmocka_unit_test(test_reader_lets_asker_go_on),
		cmocka_unit_test(test_watcher_while_handler_waits),
		cmocka_unit_test(test_checked_before_use),
		cmocka_unit_test(test_watched_by_a_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
