/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rules 9 and 12 where requests had waited for a loop's worker before the trace began: responses tell how many. Times in µs.
 */
#include "unit/workers_script.h"

#define REQUESTS_MAX 64
#define FIRST_CLIENT 400
#define JOB          0 /* work of a timer's: nobody sees it coming, and nobody is answered */

/* Clients that ask again as soon as they are answered, and one worker. */
struct busy_server {
	struct script *script;
	uint64_t at;         /* the worker is given something */
	uint32_t queue[256]; /* clients, from 1, in the order in which they will be served */
	uint32_t first, end; /* of the queue */
	uint32_t worked_for; /* the worker has its work */
	uint32_t count;      /* of the requests that the trace has seen */
	char lines[REQUESTS_MAX][16];
	uint64_t cpu[REQUESTS_MAX];
	uint32_t asked[32]; /* by client: the number of its request + 1; 0: it came before the trace */
};

static uint64_t conn_of_client(uint32_t client)
{
	return FIRST_CLIENT + client;
}

/* The trace begins while the worker works for the first client, and the others wait. */
static void open_busy_server(struct busy_server *server, uint32_t clients)
{
	*server = (struct busy_server){.script = open_server(), .at = 200, .worked_for = 1};
	for (uint32_t client = 1; client <= clients; client++)
		script_conn(server->script, conn_of_client(client), CONN_SERVER, 8080);
	for (uint32_t client = 2; client <= clients; client++)
		server->queue[server->end++] = client;
	LOOKS(server->script, 200, ONE, TO_ONE, 100);
	LOOKS(server->script, 210, LOOP, WAKE, 100);
}

/* The loop sleeps since since_ns, and reads the client's next request at `at`. */
static void come_at(struct busy_server *server, uint32_t client, uint64_t since_ns, uint64_t at)
{
	uint32_t number = server->count++;

	snprintf(server->lines[number], sizeof(server->lines[number]), "GET /%u", number);
	LOOKS(server->script, at, LOOP, conn_of_client(client), since_ns, .arrived = at - 15, .line = server->lines[number]);
	server->asked[client] = number + 1;
	server->queue[server->end++] = client;
}

/* The client is answered within what the loop does at `at`, and asks again. */
static void answer(struct busy_server *server, uint32_t client, uint64_t at)
{
	WRITE(server->script, at, LOOP, conn_of_client(client), .status = 200);
	come_at(server, client, at + 5, at + 40);
}

/* A further client comes while the worker is busy. */
static void come(struct busy_server *server, uint32_t client)
{
	script_conn(server->script, conn_of_client(client), CONN_SERVER, 8080);
	come_at(server, client, server->at + 10, server->at + 50);
	server->at += 50;
}

/* The worker computes for so long, and is given what waits longest. Who is done is answered at once, or not. */
static void serve(struct busy_server *server, uint64_t cpu, bool answers)
{
	uint64_t done = server->at + cpu;
	uint32_t client = server->worked_for;

	if (client != JOB && server->asked[client])
		server->cpu[server->asked[client] - 1] += cpu;
	WRITE(server->script, done, ONE, WAKE);
	LOOKS(server->script, done + 20, LOOP, WAKE, server->at + 70);
	WRITE(server->script, done + 30, LOOP, TO_ONE);
	server->worked_for = server->queue[server->first++];
	if (client != JOB && answers)
		answer(server, client, done + 45);
	LOOKS(server->script, done + 100, ONE, TO_ONE, done + 5);
	server->at = done + 100;
}

static uint64_t next_cpu(const struct busy_server *server)
{
	return 1000 + 100 * (server->count % 5);
}

static void serve_many(struct busy_server *server, uint32_t count)
{
	while (count--)
		serve(server, next_cpu(server), true);
}

/* The one at `place`, and the one behind it, are served in the wrong order. */
static void swap_two(struct busy_server *server, uint32_t place)
{
	uint32_t *queue = &server->queue[server->first], client = queue[place];

	queue[place] = queue[place + 1];
	queue[place + 1] = client;
}

static const struct told *told_number(const struct busy_server *server, uint32_t number)
{
	return told_of(server->script, server->lines[number]);
}

/* From the first to the last one each has its own CPU, and the loop's around it. */
static void assert_right(const struct busy_server *server, uint32_t first, uint32_t last)
{
	for (uint32_t number = first; number <= last; number++)
		assert_told(server->script, server->lines[number], server->cpu[number], server->cpu[number] + 250);
}

static void assert_doubted(const struct busy_server *server, uint32_t first, uint32_t last)
{
	for (uint32_t number = first; number <= last; number++)
		assert_true(told_number(server, number)->ambiguous);
}

/* The first two of those that came are served in the wrong order: so the first responses contradict each other, and all others agree. */
static void several_responses_must_agree(void **state)
{
	struct busy_server server;
	(void)state;

	open_busy_server(&server, 5);
	for (uint32_t client = 6; client <= 10; client++)
		come(&server, client);
	swap_two(&server, 4);
	for (int i = 0; i < 5; i++)
		serve(&server, 1000, false);
	serve_many(&server, 20);
	script_finish(server.script);
	assert_doubted(&server, 0, 2);
	assert_right(&server, 5, 14);
	script_close(server.script);
}

/* What the worker had before the trace comes back, and shows nothing: it waits for something else than a worker. */
static void who_comes_back_waits_for_something_else(void **state)
{
	struct busy_server server;
	(void)state;

	open_busy_server(&server, 6);
	serve_many(&server, 2);
	serve(&server, 1000, false);
	serve_many(&server, 15);
	script_finish(server.script);
	assert_right(&server, 2, 10);
	script_close(server.script);
}

/* One that is answered in a callback of something else takes along what the worker had done for it. */
static void who_is_answered_elsewhere_leaves_the_line(void **state)
{
	struct busy_server server;
	uint32_t client;
	(void)state;

	open_busy_server(&server, 5);
	serve_many(&server, 14);
	client = server.worked_for;
	serve(&server, 1000, false);
	READ(server.script, server.at + 20, LOOP, DB, .arrived = server.at + 10, .epoll = server.at + 15, .events = 1, .epoll_fd = LOOP);
	answer(&server, client, server.at + 25);
	serve_many(&server, 15);
	script_finish(server.script);
	assert_right(&server, 0, 8);
	assert_doubted(&server, 9, 9);
	assert_right(&server, 10, 24);
	script_close(server.script);
}

/* A timer's work stands in line, too: since then all are one place off. */
static void a_lost_line_is_found_again(void **state)
{
	struct busy_server server;
	(void)state;

	open_busy_server(&server, 5);
	serve_many(&server, 14);
	server.queue[server.end++] = JOB;
	serve_many(&server, 40);
	script_finish(server.script);
	assert_right(&server, 0, 13);
	assert_doubted(&server, 14, 22);
	assert_right(&server, 33, 44);
	script_close(server.script);
}

/*
 * Where the lines begin anew whoever waits for a connection is forgotten: the one that had been asked on by then may be given to it, in the
 * callback of its answer. Who had asked goes back to a worker then.
 */
static void who_waited_for_a_connection_is_forgotten(void **state)
{
	struct busy_server server;
	uint32_t asks, waits, number;
	uint64_t at;
	(void)state;

	open_busy_server(&server, 7);
	serve_many(&server, 9);
	asks = server.worked_for;
	serve(&server, 1000, false);
	WRITE(server.script, server.at - 50, LOOP, DB);
	waits = server.worked_for;
	serve(&server, 1000, false);
	for (int i = 0; i < 6; i++) {
		swap_two(&server, 0);
		serve_many(&server, 1);
	}
	serve_many(&server, 20);
	number = server.asked[asks] - 1;
	at = server.at + 20;
	READ(server.script, at, LOOP, DB, .arrived = at - 10, .epoll = at - 5, .events = 1, .epoll_fd = LOOP);
	WRITE(server.script, at + 5, LOOP, DB);
	server.queue[server.end++] = asks;
	READ(server.script, at + 100, LOOP, DB, .arrived = at + 90, .epoll = at + 95, .events = 1, .epoll_fd = LOOP);
	answer(&server, waits, at + 105);
	server.at = at + 200;
	serve_many(&server, 9);
	script_finish(server.script);
	assert_int_equal(told_number(&server, number)->call_count, 1);
	assert_true(told_number(&server, number)->cpu_time >= server.cpu[number]);
	assert_int_equal(told_number(&server, number + 1)->call_count, 1);
	script_close(server.script);
}

/* If responses contradict the order often, those that bear it out are no proof. */
static void an_order_that_is_often_wrong_is_doubted(void **state)
{
	struct busy_server server;
	(void)state;

	open_busy_server(&server, 6);
	serve_many(&server, 15);
	for (int i = 0; i < 6; i++) {
		serve_many(&server, 3);
		swap_two(&server, 0);
	}
	serve_many(&server, 8);
	script_finish(server.script);
	assert_right(&server, 0, 12);
	assert_doubted(&server, 24, 27);
	script_close(server.script);
}

/* The callback that answers a request from before the trace has shown itself: nothing of it waits for a connection. */
static void who_came_before_the_trace_is_answered(void **state)
{
	struct script *script = open_server();
	(void)state;

	LOOKS(script, 200, ONE, TO_ONE, 100);
	LOOKS(script, 210, LOOP, WAKE, 100);
	WRITE(script, 400, ONE, WAKE);
	LOOKS(script, 420, LOOP, WAKE, 220);
	WRITE(script, 430, LOOP, TO_ONE);
	WRITE(script, 440, LOOP, CLIENT_B, .status = 200);
	LOOKS(script, 460, ONE, TO_ONE, 405);
	WRITE(script, 1200, ONE, WAKE);
	LOOKS(script, 1220, LOOP, WAKE, 445);
	WRITE(script, 1230, LOOP, TO_ONE);
	WRITE(script, 1240, LOOP, CLIENT_X, .status = 200);
	LOOKS(script, 1260, ONE, TO_ONE, 1205);
	LOOKS(script, 1300, LOOP, CLIENT_A, 1245, .arrived = 1290, .line = "GET /a");
	WRITE(script, 1310, LOOP, DB);
	WRITE(script, 2250, ONE, WAKE);
	LOOKS(script, 2270, LOOP, WAKE, 1320);
	WRITE(script, 2280, LOOP, CLIENT_D, .status = 200);
	LOOKS(script, 4000, LOOP, DB, 2290, .arrived = 3990);
	WRITE(script, 4010, LOOP, DB);
	LOOKS(script, 5000, LOOP, DB, 4020, .arrived = 4990);
	WRITE(script, 5010, LOOP, CLIENT_A, .status = 200);
	script_finish(script);
	assert_told(script, "GET /a", 30, 100);
	assert_int_equal(told_of(script, "GET /a")->call_count, 2);
	assert_int_equal(told_of(script, "GET /a")->state[STATE_POOL], 0);
	script_close(script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(several_responses_must_agree),
		cmocka_unit_test(who_comes_back_waits_for_something_else),
		cmocka_unit_test(who_is_answered_elsewhere_leaves_the_line),
		cmocka_unit_test(a_lost_line_is_found_again),
		cmocka_unit_test(who_waited_for_a_connection_is_forgotten),
		cmocka_unit_test(an_order_that_is_often_wrong_is_doubted),
		cmocka_unit_test(who_came_before_the_trace_is_answered),
	};

	return cmocka_run_group_tests_name("engine: worker threads, before the trace", tests, NULL, NULL);
}
