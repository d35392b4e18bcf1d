/* SPDX-License-Identifier: BSD-2-Clause */
/* What a damaged recording says may be nothing that there is: it is looked up in no table. Times in µs. */
#include "unit/strand_script.h"

static void test_strand_left_for_no_cause(void **state)
{
	struct script *script = server_with_request();
	(void)state;

	for (uint64_t cause = WAIT_CAUSES, at = 1030; cause <= UINT8_MAX; cause++, at += 20) {
		RUNS(script, at, MAIN, NONE, .left = (uint8_t)cause);
		RUNS(script, at + 10, MAIN, HANDLER_A);
	}
	WRITE(script, 9000, MAIN, CLIENT_A, .status = 200);
	script_finish(script);
	assert_int_equal(told_of(script, "GET /a")->state[STATE_OTHER], 10 * (UINT8_MAX - WAIT_CAUSES + 1));
	script_close(script);
}

/* It is not known, and nothing that was read there is anybody's. */
static void test_connection_of_no_role(void **state)
{
	struct script *script = script_open();
	(void)state;

	script_thread(script, 0, MAIN, MAIN, THREAD_FOUND);
	script_conn(script, CLIENT_A, CONN_SERVER, 8080);
	for (uint64_t role = CONN_PAIR + 1; role <= UINT8_MAX; role++)
		script_conn(script, DB + role, (uint8_t)role, 8080);
	READ(script, 1010, MAIN, CLIENT_A, .arrived = 1000, .line = "GET /a");
	for (uint64_t role = CONN_PAIR + 1, at = 1030; role <= UINT8_MAX; role++, at += 20)
		READ(script, at, MAIN, DB + role, .off = at - 10, .on = at - 5, .cause = WAIT_NET);
	WRITE(script, 9000, MAIN, CLIENT_A, .status = 200);
	script_finish(script);
	assert_int_equal(script->count, 1);
	script_close(script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_strand_left_for_no_cause),
		cmocka_unit_test(test_connection_of_no_role),
	};

	return cmocka_run_group_tests_name("engine, damaged recordings", tests, NULL, NULL);
}
