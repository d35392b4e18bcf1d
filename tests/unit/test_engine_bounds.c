/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What grows must stop growing: processes that come and go, timelines. Nothing of their time may be lost, and no counter falls. Times in
 * µs.
 */
#include <malloc.h>
#include <stdio.h>

#include "unit/engine_script.h"

enum { MASTER = 1, CHILD = 1000, CHILDREN = 10000, LISTED_MAX = 200 };
enum { CLIENT = 100, HALF_DONE = 20000 };
enum { WORKER = 2, STRETCHES = 10000 };
enum { READER = 9, MAKER = 10, WORKERS = 3, UNFOLDED = 500, DB = 200 }; /* fewer stretches than are folded */

/* A process forks, serves one request on a connection of its own, and exits; its last 10 µs come after the response. */
static void run_child(struct script *script, uint64_t at, uint32_t tgid)
{
	struct record_thread born = {.head = {.at_ns = at * US, .tid = tgid, .kind = RECORD_THREAD},
				     .tgid = tgid,
				     .parent_tid = MASTER,
				     .origin = THREAD_FORKED,
				     .comm = "child"};

	script->threads[1].tid = tgid;
	script->threads[1].span_start_us = at;
	script_feed(script, &born, sizeof(born), NULL);
	script_conn(script, CLIENT, CONN_SERVER, 8080);
	READ(script, at + 10, tgid, CLIENT, .arrived = at, .line = "GET /a");
	WRITE(script, at + 60, tgid, CLIENT, .status = 200);
	script_conn_ended(script, at + 65, CLIENT);
	script_span(script, at + 70, tgid, RECORD_THREAD_EXIT, 0, 0, 0, (struct with){0});
	script_tick(script, at + 80);
	script->count = 0;
}

static struct script *master(void)
{
	struct script *script = script_open();

	script_thread(script, 0, MASTER, MASTER, THREAD_FOUND);
	return script;
}

/* They leave neither memory nor an endless list behind, and all their time stays counted. */
static void test_many_children(void **state)
{
	struct script *script = master();
	struct process processes[LISTED_MAX], sum;
	size_t count, held_bytes = 0;
	(void)state;

	for (uint32_t i = 0; i < CHILDREN; i++) {
		run_child(script, 100ull * (i + 1), CHILD + i);
		if (i == CHILDREN / 10)
			held_bytes = mallinfo2().uordblks;
	}
	assert_true(mallinfo2().uordblks <= held_bytes + 4096);
	count = engine_processes(script->engine, processes, LISTED_MAX);
	assert_true(count < LISTED_MAX);
	assert_int_equal(processes[0].tgid, MASTER);
	assert_int_equal(processes[count - 2].tgid, CHILD + CHILDREN - 1);
	assert_int_equal(processes[count - 1].tgid, 0);
	assert_string_equal(processes[count - 1].comm, "(ended)");
	assert_int_equal(processes[count - 1].threads_created, CHILDREN - (count - 2));
	assert_int_equal(processes[count - 1].cpu_ns, (CHILDREN - (count - 2)) * 70 * US);
	sum = script_finish(script);
	assert_int_equal(sum.request_cpu_ns, CHILDREN * 60 * US);
	script_close(script);
}

/* A child whose request another process's thread still works for is not forgotten, however many come after it. */
static void test_child_that_is_still_named(void **state)
{
	struct script *script = master();
	(void)state;

	script_conn(script, HALF_DONE, CONN_SERVER, 8080);
	run_child(script, 100, CHILD);
	script_thread(script, 200, CHILD + 1, CHILD + 1, THREAD_FORKED);
	READ(script, 210, CHILD + 1, HALF_DONE, .arrived = 205, .line = "GET /long");
	script_span(script, 220, CHILD + 1, RECORD_THREAD_EXIT, 0, 0, 0, (struct with){0});
	script->threads[1].tid = 0;
	for (uint32_t i = 0; i < LISTED_MAX; i++)
		run_child(script, 300 + 100ull * i, CHILD + 2 + i);
	WRITE(script, 90000, MASTER, HALF_DONE, .off = 10, .on = 89900, .cause = WAIT_LOCK, .status = 200);
	script_finish(script);
	assert_int_equal(script->count, 1);
	assert_int_equal(script->told[0].cpu_time, 5 + 10 + 100);
	script_close(script);
}

/* An id that is given to a new process begins a new account. */
static void test_id_used_again(void **state)
{
	struct script *script = master();
	struct process processes[LISTED_MAX];
	(void)state;

	run_child(script, 100, CHILD);
	run_child(script, 200, CHILD);
	assert_int_equal(engine_processes(script->engine, processes, LISTED_MAX), 3);
	for (size_t i = 1; i < 3; i++) {
		assert_int_equal(processes[i].tgid, CHILD);
		assert_int_equal(processes[i].found_at_ns, 100 * i * US);
		assert_int_equal(processes[i].cpu_ns, 70 * US);
	}
	script_finish(script);
	script_close(script);
}

/* There was no room for the account of a thread as it began. It is found again, and its time counts from then on: before, it may have
 * slept. */
static void test_thread_found_after_its_fork(void **state)
{
	struct script *script = master();
	struct process processes[LISTED_MAX];
	(void)state;

	script_thread(script, 100, WORKER, MASTER, THREAD_FORKED);
	script_conn(script, CLIENT, CONN_SERVER, 8080);
	script_thread(script, 5000, WORKER, MASTER, THREAD_FOUND);
	READ(script, 5040, WORKER, CLIENT, .off = 5010, .on = 5030, .cause = WAIT_NET, .arrived = 5030, .line = "GET /a");
	WRITE(script, 5100, WORKER, CLIENT, .status = 200);
	script_finish(script);
	assert_int_equal(engine_processes(script->engine, processes, LISTED_MAX), 1);
	assert_int_equal(processes[0].cpu_ns, (10 + 10 + 60) * US);
	assert_int_equal(processes[0].threads_created, 1);
	assert_int_equal(script->told[0].wall, 5100 - 5030);
	script_close(script);
}

/* The thread works 50 µs, waits 40 for a disk and 10 for a core, and so on. Returns when it ends. */
static uint64_t run_stretches(struct script *script, uint64_t at, uint32_t tid)
{
	for (int i = 0; i < STRETCHES; i++, at += 100)
		WINDOW(script, at + 100, tid, .off = at + 30, .on = at + 80, .ready = 10, .cause = WAIT_DISK);
	return at;
}

/* A worker's segment grows so long that it is folded before anybody knows whose it is: the request gets its states all the same. */
static void test_folded_segment(void **state)
{
	struct script *script = master();
	struct engine_losses losses;
	uint64_t at;
	(void)state;

	script_thread(script, 0, WORKER, MASTER, THREAD_FOUND);
	script_conn(script, CLIENT, CONN_SERVER, 8080);
	READ(script, 110, MASTER, CLIENT, .off = 10, .on = 100, .cause = WAIT_POLL, .epoll = 100, .events = 1, .arrived = 100,
	     .line = "GET /a");
	WINDOW(script, 400, WORKER, .off = 10, .on = 300, .cause = WAIT_LOCK);
	at = run_stretches(script, 400, WORKER);
	WRITE(script, at + 10, WORKER, CLIENT, .status = 200);
	script_finish(script);
	engine_losses(script->engine, &losses);
	assert_true(losses.stretches > 0);
	assert_int_equal(script->told[0].wall, at + 10 - 100);
	assert_int_equal(script->told[0].state[STATE_CPU], 10 + 100 + STRETCHES * 50 + 10);
	assert_int_equal(script->told[0].cpu_time, 10 + 100 + STRETCHES * 50 + 10);
	assert_int_equal(script->told[0].state[STATE_DISK], STRETCHES * 40);
	assert_int_equal(script->told[0].ready[READY_PART_WAKEUP], STRETCHES * 10);
	assert_int_equal(script->told[0].state[STATE_QUEUE], 300 - 110);
	assert_int_equal(script->told[0].state[STATE_OTHER], 0);
	script_close(script);
}

/* Long work after the response is neither in the request's states nor in the CPU time until its end. */
static void test_folded_tail(void **state)
{
	struct script *script = master();
	uint64_t at;
	(void)state;

	script_conn(script, CLIENT, CONN_SERVER, 8080);
	READ(script, 110, MASTER, CLIENT, .off = 10, .on = 100, .cause = WAIT_NET, .arrived = 100, .line = "GET /a");
	WRITE(script, 150, MASTER, CLIENT, .off = 120, .on = 130, .cause = WAIT_LOCK, .status = 200);
	at = run_stretches(script, 150, MASTER);
	READ(script, at + 30, MASTER, CLIENT, .off = at + 10, .on = at + 20, .cause = WAIT_NET, .arrived = at + 20, .line = "GET /b");
	script_finish(script);
	assert_int_equal(script->told[0].wall, 50);
	assert_int_equal(script->told[0].state[STATE_CPU], 40);
	assert_int_equal(script->told[0].cpu_time, 40);
	assert_int_equal(script->told[0].state[STATE_LOCK], 10);
	assert_int_equal(script->told[0].after, STRETCHES * 50 + 10);
	script_close(script);
}

/* Of a segment that is younger than what was found to be its work nothing can be folded but the CPU; that is not lost when it is bound. */
static void test_folded_older_than_begun(void **state)
{
	struct script *script = master();
	struct process sum;
	uint64_t at = 0;
	(void)state;

	script_conn(script, CLIENT, CONN_SERVER, 8080);
	script_thread(script, 0, READER, MASTER, THREAD_FOUND);
	READ(script, 10, READER, CLIENT, .arrived = 10, .line = "GET /a");
	for (uint32_t i = 0; i < WORKERS; i++) {
		script_conn(script, DB + i, CONN_DOWNSTREAM, 5432);
		script_thread(script, 0, WORKER + i, MASTER, THREAD_FOUND);
		WINDOW(script, 100, WORKER + i, .off = 10, .on = 90, .cause = WAIT_LOCK);
		at = 100;
		for (uint32_t stretch = 0; stretch < UNFOLDED; stretch++, at += 100)
			WINDOW(script, at + 100, WORKER + i, .off = at + 30, .on = at + 80, .cause = WAIT_DISK);
	}
	/* Who connects has it all done: the next call on each connection, whoever makes it, is its. */
	script_thread(script, at, MAKER, MASTER, THREAD_FORKED);
	for (uint32_t i = 0; i < WORKERS; i++)
		script_span(script, at + 20 + i, MAKER, RECORD_IO, IO_CONNECT, DB + i, 0, (struct with){0});
	for (uint32_t i = 0; i < WORKERS; i++)
		WRITE(script, at + 100, WORKER + i, DB + i);
	WRITE(script, at + 200, MAKER, CLIENT, .status = 200);
	sum = script_finish(script); /* checks that none is lost */
	assert_int_equal(script->count, 1);
	assert_true(script->told[0].cpu_time >= WORKERS * UNFOLDED * 50);
	assert_int_equal(sum.request_cpu_ns, script->told[0].cpu_time * US);
	script_close(script);
}

static uint64_t request_time_us(const struct script *script)
{
	struct process now[1];

	assert_int_equal(engine_processes(script->engine, now, 1), 1);
	return now[0].request_time_ns / US;
}

/* What was open at a tick was open until then, also where a record that is older comes behind it, and no counter ever falls. */
static void test_open_requests_count_until_the_tick(void **state)
{
	struct script *script = master();
	(void)state;

	script_conn(script, CLIENT, CONN_SERVER, 8080);
	READ(script, 110, MASTER, CLIENT, .off = 10, .on = 100, .cause = WAIT_NET, .arrived = 100, .line = "GET /a");
	assert_int_equal(request_time_us(script), 10);
	script_tick(script, 1000);
	assert_int_equal(request_time_us(script), 900);
	WRITE(script, 980, MASTER, CLIENT, .status = 200);
	assert_int_equal(request_time_us(script), 900);
	script_tick(script, 2000);
	assert_int_equal(request_time_us(script), 900);
	READ(script, 2110, MASTER, CLIENT, .off = 990, .on = 2100, .cause = WAIT_NET, .arrived = 2100, .line = "GET /b");
	WRITE(script, 2200, MASTER, CLIENT, .status = 200);
	assert_int_equal(request_time_us(script), 900 + 100);
	script_finish(script);
	script_close(script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_many_children),           cmocka_unit_test(test_child_that_is_still_named),
		cmocka_unit_test(test_id_used_again),           cmocka_unit_test(test_thread_found_after_its_fork),
		cmocka_unit_test(test_folded_segment),          cmocka_unit_test(test_folded_tail),
		cmocka_unit_test(test_folded_older_than_begun), cmocka_unit_test(test_open_requests_count_until_the_tick),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
