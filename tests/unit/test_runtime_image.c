/* SPDX-License-Identifier: BSD-2-Clause */
/* Files that nobody vouches for: their texts, and one that is cut off while it is read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "runtime/image.h"
#include "unit/file_bytes.h"

static void test_texts(void **state)
{
	static const uint8_t bytes[] = "one\0two\0cut off";
	const struct stretch names = {.bytes = bytes, .size = sizeof(bytes) - 1}, none = {0};
	(void)state;

	assert_string_equal(stretch_text(&names, 0), "one");
	assert_string_equal(stretch_text(&names, 4), "two");
	assert_string_equal(stretch_text(&names, 3), "");
	assert_null(stretch_text(&names, 8));
	assert_null(stretch_text(&names, names.size));
	assert_null(stretch_text(&names, UINT64_MAX));
	assert_null(stretch_text(&none, 0));
}

/* Where each of a million symbols begins in the same long text, a look at one must not be a look at all of it. */
static void test_text_without_an_end(void **state)
{
	static uint8_t bytes[1 << 20];
	const struct stretch names = {.bytes = bytes, .size = sizeof(bytes)};
	(void)state;

	memset(bytes, 'a', sizeof(bytes) - 1);
	assert_null(stretch_text(&names, 0));
	assert_non_null(stretch_text(&names, sizeof(bytes) - 300));
}

/* As by `cp` over a program that runs where the file system allows it. What was read before stays; the rest is not there. */
static void test_cut_off_while_it_is_read(void **state)
{
	char path[] = MADE_PATH;
	struct stretch names;
	struct image *image;
	(void)state;

	make_file(read_file("/proc/self/exe"), path);
	image = image_open(path);
	assert_non_null(image);
	names = image_section(image, ".dynstr");
	assert_true(names.size > 0);
	assert_int_equal(truncate(path, 64), 0);
	assert_int_equal(names.bytes[names.size - 1], 0);
	assert_null(image_section(image, ".strtab").bytes);
	image_close(image);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_texts), cmocka_unit_test(test_text_without_an_end),
					   cmocka_unit_test(test_cut_off_while_it_is_read)};

	return cmocka_run_group_tests_name("image", tests, NULL, NULL);
}
