/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How long the targets' threads were on each core: that two cores' worth of work all fell on one of them, no mean tells.
 * Filled by the engine, shown by the views and exports.
 */
#ifndef IOCPU_UTIL_CORE_USE_H
#define IOCPU_UTIL_CORE_USE_H

#include <stdint.h>

#define CORES_TOLD_MAX 512 /* what a higher one does is not told here */

struct core_use {
	uint64_t ns[CORES_TOLD_MAX];
	uint32_t count; /* cores up to the highest that was used */
};

/* Time on a core, counted from 1; 0: unknown, and not told. */
static inline void core_use_add(struct core_use *use, uint32_t core, uint64_t ns)
{
	if (!core || core > CORES_TOLD_MAX)
		return;
	use->ns[core - 1] += ns;
	if (core > use->count)
		use->count = core;
}

/* What it grew by since `earlier`. */
static inline void core_use_subtract(struct core_use *use, const struct core_use *earlier)
{
	for (uint32_t i = 0; i < earlier->count; i++)
		use->ns[i] -= earlier->ns[i];
}

#endif
