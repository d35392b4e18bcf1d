/* SPDX-License-Identifier: BSD-2-Clause */
#include "engine/pool_ahead_places.h"

#include <string.h>

#include "engine/rules_loop.h"

#define FAR               8  /* no farther from its place is anybody looked for */
#define APART_MAX         3  /* of a chain: so many places, taken together, may its links lie apart */
#define LINKS_MAX         16 /* longer chains are not followed */
#define ASTRAY_MIN        4  /* so many responses in a row of whom no chain leads back: how many had come before is learnt anew */
#define SHIFTS_MIN        2  /* so many responses in a row must tell the same */
#define RIGHT_PER_WRONG   4  /* then the order tells of a step of nobody's whose it is */
#define RIGHT_PER_MISTAKE 2
#define VOTES_MAX         64
#define UNTOLD_NS         1000000000 /* who was woken so long ago is forgotten, if nothing that has gone on there is in course */
#define NOWHERE           UINT32_MAX

/* Whose it is taken to be. NULL: nobody's who is known. */
static struct context *owner_of(struct context *began)
{
	struct context *root = began && !began->is_request ? context_root(began->hint) : began;

	return root && root->is_request ? root : NULL;
}

/* ---- the two sequences --------------------------------------------------------------------------------------------------------------- */

static void remove_wait(struct engine *engine, struct pool_ahead *pool, uint32_t at)
{
	struct context *context = pool->waits[at].context;

	pool->wait_count--;
	memmove(&pool->waits[at], &pool->waits[at + 1], (pool->wait_count - at) * sizeof(pool->waits[0]));
	context_put(engine, context);
}

static void remove_first_wake(struct engine *engine, struct pool_ahead *pool)
{
	struct context *begun = pool->wakes[0].begun;

	pool->wake_count--;
	memmove(&pool->wakes[0], &pool->wakes[1], pool->wake_count * sizeof(pool->wakes[0]));
	context_put(engine, begun);
}

/* Both together, as they pair in order. If it is not known yet whose wait that was, nothing leads back to it any more. */
static void remove_first(struct engine *engine, struct pool_ahead *pool)
{
	struct context *request = pool->waits[0].told ? NULL : owner_of(context_root(pool->waits[0].context));

	if (context_is_open_request(request))
		request->ambiguous = true;
	remove_wait(engine, pool, 0);
	if (pool->wake_count)
		remove_first_wake(engine, pool);
	else
		pool->aligned = false; /* who is woken next had come behind that one */
}

/* A response to what has gone on there is still to come: it asks, or has run not long ago. */
static bool is_awaited(const struct engine *engine, const struct pool_wake *wake)
{
	const struct context *begun = context_root(wake->begun);

	return context_is_segment(begun) && begun->handed == wake->number && begun->refs > 1 &&
	       (begun->calls_in_flight || begun->last_active_ns + UNTOLD_NS > engine->now_ns);
}

/* Those in front whom responses have named, or of whom none has told for long. */
static void drop_over(struct engine *engine, struct pool_ahead *pool)
{
	while (pool->wake_count && pool->wait_count) {
		const struct pool_wake *wake = &pool->wakes[0];
		bool old = wake->at_ns + UNTOLD_NS <= engine->now_ns && !is_awaited(engine, wake);

		if (!old && !(wake->told && pool->waits[0].told))
			return;
		remove_first(engine, pool);
	}
}

static void make_room(struct engine *engine, struct pool_ahead *pool)
{
	while (pool->wait_count >= WAITS_KEPT - FAR) {
		bool waits = context_is_open_request(owner_of(context_root(pool->waits[0].context)));

		waits |= !pool->wake_count || is_awaited(engine, &pool->wakes[0]);
		engine->losses.waiters += waits && !pool->waits[0].told;
		remove_first(engine, pool);
	}
}

static void insert_wait(struct pool_ahead *pool, uint32_t at, struct pool_wait wait)
{
	memmove(&pool->waits[at + 1], &pool->waits[at], (pool->wait_count - at) * sizeof(pool->waits[0]));
	pool->waits[at] = wait;
	pool->wait_count++;
	context_get(wait.context);
}

void places_add(struct engine *engine, struct pool_ahead *pool, struct pool_wait wait)
{
	uint32_t at;

	make_room(engine, pool);
	at = pool->wait_count;
	while (at > 0 && pool->waits[at - 1].since_ns > wait.since_ns)
		at--;
	insert_wait(pool, at, wait);
}

void places_wake(struct pool_ahead *pool, uint64_t at_ns)
{
	if (pool->wake_count < pool->wait_count)
		pool->wakes[pool->wake_count++] = (struct pool_wake){.number = pool->next_number++, .at_ns = at_ns};
}

/* They are numbered in their order, from 1. */
static uint32_t place_of(const struct pool_ahead *pool, uint64_t number)
{
	uint64_t first = pool->wake_count ? pool->wakes[0].number : 0;

	return pool->wake_count && number >= first && number - first < pool->wake_count ? (uint32_t)(number - first) : NOWHERE;
}

/* ---- chains -------------------------------------------------------------------------------------------------------------------------- */

struct link {
	uint32_t wake, wait; /* places: who was woken there had come to wait there */
};

struct chain {
	uint32_t count, apart;
	struct link links[LINKS_MAX];
	struct context *began;
};

struct search {
	const struct pool_ahead *pool;
	const struct context *request;
	bool nobodys;         /* … or else to a step of nobody's: the request's own was not seen to come to wait */
	uint32_t first_apart; /* so far apart may the latest link lie */
	uint32_t found;       /* chains that lead back to the request */
	struct chain chain, best;
};

static void search_from(struct search *search, uint32_t wake, uint32_t apart_left);

/* A step that nobody was expected in, and that began after the request had come. */
static bool may_be_its(const struct context *root, const struct context *request)
{
	return !root->is_request && !root->hint && !root->handed && root->begun_ns >= request->start_ns;
}

/* Was whoever came to wait there woken as this one? */
static void search_at(struct search *search, uint32_t wake, uint32_t wait, uint32_t apart_left)
{
	const struct pool_ahead *pool = search->pool;
	const struct pool_wait *waited = &pool->waits[wait];
	struct context *root = context_root(waited->context);
	struct chain *chain = &search->chain;
	uint64_t before = root && !root->is_request ? root->handed : waited->again_of;
	uint32_t next;

	if (waited->told || waited->since_ns > pool->wakes[wake].at_ns || chain->count == LINKS_MAX)
		return;
	chain->links[chain->count++] = (struct link){wake, wait};
	chain->began = root;
	if (root && (owner_of(root) == search->request || (search->nobodys && may_be_its(root, search->request)))) {
		if (!search->found++)
			search->best = *chain;
	} else if ((next = place_of(pool, before)) != NOWHERE && !pool->wakes[next].told && next < wake) {
		search_from(search, next, apart_left);
	}
	chain->count--;
}

static void search_from(struct search *search, uint32_t wake, uint32_t apart_left)
{
	uint32_t most = search->chain.count ? apart_left : search->first_apart;

	for (uint32_t apart = 0; apart <= most; apart++) {
		uint32_t left = apart < apart_left ? apart_left - apart : 0;

		search->chain.apart += apart;
		if (wake + apart < search->pool->wait_count)
			search_at(search, wake, wake + apart, left);
		if (apart && wake >= apart && wake - apart < search->pool->wait_count)
			search_at(search, wake, wake - apart, left);
		search->chain.apart -= apart;
	}
}

/* The chain of those whose links lie least apart. False: none leads to the request. */
static bool find_chain(const struct pool_ahead *pool, uint32_t wake, const struct context *request, struct search *search)
{
	for (uint32_t apart = 0; apart <= APART_MAX; apart++) {
		*search = (struct search){.pool = pool, .request = request, .first_apart = apart};
		search_from(search, wake, apart);
		if (search->found)
			return true;
	}
	*search = (struct search){.pool = pool, .request = request, .first_apart = FAR};
	search_from(search, wake, 0);
	if (search->found)
		return true;
	*search = (struct search){.pool = pool, .request = request, .nobodys = true};
	search_from(search, wake, 0);
	return search->found;
}

static uint32_t count_gone_on(const struct pool_ahead *pool, const struct chain *chain)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < chain->count; i++)
		count += pool->wakes[chain->links[i].wake].begun != NULL;
	return count;
}

/* All of the chain is the request's. */
static void bind_chain(const struct moment *moment, struct pool_ahead *pool, const struct chain *chain, struct context *segment,
		       struct context *request)
{
	struct context *began = chain->began;
	uint64_t since_ns = 0;

	for (uint32_t i = chain->count; i-- > 0;) {
		struct pool_wait *wait = &pool->waits[chain->links[i].wait];
		struct pool_wake *wake = &pool->wakes[chain->links[i].wake];
		struct context *begun = context_root(wake->begun);

		if (wait->context)
			since_ns = wait->since_ns;
		if (begun)
			context_add_wait(moment->engine, request, since_ns, begun->begun_ns, STATE_POOL);
		if (begun && begun != segment)
			context_bind(moment->engine, begun, request);
		wait->told = wake->told = true;
	}
	if (began && !began->is_request && began != segment) {
		links_bind(moment->engine, began, request);
		hint_at(moment->engine, began, NULL);
		context_bind(moment->engine, began, request);
	}
}

/* ---- more, or fewer, have come to wait than it has seemed ---------------------------------------------------------------------------- */

/* Behind the latest place of which a response has borne out who it is. */
static uint32_t first_untold(const struct pool_ahead *pool, uint32_t before)
{
	while (before > 0 && (before > pool->wake_count || pool->wakes[before - 1].number > pool->told_number))
		before--;
	return before;
}

static void insert_unknown(struct pool_ahead *pool, uint32_t before, uint32_t count)
{
	uint32_t at = first_untold(pool, before);

	for (; count && at < pool->wake_count && pool->wait_count < WAITS_KEPT; count--)
		insert_wait(pool, at, (struct pool_wait){.since_ns = at ? pool->waits[at - 1].since_ns : 0});
}

/* Those of which least is known. */
static void remove_surplus(struct engine *engine, struct pool_ahead *pool, uint32_t before, uint32_t count)
{
	uint32_t from = first_untold(pool, before);

	for (uint32_t i = before; i-- > from && count;)
		if (!pool->waits[i].told && !pool->waits[i].context && place_of(pool, pool->waits[i].again_of) == NOWHERE) {
			remove_wait(engine, pool, i);
			count--;
			before--;
		}
	for (uint32_t i = from; i < before && count;)
		if (!pool->waits[i].told) {
			remove_wait(engine, pool, i);
			count--;
			before--;
		} else {
			i++;
		}
}

static void note_shift(struct engine *engine, struct pool_ahead *pool, const struct link *latest)
{
	int32_t shift = (int32_t)latest->wait - (int32_t)latest->wake;

	pool->shifted_times = shift == pool->shift ? pool->shifted_times + 1 : 1;
	pool->shift = shift;
	if (!shift && pool->told_number < pool->wakes[latest->wake].number)
		pool->told_number = pool->wakes[latest->wake].number;
	if (!shift || pool->shifted_times < SHIFTS_MIN)
		return;
	pool->shifted_times = 0;
	if (shift < 0)
		insert_unknown(pool, latest->wait, (uint32_t)-shift);
	else
		remove_surplus(engine, pool, latest->wait, (uint32_t)shift);
}

/*
 * Some may have come to wait before the trace, or before the threads were known to read ahead. How many, responses tell that are made at
 * the first connection that their requests were given: each of these came as many places after who was woken.
 */
static void find_shift(struct engine *engine, struct pool_ahead *pool, uint32_t at, const struct context *request)
{
	uint32_t wait = 0;

	while (wait < pool->wait_count && (pool->waits[wait].told || context_root(pool->waits[wait].context) != request))
		wait++;
	if (wait == pool->wait_count)
		return;
	note_shift(engine, pool, &(struct link){.wake = at, .wait = wait});
	pool->aligned |= !pool->shifted_times || (!pool->shift && pool->shifted_times >= SHIFTS_MIN);
}

/* ---- a response ---------------------------------------------------------------------------------------------------------------------- */

/* Who went on in which place is in doubt then, as is who went on without having been seen to wait. */
static bool is_order_often_wrong(const struct pool_ahead *pool)
{
	return pool->order.wrong * RIGHT_PER_MISTAKE > pool->order.right;
}

/* Of one that has waited once nothing else can be another one's. */
static bool is_in_doubt(const struct pool_ahead *pool, const struct search *search)
{
	if (search->nobodys ? !pool->order.right || pool->order.wrong * RIGHT_PER_WRONG > pool->order.right
			    : search->best.apart > APART_MAX)
		return true;
	if (count_gone_on(pool, &search->best) < 2)
		return false;
	return search->best.apart > 1 || (search->best.apart && search->found > 1) || is_order_often_wrong(pool);
}

static bool has_waited(const struct pool_ahead *pool, const struct context *request)
{
	for (uint32_t i = 0; i < pool->wait_count; i++)
		if (owner_of(context_root(pool->waits[i].context)) == request && !pool->waits[i].told)
			return true;
	return false;
}

/* What had been taken for the request's by the order of the reads has come to wait in its place. */
static void bear_out(struct proc *proc, struct context *request, bool in_place)
{
	if (!in_place || !(request->doubts & 1u << DOUBT_ORDER))
		return;
	doubts_vote(proc, DOUBT_ORDER, true);
	request->doubts &= (uint16_t) ~(1u << DOUBT_ORDER);
}

/* Nothing leads back to who is answered. If that goes on, it is by more places than are looked through. */
static void goes_astray(struct pool_ahead *pool)
{
	score_count(&pool->order, false, VOTES_MAX);
	if (++pool->astray < ASTRAY_MIN)
		return;
	pool->aligned = false;
	pool->astray = pool->shifted_times = 0;
}

void places_named(const struct moment *moment, struct pool_ahead *pool, struct context *segment, struct context *request)
{
	uint32_t at = place_of(pool, segment->handed);
	const struct link *first;
	struct search search;

	segment->handed = 0;
	if (at == NOWHERE || context_root(pool->wakes[at].begun) != segment) {
		if (request)
			request->ambiguous = true;
		return;
	}
	if (request && pool->aligned && find_chain(pool, at, request, &search)) {
		first = &search.best.links[search.best.count - 1];
		request->ambiguous |= is_in_doubt(pool, &search);
		pool->astray = 0;
		bind_chain(moment, pool, &search.best, segment, request);
		bear_out(moment->thread->proc, request, search.best.apart <= 1 && first->wake == first->wait);
		score_count(&pool->order, search.best.apart <= 1, VOTES_MAX);
		note_shift(moment->engine, pool, &search.best.links[0]);
		return;
	}
	pool->wakes[at].told = true;
	if (!request)
		return;
	request->ambiguous |= (pool->aligned && is_order_often_wrong(pool)) || has_waited(pool, request);
	if (pool->aligned)
		goes_astray(pool);
	else
		find_shift(moment->engine, pool, at, request);
}

void places_leave(struct engine *engine, struct pool_ahead *pool, const struct context *request)
{
	for (uint32_t i = pool->wait_count; i-- > 0;)
		if (pool->waits[i].context && owner_of(context_root(pool->waits[i].context)) == request)
			context_hold(engine, &pool->waits[i].context, NULL); /* somebody waited */
	drop_over(engine, pool);
}

void places_close(struct engine *engine, struct pool_ahead *pool)
{
	while (pool->wait_count)
		remove_wait(engine, pool, pool->wait_count - 1);
	while (pool->wake_count)
		remove_first_wake(engine, pool);
}
