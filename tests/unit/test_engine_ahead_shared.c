/* SPDX-License-Identifier: BSD-2-Clause */
/* Rule 11: loops that read ahead, and whose handlers two threads run (an io_context of Asio's). Times in µs. */
#include "unit/ahead_script.h"

static struct script *read_ahead(uint64_t f_read_at)
{
	return read_ahead_while(f_read_at, false);
}

/* A thread that runs no loop has two requests in turns, in an order that only their responses tell. */
static void contradict_threads(struct script *script)
{
	enum { WORKER = 3 };

	script_thread(script, 0, WORKER, LOOP, THREAD_FOUND);
	READ(script, 3000, WORKER, CLIENT_G, .arrived = 2990, .line = "GET /g");
	READ(script, 3010, WORKER, CLIENT_H, .arrived = 2990, .line = "GET /h");
	WRITE(script, 3100, WORKER, CLIENT_G, .status = 200);
	WRITE(script, 3200, WORKER, CLIENT_H, .status = 200);
}

/* Whoever is free takes the next: D runs on OTHER, and E on LOOP, or as the threads race the other way round. A response names whose it
 * was. */
static void check_delivered(uint64_t by_other, uint64_t by_loop)
{
	struct script *script = read_ahead(1900);

	WRITE(script, 3400, OTHER, by_other, .off = 30, .on = 2960, .cause = WAIT_LOCK, .status = 200);
	WRITE(script, 3500, LOOP, by_loop, .status = 200);
	WRITE(script, 4000, LOOP, CLIENT_F, .status = 200);
	script_finish(script);
	assert_int_equal(told_of(script, by_other == CLIENT_D ? "GET /d" : "GET /e")->cpu_time, 3400 - 2960);
	assert_int_equal(told_of(script, by_loop == CLIENT_D ? "GET /d" : "GET /e")->cpu_time, 3500 - 2950);
	assert_false(told_of(script, "GET /d")->ambiguous || told_of(script, "GET /e")->ambiguous || told_of(script, "GET /f")->ambiguous);
	script_close(script);
}

static void test_whoever_is_free(void **state)
{
	(void)state;
	check_delivered(CLIENT_D, CLIENT_E);
	check_delivered(CLIENT_E, CLIENT_D);
}

/*
 * D's step makes a call, on OTHER, which goes on with F's; what D wrote is looked after by LOOP, behind E's step, and so is the answer,
 * after an event.
 */
static void test_named_by_its_response(void **state)
{
	struct script *script = read_ahead(1900);
	const struct told *d;
	(void)state;

	WRITE(script, 3400, OTHER, DB_D, .off = 30, .on = 2960, .cause = WAIT_LOCK);
	WRITE(script, 3500, LOOP, CLIENT_E, .status = 200);
	READ_NOTHING(script, 3510, LOOP, DB_D);
	WRITE(script, 4000, OTHER, CLIENT_F, .status = 200);
	READ(script, 5000, LOOP, DB_D, SLEPT(3520, 4980, 1));
	WRITE(script, 5300, LOOP, CLIENT_D, .status = 200);
	script_finish(script);
	d = told_of(script, "GET /d");
	assert_int_equal(d->call_count, 1);
	assert_int_equal(d->cpu_time, (3400 - 2960) + 10 + 10 + 300);
	assert_int_equal(told_of(script, "GET /f")->cpu_time, 4000 - 3400);
	assert_false(d->ambiguous || told_of(script, "GET /e")->ambiguous || told_of(script, "GET /f")->ambiguous);
	script_close(script);
}

/*
 * D asks twice: on OTHER, which goes on with F's, and on LOOP, which has found the answer when it looked first, and gone on with it in its
 * turn. The response bears that out; but little, if many more are queued by then. What other threads contradict says nothing of it.
 */
static void check_two_steps(unsigned int queued)
{
	enum { CLIENT_MORE = 300 };
	struct script *script = read_ahead(1900);
	const struct told *d;

	for (unsigned int i = 0; i < queued; i++)
		script_conn(script, CLIENT_MORE + i, CONN_SERVER, 8080);
	contradict_threads(script);
	WRITE(script, 3400, OTHER, DB_D, .off = 30, .on = 2960, .cause = WAIT_LOCK);
	WRITE(script, 3500, LOOP, CLIENT_E, .status = 200);
	READ(script, 3530, LOOP, DB_D, .arrived = 3450);
	WRITE(script, 4000, OTHER, CLIENT_F, .status = 200);
	WRITE(script, 4040, LOOP, DB_A);
	READ_NOTHING(script, 4050, LOOP, DB_A);
	for (unsigned int i = 0; i < queued; i++) {
		script_span(script, 4060 + 2 * i, OTHER, RECORD_IO, IO_ACCEPT, CLIENT_MORE + i, 9, (struct with){0});
		READ(script, 4061 + 2 * i, OTHER, CLIENT_MORE + i, .arrived = 4000, .line = "GET /more");
	}
	READ(script, 5000, LOOP, DB_A, SLEPT(4060, 4980, 1));
	WRITE(script, 5300, LOOP, CLIENT_D, .status = 200);
	script_finish(script);
	d = told_of(script, "GET /d");
	assert_int_equal(d->call_count, 2);
	assert_true(d->cpu_time >= (3400 - 2960) + (4040 - 3530) + (5300 - 4985));
	assert_int_equal(d->ambiguous, queued != 0);
	script_close(script);
}

static void test_two_steps(void **state)
{
	(void)state;
	check_two_steps(0);
	check_two_steps(40);
}

/*
 * E is answered on OTHER. LOOP had become free before OTHER, and might have been at D's step; but it was off its core until OTHER had
 * begun, which only its own record tells, later. So D's may lie in front of E's, where steps are seen that make no call.
 */
static void check_off_its_core(bool two_wait)
{
	struct script *script = read_ahead_while(1900, two_wait);

	WRITE(script, 3400, OTHER, CLIENT_E, .off = two_wait ? 2210 : 30, .on = 2960, .cause = WAIT_LOCK, .status = 200);
	WRITE(script, 3900, LOOP, CLIENT_F, .off = 2952, .on = 3300, .cause = WAIT_RUNNABLE, .status = 200);
	WRITE(script, 4300, LOOP, CLIENT_D, .status = 200);
	script_finish(script);
	assert_int_equal(told_of(script, "GET /d")->cpu_time, 4300 - 3900);
	assert_true(told_of(script, "GET /d")->ambiguous);
	assert_int_equal(told_of(script, "GET /e")->ambiguous, two_wait);
	assert_false(told_of(script, "GET /f")->ambiguous);
	script_close(script);
}

static void test_off_its_core(void **state)
{
	(void)state;
	check_off_its_core(true);
	check_off_its_core(false);
}

/* F is answered, and one thread can be at D's step, but none at E's: that has made no call, and what it computed may lie in front of F's.
 */
static void test_overtaken(void **state)
{
	struct script *script = read_ahead_while(1900, true);
	(void)state;

	WRITE(script, 4000, LOOP, CLIENT_F, .status = 200);
	WRITE(script, 5300, LOOP, CLIENT_E, .off = 4010, .on = 4980, .cause = WAIT_POLL, .epoll = 4990, .status = 200);
	script_finish(script);
	assert_true(told_of(script, "GET /f")->ambiguous);
	script_close(script);
}

/* E's and F's requests were read at about the same time, and may have been queued in either order: that F is answered first shows nothing.
 */
static void test_queued_in_either_order(void **state)
{
	struct script *script = read_ahead(1865);
	(void)state;

	WRITE(script, 3400, LOOP, CLIENT_F, .status = 200);
	WRITE(script, 3500, OTHER, CLIENT_D, .off = 30, .on = 2940, .cause = WAIT_LOCK, .status = 200);
	WRITE(script, 4000, LOOP, CLIENT_E, .status = 200);
	script_finish(script);
	assert_int_equal(told_of(script, "GET /e")->cpu_time, 4000 - 3400);
	assert_false(told_of(script, "GET /d")->ambiguous || told_of(script, "GET /e")->ambiguous || told_of(script, "GET /f")->ambiguous);
	script_close(script);
}

/*
 * A job of nobody's asks, reads its answer and makes no other call: that it waits for something is not believed for ever. Long after that
 * G asks at once, which is certain.
 */
static void test_job_of_nobodys(void **state)
{
	enum { REQUESTS = 8 }; /* some must prove right before it is trusted that a thread goes on with what it read last */
	struct script *script = read_ahead(1900);
	(void)state;

	WRITE(script, 3400, OTHER, CLIENT_D, .off = 30, .on = 2960, .cause = WAIT_LOCK, .status = 200);
	WRITE(script, 3500, LOOP, CLIENT_E, .status = 200);
	WRITE(script, 4000, LOOP, CLIENT_F, .status = 200);
	READ_NOTHING(script, 4010, LOOP, CLIENT_A);
	WRITE(script, 4600, LOOP, DB_D, POLLED(4020, 4100, 1));
	READ_NOTHING(script, 4610, LOOP, DB_D);
	READ(script, 5010, LOOP, DB_D, SLEPT(4620, 4990, 1));
	for (uint64_t i = 0, at = 10000; i < REQUESTS; i++, at += 300000) {
		READ(script, at + 10, LOOP, CLIENT_A, SLEPT(i ? at - 298960 : 5300, at, 1),
		     .line = i + 1 < REQUESTS ? "GET /before" : "GET /g");
		WRITE(script, at + 20, LOOP, DB_A);
		READ_NOTHING(script, at + 30, LOOP, DB_A);
		READ(script, at + 1010, LOOP, DB_A, SLEPT(at + 40, at + 1000, 1));
		WRITE(script, at + 1020, LOOP, CLIENT_A, .status = 200);
		READ_NOTHING(script, at + 1030, LOOP, CLIENT_A);
	}
	script_finish(script);
	assert_int_equal(told_of(script, "GET /g")->call_count, 1);
	assert_false(told_of(script, "GET /g")->ambiguous);
	script_close(script);
}

/* While events are held back: a tick says that all before it has been told, and a window that ends there holds it. */
static void test_tick_while_held(void **state)
{
	struct script *script = read_ahead(1900);
	(void)state;

	script_conn_ended(script, 3000, CLIENT_A);
	assert_int_equal(script->count, 0);
	script_tick(script, 3010);
	assert_int_equal(script->count, 1);
	script_finish(script);
	script_close(script);
}

/* An event of a time that is far away, in a damaged recording, keeps back none of those behind it. */
static void test_held_behind_a_wrong_time(void **state)
{
	struct script *script = read_ahead(1900);
	(void)state;

	script_conn_ended(script, 1ull << 50, UNKNOWN);
	script_conn_ended(script, 3000, CLIENT_A);
	script_conn_ended(script, 9000, UNKNOWN);
	assert_int_equal(script->count, 1);
	script_finish(script);
	script_close(script);
}

/* However many come within that time. */
static void test_many_held(void **state)
{
	struct script *script = read_ahead(1900);
	(void)state;

	script_conn_ended(script, 3000, CLIENT_A);
	for (uint32_t i = 0; i < 70000; i++)
		script_conn_ended(script, 3001, UNKNOWN);
	assert_int_equal(script->count, 1);
	script_finish(script);
	script_close(script);
}

/* Where the last of such loops has ended nothing is held back any more. */
static void test_last_loop_ends(void **state)
{
	struct script *script = read_ahead(1900);
	(void)state;

	script_span(script, 3000, LOOP, RECORD_THREAD_EXIT, 0, 0, 0, (struct with){0});
	script_conn_ended(script, 9000, UNKNOWN);
	script_conn_ended(script, 9010, CLIENT_A);
	assert_int_equal(script->count, 1);
	script_finish(script);
	script_close(script);
}

/* What is held when the trace ends is handled before all else ends, with its request line. */
static void test_end_while_held(void **state)
{
	struct script *script = read_ahead(1900);
	(void)state;

	READ(script, 3000, LOOP, CLIENT_A, SLEPT(2960, 2990, 1), .line = "GET /last");
	WRITE(script, 3500, LOOP, CLIENT_A, .status = 200);
	script_finish(script);
	assert_int_equal(told_of(script, "GET /last")->wall, 3500 - 2990);
	script_close(script);
}

/*
 * LOOP became free before OTHER, so that D's step is expected on LOOP and E's on OTHER; but it is the other way round. Both ask. What D
 * asked is answered when LOOP looks first, and goes on there, by the order, with another call; what E asked is answered later. The
 * responses tell that the two were taken for each other in their first steps.
 */
static void test_taken_for_each_other(void **state)
{
	struct script *script = read_ahead(1900);
	const struct told *d, *e;
	(void)state;

	WRITE(script, 3400, OTHER, DB_D, .off = 30, .on = 2960, .cause = WAIT_LOCK);
	WRITE(script, 3500, LOOP, DB_C);
	for (uint64_t i = 0; i < 3; i++)
		READ_NOTHING(script, 3505 + 5 * i, LOOP, CLIENT_A + i);
	READ(script, 3530, LOOP, DB_D, .arrived = 3450);
	READ_NOTHING(script, 3540, LOOP, DB_C);
	WRITE(script, 3900, OTHER, CLIENT_F, .status = 200);
	WRITE(script, 4040, LOOP, DB_A);
	READ_NOTHING(script, 4050, LOOP, CLIENT_F);
	READ_NOTHING(script, 4060, LOOP, DB_A);
	READ(script, 5000, LOOP, DB_A, SLEPT(4070, 4980, 1));
	WRITE(script, 5300, LOOP, CLIENT_D, .status = 200);
	READ_NOTHING(script, 5310, LOOP, CLIENT_D);
	READ(script, 6000, LOOP, DB_C, SLEPT(5320, 5980, 1));
	WRITE(script, 6300, LOOP, CLIENT_E, .status = 200);
	script_finish(script);
	d = told_of(script, "GET /d");
	e = told_of(script, "GET /e");
	assert_int_equal(d->call_count, 2);
	assert_int_equal(e->call_count, 1);
	assert_true(d->cpu_time >= (3400 - 2960) + (4040 - 3540) + (5300 - 4985));
	assert_true(e->cpu_time >= (3500 - 2950) + (6300 - 5985) && e->cpu_time < (3500 - 2950) + (6300 - 5980) + 50);
	assert_true(d->ambiguous);
	assert_false(e->ambiguous || told_of(script, "GET /f")->ambiguous);
	script_close(script);
}

/* A step of nobody's that falls asleep in a futex has ended without a call, and is over: it was D's, which waits for something. */
static void test_asleep_in_a_futex(void **state)
{
	struct script *script = read_ahead(1900);
	const struct told *d;
	(void)state;

	WINDOW(script, 3400, OTHER, .off = 30, .on = 2930, .cause = WAIT_LOCK);
	WINDOW(script, 3450, OTHER, .off = 3405, .on = 3440, .cause = WAIT_LOCK);
	WRITE(script, 3500, LOOP, CLIENT_E, .status = 200);
	WRITE(script, 4000, LOOP, CLIENT_F, .status = 200);
	WRITE(script, 5300, LOOP, CLIENT_D, POLLED(4010, 4980, 1), .status = 200);
	script_finish(script);
	d = told_of(script, "GET /d");
	assert_int_equal(d->cpu_time, (3405 - 2930) + (5300 - 4980));
	script_close(script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whoever_is_free),
		cmocka_unit_test(test_named_by_its_response),
		cmocka_unit_test(test_two_steps),
		cmocka_unit_test(test_off_its_core),
		cmocka_unit_test(test_overtaken),
		cmocka_unit_test(test_queued_in_either_order),
		cmocka_unit_test(test_taken_for_each_other),
		cmocka_unit_test(test_asleep_in_a_futex),
		cmocka_unit_test(test_job_of_nobodys),
		cmocka_unit_test(test_tick_while_held),
		cmocka_unit_test(test_held_behind_a_wrong_time),
		cmocka_unit_test(test_many_held),
		cmocka_unit_test(test_last_loop_ends),
		cmocka_unit_test(test_end_while_held),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
