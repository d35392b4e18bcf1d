/* SPDX-License-Identifier: BSD-2-Clause */
/* What a load consists of: which path comes next, how long until the next arrival, and when it is over. Used by loadgen; pure
 * but for drand48's state and a signal.
 */
#ifndef SERVERS_COMMON_WORKLOAD_H
#define SERVERS_COMMON_WORKLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MIX_PATHS_MAX 32
#define MIX_PATH_MAX  256

/* Paths by weight, taken in turns (smooth weighted round robin): of each sum-of-weights requests every path gets exactly its weight. */
struct mix {
	struct mix_path {
		char path[MIX_PATH_MAX - 20]; /* 20: the digits of an id */
		long weight, credit;
	} paths[MIX_PATHS_MAX];
	size_t count;
	long total_weight;
};

/* Adds one path: 0, or -EINVAL (no leading slash, too long, weight below 1, table full). */
int mix_add(struct mix *mix, long weight, const char *path, size_t length);

/* Adds all of "weight path, weight path ...": 0, or -EINVAL. */
int mix_parse(struct mix *mix, const char *text);

/* Writes the next path to `path` (MIX_PATH_MAX bytes), a # in it replaced by id. There must be one. */
void mix_next(struct mix *mix, char *path, unsigned long id);

/* A random number, exponentially distributed with mean 1: the gap between two arrivals of a Poisson process of rate 1. */
double exponential_gap(void);

/* From now on SIGUSR1 ends the load: no new requests. */
void load_end_on_signal(void);
bool load_has_ended(void);

#endif
