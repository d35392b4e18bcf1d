/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 12 where callbacks run at once: requests whose turn ended without a call wait for something within the process, such as a connection
 * of a pool. Who waits longest is taken for whoever is given the next one, as long as the answers bear that out.
 */
#include <stdlib.h>

#include "engine/moment.h"

#define LINE_MAX 1024 /* of more the oldest are forgotten: their calls are taken for those of whoever runs. Power of two */

#define FIRST_TICKET (1ull << 32) /* there is room before it, for who goes back to the head of the line; 0 is none */

struct place {
	struct context *request;
	uint64_t ticket;
	uint64_t since_ns;
};

struct line {
	uint64_t first, end; /* tickets of the places in use */
	struct place places[LINE_MAX];
};

/* NULL: the thread is no such loop, or one whose requests go on on other threads too. */
static struct line **line_of(struct thread *thread)
{
	const struct continuations *loop = thread->continuations;
	bool alone = loop && !loop->shared && !thread->carrier;

	return alone && !continuations_defer(loop) && !continuations_collect(loop) ? &thread->line : NULL;
}

static struct place *place_at(struct line *line, uint64_t ticket)
{
	return &line->places[ticket % LINE_MAX];
}

static void drop_first(struct engine *engine, struct line *line)
{
	struct place *place = place_at(line, line->first++);

	if (place->request->line_ticket == place->ticket)
		place->request->line_ticket = 0;
	context_put(engine, place->request);
}

/* Who went on meanwhile, or is answered, waits no more. NULL: nobody waits. */
static struct place *first_place(struct engine *engine, struct line *line)
{
	while (line->first < line->end) {
		struct place *place = place_at(line, line->first);

		if (place->request->line_ticket == place->ticket && context_is_open_request(place->request))
			return place;
		drop_first(engine, line);
	}
	return NULL;
}

static bool may_wait(const struct context *root)
{
	return context_is_open_request(root) && !root->calls_in_flight && !root->connects && !root->line_ticket;
}

void rule_12_turn_ends(struct engine *engine, struct thread *thread, uint64_t at_ns)
{
	struct context *root = context_root(thread->context);
	struct line **line = line_of(thread);

	if (!line || thread->soft || !may_wait(root))
		return;
	if (!*line && !(*line = calloc(1, sizeof(**line))))
		return;
	if (!(*line)->first)
		(*line)->first = (*line)->end = FIRST_TICKET;
	(void)first_place(engine, *line);
	if ((*line)->end - (*line)->first == LINE_MAX)
		drop_first(engine, *line);
	root->line_ticket = (*line)->end;
	*place_at(*line, (*line)->end++) = (struct place){context_get(root), root->line_ticket, at_ns};
}

void rule_12_waits_on(const struct moment *moment, struct context *request)
{
	struct line **line = line_of(moment->thread);

	if (!line || !*line || !may_wait(request) || (*line)->end - (*line)->first == LINE_MAX || (*line)->first == 1)
		return;
	request->line_ticket = --(*line)->first;
	*place_at(*line, (*line)->first) = (struct place){context_get(request), request->line_ticket, request->last_active_ns};
}

struct context *rule_12_next_in_line(const struct moment *moment)
{
	struct line **line = line_of(moment->thread);
	struct place *place = line && *line ? first_place(moment->engine, *line) : NULL;
	struct context *request;

	if (!place)
		return NULL;
	request = context_get(place->request);
	context_add_interval(moment->engine, request,
			     (struct interval){.start_ns = place->since_ns, .end_ns = moment->at_ns, .state = STATE_POOL});
	drop_first(moment->engine, *line);
	return request;
}

void line_close(struct engine *engine, struct line *line)
{
	while (line && line->first < line->end)
		drop_first(engine, line);
	free(line);
}
