/* SPDX-License-Identifier: BSD-2-Clause */
/* Whose answers come on a connection that several strands use: of tasks and threads of a runtime's own, that a hook tells of. Times in µs.
 */
#include "unit/answers_script.h"

/* How A and B ask on one connection; READER reads what they are answered, in one read and a segment each. */
struct way {
	const char *a_asks, *b_asks; /* NULL: the question is not seen */
	const char *answers;
	uint64_t woken[2]; /* by READER; 0: nobody tells whom it wakes */
	bool unseen;       /* the answers came within 0.5 ms, but nobody saw when each did */
};

/* Everything that follows happens on MAIN. */
static struct script *ask_and_answer(const struct way *way)
{
	struct script *script = server_with_request();
	enum wait_cause left = way->woken[0] ? WAIT_POLL : WAIT_OTHER;

	begin();
	if (!way->woken[0])
		script_runtime(script, MAIN, RUNTIME_JVM);
	if (way->a_asks)
		moves(script, 1100, MAIN, IO_WRITE, way->a_asks, NULL);
	WRITE(script, 1100, MAIN, DB);
	RUNS(script, 1110, MAIN, HANDLER_B, .left = left);
	READ(script, 1120, MAIN, CLIENT_B, .arrived = 1110, .line = "GET /b");
	if (way->b_asks)
		moves(script, 1200, MAIN, IO_WRITE, way->b_asks, NULL);
	WRITE(script, 1200, MAIN, DB);
	RUNS(script, 1210, MAIN, NONE, .left = left);
	RUNS(script, 8000, MAIN, READER, POLLED(1220, 7990, 1));
	if (way->unseen) {
		comes_unseen(way->answers, 2500);
		comes_unseen(way->answers, 3000);
		moves(script, 8010, MAIN, IO_READ, way->answers, NULL);
		READ(script, 8010, MAIN, DB, .arrived = 3000);
	} else {
		HEARS(script, 8010, MAIN, way->answers, (3000, 6000), .arrived = 6000);
	}
	for (uint64_t i = 0; i < 2 && way->woken[i]; i++)
		WOKEN(script, 8020 + 10 * i, MAIN, way->woken[i]);
	RUNS(script, 8040, MAIN, HANDLER_A, .left = WAIT_NET);
	WRITE(script, 8140, MAIN, CLIENT_A, .status = 200);
	RUNS(script, 8150, MAIN, HANDLER_B, .left = WAIT_NET);
	WRITE(script, 8250, MAIN, CLIENT_B, .status = 200);
	script_finish(script);
	return script;
}

/* Where nothing names a question: answers are handed on in the order in which they came, in a segment each. */
static void test_strands_in_order(void **state)
{
	const struct way way = {.answers = "+OK\n+OK\n", .woken = {HANDLER_B, HANDLER_A}};
	struct script *script = ask_and_answer(&way);
	(void)state;

	assert_int_equal(told_of(script, "GET /a")->state[STATE_NET], 6000 - 1110);
	assert_int_equal(told_of(script, "GET /b")->state[STATE_NET], 3000 - 1210);
	script_close(script);
}

/* Both came when nobody saw it, but within so short a time that it is known. */
static void test_strands_come_unseen(void **state)
{
	const struct way way = {.answers = "+OK\n+OK\n", .woken = {HANDLER_B, HANDLER_A}, .unseen = true};
	struct script *script = ask_and_answer(&way);
	(void)state;

	assert_int_equal(told_of(script, "GET /a")->state[STATE_NET], 3000 - 1110);
	assert_int_equal(told_of(script, "GET /b")->state[STATE_NET], 3000 - 1210);
	assert_int_equal(told_of(script, "GET /a")->state[STATE_READY], 8000 - 3000);
	script_close(script);
}

/* A's question was not seen, as nobody else was waiting yet: its answer names nobody, but who is let go on tells. */
static void test_strands_unseen_question(void **state)
{
	const struct way way = {.b_asks = "Q 18 9\n", .answers = "R 17 ok\nR 18 ok\n", .woken = {HANDLER_A, HANDLER_B}};
	struct script *script = ask_and_answer(&way);
	(void)state;

	assert_int_equal(told_of(script, "GET /a")->call_count, 1);
	assert_false(told_of(script, "GET /a")->ambiguous || told_of(script, "GET /b")->ambiguous);
	script_close(script);
}

/* Nobody tells of wake-ups (Java): what was read names whom it was for. */
static void test_strands_by_name(void **state)
{
	const struct way way = {.a_asks = "Q 17 9\n", .b_asks = "Q 18 9\n", .answers = "R 18 ok\nR 17 ok\n"};
	struct script *script = ask_and_answer(&way);
	(void)state;

	assert_int_equal(told_of(script, "GET /a")->state[STATE_NET], 6000 - 1110);
	assert_int_equal(told_of(script, "GET /b")->state[STATE_NET], 3000 - 1210);
	script_close(script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_strands_in_order),
		cmocka_unit_test(test_strands_come_unseen),
		cmocka_unit_test(test_strands_unseen_question),
		cmocka_unit_test(test_strands_by_name),
	};

	return cmocka_run_group_tests_name("engine, answers to strands", tests, NULL, NULL);
}
