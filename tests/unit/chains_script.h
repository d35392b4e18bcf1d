/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A server whose threads run each other's requests, which share the connections of a pool. Times in µs.
 * Used by tests/unit/test_engine_chains*.c.
 */
#ifndef CHAINS_SCRIPT_H
#define CHAINS_SCRIPT_H

#include <stdio.h>

#include "unit/engine_script.h"

enum { FIRST = 1, SECOND = 2, THIRD = 3 }; /* threads; FIRST is the process too */
enum { CLIENT_A = 100, CLIENT_B, CLIENT_C, CLIENT_D, CLIENT_E, CLIENT_F, CLIENT_LAST = CLIENT_A + 30, DB = 200, DB_2, DB_LAST = DB + 3 };

static inline struct script *server(enum runtime runtime)
{
	struct script *script = script_open();

	for (uint32_t thread = FIRST; thread <= THIRD; thread++)
		script_thread(script, 0, thread, FIRST, THREAD_FOUND);
	script_runtime(script, FIRST, runtime);
	for (uint64_t client = CLIENT_A; client <= CLIENT_LAST; client++)
		script_conn(script, client, CONN_SERVER, 8080);
	for (uint64_t db = DB; db <= DB_LAST; db++)
		script_conn(script, db, CONN_DOWNSTREAM, 5432);
	return script;
}

/* The goroutine asks, and leaves the thread until the answer is there. */
static inline void ask(struct script *script, uint64_t at, uint32_t thread, uint64_t db)
{
	WRITE(script, at, thread, db);
	READ_NOTHING(script, at + 5, thread, db);
}

/* The thread has slept since `off`. */
static inline void answer(struct script *script, uint64_t at, uint32_t thread, uint64_t off, uint64_t db)
{
	READ(script, at, thread, db, .off = off, .on = at - 10, .cause = WAIT_POLL, .epoll = at - 5, .events = 1, .arrived = at - 20);
}

static inline void check(const struct script *script, const char *line, uint64_t cpu, uint64_t pool, uint64_t calls)
{
	const struct told *told = told_of(script, line);

	assert_false(told->ambiguous);
	assert_int_equal(told->call_count, calls);
	assert_int_equal(told->state[STATE_POOL], pool);
	assert_in_range(told->cpu_time, cpu, cpu + 40); /* what runs between two goroutines is the one's or the other's */
}

#endif
