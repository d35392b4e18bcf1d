/* SPDX-License-Identifier: BSD-2-Clause */
/* The line of those who wait, where threads run each other's requests: what is moved in it leads back from its new place, or from none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/chains_places.h"

enum { TID = 7, WAITING = 3 };

/* A line of so many, each of whom has been given what a segment has begun with. */
struct filled {
	struct engine *engine;
	struct chains *chains;
	struct context *waits[WAITING], *begun[WAITING];
};

static void fill(struct filled *filled)
{
	filled->engine = engine_open(&(struct engine_sink){0});
	filled->chains = calloc(1, sizeof(*filled->chains));
	assert_non_null(filled->engine);
	assert_non_null(filled->chains);
	filled->chains->first = filled->chains->waiting = CHAIN_TICKETS;
	filled->chains->end = CHAIN_TICKETS + WAITING;
	for (size_t i = 0; i < WAITING; i++) {
		struct wait *wait = wait_at(filled->chains, CHAIN_TICKETS + i);

		filled->waits[i] = context_new_segment(filled->engine, ORIGIN_HANDOFF, NULL, 100);
		filled->begun[i] = context_new_segment(filled->engine, ORIGIN_HANDOFF, NULL, 200);
		filled->waits[i]->line_ticket = filled->begun[i]->handed = CHAIN_TICKETS + i;
		wait->context = context_get(filled->waits[i]);
		wait->grant = (struct grant){.tid = TID, .begun = context_get(filled->begun[i])};
	}
}

static void empty(struct filled *filled)
{
	for (uint64_t ticket = filled->chains->first; ticket < filled->chains->end; ticket++)
		if (wait_of(filled->chains, ticket))
			chains_forget(filled->engine, filled->chains, ticket);
	for (size_t i = 0; i < WAITING; i++) {
		context_put(filled->engine, filled->waits[i]);
		context_put(filled->engine, filled->begun[i]);
	}
	free(filled->chains);
	engine_close(filled->engine);
}

static void test_given_later(void **state)
{
	struct filled filled;

	(void)state;
	fill(&filled);
	chains_give_later(filled.engine, filled.chains, 0);
	assert_null(wait_of(filled.chains, CHAIN_TICKETS));
	assert_ptr_equal(wait_at(filled.chains, CHAIN_TICKETS + 1)->grant.begun, filled.begun[0]);
	assert_ptr_equal(wait_at(filled.chains, CHAIN_TICKETS + 2)->grant.begun, filled.begun[1]);
	assert_int_equal(filled.begun[0]->handed, CHAIN_TICKETS + 1);
	assert_int_equal(filled.begun[1]->handed, CHAIN_TICKETS + 2);
	assert_int_equal(filled.begun[2]->handed, 0);
	empty(&filled);
}

static void test_given_earlier(void **state)
{
	struct filled filled;

	(void)state;
	fill(&filled);
	chains_give_earlier(filled.engine, filled.chains, 0);
	assert_ptr_equal(wait_at(filled.chains, CHAIN_TICKETS)->grant.begun, filled.begun[1]);
	assert_ptr_equal(wait_at(filled.chains, CHAIN_TICKETS + 1)->grant.begun, filled.begun[2]);
	assert_null(wait_at(filled.chains, CHAIN_TICKETS + 2)->grant.begun);
	assert_int_equal(filled.begun[0]->handed, 0);
	assert_int_equal(filled.begun[1]->handed, CHAIN_TICKETS);
	assert_int_equal(filled.begun[2]->handed, CHAIN_TICKETS + 1);
	empty(&filled);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_given_later),
		cmocka_unit_test(test_given_earlier),
	};

	return cmocka_run_group_tests_name("engine, chains, places", tests, NULL, NULL);
}
