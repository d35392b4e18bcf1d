/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests that are over, but of which too few responses have said yet whether the order by which they were told is right (rule 13): they
 * are told once that is decided, or when it has taken too long.
 */
#include "engine/model.h"

#define WITHHELD_NS  1500000000 /* since its last byte: of a loop that serves anybody enough has been said by then */
#define WITHHELD_MAX 1024

static bool is_due(const struct engine *engine, const struct context *request)
{
	return engine->withheld_count > WITHHELD_MAX || request->last_write_ns + WITHHELD_NS < engine->now_ns ||
	       !doubts_are_undecided(request);
}

bool withheld_take(struct engine *engine, struct context *request)
{
	if (request->stream_kind || !doubts_are_undecided(request))
		return false;
	request->next_open = NULL;
	if (engine->withheld)
		engine->withheld_last->next_open = request;
	else
		engine->withheld = request;
	engine->withheld_last = request;
	engine->withheld_count++;
	return true;
}

static void tell_first(struct engine *engine)
{
	struct context *request = engine->withheld;

	engine->withheld = request->next_open;
	engine->withheld_count--;
	request_tell_withheld(engine, request);
}

void withheld_tell_due(struct engine *engine)
{
	while (engine->withheld && is_due(engine, engine->withheld))
		tell_first(engine);
}

void withheld_tell_of(struct engine *engine, const struct proc *proc)
{
	struct context **link = &engine->withheld, *before = NULL, *request;

	while ((request = *link)) {
		if (request->proc != proc) {
			before = request;
			link = &request->next_open;
			continue;
		}
		*link = request->next_open;
		engine->withheld_count--;
		request_tell_withheld(engine, request);
	}
	engine->withheld_last = before;
}

void withheld_tell_all(struct engine *engine)
{
	while (engine->withheld)
		tell_first(engine);
}
