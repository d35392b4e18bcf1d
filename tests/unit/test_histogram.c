/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "stats/histogram.h"

#define HOUR_NS 3600000000000ULL

/* A deterministic sequence that visits every magnitude up to 73 minutes (xorshift, then cut to a random number of bits). */
static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static uint64_t next_duration(uint64_t *state)
{
	uint64_t bits = next_random(state) % (HISTOGRAM_BITS + 1);

	return next_random(state) & ((1ULL << bits) - 1);
}

static void add(struct histogram *histogram, uint64_t value_ns)
{
	assert_int_equal(histogram_reserve(histogram, value_ns), 0);
	histogram_add(histogram, value_ns);
}

static int compare_values(const void *left, const void *right)
{
	const uint64_t *a = left, *b = right;

	return *a < *b ? -1 : *a > *b;
}

static void assert_within_1_percent(uint64_t told_ns, uint64_t true_ns)
{
	uint64_t error_ns = told_ns > true_ns ? told_ns - true_ns : true_ns - told_ns;

	if (error_ns * 128 > true_ns)
		fail_msg("told %llu ns, true %llu ns", (unsigned long long)told_ns, (unsigned long long)true_ns);
}

/* Two values far above hold off the exact ends, so that each value is told by its bucket alone. */
static void one_value_is_told_within_1_percent(void **state)
{
	uint64_t seed = 88172645463325252ULL;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		struct histogram histogram = {0};
		uint64_t value_ns = next_duration(&seed);

		add(&histogram, value_ns);
		add(&histogram, value_ns / 2);
		add(&histogram, (1ULL << HISTOGRAM_BITS) - 1);
		assert_within_1_percent(histogram_percentile(&histogram, 60), value_ns);
		histogram_fini(&histogram);
	}
}

static void percentiles_of_many_values_are_within_1_percent(void **state)
{
	enum { COUNT = 9973 };
	uint64_t *values = calloc(COUNT, sizeof(*values)), seed = 1234567891234567ULL;
	struct histogram histogram = {0};

	(void)state;
	for (int i = 0; i < COUNT; i++) {
		values[i] = next_duration(&seed);
		add(&histogram, values[i]);
	}
	qsort(values, COUNT, sizeof(*values), compare_values);
	for (unsigned percent = 1; percent <= 100; percent++)
		assert_within_1_percent(histogram_percentile(&histogram, percent), values[(COUNT * percent + 99) / 100 - 1]);
	histogram_fini(&histogram);
	free(values);
}

static void mean_and_ends_are_exact(void **state)
{
	struct histogram histogram = {0};

	(void)state;
	add(&histogram, 1000003);
	add(&histogram, 2000003);
	add(&histogram, 9000001);
	assert_int_equal(histogram_mean(&histogram), 4000002); /* 12000007 / 3 = 4000002.3 */
	assert_int_equal(histogram.max_ns, 9000001);
	assert_int_equal(histogram.min_ns, 1000003);
	assert_int_equal(histogram_percentile(&histogram, 100), 9000001);
	add(&histogram, 4000004); /* 16000011 / 4 = 4000002.75 */
	assert_int_equal(histogram_mean(&histogram), 4000003);
	histogram_fini(&histogram);
}

static void equal_values_are_told_exactly(void **state)
{
	struct histogram histogram = {0};

	(void)state;
	for (int i = 0; i < 17; i++)
		add(&histogram, 123456789);
	assert_int_equal(histogram_percentile(&histogram, 1), 123456789);
	assert_int_equal(histogram_percentile(&histogram, 50), 123456789);
	histogram_fini(&histogram);
}

static void more_than_the_range_counts_in_the_last_bucket(void **state)
{
	struct histogram histogram = {0};

	(void)state;
	add(&histogram, HOUR_NS);
	add(&histogram, 50 * HOUR_NS);
	add(&histogram, UINT64_MAX / 4);
	assert_within_1_percent(histogram_percentile(&histogram, 30), HOUR_NS);
	assert_true(histogram_percentile(&histogram, 60) > HOUR_NS);
	assert_int_equal(histogram_percentile(&histogram, 99), UINT64_MAX / 4);
	assert_int_equal(histogram.count, 3);
	histogram_fini(&histogram);
}

static void zeros_take_no_memory_but_count(void **state)
{
	struct histogram histogram = {0};

	(void)state;
	for (int i = 0; i < 3; i++)
		add(&histogram, 0);
	for (int chunk = 0; chunk < HISTOGRAM_CHUNKS; chunk++)
		assert_null(histogram.chunks[chunk]);
	add(&histogram, 800);
	assert_int_equal(histogram_percentile(&histogram, 75), 0);
	assert_int_equal(histogram_percentile(&histogram, 76), 800);
	assert_int_equal(histogram_mean(&histogram), 200);
	histogram_fini(&histogram);
}

static void merging_is_as_good_as_adding(void **state)
{
	struct histogram parts[3] = {0}, merged = {0}, whole = {0};
	uint64_t seed = 424242424242ULL;

	(void)state;
	for (int i = 0; i < 3001; i++) {
		uint64_t value_ns = next_duration(&seed);

		add(&parts[i % 3], value_ns);
		add(&whole, value_ns);
	}
	for (int i = 0; i < 3; i++) {
		assert_int_equal(histogram_reserve_merge(&merged, &parts[i]), 0);
		histogram_merge(&merged, &parts[i]);
		histogram_fini(&parts[i]);
	}
	assert_int_equal(merged.count, 3001);
	assert_int_equal(histogram_mean(&merged), histogram_mean(&whole));
	for (unsigned percent = 0; percent <= 100; percent++)
		assert_int_equal(histogram_percentile(&merged, percent), histogram_percentile(&whole, percent));
	histogram_fini(&merged);
	histogram_fini(&whole);
}

static void cleared_it_is_empty_and_works_again(void **state)
{
	struct histogram histogram = {0};

	(void)state;
	add(&histogram, 5000000);
	add(&histogram, 0);
	histogram_clear(&histogram);
	assert_int_equal(histogram.count, 0);
	assert_int_equal(histogram_percentile(&histogram, 50), 0);
	assert_int_equal(histogram_mean(&histogram), 0);
	add(&histogram, 7);
	add(&histogram, 9);
	add(&histogram, 8);
	assert_int_equal(histogram_percentile(&histogram, 50), 8);
	assert_int_equal(histogram.min_ns, 7);
	histogram_fini(&histogram);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_value_is_told_within_1_percent),
		cmocka_unit_test(percentiles_of_many_values_are_within_1_percent),
		cmocka_unit_test(mean_and_ends_are_exact),
		cmocka_unit_test(equal_values_are_told_exactly),
		cmocka_unit_test(more_than_the_range_counts_in_the_last_bucket),
		cmocka_unit_test(zeros_take_no_memory_but_count),
		cmocka_unit_test(merging_is_as_good_as_adding),
		cmocka_unit_test(cleared_it_is_empty_and_works_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
