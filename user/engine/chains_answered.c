/* SPDX-License-Identifier: BSD-2-Clause */
/* Rule 12 where threads run each other's requests: a response names the last segment of a chain. */
#include "engine/chains.h"

#include <stdlib.h>

#include "engine/chains_before.h"
#include "engine/chains_places.h"
#include "engine/chains_search.h"
#include "engine/rules_loop.h"

#define CHAIN_MAX    64 /* longer ones are not followed */
#define ASTRAY       3  /* so much weighs a response that contradicts the line, against one that bears it out */
#define ASTRAY_DOUBT 6  /* two in a row: who has waited more than once is in doubt */
#define ASTRAY_MIN   24 /* the line has lost its place */
#define ASTRAY_MAX   32
#define SURE_APART   1 /* of several links: if they lie so far apart there may be others */
#define SHIFTS_MIN   3 /* so many responses in a row must tell the same */
#define PASSED_MAX   2 /* whom so many have passed by does not go on yet: it has only seemed to wait */

/* A chain's places. */
struct path {
	uint64_t tickets[CHAIN_MAX];
	uint32_t count;
};

/* Nobody goes on before it waits. */
static bool may_be_of(const struct wait *wait, const struct context *begun)
{
	return wait->since_ns <= begun->begun_ns;
}

/* From the segment back to what its chain began with, which is returned. */
static struct context *path_back(struct chains *chains, struct context *segment, struct path *path)
{
	struct wait *wait;

	while (!segment->is_request && segment->given == GIVEN_TO_ANY && path->count < CHAIN_MAX &&
	       (wait = wait_of(chains, segment->handed)) && context_root(wait->grant.begun) == segment && may_be_of(wait, segment)) {
		path->tickets[path->count++] = segment->handed;
		segment = context_root(wait->context);
	}
	return segment;
}

/* From the request on. */
static void path_on(struct chains *chains, struct context *request, struct path *path)
{
	struct context *root = request;
	struct wait *wait;

	while (root && path->count < CHAIN_MAX && (wait = wait_of(chains, root->line_ticket))) {
		path->tickets[path->count++] = root->line_ticket;
		root = context_root(wait->grant.begun);
	}
}

/* Where two paths may have been taken for each other: the nearest such places, and how far apart they and the second nearest ones are. */
struct crossing {
	uint64_t from, to, away, second_away;
};

static struct crossing find_crossing(struct chains *chains, const struct path *back, const struct path *on)
{
	struct crossing crossing = {.away = UINT64_MAX, .second_away = UINT64_MAX};

	for (uint32_t i = 0; i < back->count; i++)
		for (uint32_t j = 0; j < on->count; j++) {
			uint64_t from = back->tickets[i], to = on->tickets[j], away = from > to ? from - to : to - from;

			if (!may_be_of(wait_at(chains, to), context_root(wait_at(chains, from)->grant.begun)))
				continue;
			if (away < crossing.away)
				crossing = (struct crossing){from, to, away, crossing.away};
			else if (away < crossing.second_away)
				crossing.second_away = away;
		}
	return crossing;
}

/* A line that has lost its place is contradicted by most responses, one that has not by one in ten. */
static void note_order(struct chains *chains, bool borne_out)
{
	if (borne_out)
		chains->astray -= chains->astray != 0;
	else
		chains->astray = chains->astray + ASTRAY < ASTRAY_MAX ? chains->astray + ASTRAY : ASTRAY_MAX;
}

/* All of the chain is the request's. */
static void bind_chain(const struct moment *moment, struct chains *chains, struct context *last, struct context *request)
{
	struct path path = {0};

	request->ambiguous |= path_back(chains, last, &path) != request;
	request->ambiguous |= path.count > 1 && (chains->astray >= ASTRAY_DOUBT || !doubts_mostly_right(moment->thread->proc, DOUBT_LINE));
	for (uint32_t i = path.count; i-- > 0;) {
		struct wait *wait = wait_at(chains, path.tickets[i]);
		struct context *begun = context_root(wait->grant.begun);

		context_add_interval(moment->engine, request,
				     (struct interval){.start_ns = wait->since_ns, .end_ns = begun->begun_ns, .state = STATE_POOL});
		if (begun != last)
			context_bind(moment->engine, begun, request);
		chains_forget(moment->engine, chains, path.tickets[i]);
	}
}

/* One behind it was in its place since: whatever was wrong here, the others have theirs. */
static bool is_settled(const struct chains *chains, uint64_t ticket)
{
	return chains->told > ticket;
}

/* Another one has gone on in its place. */
static void pass_by(struct chains *chains, uint64_t ticket)
{
	struct wait *wait = wait_at(chains, ticket);

	if (++wait->passed < PASSED_MAX || is_settled(chains, ticket))
		return;
	wait = wait_at(chains, chains_put_behind(chains, ticket));
	wait->passed = 0;
	wait->put_behind = true;
}

/* It did not wait for a connection: what was given for it was another one's. */
static void waits_no_more(struct engine *engine, struct chains *chains, uint64_t ticket)
{
	uint32_t tid;

	if (is_settled(chains, ticket)) {
		chains_forget(engine, chains, ticket);
		return;
	}
	ticket = chains_put_behind(chains, ticket);
	tid = wait_at(chains, ticket)->grant.begun || chains->before ? 0 : wait_at(chains, ticket)->grant.tid;
	chains_forget(engine, chains, ticket);
	if (tid)
		chains_give(chains, tid);
}

/* A response names the last segment of a chain. */
struct naming {
	struct context *segment, *began, *request; /* that segment, what its chain began with, and who is answered */
	struct path back;
	bool kept; /* who had the connection has gone on with it, and nobody was given it */
};

/* The chain ends with this request, but began with another one. False: where they were taken for each other nobody knows. */
static bool mend(const struct moment *moment, struct chains *chains, const struct naming *naming)
{
	const struct path *back = &naming->back;
	struct path on = {0};
	struct crossing crossing;
	bool sure;

	if (!naming->began->is_request && naming->began->given == GIVEN_NOT && still_waits(chains, naming->request->line_ticket))
		waits_no_more(moment->engine, chains, naming->request->line_ticket); /* it only seemed to wait there */
	path_on(chains, naming->request, &on);
	crossing = find_crossing(chains, back, &on);
	if (naming->kept && back->count && on.count)
		crossing = (struct crossing){.from = back->tickets[0], .to = on.tickets[0], .second_away = UINT64_MAX};
	if (crossing.away == UINT64_MAX)
		return false;
	chains_exchange(chains, crossing.from, crossing.to);
	sure = crossing.away <= NEAR &&
	       (back->count + on.count == 2 || (crossing.second_away >= crossing.away + NEAR &&
						!wait_at(chains, crossing.from)->put_behind && !wait_at(chains, crossing.to)->put_behind));
	if (!naming->kept)
		doubts_vote(moment->thread->proc, DOUBT_LINE, crossing.away <= NEAR);
	if (!sure) {
		naming->request->ambiguous = true;
		naming->began->ambiguous |= back->count + on.count > 2; /* else it has only lost what it never had */
	}
	bind_chain(moment, chains, naming->segment, naming->request);
	if (crossing.to > crossing.from)
		pass_by(chains, crossing.to); /* not before: whoever is behind it in the chain keeps its place until then */
	return true;
}

/*
 * What it went on with stood so many places behind where it had come to wait. If several responses in a row say the like, so many more, or
 * fewer, have come to wait than were seen, since the latest that was in its place: all behind that are moved.
 */
static void note_shift(struct engine *engine, struct chains *chains, uint64_t from, uint64_t to)
{
	int64_t shift = (int64_t)(from - to);
	bool alike = shift > 0 ? chains->shift > 0 : shift < 0 && chains->shift < 0;

	if (!shift && chains->told < from)
		chains->told = from;
	chains->shifted_times = alike ? chains->shifted_times + 1 : 1;
	if (!alike || llabs(shift) < llabs(chains->shift))
		chains->shift = shift;
	if (!shift || chains->shifted_times < SHIFTS_MIN)
		return;
	for (; chains->shift > 0; chains->shift--)
		chains_give_earlier(engine, chains, chains->told);
	for (; chains->shift < 0; chains->shift++)
		chains_give_later(engine, chains, chains->told);
}

/* Of one that has waited once nothing else can be another one's. */
static bool is_in_doubt(const struct chain *chain)
{
	return chain->apart > NEAR || (chain->count > 1 && (chain->found > 1 || chain->apart > SURE_APART));
}

/* Several were taken for each other at once: the places that lie least apart say who. */
static bool mend_all(const struct moment *moment, struct chains *chains, const struct naming *naming)
{
	struct chain chain;

	if (naming->kept || !chains_search(chains, naming->segment, naming->request, &chain))
		return false;
	chains_put_right(chains, naming->segment, &chain);
	doubts_vote(moment->thread->proc, DOUBT_LINE, chain.apart <= NEAR);
	note_order(chains, chain.apart <= NEAR);
	if (is_in_doubt(&chain)) {
		naming->request->ambiguous = true;
		naming->began->ambiguous = naming->began->ambiguous || (chain.found > 1 && chain.count + naming->back.count > 2);
	}
	bind_chain(moment, chains, naming->segment, naming->request);
	note_shift(moment->engine, chains, chain.from, chain.to);
	return true;
}

static void cannot_mend(const struct moment *moment, struct chains *chains, const struct naming *naming)
{
	struct context *segment = naming->segment, *began = naming->began, *request = naming->request;

	request->ambiguous = true;
	/* Nobody saw either come to wait: it asked when it was not known yet that its thread is a loop, or had been held up before. */
	if (!began->is_request && !wait_of(chains, request->line_ticket)) {
		if (began != segment)
			context_bind(moment->engine, began, request);
		bind_chain(moment, chains, segment, request);
		return;
	}
	began->ambiguous |= naming->back.count > 1; /* else it has only lost what it never had */
	if (wait_of(chains, segment->handed) && is_settled(chains, segment->handed))
		chains_forget(moment->engine, chains, segment->handed);
	else if (wait_of(chains, segment->handed))
		chains_take_out(moment->engine, chains, segment->handed);
}

static void named(const struct moment *moment, struct chains *chains, struct context *segment, struct context *request)
{
	struct naming naming = {.segment = segment, .request = request, .kept = context_root(segment->instead) == request};

	naming.began = path_back(chains, segment, &naming.back);
	doubts_vote_given(moment->thread->proc, GIVEN_TO_ANY, !naming.kept);
	if (!naming.kept && naming.began == request)
		note_order(chains, true);
	if (naming.began == request) {
		doubts_vote(moment->thread->proc, DOUBT_LINE, true);
		if (naming.back.count)
			note_shift(moment->engine, chains, naming.back.tickets[0], naming.back.tickets[0]);
		bind_chain(moment, chains, segment, request);
	} else if (!mend_all(moment, chains, &naming)) {
		if (!naming.kept)
			note_order(chains, false);
		if (!mend(moment, chains, &naming))
			cannot_mend(moment, chains, &naming);
	}
	if (chains->astray >= ASTRAY_MIN)
		chains_before_again(moment->engine, chains);
}

bool chains_waits_nowhere(struct engine *engine, struct context *request)
{
	struct chains *chains = request->proc->chains;

	if (!chains || !wait_of(chains, request->line_ticket))
		return true;
	if (!still_waits(chains, request->line_ticket))
		return false;
	waits_no_more(engine, chains, request->line_ticket);
	return true;
}

/* Where the chain of who waits has come to. *waits_again: where it waits again; NULL: it does not. */
static struct context *end_of_chain(struct chains *chains, struct context *request, struct wait **waits_again)
{
	struct path path = {0};
	struct wait *last;

	path_on(chains, request, &path);
	last = wait_at(chains, path.tickets[path.count - 1]);
	*waits_again = last->grant.begun ? NULL : last;
	return context_root(last->grant.begun ? last->grant.begun : last->context);
}

/*
 * It is answered by nothing that began with a connection; but what its chain ends with waits for no answer. So that has gone on: it only
 * seemed to wait, as it was held up, or it has moved to this thread. False: its chain is another one's.
 */
static bool goes_on_by_itself(const struct moment *moment, struct chains *chains, struct context *request)
{
	const struct score *given = &moment->thread->proc->given[GIVEN_TO_ANY];
	struct wait *waits_again;
	struct context *last = end_of_chain(chains, request, &waits_again);

	if (!thread_runs_untold_go(moment->thread) || given->wrong > given->right || last == request || context_awaits_peer(last))
		return false;
	context_get(last);
	if (waits_again)
		chains_forget(moment->engine, chains, last->line_ticket);
	request->ambiguous |= chains->astray != 0;
	bind_chain(moment, chains, last, request);
	context_bind(moment->engine, last, request);
	context_put(moment->engine, last);
	return true;
}

void chains_answered(const struct moment *moment, struct context *request)
{
	struct chains *chains = moment->thread->proc->chains;
	struct context *segment = context_root(moment->thread->context);

	if (!chains)
		return;
	if (chains->before) {
		chains_before_answered(moment->engine, chains, segment, request);
		return;
	}
	if (context_is_segment(segment) && segment->given == GIVEN_TO_ANY && segment->begun_ns >= request->start_ns)
		named(moment, chains, segment, request);
	else if (wait_of(chains, request->line_ticket) && goes_on_by_itself(moment, chains, request))
		return;
	if (!chains->before && wait_of(chains, request->line_ticket))
		waits_no_more(moment->engine, chains, request->line_ticket);
}
