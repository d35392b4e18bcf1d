/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 13: who is over before enough responses have said whether the order is right by which a loop of tasks was told, that no hook tells
 * of, is told once they have. Times in µs.
 */
#include "engine/moment.h"
#include "unit/loop_script.h"

/* Responses: by so many the order is trusted; by so many it is decided; and by so many in a row it is trusted again. */
enum { BORNE_OUT = 4, ENOUGH = 16, RIGHT_AGAIN = 32 };
enum { OTHER = 900 }; /* a process */

static struct proc *proc_of_loop(const struct script *script)
{
	return thread_of(script->engine, LOOP)->proc;
}

/*
 * The loop defers; of A and B, which it reads in one round, A seems to ask in the first step, and B is answered, and asks again, which is
 * when it would be told: before any response has borne out that the step was A's.
 */
static struct script *answered_early(void)
{
	struct script *script = server();

	script_runtime(script, LOOP, RUNTIME_PYTHON);
	READ(script, 110, LOOP, CLIENT_D, SLEPT(10, 100, 1), .line = "GET /first");
	WRITE(script, 140, LOOP, CLIENT_D, .epoll = 120, .status = 200);
	READ(script, 1010, LOOP, CLIENT_A, SLEPT(150, 1000, 2), .line = "GET /a");
	READ(script, 1020, LOOP, CLIENT_B, .arrived = 1000, .line = "GET /b");
	WRITE(script, 2000, LOOP, DB, .epoll = 1040);
	WRITE(script, 3000, LOOP, CLIENT_B, .status = 200);
	READ(script, 4010, LOOP, CLIENT_B, SLEPT(3500, 4000, 1), .line = "GET /b2");
	WRITE(script, 5000, LOOP, CLIENT_B, .epoll = 4020, .status = 200);
	READ(script, 9010, LOOP, DB, SLEPT(5010, 9000, 1));
	return script;
}

static void vote(const struct script *script, unsigned int count, bool right)
{
	while (count--)
		doubts_vote(proc_of_loop(script), DOUBT_ORDER, right);
}

static bool is_told(const struct script *script, const char *line)
{
	for (size_t i = 0; i < script->count; i++)
		if (strcmp(script->told[i].line, line) == 0)
			return true;
	return false;
}

/* B is told when it is decided, as what it is then. */
static bool marks_early(bool right)
{
	struct script *script = answered_early();
	bool marked;

	vote(script, ENOUGH - 1, right);
	script_tick(script, 9020);
	assert_false(is_told(script, "GET /b"));
	vote(script, 1, right);
	script_tick(script, 9030);
	assert_true(is_told(script, "GET /b"));
	marked = told_of(script, "GET /b")->ambiguous;
	WRITE(script, 10000, LOOP, CLIENT_A, .epoll = 9040, .status = 200);
	script_finish(script);
	script_close(script);
	return marked;
}

static void test_told_when_it_is_decided(void **state)
{
	(void)state;
	assert_false(marks_early(true));
	assert_true(marks_early(false));
}

/* Nothing decides it: B is told all the same, some time after its response. The trust of a few is by chance. */
static bool marks_undecided(unsigned int right)
{
	struct script *script = answered_early();
	bool marked;

	vote(script, right, true);
	WRITE(script, 10000, LOOP, CLIENT_A, .epoll = 9040, .status = 200); /* bears it out once more */
	script_tick(script, 3000 + 1490000);
	assert_false(is_told(script, "GET /b"));
	script_tick(script, 3000 + 1510000);
	marked = told_of(script, "GET /b")->ambiguous;
	script_finish(script);
	script_close(script);
	return marked;
}

static void test_told_undecided(void **state)
{
	(void)state;
	assert_true(marks_undecided(0));
	assert_true(marks_undecided(BORNE_OUT - 2));
	assert_false(marks_undecided(BORNE_OUT - 1));
}

/* What responses say of the next program in that process says nothing of B. */
static void test_told_when_its_program_ends(void **state)
{
	struct script *script = answered_early();
	(void)state;

	assert_false(is_told(script, "GET /b"));
	script_thread(script, 9020, LOOP, LOOP, THREAD_EXECED);
	assert_true(told_of(script, "GET /b")->ambiguous);
	script_finish(script);
	script_close(script);
}

/* Another process says nothing of B, and what it executes does not either. */
static void test_withheld_while_another_program_begins(void **state)
{
	struct script *script = answered_early();
	(void)state;

	script_thread(script, 9020, OTHER, OTHER, THREAD_FOUND);
	script_thread(script, 9030, OTHER, OTHER, THREAD_EXECED);
	assert_false(is_told(script, "GET /b"));
	vote(script, ENOUGH, true);
	script_tick(script, 9040);
	assert_false(told_of(script, "GET /b")->ambiguous);
	script_finish(script);
	script_close(script);
}

/* The responses of one program bear out no order of the next one. */
static void test_nothing_is_borne_out_for_the_next_program(void **state)
{
	struct script *script = answered_early();
	struct proc *proc = proc_of_loop(script);
	struct context request = {.proc = proc, .is_request = true, .doubts = 1u << DOUBT_ORDER};
	(void)state;

	vote(script, 1, false);
	vote(script, RIGHT_AGAIN, true);
	script_thread(script, 9020, LOOP, LOOP, THREAD_EXECED);
	proc->order_guessed = true;
	request.order_contradicted = proc->order_contradicted;
	assert_true(doubts_are_undecided(&request));
	doubts_settle(&request);
	assert_true(request.ambiguous);
	script_finish(script);
	script_close(script);
}

/* Nobody is known to have been answered out of turn, or to have asked as one of several: the order tells nothing that could be wrong. */
static bool marks_order(enum runtime runtime, unsigned int out_of_turn, unsigned int right)
{
	struct proc proc = {.told.runtime = runtime};
	struct context request = {.proc = &proc, .is_request = true, .doubts = 1u << DOUBT_ORDER};

	while (out_of_turn--)
		doubts_vote(&proc, DOUBT_TURN, false);
	while (right--)
		doubts_vote(&proc, DOUBT_ORDER, true);
	doubts_settle(&request);
	return request.ambiguous;
}

static void test_order_beside_turns_that_are_wrong(void **state)
{
	(void)state;
	assert_false(marks_order(RUNTIME_PYTHON, 0, 0));
	assert_true(marks_order(RUNTIME_PYTHON, 1, 0));
	assert_true(marks_order(RUNTIME_PYTHON, 1, BORNE_OUT - 1));
	assert_false(marks_order(RUNTIME_PYTHON, 1, BORNE_OUT));
	assert_false(marks_order(RUNTIME_NODE, 1, 0));
}

/* Which doubt of a JVM's is decided by so many responses? */
static bool withholds(enum runtime runtime, enum doubt doubt, unsigned int votes)
{
	struct proc proc = {.told.runtime = runtime};
	struct context request = {.proc = &proc, .is_request = true, .doubts = (uint16_t)(1u << doubt)};

	while (votes--)
		doubts_vote(&proc, doubt, true);
	return doubts_are_undecided(&request);
}

/* Its threads, and what seem loops, may yet show to run virtual threads in turns. */
static void test_few_in_a_jvm(void **state)
{
	(void)state;
	assert_true(withholds(RUNTIME_JVM, DOUBT_THREAD, 15));
	assert_false(withholds(RUNTIME_JVM, DOUBT_THREAD, 16));
	assert_true(withholds(RUNTIME_JVM, DOUBT_TURN, 15));
	assert_false(withholds(RUNTIME_JVM, DOUBT_TURN, 16));
	assert_false(withholds(RUNTIME_NODE, DOUBT_TURN, 0));
	assert_false(withholds(RUNTIME_NATIVE, DOUBT_THREAD, 0));
}

/*
 * The order was wrong, for the last time so many responses behind the request's beginning; then so many bear it out. wrong_again: and one
 * contradicts again before the request is told.
 */
static bool marks_since(unsigned int right, unsigned int before, bool wrong_again)
{
	struct proc proc = {.told.runtime = RUNTIME_PYTHON, .order_guessed = true};
	struct context request = {.proc = &proc, .is_request = true, .doubts = 1u << DOUBT_ORDER};

	for (unsigned int i = 0; i < 20; i++) {
		if (i + before == 20)
			request.order_contradicted = proc.order_contradicted;
		doubts_vote(&proc, DOUBT_ORDER, false);
	}
	if (!before)
		request.order_contradicted = proc.order_contradicted;
	for (unsigned int i = 0; i < right; i++)
		doubts_vote(&proc, DOUBT_ORDER, true);
	assert_true(doubts_are_undecided(&request) == (!before && right < RIGHT_AGAIN));
	if (wrong_again)
		doubts_vote(&proc, DOUBT_ORDER, false);
	doubts_settle(&request);
	return request.ambiguous;
}

static void test_right_again(void **state)
{
	(void)state;
	assert_false(marks_since(RIGHT_AGAIN, 0, false));
	assert_true(marks_since(RIGHT_AGAIN - 1, 0, false));
	assert_true(marks_since(RIGHT_AGAIN, 1, false));
	assert_true(marks_since(RIGHT_AGAIN, 0, true));
}

/* C is answered in the round that reads it, as nobody is in a loop that defers. Where the order turns out to be wrong, so may that be. */
static bool marks_answered_at_once(bool right)
{
	struct script *script = answered_early();
	bool marked;

	READ(script, 9210, LOOP, CLIENT_C, .epoll = 9205, .events = 1, .arrived = 9200, .line = "GET /c");
	WRITE(script, 9300, LOOP, CLIENT_C, .status = 200);
	vote(script, 2 * ENOUGH, right);
	script_finish(script);
	marked = told_of(script, "GET /c")->ambiguous;
	script_close(script);
	return marked;
}

static void test_answered_at_once_where_others_wait(void **state)
{
	(void)state;
	assert_true(marks_answered_at_once(false));
	assert_false(marks_answered_at_once(true));
}

/*
 * Of threads that run each other's requests too few responses may have said yet that it is right who was taken to ask: until so many have
 * borne it out, or one has contradicted it, whom it was told of is withheld.
 */
static void test_few_where_threads_share(void **state)
{
	static const enum doubt doubts[] = {DOUBT_SELF, DOUBT_ORDER};
	(void)state;

	for (size_t i = 0; i < 2; i++) {
		struct proc proc = {.threads_share = true};
		struct context request = {.proc = &proc, .is_request = true, .doubts = (uint16_t)(1u << doubts[i])};

		for (unsigned int right = 0; right < BORNE_OUT; right++) {
			assert_true(doubts_are_undecided(&request));
			doubts_vote(&proc, doubts[i], true);
		}
		assert_false(doubts_are_undecided(&request));
		doubts_settle(&request);
		assert_false(request.ambiguous);
		proc.doubts[doubts[i]] = (struct score){.right = 1, .wrong = 1};
		assert_false(doubts_are_undecided(&request));
		proc.doubts[doubts[i]] = (struct score){0};
		proc.threads_share = false;
		assert_false(doubts_are_undecided(&request));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_told_when_it_is_decided),
		cmocka_unit_test(test_told_undecided),
		cmocka_unit_test(test_told_when_its_program_ends),
		cmocka_unit_test(test_withheld_while_another_program_begins),
		cmocka_unit_test(test_nothing_is_borne_out_for_the_next_program),
		cmocka_unit_test(test_order_beside_turns_that_are_wrong),
		cmocka_unit_test(test_right_again),
		cmocka_unit_test(test_answered_at_once_where_others_wait),
		cmocka_unit_test(test_few_where_threads_share),
		cmocka_unit_test(test_few_in_a_jvm),
	};

	return cmocka_run_group_tests_name("engine, withheld", tests, NULL, NULL);
}
