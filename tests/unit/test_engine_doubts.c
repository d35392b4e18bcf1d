/* SPDX-License-Identifier: BSD-2-Clause */
/* Rule 13: how often responses bear out what a thread, or a loop, is taken for decides what is marked. Times in µs. */
#include "engine/line.h"
#include "engine/moment.h"
#include "unit/loop_script.h"

enum { MAIN = LOOP };

/*
 * MAIN reads A and B, who ask one after the other, and both answers. What it reads last it works for; not so if it is switched between two
 * threads of a runtime's own meanwhile, and answers the other one first.
 */
static void serve_both(struct script *script, uint64_t from, bool switched)
{
	READ(script, from + 10, MAIN, CLIENT_A, .line = "GET /a");
	WRITE(script, from + 110, MAIN, DB);
	READ(script, from + 120, MAIN, CLIENT_B, .line = "GET /b");
	WRITE(script, from + 220, MAIN, DB_2);
	READ(script, from + 500, MAIN, DB, .off = from + 230, .on = from + 490, .cause = WAIT_LOCK);
	WRITE(script, from + 600, MAIN, switched ? CLIENT_B : CLIENT_A, .status = 200);
	READ(script, from + 700, MAIN, DB_2, .off = from + 610, .on = from + 690, .cause = WAIT_LOCK);
	WRITE(script, from + 800, MAIN, switched ? CLIENT_A : CLIENT_B, .status = 200);
}

/* C is served alone, and nothing contradicts. executes: by the next program in that process. */
static bool marks_alone(bool switched_before, bool executes)
{
	struct script *script = server();
	bool marked;

	serve_both(script, 0, switched_before);
	if (executes)
		script_thread(script, 800, MAIN, MAIN, THREAD_EXECED);
	READ(script, 1010, MAIN, CLIENT_C, .off = 810, .on = 1000, .cause = WAIT_LOCK, .line = "GET /c");
	WRITE(script, 1110, MAIN, DB_3);
	READ(script, 1500, MAIN, DB_3, .off = 1120, .on = 1490, .cause = WAIT_LOCK);
	WRITE(script, 1600, MAIN, CLIENT_C, .status = 200);
	script_finish(script);
	marked = told_of(script, "GET /c")->ambiguous;
	script_close(script);
	return marked;
}

static void test_thread_is_switched_unseen(void **state)
{
	(void)state;
	assert_false(marks_alone(false, false));
	assert_true(marks_alone(true, false));
	assert_false(marks_alone(true, true));
}

/*
 * Two threads wait at one epoll fd, and 1 response in 10 comes from the thread that seemed to work for another request. Loops that run each
 * other's tasks do that; a JVM's threads may run virtual threads, which show only later, and what was told until then stays told.
 */
static bool marks_sharing(enum runtime runtime)
{
	struct script *script = server();
	uint64_t at = 1000;
	bool marked;

	script_runtime(script, LOOP, runtime);
	script_thread(script, 0, OTHER_LOOP, LOOP, THREAD_FOUND);
	READ(script, 100, LOOP, CLIENT_D, SLEPT(10, 90, 1), .line = "GET /d");
	WRITE(script, 110, LOOP, CLIENT_D, .status = 200);
	WINDOW(script, 120, OTHER_LOOP, .epoll = 115, .events = 1);
	for (uint64_t i = 0; i < 20; i++)
		doubts_vote(thread_of(script->engine, LOOP)->proc, DOUBT_THREAD, i % 10);
	READ(script, at, LOOP, CLIENT_A, SLEPT(at - 90, at - 20, 1), .line = "GET /a");
	WRITE(script, at + 100, LOOP, CLIENT_A, .status = 200);
	script_finish(script);
	marked = told_of(script, "GET /a")->ambiguous;
	script_close(script);
	return marked;
}

static void test_threads_that_share_in_a_jvm(void **state)
{
	(void)state;
	assert_false(marks_sharing(RUNTIME_NATIVE));
	assert_true(marks_sharing(RUNTIME_JVM));
}

/* C is served alone, by a thread that runs strands nobody tells of; so many responses bear that out, and one did not. */
static bool marks_strands(uint64_t right, bool contradicted)
{
	struct script *script = server();
	struct thread *thread;
	bool marked;

	WINDOW(script, 10, LOOP, .off = 2, .on = 8, .cause = WAIT_LOCK);
	thread = thread_of(script->engine, LOOP);
	thread->hides_strands = thread->proc->hides_strands = true;
	for (uint64_t i = 0; i < right; i++)
		doubts_vote(thread->proc, DOUBT_THREAD, true);
	if (contradicted)
		serve_both(script, 0, true);
	READ(script, 1010, MAIN, CLIENT_C, .off = 810, .on = 1000, .cause = WAIT_LOCK, .line = "GET /c");
	WRITE(script, 1600, MAIN, CLIENT_C, .status = 200);
	script_finish(script);
	marked = told_of(script, "GET /c")->ambiguous;
	script_close(script);
	return marked;
}

static void test_strands_that_nobody_tells_of(void **state)
{
	(void)state;
	assert_false(marks_strands(100, false));
	assert_true(marks_strands(100, true));
}

/*
 * A is answered rounds after it was read, as nobody's work. A loop of callbacks does that behind its back; tasks do, as a rule, unless so
 * many were answered in their own turns.
 */
static bool marks_later(enum runtime runtime, uint64_t borne_out)
{
	struct script *script = server();
	uint64_t at = 1000;
	bool marked;

	script_runtime(script, LOOP, runtime);
	for (uint64_t i = 0; i < borne_out; i++) {
		READ(script, 110 + 200 * i, LOOP, CLIENT_B, SLEPT(10 + 200 * i, 100 + 200 * i, 1), .line = "GET /b");
		WRITE(script, 205 + 200 * i, LOOP, CLIENT_B, .status = 200);
	}
	READ(script, at + 10, LOOP, CLIENT_A, SLEPT(at - 20, at, 1), .line = "GET /a");
	WINDOW(script, at + 100, LOOP, .epoll = at + 50);
	WRITE(script, at + 310, LOOP, CLIENT_A, .off = at + 110, .on = at + 300, .cause = WAIT_POLL, .epoll = at + 305, .status = 200);
	script_finish(script);
	marked = told_of(script, "GET /a")->ambiguous;
	script_close(script);
	return marked;
}

static void test_tasks_must_be_borne_out(void **state)
{
	(void)state;
	assert_false(marks_later(RUNTIME_NODE, 0));
	assert_true(marks_later(RUNTIME_PYTHON, 0));
	assert_true(marks_later(RUNTIME_PYTHON, 1));
	assert_false(marks_later(RUNTIME_PYTHON, 4));
}

/*
 * Eight responses came in the loop's own turn, and two did not; of its order, where it had one, one was right or none. What seems to be a
 * loop of a JVM's may run virtual threads.
 */
static bool marks_turn(bool order_right, enum runtime runtime)
{
	struct proc proc = {.told.runtime = runtime};
	struct context request = {.proc = &proc, .is_request = true, .doubts = 1u << DOUBT_TURN};

	for (int i = 0; i < 10; i++)
		doubts_vote(&proc, DOUBT_TURN, i >= 2);
	doubts_vote(&proc, DOUBT_ORDER, order_right);
	doubts_settle(&request);
	return request.ambiguous;
}

static void test_loop_that_does_neither(void **state)
{
	(void)state;
	assert_false(marks_turn(true, RUNTIME_NODE));
	assert_true(marks_turn(false, RUNTIME_NODE));
	assert_true(marks_turn(true, RUNTIME_JVM));
}

/* A goes on when a timer has run out. Of a loop whose turns are mostly mistaken that does not tell that it has slept. */
static uint64_t slept_us(unsigned int wrong)
{
	struct script *script = server();
	uint64_t us;

	READ(script, 110, LOOP, CLIENT_A, SLEPT(10, 100, 1), .line = "GET /a");
	WINDOW(script, 120, LOOP, SLEPT(115, 118, 1));
	for (unsigned int i = 0; i < wrong; i++)
		doubts_vote(thread_of(script->engine, LOOP)->proc, DOUBT_TURN, false);
	WRITE(script, 610, LOOP, CLIENT_A, SLEPT(130, 600, 0), .status = 200);
	script_finish(script);
	us = told_of(script, "GET /a")->state[STATE_SLEEP];
	script_close(script);
	return us;
}

static void test_mistaken_turns_tell_of_no_wait(void **state)
{
	(void)state;
	assert_in_range(slept_us(0), 450, 500);
	assert_int_equal(slept_us(8), 0);
}

/*
 * A waits for a connection, and what has one is nobody's who is known: it asks on it again in the callback of its answer. If the line has
 * been wrong too often to be asked who goes on there, that may be anybody.
 */
static bool marks_unnamed_work(unsigned int wrong)
{
	struct script *script = server();
	bool marked;

	answer(script, 50, 10); /* to what was asked before the trace */
	READ(script, 100, LOOP, CLIENT_A, SLEPT(60, 90, 1), .line = "GET /a");
	WRITE(script, 150, LOOP, DB_2);
	READ(script, 300, LOOP, DB_2, SLEPT(160, 290, 1));
	for (unsigned int i = 0; i < wrong; i++)
		doubts_vote(thread_of(script->engine, LOOP)->proc, DOUBT_LINE, false);
	WINDOW(script, 410, LOOP, SLEPT(400, 405, 1)); /* it waits */
	answer(script, 1000, 450);                     /* to what else was asked before the trace */
	WRITE(script, 1010, LOOP, DB);
	answer(script, 2000, 1020);
	WRITE(script, 2100, LOOP, CLIENT_A, .status = 200);
	script_finish(script);
	marked = told_of(script, "GET /a")->ambiguous;
	script_close(script);
	return marked;
}

static void test_line_is_given_up(void **state)
{
	(void)state;
	assert_false(marks_unnamed_work(0));
	assert_true(marks_unnamed_work(6));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_thread_is_switched_unseen),
		cmocka_unit_test(test_threads_that_share_in_a_jvm),
		cmocka_unit_test(test_strands_that_nobody_tells_of),
		cmocka_unit_test(test_tasks_must_be_borne_out),
		cmocka_unit_test(test_loop_that_does_neither),
		cmocka_unit_test(test_mistaken_turns_tell_of_no_wait),
		cmocka_unit_test(test_line_is_given_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
