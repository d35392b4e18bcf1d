/* SPDX-License-Identifier: BSD-2-Clause */
/* Rule 12 where threads run each other's requests: who is given a connection that another one has given back. Times in µs. */
#include "unit/chains_script.h"

/* A has the pool's only connection. B and C wait for it, and A once more, when its answer has come; then B does. */
static void wait_twice(struct script *script, uint64_t from)
{
	READ(script, from + 100, FIRST, CLIENT_A, .arrived = from + 90, .line = "GET /a");
	ask(script, from + 300, FIRST, DB);
	READ(script, from + 310, FIRST, CLIENT_B, .arrived = from + 300, .line = "GET /b");
	READ(script, from + 510, FIRST, CLIENT_C, .arrived = from + 500, .line = "GET /c");
	answer(script, from + 1000, FIRST, from + 610, DB);
	ask(script, from + 1300, FIRST, DB); /* B */
	answer(script, from + 2000, FIRST, from + 1306, DB);
	ask(script, from + 2200, FIRST, DB); /* C */
	answer(script, from + 3000, FIRST, from + 2206, DB);
	WRITE(script, from + 3100, FIRST, CLIENT_C, .status = 200);
	ask(script, from + 3110, FIRST, DB); /* A */
	answer(script, from + 4000, FIRST, from + 3116, DB);
	WRITE(script, from + 4150, FIRST, CLIENT_A, .status = 200);
	ask(script, from + 4160, FIRST, DB); /* B */
	answer(script, from + 5000, FIRST, from + 4166, DB);
	WRITE(script, from + 5100, FIRST, CLIENT_B, .status = 200);
	script_finish(script);
}

static void test_waits_twice(void **state)
{
	struct script *script = server(RUNTIME_GO);
	(void)state;

	wait_twice(script, 0);
	check(script, "GET /a", 200 + 300 + 150, 3110 - 1300, 2);
	check(script, "GET /b", 200 + 200 + 100, 1300 - 510 + 4160 - 2200, 2);
	check(script, "GET /c", 100 + 100, 2200 - 610, 1);
	script_close(script);
}

/* A and D have both connections, and give them back on two threads; B, C, E and F wait for them, in this order. */
static void begin_with_two(struct script *script)
{
	READ(script, 100, FIRST, CLIENT_A, .arrived = 90, .line = "GET /a");
	ask(script, 200, FIRST, DB);
	READ(script, 210, FIRST, CLIENT_D, .arrived = 90, .line = "GET /d");
	ask(script, 310, FIRST, DB_2);
	READ(script, 320, FIRST, CLIENT_B, .arrived = 90, .line = "GET /b");
	READ(script, 420, FIRST, CLIENT_C, .arrived = 90, .line = "GET /c");
	READ(script, 520, FIRST, CLIENT_E, .arrived = 90, .line = "GET /e");
	READ(script, 620, FIRST, CLIENT_F, .arrived = 90, .line = "GET /f");
	answer(script, 1000, FIRST, 720, DB);
	answer(script, 1010, SECOND, 50, DB_2);
}

/* The two who were let go on have changed threads. */
static void test_response_tells_who_went_on(void **state)
{
	struct script *script = server(RUNTIME_GO);
	(void)state;

	begin_with_two(script);
	WRITE(script, 1300, FIRST, CLIENT_A, .status = 200);
	ask(script, 1310, FIRST, DB); /* C, as it proves */
	WRITE(script, 1400, SECOND, CLIENT_D, .status = 200);
	ask(script, 1410, SECOND, DB_2); /* B */
	answer(script, 2000, FIRST, 1316, DB);
	WRITE(script, 2250, FIRST, CLIENT_C, .status = 200);
	answer(script, 3000, SECOND, 1416, DB_2);
	WRITE(script, 3150, SECOND, CLIENT_B, .status = 200);
	script_finish(script);
	check(script, "GET /b", 100 + 150, 1410 - 420, 1);
	check(script, "GET /c", 100 + 250, 1310 - 520, 1);
	script_close(script);
}

/*
 * B and C go on, on SECOND at 1400, on FIRST before or behind that, and each once more. `on_first` and `on_second`: who is answered in the
 * end by what FIRST, and what SECOND has read.
 */
static void ask_twice_each(struct script *script, uint64_t first_asks, uint64_t on_first, uint64_t on_second)
{
	WRITE(script, 1250, FIRST, CLIENT_A, .status = 200);
	WRITE(script, 1260, SECOND, CLIENT_D, .status = 200);
	if (first_asks < 1400)
		ask(script, first_asks, FIRST, DB);
	ask(script, 1400, SECOND, DB_2);
	if (first_asks > 1400)
		ask(script, first_asks, FIRST, DB);
	answer(script, 2000, FIRST, first_asks + 6, DB);
	ask(script, 2200, FIRST, DB); /* E */
	answer(script, 2300, SECOND, 1406, DB_2);
	ask(script, 2500, SECOND, DB_2); /* F */
	answer(script, 3000, FIRST, 2206, DB);
	WRITE(script, 3100, FIRST, CLIENT_E, .status = 200);
	ask(script, 3110, FIRST, DB);
	answer(script, 3300, SECOND, 2506, DB_2);
	WRITE(script, 3400, SECOND, CLIENT_F, .status = 200);
	ask(script, 3410, SECOND, DB_2);
	answer(script, 4000, FIRST, 3116, DB);
	WRITE(script, 4150, FIRST, on_first, .status = 200);
	answer(script, 4300, SECOND, 3416, DB_2);
	WRITE(script, 4450, SECOND, on_second, .status = 200);
	script_finish(script);
}

/* Who is let go on does so on the thread that gave the connection back, be it that the other thread is quicker. */
static void test_each_thread_goes_on_with_its_own(void **state)
{
	struct script *script = server(RUNTIME_GO);
	(void)state;

	begin_with_two(script);
	ask_twice_each(script, 1450, CLIENT_B, CLIENT_C);
	check(script, "GET /b", 100 + 200 + 150, 1450 - 420 + 3110 - 2200, 2);
	check(script, "GET /c", 100 + 200 + 150, 1400 - 520 + 3410 - 2500, 2);
	script_close(script);
}

/* Not so: and who went on first is not the only thing that may have been taken for another. */
static void test_two_places_of_doubt(void **state)
{
	struct script *script = server(RUNTIME_GO);
	(void)state;

	begin_with_two(script);
	ask_twice_each(script, 1310, CLIENT_C, CLIENT_B);
	assert_true(told_of(script, "GET /b")->ambiguous);
	assert_true(told_of(script, "GET /c")->ambiguous);
	assert_false(told_of(script, "GET /a")->ambiguous);
	assert_false(told_of(script, "GET /d")->ambiguous);
	script_close(script);
}

/* B's thread falls asleep when B comes to wait, which it tells only when it wakes: C has come to wait by then. */
static void sleep_when_it_waits(struct script *script)
{
	READ(script, 100, FIRST, CLIENT_A, .arrived = 90, .line = "GET /a");
	ask(script, 200, FIRST, DB);
	READ(script, 210, FIRST, CLIENT_D, .arrived = 90, .line = "GET /d");
	ask(script, 310, FIRST, DB_2);
	READ(script, 310, SECOND, CLIENT_B, SLEPT(50, 300, 1), .line = "GET /b");
	READ(script, 320, FIRST, CLIENT_C, .arrived = 90, .line = "GET /c");
	READ(script, 420, FIRST, CLIENT_E, .arrived = 90, .line = "GET /e");
	READ(script, 520, FIRST, CLIENT_F, .arrived = 90, .line = "GET /f");
	WINDOW(script, 990, FIRST, .off = 620, .on = 985, .cause = WAIT_LOCK);
	WINDOW(script, 995, SECOND, .off = 410, .on = 985, .cause = WAIT_LOCK);
	READ(script, 1000, FIRST, DB, .arrived = 980);
	READ(script, 1010, SECOND, DB_2, .arrived = 980);
	ask_twice_each(script, 1310, CLIENT_B, CLIENT_C);
}

static void test_told_when_it_wakes(void **state)
{
	struct script *script = server(RUNTIME_GO);
	(void)state;

	sleep_when_it_waits(script);
	check(script, "GET /b", 100 + 200 + 150, 1310 - 410 + 3110 - 2200, 2);
	check(script, "GET /c", 100 + 200 + 150, 1400 - 420 + 3410 - 2500, 2);
	script_close(script);
}

/* A runtime's threads wait at one epoll fd in turn: the other one sleeps in a futex when it has nothing to do, and looks what there is. */
static void test_sleeps_beside_the_epoll_fd(void **state)
{
	struct script *script = server(RUNTIME_NATIVE);
	const struct told *told;
	(void)state;

	WINDOW(script, 20, FIRST, .epoll = 10, .events = 1);
	WINDOW(script, 50, SECOND, .epoll = 40, .events = 1);
	sleep_when_it_waits(script);
	told = told_of(script, "GET /b");
	assert_false(told->ambiguous);
	assert_int_equal(told->call_count, 2);
	assert_int_equal(told->state[STATE_LOCK], 0);
	assert_int_equal(told->state[STATE_POOL], 985 - 410 + 1310 - 1010 + 3110 - 2200);
	check(script, "GET /c", 100 + 200 + 150, 1400 - 420 + 3410 - 2500, 2);
	script_close(script);
}

/*
 * C goes on once, because of its place in the line. That is in no doubt by itself; but it is if the thread has seemed to work for E when it
 * did for F: so others go on than those who stand in line.
 */
static void check_place(bool mistaken)
{
	struct script *script = server(RUNTIME_NATIVE);

	WINDOW(script, 20, FIRST, .epoll = 10, .events = 1);
	WINDOW(script, 50, SECOND, .epoll = 40, .events = 1);
	for (uint64_t i = 0; i < 8; i++) {
		READ(script, 100 + 20 * i, FIRST, CLIENT_LAST, .arrived = 90, .line = "GET /computes");
		WRITE(script, 110 + 20 * i, FIRST, CLIENT_LAST, .status = 200);
	}
	READ(script, 400, FIRST, CLIENT_E, .arrived = 390, .line = "GET /e");
	READ(script, 500, FIRST, CLIENT_F, .arrived = 390, .line = "GET /f");
	ask(script, 600, FIRST, DB_LAST);
	answer(script, 1000, FIRST, 610, DB_LAST);
	WRITE(script, 1100, FIRST, mistaken ? CLIENT_E : CLIENT_F, .status = 200);
	WRITE(script, 1200, FIRST, mistaken ? CLIENT_F : CLIENT_E, .status = 200);
	wait_twice(script, 10000);
	assert_int_equal(told_of(script, "GET /c")->call_count, 1);
	assert_int_equal(told_of(script, "GET /c")->ambiguous, mistaken);
	script_close(script);
}

static void test_place_where_others_go_on_as_well(void **state)
{
	(void)state;
	check_place(false);
	check_place(true);
}

/* Another thread had waited for a lock before A asked: that is no sleep of the one that reads the answer and has nothing to do then. */
static void test_lock_of_another_thread(void **state)
{
	struct script *script = server(RUNTIME_NATIVE);
	(void)state;

	WINDOW(script, 20, FIRST, .epoll = 10, .events = 1);
	WINDOW(script, 50, SECOND, .epoll = 40, .events = 1);
	READ(script, 100, FIRST, CLIENT_A, .arrived = 90, .line = "GET /a");
	WRITE(script, 540, FIRST, DB, .off = 120, .on = 520, .cause = WAIT_LOCK);
	answer(script, 1000, SECOND, 60, DB);
	WINDOW(script, 2000, SECOND, POLLED(1010, 1990, 1));
	WRITE(script, 2100, SECOND, CLIENT_A, .status = 200);
	script_finish(script);
	assert_int_equal(told_of(script, "GET /a")->state[STATE_LOCK], 520 - 120);
	script_close(script);
}

/* Six wait, and the last one is given the connection: where they are not served in order it may have been given one in between, too. */
static void serve_last(struct script *script, uint64_t from)
{
	READ(script, from + 100, FIRST, CLIENT_A, .arrived = from + 90, .line = "GET /first");
	ask(script, from + 200, FIRST, DB);
	for (uint64_t i = 1; i < 7; i++)
		READ(script, from + 200 + 100 * i, FIRST, CLIENT_A + i, .arrived = from + 90, .line = "GET /waits");
	answer(script, from + 1000, FIRST, from + 900, DB);
	WRITE(script, from + 1100, FIRST, CLIENT_A, .status = 200);
	ask(script, from + 1110, FIRST, DB);
	answer(script, from + 2000, FIRST, from + 1116, DB);
	WRITE(script, from + 2100, FIRST, CLIENT_A + 6, .status = 200);
}

static void test_far_from_its_turn(void **state)
{
	struct script *script = server(RUNTIME_GO);
	(void)state;

	serve_last(script, 0);
	script_finish(script);
	assert_int_equal(script->count, 2);
	assert_false(script->told[0].ambiguous);
	assert_true(script->told[1].ambiguous);
	script_close(script);
}

/* B seems to wait; A asks, and is answered at 1000. */
static struct script *ask_while_one_sleeps(void)
{
	struct script *script = server(RUNTIME_GO);

	READ(script, 100, FIRST, CLIENT_B, .arrived = 90, .line = "GET /b");
	READ(script, 200, FIRST, CLIENT_A, .arrived = 190, .line = "GET /a");
	ask(script, 300, FIRST, DB);
	answer(script, 1000, FIRST, 306, DB);
	return script;
}

/* A goes on with the connection that it has. */
static void test_sleeper_is_given_nothing(void **state)
{
	struct script *script = ask_while_one_sleeps();
	(void)state;

	ask(script, 1200, FIRST, DB);
	answer(script, 2000, FIRST, 1206, DB);
	WRITE(script, 2100, FIRST, CLIENT_A, .status = 200);
	WRITE(script, 9000, FIRST, CLIENT_B, .off = 2110, .on = 8900, .cause = WAIT_POLL, .epoll = 8905, .status = 200);
	script_finish(script);
	check(script, "GET /a", 100 + 200 + 100, 0, 2);
	check(script, "GET /b", 100 + 95, 0, 0);
	script_close(script);
}

/* The connection that A has given back lay idle until D came, whose answer's thread turns to B then. */
static void test_idle_connection_was_not_waited_for(void **state)
{
	struct script *script = ask_while_one_sleeps();
	(void)state;

	WRITE(script, 1100, FIRST, CLIENT_A, .status = 200);
	READ(script, 5000, FIRST, CLIENT_D, .off = 1110, .on = 4990, .cause = WAIT_POLL, .epoll = 4995, .events = 1, .line = "GET /d");
	ask(script, 5100, FIRST, DB);
	answer(script, 6000, FIRST, 5106, DB);
	WRITE(script, 6100, FIRST, CLIENT_B, .status = 200);
	WRITE(script, 6200, SECOND, CLIENT_D, .off = 10, .on = 6150, .cause = WAIT_POLL, .epoll = 6155, .status = 200);
	script_finish(script);
	assert_true(told_of(script, "GET /b")->ambiguous);
	script_close(script);
}

/* A sleeper is given nothing four times: no response bears out that the line tells who is given a connection, and then one contradicts. */
static void test_kept_bears_out_nothing(void **state)
{
	struct script *script = server(RUNTIME_GO);
	uint64_t at = 200;
	(void)state;

	READ(script, 100, FIRST, CLIENT_LAST, .arrived = 90, .line = "GET /sleeps");
	for (uint64_t db = DB; db <= DB_LAST; db++, at += 2000) {
		READ(script, at, FIRST, CLIENT_A, .arrived = at - 10, .line = "GET /keeps");
		ask(script, at + 100, FIRST, db);
		answer(script, at + 800, FIRST, at + 106, db);
		ask(script, at + 1000, FIRST, db);
		answer(script, at + 1800, FIRST, at + 1006, db);
		WRITE(script, at + 1900, FIRST, CLIENT_A, .status = 200);
	}
	WRITE(script, at, SECOND, CLIENT_LAST, .off = 1, .on = at - 100, .cause = WAIT_LOCK, .status = 200);
	for (uint64_t db = DB_2; db <= DB_LAST; db++)
		script_conn_ended(script, at + 10, db); /* else nobody would wait for DB */
	serve_last(script, at);
	at += 3000;
	for (uint64_t i = 1; i < 6; i++)
		WRITE(script, at + 100 * i, SECOND, CLIENT_A + i, .status = 200);
	wait_twice(script, at + 1000);
	assert_true(told_of(script, "GET /b")->ambiguous);
	assert_false(told_of(script, "GET /c")->ambiguous);
	script_close(script);
}

/* B has slept only, and answers before or after another one has gone on with the connection that B seemed to be given. */
static void answer_of_sleeper(uint64_t answered)
{
	struct script *script = server(RUNTIME_GO);

	READ(script, 100, FIRST, CLIENT_A, .arrived = 90, .line = "GET /a");
	ask(script, 200, FIRST, DB);
	READ(script, 210, FIRST, CLIENT_B, .arrived = 90, .line = "GET /b");
	READ(script, 310, FIRST, CLIENT_C, .arrived = 90, .line = "GET /c");
	answer(script, 1000, FIRST, 410, DB);
	if (answered < 1310)
		WRITE(script, answered, SECOND, CLIENT_B, .off = 1, .on = answered - 100, .cause = WAIT_LOCK, .status = 200);
	WRITE(script, 1300, FIRST, CLIENT_A, .status = 200);
	ask(script, 1310, FIRST, DB); /* C */
	if (answered > 1310)
		WRITE(script, answered, SECOND, CLIENT_B, .off = 1, .on = answered - 100, .cause = WAIT_LOCK, .status = 200);
	answer(script, 2000, FIRST, 1316, DB);
	WRITE(script, 2100, FIRST, CLIENT_C, .status = 200);
	script_finish(script);
	check(script, "GET /a", 100 + 300, 0, 1);
	check(script, "GET /c", 100 + 100, 1310 - 410, 1);
	script_close(script);
}

static void test_sleeper_answers(void **state)
{
	(void)state;
	answer_of_sleeper(1200);
	answer_of_sleeper(1600);
}

/* B has slept only. C has waited too, but gone on with a new connection: what B seemed to be given is E's, who waits behind them. */
static void test_gone_on_by_itself(void **state)
{
	struct script *script = server(RUNTIME_GO);
	(void)state;

	READ(script, 100, FIRST, CLIENT_A, .arrived = 90, .line = "GET /a");
	ask(script, 200, FIRST, DB);
	READ(script, 210, FIRST, CLIENT_B, .arrived = 90, .line = "GET /b");
	READ(script, 310, SECOND, CLIENT_C, SLEPT(1, 300, 1), .line = "GET /c");
	READ(script, 420, FIRST, CLIENT_E, .arrived = 90, .line = "GET /e");
	READ(script, 520, FIRST, CLIENT_F, .arrived = 90, .line = "GET /f");
	answer(script, 1000, FIRST, 620, DB);
	WRITE(script, 1300, FIRST, CLIENT_A, .status = 200);
	ask(script, 1310, FIRST, DB); /* E */
	script_span(script, 1495, SECOND, RECORD_IO, IO_CONNECT, DB_2, 0, (struct with){.off = 410, .on = 1490, .cause = WAIT_LOCK});
	WRITE(script, 1500, SECOND, DB_2);
	WRITE(script, 1600, THIRD, CLIENT_B, .off = 1, .on = 1500, .cause = WAIT_LOCK, .status = 200);
	answer(script, 2000, FIRST, 1316, DB);
	ask(script, 2200, FIRST, DB); /* F */
	answer(script, 3000, FIRST, 2206, DB);
	WRITE(script, 3100, FIRST, CLIENT_F, .status = 200);
	ask(script, 3110, FIRST, DB); /* E */
	answer(script, 4000, FIRST, 3116, DB);
	WRITE(script, 4150, FIRST, CLIENT_E, .status = 200);
	script_finish(script);
	check(script, "GET /e", 100 + 200 + 150, 1310 - 520 + 3110 - 2200, 2);
	check(script, "GET /f", 100 + 100, 2200 - 620, 1);
	script_close(script);
}

/* Two threads of a runtime wait at one epoll fd; that they do shows only when both have: until then the first one had a line of its own. */
static void test_events_shared(void **state)
{
	struct script *script = server(RUNTIME_NATIVE);
	(void)state;

	WINDOW(script, 20, FIRST, .epoll = 10, .events = 1);
	READ(script, 100, FIRST, CLIENT_A, .arrived = 90, .line = "GET /a");
	WRITE(script, 200, FIRST, DB);
	READ(script, 210, SECOND, CLIENT_B, .arrived = 200, .line = "GET /b");
	READ(script, 310, SECOND, CLIENT_C, .arrived = 300, .line = "GET /c");
	READ(script, 500, FIRST, CLIENT_D, SLEPT(210, 490, 1), .line = "GET /d");
	answer(script, 1000, FIRST, 600, DB);
	WRITE(script, 1100, FIRST, CLIENT_A, .status = 200);
	WRITE(script, 1110, FIRST, DB); /* B */
	answer(script, 2000, SECOND, 410, DB);
	WRITE(script, 2100, SECOND, CLIENT_B, .status = 200);
	WRITE(script, 2110, SECOND, DB); /* C */
	answer(script, 3000, FIRST, 1120, DB);
	WRITE(script, 3100, FIRST, CLIENT_C, .status = 200);
	WRITE(script, 3110, FIRST, DB); /* D */
	answer(script, 4000, FIRST, 3120, DB);
	WRITE(script, 4100, FIRST, CLIENT_D, .status = 200);
	script_finish(script);
	check(script, "GET /b", 100 + 100, 1110 - 310, 1);
	check(script, "GET /c", 100 + 100, 2110 - 410, 1);
	check(script, "GET /d", 100 + 100, 3110 - 600, 1);
	script_close(script);
}

/* A's call went out before it was known that its thread is a loop: whose the answer is only the response tells; all others keep their
 * places. */
static void test_asked_before_the_loop_was_known(void **state)
{
	struct script *script = server(RUNTIME_NATIVE);
	(void)state;

	WINDOW(script, 20, FIRST, .epoll = 10, .events = 1);
	READ(script, 100, SECOND, CLIENT_A, .arrived = 90, .line = "GET /a");
	WRITE(script, 200, SECOND, DB);
	READ(script, 210, FIRST, CLIENT_B, SLEPT(60, 200, 1), .line = "GET /b");
	READ(script, 310, FIRST, CLIENT_C, .arrived = 300, .line = "GET /c");
	answer(script, 1000, SECOND, 210, DB);
	WRITE(script, 1100, SECOND, DB); /* B; A waits */
	answer(script, 2000, FIRST, 410, DB);
	WRITE(script, 2100, FIRST, CLIENT_B, .status = 200);
	WRITE(script, 2110, FIRST, DB); /* C */
	answer(script, 3000, SECOND, 1110, DB);
	WRITE(script, 3100, SECOND, CLIENT_C, .status = 200);
	WRITE(script, 3110, SECOND, DB); /* A */
	READ(script, 3120, SECOND, CLIENT_B, .arrived = 3115, .line = "GET /e");
	READ(script, 3220, SECOND, CLIENT_C, .arrived = 3215, .line = "GET /f");
	answer(script, 4000, FIRST, 2120, DB);
	WRITE(script, 4100, FIRST, CLIENT_A, .status = 200);
	WRITE(script, 4110, FIRST, DB); /* E */
	answer(script, 5000, FIRST, 4120, DB);
	WRITE(script, 5100, FIRST, CLIENT_B, .status = 200);
	script_finish(script);
	assert_true(told_of(script, "GET /a")->ambiguous);
	assert_int_equal(told_of(script, "GET /a")->call_count, 2);
	check(script, "GET /b", 100 + 100, 1100 - 310, 1);
	check(script, "GET /c", 100 + 100, 2110 - 410, 1);
	check(script, "GET /e", 100 + 100, 4110 - 3220, 1);
	script_close(script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_waits_twice),
		cmocka_unit_test(test_response_tells_who_went_on),
		cmocka_unit_test(test_each_thread_goes_on_with_its_own),
		cmocka_unit_test(test_two_places_of_doubt),
		cmocka_unit_test(test_told_when_it_wakes),
		cmocka_unit_test(test_sleeps_beside_the_epoll_fd),
		cmocka_unit_test(test_lock_of_another_thread),
		cmocka_unit_test(test_place_where_others_go_on_as_well),
		cmocka_unit_test(test_far_from_its_turn),
		cmocka_unit_test(test_sleeper_is_given_nothing),
		cmocka_unit_test(test_idle_connection_was_not_waited_for),
		cmocka_unit_test(test_kept_bears_out_nothing),
		cmocka_unit_test(test_sleeper_answers),
		cmocka_unit_test(test_gone_on_by_itself),
		cmocka_unit_test(test_events_shared),
		cmocka_unit_test(test_asked_before_the_loop_was_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
