/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A connection that several requests ask on at once: an answer says by its own words to which question it is, and the segment in which it
 * came when that was. Times in µs.
 */
#include "unit/answers_script.h"

enum { THREAD_A = 1, THREAD_B, ANSWERS };
/* ---- threads ------------------------------------------------------------------------------------------------------------------------ */

/* A and B have asked, each on a thread of its own, A first; a third thread reads for both. */
static struct script *threads_that_asked(bool a_is_seen)
{
	struct script *script = script_open();

	begin();
	for (uint32_t tid = THREAD_A; tid <= ANSWERS; tid++)
		script_thread(script, 0, tid, THREAD_A, THREAD_FOUND);
	script_conn(script, CLIENT_A, CONN_SERVER, 8080);
	script_conn(script, CLIENT_B, CONN_SERVER, 8080);
	script_conn(script, CLIENT_C, CONN_SERVER, 8080);
	script_conn(script, DB, CONN_DOWNSTREAM, 5432);
	READ(script, 1000, THREAD_A, CLIENT_A, .arrived = 1000, .line = "GET /a");
	READ(script, 1000, THREAD_B, CLIENT_B, .arrived = 1000, .line = "GET /b");
	if (a_is_seen)
		ASKS(script, 1100, THREAD_A, "Q 17 5000\n");
	else
		WRITE(script, 1100, THREAD_A, DB);
	ASKS(script, 1200, THREAD_B, "Q 18 5000\n");
	return script;
}

/* A has waited since then, B for 100 less. */
static void answer_both(struct script *script, uint64_t off)
{
	WRITE(script, 19100, THREAD_A, CLIENT_A, .off = off, .on = 19000, .cause = WAIT_LOCK, .status = 200);
	WRITE(script, 19100, THREAD_B, CLIENT_B, .off = off + 100, .on = 19000, .cause = WAIT_LOCK, .status = 200);
	script_finish(script);
}

/* They go on, of which A has waited since `off`, and ask again, A at `at`: its answer comes 800 later, B's 700. */
static void ask_and_hear(struct script *script, uint64_t at, uint64_t off)
{
	ASKS(script, at, THREAD_A, "Q 19 5000\n", .off = off, .on = at - 50, .cause = WAIT_LOCK);
	ASKS(script, at + 100, THREAD_B, "Q 20 5000\n", .off = off + 100, .on = at - 50, .cause = WAIT_LOCK);
	HEARS(script, at + 900, ANSWERS, "R 20 ok\nR 19 ok\n", (at + 700, at + 800), .off = at - 80, .on = at + 890, .cause = WAIT_NET,
	      .arrived = at + 700);
}

/*
 * Both answers are read at once, B's first: each had come when it came. That the words are names is only a guess, until as much is read
 * of the next ones.
 */
static void test_out_of_order(void **state)
{
	(void)state;

	for (int proven = 0; proven < 2; proven++) {
		struct script *script = threads_that_asked(true);

		HEARS(script, 8000, ANSWERS, "R 18 ok\nR 17 ok\n", (3000, 6000), .off = 1010, .on = 7990, .cause = WAIT_NET,
		      .arrived = 6000);
		if (proven)
			ask_and_hear(script, 8100, 1110);
		answer_both(script, proven ? 8110 : 1110);
		assert_int_equal(told_of(script, "GET /a")->state[STATE_NET], 6000 - 1110 + (proven ? 800 - 10 : 0));
		assert_int_equal(told_of(script, "GET /b")->state[STATE_NET], 3000 - 1210 + (proven ? 700 - 110 : 0));
		assert_int_equal(told_of(script, "GET /a")->ambiguous, !proven);
		assert_int_equal(told_of(script, "GET /b")->ambiguous, !proven);
		script_close(script);
	}
}

/*
 * Nobody saw the answers come, but that the first one came within 0.9 ms, which is close enough, and the second one within 2 (or as long as
 * is told): when, nobody knows.
 */
static void test_come_unseen(void **state)
{
	(void)state;

	for (int wide = 0; wide < 2; wide++) {
		struct script *script = threads_that_asked(true);

		comes_unseen("R 18 ok\n", 2100);
		comes_unseen("R 18 ok\nR 17 ok\n", wide ? 1005000 : 1004000);
		HEARS(script, 1008000, ANSWERS, "R 18 ok\nR 17 ok\n", (3000, wide ? 2005000 : 1006000), .off = 1010, .on = 1007990,
		      .cause = WAIT_NET, .arrived = 1006000);
		WRITE(script, 1019100, THREAD_A, CLIENT_A, .off = 1110, .on = 1019000, .cause = WAIT_LOCK, .status = 200);
		WRITE(script, 1019100, THREAD_B, CLIENT_B, .off = 1210, .on = 1019000, .cause = WAIT_LOCK, .status = 200);
		script_finish(script);
		assert_int_equal(told_of(script, "GET /a")->state[STATE_NET], (wide ? 1006000 : 1004000) - 1110);
		assert_int_equal(told_of(script, "GET /b")->state[STATE_NET], 3000 - 1210);
		script_close(script);
	}
}

/* The first answer had come when it was looked for the first time: nobody knows when, but that it was by then. */
static void test_come_before_first_look(void **state)
{
	struct script *script = threads_that_asked(true);
	(void)state;

	segment_count = 0;
	comes_unseen("R 18 ok\n", 2500);
	comes_unseen("R 18 ok\nR 17 ok\n", 6000);
	moves(script, 8000, ANSWERS, IO_READ, "R 18 ok\nR 17 ok\n", NULL);
	READ(script, 8000, ANSWERS, DB, .off = 1010, .on = 7990, .cause = WAIT_NET, .arrived = 6000);
	answer_both(script, 1110);
	assert_int_equal(told_of(script, "GET /a")->state[STATE_NET], 6000 - 1110);
	assert_int_equal(told_of(script, "GET /b")->state[STATE_NET], 2500 - 1210);
	script_close(script);
}

/* Three answers to what had been asked before the trace say nothing against the names of the others, and are nobody's. */
static void test_asked_before(void **state)
{
	struct script *script = threads_that_asked(true);
	(void)state;

	HEARS(script, 1500, ANSWERS, "R 2 ok\nR 3 ok\nR 1 ok\n", (1300, 1400, 1490), .off = 1010, .on = 1495, .cause = WAIT_NET,
	      .arrived = 1300);
	HEARS(script, 8000, ANSWERS, "R 18 ok\nR 17 ok\n", (3000, 6000), .off = 1510, .on = 7990, .cause = WAIT_NET, .arrived = 3000);
	for (uint64_t at = 8100; at < 11100; at += 1000)
		ask_and_hear(script, at, at == 8100 ? 1110 : at - 990);
	answer_both(script, 10110);
	assert_int_equal(told_of(script, "GET /a")->state[STATE_NET], 6000 - 1110 + 3 * (800 - 10));
	assert_int_equal(told_of(script, "GET /b")->state[STATE_NET], 3000 - 1210 + 3 * (700 - 110));
	assert_false(told_of(script, "GET /a")->ambiguous || told_of(script, "GET /b")->ambiguous);
	script_close(script);
}

/* A and B go on asking, `rounds` times, and are heard: but neither names anything. Returns when the last answer is read. */
static uint64_t ask_unnamed(struct script *script, uint32_t rounds)
{
	uint64_t at = 2000;

	for (uint32_t i = 0; i < rounds; i++, at += 200) {
		ASKS(script, at, THREAD_A, "Q x\n");
		ASKS(script, at + 10, THREAD_B, "Q x\n");
		HEARS(script, at + 100, ANSWERS, "R ok\n", (at + 90), .off = at - 40, .on = at + 95, .cause = WAIT_NET, .arrived = at + 90);
		HEARS(script, at + 150, ANSWERS, "R ok\n", (at + 140), .off = at + 105, .on = at + 145, .cause = WAIT_NET,
		      .arrived = at + 140);
	}
	return at - 50;
}

/*
 * Two wait at once, so that of 40 answers that name nobody not all can have been asked for before the trace: the oldest calls had been
 * answered by them, which is more than can be told of their requests. Of 400, no others are lost.
 */
static void test_unnamed_for_long(void **state)
{
	(void)state;

	for (uint32_t rounds = 20; rounds <= 200; rounds += 180) {
		struct script *script = threads_that_asked(true);
		uint64_t at = ask_unnamed(script, rounds);
		struct engine_losses losses;

		WRITE(script, at + 100, THREAD_A, CLIENT_A, .status = 200);
		WRITE(script, at + 100, THREAD_B, CLIENT_B, .status = 200);
		script_finish(script);
		engine_losses(script->engine, &losses);
		assert_in_range(losses.calls, 16, 20);
		assert_true(told_of(script, "GET /a")->ambiguous && told_of(script, "GET /b")->ambiguous);
		script_close(script);
	}
}

/* Nothing was ever named there, and not every answer is searched for names any more: a word that is the same by chance is none. */
static void test_unnamed_for_long_then_by_chance(void **state)
{
	struct script *script = threads_that_asked(true);
	uint64_t at;
	(void)state;

	script_span(script, 1250, ANSWERS, RECORD_IO, IO_CONNECT, DB, 0, (struct with){0}); /* so nobody had asked before the trace */
	at = ask_unnamed(script, 300);
	HEARS(script, at + 30, ANSWERS, "R ok\n", (at + 20), .off = at + 5, .on = at + 25, .cause = WAIT_NET, .arrived = at + 20);
	HEARS(script, at + 60, ANSWERS, "R ok\n", (at + 50), .off = at + 35, .on = at + 55, .cause = WAIT_NET, .arrived = at + 50);
	READ(script, at + 100, THREAD_A, CLIENT_C, .line = "GET /c");
	ASKS(script, at + 110, THREAD_A, "Q 61\n");
	ASKS(script, at + 120, THREAD_B, "Q 62\n");
	HEARS(script, at + 200, ANSWERS, "R 62\n", (at + 190), .off = at + 65, .on = at + 195, .cause = WAIT_NET, .arrived = at + 190);
	WRITE(script, at + 300, THREAD_A, CLIENT_C, .off = at + 111, .on = at + 210, .cause = WAIT_LOCK, .status = 200);
	script_finish(script);
	assert_int_equal(told_of(script, "GET /c")->state[STATE_NET], 195 - 111);
	script_close(script);
}

/* The same, where the youngest call has an answer by its words when that shows. */
static void test_unnamed_but_the_last(void **state)
{
	(void)state;

	for (uint32_t rounds = 1; rounds < 200; rounds++) {
		struct script *script = threads_that_asked(true);
		uint64_t at = ask_unnamed(script, rounds);

		ASKS(script, at + 10, THREAD_A, "Q x\n");
		ASKS(script, at + 20, THREAD_B, "Q 77\n");
		HEARS(script, at + 50, ANSWERS, "R ok\nR ok\n", (at + 30, at + 40), .off = at + 5, .on = at + 45, .cause = WAIT_NET,
		      .arrived = at + 30);
		HEARS(script, at + 80, ANSWERS, "R 77\nR ok\nR ok\nR ok\n", (at + 60, at + 60, at + 70, at + 70), .off = at + 55,
		      .on = at + 75, .cause = WAIT_NET, .arrived = at + 60);
		script_finish(script);
		script_close(script);
	}
}

/* Each answer has a word of one question alone, but in another place each time: that is chance. */
static void test_same_by_chance(void **state)
{
	static const char *const answers[] = {"R 61\n", "R 62\n", "R 63\n", "R 64\n"};
	(void)state;

	for (uint32_t count = 12; count <= 48; count += 12) {
		struct script *script = threads_that_asked(true);

		for (uint32_t i = 0; i < count; i++) {
			uint64_t at = 2000 + 200 * i;

			ASKS(script, at, THREAD_A, "Q 61 62 63 64\n");
			HEARS(script, at + 100, ANSWERS, answers[i % 4], (at + 90), .off = at - 90, .on = at + 95, .cause = WAIT_NET,
			      .arrived = at + 90);
		}
		WRITE(script, 12100, THREAD_A, CLIENT_A, .status = 200);
		script_finish(script);
		assert_true(told_of(script, "GET /a")->ambiguous);
		script_close(script);
	}
}

/* The names say whose the answers are, but not which of the goroutines on these threads go on with them. */
static void test_goroutines_unseen(void **state)
{
	struct script *script = threads_that_asked(true);
	(void)state;

	script_runtime(script, THREAD_A, RUNTIME_GO);
	READ(script, 1250, THREAD_A, CLIENT_A, .epoll = 1240, .events = 1);
	READ(script, 1250, THREAD_B, CLIENT_B, .epoll = 1240, .events = 1);
	ASKS(script, 1300, THREAD_A, "Q 19 5000\n");
	ASKS(script, 1400, THREAD_B, "Q 20 5000\n");
	HEARS(script, 8000, ANSWERS, "R 18 ok\nR 17 ok\n", (3000, 6000), .off = 1010, .on = 7990, .cause = WAIT_NET, .arrived = 6000);
	WRITE(script, 9100, THREAD_A, CLIENT_A, .off = 1310, .on = 9000, .cause = WAIT_LOCK, .status = 200);
	WRITE(script, 9100, THREAD_B, CLIENT_B, .off = 1410, .on = 9000, .cause = WAIT_LOCK, .status = 200);
	script_finish(script);
	assert_true(told_of(script, "GET /a")->ambiguous);
	assert_true(told_of(script, "GET /b")->ambiguous);
	script_close(script);
}

/*
 * They have waited to be read for longer than what is told of the time of a segment reaches; the second one may have come much later than
 * the first one, in whose segment the read begins.
 */
static void test_read_late(void **state)
{
	(void)state;

	for (int apart = 0; apart < 2; apart++) {
		struct script *script = threads_that_asked(true);
		uint64_t second = apart ? 2803000 : 6000;

		HEARS(script, 7006000, ANSWERS, "R 18 ok\nR 17 ok\n", (3000, second), .off = 1010, .on = 7005900, .cause = WAIT_LOCK,
		      .arrived = apart ? 3000 : 6000);
		WRITE(script, 7009100, THREAD_A, CLIENT_A, .off = 1110, .on = 7009000, .cause = WAIT_LOCK, .status = 200);
		WRITE(script, 7009100, THREAD_B, CLIENT_B, .off = 1210, .on = 7009000, .cause = WAIT_LOCK, .status = 200);
		script_finish(script);
		assert_int_equal(told_of(script, "GET /a")->state[STATE_NET], second - 1110);
		assert_int_equal(told_of(script, "GET /b")->state[STATE_NET], 3000 - 1210);
		script_close(script);
	}
}

/* What names nobody whose question was seen is the other one's. */
static void test_unseen_question(void **state)
{
	struct script *script = threads_that_asked(false);
	(void)state;

	HEARS(script, 4000, ANSWERS, "R 18 ok\n", (3000), .off = 1010, .on = 3990, .cause = WAIT_NET, .arrived = 3000);
	HEARS(script, 7000, ANSWERS, "R 17 ok\n", (6000), .off = 4010, .on = 6990, .cause = WAIT_NET, .arrived = 6000);
	answer_both(script, 1110);
	assert_int_equal(told_of(script, "GET /a")->state[STATE_NET], 6000 - 1110);
	script_close(script);
}

/* What names a question is known by now, and A's was not seen. That the server sends something unasked must not pass for A's answer. */
static void test_sent_unasked(void **state)
{
	struct script *script = threads_that_asked(false);
	uint64_t at = 2000;
	(void)state;

	for (uint32_t i = 18; i < 23; i++, at += 1000) {
		char question[32], answer[32];

		snprintf(question, sizeof(question), "Q %u 5000\n", i + 1);
		snprintf(answer, sizeof(answer), "R %u ok\n", i);
		HEARS(script, at, ANSWERS, answer, (at - 20), .off = at - 900, .on = at - 10, .cause = WAIT_NET, .arrived = at - 20);
		ASKS(script, at + 50, THREAD_B, question, .off = at - 800, .on = at + 40, .cause = WAIT_LOCK);
	}
	HEARS(script, at, ANSWERS, "P 99\n", (at - 20), .off = at - 900, .on = at - 10, .cause = WAIT_NET, .arrived = at - 20);
	WRITE(script, 19100, THREAD_A, CLIENT_A, .off = 1110, .on = 19000, .cause = WAIT_LOCK, .status = 200);
	WRITE(script, 19100, THREAD_B, CLIENT_B, .off = at - 900, .on = 19000, .cause = WAIT_LOCK, .status = 200);
	script_finish(script);
	assert_true(told_of(script, "GET /a")->ambiguous);
	assert_false(told_of(script, "GET /b")->ambiguous);
	script_close(script);
}

/* Each answer ends when 40 others have begun: that it names a question which waits no more says nothing against the names. */
static void test_answers_that_end_late(void **state)
{
	struct script *script = threads_that_asked(true);
	uint64_t at = 2000, off = 1110;
	(void)state;

	script_span(script, 1250, ANSWERS, RECORD_IO, IO_CONNECT, DB, 0, (struct with){0}); /* so nobody had asked before the trace */
	for (uint32_t i = 17; i < 157; i += 2, at += 200) {
		char text[64], a[32], b[32];

		snprintf(text, sizeof(text), "R %u end\nR %u ok\nR %u ok\n", i - 40, i + 1, i);
		snprintf(a, sizeof(a), "Q %u 5000\n", i + 2);
		snprintf(b, sizeof(b), "Q %u 5000\n", i + 3);
		HEARS(script, at, ANSWERS, i < 60 ? strchr(text, '\n') + 1 : text, (at - 20, at - 20, at - 20), .off = at - 90,
		      .on = at - 5, .cause = WAIT_NET, .arrived = at - 20);
		ASKS(script, at + 20, THREAD_A, a, .off = off, .on = at + 15, .cause = WAIT_LOCK);
		ASKS(script, at + 30, THREAD_B, b, .off = off + 100, .on = at + 25, .cause = WAIT_LOCK);
		off = at + 40;
	}
	answer_both(script, off);
	assert_int_equal(told_of(script, "GET /a")->state[STATE_NET], 1980 - 1110 + 69 * 140);
	assert_int_equal(told_of(script, "GET /b")->state[STATE_NET], 1980 - 1210 + 69 * 40);
	assert_false(told_of(script, "GET /a")->ambiguous || told_of(script, "GET /b")->ambiguous);
	script_close(script);
}

/* ---- a loop ------------------------------------------------------------------------------------------------------------------------- */

/*
 * What is computed before the first of them shows itself may be any one's; the last one's is its own. A waits longer, and has come last,
 * but that is no matter.
 */
static void test_several_at_once(void **state)
{
	struct script *script = three_that_asked();
	const struct told *a, *b, *c;
	struct process process;
	(void)state;

	HEARS(script, 8000, MAIN, "R 18 ok\nR 19 ok\nR 17 ok\n", (3000, 5000, 6000), POLLED(1310, 7980, 1), .arrived = 6000);
	WRITE(script, 8900, MAIN, CLIENT_B, .status = 200);
	ASKS(script, 8910, MAIN, "Q 20 9\n");
	WRITE(script, 9200, MAIN, CLIENT_A, .status = 200);
	HEARS(script, 12000, MAIN, "R 20 ok\n", (11000), POLLED(9210, 11980, 1), .arrived = 11000);
	WRITE(script, 12050, MAIN, CLIENT_C, .status = 200);
	process = script_finish(script);
	a = told_of(script, "GET /a");
	b = told_of(script, "GET /b");
	c = told_of(script, "GET /c");
	assert_int_equal(a->state[STATE_NET], 6000 - 1101);
	assert_int_equal(b->state[STATE_NET], 3000 - 1201);
	assert_int_equal(c->state[STATE_NET], 5000 - 1310 + 11000 - 8910);
	assert_int_equal(a->cpu_time, 96 + 290);
	assert_int_equal(b->cpu_time, 96);
	assert_int_equal(c->cpu_time, 105 + 10 + 70);
	assert_int_equal(process.unattributed_cpu_ns / US, 900);
	assert_false(a->ambiguous || b->ambiguous || c->ambiguous);
	script_close(script);
}

/* What names a question is known by now: the rest of C's answer names nobody, and is not that of A, who has waited longest. */
static void test_rest_of_an_answer(void **state)
{
	struct script *script = three_that_asked();
	const struct told *a, *c;
	(void)state;

	HEARS(script, 2000, MAIN, "R 18 ok\n", (1900), POLLED(1310, 1980, 1), .arrived = 1900);
	ASKS(script, 2010, MAIN, "Q 20 9\n");
	HEARS(script, 3000, MAIN, "R 19 ok\n", (2900), POLLED(2020, 2980, 1), .arrived = 2900);
	ASKS(script, 3010, MAIN, "Q 21 9\n");
	HEARS(script, 4000, MAIN, "R 20 ok\n", (3900), POLLED(3020, 3980, 1), .arrived = 3900);
	WRITE(script, 4100, MAIN, CLIENT_B, .status = 200);
	moves(script, 5000, MAIN, IO_READ, "R 21 begins", NULL);
	READ(script, 5000, MAIN, DB, POLLED(4110, 4980, 1), .arrived = 4900);
	moves(script, 6000, MAIN, IO_READ, " and ends\n", NULL);
	READ(script, 6000, MAIN, DB, POLLED(5010, 5980, 1), .arrived = 5900);
	WRITE(script, 6500, MAIN, CLIENT_C, .status = 200);
	HEARS(script, 9000, MAIN, "R 17 ok\n", (8900), POLLED(6510, 8980, 1), .arrived = 8900);
	WRITE(script, 9100, MAIN, CLIENT_A, .status = 200);
	script_finish(script);
	a = told_of(script, "GET /a");
	c = told_of(script, "GET /c");
	assert_false(a->ambiguous || c->ambiguous);
	assert_int_equal(a->state[STATE_NET], 8900 - 1101);
	assert_in_range(c->cpu_time, 500, 700);
	script_close(script);
}

/* Of what is asked by A, B and C at `at` nothing names the question, and the answers are told apart by their order alone. */
static void ask_without_names(struct script *script, uint64_t at, const char *const lines[3])
{
	for (uint64_t i = 0; i < 3; i++, at += 100) {
		READ(script, at, MAIN, CLIENT_A + i, SLEPT(at - 40, at - 20, 1), .line = lines[i]);
		ASKS(script, at + 10, MAIN, "Q x\n");
	}
}

static void answer_without_names(struct script *script, uint64_t at, const uint64_t clients[3])
{
	for (uint64_t i = 0; i < 3; i++, at += 100) {
		HEARS(script, at, MAIN, "R ok\n", (at - 20), SLEPT(at - 40, at - 20, 1));
		WRITE(script, at + 20, MAIN, clients[i], .status = 200);
	}
}

/* Once in several rounds B is answered before A: since then who comes after whom is a guess also of who seems to come in order. */
static void test_unnamed_out_of_order(void **state)
{
	static const char *const lines[] = {"GET /a", "GET /b", "GET /c"}, *const late[] = {"GET /late", "GET /later", "GET /last"};
	static const uint64_t in_order[] = {CLIENT_A, CLIENT_B, CLIENT_C}, changed[] = {CLIENT_B, CLIENT_A, CLIENT_C};
	struct script *script = loop_with_clients();
	uint64_t at = 1000;
	(void)state;

	script_span(script, 500, MAIN, RECORD_IO, IO_CONNECT, DB, 0, (struct with){0}); /* so nobody had asked before the trace */
	for (; at < 5000; at += 1000) {
		ask_without_names(script, at, lines);
		answer_without_names(script, at + 500, in_order);
	}
	ask_without_names(script, at, lines);
	answer_without_names(script, at + 500, changed);
	ask_without_names(script, at + 1000, late);
	answer_without_names(script, at + 1500, in_order);
	script_finish(script);
	assert_false(told_of(script, "GET /a")->ambiguous); /* the first one */
	assert_true(told_of(script, "GET /late")->ambiguous && told_of(script, "GET /later")->ambiguous);
	script_close(script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_out_of_order),           cmocka_unit_test(test_come_unseen),
		cmocka_unit_test(test_come_before_first_look), cmocka_unit_test(test_same_by_chance),
		cmocka_unit_test(test_asked_before),           cmocka_unit_test(test_unnamed_for_long),
		cmocka_unit_test(test_unnamed_but_the_last),   cmocka_unit_test(test_unnamed_for_long_then_by_chance),
		cmocka_unit_test(test_goroutines_unseen),      cmocka_unit_test(test_read_late),
		cmocka_unit_test(test_unseen_question),        cmocka_unit_test(test_sent_unasked),
		cmocka_unit_test(test_answers_that_end_late),  cmocka_unit_test(test_several_at_once),
		cmocka_unit_test(test_rest_of_an_answer),      cmocka_unit_test(test_unnamed_out_of_order),
	};

	return cmocka_run_group_tests_name("engine, answers", tests, NULL, NULL);
}
