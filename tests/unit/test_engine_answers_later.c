/* SPDX-License-Identifier: BSD-2-Clause */
/* Answers to several requests in one read, in a loop that runs what waited for them in a later round. Times in µs. */
#include "engine/moment.h"
#include "unit/answers_script.h"

enum { CLIENT_D = CLIENT_C + 1, CLIENT_E, CLIENT_F };
enum { BORNE_OUT = 4 }; /* by so many responses the order is trusted */

/* The loop's next round begins. */
static void next_round(struct script *script, uint64_t at)
{
	WINDOW(script, at + 30, MAIN, .off = at + 10, .on = at + 20, .cause = WAIT_RUNNABLE, .epoll = at, .events = 1);
}

/* The three ask again, B first, and are answered; what waited for answers runs so many rounds later. */
static void ask_again(struct script *script, uint64_t at, unsigned int rounds)
{
	for (unsigned int i = 0; i < rounds; i++)
		next_round(script, at + 100 + 100 * i);
	ASKS(script, at + 1000, MAIN, "Q 20 9\n");
	ASKS(script, at + 3000, MAIN, "Q 21 9\n");
	ASKS(script, at + 7000, MAIN, "Q 22 9\n");
	HEARS(script, at + 9000, MAIN, "R 20 ok\nR 21 ok\nR 22 ok\n", (at + 8970, at + 8975, at + 8980), .off = at + 7010, .on = at + 8980,
	      .cause = WAIT_POLL, .epoll = at + 8990, .events = 1, .arrived = at + 8980);
	for (unsigned int i = 0; i < rounds; i++)
		next_round(script, at + 9100 + 100 * i);
}

/*
 * A loop that runs what waited for a read in the next round, or in the one after that if a task reads for others: there what several
 * answers of one read have let go on runs in their order, and asks on the very connection that the others were answered on.
 */
static void check_named_answers_of_one_read(unsigned int rounds)
{
	static const char *const lines[] = {"GET /a", "GET /b", "GET /c"};
	static const uint64_t computed[] = {4000, 1700, 2000}, net[] = {6880 - 10 + 1980, 6770 + 7970, 6675 - 10 + 5975};
	struct script *script = loop_with_clients();

	READ(script, 110, MAIN, CLIENT_A, .off = 10, .on = 100, .cause = WAIT_POLL, .epoll = 105, .events = 1, .arrived = 100,
	     .line = "GET /first");
	WRITE(script, 140, MAIN, CLIENT_A, .epoll = 120, .status = 200);
	READ(script, 1010, MAIN, CLIENT_A, .off = 150, .on = 1000, .cause = WAIT_POLL, .epoll = 1005, .events = 3, .arrived = 1000,
	     .line = lines[0]);
	READ(script, 1020, MAIN, CLIENT_B, .arrived = 1000, .line = lines[1]);
	READ(script, 1030, MAIN, CLIENT_C, .arrived = 1000, .line = lines[2]);
	next_round(script, 1040);
	ASKS(script, 1100, MAIN, "Q 17 9\n");
	ASKS(script, 1200, MAIN, "Q 18 9\n");
	ASKS(script, 1300, MAIN, "Q 19 9\n");
	HEARS(script, 8000, MAIN, "R 18 ok\nR 19 ok\nR 17 ok\n", (7970, 7975, 7980), .off = 1310, .on = 7980, .cause = WAIT_POLL,
	      .epoll = 7990, .events = 1, .arrived = 7980);
	ask_again(script, 8000, rounds);
	WRITE(script, 18100, MAIN, CLIENT_B, .status = 200);
	WRITE(script, 18200, MAIN, CLIENT_C, .status = 200);
	WRITE(script, 18300, MAIN, CLIENT_A, .status = 200);
	script_finish(script);
	for (unsigned int i = 0; i < 3; i++) {
		const struct told *told = told_of(script, lines[i]);

		assert_false(told->ambiguous);
		assert_int_equal(told->call_count, 2);
		assert_in_range(told->cpu_time, computed[i], computed[i] + 400);
		assert_int_equal(told->state[STATE_NET], net[i]);
	}
	script_close(script);
}

/* CPython's, of which nothing is known but that it defers, in an order that is right: A, B and C are read, and run in the next round. */
static struct script *loop_with_three(const char *const *lines)
{
	struct script *script = loop_with_clients();

	script_runtime(script, MAIN, RUNTIME_PYTHON);
	READ(script, 110, MAIN, CLIENT_A, .off = 10, .on = 100, .cause = WAIT_POLL, .epoll = 105, .events = 1, .arrived = 100,
	     .line = "GET /first");
	WRITE(script, 140, MAIN, CLIENT_A, .epoll = 120, .status = 200);
	READ(script, 1010, MAIN, CLIENT_A, .off = 150, .on = 1000, .cause = WAIT_POLL, .epoll = 1005, .events = 3, .arrived = 1000,
	     .line = lines[0]);
	READ(script, 1020, MAIN, CLIENT_B, .arrived = 1000, .line = lines[1]);
	READ(script, 1030, MAIN, CLIENT_C, .arrived = 1000, .line = lines[2]);
	next_round(script, 1040);
	for (unsigned int i = 0; i < BORNE_OUT; i++)
		doubts_vote(thread_of(script->engine, MAIN)->proc, DOUBT_ORDER, true);
	return script;
}

/*
 * Nothing is known of the loop but that it defers, and A's and B's questions were not seen: their steps are nobody's until they are
 * answered, and come two rounds behind the read, as a task reads for all. Of C, who is among them, all is told.
 */
static void test_unknown_among_the_first(void **state)
{
	static const char *const lines[] = {"GET /a", "GET /b", "GET /c"};
	static const uint64_t computed[] = {4000, 1700, 2000};
	struct script *script = loop_with_three(lines);
	(void)state;

	WRITE(script, 1100, MAIN, DB);
	WRITE(script, 1200, MAIN, DB);
	ASKS(script, 1300, MAIN, "Q 19 9\n");
	HEARS(script, 8000, MAIN, "R 18 ok\nR 19 ok\nR 17 ok\n", (7970, 7975, 7980), .off = 1310, .on = 7980, .cause = WAIT_POLL,
	      .epoll = 7990, .events = 1, .arrived = 7980);
	ask_again(script, 8000, 2);
	WRITE(script, 18100, MAIN, CLIENT_B, .status = 200);
	WRITE(script, 18200, MAIN, CLIENT_C, .status = 200);
	WRITE(script, 18300, MAIN, CLIENT_A, .status = 200);
	script_finish(script);
	for (unsigned int i = 0; i < 3; i++) {
		const struct told *told = told_of(script, lines[i]);

		assert_int_equal(told->ambiguous, i < 2);
		assert_int_equal(told->call_count, i < 2 ? 1 : 2);
		assert_in_range(told->cpu_time, computed[i], computed[i] + 400);
	}
	script_close(script);
}

/*
 * A's and B's questions were not seen. B's answer comes alone, and is taken for A's, as that has asked first; so A's is taken for B's,
 * whose turn seems to come when A is answered. The two change places, and of C, whose turn is next, nothing is in doubt.
 */
static void test_taken_for_the_oldest(void **state)
{
	static const char *const lines[] = {"GET /a", "GET /b", "GET /c"};
	static const uint64_t calls[] = {1, 2, 1}, computed[] = {900, 1500, 2000};
	struct script *script = loop_with_three(lines);
	(void)state;

	WRITE(script, 1100, MAIN, DB);
	WRITE(script, 1200, MAIN, DB);
	ASKS(script, 1300, MAIN, "Q 19 9\n");
	HEARS(script, 3000, MAIN, "R 18 ok\n", (2970), .off = 1310, .on = 2980, .cause = WAIT_POLL, .epoll = 2990, .events = 1,
	      .arrived = 2970);
	next_round(script, 3100);
	next_round(script, 3200);
	ASKS(script, 4000, MAIN, "Q 20 9\n");
	HEARS(script, 6000, MAIN, "R 17 ok\nR 19 ok\n", (5970, 5975), .off = 4010, .on = 5980, .cause = WAIT_POLL, .epoll = 5990,
	      .events = 1, .arrived = 5970);
	next_round(script, 6100);
	next_round(script, 6200);
	WRITE(script, 7000, MAIN, CLIENT_A, .status = 200);
	WRITE(script, 9000, MAIN, CLIENT_C, .status = 200);
	HEARS(script, 9500, MAIN, "R 20 ok\n", (9470), .off = 9010, .on = 9480, .cause = WAIT_POLL, .epoll = 9490, .events = 1,
	      .arrived = 9470);
	next_round(script, 9600);
	next_round(script, 9700);
	WRITE(script, 10300, MAIN, CLIENT_B, .status = 200);
	script_finish(script);
	for (unsigned int i = 0; i < 3; i++) {
		const struct told *told = told_of(script, lines[i]);

		assert_int_equal(told->ambiguous, i < 2);
		assert_int_equal(told->call_count, calls[i]);
		assert_in_range(told->cpu_time, computed[i], computed[i] + 400);
	}
	script_close(script);
}

/*
 * One read brings A's and B's answers, of which nothing is seen but that something came to whoever had asked first. So A seems to ask, when
 * B does, and each step behind that is taken for the next one's, until E is answered, who seems to have asked. What the steps of this round
 * asked is in doubt, and one of B's calls is missing; but of F, whose turn is next, nothing is in doubt.
 */
static void test_two_seemed_to_be_one(void **state)
{
	static const char *const lines[] = {"GET /a", "GET /b", "GET /c", "GET /d", "GET /e", "GET /f"};
	static const uint64_t calls[] = {1, 1, 0, 1, 0, 1}, computed[] = {1100, 1800, 100, 2100, 1000, 2000};
	static const bool ambiguous[] = {false, true, false, true, false, false};
	struct script *script = loop_with_three(lines);
	(void)state;

	script_conn(script, CLIENT_D, CONN_SERVER, 8080);
	script_conn(script, CLIENT_E, CONN_SERVER, 8080);
	script_conn(script, CLIENT_F, CONN_SERVER, 8080);
	WRITE(script, 1100, MAIN, DB);
	WRITE(script, 1200, MAIN, DB);
	WRITE(script, 1300, MAIN, CLIENT_C, .status = 200);
	READ(script, 3000, MAIN, DB, .off = 1310, .on = 2980, .cause = WAIT_POLL, .epoll = 2990, .events = 1, .arrived = 2970);
	READ(script, 3100, MAIN, CLIENT_D, .epoll = 3050, .events = 4, .arrived = 2900, .line = lines[3]);
	READ(script, 3110, MAIN, CLIENT_E, .arrived = 2900, .line = lines[4]);
	READ(script, 3120, MAIN, CLIENT_F, .arrived = 2900, .line = lines[5]);
	next_round(script, 3130);
	ASKS(script, 4000, MAIN, "Q 20 9\n");
	WRITE(script, 5000, MAIN, CLIENT_A, .status = 200);
	ASKS(script, 6000, MAIN, "Q 21 9\n");
	WRITE(script, 7000, MAIN, CLIENT_E, .status = 200);
	ASKS(script, 8000, MAIN, "Q 22 9\n");
	HEARS(script, 9500, MAIN, "R 21 ok\nR 20 ok\nR 22 ok\n", (9470, 9471, 9472), .off = 8010, .on = 9480, .cause = WAIT_POLL,
	      .epoll = 9490, .events = 1, .arrived = 9470);
	next_round(script, 9600);
	next_round(script, 9700);
	WRITE(script, 11000, MAIN, CLIENT_D, .status = 200);
	WRITE(script, 12000, MAIN, CLIENT_B, .status = 200);
	WRITE(script, 13000, MAIN, CLIENT_F, .status = 200);
	script_finish(script);
	for (unsigned int i = 0; i < 6; i++) {
		const struct told *told = told_of(script, lines[i]);

		assert_int_equal(told->ambiguous, ambiguous[i]);
		assert_int_equal(told->call_count, calls[i]);
		assert_in_range(told->cpu_time, computed[i], computed[i] + 400);
	}
	script_close(script);
}

static void test_named_answers_of_one_read(void **state)
{
	(void)state;
	check_named_answers_of_one_read(1);
	check_named_answers_of_one_read(2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_named_answers_of_one_read),
		cmocka_unit_test(test_unknown_among_the_first),
		cmocka_unit_test(test_taken_for_the_oldest),
		cmocka_unit_test(test_two_seemed_to_be_one),
	};

	return cmocka_run_group_tests_name("engine, answers later", tests, NULL, NULL);
}
