/* SPDX-License-Identifier: BSD-2-Clause */
/* Counts of which what was seen long ago says less. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "engine/votes.h"

#define MOST 64

static void the_last_vote_of_most_halves_all(void **state)
{
	uint32_t counts[3] = {10, 20, MOST - 32};

	(void)state;
	votes_count(counts, 3, 0, MOST);
	assert_int_equal(counts[0], 11);
	assert_int_equal(votes_sum(counts, 3), MOST - 1);
	votes_count(counts, 3, 1, MOST);
	assert_int_equal(counts[0], 5);
	assert_int_equal(counts[1], 10);
	assert_int_equal(counts[2], MOST / 2 - 16);
}

/* Who leads when all are halved leads behind that. */
static void halving_makes_no_tie(void **state)
{
	uint32_t counts[2] = {MOST / 2 - 1, MOST / 2};

	(void)state;
	votes_count(counts, 2, 1, MOST);
	assert_true(counts[1] > counts[0]);
}

/* However long a program went one way, it takes less than `most` votes to learn that it goes another one now. */
static void what_is_old_is_overruled(void **state)
{
	uint32_t counts[2] = {0};

	(void)state;
	for (unsigned int i = 0; i < 100 * MOST; i++)
		votes_count(counts, 2, 0, MOST);
	for (unsigned int i = 0; i < MOST; i++)
		votes_count(counts, 2, 1, MOST);
	assert_true(counts[1] > counts[0]);
}

static void a_score_counts_as_two_ways_do(void **state)
{
	struct score score = {0};
	uint32_t counts[2] = {0};

	(void)state;
	for (unsigned int i = 0; i < 3 * MOST; i++) {
		score_count(&score, i % 3 != 0, MOST);
		votes_count(counts, 2, i % 3 != 0, MOST);
	}
	assert_int_equal(score.right, counts[true]);
	assert_int_equal(score.wrong, counts[false]);
	assert_true(score.right > score.wrong);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_vote_of_most_halves_all),
		cmocka_unit_test(halving_makes_no_tie),
		cmocka_unit_test(what_is_old_is_overruled),
		cmocka_unit_test(a_score_counts_as_two_ways_do),
	};

	return cmocka_run_group_tests_name("engine: votes", tests, NULL, NULL);
}
