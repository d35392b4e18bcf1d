/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 12 where threads run each other's requests: by which places in the line a segment leads back to the request that it answered, where
 * those who were given connections may have gone on in a slightly different order than they had come.
 * Used by chains_answered.c.
 * Never: gives anything to a request.
 */
#ifndef IOCPU_ENGINE_CHAINS_SEARCH_H
#define IOCPU_ENGINE_CHAINS_SEARCH_H

#include "engine/chains_places.h"

#define CHAIN_LINKS_MAX 16 /* longer ones are not followed */

struct chain {
	struct context *waited[CHAIN_LINKS_MAX]; /* who came to wait, the last one first: the last of these is the request */
	uint32_t count;
	uint64_t from,
		to;     /* of the last of them, once it is put right: what it went on with was given there, and it seemed to wait there */
	uint32_t apart; /* from their places, taken together … */
	uint32_t found; /* … so many chains lie that lead to the request: no other one lies less apart */
};

/* False: none leads there. */
bool chains_search(struct chains *chains, struct context *segment, const struct context *request, struct chain *chain);
/* Each of these waited where that was given which it went on with. */
void chains_put_right(struct chains *chains, struct context *segment, struct chain *chain);

#endif
