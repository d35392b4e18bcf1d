/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Text for a terminal: made harmless, measured in columns, cut to fit; and figures with as many digits as matter.
 * Used by the views.
 * Never: writes a byte of a name that could move the cursor, colour, or turn the direction of what follows.
 */
#ifndef IOCPU_VIEW_TEXT_H
#define IOCPU_VIEW_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* The columns that text_print takes for it, uncut. */
size_t text_columns(const char *text);

/* Prints at most this many columns of it, "…" being the last one when it was cut; what must not be printed shows as "?". Returns the
 * columns. */
size_t text_print(FILE *out, const char *text, size_t columns);

/*
 * Prints lines of words; those wider than so many columns are broken before the last " · " that fits, else at the last space, and go on
 * below, indented. Returns how many lines that were.
 */
size_t text_wrap(FILE *out, const char *text, size_t columns);

/* So many spaces. */
void text_pad(FILE *out, size_t columns);

/* "s", or nothing after a 1. */
const char *plural(uint64_t count);

/* The decimals that a figure of milliseconds needs: 0.021, 1.13, 24.0, 1320. */
int ms_decimals(uint64_t ns);

/* Nanoseconds of one unit in the last place, for that many decimals of a millisecond (0–3). */
uint64_t ms_unit_ns(int decimals);

#endif
