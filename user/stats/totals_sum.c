/* SPDX-License-Identifier: BSD-2-Clause */
#include "stats/totals_sum.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/calls.h"

#define NS_PER_MS 1000000ull

const uint64_t wall_edges_ns[WALL_EDGES] = {
	NS_PER_MS / 2,   1 * NS_PER_MS,   5 * NS_PER_MS / 2, 5 * NS_PER_MS,    10 * NS_PER_MS,   25 * NS_PER_MS,   50 * NS_PER_MS,
	100 * NS_PER_MS, 250 * NS_PER_MS, 500 * NS_PER_MS,   1000 * NS_PER_MS, 2500 * NS_PER_MS, 5000 * NS_PER_MS, 10000 * NS_PER_MS,
};

const uint64_t part_edges_ns[PART_EDGES] = {NS_PER_MS / 10, 1 * NS_PER_MS, 10 * NS_PER_MS, 100 * NS_PER_MS, 1000 * NS_PER_MS};

/* A batch of the slowest 1%: it ends with the window in which it got this large, or this old. */
#define BATCH_REQUESTS 100
#define BATCH_NS       (60000 * NS_PER_MS)

static const char other_peers[] = "(other peers)";
static const char other_culprits[] = "(other culprits)";

static size_t edge_above(const uint64_t *edges_ns, size_t count, uint64_t value_ns)
{
	size_t i = 0;

	while (i < count && value_ns > edges_ns[i])
		i++;
	return i;
}

static void add_wall(struct wall_times *times, uint64_t value_ns)
{
	times->sum_ns += value_ns;
	times->counts[edge_above(wall_edges_ns, WALL_EDGES, value_ns)]++;
}

static void add_part(struct part_times *times, uint64_t value_ns)
{
	times->sum_ns += value_ns;
	times->counts[edge_above(part_edges_ns, PART_EDGES, value_ns)]++;
}

static enum answer answer_of(const struct request *request)
{
	if (request->status < 100 || request->status > 599)
		return ANSWER_NONE;
	return (enum answer)(request->status / 100 - 1);
}

/* Room for all of a request's peers, though some of them are there already. 0 or −ENOMEM. */
static int reserve_peers(struct endpoint_sum *sum, size_t more)
{
	size_t wanted = sum->shown.peer_count + more;
	size_t capacity = sum->peer_capacity ? sum->peer_capacity : 1;
	struct totals_peer *grown;

	if (wanted > TOTALS_PEERS_MAX)
		wanted = TOTALS_PEERS_MAX;
	if (wanted <= sum->peer_capacity)
		return 0;
	while (capacity < wanted)
		capacity *= 2;
	grown = realloc(sum->shown.peers, capacity * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	sum->shown.peers = grown;
	sum->peer_capacity = capacity;
	return 0;
}

/* Which of the endpoint's peers bears this name. */
static size_t place_of_peer(struct totals_endpoint *shown, const char *name)
{
	size_t place = 0;

	while (place < shown->peer_count && strncmp(shown->peers[place].name, name, PEER_NAME_MAX - 1))
		place++;
	if (place < shown->peer_count)
		return place;
	if (place == TOTALS_PEERS_MAX)
		return TOTALS_PEERS_MAX - 1;
	memset(&shown->peers[place], 0, sizeof(shown->peers[place]));
	snprintf(shown->peers[place].name, PEER_NAME_MAX, "%s", place == TOTALS_PEERS_MAX - 1 ? other_peers : name);
	shown->peer_count++;
	return place;
}

/* The request's time with a call to any of those in flight that have this place: addresses of one name, or the rest. */
static uint64_t net_union_at(struct totals_endpoint *shown, size_t place, const struct request *request)
{
	uint64_t sum_ns = 0, until_ns = 0;

	for (size_t i = 0; i < request->call_count; i++)
		if (place_of_peer(shown, request->peers[request->calls[i].peer].peer) == place)
			sum_ns += call_net_beyond(&request->calls[i], &until_ns);
	return sum_ns;
}

/* Each peer has one wait of the request, however many addresses it was called at. */
static void add_peers(struct totals_endpoint *shown, const struct request *request)
{
	size_t addresses[TOTALS_PEERS_MAX] = {0};
	uint64_t net_ns[TOTALS_PEERS_MAX];

	for (size_t i = 0; i < request->peer_count; i++) {
		size_t place = place_of_peer(shown, request->peers[i].peer);

		shown->peers[place].calls += request->peers[i].calls;
		net_ns[place] = request->peers[i].net_union_ns;
		addresses[place]++;
	}
	for (size_t place = 0; place < shown->peer_count; place++)
		if (addresses[place])
			add_part(&shown->peers[place].net, addresses[place] == 1 ? net_ns[place] : net_union_at(shown, place, request));
}

static void keep_slowest(struct endpoint_sum *sum, const struct request *request, uint64_t wall_ns, uint64_t end_unix_ns)
{
	if (sum->slowest.id[0] && wall_ns <= sum->slowest.wall_ns)
		return;
	sum->slowest = (struct totals_slowest){.wall_ns = wall_ns, .end_unix_ns = end_unix_ns};
	memcpy(sum->slowest.id, request->id, sizeof(sum->slowest.id));
}

int endpoint_sum_add(struct endpoint_sum *sum, const struct request *request, uint64_t end_unix_ns)
{
	struct totals_endpoint *shown = &sum->shown;
	uint64_t wall_ns = request->end_ns - request->start_ns;

	if (tail_reserve(&sum->batch, wall_ns) || reserve_peers(sum, request->peer_count))
		return -ENOMEM;
	shown->requests++;
	shown->answers[answer_of(request)]++;
	shown->ambiguous_requests += request->ambiguous;
	add_wall(&shown->wall, wall_ns);
	for (int state = 0; state < STATES; state++)
		add_part(&shown->state[state], request->state_ns[state]);
	add_peers(shown, request);
	tail_add(&sum->batch, wall_ns, request->state_ns);
	sum->batch_requests++;
	keep_slowest(sum, request, wall_ns, end_unix_ns);
	return 0;
}

static struct totals_culprit *get_culprit(struct totals_blame *blame, const char *name)
{
	struct totals_culprit *culprit;

	for (size_t i = 0; i < blame->count; i++)
		if (!strcmp(blame->culprits[i].endpoint, name))
			return &blame->culprits[i];
	if (blame->count == TOTALS_CULPRITS_MAX)
		return &blame->culprits[TOTALS_CULPRITS_MAX - 1];
	culprit = &blame->culprits[blame->count++];
	culprit->endpoint = blame->count == TOTALS_CULPRITS_MAX ? other_culprits : name;
	return culprit;
}

void endpoint_sum_open_stream(struct endpoint_sum *sum, const struct request *opener)
{
	struct totals_streams *streams = &sum->shown.streams;

	streams->kind = opener->opens;
	streams->opened++;
	streams->open++;
}

void endpoint_sum_add_stream(struct endpoint_sum *sum, const struct stream *stream)
{
	struct totals_streams *streams = &sum->shown.streams;

	streams->reads += stream->reads;
	streams->writes += stream->writes;
	streams->read_bytes += stream->read_bytes;
	streams->written_bytes += stream->written_bytes;
	streams->cpu_ns += stream->cpu_ns;
	if (!stream->ended)
		return;
	streams->ended++;
	streams->ended_lasted_ns += stream->lasted_ns;
	streams->open -= streams->open > 0;
}

void blame_add(struct totals_blame *blame, const char *culprit, uint64_t delay_ns)
{
	get_culprit(blame, culprit)->delay_ns += delay_ns;
}

void endpoint_sum_cut(struct endpoint_sum *sum, uint64_t at_ns)
{
	struct tail_band slowest;

	if (!sum->batch_requests)
		return;
	if (!sum->batch_since_ns)
		sum->batch_since_ns = at_ns;
	if (sum->batch_requests < BATCH_REQUESTS && at_ns - sum->batch_since_ns < BATCH_NS)
		return;
	tail_slowest(&sum->batch, sum->batch_requests < BATCH_REQUESTS ? 1 : sum->batch_requests / 100, &slowest);
	sum->shown.slowest_requests += slowest.requests;
	for (int state = 0; state < STATES; state++)
		sum->shown.slowest_state_ns[state] += slowest.state_ns[state];
	tail_clear(&sum->batch);
	sum->batch_requests = sum->batch_since_ns = 0;
}

void endpoint_sum_forget_slowest(struct endpoint_sum *sum)
{
	sum->slowest_before = sum->slowest;
	sum->slowest = (struct totals_slowest){0};
}

void endpoint_sum_fini(struct endpoint_sum *sum)
{
	tail_fini(&sum->batch);
	free(sum->shown.peers);
}
