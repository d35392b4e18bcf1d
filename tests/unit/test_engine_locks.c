/* SPDX-License-Identifier: BSD-2-Clause */
/* Rule 10: who held what a request waited for in a futex. Times in µs. */
#include <stdio.h>

#include "unit/engine_script.h"

enum { A = 1, B, C, THREADS };
enum { CLIENT = 100, DB = 200 };
enum { LOCK = 4096, OTHER_LOCK = 4100 };

static const char *const lines[THREADS] = {[A] = "GET /a", [B] = "GET /b", [C] = "GET /c"};

/* Each thread has read a request by 110. */
static struct script *serving(void)
{
	struct script *script = script_open();

	for (uint32_t tid = A; tid < THREADS; tid++) {
		script_thread(script, 0, tid, A, THREAD_FOUND);
		script_conn(script, CLIENT + tid, CONN_SERVER, 8080);
	}
	script_conn(script, DB, CONN_DOWNSTREAM, 5432);
	for (uint32_t tid = A; tid < THREADS; tid++)
		READ(script, 110, tid, CLIENT + tid, .off = 10, .on = 100, .cause = WAIT_NET, .arrived = 100, .line = lines[tid]);
	return script;
}

static void answer_all(struct script *script, uint64_t at)
{
	for (uint32_t tid = A; tid < THREADS; tid++)
		WRITE(script, at, tid, CLIENT + tid, .status = 200);
}

static void assert_lock(const struct told *told, size_t which, const char *holder, uint64_t wait)
{
	assert_true(which < told->lock_count);
	assert_string_equal(told->locks[which].line, holder);
	assert_int_equal(told->locks[which].wait, wait);
}

static void who_wakes_has_held(void **state)
{
	struct script *script = serving();
	(void)state;

	FUTEX_WAKES(script, 5005, A, LOCK, 1);
	FUTEX_WAITED(script, 5040, B, LOCK, .off = 200, .on = 5030, .ready = 30, .cause = WAIT_LOCK);
	answer_all(script, 6000);
	script_finish(script);
	assert_int_equal(told_of(script, "GET /b")->state[STATE_LOCK], 4800);
	assert_int_equal(told_of(script, "GET /b")->lock_count, 1);
	assert_lock(told_of(script, "GET /b"), 0, "GET /a", 4800);
	assert_int_equal(told_of(script, "GET /a")->lock_count, 0);
	script_close(script);
}

/* The waker lost its core before it could tell. An older wake had its own waiter. */
static void the_waiter_may_tell_first(void **state)
{
	struct script *script = serving();
	(void)state;

	FUTEX_WAKES(script, 1000, C, LOCK, 1);
	FUTEX_WAITED(script, 5040, B, LOCK, .off = 900, .on = 5030, .cause = WAIT_LOCK);
	FUTEX_WAKES(script, 5600, A, OTHER_LOCK, 1);
	FUTEX_WAKES(script, 5700, A, LOCK, 1);
	answer_all(script, 6000);
	script_finish(script);
	assert_int_equal(told_of(script, "GET /b")->lock_count, 2);
	assert_lock(told_of(script, "GET /b"), 0, "GET /c", 100);
	assert_lock(told_of(script, "GET /b"), 1, "GET /a", 5030 - 1000);
	script_close(script);
}

/* Who woke B was never told (moved to another futex, a record that was lost). The next wake there is another one's. */
static void a_wake_that_is_never_told(void **state)
{
	struct script *script = serving();
	(void)state;

	FUTEX_WAITED(script, 5040, B, LOCK, .off = 200, .on = 5030, .cause = WAIT_LOCK);
	FUTEX_WAKES(script, 205005, A, LOCK, 1);
	FUTEX_WAITED(script, 205040, C, LOCK, .off = 200200, .on = 205030, .cause = WAIT_LOCK);
	answer_all(script, 206000);
	script_finish(script);
	assert_int_equal(told_of(script, "GET /b")->lock_count, 0);
	assert_int_equal(told_of(script, "GET /c")->lock_count, 1);
	assert_lock(told_of(script, "GET /c"), 0, "GET /a", 4830);
	script_close(script);
}

/* C waits behind B: until that had the lock, it was A's. */
static void a_lock_is_handed_on(void **state)
{
	struct script *script = serving();
	(void)state;

	FUTEX_WAKES(script, 3000, A, LOCK, 1);
	FUTEX_WAITED(script, 3010, B, LOCK, .off = 200, .on = 3000, .cause = WAIT_LOCK);
	FUTEX_WAKES(script, 5000, B, LOCK, 1);
	FUTEX_WAITED(script, 5010, C, LOCK, .off = 250, .on = 5000, .cause = WAIT_LOCK);
	answer_all(script, 6000);
	script_finish(script);
	assert_lock(told_of(script, "GET /b"), 0, "GET /a", 2800);
	assert_int_equal(told_of(script, "GET /c")->lock_count, 2);
	assert_lock(told_of(script, "GET /c"), 0, "GET /a", 3000 - 250);
	assert_lock(told_of(script, "GET /c"), 1, "GET /b", 2000);
	script_close(script);
}

/* Woken in vain, as C was quicker: what it waits on for is C's. The time up to there is told once. */
static void who_was_quicker_has_held_too(void **state)
{
	struct script *script = serving();
	(void)state;

	FUTEX_WAKES(script, 2000, A, LOCK, 1);
	FUTEX_WAITED(script, 2015, B, LOCK, .off = 200, .on = 2000, .cause = WAIT_LOCK);
	FUTEX_WAKES(script, 4000, C, LOCK, 1);
	FUTEX_WAITED(script, 4010, B, LOCK, .off = 2020, .on = 4000, .cause = WAIT_LOCK);
	answer_all(script, 6000);
	script_finish(script);
	assert_int_equal(told_of(script, "GET /b")->state[STATE_LOCK], 1800 + 1980);
	assert_int_equal(told_of(script, "GET /b")->lock_count, 2);
	assert_lock(told_of(script, "GET /b"), 0, "GET /a", 1800);
	assert_lock(told_of(script, "GET /b"), 1, "GET /c", 1980);
	script_close(script);
}

/* An interpreter's lock: who waits for it looks each 5 ms. All of that is one wait. */
static void a_wait_that_timed_out_goes_on(void **state)
{
	struct script *script = serving();
	(void)state;

	WINDOW(script, 5210, B, .off = 200, .on = 5200, .cause = WAIT_LOCK);
	FUTEX_WAKES(script, 7000, A, LOCK, 1);
	FUTEX_WAITED(script, 7010, B, LOCK, .off = 5210, .on = 7000, .cause = WAIT_LOCK);
	answer_all(script, 8000);
	script_finish(script);
	assert_int_equal(told_of(script, "GET /b")->lock_count, 1);
	assert_lock(told_of(script, "GET /b"), 0, "GET /a", 5000 + 1790);
	script_close(script);
}

/* Woken, and off the core again before the call had returned: the wait lies in an earlier window. */
static void a_woken_thread_may_be_preempted(void **state)
{
	struct script *script = serving();
	(void)state;

	FUTEX_WAKES(script, 5005, A, LOCK, 1);
	WINDOW(script, 5040, B, .off = 200, .on = 5030, .ready = 25, .cause = WAIT_LOCK);
	FUTEX_WAITED(script, 5910, B, LOCK, .off = 5040, .on = 5900, .ready = 860, .cause = WAIT_RUNNABLE);
	answer_all(script, 6000);
	script_finish(script);
	assert_lock(told_of(script, "GET /b"), 0, "GET /a", 5005 - 200);
	script_close(script);
}

/* Each wake tells of one of two waiters, whichever tells first. */
static void two_are_woken_at_once(void **state)
{
	struct script *script = serving();
	(void)state;

	FUTEX_WAKES(script, 3000, A, LOCK, 2);
	FUTEX_WAITED(script, 3010, B, LOCK, .off = 200, .on = 3000, .cause = WAIT_LOCK);
	FUTEX_WAITED(script, 3020, C, LOCK, .off = 200, .on = 3000, .cause = WAIT_LOCK);
	answer_all(script, 6000);
	script_finish(script);
	assert_lock(told_of(script, "GET /b"), 0, "GET /a", 2800);
	assert_lock(told_of(script, "GET /c"), 0, "GET /a", 2800);
	script_close(script);
}

/* Of the same address in two processes only a futex that they share is the same. */
static void check_processes(uint64_t futex, size_t locks)
{
	struct script *script = script_open();

	for (uint32_t tid = A; tid <= B; tid++) {
		script_thread(script, 0, tid, tid, THREAD_FOUND);
		script_conn(script, CLIENT + tid, CONN_SERVER, 8080);
		READ(script, 110, tid, CLIENT + tid, .off = 10, .on = 100, .cause = WAIT_NET, .arrived = 100, .line = lines[tid]);
	}
	FUTEX_WAKES(script, 3000, A, futex, 1);
	FUTEX_WAITED(script, 3010, B, futex, .off = 200, .on = 3000, .cause = WAIT_LOCK);
	WRITE(script, 4000, A, CLIENT + A, .status = 200);
	WRITE(script, 4000, B, CLIENT + B, .status = 200);
	script_finish(script);
	assert_int_equal(told_of(script, "GET /b")->lock_count, locks);
	script_close(script);
}

static void processes_share_some(void **state)
{
	(void)state;
	check_processes(LOCK, 0);
	check_processes(LOCK | FUTEX_SHARED, 1);
}

/* The holder ends, is told, and forgotten, long before the waiter is. */
static void a_holder_may_be_gone(void **state)
{
	struct script *script = serving();
	(void)state;

	FUTEX_WAKES(script, 3000, A, LOCK, 1);
	FUTEX_WAITED(script, 3010, B, LOCK, .off = 200, .on = 3000, .cause = WAIT_LOCK);
	WRITE(script, 3100, A, CLIENT + A, .status = 200);
	script_conn_ended(script, 3200, CLIENT + A);
	READ(script, 3300, A, CLIENT + C, .off = 3210, .on = 3290, .cause = WAIT_NET);
	WRITE(script, 6000, B, CLIENT + B, .status = 200);
	WRITE(script, 6000, C, CLIENT + C, .status = 200);
	script_finish(script);
	assert_lock(told_of(script, "GET /b"), 0, "GET /a", 2800);
	script_close(script);
}

/* Workers that took their request from a queue: whose work it was is known only when they answer. */
static void workers_are_named_late(void **state)
{
	struct script *script = serving();
	enum { WORKER_A = 11, WORKER_B };
	(void)state;

	for (uint32_t tid = WORKER_A; tid <= WORKER_B; tid++) {
		script_thread(script, 110, tid, A, THREAD_FOUND);
		script_conn(script, DB + tid, CONN_DOWNSTREAM, 5432);
		WRITE(script, 130, tid, DB + tid, .off = 115, .on = 120, .cause = WAIT_LOCK);
		READ(script, 150, tid, DB + tid, .off = 135, .on = 145, .cause = WAIT_NET, .arrived = 145);
	}
	FUTEX_WAKES(script, 3000, WORKER_A, LOCK, 1);
	FUTEX_WAITED(script, 3010, WORKER_B, LOCK, .off = 200, .on = 3000, .cause = WAIT_LOCK);
	WRITE(script, 3100, WORKER_B, CLIENT + B, .status = 200);
	WRITE(script, 3200, WORKER_A, CLIENT + A, .status = 200);
	script_finish(script);
	assert_int_equal(told_of(script, "GET /b")->lock_count, 1);
	assert_lock(told_of(script, "GET /b"), 0, "GET /a", 2800);
	script_close(script);
}

/* A wait that turns out to have been for a connection is POOL: nobody held a lock. */
static void a_pool_is_no_lock(void **state)
{
	struct script *script = serving();
	(void)state;

	WRITE(script, 120, A, DB);
	READ(script, 2990, A, DB, .off = 130, .on = 2980, .cause = WAIT_NET, .arrived = 2980);
	FUTEX_WAKES(script, 3000, A, LOCK, 1);
	FUTEX_WAITED(script, 3010, B, LOCK, .off = 200, .on = 3000, .cause = WAIT_LOCK);
	WRITE(script, 3020, B, DB);
	READ(script, 4000, B, DB, .off = 3030, .on = 3990, .cause = WAIT_NET, .arrived = 3990);
	answer_all(script, 6000);
	script_finish(script);
	assert_int_equal(told_of(script, "GET /b")->state[STATE_POOL], 2800);
	assert_int_equal(told_of(script, "GET /b")->lock_count, 0);
	script_close(script);
}

/* More waits than are kept: what nobody is named for is counted, and LOCK all the same. */
static void waits_are_bounded(void **state)
{
	struct script *script = serving();
	struct engine_losses losses;
	uint64_t at = 200, waits = 300;
	(void)state;

	for (uint64_t i = 0; i < waits; i++, at += 100) {
		FUTEX_WAKES(script, at + 50, A, LOCK, 1);
		FUTEX_WAITED(script, at + 60, B, LOCK, .off = at, .on = at + 50, .cause = WAIT_LOCK);
	}
	answer_all(script, at);
	script_finish(script);
	engine_losses(script->engine, &losses);
	assert_int_equal(told_of(script, "GET /b")->state[STATE_LOCK], waits * 50);
	assert_int_equal(losses.holds, waits - 256);
	assert_lock(told_of(script, "GET /b"), 0, "GET /a", 256 * 50);
	script_close(script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_wakes_has_held),
		cmocka_unit_test(the_waiter_may_tell_first),
		cmocka_unit_test(a_wake_that_is_never_told),
		cmocka_unit_test(a_lock_is_handed_on),
		cmocka_unit_test(who_was_quicker_has_held_too),
		cmocka_unit_test(a_wait_that_timed_out_goes_on),
		cmocka_unit_test(a_woken_thread_may_be_preempted),
		cmocka_unit_test(two_are_woken_at_once),
		cmocka_unit_test(processes_share_some),
		cmocka_unit_test(a_holder_may_be_gone),
		cmocka_unit_test(workers_are_named_late),
		cmocka_unit_test(a_pool_is_no_lock),
		cmocka_unit_test(waits_are_bounded),
	};

	return cmocka_run_group_tests_name("engine: locks", tests, NULL, NULL);
}
