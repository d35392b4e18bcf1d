/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A strand that asks and reads on a connection for whoever has it (hyper's client), and is let go on later than it was given the question.
 * Times in µs.
 */
#include "unit/strand_script.h"

/* B is held up between giving CONNECTION its question and letting it go on; or else A, which has been answered there before. */
enum held_up { B_BEHIND_ITS_QUESTION, B_WHILE_IT_SEEMS_TO_RUN, A_BEHIND_BS_QUESTION };
enum { CONNECTION = WRITER };

/* A asks over the connection, is answered, and goes on without it. B has begun meanwhile, and asks by itself, or by a child. */
static struct script *a_is_answered(uint64_t asker)
{
	struct script *script = server_with_request();

	WOKEN(script, 1100, MAIN, CONNECTION);
	RUNS(script, 1110, MAIN, CONNECTION, .left = WAIT_POLL);
	WRITE(script, 1120, MAIN, DB);
	RUNS(script, 1130, MAIN, NONE, .left = WAIT_POLL);
	WOKEN(script, 3000, MAIN, CONNECTION, POLLED(1140, 2980, 1));
	RUNS(script, 3010, MAIN, CONNECTION);
	READ(script, 3020, MAIN, DB, .arrived = 2970);
	WOKEN(script, 3030, MAIN, HANDLER_A);
	RUNS(script, 3040, MAIN, HANDLER_A, .left = WAIT_POLL);
	RUNS(script, 3050, CARRIER, HANDLER_B);
	READ(script, 3060, CARRIER, CLIENT_B, .arrived = 3050, .line = "GET /b");
	if (asker == HANDLER_B)
		return script;
	MADE(script, 3070, CARRIER, asker);
	RUNS(script, 3080, CARRIER, asker, .left = WAIT_POLL);
	return script;
}

/* A lets the connection go on as it has read its answer to the end, and B as it asks. */
static void ask_for_b(struct script *script, enum held_up held_up)
{
	switch (held_up) {
	case B_BEHIND_ITS_QUESTION:
	case B_WHILE_IT_SEEMS_TO_RUN:
		WOKEN(script, 3100, MAIN, CONNECTION);
		RUNS(script, 3110, MAIN, NONE, .left = WAIT_POLL);
		RUNS(script, 3120, MAIN, CONNECTION);
		if (held_up == B_WHILE_IT_SEEMS_TO_RUN)
			WOKEN(script, 3130, CARRIER, CONNECTION);
		WRITE(script, 3140, MAIN, DB);
		RUNS(script, 3150, MAIN, NONE, .left = WAIT_POLL);
		if (held_up == B_BEHIND_ITS_QUESTION)
			WOKEN(script, 3160, CARRIER, CONNECTION);
		break;
	case A_BEHIND_BS_QUESTION:
		WOKEN(script, 3100, CARRIER, CONNECTION);
		RUNS(script, 3105, CARRIER, NONE, .left = WAIT_POLL);
		RUNS(script, 3110, CARRIER, CONNECTION);
		WRITE(script, 3140, CARRIER, DB);
		RUNS(script, 3150, CARRIER, NONE, .left = WAIT_POLL);
		WOKEN(script, 3160, MAIN, CONNECTION);
		RUNS(script, 3165, MAIN, NONE, .left = WAIT_POLL);
		RUNS(script, 3170, MAIN, CONNECTION);
		RUNS(script, 3175, MAIN, NONE, .left = WAIT_POLL);
		return;
	}
	RUNS(script, 3170, CARRIER, NONE, .left = WAIT_POLL);
	if (held_up == B_WHILE_IT_SEEMS_TO_RUN)
		return; /* it had not begun yet, so it does not run once more */
	RUNS(script, 3180, CARRIER, CONNECTION);
	RUNS(script, 3185, CARRIER, NONE, .left = WAIT_POLL);
}

/* The connection's answer lets B go on. It is asked on for A once more, which works on meanwhile. */
static struct script *held_up(enum held_up held_up, uint64_t asker)
{
	struct script *script = a_is_answered(asker);

	ask_for_b(script, held_up);
	WOKEN(script, 8000, CARRIER, CONNECTION, POLLED(3190, 7980, 1));
	RUNS(script, 8010, CARRIER, CONNECTION);
	READ(script, 8020, CARRIER, DB, .arrived = 7970);
	WOKEN(script, 8030, CARRIER, asker);
	RUNS(script, 8040, CARRIER, asker, .left = WAIT_POLL);
	WOKEN(script, 8050, MAIN, HANDLER_A, POLLED(3200, 8042, 0));
	RUNS(script, 8055, MAIN, HANDLER_A);
	WOKEN(script, 8100, MAIN, CONNECTION);
	RUNS(script, 8110, MAIN, CONNECTION, .left = WAIT_POLL);
	WRITE(script, 8120, MAIN, DB);
	RUNS(script, 8130, MAIN, NONE, .left = WAIT_POLL);
	WOKEN(script, 9000, MAIN, CONNECTION, POLLED(8140, 8980, 1));
	RUNS(script, 9010, MAIN, CONNECTION);
	READ(script, 9020, MAIN, DB, .arrived = 8970);
	WOKEN(script, 9030, MAIN, HANDLER_A);
	RUNS(script, 9040, MAIN, HANDLER_A, .left = WAIT_POLL);
	WRITE(script, 9100, MAIN, CLIENT_A, .status = 200);
	if (asker != HANDLER_B)
		RUNS(script, 9150, CARRIER, HANDLER_B, .left = WAIT_POLL);
	WRITE(script, 9200, CARRIER, CLIENT_B, .status = 200);
	script_finish(script);
	return script;
}

static void assert_own_calls(enum held_up who, uint64_t asker)
{
	struct script *script = held_up(who, asker);
	const struct told *a = told_of(script, "GET /a"), *b = told_of(script, "GET /b");

	assert_int_equal(a->call_count, 2);
	assert_int_equal(a->state[STATE_NET], 2970 - 1130 + 8970 - 8130);
	assert_int_equal(b->call_count, 1);
	assert_in_range(b->state[STATE_NET], 7970 - 3185, 7970 - 3150); /* its CPU comes first */
	assert_false(a->ambiguous);
	assert_false(b->ambiguous);
	script_close(script);
}

static void test_question_is_whose_answer_lets_go_on(void **state)
{
	(void)state;

	for (enum held_up who = B_BEHIND_ITS_QUESTION; who <= A_BEHIND_BS_QUESTION; who++) {
		assert_own_calls(who, HANDLER_B);
		assert_own_calls(who, CHILD);
	}
}

/* A servant that has worked for A is given something more, and nobody saw by whom: that is not A's, until evidence says so. */
static void test_servant_of_nobody_seen(void **state)
{
	struct script *script = server_with_request();
	const struct told *a;
	(void)state;

	RUNS(script, 1020, CARRIER, WRITER);
	RUNS(script, 1030, CARRIER, NONE, .left = WAIT_PIPE);
	WOKEN(script, 1100, MAIN, WRITER);
	RUNS(script, 1110, CARRIER, WRITER);
	RUNS(script, 1410, CARRIER, NONE, .left = WAIT_PIPE);
	RUNS(script, 2000, CARRIER, WRITER);
	RUNS(script, 2700, CARRIER, NONE, .left = WAIT_PIPE);
	WRITE(script, 5000, MAIN, CLIENT_A, .status = 200);
	script_finish(script);
	a = told_of(script, "GET /a");
	assert_int_equal(a->cpu_time, 10 + 3990 + 300);
	assert_false(a->ambiguous);
	script_close(script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_servant_of_nobody_seen),
		cmocka_unit_test(test_question_is_whose_answer_lets_go_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
