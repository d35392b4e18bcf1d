/* SPDX-License-Identifier: BSD-2-Clause */
/* Rule 9, of a loop that runs tasks: what threads have done for these, and call in at it with. Times in µs. */
#include "engine/model.h"
#include "unit/task_script.h"

/* By a byte of its own. */
#define WAKES_LOOP(script, at, tid, ...) script_span(script, at, tid, RECORD_IO, IO_WRITE, WAKES, 1, (struct with){__VA_ARGS__})

enum { WORKER = 2, OTHER_WORKER };
enum { WAKES = 300, WOKEN_BY, CLIENT_C };

/* Both tasks have left to threads what is to be done for their requests, at 1090; the loop sleeps. */
static struct script *server_with_threads(void)
{
	struct script *script;

	script = server_with_tasks();
	script_thread(script, 0, WORKER, LOOP, THREAD_FOUND);
	script_thread(script, 0, OTHER_WORKER, LOOP, THREAD_FOUND);
	script_socketpair(script, WAKES, WOKEN_BY);
	script_conn(script, CLIENT_C, CONN_SERVER, 8080);
	RUNS(script, 1010, LOOP, 100, POLLED(100, 1000, 2));
	READ(script, 1020, LOOP, CLIENT_A, .arrived = 1000, .line = "GET /a");
	WOKEN(script, 1030, LOOP, TASK_A);
	RUNS(script, 1040, LOOP, 101, ENDS);
	READ(script, 1050, LOOP, CLIENT_B, .arrived = 1000, .line = "GET /b");
	WOKEN(script, 1060, LOOP, TASK_B);
	RUNS(script, 1070, LOOP, TASK_A, ENDS, .epoll = 1065, .events = 0);
	RUNS(script, 1080, LOOP, TASK_B, .left = WAIT_PIPE);
	RUNS(script, 1090, LOOP, 0, .left = WAIT_PIPE);
	return script;
}

/* It computes 600 and 400 for one of them, with a call in between that takes until 2000, and is done at 2400. */
static void work_for_a(struct script *script)
{
	WRITE(script, 1700, WORKER, DB, .off = 10, .on = 1100, .cause = WAIT_LOCK);
	READ(script, 2010, WORKER, DB, .off = 1710, .on = 2000, .cause = WAIT_NET, .arrived = 2000);
}

/* A callback of nobody's lets the task go on, which answers. */
static void answer_by(struct script *script, uint64_t at, uint64_t task, uint64_t client)
{
	WOKEN(script, at + 5, LOOP, task);
	RUNS(script, at + 10, LOOP, task, ENDS);
	WRITE(script, at + 20, LOOP, client, .status = 200);
	RUNS(script, at + 30, LOOP, 0, .left = WAIT_PIPE);
}

/* It is the first since the loop, which slept from `since` until `woken`. */
static void go_on(struct script *script, uint64_t at, uint64_t since, uint64_t woken, uint64_t task, uint64_t client)
{
	RUNS(script, at, LOOP, 200 + at, .left = WAIT_PIPE, POLLED(since, woken, 1));
	answer_by(script, at, task, client);
}

/* Others have been behind that. */
static void go_on_at_once(struct script *script, uint64_t at, uint64_t task, uint64_t client)
{
	RUNS(script, at, LOOP, 200 + at, .left = WAIT_PIPE);
	answer_by(script, at, task, client);
}

static void assert_told(const struct script *script, const char *line, uint64_t cpu_us, size_t calls, bool ambiguous)
{
	const struct told *told = told_of(script, line);

	assert_in_range(told->cpu_time, cpu_us, cpu_us + 120);
	assert_int_equal(told->call_count, calls);
	assert_int_equal(told->ambiguous, ambiguous);
}

/* What a thread has done is the request's whose task the loop goes on with. */
static void threads_work_for_tasks(void **state)
{
	struct script *script = server_with_threads();
	(void)state;

	work_for_a(script);
	WAKES_LOOP(script, 2410, WORKER);
	go_on(script, 2430, 1100, 2420, TASK_A, CLIENT_A);
	/* It takes the next at once. */
	WAKES_LOOP(script, 3210, WORKER);
	go_on(script, 3230, 2470, 3220, TASK_B, CLIENT_B);
	script_finish(script);
	assert_told(script, "GET /a", 600 + 10 + 400, 1, false);
	assert_int_equal(told_of(script, "GET /a")->state[STATE_NET], 2000 - 1710);
	assert_told(script, "GET /b", 800, 0, false);
	script_close(script);
}

/* The loop may run, answer, and read what comes next, before the thread that has woken it says so. */
static void a_loop_may_go_on_sooner(void **state)
{
	struct script *script = server_with_threads();
	(void)state;

	work_for_a(script);
	go_on(script, 2430, 1100, 2420, TASK_A, CLIENT_A);
	RUNS(script, 2480, LOOP, 103, .left = WAIT_PIPE, POLLED(2465, 2475, 1));
	READ(script, 2490, LOOP, CLIENT_A, .arrived = 2470, .line = "GET /next");
	WAKES_LOOP(script, 2500, WORKER, .off = 2410, .on = 2495, .ready = 85, .cause = WAIT_RUNNABLE);
	script_finish(script);
	assert_told(script, "GET /a", 600 + 10 + 400, 1, false);
	script_close(script);
}

/* One was taken off its core before it woke the loop, and another one woke it meanwhile: who had left its own to the loop first? */
static void who_was_first_may_be_open(void **state)
{
	struct script *script = server_with_threads();
	(void)state;

	work_for_a(script);
	WAKES_LOOP(script, 2450, OTHER_WORKER, .off = 20, .on = 1600, .cause = WAIT_LOCK);
	WAKES_LOOP(script, 2510, WORKER, .off = 2410, .on = 2505, .ready = 95, .cause = WAIT_RUNNABLE);
	go_on(script, 2530, 1100, 2450, TASK_A, CLIENT_A);
	go_on_at_once(script, 2570, TASK_B, CLIENT_B);
	script_finish(script);
	assert_true(told_of(script, "GET /a")->ambiguous);
	assert_true(told_of(script, "GET /b")->ambiguous);
	script_close(script);
}

/* What had begun before a request came was not done for that, whose task may go on first all the same. */
static void what_began_before_is_anothers(void **state)
{
	struct script *script = server_with_threads();
	(void)state;

	RUNS(script, 1410, LOOP, 104, .left = WAIT_PIPE, POLLED(1095, 1400, 1));
	READ(script, 1420, LOOP, CLIENT_C, .arrived = 1400, .line = "GET /c");
	WOKEN(script, 1430, LOOP, CHILD);
	RUNS(script, 1440, LOOP, CHILD, ENDS);
	RUNS(script, 1450, LOOP, 0, .left = WAIT_PIPE);
	work_for_a(script);
	WAKES_LOOP(script, 2410, WORKER);
	WAKES_LOOP(script, 2850, OTHER_WORKER, .off = 20, .on = 1500, .cause = WAIT_LOCK);
	go_on(script, 2900, 1460, 2420, CHILD, CLIENT_C);
	go_on_at_once(script, 2940, TASK_A, CLIENT_A);
	script_finish(script);
	assert_told(script, "GET /a", 600 + 10 + 400, 1, false);
	assert_told(script, "GET /c", 1350 + 40, 0, false);
	script_close(script);
}

/* A thread that serves a request of its own may wake the loop in the midst of it: it has done nothing for a task. */
static void who_serves_its_own_calls_nothing_in(void **state)
{
	struct script *script = server_with_threads();
	(void)state;

	script_conn(script, CLIENT_C, CONN_SERVER, 8080);
	READ(script, 1610, OTHER_WORKER, CLIENT_C, .off = 20, .on = 1600, .cause = WAIT_NET, .arrived = 1600, .line = "GET /c");
	work_for_a(script);
	WAKES_LOOP(script, 2450, OTHER_WORKER);
	WAKES_LOOP(script, 2510, WORKER, .off = 2410, .on = 2505, .ready = 95, .cause = WAIT_RUNNABLE);
	go_on(script, 2530, 1100, 2450, TASK_A, CLIENT_A);
	WRITE(script, 2650, OTHER_WORKER, CLIENT_C, .status = 200);
	script_finish(script);
	assert_told(script, "GET /a", 600 + 10 + 400, 1, false);
	assert_told(script, "GET /c", 2650 - 1600, 0, false);
	script_close(script);
}

/* A timer's callbacks let a task of B's go on, for which no thread has done anything, until 162020. */
static void timers_let_tasks_go_on(struct script *script)
{
	for (uint64_t i = 0; i < 20; i++) {
		uint64_t at = 10000 + i * 8000;

		RUNS(script, at, LOOP, 300 + i, .left = WAIT_PIPE, POLLED(at - 5000, at - 10, 0));
		WOKEN(script, at + 5, LOOP, TASK_B);
		RUNS(script, at + 10, LOOP, TASK_B, .left = WAIT_SLEEP);
		RUNS(script, at + 20, LOOP, 0, .left = WAIT_PIPE);
	}
}

/* Where they do so often, what is called in may be another one's. */
static void others_may_let_tasks_go_on(void **state)
{
	struct script *script = server_with_threads();
	(void)state;

	timers_let_tasks_go_on(script);
	WAKES_LOOP(script, 180000, WORKER, .off = 10, .on = 179000, .cause = WAIT_LOCK);
	go_on(script, 180010, 165000, 179950, TASK_B, CLIENT_B);
	script_finish(script);
	assert_true(told_of(script, "GET /b")->ambiguous);
	script_close(script);
}

/* What one program's threads and tasks did says nothing of the next one's. */
static void another_program_begins_anew(void **state)
{
	struct script *script = server_with_threads();
	const struct proc *proc = thread_of(script->engine, LOOP)->proc;
	(void)state;

	work_for_a(script);
	WAKES_LOOP(script, 2410, WORKER);
	assert_non_null(proc->calls_in);
	script_thread(script, 3000, LOOP, LOOP, THREAD_EXECED);
	assert_null(proc->calls_in);
	script_finish(script);
	script_close(script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(threads_work_for_tasks),
		cmocka_unit_test(a_loop_may_go_on_sooner),
		cmocka_unit_test(who_was_first_may_be_open),
		cmocka_unit_test(what_began_before_is_anothers),
		cmocka_unit_test(who_serves_its_own_calls_nothing_in),
		cmocka_unit_test(others_may_let_tasks_go_on),
		cmocka_unit_test(another_program_begins_anew),
	};

	return cmocka_run_group_tests_name("engine: threads that work for a loop's tasks", tests, NULL, NULL);
}
