/* SPDX-License-Identifier: BSD-2-Clause */
/* The engine where a runtime tells which strands its threads run: rule 15, case by case. Times in µs. */
#include "unit/strand_script.h"

/* It computes, is taken off for another one, and goes on elsewhere: its own CPU only, and it was ready meanwhile. */
static void test_preempted(void **state)
{
	struct script *script = server_with_request();
	const struct told *a, *b;
	struct process sum;
	(void)state;

	RUNS(script, 11000, MAIN, NONE, .left = WAIT_RUNNABLE);
	RUNS(script, 11005, MAIN, HANDLER_B);
	READ(script, 11015, MAIN, CLIENT_B, .arrived = 11000, .line = "GET /b");
	RUNS(script, 12000, CARRIER, HANDLER_A);
	WRITE(script, 12100, MAIN, CLIENT_B, .status = 200);
	WRITE(script, 15000, CARRIER, CLIENT_A, .status = 200);
	sum = script_finish(script);
	a = told_of(script, "GET /a");
	b = told_of(script, "GET /b");
	assert_int_equal(a->state[STATE_CPU], 10000 + 3000);
	assert_int_equal(a->state[STATE_READY], 1000);
	assert_int_equal(a->ready[READY_PART_PREEMPTED], 1000);
	assert_int_equal(a->wall, 14000);
	assert_false(a->ambiguous);
	assert_int_equal(b->cpu_time, 1095);
	assert_int_equal(b->state[STATE_READY], 5); /* its strand waited for the data, and then for a core */
	/* What the two threads did before, between and besides. */
	assert_int_equal(sum.unattributed_cpu_ns, 2 * 900 * US);
	assert_int_equal(sum.runtime_cpu_ns, (100 + 5 + 11100) * US);
	script_close(script);
}

/* Two strands share a thread and one connection: whose call it is needs no guess. A read that finds nothing parks nobody. */
static void test_shared_connection(void **state)
{
	struct script *script = server_with_request();
	(void)state;

	WRITE(script, 1100, MAIN, DB);
	READ_NOTHING(script, 1110, MAIN, DB);
	RUNS(script, 1200, MAIN, HANDLER_B, .left = WAIT_NET);
	READ(script, 1210, MAIN, CLIENT_B, .arrived = 1150, .line = "GET /b");
	RUNS(script, 1300, MAIN, NONE, .left = WAIT_PIPE);
	RUNS(script, 5010, MAIN, HANDLER_A, POLLED(1310, 5000, 1));
	READ(script, 5020, MAIN, DB, .arrived = 4990);
	WOKEN(script, 5100, MAIN, HANDLER_B);
	RUNS(script, 5200, MAIN, HANDLER_B, .left = WAIT_PIPE);
	WRITE(script, 5300, MAIN, DB);
	RUNS(script, 5310, MAIN, NONE, .left = WAIT_NET);
	RUNS(script, 9010, MAIN, HANDLER_B, POLLED(5320, 9000, 1));
	READ(script, 9020, MAIN, DB, .arrived = 8990);
	WRITE(script, 9120, MAIN, CLIENT_B, .status = 200);
	RUNS(script, 9130, MAIN, HANDLER_A, .left = WAIT_NET);
	WRITE(script, 9230, MAIN, CLIENT_A, .status = 200);
	script_finish(script);
	assert_int_equal(told_of(script, "GET /a")->state[STATE_NET], 4990 - 1200); /* its CPU comes first */
	assert_int_equal(told_of(script, "GET /a")->state[STATE_READY], 5010 - 4990);
	assert_int_equal(told_of(script, "GET /a")->cpu_time, 10 + 190 + 190 + 100);
	assert_int_equal(told_of(script, "GET /b")->cpu_time, 10 + 90 + 110 + 110);
	/* The connection came back at 5020, while it waited for something since 1300. */
	assert_int_equal(told_of(script, "GET /b")->state[STATE_POOL], 5100 - 1300);
	assert_int_equal(told_of(script, "GET /b")->state[STATE_READY], 1200 - 1150 + 5200 - 5100 + 9010 - 8990);
	assert_int_equal(told_of(script, "GET /b")->state[STATE_NET], 8990 - 5310);
	script_close(script);
}

/* A thread may say late that its strand has left it. What it did until then is the strand's, which takes what it is given meanwhile. */
static void test_left_late(void **state)
{
	struct script *script = server_with_request();
	(void)state;

	RUNS(script, 1040, CARRIER, WRITER);
	WOKEN(script, 1100, MAIN, WRITER, .left = WAIT_PIPE);
	RUNS(script, 1105, CARRIER, NONE, .left = WAIT_RUNNABLE);
	RUNS(script, 1150, CARRIER, WRITER);
	WRITE(script, 1200, CARRIER, DB);
	RUNS(script, 1300, MAIN, NONE, .left = WAIT_PIPE);
	READ_NOTHING(script, 1310, CARRIER, DB);
	RUNS(script, 5000, CARRIER, NONE, .left = WAIT_NET);
	RUNS(script, 5005, CARRIER, WRITER);
	READ(script, 5010, CARRIER, DB, .arrived = 4990);
	WOKEN(script, 5020, CARRIER, HANDLER_A, .left = WAIT_PIPE);
	RUNS(script, 5100, MAIN, HANDLER_A);
	/* It waits for another one, which lets it go on before its thread has said that it left. */
	WOKEN(script, 5600, CARRIER, HANDLER_A, .left = WAIT_PIPE);
	RUNS(script, 5610, CARRIER, HANDLER_A);
	RUNS(script, 5620, MAIN, NONE, .left = WAIT_RUNNABLE);
	WRITE(script, 5700, CARRIER, CLIENT_A, .status = 200);
	script_finish(script);
	assert_int_equal(told_of(script, "GET /a")->call_count, 1);
	assert_int_equal(told_of(script, "GET /a")->cpu_time, 300 + (5000 - 1150) + (5610 - 5005) + (5620 - 5100) + (5700 - 5610));
	assert_false(told_of(script, "GET /a")->ambiguous);
	script_close(script);
}

/* What a request's strand makes works for that request: one child gives its result by a wake-up, the other one just ends. */
static void test_fan_out(void **state)
{
	struct script *script = server_with_request();
	const struct told *a;
	(void)state;

	MADE(script, 1100, MAIN, CHILD);
	MADE(script, 1110, MAIN, OTHER_CHILD);
	RUNS(script, 1120, MAIN, CHILD, .left = WAIT_PIPE);
	RUNS(script, 1120, CARRIER, OTHER_CHILD);
	WRITE(script, 1220, MAIN, DB);
	WRITE(script, 1220, CARRIER, CACHE);
	RUNS(script, 1230, MAIN, NONE, .left = WAIT_NET);
	RUNS(script, 1230, CARRIER, NONE, .left = WAIT_NET);
	RUNS(script, 6010, MAIN, CHILD, POLLED(1300, 6000, 1));
	READ(script, 6020, MAIN, DB, .arrived = 6000);
	RUNS(script, 7010, CARRIER, OTHER_CHILD, POLLED(1300, 7000, 1));
	READ(script, 7020, CARRIER, CACHE, .arrived = 7000);
	RUNS(script, 7120, CARRIER, NONE, .left = WAIT_OTHER, .flags = RECORD_STRAND_ENDED);
	WOKEN(script, 8020, MAIN, HANDLER_A);
	RUNS(script, 8030, MAIN, HANDLER_A, .flags = RECORD_STRAND_ENDED);
	WRITE(script, 8130, MAIN, CLIENT_A, .status = 200);
	script_finish(script);
	a = told_of(script, "GET /a");
	assert_int_equal(a->call_count, 2);
	assert_int_equal(a->state[STATE_NET], 6000 - 1230);
	assert_int_equal(a->state[STATE_READY], 10); /* of the other child; the handler is woken while its child ends */
	assert_int_equal(a->cpu_time, 10 + 110 + 2 * 110 + 2010 + 10 + 110 + 100);
	assert_int_equal(a->state[STATE_OTHER], 0);
	assert_false(a->ambiguous);
	script_close(script);
}

/* One strand writes to a connection for whoever gives it something, another one reads: both serve two open requests in turn. */
static void test_servants(void **state)
{
	struct script *script = server_with_request();
	const struct told *a, *b;
	(void)state;

	MADE(script, 1020, MAIN, WRITER);
	MADE(script, 1030, MAIN, READER);
	RUNS(script, 1040, CARRIER, WRITER);
	RUNS(script, 1050, CARRIER, READER, .left = WAIT_PIPE);
	READ_NOTHING(script, 1060, CARRIER, DB);
	RUNS(script, 1070, CARRIER, NONE, .left = WAIT_NET);
	/* For A. */
	WOKEN(script, 1100, MAIN, WRITER);
	RUNS(script, 1110, MAIN, WRITER, .left = WAIT_PIPE);
	WRITE(script, 1140, MAIN, DB);
	WOKEN(script, 1150, MAIN, HANDLER_A);
	RUNS(script, 1160, MAIN, HANDLER_A, .left = WAIT_PIPE);
	RUNS(script, 1200, MAIN, NONE, .left = WAIT_PIPE);
	RUNS(script, 3010, CARRIER, READER, POLLED(1100, 3000, 1));
	READ(script, 3020, CARRIER, DB, .arrived = 3000);
	WOKEN(script, 3050, CARRIER, HANDLER_A);
	RUNS(script, 3060, MAIN, HANDLER_A);
	/* For B, while A is open. */
	RUNS(script, 3070, CARRIER, HANDLER_B, .left = WAIT_NET);
	READ(script, 3080, CARRIER, CLIENT_B, .arrived = 3070, .line = "GET /b");
	WOKEN(script, 3100, CARRIER, WRITER);
	RUNS(script, 3110, CARRIER, WRITER, .left = WAIT_PIPE);
	WRITE(script, 3140, CARRIER, DB);
	RUNS(script, 3150, CARRIER, NONE, .left = WAIT_PIPE);
	RUNS(script, 6010, CARRIER, READER, POLLED(3160, 6000, 1));
	READ(script, 6020, CARRIER, DB, .arrived = 6000);
	WOKEN(script, 6050, CARRIER, HANDLER_B);
	RUNS(script, 6060, CARRIER, HANDLER_B, .left = WAIT_NET);
	WRITE(script, 6160, CARRIER, CLIENT_B, .status = 200);
	WRITE(script, 7060, MAIN, CLIENT_A, .status = 200);
	script_finish(script);
	a = told_of(script, "GET /a");
	b = told_of(script, "GET /b");
	assert_int_equal(a->state[STATE_NET], 3000 - 1200);
	assert_int_equal(a->call_count, 1);
	assert_int_equal(b->state[STATE_NET], 6000 - 3150);
	assert_int_equal(b->call_count, 1);
	assert_int_equal(b->cpu_time, 10 + 30 + 40 + 50 + 100);
	assert_false(a->ambiguous);
	assert_false(b->ambiguous);
	script_close(script);
}

enum given { A_CONNECTION, SOMETHING_TO_SEND, LEAVE_TO_CONNECT, NOTHING_THAT_SHOWS };

/*
 * A made CHILD, which waits, and B lets it go on while A is open. Is it A's part, or does it serve whoever comes? If it asks over the
 * connection that B had used until then, or connects, that was what it waited for; if it asks over another one, it was given something to
 * send.
 */
static struct script *child_is_given(enum given given)
{
	struct script *script = server_with_request();

	MADE(script, 1100, MAIN, CHILD);
	RUNS(script, 1110, CARRIER, CHILD);
	RUNS(script, 1120, CARRIER, HANDLER_B, .left = WAIT_PIPE);
	READ(script, 1130, CARRIER, CLIENT_B, .arrived = 1120, .line = "GET /b");
	WRITE(script, 1140, CARRIER, DB);
	READ(script, 1340, CARRIER, DB, .arrived = 1330);
	WOKEN(script, 1400, CARRIER, CHILD);
	RUNS(script, 1410, CARRIER, CHILD, .left = WAIT_PIPE);
	if (given == LEAVE_TO_CONNECT)
		script_span(script, 1800, CARRIER, RECORD_IO, IO_CONNECT, CACHE, 0, (struct with){0});
	if (given == A_CONNECTION)
		WRITE(script, 1910, CARRIER, DB);
	else if (given != NOTHING_THAT_SHOWS)
		WRITE(script, 1910, CARRIER, CACHE);
	RUNS(script, 1910, CARRIER, HANDLER_B, .left = WAIT_NET);
	WRITE(script, 2010, CARRIER, CLIENT_B, .status = 200);
	WRITE(script, 5000, MAIN, CLIENT_A, .status = 200);
	script_finish(script);
	return script;
}

static void test_child_or_servant(void **state)
{
	static const bool is_servant[] = {[SOMETHING_TO_SEND] = true, [NOTHING_THAT_SHOWS] = false};
	(void)state;

	for (enum given given = A_CONNECTION; given <= NOTHING_THAT_SHOWS; given++) {
		struct script *script = child_is_given(given);
		const struct told *a = told_of(script, "GET /a"), *b = told_of(script, "GET /b");

		assert_int_equal(a->cpu_time, 10 + 3990 + 10 + (is_servant[given] ? 0 : 500));
		assert_int_equal(b->cpu_time, 10 + 280 + 100 + (is_servant[given] ? 500 : 0));
		assert_int_equal(a->ambiguous, given == NOTHING_THAT_SHOWS);
		assert_int_equal(b->ambiguous, given == NOTHING_THAT_SHOWS);
		script_close(script);
	}
}

/* The same child, but it reads the answer to what B had asked: that says whose work it does, and B is not A's for it. */
static void test_child_reads_answer(void **state)
{
	struct script *script = server_with_request();
	const struct told *a, *b;
	(void)state;

	MADE(script, 1100, MAIN, CHILD);
	RUNS(script, 1110, CARRIER, CHILD);
	RUNS(script, 1120, CARRIER, HANDLER_B, .left = WAIT_PIPE);
	READ(script, 1130, CARRIER, CLIENT_B, .arrived = 1120, .line = "GET /b");
	WRITE(script, 1140, CARRIER, DB);
	WOKEN(script, 1150, CARRIER, CHILD);
	RUNS(script, 1160, CARRIER, CHILD, .left = WAIT_PIPE);
	READ(script, 1400, CARRIER, DB, .arrived = 1390);
	RUNS(script, 1500, CARRIER, HANDLER_B, .left = WAIT_PIPE);
	WRITE(script, 1600, CARRIER, CLIENT_B, .status = 200);
	WRITE(script, 5000, MAIN, CLIENT_A, .status = 200);
	script_finish(script);
	a = told_of(script, "GET /a");
	b = told_of(script, "GET /b");
	assert_int_equal(a->cpu_time, 3990 + 10 + 10);
	assert_int_equal(b->cpu_time, 10 + 30 + 340 + 100);
	assert_int_equal(b->call_count, 1);
	script_close(script);
}

/* A strand that waits in an epoll of its own works for nobody that is known: not for who happens to be open, as where none is told. */
static void test_loop_of_its_own(void **state)
{
	struct script *script = server_with_request();
	struct process sum;
	(void)state;

	RUNS(script, 1100, MAIN, NONE, .left = WAIT_PIPE);
	RUNS(script, 1200, CARRIER, TICKER);
	script_span(script, 1310, CARRIER, RECORD_EPOLL, 0, 0, 0, (struct with){.epoll = 1300, .events = 1});
	script_span(script, 6310, CARRIER, RECORD_EPOLL, 0, 0, 0, (struct with){.epoll = 6300, .events = 1});
	RUNS(script, 7000, MAIN, HANDLER_A);
	WRITE(script, 7100, MAIN, CLIENT_A, .status = 200);
	sum = script_finish(script);
	assert_int_equal(told_of(script, "GET /a")->cpu_time, 10 + 90 + 100);
	assert_true(sum.background_cpu_ns >= 5000 * US);
	script_close(script);
}

/* It does what others give it without ever answering: each piece is the giver's, though the givers are all open. */
static void test_one_way_worker(void **state)
{
	struct script *script = server_with_request();
	(void)state;

	WOKEN(script, 1100, MAIN, WRITER);
	RUNS(script, 1110, CARRIER, WRITER);
	WRITE(script, 1310, CARRIER, CACHE);
	RUNS(script, 1320, CARRIER, HANDLER_B, .left = WAIT_PIPE);
	READ(script, 1330, CARRIER, CLIENT_B, .arrived = 1320, .line = "GET /b");
	WOKEN(script, 1400, CARRIER, WRITER);
	RUNS(script, 1410, CARRIER, WRITER, .left = WAIT_PIPE);
	RUNS(script, 2410, CARRIER, HANDLER_B, .left = WAIT_PIPE);
	WRITE(script, 2510, CARRIER, CLIENT_B, .status = 200);
	WRITE(script, 5000, MAIN, CLIENT_A, .status = 200);
	script_finish(script);
	assert_int_equal(told_of(script, "GET /a")->cpu_time, 10 + 3990 + 210);
	assert_int_equal(told_of(script, "GET /b")->cpu_time, 10 + 80 + 1000 + 100);
	script_close(script);
}

/* Whoever gives a waiting handler something had worked for it, even if nobody had said so. */
static void test_named_by_its_answer(void **state)
{
	struct script *script = server_with_request();
	(void)state;

	RUNS(script, 1100, MAIN, NONE, .left = WAIT_PIPE);
	RUNS(script, 1100, CARRIER, WRITER);
	WOKEN(script, 4100, CARRIER, HANDLER_A);
	RUNS(script, 4110, MAIN, HANDLER_A);
	RUNS(script, 4150, CARRIER, NONE, .left = WAIT_PIPE);
	WRITE(script, 4210, MAIN, CLIENT_A, .status = 200);
	script_finish(script);
	assert_int_equal(told_of(script, "GET /a")->cpu_time, 10 + 90 + 3000 + 50 + 100);
	assert_false(told_of(script, "GET /a")->ambiguous);
	script_close(script);
}

/* What a strand waits for that its runtime can name. */
static void test_waits(void **state)
{
	static const struct {
		enum wait_cause left;
		enum state is;
	} rows[] = {{WAIT_LOCK, STATE_LOCK}, {WAIT_SLEEP, STATE_SLEEP}, {WAIT_PIPE, STATE_OTHER}, {WAIT_OTHER, STATE_OTHER}};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct script *script = server_with_request();
		const struct told *a;

		RUNS(script, 2000, MAIN, NONE, .left = rows[i].left);
		WOKEN(script, 7000, CARRIER, HANDLER_A);
		RUNS(script, 7100, MAIN, HANDLER_A, .off = 2010, .on = 7090, .cause = WAIT_LOCK);
		WRITE(script, 7200, MAIN, CLIENT_A, .status = 200);
		script_finish(script);
		a = told_of(script, "GET /a");
		assert_int_equal(a->state[rows[i].is], 5000);
		assert_int_equal(a->state[STATE_READY], 100);
		assert_int_equal(a->state[STATE_CPU], 1000 + 100);
		script_close(script);
	}
}

/* The record that it left one thread comes behind the one that it runs on another. What the first did until then was its. */
static void test_seen_out_of_order(void **state)
{
	struct script *script = server_with_request();
	(void)state;

	WOKEN(script, 1500, CARRIER, HANDLER_A);
	RUNS(script, 1510, CARRIER, HANDLER_A);
	RUNS(script, 1600, MAIN, NONE, .left = WAIT_PIPE);
	WRITE(script, 2010, CARRIER, CLIENT_A, .status = 200);
	script_finish(script);
	assert_int_equal(told_of(script, "GET /a")->cpu_time, 10 + 590 + 500);
	script_close(script);
}

/* Work after the response that a strand of its own does is that request's; what nobody made is background. */
static void test_after_response(void **state)
{
	struct script *script = server_with_request();
	struct process sum;
	(void)state;

	MADE(script, 1100, MAIN, CHILD);
	WRITE(script, 1200, MAIN, CLIENT_A, .status = 200);
	RUNS(script, 1210, MAIN, CHILD, .left = WAIT_NET);
	RUNS(script, 6210, MAIN, TICKER, .left = WAIT_OTHER, .flags = RECORD_STRAND_ENDED);
	RUNS(script, 6710, MAIN, NONE, .left = WAIT_SLEEP);
	sum = script_finish(script);
	assert_int_equal(told_of(script, "GET /a")->after, 10 + 5000);
	assert_int_equal(sum.background_cpu_ns, 500 * US);
	script_close(script);
}

/* A strand's end is its end: another one with the same work begins anew, and nothing is kept of the first. */
static void test_forgotten(void **state)
{
	struct script *script = server_with_request();
	struct process sum;
	(void)state;

	RUNS(script, 2000, MAIN, NONE, .left = WAIT_OTHER, .flags = RECORD_STRAND_ENDED);
	RUNS(script, 3000, MAIN, HANDLER_A);
	RUNS(script, 4000, MAIN, NONE, .left = WAIT_OTHER, .flags = RECORD_STRAND_ENDED);
	sum = script_finish(script);
	assert_int_equal(sum.request_cpu_ns, (10 + 990) * US);
	assert_int_equal(sum.background_cpu_ns, 1000 * US);
	script_close(script);
}

/* HANDLER_B begins with "GET /b" on the other thread, calls, and leaves it; then HANDLER_A, on a core since 2000, is followed by it. */
static struct script *script_with_doubt(enum wait_cause left)
{
	struct script *script = server_with_request();

	RUNS(script, 1100, CARRIER, HANDLER_B);
	READ(script, 1110, CARRIER, CLIENT_B, .arrived = 1100, .line = "GET /b");
	WRITE(script, 1120, CARRIER, DB);
	RUNS(script, 1130, CARRIER, NONE, .left = left);
	RUNS(script, 2000, MAIN, NONE, .left = WAIT_OTHER);
	RUNS(script, 2000, MAIN, HANDLER_A);
	RUNS(script, 2100, MAIN, HANDLER_B, .left = WAIT_OTHER, .flags = RECORD_STRAND_DOUBTFUL);
	WRITE(script, 2200, MAIN, CLIENT_B, .status = 200);
	RUNS(script, 2300, MAIN, HANDLER_A);
	WRITE(script, 2400, MAIN, CLIENT_A, .status = 200);
	script_finish(script);
	return script;
}

/* Where only now and then is seen which strand runs, whoever came after another one may have used a part of its time. */
static void test_doubtful(void **state)
{
	struct script *script = script_with_doubt(WAIT_OTHER);
	(void)state;

	assert_true(told_of(script, "GET /a")->ambiguous);
	assert_false(told_of(script, "GET /b")->ambiguous);
	assert_int_equal(told_of(script, "GET /a")->cpu_time, 10 + 990 + 100 + 100);
	script_close(script);
}

/* Not so if it had waited to read: it would have read first. */
static void test_waited_to_read(void **state)
{
	struct script *script = script_with_doubt(WAIT_NET);
	(void)state;

	assert_false(told_of(script, "GET /a")->ambiguous);
	assert_int_equal(told_of(script, "GET /a")->cpu_time, 10 + 990 + 100 + 100);
	script_close(script);
}

static uint64_t lost_contexts(const struct script *script)
{
	struct engine_losses losses;

	engine_losses(script->engine, &losses);
	return losses.contexts;
}

/* As many as are known at all, whose records were lost behind their waking: some time later there is room for others again. */
static void test_woken_and_not_seen_again(void **state)
{
	enum { LOST = 1000, MANY = 1 << 18, LATER = 20000000 };
	struct script *script = server_with_request();
	uint64_t lost;
	(void)state;

	for (unsigned int i = 0; i < MANY; i++)
		WOKEN(script, 1100, MAIN, LOST + i);
	lost = lost_contexts(script);
	WOKEN(script, 1200, MAIN, LOST + MANY);
	assert_true(lost_contexts(script) > lost);
	script_tick(script, LATER);
	lost = lost_contexts(script);
	WOKEN(script, LATER + 100, MAIN, LOST + MANY + 1);
	assert_int_equal(lost_contexts(script), lost);
	script_finish(script);
	script_close(script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_preempted),
		cmocka_unit_test(test_shared_connection),
		cmocka_unit_test(test_left_late),
		cmocka_unit_test(test_fan_out),
		cmocka_unit_test(test_servants),
		cmocka_unit_test(test_one_way_worker),
		cmocka_unit_test(test_named_by_its_answer),
		cmocka_unit_test(test_waits),
		cmocka_unit_test(test_seen_out_of_order),
		cmocka_unit_test(test_after_response),
		cmocka_unit_test(test_forgotten),
		cmocka_unit_test(test_child_or_servant),
		cmocka_unit_test(test_loop_of_its_own),
		cmocka_unit_test(test_child_reads_answer),
		cmocka_unit_test(test_doubtful),
		cmocka_unit_test(test_waited_to_read),
		cmocka_unit_test(test_woken_and_not_seen_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
