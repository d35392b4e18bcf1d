/* SPDX-License-Identifier: BSD-2-Clause */
/* An event loop whose runtime tells which of its tasks and callbacks it runs, for tests of rule 15. Times in µs. */
#ifndef IOCPU_TESTS_TASK_SCRIPT_H
#define IOCPU_TESTS_TASK_SCRIPT_H

#include <stdio.h>

#include "unit/engine_script.h"

enum { LOOP = 1 };
enum { CLIENT_A = 100, CLIENT_B = 101, DB = 200, OTHER_DB = 201, NEW_DB = 202 };
/* Tasks; callbacks have numbers from 100 on, each its own. */
enum { TASK_A = 10, TASK_B = 11, CHILD = 12, NEXT = 13 };

#define ENDS .flags = RECORD_STRAND_ENDED, .left = WAIT_PIPE

/* Of a loop with two connections, and tasks that have been waiting for what comes there. */
static inline struct script *server_with_tasks(void)
{
	struct script *script = script_open();

	script_thread(script, 0, LOOP, LOOP, THREAD_FOUND);
	script_runtime(script, LOOP, RUNTIME_PYTHON);
	script_conn(script, CLIENT_A, CONN_SERVER, 8080);
	script_conn(script, CLIENT_B, CONN_SERVER, 8080);
	script_conn(script, DB, CONN_DOWNSTREAM, 5432);
	script_conn(script, OTHER_DB, CONN_DOWNSTREAM, 5432);
	return script;
}

/* The requests of both have come at 1000 and were read by two callbacks, which let their tasks go on; nothing else is ready. */
static inline struct script *server_with_requests(void)
{
	struct script *script = server_with_tasks();

	RUNS(script, 1010, LOOP, 100, POLLED(100, 1000, 2));
	READ(script, 1020, LOOP, CLIENT_A, .arrived = 1000, .line = "GET /a");
	WOKEN(script, 1030, LOOP, TASK_A);
	RUNS(script, 1040, LOOP, 101, ENDS);
	READ(script, 1050, LOOP, CLIENT_B, .arrived = 1000, .line = "GET /b");
	WOKEN(script, 1060, LOOP, TASK_B);
	return script;
}

#endif
