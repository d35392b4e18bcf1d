/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The options' part of the manual page, made from the table of options.
 * Called by main, for `make manual`, which puts it into docs/iocpu-trace.8.
 * Never: writes the other parts, which are people's.
 */
#ifndef IOCPU_CLI_MANUAL_H
#define IOCPU_CLI_MANUAL_H

#include <stdio.h>

#include "cli/help.h"

/* mdoc(7): a subsection a group, an item an option. */
void print_manual_options(FILE *out, const struct subcommand *subcommands, size_t count);

/* What the manual says of an option beyond its line in --help; NULL behind the last one. */
const char *manual_remark_option(size_t at);

#endif
