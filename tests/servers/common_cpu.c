/* SPDX-License-Identifier: BSD-2-Clause */
#include "common_cpu.h"

#include "common_clock.h"

/* Between two looks at the clock: some microseconds, so that asking costs a few percent of the burn and overshoot stays small. */
#define STEPS_PER_LOOK 5000

/* A chain of dependent multiplications, which no compiler or core can shorten. */
static uint64_t spin(uint64_t seed)
{
	for (int i = 0; i < STEPS_PER_LOOK; i++)
		seed = seed * 6364136223846793005ull + 1;
	return seed;
}

uint64_t cpu_burn(uint64_t wanted_ns)
{
	uint64_t began_ns, burned_ns = 0;
	static _Thread_local volatile uint64_t sink;

	if (!wanted_ns)
		return 0;
	began_ns = thread_cpu_ns();
	do {
		sink = spin(sink);
		burned_ns = thread_cpu_ns() - began_ns;
	} while (burned_ns < wanted_ns);
	return burned_ns;
}
