/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tables of statistics, for the tests of the view.
 */
#ifndef TEST_FIXTURE_TABLE_H
#define TEST_FIXTURE_TABLE_H

#include "unit/fixture_stats.h"
#include "view/table.h"

static const struct snapshot_loss no_losses[] = {{"records", 0}, {"calls", 0}};

/* The table of these statistics, for the caller to free. */
static char *table_of(const struct stats *stats, const struct snapshot_frame *frame, const struct table_options *options)
{
	const struct snapshot *snapshot = stats_snapshot(stats, frame);
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_int_equal(table_print(out, snapshot, options), 0);
	fclose(out);
	stats_snapshot_close(snapshot);
	return text;
}

#endif
