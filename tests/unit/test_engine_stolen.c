/* SPDX-License-Identifier: BSD-2-Clause */
/* Stolen time: what the scheduler did not charge is known only when the thread leaves its core. Times in µs. */
#include "unit/thread_script.h"

/* Stolen time is found out at the switch-out, also when a snapshot had given its core time away before. */
static void test_stolen_time(void **state)
{
	struct script *script = server_of_one_thread();
	(void)state;

	READ(script, 110, MAIN, CLIENT_A, .off = 10, .on = 100, .cause = WAIT_NET, .arrived = 100, .line = "GET /a");
	WRITE(script, 3110, MAIN, CLIENT_A, .off = 2000, .on = 2500, .stolen = 40, .ready = 500, .cause = WAIT_RUNNABLE, .status = 200);
	SNAPSHOT(script, 4110, MAIN, .flags = RECORD_ON_CORE);
	READ(script, 9010, MAIN, CLIENT_A, .off = 4200, .on = 9000, .stolen = 100, .cause = WAIT_NET, .arrived = 9000, .line = "GET /b");
	WRITE(script, 9110, MAIN, CLIENT_A, .off = 9050, .on = 9100, .stolen = 2, .ready = 50, .cause = WAIT_RUNNABLE, .status = 200);
	script_finish(script);
	assert_int_equal(script->count, 2);
	assert_int_equal(script->told[0].ready[READY_PART_STOLEN], 40);
	assert_int_equal(script->told[0].ready[READY_PART_PREEMPTED], 500);
	assert_int_equal(script->told[0].involuntary, 1);
	assert_int_equal(script->told[0].state[STATE_CPU], 3010 - 540);
	script_close(script);
}

/* More was stolen than the thread ran since it answered: it was stolen from the request. Nothing runs afterwards to take it of. */
static void test_stolen_before_the_answer(void **state)
{
	struct script *script = server_of_one_thread();
	struct process now[1];
	(void)state;

	READ(script, 110, MAIN, CLIENT_A, .off = 10, .on = 100, .cause = WAIT_NET, .arrived = 100, .line = "GET /a");
	WRITE(script, 3110, MAIN, CLIENT_A, .status = 200);
	WINDOW(script, 3200, MAIN, .off = 3130, .on = 3190, .stolen = 2700, .cause = WAIT_OTHER);
	script_finish(script);
	assert_int_equal(engine_processes(script->engine, now, 1), 1);
	assert_int_equal(now[0].cpu_ns / US, script->charged_us);
	assert_int_equal(script->told[0].ready[READY_PART_STOLEN], 2700);
	assert_int_equal(script->told[0].state[STATE_CPU], 3010 - 2700);
	assert_int_equal(script->told[0].after, 20);
	script_close(script);
}

/* The same of what is not given away yet, of a thread whose latest stint is not what it was stolen from. */
static void test_stolen_before_a_call(void **state)
{
	struct script *script = server_of_one_thread();
	(void)state;

	READ(script, 110, MAIN, CLIENT_A, .off = 10, .on = 100, .cause = WAIT_NET, .arrived = 100, .line = "GET /a");
	WINDOW(script, 1000, MAIN, .off = 600, .on = 800, .ready = 200, .cause = WAIT_RUNNABLE);
	WRITE(script, 2000, MAIN, DB);
	READ(script, 9010, MAIN, DB, .off = 2010, .on = 9000, .stolen = 1700, .cause = WAIT_NET, .arrived = 9000);
	WRITE(script, 9510, MAIN, CLIENT_A, .status = 200);
	script_finish(script);
	/* This stint has only 1210: the rest is owed, and taken of what it runs next. */
	assert_int_equal(script->told[0].ready[READY_PART_STOLEN], 1700);
	assert_int_equal(script->told[0].ready[READY_PART_PREEMPTED], 200);
	assert_int_equal(script->told[0].state[STATE_CPU], 500 + 20);
	script_close(script);
}

/* Others' requests were answered since, too short for what was stolen: it was the long one's, though that is answered as well. */
static void test_stolen_before_others_answers(void **state)
{
	struct script *script = server_of_one_thread();
	const struct told *a;
	(void)state;

	READ(script, 110, MAIN, CLIENT_A, .off = 10, .on = 100, .cause = WAIT_NET, .arrived = 100, .line = "GET /a");
	WRITE(script, 3110, MAIN, CLIENT_A, .status = 200);
	for (uint64_t at = 3200; at < 3200 + 10 * 200; at += 200) {
		READ(script, at, MAIN, CLIENT_B, .arrived = at - 50, .line = "GET /b");
		WRITE(script, at + 100, MAIN, CLIENT_B, .status = 200);
	}
	WINDOW(script, 5300, MAIN, .off = 5200, .on = 5290, .stolen = 2700, .cause = WAIT_OTHER);
	script_finish(script);
	a = told_of(script, "GET /a");
	assert_int_equal(a->ready[READY_PART_STOLEN], 2700);
	assert_int_equal(a->cpu_time, 3010 - 2700);
	assert_int_equal(told_of(script, "GET /b")->ready[READY_PART_STOLEN], 0);
	script_close(script);
}

/* What it had run until then of two is one stretch of the same request's by now: what is stolen of it lies within. */
static void test_stolen_in_the_middle(void **state)
{
	struct script *script = server_of_one_thread();
	struct process sum;
	(void)state;

	READ(script, 110, MAIN, CLIENT_A, .off = 10, .on = 100, .cause = WAIT_NET, .arrived = 100, .line = "GET /a");
	WRITE(script, 3110, MAIN, CLIENT_A, .status = 200);
	/* This soft tail is bound to its request. */
	WINDOW(script, 3900, MAIN, .off = 3600, .on = 3890, .stolen = 2700, .cause = WAIT_OTHER);
	sum = script_finish(script);
	assert_int_equal(script->told[0].ready[READY_PART_STOLEN], 2700);
	assert_int_equal(script->told[0].cpu_time, 3010 - 2700);
	assert_int_equal(sum.after_response_cpu_ns, 490 * US);
	script_close(script);
}

/* A window that ends in a switch-out tells what was stolen on both of its sides. */
static void test_stolen_after_a_window(void **state)
{
	struct script *script = server_of_one_thread();
	(void)state;

	READ(script, 110, MAIN, CLIENT_A, .off = 10, .on = 100, .cause = WAIT_NET, .arrived = 100, .line = "GET /a");
	WINDOW(script, 3000, MAIN, .off = 1000, .on = 1500, .stolen = 40, .stolen_after = 300, .ready = 500, .cause = WAIT_RUNNABLE);
	WRITE(script, 3600, MAIN, CLIENT_A, .off = 3000, .on = 3500, .ready = 500, .cause = WAIT_RUNNABLE, .status = 200);
	script_finish(script);
	assert_int_equal(script->told[0].ready[READY_PART_STOLEN], 340);
	assert_int_equal(script->told[0].ready[READY_PART_PREEMPTED], 1000);
	assert_int_equal(script->told[0].state[STATE_CPU], 3500 - 1340);
	script_close(script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stolen_time),          cmocka_unit_test(test_stolen_before_the_answer),
		cmocka_unit_test(test_stolen_before_a_call), cmocka_unit_test(test_stolen_before_others_answers),
		cmocka_unit_test(test_stolen_in_the_middle), cmocka_unit_test(test_stolen_after_a_window),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
