/* SPDX-License-Identifier: BSD-2-Clause */
#include "engine/handoffs.h"

#include <stdlib.h>

void handoffs_drop_first(struct engine *engine, struct handoffs *handoffs)
{
	context_put(engine, handoffs_first(handoffs)->context);
	handoffs->first = (handoffs->first + 1) % HANDOFFS_MAX;
	handoffs->count--;
}

void handoffs_forget_ahead(struct engine *engine, struct handoffs *handoffs)
{
	context_put(engine, handoffs->ahead);
	handoffs->ahead = NULL;
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
	free(handoffs);
	conn->handoffs = NULL;
}

struct handoffs *handoffs_of(struct conn *conn)
{
	if (!conn->handoffs)
		conn->handoffs = calloc(1, sizeof(*conn->handoffs));
	return conn->handoffs;
}

void handoffs_push(struct engine *engine, struct handoffs *handoffs, struct handoff handoff)
{
	if (handoffs->count == HANDOFFS_MAX) {
		handoffs->forgotten_bytes += handoffs_first(handoffs)->bytes_left;
		handoffs->forgotten_ns = handoffs_first(handoffs)->sent_ns;
		handoffs_drop_first(engine, handoffs);
	}
	context_get(handoff.context);
	handoffs->queue[(handoffs->first + handoffs->count++) % HANDOFFS_MAX] = handoff;
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
