/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Text from the network or from a user, made safe for a terminal: printable ASCII stays, every other byte stands as %XX.
 * Called by the wire stage for targets, by rules and endpoint names.
 * Never: decodes anything, allocates.
 */
#ifndef IOCPU_ROUTE_PRINTABLE_H
#define IOCPU_ROUTE_PRINTABLE_H

#include <stdbool.h>
#include <stddef.h>

/* A text being built in `bytes`, never ended by 0. Once something did not fit, `full` stays set and nothing more is taken. */
struct printable {
	char *bytes;
	size_t size;
	size_t len;
	bool full;
};

void printable_add(struct printable *text, const char *bytes, size_t len);

/* The same for a string that is ended by 0. */
void printable_add_string(struct printable *text, const char *string);

/* The tool's own text, UTF-8, as it is: all of it or nothing. */
void printable_add_verbatim(struct printable *text, const char *string);

#endif
