/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 12 where threads run each other's requests: how many stood in the line whom nobody saw come. Each number of them pairs those who
 * came to wait with the segments that began in another way; the responses say which it was.
 */
#include "engine/chains_before.h"

#include <stdlib.h>

#define GRANTS_MAX 512 /* of more the responses have not told in time … */
#define AGAIN_MAX  24  /* … nor of so many since all were paired, when no more were missed either */
#define SAID_MAX   16  /* the latest responses */
#define AGREED_MIN 3   /* so many of them must say the same number, and twice as many as any other */
#define KEPT_MIN   2   /* that it is as it was takes so many, and more than any other */
#define ASKED_MIN  2   /* so many who asked at once, and more than have waited: nobody waits here */
#define LINKS_MAX  32  /* so often one waits at most */

struct chains_before {
	bool again;            /* all were paired before */
	uint64_t count, limit; /* of connections given back; their numbers begin at 1 */
	struct grant grants[GRANTS_MAX + 1];
	uint64_t said_count, asked_count;
	uint64_t said[SAID_MAX]; /* whose responses have come: their first places */
	/* When a response has come: the how manieth each of those is who have waited, 0: none of them; and where the how manieth is. */
	uint64_t wait_count;
	uint32_t ranks[WAITS_MAX];
	uint64_t tickets[WAITS_MAX + 1];
};

void chains_before_begin(struct chains *chains)
{
	if (!chains->before && (chains->before = calloc(1, sizeof(*chains->before))))
		chains->before->limit = GRANTS_MAX;
}

static void take_out(struct engine *engine, struct chains_before *before, uint64_t number)
{
	context_put(engine, before->grants[number].begun);
	for (; number < before->count; number++)
		before->grants[number] = before->grants[number + 1];
	before->grants[before->count--] = (struct grant){0};
}

void chains_before_again(struct engine *engine, struct chains *chains)
{
	struct chains_before *before;

	chains_before_begin(chains);
	if (!(before = chains->before))
		return;
	before->again = true;
	for (uint64_t ticket = chains->first; ticket < chains->end; ticket++) {
		struct grant *grant = &wait_at(chains, ticket)->grant;

		if (!grant->begun && !grant->tid)
			continue;
		if (before->count == GRANTS_MAX)
			take_out(engine, before, 1); /* no response has named it for long */
		before->grants[++before->count] = *grant;
		*grant = (struct grant){0};
	}
	before->limit = before->count + AGAIN_MAX < GRANTS_MAX ? before->count + AGAIN_MAX : GRANTS_MAX;
}

void chains_before_lets_go_on(struct chains *chains, uint32_t tid)
{
	struct chains_before *before = chains->before;

	for (uint64_t number = 1; number <= before->count; number++)
		before->grants[number].queued |= before->grants[number].tid == tid;
}

void chains_before_released(struct chains *chains, uint32_t tid)
{
	struct chains_before *before = chains->before;

	if (before->count < before->limit)
		before->grants[++before->count].tid = tid;
}

/* 0: none. */
static uint64_t next_number(const struct chains_before *before, uint32_t tid)
{
	struct next_grant next = {0};

	for (uint64_t number = 1; number <= before->count; number++)
		next_grant_look(&next, &before->grants[number], number, tid);
	return next_grant_place(&next);
}

void chains_before_begun(struct engine *engine, struct chains *chains, uint32_t tid, struct context *segment)
{
	struct chains_before *before = chains->before;
	uint64_t number = next_number(before, tid);

	segment->handed = 0;
	segment->given = GIVEN_TO_ANY;
	if (!number && before->count >= before->limit) {
		chains_before_end(engine, chains);
		return;
	}
	if (!number)
		before->grants[number = ++before->count].tid = tid;
	before->grants[number].begun = context_get(segment);
}

/* ---- how many there were ------------------------------------------------------------------------------------------------------------- */

/* Did it wait there, and has not gone on in another way? */
static bool counts(struct chains *chains, uint64_t ticket)
{
	const struct wait *wait = wait_of(chains, ticket);

	return wait && (wait->said || context_root(wait->context)->line_ticket == ticket);
}

static void rank(struct chains *chains)
{
	struct chains_before *before = chains->before;

	before->wait_count = 0;
	for (uint64_t ticket = chains->first; ticket < chains->end; ticket++) {
		bool waits = counts(chains, ticket);

		if (waits)
			before->tickets[++before->wait_count] = ticket;
		before->ranks[ticket % WAITS_MAX] = waits ? (uint32_t)before->wait_count : 0;
	}
}

/* Where it waits again. 0: it does not, or has been answered. */
static uint64_t waits_again(const struct context *segment)
{
	return segment && !segment->bound_to ? segment->line_ticket : 0;
}

/* Did who waited there go on so that it was answered, if so many had waited before? */
static bool bears_out(struct chains *chains, uint64_t ticket, int64_t unknown)
{
	struct chains_before *before = chains->before;
	int64_t said = (int64_t)wait_at(chains, ticket)->said;

	for (uint32_t i = 0; i < LINKS_MAX && counts(chains, ticket); i++) {
		int64_t number = before->ranks[ticket % WAITS_MAX] + unknown;

		if (number >= said || number < 1)
			return number == said;
		ticket = waits_again(before->grants[number].begun);
	}
	return false;
}

/* False: the responses do not agree, or are too few. */
static bool find_unknown(struct chains *chains, int64_t *unknown)
{
	struct chains_before *before = chains->before;
	uint64_t count = before->said_count < SAID_MAX ? before->said_count : SAID_MAX;
	uint32_t most = 0, second = 0;
	int64_t first, last;

	*unknown = 0;
	rank(chains);
	first = before->again ? -NEAR : -(int64_t)before->wait_count;
	last = before->again ? NEAR : (int64_t)before->count;
	for (int64_t number = first; number <= last; number++) {
		uint32_t votes = 0;

		for (uint64_t i = 0; i < count; i++)
			votes += bears_out(chains, before->said[i], number);
		if (votes > most) {
			second = most;
			most = votes;
			*unknown = number;
		} else if (votes > second) {
			second = votes;
		}
	}
	if (before->again && !*unknown && most >= KEPT_MIN && most > second)
		return true;
	return most >= AGREED_MIN && most >= 2 * second;
}

/* ---- when that is known -------------------------------------------------------------------------------------------------------------- */

/* Where that was given back which has this number. 0: to nobody who is known. */
static uint64_t ticket_of(const struct chains_before *before, uint64_t number, int64_t unknown)
{
	int64_t rank = (int64_t)number - unknown;

	return rank >= 1 && rank <= (int64_t)before->wait_count ? before->tickets[rank] : 0;
}

/* Everybody gets what was given back in its turn. */
static void pair(struct chains *chains, int64_t unknown)
{
	struct chains_before *before = chains->before;

	for (uint64_t i = 1; i <= before->wait_count; i++) {
		struct wait *wait = wait_at(chains, before->tickets[i]);

		if (wait->said && !(wait->said = ticket_of(before, wait->said, unknown)))
			wait->said = chains->end; /* nowhere */
	}
	for (uint64_t number = 1; number <= before->count; number++) {
		struct grant *grant = &before->grants[number];
		uint64_t ticket = ticket_of(before, number, unknown);

		if (!ticket)
			continue;
		wait_at(chains, ticket)->grant = *grant;
		if (grant->begun)
			grant->begun->handed = ticket;
		*grant = (struct grant){0};
	}
}

static void let_go(struct engine *engine, struct chains *chains)
{
	for (uint64_t number = 1; number <= chains->before->count; number++)
		context_put(engine, chains->before->grants[number].begun);
	free(chains->before);
	chains->before = NULL;
}

/* It has been answered: what it did between is its. */
static void give_to_answered(struct engine *engine, struct chains *chains, uint64_t ticket)
{
	struct context *request = wait_at(chains, ticket)->context;
	uint64_t last = wait_at(chains, ticket)->said, path[LINKS_MAX];
	uint32_t count = 0;

	for (uint64_t at = ticket; count < LINKS_MAX && counts(chains, at) && (count == 0 || path[count - 1] != last);
	     at = waits_again(wait_at(chains, at)->grant.begun))
		path[count++] = at;
	if (path[count - 1] != last) {
		chains_forget(engine, chains, ticket);
		return;
	}
	for (uint32_t i = 0; i < count; i++) {
		const struct wait *wait = wait_at(chains, path[i]);

		if (request->closed)
			break;
		context_add_wait(engine, request, wait->since_ns, wait->grant.begun->begun_ns, STATE_POOL);
		if (i + 1 < count) /* the last one the response has named */
			context_bind(engine, wait->grant.begun, request);
	}
	request->unlinked = false;
	context_get(request);
	while (count--)
		chains_forget(engine, chains, path[count]);
	context_put(engine, request);
}

static void settle(struct engine *engine, struct chains *chains, int64_t unknown)
{
	pair(chains, unknown);
	/* Whom those behind it have passed by has only seemed to wait. */
	for (int64_t i = 1; i <= -unknown && i <= (int64_t)chains->before->wait_count; i++)
		chains_forget(engine, chains, chains->before->tickets[i]);
	chains->waiting = chains->first;
	for (uint64_t ticket = chains->first; ticket < chains->end; ticket++) {
		if (wait_of(chains, ticket) && wait_at(chains, ticket)->said)
			give_to_answered(engine, chains, ticket);
		else if (wait_of(chains, ticket) && !counts(chains, ticket))
			chains_forget(engine, chains, ticket);
	}
	chains->astray = 0;
	let_go(engine, chains);
}

static void forget_all(struct engine *engine, struct chains *chains)
{
	for (uint64_t ticket = chains->first; ticket < chains->end; ticket++)
		if (wait_of(chains, ticket))
			chains_forget(engine, chains, ticket);
	let_go(engine, chains);
}

/* Whoever the thread worked for has asked itself. */
static void nobody_waits(struct engine *engine, struct chains *chains)
{
	struct chains_before *before = chains->before;

	for (uint64_t number = 1; number <= before->count; number++) {
		struct context *begun = before->grants[number].begun, *asked = begun ? context_root(begun->instead) : NULL;

		if (asked && !begun->bound_to && (!asked->is_request || context_is_open_request(asked)))
			context_bind(engine, begun, asked);
	}
	forget_all(engine, chains);
}

void chains_before_left_idle(struct engine *engine, struct chains *chains)
{
	if (chains->before && !chains->before->again)
		nobody_waits(engine, chains);
}

/* 0: it did not begin so; as nothing did, if there was no memory for what the thread works for. */
static uint64_t number_of(const struct chains_before *before, const struct context *segment)
{
	for (uint64_t number = segment ? before->count : 0; number; number--)
		if (before->grants[number].begun == segment)
			return number;
	return 0;
}

/* It has waited once, and so has who would have been given this, who stood near: two were taken for each other, if for any. */
static bool is_near(struct chains *chains, uint64_t ticket, uint64_t number)
{
	struct chains_before *before = chains->before;
	uint64_t own, near;

	rank(chains);
	own = before->ranks[ticket % WAITS_MAX];
	near = own > number ? own - number : number - own;
	return before->again && near <= NEAR && number <= before->wait_count &&
	       context_root(wait_at(chains, before->tickets[number])->context)->is_request && own <= before->count &&
	       !waits_again(before->grants[own].begun);
}

/* It has not waited at all: what it was answered by began with a connection that it took itself. */
static void asked_at_once(struct engine *engine, struct chains *chains, uint64_t number, struct context *request)
{
	struct chains_before *before = chains->before;

	take_out(engine, before, number);
	chains_forget(engine, chains, request->line_ticket);
	for (uint64_t ticket = chains->first; ticket < chains->end; ticket++)
		wait_at(chains, ticket)->said -= wait_at(chains, ticket)->said > number;
	if (++before->asked_count >= ASKED_MIN && before->asked_count > before->said_count)
		nobody_waits(engine, chains);
}

void chains_before_answered(struct engine *engine, struct chains *chains, struct context *segment, struct context *request)
{
	struct chains_before *before = chains->before;
	uint64_t number = number_of(before, segment);
	int64_t unknown;
	struct wait *wait = wait_of(chains, request->line_ticket);

	if (!wait)
		return;
	if (!number) {
		chains_forget(engine, chains, request->line_ticket);
		return;
	}
	if (context_root(segment->instead) == request) {
		asked_at_once(engine, chains, number, request);
		return;
	}
	request->unlinked = !is_near(chains, request->line_ticket, number); /* what it did between two waits nobody knows yet */
	wait->said = number;
	before->said[before->said_count++ % SAID_MAX] = request->line_ticket;
	if (find_unknown(chains, &unknown))
		settle(engine, chains, unknown);
}

void chains_before_end(struct engine *engine, struct chains *chains)
{
	if (!chains->before)
		return;
	rank(chains);
	if (chains->before->again) {
		settle(engine, chains, 0);
		return;
	}
	forget_all(engine, chains);
}
