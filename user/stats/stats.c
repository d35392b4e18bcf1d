/* SPDX-License-Identifier: BSD-2-Clause */
#include "stats/stats.h"

#include <errno.h>
#include <stdlib.h>

#include "stats/snapshot_make.h"
#include "stats/table.h"

struct stats {
	struct endpoint_table table;
	uint64_t lost_requests;
};

struct stats *stats_open(size_t endpoint_cap)
{
	struct stats *stats = calloc(1, sizeof(*stats));

	if (stats)
		endpoint_table_init(&stats->table, endpoint_cap);
	return stats;
}

int stats_add(struct stats *stats, const char *service, const char *endpoint, const char *culprit, const struct request *request)
{
	struct table_row *row = endpoint_table_get(&stats->table, service, endpoint);
	/* Only endpoints of one service can share a loop. */
	struct table_row *culprit_row = culprit ? endpoint_table_get(&stats->table, service, culprit) : NULL;
	int err = row && (culprit_row || !culprit) ? endpoint_add(&row->endpoint, request, culprit) : -ENOMEM;

	if (err)
		stats->lost_requests++;
	else if (culprit_row && request->culprit_ns)
		culprit_row->endpoint.delayed_requests++;
	return err;
}

int stats_merge(struct stats *into, const struct stats *from)
{
	int first_err = 0;

	for (size_t i = 0; i < from->table.row_count; i++) {
		const struct table_row *row = from->table.rows[i];
		struct table_row *sum;
		int err;

		if (!row->endpoint.requests && !row->endpoint.delayed_requests)
			continue;
		sum = endpoint_table_get(&into->table, row->service->name, row->name);
		err = sum ? endpoint_merge(&sum->endpoint, &row->endpoint) : -ENOMEM;
		if (!err)
			continue;
		into->lost_requests += row->endpoint.requests;
		first_err = first_err ? first_err : err;
	}
	return first_err;
}

uint64_t stats_lost_requests(const struct stats *stats)
{
	return stats->lost_requests;
}

void stats_clear(struct stats *stats)
{
	for (size_t i = 0; i < stats->table.row_count; i++)
		endpoint_clear(&stats->table.rows[i]->endpoint);
}

const struct snapshot *stats_snapshot(const struct stats *stats, const struct snapshot_frame *frame)
{
	return snapshot_make(&stats->table, frame);
}

void stats_snapshot_close(const struct snapshot *snapshot)
{
	snapshot_free(snapshot);
}

void stats_close(struct stats *stats)
{
	if (!stats)
		return;
	endpoint_table_fini(&stats->table);
	free(stats);
}
