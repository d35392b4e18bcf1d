/* SPDX-License-Identifier: BSD-2-Clause */
/* A server whose only thread is an event loop, for tests of rules 11 to 13. Times in µs. */
#ifndef LOOP_SCRIPT_H
#define LOOP_SCRIPT_H

#include <stdio.h>

#include "unit/engine_script.h"

enum { LOOP = 1, OTHER_LOOP = 2 };
enum { CLIENT_A = 100, CLIENT_B, CLIENT_C, CLIENT_D, DB = 200, DB_2, DB_3 };

static inline struct script *server(void)
{
	struct script *script = script_open();

	script_thread(script, 0, LOOP, LOOP, THREAD_FOUND);
	for (uint64_t client = CLIENT_A; client <= CLIENT_D; client++)
		script_conn(script, client, CONN_SERVER, 8080);
	for (uint64_t db = DB; db <= DB_3; db++)
		script_conn(script, db, CONN_DOWNSTREAM, 5432);
	return script;
}

/* What was asked on DB is answered; the loop has slept since `since`. */
static inline void answer(struct script *script, uint64_t at, uint64_t since)
{
	READ(script, at, LOOP, DB, SLEPT(since, at - 20, 1));
}

/* The loop shows that it calls back at once, and that the connection is one of a pool: two requests use it, one after the other. */
static inline void show_pool(struct script *script)
{
	static const char *const lines[] = {"GET /first", "GET /second"};
	uint64_t at = 100;

	for (uint64_t i = 0; i < 2; i++, at += 1000) {
		READ(script, at, LOOP, CLIENT_C + i, SLEPT(at - 90, at - 20, 1), .line = lines[i]);
		WRITE(script, at + 10, LOOP, DB);
		READ(script, at + 500, LOOP, DB, SLEPT(at + 20, at + 480, 1));
		WRITE(script, at + 510, LOOP, CLIENT_C + i, .status = 200);
	}
}

#endif
