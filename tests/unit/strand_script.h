/* SPDX-License-Identifier: BSD-2-Clause */
/* A process whose runtime tells which strands its two threads run, for tests of rule 15. Times in µs. */
#ifndef IOCPU_TESTS_STRAND_SCRIPT_H
#define IOCPU_TESTS_STRAND_SCRIPT_H

#include <stdio.h>
#include <string.h>

#include "unit/engine_script.h"

enum { MAIN = 1, CARRIER = 2 };
enum { CLIENT_A = 100, CLIENT_B = 101, DB = 200, CACHE = 201 };
enum { HANDLER_A = 10, HANDLER_B = 11, CHILD = 12, OTHER_CHILD = 13, WRITER = 14, READER = 15, TICKER = 16 };
enum { NONE = 0 };

/* Both threads are carriers, and run nothing. */
static inline struct script *server_with_carriers(void)
{
	struct script *script = script_open();

	script_thread(script, 0, MAIN, MAIN, THREAD_FOUND);
	script_thread(script, 0, CARRIER, MAIN, THREAD_FOUND);
	script_runtime(script, MAIN, RUNTIME_GO);
	script_conn(script, CLIENT_A, CONN_SERVER, 8080);
	script_conn(script, CLIENT_B, CONN_SERVER, 8080);
	script_conn(script, DB, CONN_DOWNSTREAM, 5432);
	script_conn(script, CACHE, CONN_DOWNSTREAM, 6379);
	RUNS(script, 900, MAIN, NONE);
	RUNS(script, 900, CARRIER, NONE);
	return script;
}

/* HANDLER_A has begun with "GET /a" at 1000 on MAIN, and goes on there. */
static inline struct script *server_with_request(void)
{
	struct script *script = server_with_carriers();

	RUNS(script, 1000, MAIN, HANDLER_A);
	READ(script, 1010, MAIN, CLIENT_A, .arrived = 1000, .line = "GET /a");
	return script;
}

#endif
