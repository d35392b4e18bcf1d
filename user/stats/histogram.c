/* SPDX-License-Identifier: BSD-2-Clause */
#include "stats/histogram.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES (HISTOGRAM_STEPS * sizeof(uint64_t))
#define VALUE_MAX   ((1ULL << HISTOGRAM_BITS) - 1)

struct bucket {
	unsigned chunk;
	unsigned step;
};

/* The highest bit chooses the chunk, the six bits below it the step: 0–63 have no such bit and stand one by one. */
static struct bucket bucket_of(uint64_t value_ns)
{
	unsigned chunk = 0;

	if (value_ns > VALUE_MAX)
		value_ns = VALUE_MAX;
	if (value_ns >= HISTOGRAM_STEPS)
		chunk = 63 - (unsigned)__builtin_clzll(value_ns) - 5;
	return (struct bucket){chunk, chunk ? (unsigned)(value_ns >> (chunk - 1)) - HISTOGRAM_STEPS : (unsigned)value_ns};
}

static uint64_t bucket_middle_ns(struct bucket bucket)
{
	if (!bucket.chunk)
		return bucket.step;
	return ((uint64_t)(HISTOGRAM_STEPS + bucket.step) << (bucket.chunk - 1)) + ((1ULL << (bucket.chunk - 1)) - 1) / 2;
}

static int reserve_chunk(struct histogram *histogram, unsigned chunk)
{
	if (!histogram->chunks[chunk])
		histogram->chunks[chunk] = calloc(1, CHUNK_BYTES);
	return histogram->chunks[chunk] ? 0 : -ENOMEM;
}

int histogram_reserve(struct histogram *histogram, uint64_t value_ns)
{
	return value_ns ? reserve_chunk(histogram, bucket_of(value_ns).chunk) : 0;
}

static void widen_range(struct histogram *histogram, uint64_t min_ns, uint64_t max_ns)
{
	if (!histogram->count || min_ns < histogram->min_ns)
		histogram->min_ns = min_ns;
	if (max_ns > histogram->max_ns)
		histogram->max_ns = max_ns;
}

void histogram_add(struct histogram *histogram, uint64_t value_ns)
{
	struct bucket bucket = bucket_of(value_ns);

	widen_range(histogram, value_ns, value_ns);
	histogram->count++;
	histogram->sum_ns += value_ns;
	if (value_ns)
		histogram->chunks[bucket.chunk][bucket.step]++;
	else
		histogram->zeros++;
}

int histogram_reserve_merge(struct histogram *into, const struct histogram *from)
{
	for (unsigned chunk = 0; chunk < HISTOGRAM_CHUNKS; chunk++)
		if (from->chunks[chunk] && reserve_chunk(into, chunk))
			return -ENOMEM;
	return 0;
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
	if (!from->count)
		return;
	widen_range(into, from->min_ns, from->max_ns);
	into->count += from->count;
	into->zeros += from->zeros;
	into->sum_ns += from->sum_ns;
	for (unsigned chunk = 0; chunk < HISTOGRAM_CHUNKS; chunk++)
		for (unsigned step = 0; from->chunks[chunk] && step < HISTOGRAM_STEPS; step++)
			into->chunks[chunk][step] += from->chunks[chunk][step];
}

/* The rank-th smallest value, 1 being the first, as the middle of its bucket. */
static uint64_t value_at_rank(const struct histogram *histogram, uint64_t rank)
{
	uint64_t seen = histogram->zeros;

	if (rank <= seen)
		return 0;
	for (unsigned chunk = 0; chunk < HISTOGRAM_CHUNKS; chunk++)
		for (unsigned step = 0; histogram->chunks[chunk] && step < HISTOGRAM_STEPS; step++) {
			seen += histogram->chunks[chunk][step];
			if (rank <= seen)
				return bucket_middle_ns((struct bucket){chunk, step});
		}
	return histogram->max_ns;
}

uint64_t histogram_percentile(const struct histogram *histogram, unsigned percent)
{
	uint64_t rank = (histogram->count * percent + 99) / 100;
	uint64_t value_ns;

	if (!histogram->count)
		return 0;
	/* The ends are known exactly, and only the maximum tells how far above the last bucket a value was. */
	if (rank >= histogram->count)
		return histogram->max_ns;
	value_ns = value_at_rank(histogram, rank ? rank : 1);
	if (value_ns < histogram->min_ns)
		return histogram->min_ns;
	return value_ns > histogram->max_ns ? histogram->max_ns : value_ns;
}

uint64_t histogram_mean(const struct histogram *histogram)
{
	uint64_t count = histogram->count;

	return count ? histogram->sum_ns / count + (histogram->sum_ns % count >= count - count / 2) : 0;
}

void histogram_clear(struct histogram *histogram)
{
	if (!histogram->count)
		return;
	for (unsigned chunk = 0; chunk < HISTOGRAM_CHUNKS; chunk++)
		if (histogram->chunks[chunk])
			memset(histogram->chunks[chunk], 0, CHUNK_BYTES);
	histogram->count = histogram->zeros = histogram->sum_ns = 0;
	histogram->min_ns = histogram->max_ns = 0;
}

void histogram_fini(struct histogram *histogram)
{
	for (unsigned chunk = 0; chunk < HISTOGRAM_CHUNKS; chunk++)
		free(histogram->chunks[chunk]);
	memset(histogram, 0, sizeof(*histogram));
}
