/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * --help, made from the tables of subcommands and options.
 * Called by main.
 * Never: names an option that the parser does not know.
 */
#ifndef IOCPU_CLI_HELP_H
#define IOCPU_CLI_HELP_H

#include <stdio.h>

#include "cli/commands.h"

/* One subcommand: a row of main's table, in the order of enum command. */
struct subcommand {
	const char *name; /* "" for the live table, which needs none */
	const char *usage;
	const char *summary;
	const char *examples; /* lines, each ended */
	enum exit_code (*run)(const struct options *options);
};

/* What there is. */
void print_global_help(FILE *out, const struct subcommand *subcommands, size_t count);

/* One subcommand, with all its options. */
void print_command_help(FILE *out, const struct subcommand *subcommand, enum command command);

#endif
