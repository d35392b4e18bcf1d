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
	const struct table_shape shape = {
		.row_size = sizeof(struct endpoint_row),
		.service_size = sizeof(struct service),
		.endpoint_cap = endpoint_cap,
		.row_cap = SIZE_MAX,
	};
	struct stats *stats = calloc(1, sizeof(*stats));

	if (stats)
		endpoint_table_init(&stats->table, &shape);
	return stats;
}

static struct endpoint *get_endpoint(struct stats *stats, const char *service, const char *name)
{
	struct table_row *row = endpoint_table_get(&stats->table, service, name);

	return row ? &((struct endpoint_row *)row)->endpoint : NULL;
}

static struct endpoint *endpoint_at(const struct stats *stats, size_t row)
{
	return &((struct endpoint_row *)stats->table.rows[row])->endpoint;
}

int stats_add(struct stats *stats, const char *service, const char *endpoint, const char *culprit, const struct request *request)
{
	struct endpoint *sum = get_endpoint(stats, service, endpoint);
	/* Only endpoints of one service can share a loop. */
	struct endpoint *culprit_sum = culprit ? get_endpoint(stats, service, culprit) : NULL;
	int err = sum && (culprit_sum || !culprit) ? endpoint_add(sum, request, culprit) : -ENOMEM;

	if (err)
		stats->lost_requests++;
	else if (culprit_sum && request->culprit_ns)
		culprit_sum->delayed_requests++;
	return err;
}

int stats_add_lock_wait(struct stats *stats, const char *service, const char *endpoint, const char *holder, uint64_t wait_ns)
{
	struct endpoint *sum = get_endpoint(stats, service, endpoint);

	if (!sum)
		return -ENOMEM;
	endpoint_add_lock_wait(sum, holder, wait_ns);
	return 0;
}

int stats_add_stream(struct stats *stats, const char *service, const char *endpoint, const struct stream *stream)
{
	struct endpoint *sum = get_endpoint(stats, service, endpoint);
	int err = sum ? stream_sums_add(&sum->streams, stream) : -ENOMEM;

	stats->lost_requests += err != 0;
	return err;
}

int stats_merge(struct stats *into, const struct stats *from)
{
	int first_err = 0;

	for (size_t i = 0; i < from->table.row_count; i++) {
		const struct table_row *row = from->table.rows[i];
		const struct endpoint *endpoint = endpoint_at(from, i);
		struct endpoint *sum;
		int err;

		if (!endpoint->requests && !endpoint->delayed_requests && !stream_sums_any(&endpoint->streams))
			continue;
		sum = get_endpoint(into, row->service->name, row->name);
		err = sum ? endpoint_merge(sum, endpoint) : -ENOMEM;
		if (!err)
			continue;
		into->lost_requests += endpoint->requests;
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
		endpoint_clear(endpoint_at(stats, i));
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
	for (size_t i = 0; i < stats->table.row_count; i++)
		endpoint_fini(endpoint_at(stats, i));
	endpoint_table_fini(&stats->table);
	free(stats);
}
