/* SPDX-License-Identifier: BSD-2-Clause */
#include "common_options.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int options_number(const char *text, unsigned long *number)
{
	char *end;

	if (!isdigit((unsigned char)*text))
		return -EINVAL;
	errno = 0;
	*number = strtoul(text, &end, 10);
	return errno || *end ? -EINVAL : 0;
}

static void print_help(const char *program, const struct option_row *rows, size_t count)
{
	printf("usage: %s [options]\n", program);
	for (size_t i = 0; i < count; i++)
		printf("  --%-16s %s\n", rows[i].name, rows[i].help);
}

/* The row whose name is text up to its end or an '='. */
static const struct option_row *find_row(const char *text, const struct option_row *rows, size_t count)
{
	size_t length = strcspn(text, "=");

	for (size_t i = 0; i < count; i++)
		if (strlen(rows[i].name) == length && !strncmp(rows[i].name, text, length))
			return &rows[i];
	return NULL;
}

static int store(const struct option_row *row, void *options, const char *text)
{
	void *field = (char *)options + row->offset;

	switch (row->type) {
	case OPTION_FLAG:
		*(bool *)field = true;
		return 0;
	case OPTION_NUMBER:
		return options_number(text, field);
	case OPTION_TEXT:
		*(const char **)field = text;
		return 0;
	case OPTION_CALL:
		return row->parse(options, text);
	}
	return -EINVAL;
}

static void die(const char *program, const char *argument, const char *complaint)
{
	fprintf(stderr, "%s: %s: %s (see --help)\n", program, argument, complaint);
	exit(2);
}

void options_parse(int argc, char **argv, const struct option_row *rows, size_t count, void *options)
{
	for (int i = 1; i < argc; i++) {
		const char *argument = argv[i], *value = strchr(argument, '=');
		const struct option_row *row;

		if (!strcmp(argument, "--help")) {
			print_help(argv[0], rows, count);
			exit(0);
		}
		row = strncmp(argument, "--", 2) ? NULL : find_row(argument + 2, rows, count);
		if (!row)
			die(argv[0], argument, "unknown option");
		if (value)
			value++;
		else if (row->type != OPTION_FLAG)
			value = ++i < argc ? argv[i] : NULL;
		if ((row->type == OPTION_FLAG) != !value)
			die(argv[0], argument, value ? "takes no value" : "needs a value");
		if (store(row, options, value))
			die(argv[0], value, "not a value for this option");
	}
}
