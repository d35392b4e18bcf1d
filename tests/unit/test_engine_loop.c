/* SPDX-License-Identifier: BSD-2-Clause */
/* Rule 11: loops that run what waited for a read in a later round, in the order of the reads. Times in µs. */
#include <errno.h>

#include "unit/loop_script.h"

#define CONNECT(script, at, tid, conn, ...)                                                                                                \
	script_span(script, at, tid, RECORD_IO, IO_CONNECT, conn, -EINPROGRESS, (struct with){__VA_ARGS__})

/* The loop shows that it answers one round after the read. */
static void show_one_hop(struct script *script)
{
	READ(script, 110, LOOP, CLIENT_D, SLEPT(10, 100, 1), .line = "GET /first");
	WRITE(script, 140, LOOP, CLIENT_D, .epoll = 120, .status = 200);
}

/* Two are read in one round. In the next the first one answers and the second one asks; its own round follows its answer. */
static void test_steps_in_the_order_of_reads(void **state)
{
	struct script *script = server();
	const struct told *a, *b;
	(void)state;

	READ(script, 110, LOOP, CLIENT_A, SLEPT(10, 100, 2), .line = "GET /a");
	READ(script, 130, LOOP, CLIENT_B, .arrived = 100, .line = "GET /b");
	WRITE(script, 1140, LOOP, CLIENT_A, .epoll = 140, .status = 200);
	WRITE(script, 3140, LOOP, DB);
	READ(script, 9010, LOOP, DB, SLEPT(3160, 9000, 1));
	WRITE(script, 10020, LOOP, CLIENT_B, .epoll = 9020, .status = 200);
	script_finish(script);
	a = told_of(script, "GET /a");
	assert_int_equal(a->cpu_time, 10 + 20 + 1000);
	assert_int_equal(a->state[STATE_OTHER], 0);
	b = told_of(script, "GET /b");
	assert_int_equal(b->call_count, 1);
	/* Its read and what followed it, both steps, the end of the first one. */
	assert_int_equal(b->cpu_time, 10 + 2000 + 20 + 20 + 1000);
	assert_int_equal(b->state[STATE_NET], 9000 - 3160);
	assert_int_equal(b->state[STATE_LOOP], 30 + 1000);
	assert_string_equal(b->culprit, "GET /a");
	assert_int_equal(b->state[STATE_OTHER], 0);
	assert_false(a->ambiguous || b->ambiguous);
	script_close(script);
}

/* Before the loop has answered anybody two ask in their steps, each over a connection of its own: what is second is no waiter's. */
static void test_new_connections_from_the_start(void **state)
{
	struct script *script = server();
	const struct told *a, *b;
	(void)state;

	READ(script, 110, LOOP, CLIENT_A, SLEPT(10, 100, 2), .line = "GET /a");
	READ(script, 120, LOOP, CLIENT_B, .arrived = 100, .line = "GET /b");
	CONNECT(script, 1140, LOOP, DB, .epoll = 140);
	CONNECT(script, 3140, LOOP, DB_2);
	WRITE(script, 3180, LOOP, DB, .epoll = 3170, .events = 2);
	WRITE(script, 3190, LOOP, DB_2);
	READ(script, 9010, LOOP, DB_2, POLLED(3200, 9000, 2), .arrived = 8000);
	READ(script, 9020, LOOP, DB, .arrived = 8500);
	WRITE(script, 10030, LOOP, CLIENT_B, .epoll = 9030, .status = 200);
	WRITE(script, 13030, LOOP, CLIENT_A, .status = 200);
	script_finish(script);
	a = told_of(script, "GET /a");
	b = told_of(script, "GET /b");
	assert_int_equal(a->call_count, 1);
	assert_int_equal(b->call_count, 1);
	assert_int_equal(a->peer_union, 8500 - 1140);
	assert_int_equal(b->peer_union, 8000 - 3140);
	assert_int_equal(a->state[STATE_POOL] + b->state[STATE_POOL], 0);
	assert_int_equal(a->cpu_time, 10 + 1000 + 10 + 20 + 3000);
	assert_false(a->ambiguous || b->ambiguous);
	script_close(script);
}

/* The rounds of the one's steps are those of the other's reads: what a step computed is not for whoever is read next. */
static void test_step_before_reads(void **state)
{
	struct script *script = server();
	(void)state;

	show_one_hop(script);
	READ(script, 1010, LOOP, CLIENT_A, SLEPT(150, 1000, 1), .line = "GET /a");
	/* A's step computes and makes no call: it waits for something else. */
	READ(script, 3020, LOOP, CLIENT_B, .epoll = 1020, .events = 1, .arrived = 1015, .line = "GET /b");
	WRITE(script, 3130, LOOP, CLIENT_B, .epoll = 3030, .status = 200);
	WRITE(script, 9050, LOOP, CLIENT_A, .off = 3140, .on = 9000, .cause = WAIT_POLL, .epoll = 9005, .status = 200);
	script_finish(script);
	assert_int_equal(told_of(script, "GET /a")->cpu_time, 20 + 2000 + 50);
	assert_int_equal(told_of(script, "GET /a")->state[STATE_SLEEP], 9000 - 3020);
	assert_int_equal(told_of(script, "GET /b")->cpu_time, 10 + 100);
	assert_int_equal(told_of(script, "GET /b")->state[STATE_LOOP], 3020 - 1015);
	script_close(script);
}

/* B finds no free connection. A's step answers, by which it gives its own back: one round later B asks on it. */
static void test_line_for_a_connection(void **state)
{
	struct script *script = server();
	const struct told *b;
	(void)state;

	show_one_hop(script);
	READ(script, 1010, LOOP, CLIENT_A, SLEPT(150, 1000, 1), .line = "GET /a");
	WRITE(script, 1100, LOOP, DB, .epoll = 1020);
	READ(script, 2010, LOOP, CLIENT_B, SLEPT(1110, 2000, 1), .line = "GET /b");
	WINDOW(script, 6005, LOOP, .epoll = 2020, .off = 2520, .on = 6000, .cause = WAIT_POLL);
	READ(script, 6010, LOOP, DB, .epoll = 6005, .events = 1, .arrived = 6000);
	WRITE(script, 6120, LOOP, CLIENT_A, .epoll = 6020, .status = 200);
	WRITE(script, 6160, LOOP, DB, .epoll = 6140);
	READ(script, 9010, LOOP, DB, SLEPT(6170, 9000, 1));
	WRITE(script, 9120, LOOP, CLIENT_B, .epoll = 9020, .status = 200);
	script_finish(script);
	b = told_of(script, "GET /b");
	assert_int_equal(b->call_count, 1);
	assert_int_equal(b->peer_union, 9000 - 6160);
	assert_int_equal(b->state[STATE_POOL], 6140 - 2520);
	assert_int_equal(b->state[STATE_OTHER], 0);
	assert_int_equal(told_of(script, "GET /a")->call_count, 1);
	assert_false(b->ambiguous);
	script_close(script);
}

/*
 * C stands in line too, before B, but waits for something else. What B asks seems C's, until B answers: then it is B's, and C still waits.
 */
static void test_wrong_guess_is_settled(void **state)
{
	struct script *script = server();
	(void)state;

	show_one_hop(script);
	READ(script, 1010, LOOP, CLIENT_A, SLEPT(150, 1000, 1), .line = "GET /a");
	WRITE(script, 1100, LOOP, DB, .epoll = 1020);
	READ(script, 2010, LOOP, CLIENT_C, SLEPT(1110, 2000, 1), .line = "GET /c");
	READ(script, 3010, LOOP, CLIENT_B, SLEPT(2110, 3000, 1), .line = "GET /b");
	READ(script, 6010, LOOP, DB, SLEPT(3110, 6000, 1));
	WRITE(script, 6120, LOOP, CLIENT_A, .epoll = 6020, .status = 200);
	WRITE(script, 6160, LOOP, DB, .epoll = 6140);
	READ(script, 9010, LOOP, DB, SLEPT(6170, 9000, 1));
	WRITE(script, 9120, LOOP, CLIENT_B, .epoll = 9020, .status = 200);
	WRITE(script, 20020, LOOP, CLIENT_C, .off = 9130, .on = 20000, .cause = WAIT_POLL, .epoll = 20005, .status = 200);
	script_finish(script);
	assert_int_equal(told_of(script, "GET /b")->call_count, 1);
	assert_int_equal(told_of(script, "GET /c")->call_count, 0);
	assert_int_equal(told_of(script, "GET /c")->cpu_time, 10 + 100 + 20);
	script_close(script);
}

/* A's step makes no call and B's follows: nobody can tell which part of the time is whose, and neither gets any of it. */
static void test_mixed_steps_are_nobodys(void **state)
{
	struct script *script = server();
	const struct told *a, *b;
	struct process sum;
	(void)state;

	show_one_hop(script);
	READ(script, 1010, LOOP, CLIENT_A, SLEPT(150, 1000, 2), .line = "GET /a");
	READ(script, 1020, LOOP, CLIENT_B, .arrived = 1000, .line = "GET /b");
	WRITE(script, 5030, LOOP, CLIENT_B, .epoll = 1030, .status = 200);
	WRITE(script, 9050, LOOP, CLIENT_A, .off = 5040, .on = 9000, .cause = WAIT_POLL, .epoll = 9005, .status = 200);
	sum = script_finish(script);
	a = told_of(script, "GET /a");
	b = told_of(script, "GET /b");
	assert_int_equal(a->cpu_time, 10 + 10 + 50);
	assert_int_equal(b->cpu_time, 10);
	assert_int_equal(b->state[STATE_OTHER], 4000);
	assert_int_equal(sum.unattributed_cpu_ns, 4000 * US);
	script_close(script);
}

/* A loop that calls back at once is taken for one from its first call on: a callback that no read began is not for who was read before. */
static void test_called_back_at_once(void **state)
{
	struct script *script = server();
	struct process sum;
	(void)state;

	READ(script, 110, LOOP, CLIENT_D, SLEPT(10, 100, 1), .line = "GET /first");
	WRITE(script, 120, LOOP, CLIENT_D, .status = 200);
	READ(script, 1010, LOOP, CLIENT_A, SLEPT(150, 1000, 1), .line = "GET /a");
	WRITE(script, 3020, LOOP, DB, .epoll = 1020);
	WRITE(script, 9050, LOOP, CLIENT_A, .off = 3030, .on = 9000, .cause = WAIT_POLL, .epoll = 9005, .status = 200);
	sum = script_finish(script);
	assert_int_equal(told_of(script, "GET /a")->call_count, 0);
	assert_int_equal(told_of(script, "GET /a")->cpu_time, 20 + 50);
	/* The call that nobody made, and the beginning of the trace. */
	assert_int_equal(sum.background_cpu_ns, (2010 + 10) * US);
	script_close(script);
}

/* Threads that wait at one epoll fd: what the one has read runs at once, whatever the other one does. */
static void test_shared_epoll(void **state)
{
	struct script *script = server();
	(void)state;

	script_thread(script, 0, OTHER_LOOP, LOOP, THREAD_FOUND);
	WINDOW(script, 60, LOOP, .off = 10, .on = 50, .cause = WAIT_POLL, .epoll = 55);
	WINDOW(script, 60, OTHER_LOOP, .off = 10, .on = 50, .cause = WAIT_POLL, .epoll = 55);
	READ(script, 1010, LOOP, CLIENT_A, SLEPT(70, 1000, 1), .line = "GET /a");
	WRITE(script, 3020, LOOP, DB, .epoll = 1020);
	WRITE(script, 4020, LOOP, CLIENT_A, .status = 200);
	script_finish(script);
	assert_int_equal(told_of(script, "GET /a")->cpu_time, 20 + 3000);
	script_close(script);
}

/* A's step makes two tasks, which ask a round later; both answers only wake others, and A itself runs when both are there. */
static void test_fan_out(void **state)
{
	struct script *script = server();
	const struct told *a;
	(void)state;

	show_one_hop(script);
	READ(script, 1010, LOOP, CLIENT_A, SLEPT(150, 1000, 1), .line = "GET /a");
	WINDOW(script, 1050, LOOP, .epoll = 1020);
	WRITE(script, 1150, LOOP, DB, .epoll = 1060);
	WRITE(script, 1250, LOOP, DB_2);
	READ(script, 6010, LOOP, DB, POLLED(1260, 6000, 2), .arrived = 5000);
	READ(script, 6020, LOOP, DB_2, .arrived = 6000);
	WINDOW(script, 6050, LOOP, .epoll = 6030);
	WRITE(script, 8060, LOOP, CLIENT_A, .epoll = 6060, .status = 200);
	script_finish(script);
	a = told_of(script, "GET /a");
	assert_int_equal(a->call_count, 2);
	assert_int_equal(a->peer_union, 6000 - 1150);
	assert_int_equal(a->cpu_time, 260 + 2060);
	assert_false(a->ambiguous);
	script_close(script);
}

/*
 * A asks and B computes; then B answers, while A's answer is ready and nothing is ready for B: whose answer was it? Nobody can tell. Where
 * that happens often, no answer is trusted any more.
 */
static void test_contradicted_order(void **state)
{
	struct script *script = server();
	(void)state;

	show_one_hop(script);
	READ(script, 1010, LOOP, CLIENT_A, SLEPT(150, 1000, 2), .line = "GET /a");
	READ(script, 1020, LOOP, CLIENT_B, .arrived = 1000, .line = "GET /b");
	WRITE(script, 1040, LOOP, DB, .epoll = 1030);
	READ(script, 6010, LOOP, DB, SLEPT(2040, 6000, 1));
	WRITE(script, 6120, LOOP, CLIENT_B, .epoll = 6020, .status = 200);
	WRITE(script, 9120, LOOP, CLIENT_A, .off = 6130, .on = 9000, .cause = WAIT_POLL, .epoll = 9005, .status = 200);
	READ(script, 9210, LOOP, CLIENT_C, SLEPT(9130, 9200, 1), .line = "GET /c");
	WRITE(script, 9320, LOOP, CLIENT_C, .epoll = 9220, .status = 200);
	script_finish(script);
	/* Also the first one, which was answered before that, and is told now. */
	for (size_t i = 0; i < script->count; i++)
		assert_true(script->told[i].ambiguous);
	assert_int_equal(script->count, 4);
	script_close(script);
}

/* A's step is over, as it seems, and A is answered while C's, which has been ready for longer, is still to come: the order is none. */
static void test_overtaken(void **state)
{
	struct script *script = server();
	(void)state;

	show_one_hop(script);
	READ(script, 1010, LOOP, CLIENT_A, SLEPT(150, 1000, 1), .line = "GET /a");
	READ(script, 3020, LOOP, CLIENT_C, .epoll = 1020, .events = 1, .arrived = 1015, .line = "GET /c");
	WRITE(script, 3130, LOOP, CLIENT_A, .epoll = 3030, .status = 200);
	WRITE(script, 3530, LOOP, CLIENT_C, .status = 200);
	script_finish(script);
	assert_int_equal(script->count, 3);
	for (size_t i = 0; i < script->count; i++)
		assert_true(script->told[i].ambiguous);
	script_close(script);
}

/* What runs long after A's response, while C waits for something within the process, may be C's: it is nobody's. */
static void test_long_tail(void **state)
{
	struct script *script = server();
	struct process sum;
	(void)state;

	show_one_hop(script);
	READ(script, 1010, LOOP, CLIENT_C, SLEPT(150, 1000, 1), .line = "GET /c");
	READ(script, 1220, LOOP, CLIENT_A, .epoll = 1020, .events = 1, .arrived = 1015, .line = "GET /a");
	WRITE(script, 1330, LOOP, CLIENT_A, .epoll = 1230, .status = 200);
	WRITE(script, 9050, LOOP, CLIENT_C, .off = 1930, .on = 9000, .cause = WAIT_POLL, .epoll = 9005, .status = 200);
	sum = script_finish(script);
	assert_int_equal(told_of(script, "GET /a")->after, 0);
	assert_int_equal(told_of(script, "GET /a")->cpu_time, 10 + 100);
	assert_int_equal(told_of(script, "GET /c")->cpu_time, 20 + 200 + 50);
	assert_int_equal(sum.unattributed_cpu_ns, 600 * US);
	script_close(script);
}

/*
 * Everything is read, then runs, and then all that was written is sent, in no order: what ran is of all that was read. Where that was one
 * request, it is its. Whose call it was that was answered beside others nobody can tell, and who may lack it is marked.
 */
static void test_collected_writes(void **state)
{
	struct script *script = server();
	struct process sum;
	(void)state;

	READ(script, 1010, LOOP, CLIENT_A, SLEPT(10, 1000, 3), .line = "GET /a");
	READ(script, 1020, LOOP, CLIENT_B, .arrived = 1000, .line = "GET /b");
	READ(script, 1030, LOOP, CLIENT_C, .arrived = 1000, .line = "GET /c");
	WRITE(script, 9030, LOOP, CLIENT_B, .status = 200);
	WRITE(script, 9040, LOOP, DB);
	READ(script, 10010, LOOP, CLIENT_D, SLEPT(9050, 10000, 1), .line = "GET /d");
	WRITE(script, 11010, LOOP, CLIENT_D, .status = 200);
	READ(script, 12010, LOOP, DB, SLEPT(11020, 12000, 2));
	READ(script, 12020, LOOP, CLIENT_D, .arrived = 12000, .line = "GET /d2");
	WRITE(script, 15020, LOOP, CLIENT_A, .status = 200);
	WRITE(script, 15030, LOOP, CLIENT_D, .status = 200);
	WRITE(script, 20010, LOOP, CLIENT_C, .off = 15040, .on = 20000, .cause = WAIT_POLL, .epoll = 20005, .status = 200);
	sum = script_finish(script);
	/* What ran for three, the call that nobody made, what ran for two. */
	assert_int_equal(sum.unattributed_cpu_ns, (8000 + 20 + 3000) * US);
	assert_int_equal(told_of(script, "GET /b")->cpu_time, 10);
	assert_int_equal(told_of(script, "GET /d")->cpu_time, 10 + 1000);
	assert_true(told_of(script, "GET /a")->ambiguous);
	assert_false(told_of(script, "GET /b")->ambiguous);
	assert_false(told_of(script, "GET /d")->ambiguous);
	assert_false(told_of(script, "GET /d2")->ambiguous);
	script_close(script);
}

/*
 * A connection is made at once, where writes are put off: what runs behind that is of any of those that were read, and so is what runs
 * until what is asked there is sent, whoever has connected.
 */
static void test_connects_where_writes_are_collected(void **state)
{
	struct script *script = server();
	struct process sum;
	(void)state;

	READ(script, 1010, LOOP, CLIENT_A, SLEPT(10, 1000, 2), .line = "GET /a");
	READ(script, 1020, LOOP, CLIENT_B, .arrived = 1000, .line = "GET /b");
	WRITE(script, 2020, LOOP, CLIENT_A, .status = 200);
	READ(script, 2210, LOOP, CLIENT_A, SLEPT(2030, 2200, 1), .line = "GET /a2");
	WRITE(script, 2220, LOOP, CLIENT_B, .status = 200);
	WRITE(script, 2230, LOOP, CLIENT_A, .status = 200);
	READ(script, 3010, LOOP, CLIENT_D, SLEPT(2240, 3000, 2), .line = "GET /d");
	READ(script, 3020, LOOP, CLIENT_C, .arrived = 3000, .line = "GET /c");
	CONNECT(script, 3920, LOOP, DB);
	WRITE(script, 4920, LOOP, CLIENT_D, .status = 200);
	READ(script, 5010, LOOP, CLIENT_D, .epoll = 4950, .events = 2, .arrived = 4900, .line = "GET /d2");
	WRITE(script, 6010, LOOP, DB);
	WRITE(script, 6020, LOOP, CLIENT_D, .status = 200);
	READ(script, 9010, LOOP, DB, SLEPT(6030, 9000, 1));
	WRITE(script, 10010, LOOP, CLIENT_C, .status = 200);
	sum = script_finish(script);
	assert_int_equal(told_of(script, "GET /c")->call_count, 1);
	assert_in_range(told_of(script, "GET /c")->cpu_time, 1000, 1000 + 100);
	assert_in_range(sum.unattributed_cpu_ns, (1000 + 900 + 1000 + 1000) * US, (1000 + 900 + 1000 + 1000 + 100) * US);
	script_close(script);
}

/* Of A's two answers the last one is read last, after B's: A is answered at once then, which shows no loop that collects. */
static void test_several_answers_at_once(void **state)
{
	struct script *script = server();
	struct process sum;
	(void)state;

	script_conn(script, DB_2 + 1, CONN_DOWNSTREAM, 5432);
	READ(script, 1010, LOOP, CLIENT_A, SLEPT(10, 1000, 1), .line = "GET /a");
	WRITE(script, 1020, LOOP, DB);
	WRITE(script, 1030, LOOP, DB_2);
	READ(script, 2010, LOOP, CLIENT_B, SLEPT(1040, 2000, 1), .line = "GET /b");
	WRITE(script, 2020, LOOP, DB_2 + 1);
	READ(script, 6010, LOOP, DB, SLEPT(2030, 6000, 3));
	READ(script, 6020, LOOP, DB_2 + 1, .arrived = 6000);
	READ(script, 6030, LOOP, DB_2, .arrived = 6000);
	WRITE(script, 9030, LOOP, CLIENT_A, .status = 200);
	WRITE(script, 20010, LOOP, CLIENT_B, .off = 9040, .on = 20000, .cause = WAIT_POLL, .epoll = 20005, .status = 200);
	sum = script_finish(script);
	assert_int_equal(sum.unattributed_cpu_ns, 0);
	assert_int_equal(told_of(script, "GET /a")->cpu_time, 30 + 10 + 10 + 10 + 3000);
	script_close(script);
}

/* A call seemed to be A's, who alone had been read then; but when its answer alone is read, B is answered: it was B's. */
static void test_collected_call_of_another(void **state)
{
	struct script *script = server();
	(void)state;

	READ(script, 1010, LOOP, CLIENT_A, SLEPT(10, 1000, 3), .line = "GET /a");
	READ(script, 1020, LOOP, CLIENT_B, .arrived = 1000, .line = "GET /b");
	READ(script, 1030, LOOP, CLIENT_C, .arrived = 1000, .line = "GET /c");
	WRITE(script, 2030, LOOP, CLIENT_A, .status = 200);
	READ(script, 3010, LOOP, CLIENT_A, SLEPT(2040, 3000, 1), .line = "GET /a2");
	WRITE(script, 4010, LOOP, DB);
	READ(script, 6010, LOOP, DB, SLEPT(4020, 6000, 1));
	WRITE(script, 8010, LOOP, CLIENT_B, .status = 200);
	WRITE(script, 9050, LOOP, CLIENT_A, .off = 8020, .on = 9000, .cause = WAIT_POLL, .epoll = 9005, .status = 200);
	/* Nothing contradicts here, but it is no better known. */
	READ(script, 10010, LOOP, CLIENT_D, SLEPT(9060, 10000, 1), .line = "GET /d");
	WRITE(script, 11010, LOOP, DB);
	READ(script, 12010, LOOP, DB, SLEPT(11020, 12000, 1));
	WRITE(script, 12510, LOOP, DB);
	READ(script, 14010, LOOP, DB, SLEPT(12520, 14000, 1));
	WRITE(script, 15010, LOOP, CLIENT_D, .status = 200);
	script_finish(script);
	assert_int_equal(told_of(script, "GET /b")->call_count, 1);
	assert_int_equal(told_of(script, "GET /a2")->call_count, 0);
	assert_true(told_of(script, "GET /b")->ambiguous && told_of(script, "GET /a2")->ambiguous);
	assert_true(told_of(script, "GET /d")->ambiguous);
	assert_int_equal(told_of(script, "GET /d")->call_count, 2);
	assert_false(told_of(script, "GET /a")->ambiguous);
	script_close(script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_steps_in_the_order_of_reads),
		cmocka_unit_test(test_new_connections_from_the_start),
		cmocka_unit_test(test_step_before_reads),
		cmocka_unit_test(test_line_for_a_connection),
		cmocka_unit_test(test_wrong_guess_is_settled),
		cmocka_unit_test(test_mixed_steps_are_nobodys),
		cmocka_unit_test(test_called_back_at_once),
		cmocka_unit_test(test_shared_epoll),
		cmocka_unit_test(test_fan_out),
		cmocka_unit_test(test_contradicted_order),
		cmocka_unit_test(test_overtaken),
		cmocka_unit_test(test_long_tail),
		cmocka_unit_test(test_collected_writes),
		cmocka_unit_test(test_collected_call_of_another),
		cmocka_unit_test(test_connects_where_writes_are_collected),
		cmocka_unit_test(test_several_answers_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
