/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What somebody may have meant: the known name nearest to a mistyped one.
 * Called by cli for options and subcommands.
 * Never: a guess that is further away than a typing error.
 */
#ifndef IOCPU_UTIL_NEAREST_H
#define IOCPU_UTIL_NEAREST_H

#include <stddef.h>

/* The candidate with the fewest edits from `given`, borrowed; NULL when none is near. NULL candidates are skipped. */
const char *nearest_name(const char *given, const char *const *candidates, size_t count);

#endif
