/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Completion for bash and zsh, made from the tables of subcommands and options.
 * Called by main, for `make`, which installs what it prints.
 * Never: offers an option that the parser does not know.
 */
#ifndef IOCPU_CLI_COMPLETION_H
#define IOCPU_CLI_COMPLETION_H

#include <stdio.h>

#include "cli/help.h"

void print_bash_completion(FILE *out, const struct subcommand *subcommands, size_t count);
void print_zsh_completion(FILE *out, const struct subcommand *subcommands, size_t count);

/* The words that the argument of an option may be, separated by spaces; NULL: no such list. */
const char *completion_words(const struct option_row *row);

#endif
