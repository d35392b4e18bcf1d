/* SPDX-License-Identifier: BSD-2-Clause */
/* Rule 16: how it shows that threads run strands in turns which no hook tells of, as Java's virtual threads. Times in µs. */
#include "engine/moment.h"
#include "unit/loop_script.h"

enum { FIRST = LOOP, SECOND = OTHER_LOOP, THIRD = 1000 };
enum { POLLER = 5, OTHER_POLLER = 6, OWN_POLLER = 7 };

static struct script *two_threads(void)
{
	struct script *script = server();

	script_runtime(script, FIRST, RUNTIME_JVM);
	script_thread(script, 0, SECOND, FIRST, THREAD_FOUND);
	return script;
}

/* The thread looks at an epoll fd. */
static void look_at(struct script *script, uint64_t at, uint32_t tid, int32_t epoll_fd)
{
	WINDOW(script, at, tid, .epoll = at - 1, .epoll_fd = epoll_fd);
}

static bool hides_strands(const struct script *script, uint32_t tid)
{
	return thread_of(script->engine, tid)->hides_strands;
}

/* What waits at an epoll fd goes on wherever it is let: whoever is free looks at this one or at the other one. */
static void take_turns(struct script *script)
{
	look_at(script, 10, FIRST, POLLER);
	look_at(script, 20, SECOND, OTHER_POLLER);
	look_at(script, 30, SECOND, POLLER);
	look_at(script, 40, FIRST, OTHER_POLLER);
}

/* tokio's threads take turns too, but what lets its tasks go on is told apart: they hide nothing. */
static void test_tasks_take_turns(void **state)
{
	struct script *script = two_threads();
	(void)state;

	script_runtime(script, FIRST, RUNTIME_RUST);
	take_turns(script);
	assert_false(hides_strands(script, FIRST) || hides_strands(script, SECOND));
	script_close(script);
}

/*
 * B has had its answer, and waits for a lock; A asks, and finds no answer yet. What the thread does then, and asks on B's own connection,
 * is not A's, though it has shown nothing of B: B's response says so.
 */
static void test_takes_turns(void **state)
{
	struct script *script = two_threads();
	(void)state;

	take_turns(script);
	assert_true(hides_strands(script, FIRST));
	READ(script, 100, FIRST, CLIENT_B, .line = "GET /b");
	WRITE(script, 200, FIRST, DB);
	READ_NOTHING(script, 210, FIRST, DB);
	READ(script, 300, FIRST, DB);
	READ(script, 310, FIRST, CLIENT_A, .line = "GET /a");
	WRITE(script, 410, FIRST, DB_2);
	READ_NOTHING(script, 420, FIRST, DB_2);
	WRITE(script, 820, FIRST, DB_3);
	READ_NOTHING(script, 830, FIRST, DB_3);
	READ(script, 900, FIRST, DB_3, SLEPT(830, 890, 1), .epoll_fd = POLLER);
	WRITE(script, 1000, FIRST, CLIENT_B, .status = 200);
	READ(script, 1100, FIRST, DB_2, SLEPT(1000, 1090, 1), .epoll_fd = POLLER);
	WRITE(script, 1200, FIRST, CLIENT_A, .status = 200);
	script_finish(script);
	assert_int_equal(told_of(script, "GET /a")->call_count, 1);
	assert_int_equal(told_of(script, "GET /b")->call_count, 2);
	assert_in_range(told_of(script, "GET /a")->cpu_time, 200, 240);
	assert_in_range(told_of(script, "GET /b")->cpu_time, 700, 760);
	script_close(script);
}

/* The one that seemed to be a loop at an epoll fd shows to be none when a thread that runs strands looks there; so does who comes later. */
static void test_one_tells_of_all(void **state)
{
	struct script *script = two_threads();
	(void)state;

	look_at(script, 10, FIRST, POLLER);
	READ(script, 100, SECOND, CLIENT_A, .line = "GET /a");
	WRITE(script, 110, SECOND, DB);
	READ(script, 200, SECOND, DB, .off = 120, .on = 190, .cause = WAIT_NET);
	WRITE(script, 300, SECOND, DB);
	assert_false(hides_strands(script, SECOND)); /* it has slept for its answer, as threads do */
	READ(script, 310, SECOND, CLIENT_B, .line = "GET /b");
	assert_true(hides_strands(script, SECOND)); /* now it has not */
	assert_false(hides_strands(script, FIRST));
	look_at(script, 400, SECOND, POLLER);
	assert_true(hides_strands(script, FIRST));
	script_close(script);
}

/* One that asks for nothing that would ever be answered, or several at once, turns to nobody else. */
static void test_asks_several(void **state)
{
	struct script *script = two_threads();
	(void)state;

	READ(script, 100, FIRST, CLIENT_A, .line = "GET /a");
	WRITE(script, 110, FIRST, DB);
	WRITE(script, 120, FIRST, DB_2);
	READ(script, 200, FIRST, DB, .off = 130, .on = 190, .cause = WAIT_NET);
	READ(script, 210, FIRST, DB_2);
	WRITE(script, 220, FIRST, DB);
	WRITE(script, 230, FIRST, DB_2);
	READ(script, 240, FIRST, DB_2);
	READ(script, 250, FIRST, DB);
	WRITE(script, 260, FIRST, DB_3); /* a log's */
	WRITE(script, 270, FIRST, CLIENT_A, .status = 200);
	READ(script, 300, FIRST, CLIENT_B, .line = "GET /b");
	WRITE(script, 310, FIRST, DB_3);
	READ(script, 320, FIRST, CLIENT_C, .line = "GET /c");
	assert_false(hides_strands(script, FIRST));
	script_close(script);
}

/*
 * A loop runs another one for a while, as Node's does where it waits for a program; its number is given to a worker's then. Nobody but
 * itself ever waits at its own.
 */
static void test_number_is_given_again(void **state)
{
	struct script *script = two_threads();
	(void)state;

	look_at(script, 10, FIRST, POLLER);
	look_at(script, 20, FIRST, OTHER_POLLER);
	look_at(script, 30, FIRST, POLLER);
	look_at(script, 40, SECOND, OTHER_POLLER);
	look_at(script, 50, FIRST, OTHER_POLLER);
	look_at(script, 60, FIRST, POLLER);
	look_at(script, 70, SECOND, OTHER_POLLER);
	assert_false(hides_strands(script, FIRST) || hides_strands(script, SECOND));
	script_close(script);
}

/* A virtual thread computes for as long as it likes. */
static void test_is_not_taken_off(void **state)
{
	struct script *script = two_threads();
	(void)state;

	take_turns(script);
	READ(script, 100, FIRST, CLIENT_A, .line = "GET /a");
	WRITE(script, 40100, FIRST, CLIENT_A, .off = 200, .on = 30200, .ready = 30000, .cause = WAIT_RUNNABLE, .status = 200);
	script_finish(script);
	assert_int_equal(told_of(script, "GET /a")->state[STATE_CPU], 100 + 9900);
	assert_int_equal(told_of(script, "GET /a")->state[STATE_READY], 30000);
	script_close(script);
}

/* Threads of the next program are told anew. */
static void test_exec(void **state)
{
	struct script *script = two_threads();
	(void)state;

	take_turns(script);
	script_thread(script, 100, FIRST, FIRST, THREAD_EXECED);
	assert_false(hides_strands(script, FIRST));
	look_at(script, 110, FIRST, POLLER);
	assert_false(hides_strands(script, FIRST));
	assert_non_null(thread_of(script->engine, FIRST)->continuations); /* it is a loop, of its own */
	script_close(script);
}

/* Those that were taken for loops are no more, and are not taken off the number of loops once more as they end. */
static void test_are_no_loops(void **state)
{
	struct script *script = two_threads();
	const struct process *told;
	(void)state;

	script_thread(script, 0, THIRD, FIRST, THREAD_FOUND);
	take_turns(script);
	look_at(script, 50, THIRD, OWN_POLLER);
	told = &thread_of(script->engine, THIRD)->proc->told;
	assert_int_equal(told->loop_threads, 1);
	thread_remove(script->engine, thread_of(script->engine, FIRST));
	thread_remove(script->engine, thread_of(script->engine, SECOND));
	assert_int_equal(told->loop_threads, 1);
	script_close(script);
}

/* What FIRST asks another thread reads the answers to. */
static struct script *read_apart(enum runtime runtime, bool loop)
{
	struct script *script = two_threads();

	script_runtime(script, FIRST, runtime);
	if (loop)
		look_at(script, 10, FIRST, POLLER);
	READ(script, 100, FIRST, CLIENT_A, .line = "GET /a");
	WRITE(script, 200, FIRST, DB);
	return script;
}

/*
 * It seems to be a loop, turns to B, and goes on for A before it answers B: nothing shows where A's part ends, and neither response
 * contradicts that. C shows that it was read and answered at once.
 */
static bool marks_who_went_on_unseen(enum runtime runtime)
{
	struct script *script = read_apart(runtime, true);
	bool ambiguous;

	READ(script, 210, FIRST, CLIENT_B, .line = "GET /b");
	WRITE(script, 300, FIRST, DB_2);
	READ(script, 310, SECOND, DB, .off = 20, .on = 300, .cause = WAIT_NET);
	READ(script, 320, SECOND, DB_2);
	WRITE(script, 700, FIRST, CLIENT_B, .status = 200);
	WRITE(script, 800, FIRST, CLIENT_A, .status = 200);
	READ(script, 810, FIRST, CLIENT_C, .line = "GET /c");
	WRITE(script, 900, FIRST, CLIENT_C, .status = 200);
	script_finish(script);
	assert_false(told_of(script, "GET /c")->ambiguous);
	ambiguous = told_of(script, "GET /b")->ambiguous;
	assert_int_equal(told_of(script, "GET /a")->ambiguous, ambiguous);
	script_close(script);
	return ambiguous;
}

static void test_let_go_on_unseen(void **state)
{
	(void)state;
	assert_true(marks_who_went_on_unseen(RUNTIME_JVM));
	assert_false(marks_who_went_on_unseen(RUNTIME_NODE));
}

/* A thread sleeps until another one has its answer, be it that it has looked at an epoll fd before: it turns to nobody else. */
static void test_waits_for_who_reads(void **state)
{
	(void)state;
	for (int loop = 0; loop < 2; loop++) {
		struct script *script = read_apart(RUNTIME_JVM, loop);

		READ(script, 310, SECOND, DB, .off = 20, .on = 300, .cause = WAIT_NET);
		WRITE(script, 500, FIRST, CLIENT_A, .off = 205, .on = 320, .cause = WAIT_LOCK, .status = 200);
		script_finish(script);
		assert_false(told_of(script, "GET /a")->ambiguous);
		script_close(script);
	}
}

/* THIRD, of which nothing is known, asks twice for A: the second time before it has read the answer, or not. Who waits for that cannot. */
static bool marks_asked_beside(bool untold, bool beside)
{
	struct script *script = two_threads();
	bool marked;

	script_thread(script, 0, THIRD, FIRST, THREAD_FOUND);
	if (untold)
		take_turns(script);
	READ(script, 100, THIRD, CLIENT_A, .line = "GET /a");
	WRITE(script, 200, THIRD, DB);
	if (beside)
		WRITE(script, 250, THIRD, DB_2);
	READ(script, 500, THIRD, DB, .off = 260, .on = 490, .cause = WAIT_LOCK);
	if (!beside)
		WRITE(script, 550, THIRD, DB_2);
	READ(script, 900, THIRD, DB_2, .off = 560, .on = 890, .cause = WAIT_LOCK);
	WRITE(script, 1000, THIRD, CLIENT_A, .status = 200);
	script_finish(script);
	marked = told_of(script, "GET /a")->ambiguous;
	script_close(script);
	return marked;
}

static void test_asks_beside(void **state)
{
	(void)state;
	assert_true(marks_asked_beside(true, true));
	assert_false(marks_asked_beside(true, false));
	assert_false(marks_asked_beside(false, true));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_takes_turns),         cmocka_unit_test(test_tasks_take_turns),
		cmocka_unit_test(test_one_tells_of_all),    cmocka_unit_test(test_asks_several),
		cmocka_unit_test(test_asks_beside),         cmocka_unit_test(test_number_is_given_again),
		cmocka_unit_test(test_is_not_taken_off),    cmocka_unit_test(test_exec),
		cmocka_unit_test(test_are_no_loops),        cmocka_unit_test(test_let_go_on_unseen),
		cmocka_unit_test(test_waits_for_who_reads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
