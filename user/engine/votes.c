/* SPDX-License-Identifier: BSD-2-Clause */
#include "engine/votes.h"

uint32_t votes_sum(const uint32_t *counts, unsigned int ways)
{
	uint32_t sum = 0;

	for (unsigned int i = 0; i < ways; i++)
		sum += counts[i];
	return sum;
}

void votes_count(uint32_t *counts, unsigned int ways, unsigned int way, uint32_t most)
{
	counts[way]++;
	if (votes_sum(counts, ways) < most)
		return;
	for (unsigned int i = 0; i < ways; i++)
		counts[i] /= 2;
}

void score_count(struct score *score, bool right, uint32_t most)
{
	uint32_t counts[] = {[false] = score->wrong, [true] = score->right};

	votes_count(counts, 2, right, most);
	*score = (struct score){.right = counts[true], .wrong = counts[false]};
}
