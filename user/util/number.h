/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Numbers as people type them: whole ones, and lengths of time with a unit.
 * Called by cli's options.
 * Never: a number with something behind it, a sign, an overflow that wraps.
 */
#ifndef IOCPU_UTIL_NUMBER_H
#define IOCPU_UTIL_NUMBER_H

#include <stddef.h>
#include <stdint.h>

/* The whole of text[0, length) as a decimal number from 0 to max. 0, −EINVAL: not a number, −ERANGE: more than max. */
int parse_count(const char *text, size_t length, uint64_t max, uint64_t *value);

/*
 * "1.5", "50ms", "2s", "3m", "1h" into ns; without a unit it is seconds when `bare_seconds`, −EINVAL otherwise.
 * −EINVAL: not a length of time, or nothing; −ERANGE: over 100 years.
 */
int parse_duration(const char *text, int bare_seconds, uint64_t *ns);

#endif
