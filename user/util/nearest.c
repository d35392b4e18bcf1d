/* SPDX-License-Identifier: BSD-2-Clause */
#include "util/nearest.h"

#include <string.h>

/* Longer names are not compared: no option of ours is half as long. */
#define NAME_MAX_COMPARED 40

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t least = a < b ? a : b;

	return least < c ? least : c;
}

/* Levenshtein's distance, a row at a time. */
static size_t edit_distance(const char *a, const char *b)
{
	size_t row[NAME_MAX_COMPARED + 1];
	size_t b_length = strlen(b);

	for (size_t j = 0; j <= b_length; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= b_length; j++) {
			size_t above = row[j];

			row[j] = min3(row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
			diagonal = above;
		}
	}
	return row[b_length];
}

const char *nearest_name(const char *given, const char *const *candidates, size_t count)
{
	const char *nearest = NULL;
	size_t length = strlen(given);
	/* A third of the letters wrong is a typing error, more is another word. */
	size_t best = length / 3 + 2;

	if (length > NAME_MAX_COMPARED)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		size_t distance;

		if (!candidates[i] || strlen(candidates[i]) > NAME_MAX_COMPARED)
			continue;
		distance = edit_distance(given, candidates[i]);
		if (distance < best) {
			best = distance;
			nearest = candidates[i];
		}
	}
	return nearest;
}
