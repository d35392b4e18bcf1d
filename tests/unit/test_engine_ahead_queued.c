/* SPDX-License-Identifier: BSD-2-Clause */
/* Rule 11: when what two threads of a loop that reads ahead read is queued, and when each takes the next that is. Times in µs. */
#include "unit/ahead_script.h"

/*
 * LOOP is taken off its core right behind its read of G, before that is queued; OTHER reads H meanwhile. So H's step comes first: on OTHER,
 * which falls asleep without a call.
 */
static void test_taken_off_before_it_queued(void **state)
{
	struct script *script = read_ahead_while(1900, false);
	(void)state;

	WRITE(script, 3400, OTHER, CLIENT_D, .off = 30, .on = 2940, .cause = WAIT_LOCK, .status = 200);
	WRITE(script, 3500, LOOP, CLIENT_E, .status = 200);
	READ(script, 3510, LOOP, CLIENT_A, .arrived = 3000, .line = "GET /g");
	WRITE(script, 3520, OTHER, CLIENT_F, .status = 200);
	READ(script, 3540, OTHER, CLIENT_D, .arrived = 3450, .line = "GET /h");
	READ_NOTHING(script, 3550, OTHER, CLIENT_F);
	READ_NOTHING(script, 3610, LOOP, CLIENT_E, .off = 3515, .on = 3600, .cause = WAIT_RUNNABLE);
	WINDOW(script, 4100, OTHER, POLLED(4000, 4080, 1));
	WRITE(script, 4300, LOOP, CLIENT_A, .status = 200);
	WRITE(script, 5300, OTHER, CLIENT_D, POLLED(4110, 4980, 1), .status = 200);
	script_finish(script);
	assert_int_equal(told_of(script, "GET /g")->cpu_time, 4300 - 3610);
	assert_int_equal(told_of(script, "GET /h")->cpu_time, (4000 - 3550) + (5300 - 4980));
	script_close(script);
}

/* LOOP reads G's, and OTHER H's, at the same time, or one apart: whose step is whose the order does not tell, if they are queued at once.
 */
static void check_queued_at_once(uint64_t apart)
{
	struct script *script = read_ahead_while(1900, false);

	WRITE(script, 3400, OTHER, CLIENT_D, .off = 30, .on = 2940, .cause = WAIT_LOCK, .status = 200);
	WRITE(script, 3500, LOOP, CLIENT_E, .status = 200);
	WRITE(script, 3520, OTHER, CLIENT_F, .status = 200);
	READ(script, 3540, LOOP, CLIENT_A, .arrived = 3450, .line = "GET /g");
	READ(script, 3540 + apart, OTHER, CLIENT_D, .arrived = 3450, .line = "GET /h");
	READ_NOTHING(script, 3550, LOOP, CLIENT_E);
	READ_NOTHING(script, 3555, OTHER, CLIENT_F);
	WRITE(script, 4000, OTHER, DB_D);
	READ_NOTHING(script, 4010, OTHER, DB_D);
	WRITE(script, 4300, LOOP, CLIENT_A, .status = 200);
	READ(script, 5000, OTHER, DB_D, SLEPT(4020, 4980, 1));
	WRITE(script, 5300, OTHER, CLIENT_D, .status = 200);
	script_finish(script);
	assert_int_equal(told_of(script, "GET /g")->ambiguous, apart == 0);
	assert_int_equal(told_of(script, "GET /h")->ambiguous, apart == 0);
	assert_int_equal(told_of(script, "GET /h")->call_count, 1);
	script_close(script);
}

static void test_queued_at_once(void **state)
{
	(void)state;
	check_queued_at_once(0);
	check_queued_at_once(1);
}

/*
 * E's step is taken on OTHER while LOOP is at D's, which began before it: that D is answered then says nothing against it. So OTHER goes on
 * with F's, and falls asleep without a call.
 */
static void test_taken_behind_what_is_shown(void **state)
{
	struct script *script = read_ahead_while(1900, false);
	(void)state;

	WRITE(script, 3400, OTHER, DB_D, .off = 30, .on = 2960, .cause = WAIT_LOCK);
	WRITE(script, 3500, LOOP, CLIENT_D, .status = 200);
	READ_NOTHING(script, 3510, LOOP, CLIENT_D);
	WINDOW(script, 3600, LOOP, POLLED(3520, 3590, 1));
	WINDOW(script, 4100, OTHER, POLLED(4000, 4080, 1));
	WRITE(script, 5300, OTHER, CLIENT_F, POLLED(4110, 4980, 1), .status = 200);
	READ(script, 6000, LOOP, DB_D, SLEPT(3610, 5980, 1));
	WRITE(script, 6300, LOOP, CLIENT_E, .status = 200);
	script_finish(script);
	assert_int_equal(told_of(script, "GET /f")->cpu_time, (4000 - 3400) + (5300 - 4980));
	assert_int_equal(told_of(script, "GET /e")->call_count, 1);
	script_close(script);
}

/*
 * OTHER has asked for A, and goes on with something else, when LOOP shows that they read ahead: so what it asks next is not A's for sure.
 * It is C's, whose response tells it.
 */
static void test_found_to_read_ahead(void **state)
{
	struct script *script = script_open();
	(void)state;

	script_thread(script, 0, LOOP, LOOP, THREAD_FOUND);
	script_thread(script, 0, OTHER, LOOP, THREAD_FOUND);
	for (uint64_t i = 0; i < 4; i++)
		script_conn(script, CLIENT_A + i, CONN_SERVER, 8080);
	for (uint64_t i = 0; i < 2; i++)
		script_conn(script, DB_A + i, CONN_DOWNSTREAM, 5432);
	READ_NOTHING(script, 10, LOOP, CLIENT_A);
	READ_NOTHING(script, 11, LOOP, CLIENT_B);
	WINDOW(script, 20, LOOP, .epoll = 15, .events = 1);
	READ(script, 100, OTHER, CLIENT_A, POLLED(30, 85, 1), .arrived = 80, .line = "GET /a");
	READ(script, 110, LOOP, CLIENT_B, POLLED(25, 85, 1), .arrived = 80, .line = "GET /b");
	WRITE(script, 500, LOOP, CLIENT_B, .status = 200);
	script_span(script, 520, LOOP, RECORD_IO, IO_ACCEPT, CLIENT_C, 9, (struct with){0});
	READ(script, 530, LOOP, CLIENT_C, .arrived = 510, .line = "GET /c");
	WRITE(script, 600, OTHER, DB_A);
	READ_NOTHING(script, 615, LOOP, CLIENT_B, .epoll = 540, .events = 1);
	WRITE(script, 1600, OTHER, DB_B);
	READ_NOTHING(script, 1610, OTHER, DB_B);
	READ(script, 3000, LOOP, DB_B, SLEPT(620, 2980, 1));
	WRITE(script, 3300, LOOP, CLIENT_C, .status = 200);
	READ(script, 4000, LOOP, DB_A, SLEPT(3310, 3980, 1));
	WRITE(script, 4300, LOOP, CLIENT_A, .status = 200);
	script_finish(script);
	assert_int_equal(told_of(script, "GET /a")->call_count, 1);
	assert_int_equal(told_of(script, "GET /c")->call_count, 1);
	assert_true(told_of(script, "GET /c")->cpu_time >= (1600 - 600) + 300);
	script_close(script);
}

/*
 * At light load no other read comes behind one that finds something at the first try; but epoll, which is queued in front of its step,
 * returns between the two. That shows it as well, so that nobody seems to wait who has only been read.
 */
static void test_epoll_between_read_and_step(void **state)
{
	static const char *const lines[] = {"GET /a", "GET /b", "GET /c", "GET /d"};
	struct script *script = script_open();
	const struct told *d;
	(void)state;

	script_thread(script, 0, LOOP, LOOP, THREAD_FOUND);
	script_thread(script, 0, OTHER, LOOP, THREAD_FOUND);
	WINDOW(script, 20, OTHER, .epoll = 10, .events = 1);
	script_conn(script, DB_A, CONN_DOWNSTREAM, 5432);
	for (uint64_t i = 0, at = 1000; i < 4; i++, at += 10000) {
		script_conn(script, CLIENT_A + i, CONN_SERVER, 8080);
		script_span(script, at, LOOP, RECORD_IO, IO_ACCEPT, CLIENT_A + i, 9,
			    (struct with){SLEPT(at - (i ? 4400 : 900), at - 20, 1)});
		READ(script, at + 20, LOOP, CLIENT_A + i, .arrived = at - 30, .line = lines[i]);
		WRITE(script, at + 500, LOOP, DB_A, .epoll = at + 30);
		READ_NOTHING(script, at + 510, LOOP, DB_A);
		READ(script, at + 5000, LOOP, DB_A, SLEPT(at + 520, at + 4980, 1));
		WRITE(script, at + 5500, LOOP, CLIENT_A + i, .status = 200);
		READ_NOTHING(script, at + 5510, LOOP, CLIENT_A + i);
	}
	script_finish(script);
	d = told_of(script, "GET /d");
	assert_int_equal(d->call_count, 1);
	assert_int_equal(d->cpu_time, (500 - 30) + 10 + (5500 - 4980));
	assert_false(d->ambiguous);
	script_close(script);
}

/*
 * LOOP is told of what C was written, and is taken off its core before it looks there again. So it took that when its step before had
 * ended, not when it looked: what OTHER took in between, A's next request, had been queued later.
 */
static void test_taken_off_before_it_looked(void **state)
{
	struct script *script = read_ahead_while(1900, false);
	(void)state;

	WRITE(script, 3400, OTHER, CLIENT_D, .off = 30, .on = 2940, .cause = WAIT_LOCK, .status = 200);
	WRITE(script, 3500, LOOP, CLIENT_E, .status = 200);
	READ(script, 3510, LOOP, CLIENT_A, .arrived = 3000, .line = "GET /g");
	READ_NOTHING(script, 3520, LOOP, CLIENT_B);
	WRITE(script, 3900, OTHER, CLIENT_F, .status = 200);
	READ_NOTHING(script, 3910, OTHER, CLIENT_D);
	READ_NOTHING(script, 3920, OTHER, CLIENT_E);
	READ_NOTHING(script, 4200, LOOP, CLIENT_C, .off = 3545, .on = 4190, .cause = WAIT_RUNNABLE);
	WINDOW(script, 4400, OTHER, .epoll = 4320, .events = 1);
	WRITE(script, 5300, OTHER, CLIENT_A, POLLED(4410, 4980, 1), .status = 200);
	script_finish(script);
	assert_int_equal(told_of(script, "GET /g")->cpu_time, (4320 - 3920) + (5300 - 4980));
	script_close(script);
}

/* D, E and F are answered; E's response is behind all that was read before. */
static struct script *all_answered(void)
{
	struct script *script = read_ahead_while(1900, false);

	WRITE(script, 3400, OTHER, CLIENT_D, .off = 30, .on = 2940, .cause = WAIT_LOCK, .status = 200);
	WRITE(script, 3500, LOOP, CLIENT_E, .status = 200);
	WRITE(script, 3505, OTHER, CLIENT_F, .status = 200);
	return script;
}

/*
 * LOOP is taken off its core behind its response to E, and may have queued that before, or only when it runs again: it had. So that OTHER
 * is told of it says nothing of G and H, which were read in between.
 */
static void test_shown_that_was_queued_at_either_moment(void **state)
{
	struct script *script = all_answered();
	(void)state;

	READ(script, 3520, OTHER, CLIENT_A, .arrived = 3000, .line = "GET /g");
	READ(script, 3535, OTHER, CLIENT_B, .arrived = 3000, .line = "GET /h");
	READ_NOTHING(script, 3540, OTHER, CLIENT_C);
	READ_NOTHING(script, 3545, OTHER, CLIENT_D);
	READ_NOTHING(script, 3610, OTHER, CLIENT_E, .off = 3546, .on = 3606, .cause = WAIT_RUNNABLE);
	READ_NOTHING(script, 3625, LOOP, CLIENT_F, .off = 3511, .on = 3600, .cause = WAIT_RUNNABLE);
	WRITE(script, 3900, OTHER, CLIENT_A, .status = 200);
	WRITE(script, 3950, LOOP, CLIENT_B, .status = 200);
	script_finish(script);
	assert_false(told_of(script, "GET /g")->ambiguous || told_of(script, "GET /h")->ambiguous);
	assert_int_equal(told_of(script, "GET /g")->cpu_time, 3900 - 3610);
	assert_int_equal(told_of(script, "GET /h")->cpu_time, 3950 - 3625);
	script_close(script);
}

/* LOOP and OTHER come back to their cores, so many µs apart, and each takes a step: if they do so at once, in whichever order. */
static void check_taken_at_once(uint64_t apart)
{
	struct script *script = all_answered();

	READ(script, 3520, OTHER, CLIENT_A, .arrived = 3000, .line = "GET /g");
	READ(script, 3535, OTHER, CLIENT_B, .arrived = 3000, .line = "GET /h");
	READ_NOTHING(script, 3540, OTHER, CLIENT_C);
	READ_NOTHING(script, 3545, LOOP, CLIENT_D);
	READ_NOTHING(script, 3550, OTHER, CLIENT_E);
	READ_NOTHING(script, 3555, LOOP, CLIENT_F);
	WRITE(script, 3900, OTHER, DB_D, .off = 3552, .on = 3600, .ready = 48, .cause = WAIT_RUNNABLE);
	WRITE(script, 3950, LOOP, DB_C, .off = 3557, .on = 3600 + apart, .ready = 43, .cause = WAIT_RUNNABLE);
	READ(script, 5500, OTHER, DB_D, SLEPT(3910, 5480, 1));
	WRITE(script, 5800, OTHER, CLIENT_A, .status = 200);
	READ(script, 6500, LOOP, DB_C, SLEPT(3960, 6480, 1));
	WRITE(script, 6800, LOOP, CLIENT_B, .status = 200);
	script_finish(script);
	assert_int_equal(told_of(script, "GET /g")->ambiguous, apart == 0);
	assert_int_equal(told_of(script, "GET /h")->ambiguous, apart == 0);
	script_close(script);
}

static void test_taken_at_once(void **state)
{
	(void)state;
	check_taken_at_once(0);
	check_taken_at_once(2);
}

/*
 * LOOP leaves its core 10 behind its step; so much was stolen from it by then, in one piece or more: if all of it was behind that step,
 * LOOP need not have taken the next before OTHER took one.
 */
static void check_stolen_before_it_took(uint64_t stolen)
{
	struct script *script = all_answered();

	READ(script, 3520, OTHER, CLIENT_A, .arrived = 3000, .line = "GET /g");
	READ(script, 3535, OTHER, CLIENT_B, .arrived = 3000, .line = "GET /h");
	READ_NOTHING(script, 3540, OTHER, CLIENT_C);
	READ_NOTHING(script, 3545, OTHER, CLIENT_D);
	READ_NOTHING(script, 3550, LOOP, CLIENT_E);
	READ_NOTHING(script, 3555, OTHER, CLIENT_F);
	WRITE(script, 3900, LOOP, DB_D, .off = 3560, .on = 3600, .ready = 40, .stolen = stolen, .cause = WAIT_RUNNABLE);
	WRITE(script, 3950, OTHER, DB_C);
	READ(script, 5500, LOOP, DB_D, SLEPT(3910, 5480, 1));
	WRITE(script, 5800, LOOP, CLIENT_A, .status = 200);
	READ(script, 6500, OTHER, DB_C, SLEPT(3960, 6480, 1));
	WRITE(script, 6800, OTHER, CLIENT_B, .status = 200);
	script_finish(script);
	assert_int_equal(told_of(script, "GET /g")->ambiguous, stolen > 0);
	assert_int_equal(told_of(script, "GET /h")->ambiguous, stolen > 0);
	script_close(script);
}

static void test_stolen_before_it_took(void **state)
{
	(void)state;
	check_stolen_before_it_took(0);
	check_stolen_before_it_took(12);
}

/* LOOP sleeps in a futex while five are queued: for a lock, in the midst of G's step. */
static void test_lock_in_a_step(void **state)
{
	enum { LOCK = 0x8000 };
	static const char *const lines[] = {"GET /g", "GET /h", "GET /i", "GET /j", "GET /k"};
	struct script *script = all_answered();
	const struct told *g;
	(void)state;

	for (uint64_t i = 0; i < 5; i++)
		READ(script, 3520 + 10 * i, LOOP, CLIENT_A + i, .arrived = 3000, .line = lines[i]);
	FUTEX_WAITED(script, 3795, LOOP, LOCK, .off = 3700, .on = 3790, .cause = WAIT_LOCK);
	WRITE(script, 4000, LOOP, CLIENT_A, .status = 200);
	script_finish(script);
	g = told_of(script, "GET /g");
	assert_int_equal(g->cpu_time, (3700 - 3560) + (4000 - 3790));
	assert_int_equal(g->state[STATE_LOCK], 90);
	assert_false(g->ambiguous);
	script_close(script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_taken_off_before_it_queued),
		cmocka_unit_test(test_queued_at_once),
		cmocka_unit_test(test_taken_behind_what_is_shown),
		cmocka_unit_test(test_found_to_read_ahead),
		cmocka_unit_test(test_epoll_between_read_and_step),
		cmocka_unit_test(test_taken_off_before_it_looked),
		cmocka_unit_test(test_shown_that_was_queued_at_either_moment),
		cmocka_unit_test(test_taken_at_once),
		cmocka_unit_test(test_stolen_before_it_took),
		cmocka_unit_test(test_lock_in_a_step),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
