/* SPDX-License-Identifier: BSD-2-Clause */
#include "common_latency.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common_clock.h"

int latencies_add(struct latencies *latencies, uint64_t latency_ns)
{
	if (latencies->count == latencies->room) {
		size_t room = latencies->room ? 2 * latencies->room : 4096;
		uint64_t *larger = reallocarray(latencies->ns, room, sizeof *larger);

		if (!larger)
			return -ENOMEM;
		latencies->ns = larger;
		latencies->room = room;
	}
	latencies->ns[latencies->count++] = latency_ns;
	return 0;
}

static int compare(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return (left > right) - (left < right);
}

static double percentile_ms(const struct latencies *latencies, unsigned percent)
{
	size_t rank = (latencies->count * percent + 99) / 100; /* from 1, rounded up */

	return latencies->count ? (double)latencies->ns[rank ? rank - 1 : 0] / (double)NS_PER_MS : 0;
}

void latencies_print(struct latencies *latencies)
{
	if (latencies->count)
		qsort(latencies->ns, latencies->count, sizeof *latencies->ns, compare);
	printf("p50 %.2f ms, p90 %.2f ms, p99 %.2f ms, max %.2f ms", percentile_ms(latencies, 50), percentile_ms(latencies, 90),
	       percentile_ms(latencies, 99), percentile_ms(latencies, 100));
}

void latencies_fini(struct latencies *latencies)
{
	free(latencies->ns);
	*latencies = (struct latencies){0};
}
