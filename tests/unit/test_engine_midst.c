/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 11 where the tracer comes in the midst of a loop's work (asyncio, which no hook tells of): steps of requests from before the trace
 * come in their turn among the others. Times in µs.
 */
#include "engine/model.h"
#include "unit/loop_script.h"

static struct script *asyncio_server(void)
{
	struct script *script = server();

	script_runtime(script, LOOP, RUNTIME_PYTHON);
	return script;
}

/* The answers of two others are read before B: the first one is answered, in two writes, the second one asks, and only then it is B's turn.
 */
static void check_turns(struct script *script)
{
	const struct told *b;

	/* It defers. */
	READ(script, 810, LOOP, CLIENT_D, .epoll = 805, .events = 1, .arrived = 800, .line = "GET /first");
	WRITE(script, 840, LOOP, CLIENT_D, .epoll = 820, .status = 200);
	READ(script, 1010, LOOP, DB, .epoll = 1005, .events = 3, .arrived = 900);
	READ(script, 1020, LOOP, DB_2, .arrived = 950);
	READ(script, 1030, LOOP, CLIENT_B, .arrived = 960, .line = "GET /b");
	WRITE(script, 1540, LOOP, CLIENT_A, .epoll = 1040, .status = 200);
	WRITE(script, 1550, LOOP, CLIENT_A);
	WRITE(script, 2240, LOOP, DB);
	WRITE(script, 3240, LOOP, DB_3);
	READ(script, 3260, LOOP, DB, .epoll = 3250, .events = 2, .arrived = 3100);
	READ(script, 3270, LOOP, DB_3, .arrived = 3245);
	WRITE(script, 3980, LOOP, CLIENT_C, .epoll = 3280, .status = 200);
	WRITE(script, 4980, LOOP, CLIENT_B, .status = 200);
	script_finish(script);
	b = told_of(script, "GET /b");
	assert_int_equal(b->call_count, 1);
	assert_int_equal(b->peer_union, 3245 - 3240);
	assert_in_range(b->cpu_time, 2000, 2000 + 50);
	assert_false(b->ambiguous);
	script_close(script);
}

/* Both had asked before the trace. */
static void test_answers_to_what_was_asked_before(void **state)
{
	(void)state;
	check_turns(asyncio_server());
}

/* Both asked in the trace, but before an epoll return showed that this is a loop. */
static void test_calls_before_the_first_round(void **state)
{
	struct script *script = asyncio_server();
	(void)state;

	WRITE(script, 100, LOOP, DB);
	WRITE(script, 600, LOOP, DB_2);
	check_turns(script);
}

/* Another one had connected before the trace, and asks now, which is no work: what is due is B, whose turn comes next. */
static void test_connected_before(void **state)
{
	struct script *script = asyncio_server();
	const struct told *b;
	(void)state;

	READ(script, 1010, LOOP, CLIENT_B, .epoll = 1005, .events = 1, .arrived = 960, .line = "GET /b");
	WRITE(script, 1030, LOOP, DB, .epoll = 1020);
	WRITE(script, 2030, LOOP, DB_2);
	READ(script, 3010, LOOP, DB, .epoll = 2040, .events = 2, .arrived = 2500);
	READ(script, 3020, LOOP, DB_2, .arrived = 2600);
	WRITE(script, 3530, LOOP, CLIENT_A, .epoll = 3030, .status = 200);
	WRITE(script, 4530, LOOP, CLIENT_B, .status = 200);
	script_finish(script);
	b = told_of(script, "GET /b");
	assert_int_equal(b->call_count, 1);
	assert_int_equal(b->peer_union, 2600 - 2030);
	assert_in_range(b->cpu_time, 2000, 2000 + 50);
	assert_false(b->ambiguous);
	script_close(script);
}

enum { BORNE_OUT = 4, BORNE_OUT_US = BORNE_OUT * 1000 };

/* So many responses come in their turn. */
static void bear_out(struct script *script, uint64_t at, uint64_t client)
{
	for (unsigned int i = 0; i < BORNE_OUT; i++, at += 1000) {
		READ(script, at + 10, LOOP, client, .epoll = at + 5, .events = 1, .arrived = at, .line = "GET /in-turn");
		WRITE(script, at + 100, LOOP, DB, .epoll = at + 30);
		READ(script, at + 310, LOOP, DB, .epoll = at + 305, .events = 1, .arrived = at + 300);
		WRITE(script, at + 540, LOOP, client, .epoll = at + 320, .status = 200);
	}
}

/* C is answered when it is B's turn. */
static void contradict(struct script *script, uint64_t at, bool in_the_midst)
{
	READ(script, at + 10, LOOP, CLIENT_B, .epoll = at + 5, .events = 2, .arrived = at, .line = "GET /b");
	READ(script, at + 20, LOOP, CLIENT_C, .arrived = at, .line = "GET /c");
	WRITE(script, at + 100, LOOP, DB, .epoll = at + 30);
	if (in_the_midst)
		WRITE(script, at + 200, LOOP, CLIENT_A, .status = 200);
	READ(script, at + 310, LOOP, DB, .epoll = at + 305, .events = 1, .arrived = at + 300);
	WRITE(script, at + 540, LOOP, CLIENT_C, .epoll = at + 320, .status = 200);
	WRITE(script, at + 840, LOOP, CLIENT_B, .status = 200);
}

/* Does it say something of the order that this happens so often, from at_us on? */
static bool contradicts(uint64_t at_us, uint32_t times, bool in_the_midst)
{
	struct script *script = asyncio_server();
	bool later;

	READ(script, 810, LOOP, CLIENT_D, .epoll = 805, .events = 1, .arrived = 800, .line = "GET /first");
	WRITE(script, 840, LOOP, CLIENT_D, .epoll = 820, .status = 200);
	for (; times--; at_us += 1000)
		contradict(script, at_us, in_the_midst);
	bear_out(script, at_us, CLIENT_A);
	at_us += BORNE_OUT_US;
	READ(script, at_us + 10, LOOP, CLIENT_D, .epoll = at_us + 5, .events = 1, .arrived = at_us, .line = "GET /later");
	WRITE(script, at_us + 540, LOOP, CLIENT_D, .epoll = at_us + 20, .status = 200);
	script_finish(script);
	assert_true(told_of(script, "GET /b")->ambiguous);
	assert_true(told_of(script, "GET /c")->ambiguous);
	later = told_of(script, "GET /later")->ambiguous;
	script_close(script);
	return later;
}

/* Not in the first second, unless it is so for more than half as many as the others, or than some; nor if one from before the trace had
 * still to be answered behind C's read. */
static void test_contradictions_in_the_midst(void **state)
{
	(void)state;
	assert_false(contradicts(1000, 1, true));
	assert_false(contradicts(1000, 1, false));
	assert_true(contradicts(1000, BORNE_OUT / 2 + 1, false));
	assert_true(contradicts(1000, 13, false));
	assert_true(contradicts(1001000, 1, false));
}

/*
 * DB's answer at `at` is that of who has waited for two rounds, or since before the trace; its response goes to `answered`. Then the next
 * one in line asks on DB. A new request, `client`'s, finds no connection meanwhile.
 */
static void give_on(struct script *script, uint64_t at, uint64_t answered, uint64_t client, const char *line)
{
	READ(script, at + 10, LOOP, DB, .epoll = at + 5, .events = 2, .arrived = at);
	READ(script, at + 20, LOOP, client, .arrived = at, .line = line);
	WRITE(script, at + 540, LOOP, answered, .epoll = at + 30, .status = 200);
	WRITE(script, at + 690, LOOP, DB, .epoll = at + 650);
}

enum { UNKNOWN = CLIENT_D + 1, UNKNOWN_2, UNKNOWN_3 };

/* One stands in line since before the trace, and a request comes to wait. */
static struct script *server_with_line(const char *line)
{
	struct script *script = asyncio_server();

	for (uint64_t conn = UNKNOWN; conn <= UNKNOWN_3; conn++)
		script_conn(script, conn, CONN_SERVER, 8080);
	READ(script, 510, LOOP, CLIENT_D, .epoll = 505, .events = 1, .arrived = 500, .line = "GET /first");
	WRITE(script, 540, LOOP, CLIENT_D, .epoll = 520, .status = 200);
	READ(script, 610, LOOP, DB_2, .epoll = 605, .events = 2, .arrived = 600);
	READ(script, 620, LOOP, CLIENT_A, .arrived = 600, .line = line);
	WRITE(script, 640, LOOP, UNKNOWN, .epoll = 630, .status = 200);
	return script;
}

static uint64_t answered_in_turn(uint64_t i)
{
	return i < 3 ? UNKNOWN + i : CLIENT_A + (i - 3) % 4;
}

/* By how many places all others are behind is known once three have been answered. */
static void test_line_from_before(void **state)
{
	enum { REQUESTS = 9 };
	char line[] = "GET /0";
	struct script *script = server_with_line(line);
	(void)state;

	for (uint64_t i = 1; i < REQUESTS; i++) {
		line[5] = (char)('0' + i);
		give_on(script, 1000 * i, answered_in_turn(i), CLIENT_A + i % 4, line);
	}
	script_finish(script);
	for (char i = 0; i < REQUESTS - 3; i++) {
		const struct told *told;

		line[5] = (char)('0' + i);
		told = told_of(script, line);
		assert_int_equal(told->call_count, 1);
		assert_int_equal(told->ambiguous, i < 3);
	}
	assert_int_equal(told_of(script, "GET /4")->state[STATE_POOL], 1010 + 350);
	assert_int_equal(told_of(script, "GET /4")->state[STATE_NET], 1000 - 690);
	script_close(script);
}

/*
 * Somebody unknown is answered on DB_3, and asks there again at once. 4 had been woken for that, finds nothing, and goes to the end of the
 * line. It is 3 that is answered right behind it, by whose connection 5 is woken.
 */
static void test_woken_in_vain(void **state)
{
	char line[] = "GET /0";
	struct script *script = server_with_line(line);
	(void)state;

	for (uint64_t i = 1; i < 6; i++) {
		line[5] = (char)('0' + i);
		give_on(script, 1000 * i, answered_in_turn(i), CLIENT_A + i % 4, line);
	}
	READ(script, 5810, LOOP, DB_3, .epoll = 5805, .events = 1, .arrived = 5800);
	WRITE(script, 6004, LOOP, DB_3, .epoll = 5820, .events = 2);
	READ(script, 6010, LOOP, DB, .arrived = 6000);
	READ(script, 6020, LOOP, CLIENT_C, .arrived = 6000, .line = "GET /6");
	WRITE(script, 6540, LOOP, CLIENT_D, .epoll = 6030, .status = 200);
	WRITE(script, 6690, LOOP, DB, .epoll = 6650);
	give_on(script, 7000, CLIENT_B, CLIENT_D, "GET /7");
	give_on(script, 8000, CLIENT_A, CLIENT_B, "GET /8");
	script_finish(script);
	for (char i = 3; i < 6; i++) {
		const struct told *told;

		line[5] = (char)('0' + i);
		told = told_of(script, line);
		assert_int_equal(told->call_count, 1);
		assert_false(told->ambiguous);
	}
	assert_int_equal(told_of(script, "GET /3")->state[STATE_NET], 6000 - 5690);
	assert_int_equal(told_of(script, "GET /5")->state[STATE_NET], 1000 - 690);
	assert_int_equal(told_of(script, "GET /4")->state[STATE_NET], 1000 - 690);
	script_close(script);
}

/*
 * Requests wait two rounds for their steps (aiohttp), but who runs first is nobody known, and seems to be A. B is answered while what
 * seemed its call waits: from then on the turns are known.
 */
static void test_two_rounds_shown_late(void **state)
{
	struct script *script = asyncio_server();
	const struct told *a, *c, *d;
	(void)state;

	READ(script, 810, LOOP, CLIENT_A, .epoll = 805, .events = 2, .arrived = 800, .line = "GET /a");
	READ(script, 820, LOOP, CLIENT_B, .arrived = 800, .line = "GET /b");
	WRITE(script, 1330, LOOP, DB_3, .epoll = 830);
	READ(script, 1340, LOOP, CLIENT_C, .epoll = 1335, .events = 1, .arrived = 900, .line = "GET /c");
	WRITE(script, 1850, LOOP, DB, .epoll = 1350);
	WRITE(script, 2350, LOOP, CLIENT_B, .status = 200);
	/* What is to come again is no read of this round. */
	assert_int_equal(thread_of(script->engine, LOOP)->continuations->reads, 0);
	READ(script, 2370, LOOP, CLIENT_D, .epoll = 2360, .events = 1, .arrived = 2000, .line = "GET /d");
	WRITE(script, 2880, LOOP, DB_2, .epoll = 2380);
	READ(script, 2900, LOOP, DB, .epoll = 2890, .events = 1, .arrived = 2500);
	WRITE(script, 3410, LOOP, CLIENT_D, .epoll = 2910, .status = 200);
	WRITE(script, 3910, LOOP, CLIENT_A, .status = 200);
	READ(script, 3930, LOOP, DB_2, .epoll = 3920, .events = 1, .arrived = 3500);
	WRITE(script, 4440, LOOP, CLIENT_C, .epoll = 3940, .status = 200);
	script_finish(script);
	a = told_of(script, "GET /a");
	c = told_of(script, "GET /c");
	d = told_of(script, "GET /d");
	assert_true(a->ambiguous);
	assert_int_equal(a->call_count, 1);
	assert_int_equal(c->call_count, 1);
	assert_in_range(c->cpu_time, 500 + 500, 500 + 500 + 50);
	assert_in_range(d->cpu_time, 500, 500 + 50);
	script_close(script);
}

/*
 * One of whom nothing is known asks when it is A's turn, so that A's call seems B's, and B's nobody's. Nobody waits for a connection here,
 * so each response names what is due first: A and B change places, and after them all is known.
 */
static void test_places_are_changed(void **state)
{
	struct script *script = asyncio_server();
	const struct told *a, *b;
	(void)state;

	READ(script, 810, LOOP, CLIENT_D, .epoll = 805, .events = 1, .arrived = 800, .line = "GET /first");
	WRITE(script, 840, LOOP, CLIENT_D, .epoll = 820, .status = 200);
	READ(script, 1010, LOOP, CLIENT_A, .epoll = 1005, .events = 2, .arrived = 960, .line = "GET /a");
	READ(script, 1020, LOOP, CLIENT_B, .arrived = 960, .line = "GET /b");
	WRITE(script, 1530, LOOP, DB_3, .epoll = 1030);
	WRITE(script, 2030, LOOP, DB);
	WRITE(script, 2530, LOOP, DB_2);
	READ(script, 2550, LOOP, DB, .epoll = 2540, .events = 4, .arrived = 2100);
	READ(script, 2560, LOOP, DB_2, .arrived = 2535);
	READ(script, 2570, LOOP, DB_3, .arrived = 2535);
	READ(script, 2580, LOOP, CLIENT_D, .arrived = 2535, .line = "GET /later");
	WRITE(script, 3090, LOOP, CLIENT_A, .epoll = 2590, .status = 200);
	WRITE(script, 3590, LOOP, CLIENT_B, .status = 200);
	WRITE(script, 4090, LOOP, CLIENT_C, .status = 200);
	WRITE(script, 4590, LOOP, CLIENT_D, .status = 200);
	bear_out(script, 5000, CLIENT_C);
	script_finish(script);
	a = told_of(script, "GET /a");
	b = told_of(script, "GET /b");
	assert_true(a->ambiguous && b->ambiguous);
	assert_int_equal(a->call_count, 1);
	assert_int_equal(a->peer_union, 2100 - 2030);
	assert_int_equal(b->call_count, 1);
	assert_int_equal(b->peer_union, 2535 - 2530);
	assert_false(told_of(script, "GET /later")->ambiguous);
	assert_in_range(told_of(script, "GET /later")->cpu_time, 500, 550);
	script_close(script);
}

/* Of what nobody refers to nobody does. */
static bool free_contexts_are_free(const struct script *script)
{
	const struct context *context = script->engine->free_contexts;

	while (context && !context->refs)
		context = context->bound_to;
	return !context;
}

/* A's call ends with its connection, so long ago that nobody but A knows the step that made it. It becomes B's, who is due first. */
static void test_step_that_its_request_alone_knows(void **state)
{
	struct script *script = asyncio_server();
	uint64_t at = 2000;
	(void)state;

	READ(script, 810, LOOP, CLIENT_D, .epoll = 805, .events = 1, .arrived = 800, .line = "GET /first");
	WRITE(script, 840, LOOP, CLIENT_D, .epoll = 820, .status = 200);
	READ(script, 1010, LOOP, CLIENT_A, .epoll = 1005, .events = 1, .arrived = 960, .line = "GET /a");
	WRITE(script, 1530, LOOP, DB_3, .epoll = 1030);
	script_conn_ended(script, 1600, DB_3);
	for (unsigned int i = 0; i < 12; i++, at += BORNE_OUT_US)
		bear_out(script, at, CLIENT_D);
	READ(script, at + 10, LOOP, CLIENT_B, .epoll = at + 5, .events = 1, .arrived = at, .line = "GET /b");
	WRITE(script, at + 100, LOOP, DB, .epoll = at + 30);
	READ(script, at + 310, LOOP, DB, .epoll = at + 305, .events = 1, .arrived = at + 300);
	WRITE(script, at + 540, LOOP, CLIENT_A, .epoll = at + 320, .status = 200);
	assert_true(free_contexts_are_free(script));
	WRITE(script, at + 840, LOOP, CLIENT_B, .status = 200);
	script_finish(script);
	assert_true(told_of(script, "GET /a")->ambiguous && told_of(script, "GET /b")->ambiguous);
	script_close(script);
}

/* The connection ends on which A has asked: it goes on by itself then, and is answered. */
static void test_call_ends_with_its_connection(void **state)
{
	struct script *script = asyncio_server();
	const struct told *a;
	(void)state;

	READ(script, 810, LOOP, CLIENT_D, .epoll = 805, .events = 1, .arrived = 800, .line = "GET /first");
	WRITE(script, 840, LOOP, CLIENT_D, .epoll = 820, .status = 200);
	READ(script, 1010, LOOP, CLIENT_A, .epoll = 1005, .events = 1, .arrived = 960, .line = "GET /a");
	WRITE(script, 1530, LOOP, DB_3, .epoll = 1030);
	script_conn_ended(script, 2500, DB_3);
	WRITE(script, 3000, LOOP, CLIENT_A, .off = 1540, .on = 2520, .cause = WAIT_POLL, .epoll = 2530, .status = 200);
	script_finish(script);
	a = told_of(script, "GET /a");
	assert_int_equal(a->call_count, 1);
	assert_int_equal(a->peer_union, 2500 - 1530);
	assert_in_range(a->cpu_time, 500 + 470, 500 + 470 + 50);
	script_close(script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers_to_what_was_asked_before),
		cmocka_unit_test(test_calls_before_the_first_round),
		cmocka_unit_test(test_connected_before),
		cmocka_unit_test(test_contradictions_in_the_midst),
		cmocka_unit_test(test_line_from_before),
		cmocka_unit_test(test_woken_in_vain),
		cmocka_unit_test(test_two_rounds_shown_late),
		cmocka_unit_test(test_places_are_changed),
		cmocka_unit_test(test_step_that_its_request_alone_knows),
		cmocka_unit_test(test_call_ends_with_its_connection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
