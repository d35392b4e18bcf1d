/* SPDX-License-Identifier: BSD-2-Clause */
#include "stats/tail.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct band_place {
	unsigned octave;
	unsigned step;
};

static struct band_place band_of(uint64_t wall_ns)
{
	unsigned bit = wall_ns ? 63 - (unsigned)__builtin_clzll(wall_ns) : 0;

	if (bit < TAIL_FIRST_BIT)
		return (struct band_place){0, 0};
	if (bit >= TAIL_FIRST_BIT + TAIL_OCTAVES)
		return (struct band_place){TAIL_OCTAVES - 1, TAIL_STEPS - 1};
	return (struct band_place){bit - TAIL_FIRST_BIT, (unsigned)(wall_ns >> (bit - 4)) & (TAIL_STEPS - 1)};
}

static int reserve_octave(struct tail *tail, unsigned octave)
{
	if (!tail->octaves[octave])
		tail->octaves[octave] = calloc(TAIL_STEPS, sizeof(struct tail_band));
	return tail->octaves[octave] ? 0 : -ENOMEM;
}

int tail_reserve(struct tail *tail, uint64_t wall_ns)
{
	return reserve_octave(tail, band_of(wall_ns).octave);
}

static void add_band(struct tail_band *into, const struct tail_band *from)
{
	into->requests += from->requests;
	into->wall_ns += from->wall_ns;
	for (int state = 0; state < STATES; state++)
		into->state_ns[state] += from->state_ns[state];
}

/*
 * Adds `wanted` of the band's requests, each taken as the band's mean. The wall is added up from the rounded parts, so that states which
 * sum to the wall still do.
 */
static void add_band_scaled(struct tail_band *into, const struct tail_band *from, uint64_t wanted)
{
	double share = (double)wanted / (double)from->requests;
	int64_t beside_states_ns = (int64_t)from->wall_ns;

	into->requests += wanted;
	for (int state = 0; state < STATES; state++) {
		uint64_t part_ns = (uint64_t)((double)from->state_ns[state] * share);

		into->state_ns[state] += part_ns;
		into->wall_ns += part_ns;
		beside_states_ns -= (int64_t)from->state_ns[state];
	}
	into->wall_ns += (uint64_t)(int64_t)((double)beside_states_ns * share);
}

static void keep_slowest(struct tail *tail, const struct tail_band *request)
{
	if (request->requests && (!tail->slowest.requests || request->wall_ns > tail->slowest.wall_ns))
		tail->slowest = *request;
}

void tail_add(struct tail *tail, uint64_t wall_ns, const uint64_t state_ns[STATES])
{
	struct tail_band request = {.requests = 1, .wall_ns = wall_ns};
	struct band_place place = band_of(wall_ns);

	memcpy(request.state_ns, state_ns, sizeof(request.state_ns));
	add_band(&tail->octaves[place.octave][place.step], &request);
	keep_slowest(tail, &request);
}

int tail_reserve_merge(struct tail *into, const struct tail *from)
{
	for (unsigned octave = 0; octave < TAIL_OCTAVES; octave++)
		if (from->octaves[octave] && reserve_octave(into, octave))
			return -ENOMEM;
	return 0;
}

void tail_merge(struct tail *into, const struct tail *from)
{
	for (unsigned octave = 0; octave < TAIL_OCTAVES; octave++)
		for (unsigned step = 0; from->octaves[octave] && step < TAIL_STEPS; step++)
			add_band(&into->octaves[octave][step], &from->octaves[octave][step]);
	keep_slowest(into, &from->slowest);
}

/* A band without the slowest request, which is in it and is already counted. */
static struct tail_band band_without(const struct tail_band *band, const struct tail_band *request)
{
	struct tail_band rest = *band;

	rest.requests -= request->requests;
	rest.wall_ns -= request->wall_ns;
	for (int state = 0; state < STATES; state++)
		rest.state_ns[state] -= request->state_ns[state];
	return rest;
}

void tail_slowest(const struct tail *tail, uint64_t requests, struct tail_band *sums)
{
	struct band_place top = band_of(tail->slowest.wall_ns);

	memset(sums, 0, sizeof(*sums));
	if (!requests || !tail->slowest.requests)
		return;
	*sums = tail->slowest;
	for (unsigned octave = top.octave + 1; octave--;) {
		for (unsigned step = TAIL_STEPS; tail->octaves[octave] && step--;) {
			struct tail_band band = tail->octaves[octave][step];
			uint64_t wanted = requests - sums->requests;

			if (octave == top.octave && step == top.step)
				band = band_without(&band, &tail->slowest);
			if (!wanted)
				return;
			if (band.requests <= wanted)
				add_band(sums, &band);
			else
				add_band_scaled(sums, &band, wanted);
		}
	}
}

void tail_clear(struct tail *tail)
{
	if (!tail->slowest.requests)
		return;
	for (unsigned octave = 0; octave < TAIL_OCTAVES; octave++)
		if (tail->octaves[octave])
			memset(tail->octaves[octave], 0, TAIL_STEPS * sizeof(struct tail_band));
	memset(&tail->slowest, 0, sizeof(tail->slowest));
}

void tail_fini(struct tail *tail)
{
	for (unsigned octave = 0; octave < TAIL_OCTAVES; octave++)
		free(tail->octaves[octave]);
	memset(tail, 0, sizeof(*tail));
}
