/* SPDX-License-Identifier: BSD-2-Clause */
/* The engine's rules one by one, and what must hold whatever comes: closure, conservation, bounded lists. Times in µs. */
#include <stdio.h>

#include "unit/engine_script.h"

enum { MAIN = 1, WORKER = 2 };
enum { CLIENT_A = 100, CLIENT_B = 101, DB = 200, EVENTFD = 300 };

static struct script *server(void)
{
	struct script *script = script_open();

	script_thread(script, 0, MAIN, MAIN, THREAD_FOUND);
	script_thread(script, 0, WORKER, MAIN, THREAD_FOUND);
	script_conn(script, CLIENT_A, CONN_SERVER, 8080);
	script_conn(script, CLIENT_B, CONN_SERVER, 8080);
	script_conn(script, DB, CONN_DOWNSTREAM, 5432);
	return script;
}

/* Body bytes that come late, and a send buffer that is full: the client's fault. */
static void test_client_waits(void **state)
{
	struct script *script = server();
	(void)state;

	READ(script, 110, MAIN, CLIENT_A, .off = 10, .on = 100, .cause = WAIT_NET, .arrived = 100, .line = "POST /a");
	READ(script, 5010, MAIN, CLIENT_A, .off = 120, .on = 5000, .ready = 30, .cause = WAIT_NET, .arrived = 4970);
	WRITE(script, 9010, MAIN, CLIENT_A, .off = 5100, .on = 9000, .cause = WAIT_NET, .status = 200);
	script_finish(script);
	assert_int_equal(script->count, 1);
	assert_int_equal(script->told[0].wall, 8910);
	assert_int_equal(script->told[0].state[STATE_CLIENT], 4850 + 3900);
	assert_int_equal(script->told[0].state[STATE_READY], 30);
	assert_int_equal(script->told[0].state[STATE_OTHER], 0);
	script_close(script);
}

/* A thread that is blocked in its next write is not heard of until that returns: snapshots say so, and the response is not over. */
static void test_blocked_in_a_write(void **state)
{
	struct script *script = server();
	(void)state;

	READ(script, 110, MAIN, CLIENT_A, .off = 10, .on = 100, .cause = WAIT_NET, .arrived = 100, .line = "GET /big");
	WRITE(script, 200, MAIN, CLIENT_A, .status = 200);
	script_tick(script, 600000);
	script_span(script, 900000, MAIN, RECORD_SNAPSHOT, IO_WRITE, 0, 0, (struct with){.off = 210, .on = 900000, .cause = WAIT_NET});
	script_tick(script, 1000000);
	assert_int_equal(script->count, 0);
	WRITE(script, 1400010, MAIN, CLIENT_A, .off = 210, .on = 1400000, .cause = WAIT_NET);
	SNAPSHOT(script, 1900000, MAIN, .off = 1400020, .on = 1900000, .cause = WAIT_NET);
	script_tick(script, 2000000);
	assert_int_equal(script->count, 1);
	WINDOW(script, 2100010, MAIN, .off = 1400020, .on = 2100000, .cause = WAIT_NET);
	script_finish(script);
	assert_int_equal(script->told[0].wall, 1399910);
	assert_int_equal(script->told[0].state[STATE_CLIENT], 1399790);
	script_close(script);
}

/* An event loop whose write found the buffer full goes on when the client has read: the gap is the client's too. */
static void test_partial_write(void **state)
{
	struct script *script = server();
	(void)state;

	READ(script, 110, MAIN, CLIENT_A, SLEPT(10, 100, 1), .line = "GET /big");
	WRITE(script, 200, MAIN, CLIENT_A, .status = 200, .flags = RECORD_PARTIAL);
	WRITE(script, 8020, MAIN, CLIENT_A, POLLED(210, 8000, 1));
	script_tick(script, 300000);
	assert_int_equal(script->count, 0);
	script_tick(script, 600000);
	assert_int_equal(script->count, 1);
	script_finish(script);
	assert_int_equal(script->told[0].wall, 7920);
	assert_int_equal(script->told[0].ttfb, 100);
	assert_int_equal(script->told[0].state[STATE_CLIENT], 7790);
	assert_int_equal(script->told[0].state[STATE_CPU], 130);
	script_close(script);
}

/* Three requests in one read, answered one after the other: each is told, with its wait behind the others. */
static void test_pipelining(void **state)
{
	struct script *script = server();
	(void)state;

	READ(script, 110, MAIN, CLIENT_A, .off = 10, .on = 100, .cause = WAIT_NET, .arrived = 100, .line = "GET /1", .begun = 2);
	WRITE(script, 210, MAIN, CLIENT_A, .status = 200);
	WRITE(script, 260, MAIN, CLIENT_A, .status = 200);
	WRITE(script, 310, MAIN, CLIENT_A, .status = 404);
	script_conn_ended(script, 400, CLIENT_A);
	assert_int_equal(script->count, 3);
	assert_string_equal(script->told[0].line, "GET /1");
	assert_int_equal(script->told[0].cpu_time, 110);
	assert_int_equal(script->told[1].wall, 160);
	assert_int_equal(script->told[1].cpu_time, 50);
	assert_int_equal(script->told[1].state[STATE_QUEUE], 110);
	assert_int_equal(script->told[2].cpu_time, 50);
	assert_int_equal(script->told[2].status, 404);
	assert_false(script->told[2].aborted);
	script_finish(script);
	script_close(script);
}

/* Two more requests lay in the same read, beyond what is carried along of it: their answers tell of them. A 408 tells of none. */
static void test_pipelining_beyond_the_prefix(void **state)
{
	struct script *script = server();
	(void)state;

	READ_LONG(script, 110, MAIN, CLIENT_A, .off = 10, .on = 100, .cause = WAIT_NET, .arrived = 100, .line = "GET /a");
	WRITE(script, 210, MAIN, CLIENT_A, .status = 200);
	WRITE(script, 310, MAIN, CLIENT_A);
	WRITE(script, 410, MAIN, CLIENT_A, .status = 404);
	script_tick(script, 700000);
	WRITE(script, 900410, MAIN, CLIENT_A, .off = 700500, .on = 900400, .cause = WAIT_SLEEP, .status = 200);
	READ(script, 900510, MAIN, CLIENT_A, .off = 900420, .on = 900500, .cause = WAIT_NET, .arrived = 900500, .line = "GET /b");
	WRITE(script, 900610, MAIN, CLIENT_A, .status = 200);
	WRITE(script, 900710, MAIN, CLIENT_A, .off = 900620, .on = 900700, .cause = WAIT_SLEEP, .status = 408);
	script_finish(script);
	assert_int_equal(script->count, 4);
	assert_int_equal(script->told[0].wall, 210);
	assert_int_equal(script->told[1].wall, 310);
	assert_int_equal(script->told[1].status, 404);
	assert_int_equal(script->told[1].state[STATE_QUEUE], 210);
	assert_int_equal(script->told[1].state[STATE_CPU], 100);
	assert_int_equal(script->told[2].wall, 900310);
	assert_string_equal(script->told[3].line, "GET /b");
	script_close(script);
}

/* A worker takes a request from a queue and sleeps in the middle of it: before that it was QUEUE, and only then SLEEP. */
static void test_worker_sleeps(void **state)
{
	struct script *script = server();
	(void)state;

	READ(script, 110, MAIN, CLIENT_A, SLEPT(10, 100, 1), .line = "GET /a");
	READ(script, 130, MAIN, CLIENT_B, .epoll = 120, .events = 1, .arrived = 115, .line = "GET /b");
	WINDOW(script, 1000, WORKER, .off = 10, .on = 300, .cause = WAIT_LOCK);
	WRITE(script, 31010, WORKER, CLIENT_A, .off = 1000, .on = 31000, .cause = WAIT_SLEEP, .status = 200);
	WRITE(script, 61020, WORKER, CLIENT_B, .off = 31020, .on = 61010, .cause = WAIT_SLEEP, .status = 200);
	script_finish(script);
	assert_int_equal(script->count, 2);
	assert_int_equal(script->told[0].state[STATE_SLEEP], 30000);
	assert_int_equal(script->told[1].state[STATE_SLEEP], 29990);
	assert_int_equal(script->told[1].state[STATE_LOOP], 120 - 115);
	assert_int_equal(script->told[1].state[STATE_QUEUE], 31010 - 130);
	script_close(script);
}

/* Batches of three, each answered in one write: nobody stays behind, and who was answered by whose write is marked as a guess. */
static void test_pipelined_batches(void **state)
{
	struct script *script = server();
	(void)state;

	for (uint64_t at = 1000; at < 5000; at += 1000) {
		READ(script, at, MAIN, CLIENT_A, .off = at - 900, .on = at - 10, .cause = WAIT_NET, .arrived = at - 10, .line = "GET /1",
		     .begun = 2);
		WRITE(script, at + 20, MAIN, CLIENT_A, .status = 200);
	}
	script_conn_ended(script, 6000, CLIENT_A);
	script_finish(script);
	assert_int_equal(script->count, 12);
	for (size_t i = 0; i < script->count; i++) {
		assert_int_equal(script->told[i].wall, 30);
		assert_false(script->told[i].aborted);
	}
	assert_true(script->told[1].ambiguous);
	script_close(script);
}

/* Rule 3: work that goes on after the response is after-response CPU, and its call no part of the wall. */
static void test_fire_and_forget(void **state)
{
	struct script *script = server();
	struct process sum;
	(void)state;

	READ(script, 110, MAIN, CLIENT_A, .off = 10, .on = 100, .cause = WAIT_NET, .arrived = 100, .line = "GET /fire");
	WRITE(script, 210, MAIN, CLIENT_A, .status = 200);
	WRITE(script, 5210, MAIN, DB);
	READ(script, 9000, MAIN, DB, .off = 5220, .on = 8990, .cause = WAIT_NET, .arrived = 8990);
	READ(script, 20000, MAIN, CLIENT_A, .off = 9100, .on = 19990, .cause = WAIT_NET, .arrived = 19990, .line = "GET /json");
	sum = script_finish(script);
	assert_int_equal(script->count, 1);
	assert_int_equal(script->told[0].wall, 110);
	assert_int_equal(script->told[0].call_count, 0);
	assert_int_equal(script->told[0].cpu_time, 110);
	/* 5000, 10, 10 and 100; the last request's 10 is a request's. */
	assert_int_equal(sum.after_response_cpu_ns, 5120 * US);
	assert_int_equal(sum.request_cpu_ns, 120 * US);
	script_close(script);
}

/* A timer's callback answers: the gap before it was a sleep. */
static void test_timer(void **state)
{
	struct script *script = server();
	(void)state;

	READ(script, 110, MAIN, CLIENT_A, SLEPT(10, 100, 1), .line = "GET /sleep");
	WRITE(script, 30150, MAIN, CLIENT_A, POLLED(120, 30110, 0), .status = 200);
	script_finish(script);
	assert_int_equal(script->count, 1);
	assert_int_equal(script->told[0].state[STATE_SLEEP], 29990);
	assert_int_equal(script->told[0].state[STATE_CPU], 60);
	script_close(script);
}

static void check_pool(uint64_t released)
{
	struct script *script = server();

	READ(script, 110, MAIN, CLIENT_A, .off = 10, .on = 100, .cause = WAIT_NET, .arrived = 100, .line = "GET /a");
	WRITE(script, 120, MAIN, DB);
	READ(script, 111, WORKER, CLIENT_B, .off = 10, .on = 101, .cause = WAIT_NET, .arrived = 101, .line = "GET /b");
	READ(script, released, MAIN, DB, .off = 130, .on = 4990, .cause = WAIT_NET, .arrived = 4990);
	WRITE(script, 5030, WORKER, DB, .off = 121, .on = 5020, .ready = 10, .cause = WAIT_LOCK);
	READ(script, 9000, WORKER, DB, .off = 5040, .on = 8990, .cause = WAIT_NET, .arrived = 8990);
	WRITE(script, 9010, WORKER, CLIENT_B, .status = 200);
	WRITE(script, 9020, MAIN, CLIENT_A, .status = 200);
	script_finish(script);
	assert_int_equal(script->count, 2);
	assert_string_equal(script->told[1].line, "GET /b");
	assert_int_equal(script->told[1].state[STATE_POOL], 5010 - 121);
	assert_int_equal(script->told[1].state[STATE_LOCK], 0);
	script_close(script);
}

/*
 * A connection that another request gives back while this one's thread waits in a futex: POOL, not LOCK; also if the thread was woken for
 * another connection, which again another took, and found this one.
 */
static void test_pool(void **state)
{
	(void)state;

	check_pool(5000);
	check_pool(5015);
}

/* Woken in vain before: another thread had taken the connection. But a lock that was worked under is a lock. */
static void test_pool_woken_in_vain(void **state)
{
	struct script *script = server();
	(void)state;

	READ(script, 110, MAIN, CLIENT_A, .off = 10, .on = 100, .cause = WAIT_NET, .arrived = 100, .line = "GET /a");
	WRITE(script, 120, MAIN, DB);
	READ(script, 111, WORKER, CLIENT_B, .off = 10, .on = 101, .cause = WAIT_NET, .arrived = 101, .line = "GET /b");
	WINDOW(script, 1300, WORKER, .off = 121, .on = 1000, .cause = WAIT_LOCK);
	WINDOW(script, 2520, WORKER, .off = 1300, .on = 2500, .ready = 20, .cause = WAIT_LOCK);
	SNAPSHOT(script, 3000, WORKER, .off = 2520, .on = 3000, .cause = WAIT_LOCK);
	READ(script, 5000, MAIN, DB, .off = 130, .on = 4990, .cause = WAIT_NET, .arrived = 4990);
	WRITE(script, 5030, WORKER, DB, .off = 2520, .on = 5020, .cause = WAIT_LOCK);
	READ(script, 9000, WORKER, DB, .off = 5040, .on = 8990, .cause = WAIT_NET, .arrived = 8990);
	WRITE(script, 9010, WORKER, CLIENT_B, .status = 200);
	WRITE(script, 9020, MAIN, CLIENT_A, .status = 200);
	script_finish(script);
	assert_int_equal(script->told[1].state[STATE_POOL], (2480 - 1300) + (5020 - 2520));
	assert_int_equal(script->told[1].state[STATE_LOCK], 1000 - 121);
	script_close(script);
}

/* After a long sleep a look takes longer: 590 of 60,000. A thread that computes for 700 after that waited for a lock indeed. */
static void check_slow_look(uint64_t look, uint64_t pool)
{
	struct script *script = server();
	uint64_t at = 60000 + look;

	READ(script, 110, MAIN, CLIENT_A, .off = 10, .on = 100, .cause = WAIT_NET, .arrived = 100, .line = "GET /a");
	WRITE(script, 120, MAIN, DB);
	READ(script, 100, WORKER, CLIENT_B, .off = 10, .on = 90, .cause = WAIT_NET, .arrived = 90, .line = "GET /b");
	READ(script, 59980, MAIN, DB, .off = 130, .on = 59970, .cause = WAIT_NET, .arrived = 59970);
	WINDOW(script, at, WORKER, .off = 1000, .on = 60000, .cause = WAIT_LOCK);
	WINDOW(script, at + 10, WORKER, .off = at, .on = at + 6, .cause = WAIT_LOCK);
	WRITE(script, at + 18, WORKER, DB, .off = at + 10, .on = at + 15, .ready = 5, .cause = WAIT_RUNNABLE);
	WRITE(script, at + 20, WORKER, CLIENT_B, .status = 200);
	script_finish(script);
	assert_int_equal(script->told[0].state[STATE_POOL], pool);
	assert_int_equal(script->told[0].state[STATE_LOCK], 59006 - pool);
	script_close(script);
}

static void test_pool_slow_look(void **state)
{
	(void)state;
	check_slow_look(590, 59006);
	check_slow_look(700, 0);
}

/* What a thread does and calls after its response is in nobody's wall, and the CPU is told with the request, though the next one waits. */
static void test_work_after_the_response(void **state)
{
	struct script *script = server();
	(void)state;

	READ(script, 110, MAIN, CLIENT_A, .off = 10, .on = 100, .cause = WAIT_NET, .arrived = 100, .line = "GET /fire");
	WRITE(script, 200, MAIN, CLIENT_A, .status = 200);
	WRITE(script, 5200, MAIN, DB);
	READ(script, 9010, MAIN, DB, .off = 5210, .on = 9000, .cause = WAIT_NET, .arrived = 9000);
	READ(script, 9020, MAIN, CLIENT_A, .arrived = 300, .line = "GET /fire");
	WRITE(script, 9120, MAIN, CLIENT_A, .status = 200);
	script_finish(script);
	assert_int_equal(script->count, 2);
	assert_int_equal(script->told[0].wall, 100);
	assert_int_equal(script->told[0].after, 5000 + 20 + 10);
	assert_int_equal(script->told[0].call_count, 0);
	assert_int_equal(script->told[1].state[STATE_QUEUE], 9020 - 300);
	script_close(script);
}

/* Snapshots give time away early; the record that comes later gives only the rest. */
static void test_snapshots_count_once(void **state)
{
	struct script *script = server();
	struct process now[1];
	(void)state;

	READ(script, 110, MAIN, CLIENT_A, .off = 10, .on = 100, .cause = WAIT_NET, .arrived = 100, .line = "GET /a");
	SNAPSHOT(script, 1110, MAIN, .flags = RECORD_ON_CORE);
	SNAPSHOT(script, 2110, MAIN, .off = 1500, .on = 2110, .cause = WAIT_NET);
	assert_int_equal(engine_processes(script->engine, now, 1), 1);
	/* Both windows are counted at once, the second again with its record. */
	assert_int_equal(now[0].voluntary_switches, 2);
	READ(script, 3110, MAIN, DB, .off = 1500, .on = 3000, .cause = WAIT_NET, .arrived = 3000);
	WRITE(script, 3210, MAIN, CLIENT_A, .status = 200);
	assert_int_equal(engine_processes(script->engine, now, 1), 1);
	assert_int_equal(now[0].voluntary_switches, 2);
	script_finish(script);
	assert_int_equal(script->told[0].cpu_time, 10 + 1390 + 110 + 100);
	assert_int_equal(script->told[0].state[STATE_NET], 1500);
	script_close(script);
}

/* The client went away: an error, with the time until then. */
static void test_abort(void **state)
{
	struct script *script = server();
	(void)state;

	READ(script, 110, MAIN, CLIENT_A, .off = 10, .on = 100, .cause = WAIT_NET, .arrived = 100, .line = "GET /a");
	WRITE(script, 120, MAIN, DB);
	script_conn_ended(script, 5000, CLIENT_A);
	/* What its thread did until then, only the thread's next record can tell. */
	assert_int_equal(script->count, 0);
	WINDOW(script, 6000, MAIN, .off = 2000, .on = 5500, .cause = WAIT_SLEEP);
	script_finish(script);
	assert_int_equal(script->count, 1);
	assert_true(script->told[0].aborted);
	assert_int_equal(script->told[0].wall, 4900);
	assert_int_equal(script->told[0].cpu_time, 20 + 1880);
	script_close(script);
}

/* A request of ten thousand stretches: the list stays bounded, the sums stay exact. */
static void test_long_timeline(void **state)
{
	struct script *script = server();
	struct engine_losses losses;
	uint64_t at = 110;
	(void)state;

	READ(script, at, MAIN, CLIENT_A, .off = 10, .on = 100, .cause = WAIT_NET, .arrived = 100, .line = "GET /a");
	for (int i = 0; i < 10000; i++, at += 100)
		WINDOW(script, at + 100, MAIN, .off = at + 30, .on = at + 80, .ready = 10, .cause = WAIT_LOCK);
	WRITE(script, at + 10, MAIN, CLIENT_A, .status = 200);
	script_finish(script);
	engine_losses(script->engine, &losses);
	assert_true(losses.stretches > 0);
	assert_int_equal(script->told[0].state[STATE_CPU], 10 + 500000 + 10);
	assert_int_equal(script->told[0].cpu_time, 10 + 500000 + 10);
	assert_int_equal(script->told[0].state[STATE_LOCK], 400000);
	assert_int_equal(script->told[0].state[STATE_READY], 100000);
	script_close(script);
}

/* What no request caused: timers are background, work for a request from before the trace is not known. */
static void test_unclaimed_cpu(void **state)
{
	struct script *script = server();
	struct process sum;
	(void)state;

	WRITE(script, 110, MAIN, CLIENT_A, .status = 200); /* of a request whose read was not seen */
	READ(script, 1000, MAIN, CLIENT_A, SLEPT(150, 990, 1), .line = "GET /a");
	WRITE(script, 1010, MAIN, CLIENT_A, .status = 200);
	WINDOW(script, 5000, MAIN, .off = 1100, .on = 4000, .cause = WAIT_POLL, .epoll = 4100, .events = 0);
	WINDOW(script, 1500, WORKER, .off = 10, .on = 1000, .cause = WAIT_LOCK);
	sum = script_finish(script);
	assert_int_equal(sum.request_cpu_ns, 20 * US);
	assert_int_equal(sum.after_response_cpu_ns, 90 * US);
	assert_int_equal(sum.unattributed_cpu_ns, 150 * US);
	assert_int_equal(sum.background_cpu_ns, (1000 + 10 + 500) * US);
	script_close(script);
}

/* Rule 9: an eventfd carries the context to the thread that reads it, as a hint. */
static void test_handoff(void **state)
{
	struct script *script = server();
	struct process sum;
	(void)state;

	script_conn(script, EVENTFD, CONN_PAIR, 0);
	READ(script, 110, MAIN, CLIENT_A, .off = 10, .on = 100, .cause = WAIT_NET, .arrived = 100, .line = "GET /a");
	WRITE(script, 120, MAIN, EVENTFD);
	READ(script, 140, WORKER, EVENTFD, .off = 10, .on = 130, .cause = WAIT_PIPE);
	WINDOW(script, 1200, WORKER, .off = 1140, .on = 1150, .cause = WAIT_PIPE);
	WRITE(script, 2000, MAIN, CLIENT_A, .off = 130, .on = 1160, .cause = WAIT_PIPE, .status = 200);
	sum = script_finish(script);
	assert_int_equal(script->told[0].cpu_time + sum.after_response_cpu_ns / US, 10 + 20 + 840 + 10 + 1000);
	script_close(script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_client_waits),
		cmocka_unit_test(test_blocked_in_a_write),
		cmocka_unit_test(test_partial_write),
		cmocka_unit_test(test_pipelining),
		cmocka_unit_test(test_pipelining_beyond_the_prefix),
		cmocka_unit_test(test_worker_sleeps),
		cmocka_unit_test(test_pipelined_batches),
		cmocka_unit_test(test_fire_and_forget),
		cmocka_unit_test(test_timer),
		cmocka_unit_test(test_pool),
		cmocka_unit_test(test_pool_woken_in_vain),
		cmocka_unit_test(test_pool_slow_look),
		cmocka_unit_test(test_work_after_the_response),
		cmocka_unit_test(test_snapshots_count_once),
		cmocka_unit_test(test_abort),
		cmocka_unit_test(test_long_timeline),
		cmocka_unit_test(test_unclaimed_cpu),
		cmocka_unit_test(test_handoff),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
