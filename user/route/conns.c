/* SPDX-License-Identifier: BSD-2-Clause */
#include "route/conns.h"

#include <stdlib.h>
#include <string.h>

/* Index 0 of the array is no connection: it ends bucket chains and holds both ends of the list by use. */
#define NONE 0

struct conns {
	struct conn *array; /* CONNS_MAX + 1 */
	uint32_t used;      /* array[1 … used] were in use at some time; the memory beyond was never touched */
	uint32_t free_head; /* by next_in_bucket */
	uint32_t buckets[CONNS_MAX];
};

struct conns *conns_open(void)
{
	struct conns *conns = calloc(1, sizeof(*conns));

	if (!conns)
		return NULL;
	conns->array = calloc(CONNS_MAX + 1, sizeof(*conns->array));
	if (!conns->array) {
		free(conns);
		return NULL;
	}
	return conns;
}

static uint32_t *bucket_of(struct conns *conns, uint64_t id)
{
	/* Fibonacci hashing: inode numbers come in sequence, kernel objects at multiples of their size. */
	return &conns->buckets[(id * 0x9e3779b97f4a7c15ull) >> 48];
}

static uint32_t find(struct conns *conns, uint64_t id)
{
	uint32_t at = *bucket_of(conns, id);

	while (at != NONE && conns->array[at].id != id)
		at = conns->array[at].next_in_bucket;
	return at;
}

static void unlink_by_use(struct conns *conns, struct conn *conn)
{
	conns->array[conn->older].newer = conn->newer;
	conns->array[conn->newer].older = conn->older;
}

static void link_as_newest(struct conns *conns, uint32_t at)
{
	struct conn *ends = &conns->array[NONE];

	conns->array[at].older = ends->older;
	conns->array[at].newer = NONE;
	conns->array[ends->older].newer = at;
	ends->older = at;
}

struct conn *conns_get(struct conns *conns, uint64_t id)
{
	uint32_t at = find(conns, id);

	if (at == NONE)
		return NULL;
	unlink_by_use(conns, &conns->array[at]);
	link_as_newest(conns, at);
	return &conns->array[at];
}

void conns_remove(struct conns *conns, uint64_t id)
{
	uint32_t *link = bucket_of(conns, id);
	struct conn *conn;
	uint32_t at;

	while (*link != NONE && conns->array[*link].id != id)
		link = &conns->array[*link].next_in_bucket;
	at = *link;
	if (at == NONE)
		return;
	conn = &conns->array[at];
	*link = conn->next_in_bucket;
	unlink_by_use(conns, conn);
	http1_fini(&conn->http1);
	conn->next_in_bucket = conns->free_head;
	conns->free_head = at;
}

static uint32_t take_free(struct conns *conns)
{
	uint32_t at;

	if (conns->free_head == NONE && conns->used < CONNS_MAX)
		return ++conns->used;
	/* The oldest is the newer neighbour of the list's end. */
	if (conns->free_head == NONE)
		conns_remove(conns, conns->array[conns->array[NONE].newer].id);
	at = conns->free_head;
	conns->free_head = conns->array[at].next_in_bucket;
	return at;
}

struct conn *conns_add(struct conns *conns, uint64_t id)
{
	uint32_t *bucket = bucket_of(conns, id);
	struct conn *conn;
	uint32_t at;

	conns_remove(conns, id);
	at = take_free(conns);
	conn = &conns->array[at];
	memset(conn, 0, sizeof(*conn));
	conn->id = id;
	http1_init(&conn->http1);
	conn->next_in_bucket = *bucket;
	*bucket = at;
	link_as_newest(conns, at);
	return conn;
}

void conns_close(struct conns *conns)
{
	if (!conns)
		return;
	while (conns->array[NONE].newer != NONE)
		conns_remove(conns, conns->array[conns->array[NONE].newer].id);
	free(conns->array);
	free(conns);
}
