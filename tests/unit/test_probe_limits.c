/* SPDX-License-Identifier: BSD-2-Clause */
/* How many files may be open. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "probe/limits.h"

enum { LITTLE = 64, MORE = 96, MOST = 128 };

static rlim_t open_files(void)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(limit.rlim_max, MOST);
	return limit.rlim_cur;
}

static void test_open_files(void **state)
{
	const struct rlimit limit = {.rlim_cur = LITTLE, .rlim_max = MOST};
	(void)state;

	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	limits_raise_open_files(MORE);
	assert_int_equal(open_files(), MORE);
	limits_raise_open_files(LITTLE);
	assert_int_equal(open_files(), MORE);
	limits_raise_open_files(2 * MOST);
	assert_int_equal(open_files(), MOST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_open_files)};

	return cmocka_run_group_tests_name("probe: limits", tests, NULL, NULL);
}
