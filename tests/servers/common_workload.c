/* SPDX-License-Identifier: BSD-2-Clause */
#include "common_workload.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static volatile sig_atomic_t ended;

static void on_end(int number)
{
	(void)number;
	ended = 1;
}

void load_end_on_signal(void)
{
	sigaction(SIGUSR1, &(struct sigaction){.sa_handler = on_end, .sa_flags = SA_RESTART}, NULL);
}

bool load_has_ended(void)
{
	return ended;
}

int mix_add(struct mix *mix, long weight, const char *path, size_t length)
{
	struct mix_path *into = &mix->paths[mix->count];

	if (mix->count == MIX_PATHS_MAX || weight < 1 || path[0] != '/' || length >= sizeof into->path)
		return -EINVAL;
	memcpy(into->path, path, length);
	into->path[length] = '\0';
	into->weight = weight;
	into->credit = 0;
	mix->total_weight += weight;
	mix->count++;
	return 0;
}

int mix_parse(struct mix *mix, const char *text)
{
	for (;;) {
		char *path;
		long weight = strtol(text, &path, 10);
		size_t length;
		int error;

		path += strspn(path, " ");
		length = strcspn(path, ", ");
		error = mix_add(mix, weight, path, length);
		if (error)
			return error;
		text = path + length + strspn(path + length, " ");
		if (!*text)
			return 0;
		if (*text++ != ',')
			return -EINVAL;
	}
}

void mix_next(struct mix *mix, char *path, unsigned long id)
{
	struct mix_path *richest = mix->paths;
	size_t before;

	for (struct mix_path *each = mix->paths; each < mix->paths + mix->count; each++) {
		each->credit += each->weight;
		if (each->credit > richest->credit)
			richest = each;
	}
	richest->credit -= mix->total_weight;
	before = strcspn(richest->path, "#");
	if (richest->path[before])
		snprintf(path, MIX_PATH_MAX, "%.*s%lu%s", (int)before, richest->path, id, richest->path + before + 1);
	else
		strcpy(path, richest->path);
}

/* Von Neumann's way, which needs no logarithm: a run of falling uniform numbers has odd length with probability e^-first; a run of even
 * length adds one to the result and is tried again.
 */
double exponential_gap(void)
{
	for (double whole = 0;; whole++) {
		double first = drand48(), lowest = first, next;
		unsigned length = 1;

		while ((next = drand48()) < lowest) {
			lowest = next;
			length++;
		}
		if (length % 2)
			return whole + first;
	}
}
