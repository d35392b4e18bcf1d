/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two threads that run the handlers of a loop that reads ahead, and have shown that they do. Times in µs.
 * Used by test_engine_ahead_shared.c, test_engine_ahead_queued.c, test_engine_ahead_heal.c and test_engine_pool_ahead.c.
 * Never: asserts anything.
 */
#ifndef IOCPU_TESTS_UNIT_AHEAD_SCRIPT_H
#define IOCPU_TESTS_UNIT_AHEAD_SCRIPT_H

#include <stdio.h>

#include "unit/engine_script.h"

enum { LOOP = 1, OTHER = 2 };
enum { CLIENT_A = 100, CLIENT_B, CLIENT_C, CLIENT_D, CLIENT_E, CLIENT_F, CLIENT_G, CLIENT_H, DB_A = 200, DB_B, DB_C, DB_D, UNKNOWN = 999 };

/*
 * A, B and C are read after an event, and each asks at once. All three answers are there when LOOP looks for them first, from 1700 on, and
 * have been worked for by 2950; so are the requests of D, E and F, read at 1820, 1860 and f_read_at. OTHER sleeps until 2960; two_wait: it
 * has read G's and H's requests, whose steps have made no call.
 */
static inline struct script *read_ahead_while(uint64_t f_read_at, bool two_wait)
{
	static const char *const lines[] = {"GET /a", "GET /b", "GET /c", "GET /d", "GET /e", "GET /f"};
	struct script *script = script_open();

	script_thread(script, 0, LOOP, LOOP, THREAD_FOUND);
	script_thread(script, 0, OTHER, LOOP, THREAD_FOUND);
	for (uint64_t i = 0; i < 8; i++)
		script_conn(script, CLIENT_A + i, CONN_SERVER, 8080);
	for (uint64_t i = 0; i < 4; i++)
		script_conn(script, DB_A + i, CONN_DOWNSTREAM, 5432);
	for (uint64_t i = 0; i < 3; i++)
		READ_NOTHING(script, 10 + i, LOOP, CLIENT_A + i);
	WINDOW(script, 20, OTHER, .epoll = 10, .events = 1);
	if (two_wait)
		for (uint64_t i = 0; i < 2; i++)
			READ_NOTHING(script, 25 + i, OTHER, CLIENT_G + i);
	for (uint64_t i = 0, at = 100; i < 3; i++, at += 510) {
		READ(script, at, LOOP, CLIENT_A + i, .epoll = i ? 0 : 90, .events = i ? 0 : 3, .arrived = 80, .line = lines[i]);
		WRITE(script, at + 500, LOOP, DB_A + i);
	}
	for (uint64_t i = 0; i < 3; i++)
		READ(script, 1700 + 10 * i, LOOP, DB_A + i, .arrived = 1690);
	for (uint64_t i = 3; i < 6; i++)
		script_span(script, 1725 + i, LOOP, RECORD_IO, IO_ACCEPT, CLIENT_A + i, 9, (struct with){0});
	for (uint64_t i = 3; i < 6; i++)
		READ(script, i < 5 ? 1700 + 40 * i : f_read_at, LOOP, CLIENT_A + i, .arrived = 1725, .line = lines[i]);
	if (two_wait) {
		READ(script, 1940, OTHER, CLIENT_G, SLEPT(30, 1930, 2), .line = "GET /g");
		READ(script, 2100, OTHER, CLIENT_H, .arrived = 1930, .line = "GET /h");
		WINDOW(script, 2200, OTHER, .epoll = 2190, .events = 1);
	}
	WRITE(script, 2240, LOOP, CLIENT_A, .status = 200);
	WRITE(script, 2500, LOOP, CLIENT_B, .status = 200);
	WRITE(script, 2950, LOOP, CLIENT_C, .status = 200);
	return script;
}

#endif
