/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "serve/accept.h"

#define OPENMETRICS "application/openmetrics-text"

static const struct accept_row {
	const char *header, *thing;
	int weight;
} rows[] = {
	{NULL, "gzip", -1},
	{"", "gzip", -1},
	{"gzip", "gzip", 1000},
	{"GZIP", "gzip", 1000},
	{"gzipped, x-gzip", "gzip", -1},
	{"deflate, gzip;q=0.5", "gzip", 500},
	{"gzip;q=0", "gzip", 0},
	{"gzip ; q=0.125 , gzip;q=0.25", "gzip", 250},
	{"gzip;q=2", "gzip", 0},
	{"gzip;q=", "gzip", 0},
	{"*", "gzip", -1},
	{"*/*", OPENMETRICS, -1},
	{",,;q=1,", "gzip", -1},
	/* As Prometheus 2.42 asks. */
	{OPENMETRICS ";version=1.0.0," OPENMETRICS ";version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1", OPENMETRICS, 1000},
	{OPENMETRICS ";version=1.0.0," OPENMETRICS ";version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1", "text/plain", 500},
};

static void weighs_what_is_named(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int weight = accept_weight(rows[i].header, rows[i].thing);

		if (weight != rows[i].weight)
			fail_msg("'%s' wants %s by %d, not %d", rows[i].header, rows[i].thing, weight, rows[i].weight);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(weighs_what_is_named)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
