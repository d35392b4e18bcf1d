/* SPDX-License-Identifier: BSD-2-Clause */
/* Rule 12 where two threads run a loop that reads ahead, and share a pool of one connection. Times in µs. */
#include "engine/model.h"
#include "engine/pool_ahead.h"
#include "engine/pool_ahead_places.h"
#include "engine/rules_loop.h"
#include "unit/ahead_script.h"

enum { POOLED = DB_A };

/* All that was told until then is known. */
static void pass(struct script *script, uint64_t at)
{
	script_conn_ended(script, at, UNKNOWN);
}

/* A computes and asks on the only connection; so do the others behind it, who find none, and wait for it in this order. */
static struct script *all_wait(void)
{
	static const char *const lines[] = {"GET /2a", "GET /2b", "GET /2c", "GET /2d", "GET /2e", "GET /2f"};
	struct script *script = read_ahead_while(1900, false);

	WRITE(script, 3400, OTHER, CLIENT_D, .off = 30, .on = 2960, .cause = WAIT_LOCK, .status = 200);
	WRITE(script, 3500, LOOP, CLIENT_E, .status = 200);
	WRITE(script, 4000, LOOP, CLIENT_F, .status = 200);
	for (uint64_t i = 0; i < 6; i++)
		READ_NOTHING(script, 4010 + i, LOOP, CLIENT_A + i);
	READ_NOTHING(script, 4020, LOOP, CLIENT_G);
	READ_NOTHING(script, 4021, LOOP, POOLED);
	READ(script, 10000, LOOP, CLIENT_A, SLEPT(4030, 9990, 1), .line = lines[0]);
	WRITE(script, 10400, LOOP, POOLED);
	READ_NOTHING(script, 10410, LOOP, POOLED);
	for (uint64_t i = 1, at = 10500; i < 6; i++, at += 500)
		READ(script, at, LOOP, CLIENT_A + i, SLEPT(at - 85, at - 10, 1), .line = lines[i]);
	return script;
}

/* The answer is read at `at` by LOOP, which has slept since asleep_us; at once OTHER, asleep as well, asks for who is let go on by that. */
static void hand_on(struct script *script, uint64_t at, uint64_t asleep_us, uint64_t other_asleep_us)
{
	READ(script, at, LOOP, POOLED, SLEPT(asleep_us, at - 10, 1));
	WRITE(script, at + 50, OTHER, POOLED, .off = other_asleep_us, .on = at + 30, .cause = WAIT_LOCK);
	READ_NOTHING(script, at + 60, OTHER, POOLED);
}

/*
 * B is given the connection first, and asks twice without waiting: so C, who was woken in between, found none, and came to stand behind all
 * others. It asks at last, waits once more as G is given the connection, and is answered.
 */
static void test_woken_in_vain(void **state)
{
	struct script *script = all_wait();
	const struct told *c;
	(void)state;

	hand_on(script, 14000, 12915, 3410);
	WRITE(script, 14400, LOOP, CLIENT_A, .status = 200);
	READ_NOTHING(script, 14410, LOOP, CLIENT_A);
	READ(script, 15000, LOOP, POOLED, SLEPT(14420, 14990, 1));
	WRITE(script, 15400, LOOP, POOLED);
	READ_NOTHING(script, 15410, LOOP, POOLED);
	hand_on(script, 16000, 15420, 14070);
	WRITE(script, 16400, LOOP, CLIENT_B, .status = 200);
	READ_NOTHING(script, 16410, LOOP, CLIENT_B);
	for (uint64_t i = 3, at = 17000; i < 6; i++, at += 1000) {
		hand_on(script, at, at - 580, at - 930);
		WRITE(script, at + 400, LOOP, CLIENT_A + i, .status = 200);
		READ_NOTHING(script, at + 410, LOOP, CLIENT_A + i);
	}
	READ(script, 19500, LOOP, CLIENT_G, SLEPT(19420, 19490, 1), .line = "GET /2g");
	hand_on(script, 20000, 19915, 19070);
	hand_on(script, 21000, 20400, 20070);
	WRITE(script, 21400, LOOP, CLIENT_G, .status = 200);
	READ_NOTHING(script, 21410, LOOP, CLIENT_G);
	READ(script, 22000, LOOP, POOLED, SLEPT(21420, 21990, 1));
	WRITE(script, 22400, LOOP, CLIENT_C, .status = 200);
	script_finish(script);
	c = told_of(script, "GET /2c");
	assert_int_equal(c->call_count, 2);
	assert_false(c->ambiguous);
	assert_true(c->cpu_time >= 3 * 400 && c->cpu_time < 3 * 400 + 120);
	assert_true(c->state[STATE_POOL] >= (19050 - 11415) + (21050 - 20400) - 100);
	script_close(script);
}

/* What ran for 120 µs before it asked for who was let go on is not known to be anybody's. */
static void test_ran_before_it_goes_on(void **state)
{
	struct script *script = all_wait();
	struct process sum;
	(void)state;

	READ(script, 14000, LOOP, POOLED, SLEPT(12915, 13990, 1));
	WRITE(script, 14150, OTHER, POOLED, .off = 3410, .on = 14030, .cause = WAIT_LOCK);
	READ_NOTHING(script, 14160, OTHER, POOLED);
	WRITE(script, 14400, LOOP, CLIENT_A, .status = 200);
	sum = script_finish(script);
	assert_int_equal(sum.unattributed_cpu_ns, (200 + 120) * US); /* 200: of steps before that */
	script_close(script);
}

/* No context is left for what goes on: it is nobody's. */
static void test_no_context_left(void **state)
{
	struct script *script = all_wait();
	struct engine *engine = script->engine;
	struct context *taken[64];
	uint32_t context_count, count = 0;
	(void)state;

	READ(script, 14000, LOOP, POOLED, SLEPT(12915, 13990, 1));
	READ_NOTHING(script, 14040, OTHER, CLIENT_H, .off = 3410, .on = 14030, .cause = WAIT_LOCK);
	pass(script, 18100);
	context_count = engine->context_count;
	engine->context_count = CONTEXTS_MAX;
	while (count < 64 && (taken[count] = context_new_segment(engine, ORIGIN_UNKNOWN, NULL, 0)))
		count++;
	WRITE(script, 14050, OTHER, POOLED);
	pass(script, 28000);
	assert_null(thread_of(engine, OTHER)->context);
	while (count)
		context_put(engine, taken[--count]);
	engine->context_count = context_count;
	script_finish(script);
	script_close(script);
}

/* Five wait. The first was woken for nothing, the second is C. */
static struct pool_ahead *settle_all(struct script *script, struct context **c)
{
	struct thread *thread = thread_of(script->engine, LOOP);
	struct pool_ahead *pool;

	pass(script, 17000);
	pass(script, 30000);
	pool_ahead_sleeps(script->engine, thread, 13000 * US);
	pool = thread->proc->pool_ahead;
	*c = context_root(pool->waits[1].context);
	assert_true((*c)->is_request);
	assert_int_equal(pool->wake_count, 1);
	pool->wakes[0].came_to = CAME_FOR_NOTHING;
	return pool;
}

/* Nobody has gone on for a second of those who were woken: they are forgotten, with who had come to wait. */
static void test_woken_long_ago(void **state)
{
	struct script *script = all_wait();
	struct context *c;
	struct pool_ahead *pool = settle_all(script, &c);
	(void)state;

	places_wake(pool, 13000 * US);
	places_leave(script->engine, pool, NULL);
	assert_int_equal(pool->wake_count, 2);
	pass(script, 1020000);
	pass(script, 1040000);
	places_leave(script->engine, pool, NULL);
	assert_int_equal(pool->wake_count, 0);
	assert_int_equal(pool->wait_count, 3);
	assert_true(c->ambiguous);
	script_finish(script);
	script_close(script);
}

/* What has gone on there, with the connection: the caller's. */
static struct context *go_on_as(struct script *script, struct pool_wake *wake)
{
	struct context *segment = context_new_segment(script->engine, ORIGIN_POOL, NULL, wake->at_ns);

	segment->handed = wake->number;
	wake->begun = context_get(segment);
	wake->came_to = CAME_ON;
	return segment;
}

/* What has gone on has run within a second, and is not over: it, and who came to wait, are kept so long. */
static void test_woken_long_ago_and_awaited(void **state)
{
	struct script *script = all_wait();
	struct context *c, *segment;
	struct pool_ahead *pool = settle_all(script, &c);
	(void)state;

	places_wake(pool, 13000 * US);
	segment = go_on_as(script, &pool->wakes[0]);
	pass(script, 1020000);
	pass(script, 1040000);
	segment->last_active_ns = 1030000 * US;
	places_leave(script->engine, pool, NULL);
	assert_int_equal(pool->wake_count, 2);
	assert_int_equal(pool->wait_count, 5);
	context_put(script->engine, segment);
	places_leave(script->engine, pool, NULL);
	assert_int_equal(pool->wake_count, 0);
	assert_int_equal(pool->wait_count, 3);
	script_finish(script);
	script_close(script);
}

/* C and D, the second and third that came to wait, are answered in what two who were woken in a row have gone on with. */
static void answer_c_and_d(struct script *script, struct pool_ahead *pool, uint32_t first)
{
	struct moment moment = {.engine = script->engine, .thread = thread_of(script->engine, LOOP), .at_ns = 14000 * US};

	for (uint32_t i = 0; i < 2; i++) {
		struct context *request = context_root(pool->waits[1 + i].context);
		struct context *segment = go_on_as(script, &pool->wakes[first + i]);

		places_named(&moment, pool, segment, request);
		assert_false(request->ambiguous);
		context_put(script->engine, segment);
	}
}

/* Two responses in a row tell that one more came to wait than it seemed, or that one who seemed to wait did not: then all behind it move.
 */
static void test_more_or_fewer_wait(void **state)
{
	(void)state;

	for (int more = 0; more < 2; more++) {
		struct script *script = all_wait();
		struct context *c, *b;
		struct pool_ahead *pool = settle_all(script, &c);

		b = pool->waits[0].context;
		for (uint32_t i = 0; i < 4; i++)
			places_wake(pool, 13000 * US + i);
		pool->wakes[0].at_ns = 13000 * US;
		pool->aligned = true;
		answer_c_and_d(script, pool, more ? 2 : 0);
		assert_int_equal(pool->wait_count, more ? 6 : 4);
		assert_ptr_equal(pool->waits[more ? 1 : 0].context, more ? b : c);
		if (more)
			assert_null(pool->waits[0].context);
		script_finish(script);
		script_close(script);
	}
}

/* Four responses in a row of whom nothing leads back: more must have come before than is looked for. That is learnt anew. */
static void test_gone_astray(void **state)
{
	struct script *script = all_wait();
	struct context *c, *segment;
	struct pool_ahead *pool = settle_all(script, &c);
	struct moment moment = {.engine = script->engine, .thread = thread_of(script->engine, LOOP), .at_ns = 14000 * US};
	(void)state;

	context_hold(script->engine, &pool->waits[1].context, NULL);
	pool->aligned = true;
	for (uint32_t i = 0; i < 4; i++) {
		assert_true(pool->aligned);
		places_wake(pool, 13000 * US + i);
		segment = go_on_as(script, &pool->wakes[i]);
		places_named(&moment, pool, segment, c);
		context_put(script->engine, segment);
	}
	assert_false(pool->aligned);
	assert_int_equal(pool->order.wrong, 4);
	script_finish(script);
	script_close(script);
}

/* Where nobody is known who waits, a step of nobody's is the beginning: in doubt until a response has borne the order out. */
static void test_began_in_a_step_of_nobodys(void **state)
{
	(void)state;

	for (int borne_out = 0; borne_out < 2; borne_out++) {
		struct script *script = all_wait();
		struct context *c, *nobodys, *segment;
		struct pool_ahead *pool = settle_all(script, &c);
		struct moment moment = {.engine = script->engine, .thread = thread_of(script->engine, LOOP), .at_ns = 14000 * US};

		nobodys = context_new_segment(script->engine, ORIGIN_POOL, NULL, 12950 * US);
		context_note_evidence(nobodys);
		context_hold(script->engine, &pool->waits[0].context, nobodys);
		context_hold(script->engine, &pool->waits[1].context, NULL);
		context_put(script->engine, nobodys);
		segment = go_on_as(script, &pool->wakes[0]);
		pool->aligned = true;
		pool->order.right = borne_out;
		places_named(&moment, pool, segment, c);
		assert_int_equal(c->ambiguous, !borne_out);
		context_put(script->engine, segment);
		script_finish(script);
		script_close(script);
	}
}

/* It was woken, and did not seem to have waited for a connection. Now it waits for one. */
static void test_waits_after_all(void **state)
{
	struct script *script = all_wait();
	struct context *c;
	struct pool_ahead *pool = settle_all(script, &c);
	uint32_t note_count = pool->note_count;
	(void)state;

	places_wake(pool, 13000 * US);
	pool->wakes[1].came_to = CAME_FOR_NOTHING;
	pool_ahead_waits(script->engine, thread_of(script->engine, LOOP), c, 17000 * US);
	assert_int_equal(pool->note_count, note_count + 1);
	script_finish(script);
	script_close(script);
}

/* What goes on has been named before it is known as whom it was woken: the request has no number. */
static void test_named_before_it_is_settled(void **state)
{
	struct script *script = all_wait();
	struct context *c, *segment;
	struct pool_ahead *pool = settle_all(script, &c);
	struct thread *thread = thread_of(script->engine, LOOP);
	struct moment moment = {.engine = script->engine, .thread = thread, .conn = conn_of(script->engine, POOLED), .at_ns = 14000 * US};
	(void)state;

	places_wake(pool, 13000 * US);
	segment = context_new_segment(script->engine, ORIGIN_POOL, NULL, moment.at_ns);
	pool_ahead_goes_on(&moment, segment);
	context_bind(script->engine, segment, c);
	context_put(script->engine, segment);
	pass(script, 40000);
	pool_ahead_sleeps(script->engine, thread, 30000 * US);
	assert_int_equal(pool->wakes[1].came_to, CAME_ON);
	assert_null(pool->wakes[1].begun);
	assert_int_equal(c->handed, 0);
	script_finish(script);
	script_close(script);
}

/* More wait than are kept, and nobody is woken: who does not stand there any more is counted, and how many came before is not known. */
static void test_too_many_wait(void **state)
{
	struct script *script = all_wait();
	struct context *c;
	struct pool_ahead *pool = settle_all(script, &c);
	(void)state;

	pool->aligned = true;
	for (uint64_t i = 0; i < WAITS_KEPT; i++)
		places_add(script->engine, pool, (struct pool_wait){.since_ns = 14000 * US + i});
	assert_true(pool->wait_count < WAITS_KEPT);
	assert_int_equal(pool->wait_count + script->engine->losses.waiters, 4 + WAITS_KEPT);
	assert_true(c->ambiguous);
	assert_false(pool->aligned);
	script_finish(script);
	script_close(script);
}

/* The threads' condition has shown both its words, what G sleeps in has none beside it: that is a lock, and G goes on with its step. */
static void test_lock_in_a_step(void **state)
{
	enum { CONDITION = 0x7000, LOCK = 0x8000 };
	struct script *script = all_wait();
	struct futex_word *words = thread_of(script->engine, LOOP)->proc->slept_at;
	const struct told *g;
	(void)state;

	words[0] = (struct futex_word){CONDITION, 8, true};
	words[1] = (struct futex_word){CONDITION + 4, 7, true};
	words[2] = (struct futex_word){LOCK, 8, false};
	READ(script, 14000, LOOP, CLIENT_G, SLEPT(12915, 13990, 1), .line = "GET /2g");
	FUTEX_WAITED(script, 14700, LOOP, LOCK, .off = 14200, .on = 14690, .cause = WAIT_LOCK);
	WRITE(script, 15000, LOOP, CLIENT_G, .status = 200);
	script_finish(script);
	g = told_of(script, "GET /2g");
	assert_int_equal(g->state[STATE_LOCK], 490);
	assert_int_equal(words[2].sleeps, 9);
	assert_false(g->ambiguous);
	script_close(script);
}

/* The two words of a condition are known by where its threads sleep. A lock is not one until it had the time to show another word. */
static void test_words_of_a_condition(void **state)
{
	enum { CONDITION = 0x7000, LOCK = 0x8000 };
	struct script *script = all_wait();
	struct thread *thread = thread_of(script->engine, LOOP);
	(void)state;

	for (int i = 0; i < 20; i++)
		assert_false(shared_sleeps_for_lock(thread, LOCK, 0));
	assert_false(shared_sleeps_for_lock(thread, 0, 0));
	assert_false(shared_sleeps_for_lock(thread, CONDITION + 4, 0));
	assert_false(shared_sleeps_for_lock(thread, CONDITION, 0));
	assert_true(shared_sleeps_for_lock(thread, LOCK, 0));
	for (int i = 0; i < 20; i++)
		assert_false(shared_sleeps_for_lock(thread, CONDITION + 4, 0));
	for (int i = 0; i < 8; i++)
		assert_false(shared_sleeps_for_lock(thread, LOCK + 8, 0));
	assert_true(shared_sleeps_for_lock(thread, LOCK + 8, 0));
	script_finish(script);
	script_close(script);
}

/* Who waited in the program before is nothing to the next one, nor is how its threads had read. */
static void test_exec(void **state)
{
	struct script *script = all_wait();
	const struct thread *thread = thread_of(script->engine, LOOP);
	(void)state;

	pass(script, 17000);
	assert_non_null(thread->proc->pool_ahead);
	thread->proc->order_guessed = true;
	script_thread(script, 14000, LOOP, LOOP, THREAD_EXECED);
	pass(script, 18000);
	assert_null(thread->proc->pool_ahead);
	assert_false(thread->proc->order_guessed);
	assert_false(thread->loop);
	assert_null(thread->continuations);
	script_finish(script);
	script_close(script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_woken_in_vain),
		cmocka_unit_test(test_ran_before_it_goes_on),
		cmocka_unit_test(test_no_context_left),
		cmocka_unit_test(test_woken_long_ago),
		cmocka_unit_test(test_woken_long_ago_and_awaited),
		cmocka_unit_test(test_more_or_fewer_wait),
		cmocka_unit_test(test_gone_astray),
		cmocka_unit_test(test_began_in_a_step_of_nobodys),
		cmocka_unit_test(test_waits_after_all),
		cmocka_unit_test(test_named_before_it_is_settled),
		cmocka_unit_test(test_too_many_wait),
		cmocka_unit_test(test_lock_in_a_step),
		cmocka_unit_test(test_words_of_a_condition),
		cmocka_unit_test(test_exec),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
