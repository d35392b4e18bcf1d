/* SPDX-License-Identifier: BSD-2-Clause */
#include "stats/snapshot_make.h"

#include <stdlib.h>
#include <string.h>

#include "stats/verdict.h"
#include "util/apportion.h"
#include "util/runtime.h"

/* Everything that a snapshot points to (but the frame's arrays) lies in blocks that are freed with it. */
struct block {
	struct block *next;
	max_align_t bytes[];
};

struct snapshot_made {
	struct snapshot snapshot; /* first: the public pointer is the pointer to free */
	struct block *blocks;
	bool no_memory; /* an allocation failed; looked at once, at the end */
};

static void *block_take(struct snapshot_made *made, size_t size)
{
	struct block *block = calloc(1, sizeof(*block) + size);

	if (!block) {
		made->no_memory = true;
		return NULL;
	}
	block->next = made->blocks;
	made->blocks = block;
	return block->bytes;
}

static const char *copy_text(struct snapshot_made *made, const char *text)
{
	char *copy = block_take(made, strlen(text) + 1);

	return copy ? strcpy(copy, text) : NULL;
}

static struct distribution distribution_of(const struct histogram *histogram)
{
	if (!histogram->count)
		return (struct distribution){UNKNOWN_NS, UNKNOWN_NS, UNKNOWN_NS, UNKNOWN_NS, UNKNOWN_NS};
	return (struct distribution){
		.mean = histogram_mean(histogram),
		.p50 = histogram_percentile(histogram, 50),
		.p90 = histogram_percentile(histogram, 90),
		.p99 = histogram_percentile(histogram, 99),
		.max = histogram->max_ns,
	};
}

/* The means of the states are rounded together: they sum to the mean wall as exactly as the states of each request sum to its wall. */
static void fill_states(struct snapshot_endpoint *to, const struct endpoint *from)
{
	uint64_t sum_ns[STATES], mean_ns[STATES];

	for (int state = 0; state < STATES; state++) {
		to->state[state] = distribution_of(&from->state[state]);
		sum_ns[state] = from->state[state].sum_ns;
	}
	apportion(sum_ns, STATES, from->requests, mean_ns);
	for (int state = 0; state < STATES; state++)
		to->state[state].mean = mean_ns[state];
	apportion(from->ready_ns, READY_PARTS, from->requests, to->ready_mean_ns);
}

static void fill_slowest(struct snapshot_endpoint *to, const struct endpoint *from)
{
	struct tail_band sums;

	to->slowest_requests = from->requests >= 100 ? from->requests / 100 : 1;
	tail_slowest(&from->tail, to->slowest_requests, &sums);
	apportion(&sums.wall_ns, 1, to->slowest_requests, &to->slowest_wall_mean_ns);
	apportion(sums.state_ns, STATES, to->slowest_requests, to->slowest_state_mean_ns);
}

static void fill_shares(struct snapshot_endpoint *to, const struct endpoint *from)
{
	double cpu_ns = (double)from->state[STATE_CPU].sum_ns;
	double io_ns = (double)from->state[STATE_NET].sum_ns + (double)from->state[STATE_DISK].sum_ns;
	double wall_ns = (double)from->wall.sum_ns;

	to->io_share = wall_ns > 0 ? io_ns / wall_ns : 0;
	to->cpu_share = wall_ns > 0 ? cpu_ns / wall_ns : 0;
	to->io_cpu_ratio = cpu_ns > 0 ? io_ns / cpu_ns : -1;
}

static int compare_peers(const void *left, const void *right)
{
	const struct snapshot_peer *a = left, *b = right;

	if (a->net_union_mean_ns != b->net_union_mean_ns)
		return a->net_union_mean_ns < b->net_union_mean_ns ? 1 : -1;
	return strcmp(a->peer, b->peer);
}

static void put_peer(struct snapshot_peer *to, const char *name, const struct endpoint_peer *from, uint64_t requests)
{
	to->peer = name;
	to->calls_mean = (double)from->calls / (double)requests;
	apportion(&from->net_ns, 1, requests, &to->net_mean_ns);
	apportion(&from->net_union_ns, 1, requests, &to->net_union_mean_ns);
}

static void fill_peers(struct snapshot_made *made, struct snapshot_endpoint *to, const struct endpoint *from)
{
	struct snapshot_peer *peers = block_take(made, (from->peer_count + 1) * sizeof(*peers));

	if (!peers)
		return;
	for (size_t i = 0; i < from->peer_count; i++)
		put_peer(&peers[to->peer_count++], copy_text(made, from->peers[i].name), &from->peers[i], from->requests);
	if (made->no_memory)
		return;
	qsort(peers, to->peer_count, sizeof(*peers), compare_peers);
	/* The rest stands last, however large: it is not one peer. */
	if (from->other_peers.calls)
		put_peer(&peers[to->peer_count++], "(other peers)", &from->other_peers, from->requests);
	to->peers = peers;
}

static int compare_culprits(const void *left, const void *right)
{
	const struct snapshot_culprit *a = left, *b = right;

	if (a->ns != b->ns)
		return a->ns < b->ns ? 1 : -1;
	return strcmp(a->endpoint, b->endpoint);
}

/* NULL: no memory. */
static const struct snapshot_culprit *make_culprits(struct snapshot_made *made, const struct endpoint_blame *from, size_t *count)
{
	struct snapshot_culprit *culprits = block_take(made, (from->count + 1) * sizeof(*culprits));

	if (!culprits)
		return NULL;
	for (size_t i = 0; i < from->count; i++)
		culprits[i] = (struct snapshot_culprit){
			copy_text(made, from->culprits[i].name),
			from->culprits[i].victims,
			from->culprits[i].ns,
		};
	if (made->no_memory)
		return NULL;
	qsort(culprits, from->count, sizeof(*culprits), compare_culprits);
	*count = from->count;
	if (from->other.victims)
		culprits[(*count)++] = (struct snapshot_culprit){"(other endpoints)", from->other.victims, from->other.ns};
	return culprits;
}

static void fill_endpoint(struct snapshot_made *made, struct snapshot_endpoint *to, const struct endpoint_row *row)
{
	const struct endpoint *from = &row->endpoint;

	to->service = copy_text(made, row->row.service->name);
	to->endpoint = copy_text(made, row->row.name);
	to->requests = from->requests;
	to->errors = from->errors;
	to->rate = made->snapshot.frame.window_ns ? (double)from->requests * 1e9 / (double)made->snapshot.frame.window_ns : 0;
	to->wall = distribution_of(&from->wall);
	to->ttfb = distribution_of(&from->ttfb);
	to->cpu_time = distribution_of(&from->cpu_time);
	fill_states(to, from);
	fill_slowest(to, from);
	apportion(&from->after_response_cpu_ns, 1, from->requests, &to->after_response_cpu_mean_ns);
	fill_shares(to, from);
	to->voluntary_mean = (double)from->voluntary_switches / (double)from->requests;
	to->involuntary_mean = (double)from->involuntary_switches / (double)from->requests;
	fill_peers(made, to, from);
	to->culprits = make_culprits(made, &from->loops, &to->culprit_count);
	to->locks = make_culprits(made, &from->locks, &to->lock_count);
	to->delayed_requests = from->delayed_requests;
	to->ambiguous_requests = from->ambiguous_requests;
	to->ambiguous_share = (double)from->ambiguous_requests / (double)from->requests;
}

static int compare_rows(const void *left, const void *right)
{
	const struct endpoint_row *a = *(const struct endpoint_row *const *)left, *b = *(const struct endpoint_row *const *)right;
	int by_service;

	if (a->endpoint.wall.sum_ns != b->endpoint.wall.sum_ns)
		return a->endpoint.wall.sum_ns < b->endpoint.wall.sum_ns ? 1 : -1;
	by_service = strcmp(a->row.service->name, b->row.service->name);
	return by_service ? by_service : strcmp(a->row.name, b->row.name);
}

static void fill_endpoints(struct snapshot_made *made, const struct endpoint_table *table)
{
	struct snapshot *snapshot = &made->snapshot;
	const struct endpoint_row **rows = block_take(made, (table->row_count + 1) * sizeof(struct endpoint_row *));
	struct snapshot_endpoint *endpoints;

	if (!rows)
		return;
	for (size_t i = 0; i < table->row_count; i++) {
		const struct endpoint_row *row = (const struct endpoint_row *)table->rows[i];

		if (row->endpoint.requests)
			rows[snapshot->endpoint_count++] = row;
	}
	qsort(rows, snapshot->endpoint_count, sizeof(struct endpoint_row *), compare_rows);
	endpoints = block_take(made, (snapshot->endpoint_count + 1) * sizeof(*endpoints));
	for (size_t i = 0; i < snapshot->endpoint_count && !made->no_memory; i++) {
		fill_endpoint(made, &endpoints[i], rows[i]);
		if (made->no_memory)
			return;
		verdict_find(&endpoints[i]);
		snapshot->requests += endpoints[i].requests;
		snapshot->ambiguous_requests += endpoints[i].ambiguous_requests;
		snapshot->endpoints_folded += rows[i]->row.folded ? endpoints[i].requests : 0;
	}
	snapshot->endpoints = endpoints;
}

static int compare_streams(const void *left, const void *right)
{
	const struct snapshot_stream *a = left, *b = right;
	int by_service;

	if (a->cpu_ns != b->cpu_ns)
		return a->cpu_ns < b->cpu_ns ? 1 : -1;
	by_service = strcmp(a->service, b->service);
	return by_service ? by_service : strcmp(a->endpoint, b->endpoint);
}

static struct snapshot_stream stream_of(struct snapshot_made *made, const struct endpoint_row *row)
{
	const struct stream_sums *from = &row->endpoint.streams;

	return (struct snapshot_stream){
		.service = copy_text(made, row->row.service->name),
		.endpoint = copy_text(made, row->row.name),
		.kind = from->kind,
		.open = from->open,
		.opened = from->opened,
		.ended = from->ended,
		.opening = distribution_of(&from->opening),
		.lasted = distribution_of(&from->lasted),
		.reads = from->reads,
		.writes = from->writes,
		.read_bytes = from->read_bytes,
		.written_bytes = from->written_bytes,
		.cpu_ns = from->cpu_ns,
	};
}

static void fill_streams(struct snapshot_made *made, const struct endpoint_table *table)
{
	struct snapshot *snapshot = &made->snapshot;
	struct snapshot_stream *streams = block_take(made, (table->row_count + 1) * sizeof(*streams));

	for (size_t i = 0; i < table->row_count && !made->no_memory; i++) {
		const struct endpoint_row *row = (const struct endpoint_row *)table->rows[i];

		if (stream_sums_any(&row->endpoint.streams))
			streams[snapshot->stream_count++] = stream_of(made, row);
	}
	if (made->no_memory)
		return;
	qsort(streams, snapshot->stream_count, sizeof(*streams), compare_streams);
	snapshot->streams = streams;
}

bool snapshot_hook_is_on(const struct snapshot_process *process)
{
	return process->hook == HOOK_ON || (process->now.strands_told && process->hook != HOOK_REFUSED);
}

const char *snapshot_missing_hook(const struct snapshot_process *process)
{
	const struct process *now = &process->now;

	if (snapshot_hook_is_on(process) || process->hook == HOOK_ABSENT)
		return NULL;
	/* Tasks are an event loop's. */
	if (now->runtime == RUNTIME_PYTHON && !now->loop_threads)
		return NULL;
	return runtime_words_of(now->runtime)->hook;
}

const struct snapshot *snapshot_make(const struct endpoint_table *table, const struct snapshot_frame *frame)
{
	struct snapshot_made *made = calloc(1, sizeof(*made));

	if (!made)
		return NULL;
	made->snapshot.frame = *frame;
	fill_endpoints(made, table);
	fill_streams(made, table);
	if (!made->no_memory)
		return &made->snapshot;
	snapshot_free(&made->snapshot);
	return NULL;
}

void snapshot_free(const struct snapshot *snapshot)
{
	struct snapshot_made *made = (struct snapshot_made *)snapshot;
	struct block *block = made ? made->blocks : NULL;

	while (block) {
		struct block *next = block->next;

		free(block);
		block = next;
	}
	free(made);
}
