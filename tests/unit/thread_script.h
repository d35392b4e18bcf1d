/* SPDX-License-Identifier: BSD-2-Clause */
/* A process of one thread, with two clients and a database, for tests of what that thread's time is. Times in µs. */
#ifndef IOCPU_TESTS_THREAD_SCRIPT_H
#define IOCPU_TESTS_THREAD_SCRIPT_H

#include <stdio.h>

#include "unit/engine_script.h"

enum { MAIN = 1 };
enum { CLIENT_A = 100, CLIENT_B = 101, DB = 200 };

static inline struct script *server_of_one_thread(void)
{
	struct script *script = script_open();

	script_thread(script, 0, MAIN, MAIN, THREAD_FOUND);
	script_conn(script, CLIENT_A, CONN_SERVER, 8080);
	script_conn(script, CLIENT_B, CONN_SERVER, 8080);
	script_conn(script, DB, CONN_DOWNSTREAM, 5432);
	return script;
}

#endif
