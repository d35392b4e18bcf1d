/* SPDX-License-Identifier: BSD-2-Clause */
/* Rule 11: who stood in the line of a loop that defers before the trace began. */
#include "engine/queue_before.h"

#include <stdlib.h>

#include "engine/rules_loop.h"

#define QUEUE_MAX 512        /* of more the oldest are forgotten. Power of two */
#define LINKS_MAX 32         /* so often one waits at most */
#define AGREE_MIN 3          /* so many of them must tell the same */
#define TOLD_MAX  8          /* responses: bits of `borne_out` */
#define BEGINS_NS 1000000000 /* what was asked before the trace is answered within that time, as a rule */

struct queue_before {
	uint64_t wait_count, wake_count; /* their numbers begin at 1 */
	struct context *waited[QUEUE_MAX], *woken[QUEUE_MAX];
	uint64_t since_ns[QUEUE_MAX]; /* of who waited */
	bool known;
	int64_t unknown;        /* so many stood in front */
	int64_t told[TOLD_MAX]; /* what the last responses have told of that */
	uint32_t told_count;
	uint8_t borne_out; /* did they bear out what was known? A bit each */
};

void queue_before_answer(struct continuations *loop, uint64_t now_ns)
{
	loop->answered_unknown |= now_ns < loop->since_ns + BEGINS_NS;
}

static void number(struct engine *engine, struct queue_before *queue, struct context *root, uint64_t since_ns)
{
	uint64_t at = ++queue->wait_count % QUEUE_MAX;

	queue->since_ns[at] = since_ns;
	context_hold(engine, &queue->waited[at], root);
}

/* Somebody came to wait. Who stands in line already has the first numbers. */
static void begin(struct engine *engine, struct continuations *loop)
{
	struct continuation *next;

	if (!loop->answered_unknown || !continuations_known_to_defer(loop) || !continuations_give_back(loop))
		return;
	loop->answered_unknown = false;
	loop->before = calloc(1, sizeof(*loop->before));
	for (uint64_t after = 0; loop->before && (next = continuations_first_in_line(loop, after)); after = next->place + 1) {
		struct context *root = context_root(next->context);

		number(engine, loop->before, root, root->in_line_ns);
	}
}

void queue_before_waits(struct engine *engine, struct continuations *loop, struct context *root, uint64_t since_ns)
{
	if (loop->before)
		number(engine, loop->before, root, since_ns);
	else
		begin(engine, loop);
}

bool queue_before_wakes(struct engine *engine, struct continuations *loop, const struct continuation *by)
{
	struct queue_before *queue = loop->before;
	bool nobody_waits = queue && queue->known && (int64_t)queue->wake_count >= (int64_t)queue->wait_count + queue->unknown;
	struct context *segment = queue && !nobody_waits ? context_new_segment(engine, ORIGIN_POOL, NULL, by->read_at_ns) : NULL;

	if (!segment)
		return queue;
	context_hold(engine, &queue->woken[++queue->wake_count % QUEUE_MAX], segment);
	continuations_push_woken(engine, loop, by, segment);
	context_put(engine, segment);
	return true;
}

bool queue_before_is_unnamed(const struct continuation *waiting)
{
	const struct context *root = context_root(waiting->context);

	return context_is_segment(root) && root->origin == ORIGIN_POOL && !root->hint;
}

static uint64_t oldest_kept(uint64_t count)
{
	return count < QUEUE_MAX ? 1 : count - QUEUE_MAX + 1;
}

/* 0: it is not there. */
static uint64_t number_in(struct context *const ring[], uint64_t count, const struct context *root)
{
	for (uint64_t number = count; number >= oldest_kept(count); number--)
		if (context_root(ring[number % QUEUE_MAX]) == root)
			return number;
	return 0;
}

/* What who came to wait as the `wait`th went on with, if so many had stood in front. NULL: it has not yet, or nobody knows any more. */
static struct context *woken_for(const struct queue_before *queue, uint64_t wait, int64_t unknown)
{
	int64_t number = (int64_t)wait + unknown;

	if (number < (int64_t)oldest_kept(queue->wake_count) || number > (int64_t)queue->wake_count)
		return NULL;
	return context_root(queue->woken[number % QUEUE_MAX]);
}

/* The waits from the `wait`th on that have led to `segment`, each with what the one before it went on with. 0: they have not. */
static uint32_t find_waits(const struct queue_before *queue, uint64_t wait, const struct context *segment, uint64_t waits[LINKS_MAX])
{
	for (uint32_t count = 0; count < LINKS_MAX && wait;) {
		const struct context *woken = woken_for(queue, wait, queue->unknown);
		uint64_t next;

		waits[count++] = wait;
		if (woken == segment)
			return count;
		next = woken ? number_in(queue->waited, queue->wait_count, woken) : 0;
		wait = next > wait ? next : 0;
	}
	return 0;
}

/* Most wait once: then it is told by the difference. What has been borne out among the last ones stays. */
static void learn(struct queue_before *queue, bool borne_out, int64_t unknown)
{
	uint32_t agree = 0;

	queue->told[queue->told_count++ % TOLD_MAX] = unknown;
	queue->borne_out = (uint8_t)(queue->borne_out << 1 | borne_out);
	for (uint32_t i = 0; i < TOLD_MAX && i < queue->told_count; i++)
		agree += queue->told[i] == unknown;
	if (queue->borne_out || agree < AGREE_MIN)
		return;
	queue->known = true;
	queue->unknown = unknown;
}

static void claim(const struct moment *moment, const struct queue_before *queue, uint64_t wait, struct context *request)
{
	struct context *woken = woken_for(queue, wait, queue->unknown);
	uint64_t since_ns = queue->since_ns[wait % QUEUE_MAX];

	if (since_ns && woken->begun_ns > since_ns)
		context_add_interval(moment->engine, request,
				     (struct interval){.start_ns = since_ns, .end_ns = woken->begun_ns, .state = STATE_POOL});
	if (context_is_segment(woken))
		context_bind(moment->engine, woken, request);
}

/* Whose step it may be. Who was woken and has not asked since found nothing, as a rule: it is looked at last. */
struct ask {
	const struct queue_before *queue;
	uint64_t wait; /* if not 0: that has led there */
	bool woken;
};

static bool is_due_unnamed(const struct continuations *loop, const struct continuation *waiting, const void *argument)
{
	const struct ask *ask = argument;
	uint64_t waits[LINKS_MAX];

	if (!continuation_is_due(loop, waiting) || !queue_before_is_unnamed(waiting) || (waiting->turn == TURN_WOKEN && !ask->woken))
		return false;
	return !ask->wait || find_waits(ask->queue, ask->wait, context_root(waiting->context), waits);
}

static struct continuation *step_of(struct continuations *loop, uint64_t wait)
{
	const struct ask asks[] = {{loop->before, wait, true}, {loop->before, 0, false}, {loop->before, 0, true}};
	struct continuation *first = NULL;

	for (unsigned int i = wait && loop->before->known ? 0 : 1; !first && i < sizeof(asks) / sizeof(asks[0]); i++)
		first = continuations_first(loop, is_due_unnamed, &asks[i]);
	return first;
}

void queue_before_answered(const struct moment *moment, struct continuations *loop, struct context *request)
{
	struct queue_before *queue = loop->before;
	struct continuation *first, *own = queue ? continuations_find_of(loop, request) : NULL;
	uint64_t wait, wake, waits[LINKS_MAX];
	struct context *segment;
	uint32_t count;

	if (!own || continuation_is_due(loop, own))
		return;
	wait = number_in(queue->waited, queue->wait_count, context_root(own->context));
	first = step_of(loop, wait);
	if (!first)
		return;
	segment = context_root(first->context);
	wake = number_in(queue->woken, queue->wake_count, segment);
	count = queue->known ? find_waits(queue, wait, segment, waits) : 0;
	if (wait && wake)
		learn(queue, count, (int64_t)wake - (int64_t)wait);
	request->ambiguous |= !count; /* it may lack what it did between two waits */
	while (count)
		claim(moment, queue, waits[--count], request);
	if (context_root(first->context) != request)
		context_bind(moment->engine, first->context, request);
}

void queue_before_ends(struct engine *engine, struct continuations *loop)
{
	struct queue_before *queue = loop->before;

	for (uint32_t i = 0; queue && i < QUEUE_MAX; i++) {
		context_put(engine, queue->waited[i]);
		context_put(engine, queue->woken[i]);
	}
	free(queue);
	loop->before = NULL;
}
