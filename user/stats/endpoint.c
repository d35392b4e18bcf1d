/* SPDX-License-Identifier: BSD-2-Clause */
#include "stats/endpoint.h"

#include <stdio.h>
#include <string.h>

#define STATUS_SERVER_ERROR 500

/* The peer's place; once all are taken, the place of the rest. */
static struct endpoint_peer *peer_get(struct endpoint *endpoint, const char *name)
{
	struct endpoint_peer *peer;

	for (size_t i = 0; i < endpoint->peer_count; i++)
		if (!strncmp(endpoint->peers[i].name, name, PEER_NAME_MAX - 1))
			return &endpoint->peers[i];
	if (endpoint->peer_count == ENDPOINT_PEERS_MAX)
		return &endpoint->other_peers;
	peer = &endpoint->peers[endpoint->peer_count++];
	memset(peer, 0, sizeof(*peer));
	snprintf(peer->name, sizeof(peer->name), "%s", name);
	return peer;
}

static void add_peer(struct endpoint_peer *peer, uint64_t calls, uint64_t net_ns, uint64_t net_union_ns)
{
	peer->calls += calls;
	peer->net_ns += net_ns;
	peer->net_union_ns += net_union_ns;
}

static void add_culprit(struct endpoint_culprit *culprit, uint64_t victims, uint64_t ns)
{
	culprit->victims += victims;
	culprit->ns += ns;
}

/* Makes room by moving the culprit with the least time to the rest: sums stay exact, only a name is lost. */
static struct endpoint_culprit *culprit_replace_least(struct endpoint_blame *blame)
{
	struct endpoint_culprit *least = &blame->culprits[0];

	for (size_t i = 1; i < ENDPOINT_CULPRITS_MAX; i++)
		if (blame->culprits[i].ns < least->ns)
			least = &blame->culprits[i];
	add_culprit(&blame->other, least->victims, least->ns);
	return least;
}

static struct endpoint_culprit *culprit_get(struct endpoint_blame *blame, const char *name)
{
	struct endpoint_culprit *culprit;

	for (size_t i = 0; i < blame->count; i++)
		if (!strncmp(blame->culprits[i].name, name, CULPRIT_NAME_MAX - 1))
			return &blame->culprits[i];
	if (blame->count < ENDPOINT_CULPRITS_MAX)
		culprit = &blame->culprits[blame->count++];
	else
		culprit = culprit_replace_least(blame);
	memset(culprit, 0, sizeof(*culprit));
	snprintf(culprit->name, sizeof(culprit->name), "%s", name);
	return culprit;
}

static int reserve_request(struct endpoint *endpoint, const struct request *request)
{
	uint64_t wall_ns = request->end_ns - request->start_ns;
	int err = histogram_reserve(&endpoint->wall, wall_ns);

	for (int state = 0; !err && state < STATES; state++)
		err = histogram_reserve(&endpoint->state[state], request->state_ns[state]);
	if (!err)
		err = histogram_reserve(&endpoint->ttfb, request->ttfb_ns);
	if (!err)
		err = histogram_reserve(&endpoint->cpu_time, request->cpu_time_ns);
	return err ? err : tail_reserve(&endpoint->tail, wall_ns);
}

int endpoint_add(struct endpoint *endpoint, const struct request *request, const char *culprit)
{
	uint64_t wall_ns = request->end_ns - request->start_ns;
	int err;

	if (request->opens)
		return stream_sums_open(&endpoint->streams, request);
	err = reserve_request(endpoint, request);
	if (err)
		return err;
	endpoint->requests++;
	endpoint->errors += request->aborted || request->status >= STATUS_SERVER_ERROR;
	endpoint->ambiguous_requests += request->ambiguous;
	histogram_add(&endpoint->wall, wall_ns);
	/* 0: it was aborted before a response. */
	if (request->ttfb_ns)
		histogram_add(&endpoint->ttfb, request->ttfb_ns);
	histogram_add(&endpoint->cpu_time, request->cpu_time_ns);
	for (int state = 0; state < STATES; state++)
		histogram_add(&endpoint->state[state], request->state_ns[state]);
	tail_add(&endpoint->tail, wall_ns, request->state_ns);
	endpoint->after_response_cpu_ns += request->after_response_cpu_ns;
	for (int part = 0; part < READY_PARTS; part++)
		endpoint->ready_ns[part] += request->ready_ns[part];
	endpoint->voluntary_switches += request->voluntary_switches;
	endpoint->involuntary_switches += request->involuntary_switches;
	for (size_t i = 0; i < request->peer_count; i++) {
		const struct request_peer *peer = &request->peers[i];

		add_peer(peer_get(endpoint, peer->peer), peer->calls, peer->net_ns, peer->net_union_ns);
	}
	if (culprit && request->culprit_ns)
		add_culprit(culprit_get(&endpoint->loops, culprit), 1, request->culprit_ns);
	return 0;
}

void endpoint_add_lock_wait(struct endpoint *endpoint, const char *holder, uint64_t wait_ns)
{
	add_culprit(culprit_get(&endpoint->locks, holder), 1, wait_ns);
}

static int reserve_merge(struct endpoint *into, const struct endpoint *from)
{
	int err = histogram_reserve_merge(&into->wall, &from->wall);

	for (int state = 0; !err && state < STATES; state++)
		err = histogram_reserve_merge(&into->state[state], &from->state[state]);
	if (!err)
		err = histogram_reserve_merge(&into->ttfb, &from->ttfb);
	if (!err)
		err = histogram_reserve_merge(&into->cpu_time, &from->cpu_time);
	return err ? err : tail_reserve_merge(&into->tail, &from->tail);
}

static void merge_peers(struct endpoint *into, const struct endpoint *from)
{
	for (size_t i = 0; i < from->peer_count; i++) {
		const struct endpoint_peer *peer = &from->peers[i];

		add_peer(peer_get(into, peer->name), peer->calls, peer->net_ns, peer->net_union_ns);
	}
	add_peer(&into->other_peers, from->other_peers.calls, from->other_peers.net_ns, from->other_peers.net_union_ns);
}

static void merge_blame(struct endpoint_blame *into, const struct endpoint_blame *from)
{
	for (size_t i = 0; i < from->count; i++)
		add_culprit(culprit_get(into, from->culprits[i].name), from->culprits[i].victims, from->culprits[i].ns);
	add_culprit(&into->other, from->other.victims, from->other.ns);
}

static void clear_blame(struct endpoint_blame *blame)
{
	blame->count = 0;
	memset(&blame->other, 0, sizeof(blame->other));
}

int endpoint_merge(struct endpoint *into, const struct endpoint *from)
{
	int err = reserve_merge(into, from);

	if (!err)
		err = stream_sums_merge(&into->streams, &from->streams);
	if (err)
		return err;
	into->requests += from->requests;
	into->errors += from->errors;
	into->ambiguous_requests += from->ambiguous_requests;
	into->delayed_requests += from->delayed_requests;
	histogram_merge(&into->wall, &from->wall);
	histogram_merge(&into->ttfb, &from->ttfb);
	histogram_merge(&into->cpu_time, &from->cpu_time);
	for (int state = 0; state < STATES; state++)
		histogram_merge(&into->state[state], &from->state[state]);
	tail_merge(&into->tail, &from->tail);
	into->after_response_cpu_ns += from->after_response_cpu_ns;
	for (int part = 0; part < READY_PARTS; part++)
		into->ready_ns[part] += from->ready_ns[part];
	into->voluntary_switches += from->voluntary_switches;
	into->involuntary_switches += from->involuntary_switches;
	merge_peers(into, from);
	merge_blame(&into->loops, &from->loops);
	merge_blame(&into->locks, &from->locks);
	return 0;
}

void endpoint_clear(struct endpoint *endpoint)
{
	endpoint->delayed_requests = 0;
	stream_sums_clear(&endpoint->streams);
	if (!endpoint->requests)
		return;
	endpoint->requests = endpoint->errors = endpoint->ambiguous_requests = 0;
	histogram_clear(&endpoint->wall);
	histogram_clear(&endpoint->ttfb);
	histogram_clear(&endpoint->cpu_time);
	for (int state = 0; state < STATES; state++)
		histogram_clear(&endpoint->state[state]);
	tail_clear(&endpoint->tail);
	endpoint->after_response_cpu_ns = 0;
	memset(endpoint->ready_ns, 0, sizeof(endpoint->ready_ns));
	endpoint->voluntary_switches = endpoint->involuntary_switches = 0;
	endpoint->peer_count = 0;
	memset(&endpoint->other_peers, 0, sizeof(endpoint->other_peers));
	clear_blame(&endpoint->loops);
	clear_blame(&endpoint->locks);
}

void endpoint_fini(struct endpoint *endpoint)
{
	histogram_fini(&endpoint->wall);
	histogram_fini(&endpoint->ttfb);
	histogram_fini(&endpoint->cpu_time);
	for (int state = 0; state < STATES; state++)
		histogram_fini(&endpoint->state[state]);
	tail_fini(&endpoint->tail);
	stream_sums_fini(&endpoint->streams);
	memset(endpoint, 0, sizeof(*endpoint));
}
