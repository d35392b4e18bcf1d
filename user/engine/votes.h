/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How often something went which way, where what was seen long ago says less.
 * Used by what learns how a program behaves: continuations.c (rule 11), doubts.c (rule 13), answers.c.
 * Never: says what follows from it.
 */
#ifndef IOCPU_ENGINE_VOTES_H
#define IOCPU_ENGINE_VOTES_H

#include <stdbool.h>
#include <stdint.h>

/* How often something bore out what had been guessed, and how often not. */
struct score {
	uint32_t right, wrong;
};

/* One more vote for counts[way]. As soon as there are `most`, all of them count half. */
void votes_count(uint32_t *counts, unsigned int ways, unsigned int way, uint32_t most);
uint32_t votes_sum(const uint32_t *counts, unsigned int ways);
/* The same of two ways. */
void score_count(struct score *score, bool right, uint32_t most);

#endif
