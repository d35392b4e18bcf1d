/* SPDX-License-Identifier: BSD-2-Clause */
/* Command lines as tables: a program lists its options as rows, each naming a field of its own options structure.
 * Called by main() of every sample program; never interprets what an option means.
 */
#ifndef SERVERS_COMMON_OPTIONS_H
#define SERVERS_COMMON_OPTIONS_H

#include <stddef.h>

enum option_type {
	OPTION_FLAG,   /* bool: set to true; takes no value */
	OPTION_NUMBER, /* unsigned long: decimal, nothing behind it */
	OPTION_TEXT,   /* const char *: borrowed from argv */
	OPTION_CALL,   /* handed to parse(), which may be called several times */
};

struct option_row {
	const char *name; /* without the leading -- */
	enum option_type type;
	size_t offset;                                 /* of the field in the options structure */
	int (*parse)(void *options, const char *text); /* OPTION_CALL only: 0, or -EINVAL for a value that makes no sense */
	const char *help;
};

/* Fills options from --name VALUE and --name=VALUE. Prints the list and ends with 0 for --help, ends with 2 and one line on stderr
 * for anything it does not understand.
 */
void options_parse(int argc, char **argv, const struct option_row *rows, size_t count, void *options);

/* A whole decimal number: 0, or -EINVAL. */
int options_number(const char *text, unsigned long *number);

#endif
