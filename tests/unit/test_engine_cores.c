/* SPDX-License-Identifier: BSD-2-Clause */
/* Which cores the targets used. Times in µs. */
#include "unit/thread_script.h"

/* Which core a stint was on is told where it ends, or by a snapshot; and once, though a snapshot's window comes again with the record. */
static void test_core_use(void **state)
{
	struct script *script = server_of_one_thread();
	const struct core_use *use = engine_core_use(script->engine);
	(void)state;

	READ(script, 110, MAIN, CLIENT_A, .off = 10, .on = 100, .core = 1, .cause = WAIT_NET, .arrived = 100, .line = "GET /a");
	assert_int_equal(use->count, 1);
	assert_int_equal(use->ns[0], 10 * US);
	SNAPSHOT(script, 1110, MAIN, .flags = RECORD_ON_CORE, .core = 4);
	assert_int_equal(use->count, 4);
	assert_int_equal(use->ns[3], 1010 * US);
	SNAPSHOT(script, 2110, MAIN, .off = 1500, .on = 2110, .core = 4, .cause = WAIT_NET);
	assert_int_equal(use->ns[3], 1400 * US);
	READ(script, 3110, MAIN, DB, .off = 1500, .on = 3000, .core = 4, .cause = WAIT_NET, .arrived = 3000);
	WINDOW(script, 3400, MAIN, .off = 3210, .on = 3300, .core = 2, .cause = WAIT_SLEEP);
	assert_int_equal(use->ns[0], 10 * US);
	assert_int_equal(use->ns[1], 210 * US);
	assert_int_equal(use->ns[3], 1400 * US);
	script_finish(script);
	script_close(script);
}

/* An older recording says of no stint which core it was on. */
static void test_core_use_unknown(void **state)
{
	struct script *script = server_of_one_thread();
	(void)state;

	READ(script, 110, MAIN, CLIENT_A, .off = 10, .on = 100, .cause = WAIT_NET, .arrived = 100, .line = "GET /a");
	SNAPSHOT(script, 1110, MAIN, .flags = RECORD_ON_CORE);
	WRITE(script, 1200, MAIN, CLIENT_A, .status = 200);
	assert_int_equal(engine_core_use(script->engine)->count, 0);
	script_finish(script);
	script_close(script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_core_use),
		cmocka_unit_test(test_core_use_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
