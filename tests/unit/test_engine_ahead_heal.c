/* SPDX-License-Identifier: BSD-2-Clause */
/* Rule 11: the queue of two threads that run a loop that reads ahead is put right by what responses tell. Times in µs. */
#include "unit/ahead_script.h"

/* D, E and F are answered by then. What A, B and C, and these, were written is queued. */
static struct script *all_answered_while(bool two_wait)
{
	struct script *script = read_ahead_while(1900, two_wait);

	WRITE(script, 3400, OTHER, CLIENT_D, .off = two_wait ? 2210 : 30, .on = 2940, .cause = WAIT_LOCK, .status = 200);
	WRITE(script, 3500, LOOP, CLIENT_E, .status = 200);
	WRITE(script, 3505, OTHER, CLIENT_F, .status = 200);
	return script;
}

static struct script *all_answered(void)
{
	return all_answered_while(false);
}

/*
 * What was asked is answered: G's first call when LOOP looks for that first, so that G asks again in its turn, the others after events.
 * The steps in which both asked first went on with their requests, and took g_cpu and h_cpu. LOOP has left its core at left_at.
 */
static void answer_both(struct script *script, uint64_t left_at, uint64_t g_cpu, uint64_t h_cpu)
{
	const struct told *g, *h;

	READ(script, 3870, LOOP, DB_D, .off = left_at, .on = 3860, .cause = WAIT_RUNNABLE, .arrived = 3700);
	READ_NOTHING(script, 3880, LOOP, DB_C);
	WRITE(script, 4080, LOOP, DB_A);
	READ_NOTHING(script, 4090, LOOP, DB_A);
	READ(script, 5500, LOOP, DB_A, SLEPT(4100, 5480, 1));
	WRITE(script, 5800, LOOP, CLIENT_A, .status = 200);
	READ_NOTHING(script, 5810, LOOP, CLIENT_A);
	READ(script, 6500, LOOP, DB_C, SLEPT(5820, 6480, 1));
	WRITE(script, 6800, LOOP, CLIENT_B, .status = 200);
	script_finish(script);
	g = told_of(script, "GET /g");
	h = told_of(script, "GET /h");
	assert_int_equal(g->call_count, 2);
	assert_int_equal(h->call_count, 1);
	assert_in_range(g->cpu_time, g_cpu + 200 + 300, g_cpu + 200 + 350);
	assert_in_range(h->cpu_time, h_cpu + 300, h_cpu + 350);
	assert_false(g->ambiguous || h->ambiguous);
	script_close(script);
}

/*
 * LOOP is taken off its core behind its read of G, and may have queued that before, or only when it runs again: it had. OTHER goes on with
 * G's, which seems to be H's, with H's, which seems to be I's, and with I's, which is answered.
 */
static void test_queued_before_it_left(void **state)
{
	struct script *script = all_answered();
	(void)state;

	READ(script, 3510, LOOP, CLIENT_A, .arrived = 3000, .line = "GET /g");
	READ(script, 3525, OTHER, CLIENT_B, .arrived = 3000, .line = "GET /h");
	READ_NOTHING(script, 3530, OTHER, CLIENT_C);
	READ(script, 3535, OTHER, CLIENT_D, .arrived = 3450, .line = "GET /i");
	READ_NOTHING(script, 3540, OTHER, CLIENT_E);
	READ_NOTHING(script, 3556, LOOP, CLIENT_F, .off = 3515, .on = 3552, .cause = WAIT_RUNNABLE);
	WRITE(script, 3640, OTHER, DB_D);
	WRITE(script, 3740, OTHER, DB_C);
	WRITE(script, 3840, OTHER, CLIENT_D, .status = 200);
	answer_both(script, 3557, 3640 - 3540, 3740 - 3640);
}

/*
 * OTHER seems to be at G's step, as it was free before LOOP, so that what LOOP asks first seems to be H's. But OTHER has slept. What LOOP
 * asks next is not what was queued before.
 */
static void test_taken_in_order(void **state)
{
	struct script *script = all_answered();
	(void)state;

	READ(script, 3520, LOOP, CLIENT_A, .arrived = 3000, .line = "GET /g");
	READ(script, 3530, LOOP, CLIENT_B, .arrived = 3000, .line = "GET /h");
	READ_NOTHING(script, 3535, LOOP, CLIENT_C);
	READ_NOTHING(script, 3540, OTHER, CLIENT_D);
	READ_NOTHING(script, 3545, LOOP, CLIENT_E);
	READ_NOTHING(script, 3550, OTHER, CLIENT_F);
	WRITE(script, 3680, LOOP, DB_D, .off = 3546, .on = 3556, .ready = 10, .cause = WAIT_RUNNABLE);
	WINDOW(script, 3700, OTHER, POLLED(3552, 3685, 1));
	WRITE(script, 3840, LOOP, DB_C);
	answer_both(script, 3842, 3680 - 3556, 3840 - 3680);
}

/* The same, but it is J's that is answered at once, on OTHER: so J had been queued in front of K, who is not overtaken. */
static void test_answered_before_it_came_back(void **state)
{
	struct script *script = all_answered_while(true);
	(void)state;

	READ(script, 3510, LOOP, CLIENT_A, .arrived = 3000, .line = "GET /j");
	READ(script, 3525, OTHER, CLIENT_B, .arrived = 3000, .line = "GET /k");
	READ_NOTHING(script, 3530, OTHER, CLIENT_C);
	READ_NOTHING(script, 3535, OTHER, CLIENT_D);
	READ_NOTHING(script, 3540, OTHER, CLIENT_E);
	READ_NOTHING(script, 3762, LOOP, CLIENT_F, .off = 3515, .on = 3750, .cause = WAIT_RUNNABLE);
	WRITE(script, 3640, OTHER, CLIENT_A, .status = 200);
	WRITE(script, 3740, OTHER, CLIENT_B, .status = 200);
	script_finish(script);
	assert_false(told_of(script, "GET /j")->ambiguous || told_of(script, "GET /k")->ambiguous);
	assert_int_equal(told_of(script, "GET /k")->cpu_time, 3740 - 3640);
	script_close(script);
}

/*
 * LOOP reads J's and K's closely behind each other, and K is answered on OTHER, which computes for both: J's step makes no call, as it
 * seems, where others wait for something as well.
 */
static void test_close_behind_one_without_a_call(void **state)
{
	struct script *script = all_answered_while(true);
	(void)state;

	READ(script, 3510, LOOP, CLIENT_A, .arrived = 3000, .line = "GET /j");
	READ(script, 3515, LOOP, CLIENT_B, .arrived = 3000, .line = "GET /k");
	READ_NOTHING(script, 3520, OTHER, CLIENT_C);
	READ_NOTHING(script, 3525, OTHER, CLIENT_D);
	READ_NOTHING(script, 3530, LOOP, CLIENT_E);
	READ_NOTHING(script, 3535, OTHER, CLIENT_F);
	WINDOW(script, 3650, LOOP, .epoll = 3540, .events = 1);
	WRITE(script, 4340, OTHER, CLIENT_B, .status = 200);
	script_finish(script);
	assert_true(told_of(script, "GET /k")->ambiguous);
	script_close(script);
}

/* G and J are read by LOOP, H and I behind G by OTHER. */
static struct script *g_to_j_come(void)
{
	struct script *script = all_answered();

	READ(script, 3510, LOOP, CLIENT_A, .arrived = 3000, .line = "GET /g");
	READ_NOTHING(script, 3513, OTHER, CLIENT_B);
	READ_NOTHING(script, 3514, LOOP, CLIENT_C);
	READ(script, 3524, LOOP, CLIENT_C, .epoll = 3518, .events = 1, .arrived = 3516, .line = "GET /j");
	READ(script, 3540, OTHER, CLIENT_D, .arrived = 3450, .line = "GET /h");
	READ(script, 3555, OTHER, CLIENT_E, .arrived = 3520, .line = "GET /i");
	READ_NOTHING(script, 3560, OTHER, CLIENT_F);
	return script;
}

/*
 * G's step comes behind H's, unseen, and what it asks seems to be I's. I is answered without that: it is nobody's, and so is its answer,
 * which keeps its place in the queue. G's response names both.
 */
static void test_not_of_whom_it_seemed(void **state)
{
	struct script *script = g_to_j_come();
	const struct told *g;
	(void)state;

	WRITE(script, 3660, OTHER, CLIENT_D, .status = 200);
	WRITE(script, 3760, OTHER, DB_D);
	WRITE(script, 3860, OTHER, CLIENT_E, .status = 200);
	READ_NOTHING(script, 3865, OTHER, CLIENT_D);
	READ(script, 3870, OTHER, DB_D, .arrived = 3800);
	READ_NOTHING(script, 3875, OTHER, CLIENT_E);
	WRITE(script, 4080, OTHER, CLIENT_A, .status = 200);
	WRITE(script, 4300, LOOP, CLIENT_C, .status = 200);
	script_finish(script);
	g = told_of(script, "GET /g");
	assert_int_equal(g->call_count, 1);
	assert_in_range(g->cpu_time, 100 + 205, 100 + 215);
	assert_int_equal(told_of(script, "GET /i")->call_count, 0);
	script_close(script);
}

/*
 * LOOP leaves its core between its step and the next, so many µs behind the one, and OTHER takes a step meanwhile. After 4 nothing tells
 * whether LOOP had taken its own by then.
 */
static void check_taken_in_either_order(uint64_t left_after)
{
	struct script *script = all_answered();

	READ(script, 3520, OTHER, CLIENT_A, .arrived = 3000, .line = "GET /g");
	READ(script, 3530, OTHER, CLIENT_B, .arrived = 3000, .line = "GET /h");
	READ_NOTHING(script, 3535, OTHER, CLIENT_C);
	READ_NOTHING(script, 3540, OTHER, CLIENT_D);
	READ_NOTHING(script, 3545, LOOP, CLIENT_E);
	READ_NOTHING(script, 3550, OTHER, CLIENT_F);
	WRITE(script, 3750, LOOP, DB_D, .off = 3545 + left_after, .on = 3600, .ready = 50, .cause = WAIT_RUNNABLE);
	WRITE(script, 3760, OTHER, DB_C);
	READ_NOTHING(script, 3765, LOOP, DB_D);
	READ_NOTHING(script, 3770, LOOP, DB_C);
	READ(script, 5500, LOOP, DB_D, SLEPT(3780, 5480, 1));
	WRITE(script, 5800, LOOP, left_after < 4 ? CLIENT_B : CLIENT_A, .status = 200);
	READ(script, 6500, LOOP, DB_C, SLEPT(5820, 6480, 1));
	WRITE(script, 6800, LOOP, left_after < 4 ? CLIENT_A : CLIENT_B, .status = 200);
	script_finish(script);
	assert_int_equal(told_of(script, "GET /g")->ambiguous, left_after == 4);
	assert_int_equal(told_of(script, "GET /h")->ambiguous, left_after == 4);
	script_close(script);
}

static void test_taken_in_either_order(void **state)
{
	(void)state;
	check_taken_in_either_order(2);
	check_taken_in_either_order(4);
	check_taken_in_either_order(8);
}

/* G's and H's steps make no call, on OTHER, and I's comes right behind them: what it computed may be theirs, though nobody seems to wait.
 */
static void test_behind_several_without_a_call(void **state)
{
	struct script *script = g_to_j_come();
	(void)state;

	WRITE(script, 4160, OTHER, CLIENT_E, .status = 200);
	WRITE(script, 4300, LOOP, CLIENT_C, .status = 200);
	script_finish(script);
	assert_true(told_of(script, "GET /i")->ambiguous);
	assert_false(told_of(script, "GET /j")->ambiguous);
	script_close(script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_queued_before_it_left),           cmocka_unit_test(test_taken_in_order),
		cmocka_unit_test(test_answered_before_it_came_back),    cmocka_unit_test(test_not_of_whom_it_seemed),
		cmocka_unit_test(test_close_behind_one_without_a_call), cmocka_unit_test(test_taken_in_either_order),
		cmocka_unit_test(test_behind_several_without_a_call),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
