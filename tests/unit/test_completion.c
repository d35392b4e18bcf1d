/* SPDX-License-Identifier: BSD-2-Clause */
/* What completion and manual say of an option is what the parser takes. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "cli/completion.h"
#include "cli/manual.h"

static struct options options;

static enum command first_command(const struct option_row *row)
{
	return (enum command)__builtin_ctz(row->commands);
}

static int takes(const struct option_row *row, const char *word)
{
	options_fini(&options);
	memset(&options, 0, sizeof(options));
	options.command = first_command(row);
	return row->take(&options, word);
}

static void the_words_of_completion_are_taken(void **state)
{
	size_t words = 0;

	(void)state;
	for (size_t i = 0; i < option_row_count; i++) {
		const char *list = completion_words(&option_rows[i]);
		char copy[64];

		if (!list)
			continue;
		snprintf(copy, sizeof(copy), "%s", list);
		for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "), words++)
			assert_int_equal(takes(&option_rows[i], word), 0);
	}
	assert_int_equal(words, 8);
}

static void the_manual_remarks_on_options_that_there_are(void **state)
{
	const char *option;

	(void)state;
	for (size_t at = 0; (option = manual_remark_option(at)); at++) {
		size_t found = 0;

		for (size_t i = 0; i < option_row_count; i++)
			found += !strcmp(option_rows[i].name, option);
		if (!found)
			fail_msg("the manual remarks on --%s, which there is not", option);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_words_of_completion_are_taken),
		cmocka_unit_test(the_manual_remarks_on_options_that_there_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
