/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The earlier and the later of two times.
 * Called by whoever cuts stretches of time to each other.
 * Never: compares anything but ns of one clock.
 */
#ifndef IOCPU_UTIL_ORDER_H
#define IOCPU_UTIL_ORDER_H

#include <stdint.h>

static inline uint64_t earlier_ns(uint64_t a_ns, uint64_t b_ns)
{
	return a_ns < b_ns ? a_ns : b_ns;
}

static inline uint64_t later_ns(uint64_t a_ns, uint64_t b_ns)
{
	return a_ns > b_ns ? a_ns : b_ns;
}

#endif
