/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rounds the parts of a sum so that the rounded parts still sum to the rounded whole.
 * Used by statistics (means in ns) and views (tenths of a millisecond, tenths of a percent).
 * Never: moves a part by a whole unit or more.
 */
#ifndef IOCPU_UTIL_APPORTION_H
#define IOCPU_UTIL_APPORTION_H

#include <stddef.h>
#include <stdint.h>

#define APPORTION_PARTS_MAX 32

/*
 * units[i] ≈ parts[i] / unit, rounded by largest remainder: they sum to the sum of the parts divided by unit, rounded to the nearest.
 * At most APPORTION_PARTS_MAX parts; unit is not 0. Returns that sum.
 */
uint64_t apportion(const uint64_t *parts, size_t count, uint64_t unit, uint64_t *units);

#endif
