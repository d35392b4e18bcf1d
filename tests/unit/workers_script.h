/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A server's loop and its two worker threads.
 * Used by tests/unit/test_engine_workers*.c.
 */
#ifndef WORKERS_SCRIPT_H
#define WORKERS_SCRIPT_H

#include <stdio.h>

#include "unit/engine_script.h"

enum { LOOP = 1, ONE, TWO };
enum { CLIENT_X = 100, CLIENT_A, CLIENT_B, CLIENT_C, CLIENT_D, DB = 200, OTHER_DB, WAKE = 300, TO_ONE, TO_TWO };

/* What a thread finds when its epoll returns at `at` - 5, having slept since `off`. */
#define LOOKS(script, at, tid, conn, since, ...)                                                                                           \
	READ(script, at, tid, conn, .off = since, .on = (at)-10, .cause = WAIT_POLL, .epoll = (at)-5, .events = 1, .epoll_fd = tid,        \
	     ##__VA_ARGS__)

static inline struct script *open_server(void)
{
	struct script *script = script_open();

	for (uint32_t tid = LOOP; tid <= TWO; tid++)
		script_thread(script, 0, tid, LOOP, THREAD_FOUND);
	for (uint64_t conn = CLIENT_X; conn <= CLIENT_D; conn++)
		script_conn(script, conn, CONN_SERVER, 8080);
	for (uint64_t conn = WAKE; conn <= TO_TWO; conn++)
		script_conn(script, conn, CONN_PAIR, 0);
	for (uint64_t conn = DB; conn <= OTHER_DB; conn++)
		script_conn(script, conn, CONN_DOWNSTREAM, 5432);
	return script;
}

/* Both workers have served one request each, at 1000: the loop sleeps since 1000, they since 900. */
static inline struct script *server(void)
{
	struct script *script = open_server();

	for (uint32_t tid = ONE; tid <= TWO; tid++) {
		uint64_t at = 200 + 300 * (tid - ONE);

		LOOKS(script, at, LOOP, CLIENT_X, at - 90, .arrived = at - 10, .line = "GET /x");
		WRITE(script, at + 10, LOOP, TO_ONE + tid - ONE);
		LOOKS(script, at + 30, tid, TO_ONE + tid - ONE, 10);
		WRITE(script, at + 100, tid, WAKE);
		LOOKS(script, at + 120, LOOP, WAKE, at + 15);
		WRITE(script, at + 130, LOOP, CLIENT_X, .status = 200);
	}
	return script;
}

/* One has waited for the other since: all that wait are known. The loop sleeps since 1240, the first worker since 1205. */
static inline void serve_in_line(struct script *script)
{
	LOOKS(script, 1000, LOOP, CLIENT_A, 700, .arrived = 990, .line = "GET /p");
	WRITE(script, 1010, LOOP, TO_ONE);
	READ(script, 1015, LOOP, CLIENT_B, .arrived = 995, .line = "GET /q");
	LOOKS(script, 1030, ONE, TO_ONE, 310);
	WRITE(script, 1100, ONE, WAKE);
	LOOKS(script, 1110, LOOP, WAKE, 1020);
	WRITE(script, 1120, LOOP, TO_ONE);
	WRITE(script, 1130, LOOP, CLIENT_A, .status = 200);
	LOOKS(script, 1150, ONE, TO_ONE, 1105);
	WRITE(script, 1200, ONE, WAKE);
	LOOKS(script, 1220, LOOP, WAKE, 1135);
	WRITE(script, 1230, LOOP, CLIENT_B, .status = 200);
}

/* A and B have come; the first worker is given A, for which it works from 2030 on. */
static inline void give_a_and_let_b_wait(struct script *script)
{
	LOOKS(script, 2000, LOOP, CLIENT_A, 700, .arrived = 1990, .line = "GET /a");
	WRITE(script, 2010, LOOP, TO_ONE);
	READ(script, 2020, LOOP, CLIENT_B, .arrived = 1995, .line = "GET /b");
	LOOKS(script, 2030, ONE, TO_ONE, 310);
}

/* It has done with A at 3030, which is answered at 3080, and is given B at 3060. */
static inline void hand_back_a_and_give_b(struct script *script)
{
	WRITE(script, 3030, ONE, WAKE);
	LOOKS(script, 3050, LOOP, WAKE, 2030);
	WRITE(script, 3060, LOOP, TO_ONE);
	WRITE(script, 3080, LOOP, CLIENT_A, .status = 200);
}

static inline void assert_told(const struct script *script, const char *line, uint64_t cpu_at_least, uint64_t cpu_at_most)
{
	const struct told *told = told_of(script, line);

	assert_in_range(told->cpu_time, cpu_at_least, cpu_at_most);
	assert_false(told->ambiguous);
}

#endif
