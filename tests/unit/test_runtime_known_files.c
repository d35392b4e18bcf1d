/* SPDX-License-Identifier: BSD-2-Clause */
/* What was found in a file holds as long as it is the same and unchanged, for whom it was looked for. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runtime/known_files.h"

#define PATH  "/proc/self/exe"
#define OTHER "/bin/sh"

static void test_known_file(void **state)
{
	struct known_files known = {};
	(void)state;

	assert_int_equal(known_files_read(&known, PATH, RUNTIME_RUST)->err, -ENODATA);
	assert_int_equal(known.files[0].runtime, RUNTIME_RUST);
	known.files[0].err = -EDOM;
	assert_int_equal(known_files_read(&known, PATH, RUNTIME_RUST)->err, -EDOM);
	assert_int_not_equal(known_files_read(&known, OTHER, RUNTIME_RUST)->err, -EDOM);
	assert_int_not_equal(known_files_read(&known, PATH, RUNTIME_GO)->err, -EDOM);
	known.files[0].file.changed.tv_nsec ^= 1;
	assert_int_equal(known_files_read(&known, PATH, RUNTIME_RUST)->err, -ENODATA);
}

static void test_more_than_there_is_room_for(void **state)
{
	struct known_files known = {};
	(void)state;

	for (size_t i = 0; i < 3 * KNOWN_FILES_MAX; i++) {
		assert_int_equal(known_files_read(&known, PATH, RUNTIME_RUST)->err, -ENODATA);
		assert_int_equal(known.next, i + 1);
		known.files[i % KNOWN_FILES_MAX].file.inode++; /* as if it had been another one */
	}
}

static void test_file_that_is_not_there(void **state)
{
	struct known_files known = {};
	(void)state;

	assert_int_equal(known_files_read(&known, "/nonexistent", RUNTIME_GO)->err, -ENOENT);
	assert_int_equal(known.files[0].runtime, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_file),
		cmocka_unit_test(test_more_than_there_is_room_for),
		cmocka_unit_test(test_file_that_is_not_there),
	};

	return cmocka_run_group_tests_name("known files", tests, NULL, NULL);
}
