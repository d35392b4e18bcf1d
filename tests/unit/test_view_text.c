/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "util/apportion.h"
#include "util/utf8.h"
#include "view/text.h"

static void assert_printed(const char *text, size_t columns, const char *expected)
{
	char *printed = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&printed, &size);
	size_t taken = text_print(out, text, columns);

	fclose(out);
	assert_string_equal(printed, expected);
	assert_int_equal(taken, text_columns(expected));
	free(printed);
}

static void text_is_cut_to_columns(void **state)
{
	(void)state;
	assert_printed("GET /users/:id", 14, "GET /users/:id");
	assert_printed("GET /users/:id", 13, "GET /users/:…");
	assert_printed("GET /users/:id", 1, "…");
	assert_printed("GET /users/:id", 0, "");
	assert_printed("", 5, "");
}

static void assert_wrapped(const char *text, size_t columns, const char *expected)
{
	char *printed = NULL;
	size_t size = 0, lines = 0;
	FILE *out = open_memstream(&printed, &size);
	size_t told = text_wrap(out, text, columns);

	fclose(out);
	assert_string_equal(printed, expected);
	for (const char *at = printed; (at = strchr(at, '\n')); at++)
		lines++;
	assert_int_equal(told, lines);
	free(printed);
}

static void lines_are_broken_between_words(void **state)
{
	(void)state;
	assert_wrapped("ab cd · ef gh\n", 13, "ab cd · ef gh\n");
	assert_wrapped("ab cd · ef gh\n", 12, "ab cd\n  · ef gh\n");
	assert_wrapped("ab cd ef\nij kl\n", 5, "ab cd\n  ef\nij kl\n");
	assert_wrapped("éé 日本 x\n", 7, "éé 日本\n  x\n");
	/* What has no place to break stays whole. */
	assert_wrapped("abcdef gh\n", 3, "abcdef\n  gh\n");
	assert_wrapped("abcdef\n\n", 3, "abcdef\n\n");
}

/* Two columns each: the one that would be halved goes. */
static void wide_characters_are_not_halved(void **state)
{
	(void)state;
	assert_int_equal(text_columns("日本語"), 6);
	assert_printed("日本語", 6, "日本語");
	assert_printed("日本語", 5, "日本…");
	assert_printed("日本語", 4, "日…");
	assert_int_equal(text_columns("e\xcc\x81t\xc3\xa9"), 3);
}

static void harmful_characters_do_not_pass(void **state)
{
	(void)state;
	assert_printed("a\x1b[2Jb\r\n\tc\x7f", 80, "a?[2Jb???c?");
	assert_printed("\xc2\x9b"
		       "31m",
		       80, "?31m"); /* CSI of C1 */
	assert_printed("\xe2\x80\xae"
		       "txt.exe",
		       80, "?txt.exe"); /* right to left from here */
	assert_printed("\xf3\xa0\x80\x81"
		       "x",
		       80, "?x"); /* a tag */
}

static void invalid_utf8_shows_as_question_marks(void **state)
{
	(void)state;
	assert_printed("a\xff"
		       "b",
		       80, "a?b");
	assert_printed("\xc0\xaf", 80, "??");           /* "/" written too long */
	assert_printed("\xed\xa0\x80", 80, "???");      /* half of a surrogate pair */
	assert_printed("x\xe6\x97", 80, "x??");         /* cut within a character */
	assert_printed("\xf4\x90\x80\x80", 80, "????"); /* beyond Unicode */
}

static void assert_made_printable(const char *text, size_t size, const char *expected)
{
	char *made = malloc(size), *end = utf8_make_printable(made, size, text);

	assert_string_equal(made, expected);
	assert_ptr_equal(end, made + strlen(expected));
	free(made);
}

static void unprintable_bytes_go_by_their_numbers(void **state)
{
	(void)state;
	assert_made_printable("caf\xc3\xa9", 80, "caf\xc3\xa9");
	assert_made_printable("a\xff\x1b[2J", 80, "a%FF%1B[2J");
	assert_made_printable("\xe2\x80\xaex", 80, "%E2%80%AEx"); /* right to left from here */
	assert_made_printable("x\xe6\x97", 80, "x%E6%97");
	/* What does not fit as a whole goes. */
	assert_made_printable("ab", 3, "ab");
	assert_made_printable("abc", 3, "ab");
	assert_made_printable("a\xc3\xa9", 3, "a");
	assert_made_printable("\xff\xff", 6, "%FF");
	assert_made_printable("x", 1, "");
}

static void decoding_never_reads_behind_the_end(void **state)
{
	static const char *const begun[] = {"\xc3", "\xe6", "\xe6\x97", "\xf0", "\xf0\x9f", "\xf0\x9f\x98"};

	(void)state;
	for (size_t i = 0; i < sizeof(begun) / sizeof(begun[0]); i++) {
		/* On the heap, so that the address sanitizer sees a byte too far. */
		char *text = strdup(begun[i]);
		uint32_t code;

		assert_int_equal(utf8_decode(text, &code), 1);
		assert_int_equal(code, UTF8_INVALID);
		free(text);
	}
}

static void parts_sum_to_the_rounded_whole(void **state)
{
	uint64_t units[APPORTION_PARTS_MAX], seed = 99991;

	(void)state;
	for (int round = 0; round < 5000; round++) {
		uint64_t parts[APPORTION_PARTS_MAX], sum = 0, unit_sum = 0, unit;
		size_t count = 1 + (size_t)round % APPORTION_PARTS_MAX;

		for (size_t i = 0; i < count; i++) {
			seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
			parts[i] = seed >> (24 + seed % 40);
			sum += parts[i];
		}
		unit = 1 + (seed >> 40) % 1000003;
		assert_int_equal(apportion(parts, count, unit, units), (sum + unit / 2) / unit);
		for (size_t i = 0; i < count; i++) {
			unit_sum += units[i];
			assert_in_range(units[i], parts[i] / unit, parts[i] / unit + 1);
		}
		assert_int_equal(unit_sum, (sum + unit / 2) / unit);
	}
}

static void the_largest_remainders_are_rounded_up(void **state)
{
	const uint64_t parts[] = {149, 120, 131, 200}; /* in hundreds: 1.49 1.20 1.31 2.00 = 6 */
	uint64_t units[4];

	(void)state;
	assert_int_equal(apportion(parts, 4, 100, units), 6);
	assert_int_equal(units[0], 2);
	assert_int_equal(units[1], 1);
	assert_int_equal(units[2], 1);
	assert_int_equal(units[3], 2);
}

static void decimals_follow_the_magnitude(void **state)
{
	(void)state;
	assert_int_equal(ms_decimals(21000), 3);
	assert_int_equal(ms_decimals(999499), 3);
	assert_int_equal(ms_decimals(999500), 2); /* 1.00, not 1.000 */
	assert_int_equal(ms_decimals(9994999), 2);
	assert_int_equal(ms_decimals(9995000), 1); /* 10.0, not 10.00 */
	assert_int_equal(ms_decimals(999949999), 1);
	assert_int_equal(ms_decimals(999950000), 0); /* 1000, not 1000.0 */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_cut_to_columns),
		cmocka_unit_test(lines_are_broken_between_words),
		cmocka_unit_test(wide_characters_are_not_halved),
		cmocka_unit_test(harmful_characters_do_not_pass),
		cmocka_unit_test(invalid_utf8_shows_as_question_marks),
		cmocka_unit_test(unprintable_bytes_go_by_their_numbers),
		cmocka_unit_test(decoding_never_reads_behind_the_end),
		cmocka_unit_test(parts_sum_to_the_rounded_whole),
		cmocka_unit_test(the_largest_remainders_are_rounded_up),
		cmocka_unit_test(decimals_follow_the_magnitude),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
