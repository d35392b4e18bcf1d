/* SPDX-License-Identifier: BSD-2-Clause */
/* Streams: told apart from the requests that opened them, and what is done on them theirs. Times in µs. */
#include <stdio.h>

#include "unit/engine_script.h"

enum { MAIN = 1, WORKER = 2 };
enum { CHAT = 100, FEED = 101, OTHER_FEED = 102, CLIENT = 103, DB = 200 };

static struct script *server(void)
{
	struct script *script = script_open();

	script_thread(script, 0, MAIN, MAIN, THREAD_FOUND);
	for (uint64_t conn = CHAT; conn <= CLIENT; conn++)
		script_conn(script, conn, CONN_SERVER, 8080);
	script_conn(script, DB, CONN_DOWNSTREAM, 5432);
	return script;
}

/* On a loop: two feeds are opened in one turn, in 110 and 90 µs of CPU; 10 behind each head are the stream's. */
static struct script *loop_with_feeds(void)
{
	struct script *script = server();

	READ(script, 110, MAIN, FEED, SLEPT(10, 100, 2), .line = "GET /feed");
	WRITE(script, 210, MAIN, FEED, .status = 200, .stream = WIRE_EVENTS);
	READ(script, 220, MAIN, OTHER_FEED, .arrived = 100, .line = "GET /feed");
	WRITE(script, 310, MAIN, OTHER_FEED, .status = 200, .stream = WIRE_EVENTS);
	return script;
}

/* The opener's time ends with its response; a message comes, a database is asked for it, and it is answered. */
static void test_websocket(void **state)
{
	struct script *script = server();
	struct process sum;
	(void)state;

	READ(script, 110, MAIN, CHAT, .off = 10, .on = 100, .cause = WAIT_NET, .arrived = 100, .line = "GET /chat");
	WRITE(script, 300, MAIN, CHAT, .status = 101, .stream = WIRE_WEBSOCKET);
	assert_int_equal(script->count, 1);
	assert_int_equal(script->told[0].opens, WIRE_WEBSOCKET);
	assert_int_equal(script->told[0].wall, 200);
	assert_int_equal(script->told[0].cpu_time, 200);
	READ_BYTES(script, 5010, MAIN, CHAT, 20, .off = 310, .on = 5000, .cause = WAIT_NET, .arrived = 5000);
	WRITE(script, 5110, MAIN, DB);
	READ(script, 9120, MAIN, DB, .off = 5120, .on = 9110, .cause = WAIT_NET, .arrived = 9110);
	WRITE(script, 9200, MAIN, CHAT);
	script_tick(script, 9300);
	assert_int_equal(script->streams[0].reads, 1);
	assert_false(script->streams[0].ended);
	READ_BYTES(script, 12010, MAIN, CHAT, 30, .off = 9210, .on = 12000, .cause = WAIT_NET, .arrived = 12000);
	script_conn_ended(script, 20000, CHAT);
	sum = script_finish(script);
	assert_int_equal(script->count, 1);
	assert_int_equal(script->stream_count, 1);
	assert_string_equal(script->streams[0].id, script->told[0].id);
	assert_string_equal(script->streams[0].line, "GET /chat");
	assert_int_equal(script->streams[0].kind, WIRE_WEBSOCKET);
	assert_true(script->streams[0].ended);
	assert_int_equal(script->streams[0].lasted, 20000 - 300);
	assert_int_equal(script->streams[0].reads, 2);
	assert_int_equal(script->streams[0].read_bytes, 50);
	assert_int_equal(script->streams[0].writes, 1);
	assert_int_equal(script->streams[0].written_bytes, 64);
	/* 10 behind the head, 120 up to the database, 90 behind it, 10 behind the answer, 10 to read the second message. */
	assert_int_equal(script->streams[0].cpu, 10 + 120 + 90 + 10 + 10);
	assert_int_equal(sum.stream_cpu_ns / US, script->streams[0].cpu);
	assert_int_equal(sum.unattributed_cpu_ns, 0);
	script_close(script);
}

/* A timer writes on each of them in turn: each has what ran up to its own. */
static void test_timer_writes_on_each(void **state)
{
	struct script *script = loop_with_feeds();
	(void)state;

	WRITE(script, 5060, MAIN, FEED, POLLED(320, 5000, 0));
	WRITE(script, 5090, MAIN, OTHER_FEED);
	script_finish(script);
	assert_int_equal(script->count, 2);
	assert_int_equal(script->stream_count, 2);
	assert_int_equal(script_stream(script, script->told[0].id)->cpu, 10 + 60);
	assert_int_equal(script_stream(script, script->told[1].id)->cpu, 10 + 30);
	assert_int_equal(script->told[0].cpu_time + script->told[1].cpu_time, 200);
	assert_false(script->told[0].ambiguous || script->told[1].ambiguous);
	script_close(script);
}

/* A request writes on both, and is answered: that was its work. */
static void test_request_publishes(void **state)
{
	struct script *script = loop_with_feeds();
	(void)state;

	READ(script, 5010, MAIN, CLIENT, SLEPT(320, 5000, 1), .line = "POST /news");
	WRITE(script, 5110, MAIN, FEED);
	WRITE(script, 5210, MAIN, OTHER_FEED);
	WRITE(script, 5310, MAIN, CLIENT, .status = 200);
	script_finish(script);
	assert_int_equal(told_of(script, "POST /news")->cpu_time, 310);
	assert_int_equal(told_of(script, "POST /news")->state[STATE_OTHER], 0);
	assert_false(told_of(script, "POST /news")->ambiguous);
	assert_int_equal(script_stream(script, script->told[0].id)->writes, 1);
	assert_int_equal(script_stream(script, script->told[0].id)->cpu, 10);
	assert_int_equal(script_stream(script, script->told[1].id)->cpu, 10);
	script_close(script);
}

/* A request has asked the database, and in the same turn a timer writes on a stream: none of that is the request's. */
static void test_callback_after_asking(void **state)
{
	struct script *script = loop_with_feeds();
	(void)state;

	READ(script, 5010, MAIN, CLIENT, SLEPT(320, 5000, 1), .line = "GET /a");
	WRITE(script, 5110, MAIN, DB);
	WRITE(script, 5610, MAIN, FEED);
	READ(script, 8010, MAIN, DB, SLEPT(5620, 8000, 1));
	WRITE(script, 8110, MAIN, CLIENT, .status = 200);
	script_finish(script);
	assert_int_equal(told_of(script, "GET /a")->cpu_time, 110 + 110);
	assert_false(told_of(script, "GET /a")->ambiguous);
	assert_int_equal(script_stream(script, script->told[0].id)->cpu, 10 + 500 + 10);
	script_close(script);
}

/* Its last chunk ends a stream of events, and so does the next request: when it was last written on. */
static void test_events_end(void **state)
{
	struct script *script = loop_with_feeds();
	(void)state;

	WRITE(script, 5060, MAIN, FEED, POLLED(320, 5000, 0));
	WRITE(script, 5090, MAIN, FEED, .stream_ends = true);
	WRITE(script, 5110, MAIN, OTHER_FEED);
	READ(script, 9010, MAIN, FEED, SLEPT(5120, 9000, 2), .line = "GET /next");
	WRITE(script, 9110, MAIN, FEED, .status = 200);
	READ(script, 9120, MAIN, OTHER_FEED, .arrived = 9000, .line = "GET /other");
	WRITE(script, 9210, MAIN, OTHER_FEED, .status = 200);
	script_finish(script);
	assert_int_equal(script->count, 4);
	assert_true(script->streams[0].ended && script->streams[1].ended);
	assert_int_equal(script_stream(script, script->told[0].id)->lasted, 5090 - 210);
	assert_int_equal(script_stream(script, script->told[1].id)->lasted, 5110 - 310);
	assert_int_equal(told_of(script, "GET /next")->cpu_time, 110);
	assert_int_equal(told_of(script, "GET /other")->cpu_time, 90);
	script_close(script);
}

/* The trace ends, and the stream does not. Nobody waits for an answer on it, so nobody's line has it in it (rule 12). */
static void test_open_at_the_end(void **state)
{
	struct script *script = loop_with_feeds();
	struct process sum;
	(void)state;

	READ(script, 5010, MAIN, FEED, SLEPT(320, 5000, 1));
	READ(script, 6010, MAIN, CLIENT, SLEPT(5020, 6000, 1), .line = "GET /a");
	WRITE(script, 6110, MAIN, DB);
	READ(script, 7010, MAIN, DB, SLEPT(6120, 7000, 1));
	WRITE(script, 7110, MAIN, CLIENT, .status = 200);
	sum = script_finish(script);
	assert_false(script->streams[0].ended);
	assert_int_equal(told_of(script, "GET /a")->cpu_time, 230);
	assert_int_equal(told_of(script, "GET /a")->call_count, 1);
	assert_int_equal(sum.stream_cpu_ns / US, 20 + 10 + 10);
	script_close(script);
}

/* A message is handed to a worker process: what that computes is the stream's, and so is what follows its answers. */
static void test_worker_process(void **state)
{
	enum { OURS = 300, THEIRS = 301, OTHER_PROCESS = 50 };
	struct script *script = server();
	(void)state;

	script_thread(script, 0, OTHER_PROCESS, OTHER_PROCESS, THREAD_FOUND);
	script_socketpair(script, OURS, THEIRS);
	READ(script, 110, MAIN, CHAT, .off = 10, .on = 100, .cause = WAIT_NET, .arrived = 100, .line = "GET /chat");
	WRITE(script, 300, MAIN, CHAT, .status = 101, .stream = WIRE_WEBSOCKET);
	READ(script, 5010, MAIN, CHAT, .off = 310, .on = 5000, .cause = WAIT_NET, .arrived = 5000);
	WRITE(script, 5110, MAIN, OURS);
	READ(script, 5220, OTHER_PROCESS, THEIRS, .off = 10, .on = 5210, .cause = WAIT_NET);
	WRITE(script, 6220, OTHER_PROCESS, THEIRS);
	WRITE(script, 6230, OTHER_PROCESS, THEIRS);
	READ(script, 6320, MAIN, OURS, .off = 5120, .on = 6310, .cause = WAIT_NET);
	READ(script, 6330, MAIN, OURS);
	WRITE(script, 6430, MAIN, CHAT);
	script_finish(script);
	assert_int_equal(script->streams[0].cpu, 10 + 120 + 10 + 1010 + 120);
	script_close(script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_websocket),         cmocka_unit_test(test_timer_writes_on_each),
		cmocka_unit_test(test_request_publishes), cmocka_unit_test(test_callback_after_asking),
		cmocka_unit_test(test_events_end),        cmocka_unit_test(test_open_at_the_end),
		cmocka_unit_test(test_worker_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
