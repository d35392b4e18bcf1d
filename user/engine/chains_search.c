/* SPDX-License-Identifier: BSD-2-Clause */
/* Rule 12 where threads run each other's requests: by which places in the line a segment leads back to the request that it answered. */
#include "engine/chains_search.h"

#define APART_MAX 6    /* so many places, taken together, may a chain's links lie apart */
#define STEPS_MAX 8192 /* what is not found within so many is not looked for any more */

struct search {
	struct chains *chains;
	const struct context *request;
	uint32_t steps;
	struct chain chain, *best;
};

static void search_from(struct search *search, struct context *segment, uint32_t apart_left);

/* Had whoever came to wait there been given what this segment began with? */
static void search_at(struct search *search, struct context *segment, uint64_t ticket, uint32_t apart_left)
{
	const struct wait *wait = wait_of(search->chains, ticket);
	struct context *root = wait ? context_root(wait->context) : NULL;
	struct chain *chain = &search->chain;

	if (!root || root->line_ticket != ticket || wait->since_ns > segment->begun_ns || search->steps++ >= STEPS_MAX)
		return;
	chain->waited[chain->count++] = root;
	if (root == search->request && !apart_left) {
		chain->found = search->best->found + 1;
		*search->best = *chain;
	} else if (!root->is_request && chain->count < CHAIN_LINKS_MAX) {
		search_from(search, root, apart_left);
	}
	chain->count--;
}

static void search_from(struct search *search, struct context *segment, uint32_t apart_left)
{
	const struct wait *given = wait_of(search->chains, segment->handed);

	if (segment->given != GIVEN_TO_ANY || !given || context_root(given->grant.begun) != segment)
		return;
	for (uint32_t apart = 0; apart <= apart_left; apart++) {
		search_at(search, segment, segment->handed + apart, apart_left - apart);
		if (apart)
			search_at(search, segment, segment->handed - apart, apart_left - apart);
	}
}

bool chains_search(struct chains *chains, struct context *segment, const struct context *request, struct chain *chain)
{
	*chain = (struct chain){0};
	for (uint32_t apart = 0; apart <= APART_MAX && !chain->found; apart++) {
		struct search search = {.chains = chains, .request = request, .best = chain};

		search_from(&search, segment, apart);
		if (search.steps > STEPS_MAX)
			return false;
		chain->apart = apart;
	}
	return chain->found;
}

void chains_put_right(struct chains *chains, struct context *segment, struct chain *chain)
{
	for (uint32_t i = 0; i < chain->count; i++) {
		uint64_t given = segment->handed, waited = chain->waited[i]->line_ticket;

		if (i == 0) {
			chain->from = given;
			chain->to = waited;
		}
		if (given != waited)
			chains_exchange(chains, given, waited);
		segment = chain->waited[i];
	}
}
