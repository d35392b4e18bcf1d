/* SPDX-License-Identifier: BSD-2-Clause */
/* Rule 11: streams whose messages have turns among requests' steps. Times in µs. */
#include "unit/loop_script.h"

enum { CHAT = CLIENT_C };

/* It answers one round after a read, and opens a WebSocket. */
static struct script *server_with_chat(void)
{
	struct script *script = server();

	READ(script, 110, LOOP, CHAT, SLEPT(10, 100, 1), .line = "GET /chat");
	WRITE(script, 140, LOOP, CHAT, .epoll = 120, .status = 101, .stream = WIRE_WEBSOCKET);
	return script;
}

/*
 * A message, A and B's answer are read in one round. In the next the first two make no call, and B asks again over its connection: the
 * message's turn is over, A waits for something else, and B was taken once.
 */
static void test_message_in_front_of_two(void **state)
{
	struct script *script = server_with_chat();
	const struct told *a, *b;
	(void)state;

	READ(script, 1010, LOOP, CLIENT_B, SLEPT(150, 1000, 1), .line = "GET /b");
	WRITE(script, 1040, LOOP, DB, .epoll = 1020);
	READ(script, 2010, LOOP, CHAT, SLEPT(1050, 2000, 3));
	READ(script, 2020, LOOP, CLIENT_A, .arrived = 2000, .line = "GET /a");
	READ(script, 2030, LOOP, DB, .arrived = 2000);
	WRITE(script, 2050, LOOP, DB, .epoll = 2040);
	READ(script, 3010, LOOP, DB, SLEPT(2060, 3000, 1));
	WRITE(script, 3040, LOOP, CLIENT_B, .epoll = 3020, .status = 200);
	WRITE(script, 4050, LOOP, CLIENT_A, POLLED(3050, 4000, 1), .status = 200);
	script_finish(script);
	a = told_of(script, "GET /a");
	b = told_of(script, "GET /b");
	assert_int_equal(a->call_count, 0);
	assert_int_equal(b->call_count, 2);
	assert_false(a->ambiguous || b->ambiguous);
	script_close(script);
}

/* What waits for an answer runs two rounds later: the step that ran in between, and made no call, was the message's. */
static void test_message_in_front_of_what_is_not_due(void **state)
{
	struct script *script = server_with_chat();
	(void)state;

	for (uint64_t i = 0, at = 1000; i < 2; i++, at += 10000) {
		READ(script, at + 10, LOOP, CLIENT_B, SLEPT(at - 800, at, 1), .line = i ? "GET /b" : "GET /first");
		WRITE(script, at + 40, LOOP, DB, .epoll = at + 20);
		if (i)
			READ(script, at + 2005, LOOP, CHAT, SLEPT(at + 50, at + 2000, 2));
		if (i)
			READ(script, at + 2010, LOOP, DB, .arrived = at + 2000);
		else
			READ(script, at + 2010, LOOP, DB, SLEPT(at + 50, at + 2000, 1));
		WINDOW(script, at + 3000, LOOP, .epoll = at + 2020);
		WRITE(script, at + 3040, LOOP, CLIENT_B, .epoll = at + 3010, .status = 200);
	}
	script_finish(script);
	assert_in_range(told_of(script, "GET /b")->cpu_time, 80, 100);
	assert_in_range(script->streams[0].cpu, 980, 980 + 100);
	assert_false(told_of(script, "GET /b")->ambiguous);
	script_close(script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_message_in_front_of_two),
		cmocka_unit_test(test_message_in_front_of_what_is_not_due),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
