/* SPDX-License-Identifier: BSD-2-Clause */
/* Servers that speak first (SMTP, MySQL): a greeting answers nobody, on either side. Times in µs. */
#include <stdio.h>

#include "unit/engine_script.h"

enum { MAIN = 1 };
enum { CLIENT = 100, MAIL = 200 };

static struct script *server(void)
{
	struct script *script = script_open();

	script_thread(script, 0, MAIN, MAIN, THREAD_FOUND);
	script_conn(script, CLIENT, CONN_SERVER, 2525);
	script_conn(script, MAIL, CONN_DOWNSTREAM, 25);
	return script;
}

static void connection_up(struct script *script, uint64_t at, uint64_t id)
{
	struct record_conn_state record = {.head = {.at_ns = at * US, .kind = RECORD_CONN_STATE}, .conn_id = id, .state = CONN_UP};

	script_feed(script, &record, sizeof(record), NULL);
}

#define ACCEPT(script, at, tid, conn, ...) script_span(script, at, tid, RECORD_IO, IO_ACCEPT, conn, 7, (struct with){__VA_ARGS__})
#define CONNECT(script, at, tid, conn, result, ...)                                                                                        \
	script_span(script, at, tid, RECORD_IO, IO_CONNECT, conn, result, (struct with){__VA_ARGS__})

/* The first request begins with what the client says to the greeting, and the greeting's CPU readied the connection. */
static void test_server_greets(void **state)
{
	struct script *script = server();
	struct process sum;
	(void)state;

	ACCEPT(script, 1020, MAIN, CLIENT, .off = 10, .on = 1010, .cause = WAIT_NET);
	WRITE(script, 1120, MAIN, CLIENT, .protocol = WIRE_TLS); /* as any that goes by turns */
	READ(script, 3020, MAIN, CLIENT, .off = 1130, .on = 3010, .cause = WAIT_NET, .arrived = 3000, .protocol = WIRE_TLS);
	WRITE(script, 3220, MAIN, CLIENT, .protocol = WIRE_TLS);
	sum = script_finish(script);
	assert_int_equal(script->count, 1);
	assert_int_equal(script->told[0].wall, 220);
	assert_int_equal(script->told[0].cpu_time, 210);
	assert_int_equal(sum.setup_cpu_ns / US, 120);
	assert_int_equal(sum.unattributed_cpu_ns, 0);
	script_close(script);
}

/* Of a connection from before the trace it is not known what the server answers. */
static void test_no_greeting(void **state)
{
	struct script *script = server();
	struct process sum;
	(void)state;

	WRITE(script, 120, MAIN, CLIENT, .protocol = WIRE_TLS);
	sum = script_finish(script);
	assert_int_equal(script->count, 0);
	assert_int_equal(sum.setup_cpu_ns, 0);
	assert_int_equal(sum.unattributed_cpu_ns / US, 120);
	script_close(script);
}

/* Until the downstream has spoken the request waits for it: NET, and part of the connecting. The call begins after that. */
static void test_downstream_greets(void **state)
{
	struct script *script = server();
	(void)state;

	READ(script, 110, MAIN, CLIENT, .off = 10, .on = 100, .cause = WAIT_NET, .arrived = 100, .line = "GET /mail");
	CONNECT(script, 1130, MAIN, MAIL, 0, .off = 130, .on = 1120, .cause = WAIT_NET);
	READ(script, 4150, MAIN, MAIL, .off = 1140, .on = 4140, .cause = WAIT_NET, .arrived = 4135);
	WRITE(script, 4200, MAIN, MAIL);
	READ(script, 5220, MAIN, MAIL, .off = 4210, .on = 5210, .cause = WAIT_NET, .arrived = 5205);
	WRITE(script, 5300, MAIN, CLIENT, .status = 200);
	script_finish(script);
	assert_int_equal(script->count, 1);
	assert_int_equal(script->told[0].call_count, 1);
	assert_int_equal(script->told[0].state[STATE_NET], 990 + 3000 + 1000);
	assert_int_equal(script->told[0].peer_union, 4135 - 130 + 5205 - 4200);
	assert_int_equal(script->told[0].state[STATE_OTHER], 0);
	script_close(script);
}

/* On a loop nobody is blocked for it. */
static void test_downstream_greets_loop(void **state)
{
	struct script *script = server();
	(void)state;

	READ(script, 110, MAIN, CLIENT, SLEPT(10, 100, 1), .line = "GET /mail");
	CONNECT(script, 200, MAIN, MAIL, -115);
	connection_up(script, 700, MAIL);
	READ(script, 3010, MAIN, MAIL, SLEPT(210, 3000, 1));
	WRITE(script, 3100, MAIN, MAIL);
	READ(script, 4010, MAIN, MAIL, SLEPT(3110, 4000, 1));
	WRITE(script, 4100, MAIN, CLIENT, .status = 200);
	script_finish(script);
	assert_int_equal(script->count, 1);
	assert_int_equal(script->told[0].call_count, 1);
	assert_int_equal(script->told[0].state[STATE_NET], 3000 - 210 + 4000 - 3110);
	assert_int_equal(script->told[0].peer_union, 3000 - 200 + 4000 - 3100);
	assert_int_equal(script->told[0].state[STATE_OTHER], 0);
	script_close(script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_server_greets),
		cmocka_unit_test(test_no_greeting),
		cmocka_unit_test(test_downstream_greets),
		cmocka_unit_test(test_downstream_greets_loop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
