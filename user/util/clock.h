/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The clocks of this machine, in ns.
 * Called by cli only: whatever works on events takes its time from them.
 * Never: called by the engine.
 */
#ifndef IOCPU_UTIL_CLOCK_H
#define IOCPU_UTIL_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

static inline uint64_t monotonic_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

/* CLOCK_REALTIME − CLOCK_MONOTONIC, now. */
static inline uint64_t unix_offset_ns(void)
{
	return clock_ns(CLOCK_REALTIME) - monotonic_ns();
}

#endif
