/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * UTF-8, as far as names of other people's making need care: what is valid, what may reach a terminal, how wide it is there.
 * Used by views and exports, independent of the locale.
 * Never: lets a control, formatting (bidi, zero-width joiners) or unassigned private character count as printable.
 */
#ifndef IOCPU_UTIL_UTF8_H
#define IOCPU_UTIL_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* No code point: the byte here belongs to no valid sequence. */
#define UTF8_INVALID UINT32_MAX

/* Reads one code point of a text that ends in 0 and is not empty. Returns its bytes; 1 for an invalid one. */
size_t utf8_decode(const char *text, uint32_t *code);

/* The columns it takes on a terminal, 0–2; −1: must not be printed. */
int utf8_columns(uint32_t code);

/*
 * Copies text to to[size], with %XX for each byte that belongs to no printable character, and whole characters only: texts that
 * differ in nothing else stay different, as far as they fit. Returns where the copy ends, by a 0.
 */
char *utf8_make_printable(char *to, size_t size, const char *text);

#endif
