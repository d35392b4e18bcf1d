/* SPDX-License-Identifier: BSD-2-Clause */
#include "engine/handoffs.h"

#include <stdlib.h>

void handoffs_drop_first(struct engine *engine, struct handoffs *handoffs)
{
	context_put(engine, handoffs_first(handoffs)->context);
	handoffs->first = (handoffs->first + 1) % handoffs->capacity;
	handoffs->count--;
}

void handoffs_forget_ahead(struct engine *engine, struct handoffs *handoffs)
{
	context_hold(engine, &handoffs->ahead, NULL);
	handoffs->ahead_bytes = 0;
}

void handoffs_forget(struct engine *engine, struct conn *conn)
{
	struct handoffs *handoffs = conn->handoffs;

	if (!handoffs)
		return;
	while (handoffs->count)
		handoffs_drop_first(engine, handoffs);
	handoffs_forget_ahead(engine, handoffs);
	free(handoffs->queue);
	free(handoffs);
	conn->handoffs = NULL;
}

struct handoffs *handoffs_of(struct conn *conn)
{
	if (!conn->handoffs)
		conn->handoffs = calloc(1, sizeof(*conn->handoffs));
	return conn->handoffs;
}

#define CAPACITY_MIN 2

/* False: it is as long as it may be, or there is no memory. */
static bool grow(struct handoffs *handoffs)
{
	uint32_t capacity = handoffs->capacity ? handoffs->capacity * 2 : CAPACITY_MIN;
	struct handoff *queue = capacity <= HANDOFFS_MAX ? malloc(capacity * sizeof(*queue)) : NULL;

	if (!queue)
		return false;
	for (uint32_t i = 0; i < handoffs->count; i++)
		queue[i] = handoffs->queue[(handoffs->first + i) % handoffs->capacity];
	free(handoffs->queue);
	handoffs->queue = queue;
	handoffs->capacity = capacity;
	handoffs->first = 0;
	return true;
}

static void forget(struct engine *engine, struct handoffs *handoffs, const struct handoff *handoff)
{
	handoffs->forgotten_bytes += handoff->bytes_left;
	handoffs->forgotten_ns = handoff->sent_ns;
	if (handoffs->count)
		handoffs_drop_first(engine, handoffs);
}

void handoffs_push(struct engine *engine, struct handoffs *handoffs, struct handoff handoff)
{
	if (handoffs->count == handoffs->capacity && !grow(handoffs))
		forget(engine, handoffs, handoffs->count ? handoffs_first(handoffs) : &handoff);
	if (!handoffs->capacity)
		return;
	context_get(handoff.context);
	handoffs->queue[(handoffs->first + handoffs->count++) % handoffs->capacity] = handoff;
}

struct context *handoffs_pop_open(struct engine *engine, struct handoffs *handoffs)
{
	struct context *context = NULL;

	while (handoffs->count && !context) {
		if (context_is_open_request(context_root(handoffs_first(handoffs)->context)))
			context = context_get(handoffs_first(handoffs)->context);
		handoffs_drop_first(engine, handoffs);
	}
	return context;
}
