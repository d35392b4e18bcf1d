/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Answers to several requests in one read, in a loop that calls back at once: some to questions that were not seen. Who had asked them goes
 * on in turn like everybody else. Times in µs.
 */
#include "unit/answers_script.h"

static const char *const lines[] = {"GET /a", "GET /b", "GET /c"};

/* A, B and C have asked, 17, 18 and 19, at 1100, 1200 and 1300. */
static struct script *loop_that_asked(bool a_is_seen)
{
	static const char *const questions[] = {"Q 17 9\n", "Q 18 9\n", "Q 19 9\n"};
	struct script *script = loop_with_clients();

	for (uint64_t i = 0; i < 3; i++) {
		uint64_t at = 1010 + 100 * i;

		READ(script, at, MAIN, CLIENT_A + i, POLLED(at - 9, at - 5, 1), .arrived = at - 5, .line = lines[i]);
		if (i || a_is_seen)
			ASKS(script, 1100 + 100 * i, MAIN, questions[i]);
		else
			WRITE(script, 1100, MAIN, DB);
	}
	return script;
}

/* Each of them asks again right after the other, and is answered when its answer comes, 1000 later; one unknown asks before that. */
static void ask_again(struct script *script, uint64_t at, const char *answers, bool unknown)
{
	static const char *const questions[] = {"Q 27 9\n", "Q 28 9\n", "Q 29 9\n"};

	for (uint64_t i = 0; i < 3; i++)
		ASKS(script, at + 10 * i, MAIN, questions[i]);
	at += 1000;
	HEARS(script, at, MAIN, answers, (at - 30, at - 30, at - 30, at - 30), POLLED(at - 979, at - 20, 1), .arrived = at - 30);
	if (unknown)
		ASKS(script, at + 1, MAIN, "Q 4 9\n");
	for (uint64_t i = 0; i < 3; i++)
		WRITE(script, at + 10 + 10 * i, MAIN, CLIENT_A + i, .status = 200);
}

static void assert_calls(const struct script *script)
{
	static const uint64_t net[] = {6000 - 1101 + 970, 6000 - 1201 + 960, 6000 - 1310 + 949};

	for (int i = 0; i < 3; i++) {
		const struct told *told = told_of(script, lines[i]);

		assert_int_equal(told->call_count, 2);
		assert_int_equal(told->state[STATE_NET], net[i]);
	}
}

/* Nothing is known of names yet. What has no word of B's and C's questions is to A's, which was not seen; that alone stays a guess. */
static void test_unseen_question(void **state)
{
	struct script *script = loop_that_asked(false);
	(void)state;

	HEARS(script, 8000, MAIN, "R 17 ok\nR 18 ok\nR 19 ok\n", (6000, 6000, 6000), POLLED(1310, 7980, 1), .arrived = 6000);
	ask_again(script, 8900, "R 27 ok\nR 28 ok\nR 29 ok\n", false);
	script_finish(script);
	assert_calls(script);
	assert_true(told_of(script, lines[0])->ambiguous);
	assert_false(told_of(script, lines[1])->ambiguous || told_of(script, lines[2])->ambiguous);
	script_close(script);
}

/*
 * Two more go on who had asked before the trace, the first of all, and the first of those that come next, when what names a question is
 * known. What these two ask is of none of the others.
 */
static void test_asked_before(void **state)
{
	struct script *script = loop_that_asked(true);
	(void)state;

	HEARS(script, 8000, MAIN, "R 2 ok\nR 17 ok\nR 18 ok\nR 19 ok\n", (6000, 6000, 6000, 6000), POLLED(1310, 7980, 1), .arrived = 6000);
	ASKS(script, 8800, MAIN, "Q 3 9\n");
	ask_again(script, 8900, "R 1 ok\nR 27 ok\nR 28 ok\nR 29 ok\n", true);
	script_finish(script);
	assert_calls(script);
	for (int i = 0; i < 3; i++)
		assert_false(told_of(script, lines[i])->ambiguous);
	script_close(script);
}

/* The three have asked in the turn in which the tracer came; A is answered, B and C ask again, and are heard at 9900. */
static struct script *loop_that_asked_in_its_first_turn(void)
{
	static const char *const questions[] = {"Q 17 9\n", "Q 18 9\n", "Q 19 9\n"};
	struct script *script = loop_with_clients();

	WRITE(script, 1000, MAIN, DB);
	for (uint64_t i = 0; i < 3; i++) {
		READ(script, 1050 + 100 * i, MAIN, CLIENT_A + i, .arrived = 1000, .line = lines[i]);
		ASKS(script, 1100 + 100 * i, MAIN, questions[i]);
	}
	HEARS(script, 8000, MAIN, "R 17 ok\nR 18 ok\nR 19 ok\n", (6000, 6000, 6000), POLLED(1310, 7980, 1), .arrived = 6000);
	WRITE(script, 8900, MAIN, CLIENT_A, .status = 200);
	ASKS(script, 8910, MAIN, "Q 28 9\n");
	ASKS(script, 8920, MAIN, "Q 29 9\n");
	HEARS(script, 9900, MAIN, "R 28 ok\nR 29 ok\n", (9870, 9870), POLLED(8930, 9880, 1), .arrived = 9870);
	return script;
}

/*
 * Callbacks may have begun unseen there, so it is their responses that name them, in turn. What B and C ask behind A's response is not told
 * as that of those before them.
 */
static void test_asked_in_first_turn(void **state)
{
	static const uint64_t calls[] = {1, 2, 2};
	struct script *script = loop_that_asked_in_its_first_turn();
	(void)state;

	WRITE(script, 9910, MAIN, CLIENT_B, .status = 200);
	WRITE(script, 9920, MAIN, CLIENT_C, .status = 200);
	script_finish(script);
	for (int i = 0; i < 3; i++)
		assert_int_equal(told_of(script, lines[i])->call_count, calls[i]);
	script_close(script);
}

/* The trace ends before they go on: the CPU of those whose turn was to come is told all the same, as nobody's. */
static void test_end_before_their_turn(void **state)
{
	struct script *script = loop_that_asked_in_its_first_turn();
	(void)state;

	script_finish(script);
	script_close(script);
}

/*
 * Two threads take a loop's events. One reads the answers to all three, of whom either may go on on either thread, in any order: what is
 * asked next is nobody's who is known, and least of all of the last of them.
 */
static void test_threads_that_share_a_loop(void **state)
{
	enum { OTHER = MAIN + 1 };
	struct script *script = loop_with_clients();
	const struct told *c;
	(void)state;

	script_thread(script, 0, OTHER, MAIN, THREAD_FOUND);
	READ(script, 1010, MAIN, CLIENT_A, POLLED(1, 1005, 1), .arrived = 1005, .line = lines[0]);
	READ(script, 1010, OTHER, CLIENT_B, POLLED(1, 1005, 1), .arrived = 1005, .line = lines[1]);
	ASKS(script, 1100, MAIN, "Q 17 9\n");
	ASKS(script, 1200, OTHER, "Q 18 9\n");
	READ(script, 1210, MAIN, CLIENT_C, POLLED(1101, 1205, 1), .arrived = 1205, .line = lines[2]);
	ASKS(script, 1300, MAIN, "Q 19 9\n");
	HEARS(script, 8000, MAIN, "R 17 ok\nR 18 ok\nR 19 ok\n", (6000, 6000, 6000), POLLED(1310, 7980, 1), .arrived = 6000);
	ASKS(script, 8500, MAIN, "Q 20 9\n");
	WRITE(script, 8900, MAIN, CLIENT_C, .status = 200);
	WRITE(script, 9000, MAIN, CLIENT_A, .status = 200);
	HEARS(script, 9900, OTHER, "R 20 ok\n", (9870), POLLED(1210, 9880, 1), .arrived = 9870);
	WRITE(script, 9950, OTHER, CLIENT_B, .status = 200);
	script_finish(script);
	c = told_of(script, lines[2]);
	assert_int_equal(c->call_count, 1);
	assert_in_range(c->cpu_time, 95 + 400, 95 + 400 + 15);
	script_close(script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unseen_question),           cmocka_unit_test(test_asked_before),
		cmocka_unit_test(test_asked_in_first_turn),       cmocka_unit_test(test_end_before_their_turn),
		cmocka_unit_test(test_threads_that_share_a_loop),
	};

	return cmocka_run_group_tests_name("engine, answers to unknown questions", tests, NULL, NULL);
}
