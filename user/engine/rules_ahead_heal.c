/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 11, of loops that read ahead and whose handlers several threads run: the queue is put right. One entry that was thought to stand
 * elsewhere shifts all behind it: each step is taken for the next one's. A response tells what its step went on with. If another step had
 * been taken for that, and an entry is left over that may have been queued before, that one's place was there, and each of the steps in
 * between goes on with what the one before it had been taken for.
 */
#include "engine/rules_loop.h"

#define RACE_NS     100000 /* what threads have taken that became free so shortly after each other may have been in either order */
#define SHIFTED_MAX 64     /* so many steps are put right at most */

/* What is queued, and in whose list. */
struct entry {
	struct continuation *queued;
	struct continuations *of;
	struct context *taker, *request, *top; /* whose step that was; for whom; the last step of that one's chain */
};

/* What has been taken, from the front, and what seems to be to come but was before all of it. */
struct shifted {
	struct entry entries[SHIFTED_MAX];
	unsigned int count;
	struct entry left_over;
};

static bool goes_on_with(const struct context *last, const struct context *segment)
{
	for (; last && last != segment; last = links_below(last))
		;
	return last;
}

static struct context *links_of(struct context *context)
{
	struct context *root = context_root(context);

	return context_is_segment(root) ? root : NULL;
}

/* The step that was taken for it, if no response has named it. */
static struct context *taker_of(const struct continuation *queued)
{
	struct context *taker = queued->turn == TURN_TAKEN ? context_root(queued->taker) : NULL;

	return context_is_segment(taker) && taker->queued_ns == queued->read_at_ns ? taker : NULL;
}

static struct entry entry_of(struct continuation *queued, struct continuations *of)
{
	struct entry entry = {.queued = queued, .of = of, .taker = taker_of(queued), .request = continuation_request(queued)};
	struct context *guess = context_is_open_request(entry.request) ? context_root(entry.request->guess) : NULL;

	entry.top = entry.taker;
	if (entry.taker && context_is_segment(guess) && goes_on_with(guess, entry.taker))
		entry.top = guess;
	return entry;
}

/* What the step of nobody's that is the latest for the request was taken for: no answer to what it asked is queued. */
static struct entry last_taken_of(struct continuations *loop, const struct context *request)
{
	struct continuations *at = loop;
	const struct context *guess = context_root(request->guess);

	do
		for (uint32_t i = 0; context_is_segment(guess) && i < at->count; i++)
			if (taker_of(&at->waiting[i]) == guess && continuation_request(&at->waiting[i]) == request)
				return entry_of(&at->waiting[i], at);
	while ((at = at->next_sharing) != loop);
	return (struct entry){0};
}

/* When it may have been queued at the earliest. */
static uint64_t early_ns(const struct continuation *queued)
{
	return queued->other_ns && queued->other_ns < queued->read_at_ns ? queued->other_ns : queued->read_at_ns;
}

/* One that was not taken, and may have been queued before: the last such. */
static struct entry left_over_before(struct continuations *loop, const struct continuation *before, uint64_t after_ns)
{
	struct continuations *at = loop;
	struct entry found = {0};

	do {
		for (uint32_t i = 0; i < at->count; i++) {
			struct continuation *queued = &at->waiting[i];

			if (queued == before || queued->turn != TURN_TO_COME || early_ns(queued) >= before->read_at_ns ||
			    early_ns(queued) <= after_ns)
				continue;
			if (!found.queued || early_ns(queued) > early_ns(found.queued))
				found = entry_of(queued, at);
		}
	} while ((at = at->next_sharing) != loop);
	return found;
}

static bool insert(struct shifted *shifted, struct entry entry)
{
	unsigned int at = shifted->count;

	if (shifted->count == SHIFTED_MAX || !entry.taker)
		return false;
	for (unsigned int i = 0; i < shifted->count; i++)
		if (shifted->entries[i].request && shifted->entries[i].request == entry.request)
			return false;
	for (; at && shifted->entries[at - 1].queued->read_at_ns > entry.queued->read_at_ns; at--)
		shifted->entries[at] = shifted->entries[at - 1];
	shifted->entries[at] = entry;
	shifted->count++;
	return true;
}

/* All that was taken before taken_by_ns from where the one left over stood, which is from_ns, up to last_ns. */
static bool collect(struct continuations *loop, uint64_t last_ns, uint64_t taken_by_ns, struct shifted *shifted)
{
	struct continuations *at = loop;
	uint64_t from_ns = shifted->left_over.queued->read_at_ns;

	do {
		for (uint32_t i = 0; i < at->count; i++) {
			struct continuation *queued = &at->waiting[i];

			if (queued->turn != TURN_TAKEN || queued->read_at_ns < from_ns || queued->read_at_ns > last_ns ||
			    queued->taken_ns >= taken_by_ns)
				continue;
			if (!insert(shifted, entry_of(queued, at)))
				return false;
		}
	} while ((at = at->next_sharing) != loop);
	return shifted->count;
}

/* The step that was taken for `one` goes on with `before` instead. */
static void put_on(struct engine *engine, const struct entry *one, const struct entry *before, uint64_t queued_ns)
{
	struct context *request = context_is_open_request(before->request) ? before->request : NULL;

	links_put_on(engine, one->taker, context_root(before->queued->context));
	one->taker->queued_ns = queued_ns;
	links_hint(engine, one->top, one->taker, request);
	if (request)
		guess_at(engine, request, one->top);
	else
		one->taker->origin = ORIGIN_MISSED;
}

/* Each of the steps goes on with what the one before it had been taken for, the first with what is left over; and the last of that is to
 * come. */
static void shift(struct engine *engine, struct shifted *shifted)
{
	struct entry before = shifted->left_over;

	for (unsigned int i = 0; i < shifted->count; i++) {
		const struct entry *one = &shifted->entries[i];

		put_on(engine, one, &before, before.queued->read_at_ns);
		context_hold(engine, &before.queued->taker, one->taker);
		before.queued->taken_ns = one->queued->taken_ns;
		before.queued->taken_by_ns = one->queued->taken_by_ns;
		before.queued->turn = TURN_TAKEN;
		before = *one;
	}
	context_hold(engine, &before.queued->taker, NULL);
	before.queued->turn = TURN_TO_COME;
	if (context_is_open_request(before.request))
		guess_at(engine, before.request, links_of(before.queued->context));
}

void heal_before(const struct moment *moment, const struct context *step, struct context *request)
{
	struct continuations *loop = moment->thread->continuations;
	struct entry last = last_taken_of(loop, request);
	struct shifted shifted = {.count = 0};
	uint64_t read_at_ns;

	if (!last.queued || shared_ran_before(moment->thread, step, last.queued))
		return;
	shifted.left_over = left_over_before(loop, last.queued, shared_shown_by_ns(moment->thread, last.queued->taken_ns));
	if (!shifted.left_over.queued)
		return;
	read_at_ns = shifted.left_over.queued->read_at_ns;
	shifted.left_over.queued->read_at_ns = early_ns(shifted.left_over.queued);
	if (collect(loop, last.queued->read_at_ns, UINT64_MAX, &shifted))
		shift(moment->engine, &shifted);
	else
		shifted.left_over.queued->read_at_ns = read_at_ns;
}

struct continuation *heal_order(const struct moment *moment, const struct context *step, struct continuation *queued,
				struct continuations **of)
{
	uint64_t took_ns = shared_took_at_ns(moment->thread, step);
	struct shifted shifted = {.left_over = entry_of(queued, *of)};
	struct entry *last;

	if (took_ns <= RACE_NS || !collect(*of, UINT64_MAX, took_ns - RACE_NS, &shifted))
		return queued;
	shift(moment->engine, &shifted);
	last = &shifted.entries[shifted.count - 1];
	*of = last->of;
	return last->queued;
}

/* So many others that nobody has seen run had been queued between after_ns and then, and can't be at work by now. */
static unsigned int count_overtaken(const struct moment *moment, const struct context *step, const struct continuation *queued,
				    uint64_t after_ns)
{
	struct continuations *of;
	struct continuation *unseen;
	unsigned int elsewhere = shared_count_in_steps(moment->thread, shared_took_at_ns(moment->thread, step) + RACE_NS), count = 0;

	while ((unseen = shared_first_between(moment->thread->continuations, after_ns, shared_surely_before(queued->read_at_ns), &of))) {
		count++;
		after_ns = unseen->read_at_ns;
	}
	return count > elsewhere ? count - elsewhere : 0;
}

void heal_when(const struct moment *moment, const struct context *step, struct continuation *queued)
{
	bool later = early_ns(queued) < queued->read_at_ns;

	if (!queued->other_ns)
		return;
	if (later ? count_overtaken(moment, step, queued, queued->other_ns) : shared_ran_before(moment->thread, step, queued))
		queued->read_at_ns = queued->other_ns;
}

bool heal_overtakes_several(const struct moment *moment, const struct context *step, const struct continuation *queued)
{
	uint64_t shown_ns = shared_shown_by_ns(moment->thread, shared_took_at_ns(moment->thread, step));

	return count_overtaken(moment, step, queued, shown_ns) > 1;
}
