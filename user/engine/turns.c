/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 5, several answers in one read, where callbacks run at once: what waited for them goes on in the order of the answers, and each
 * shows itself by what it asks or answers next. What is computed meanwhile may be any one's of those that have not done so yet, as often
 * all compute before the first of them asks: so it is nobody's, until only one is left.
 */
#include "engine/turns.h"

#include <stdlib.h>

#include "engine/line.h"
#include "engine/rules_loop.h"

struct due {
	struct context *context;
	uint8_t doubt; /* enum doubt: of the call that was answered */
};

struct turns {
	uint64_t read_ns;
	uint32_t count;
	struct due list[WIRE_MESSAGES_MAX]; /* in the order of the answers */
};

bool turns_are_told(const struct thread *thread)
{
	return thread->loop && !thread->strand && loop_calls_back_at_once(thread);
}

static void drop(struct engine *engine, struct turns *turns, uint32_t at)
{
	context_put(engine, turns->list[at].context);
	turns->count--;
	for (uint32_t i = at; i < turns->count; i++)
		turns->list[i] = turns->list[i + 1];
}

static bool goes_on(const struct context *root)
{
	return !root->is_request || context_is_open_request(root);
}

static void drop_ended(struct engine *engine, struct turns *turns)
{
	for (uint32_t i = turns->count; i-- > 0;)
		if (!goes_on(context_root(turns->list[i].context)))
			drop(engine, turns, i);
}

void turns_of_nobody(const struct moment *moment)
{
	rule_12_turn_ends(moment->engine, moment->thread, moment->at_ns);
	end_soft_tail(moment);
	turn_to_segment(moment, ORIGIN_MISSED, NULL, false);
	context_note_evidence(context_root(moment->thread->context)); /* a wait in the midst of it (for a collector) is no end */
}

void turns_begin(const struct moment *moment)
{
	struct thread *thread = moment->thread;

	if (!thread->turns)
		thread->turns = calloc(1, sizeof(*thread->turns));
	if (!thread->turns)
		return;
	thread->turns->read_ns = moment->at_ns;
	turns_of_nobody(moment);
}

void turns_add(const struct moment *moment, struct context *context, enum doubt doubt)
{
	struct turns *turns = moment->thread->turns;

	if (turns && turns->count < WIRE_MESSAGES_MAX)
		turns->list[turns->count++] = (struct due){context_get(context), (uint8_t)doubt};
}

void turns_add_unknown(const struct moment *moment)
{
	struct context *segment = context_new_segment(moment->engine, ORIGIN_MISSED, NULL, moment->at_ns);

	if (!segment)
		return;
	context_note_evidence(segment);
	turns_add(moment, segment, DOUBT_NONE);
	context_put(moment->engine, segment);
}

/* The thread works for nobody known yet. One that is not known either, but has asked in its turn, has shown itself. */
static bool is_of_nobody(const struct thread *thread, const struct context *root)
{
	return context_is_segment(root) && !thread->asked;
}

/* What the thread has done since the last one has asked or answered is nobody's. */
static void leave_to_nobody(struct engine *engine, struct thread *thread, uint64_t at_ns)
{
	struct context *before = context_root(thread->context), *segment;

	if (is_of_nobody(thread, before)) {
		leave_unclaimed(engine, before);
		context_note_evidence(before);
		thread->soft = false;
		return;
	}
	segment = context_new_segment(engine, ORIGIN_MISSED, NULL, at_ns);
	if (!segment)
		return;
	context_note_evidence(segment);
	thread_take_over(engine, thread, segment);
	context_put(engine, segment);
}

/* It is this one's turn; the thread works for it. */
static void take_turn(struct engine *engine, struct thread *thread, uint32_t at, uint64_t at_ns)
{
	struct turns *turns = thread->turns;
	struct context *root = context_get(context_root(turns->list[at].context)), *before = context_root(thread->context);
	uint8_t doubt = turns->list[at].doubt;
	uint64_t begins_ns = thread->pending_count ? thread->pending[0].start_ns : at_ns;

	if (turns->count > 1 && thread_computed_ns(thread) >= WORK_MIN_NS) {
		leave_to_nobody(engine, thread, at_ns);
	} else if (is_of_nobody(thread, before)) {
		blame_hop(engine, thread, root, turns->read_ns, begins_ns);
		context_bind(engine, before, root);
	} else if (before) {
		blame_hop(engine, thread, root, turns->read_ns, begins_ns);
		thread_take_over(engine, thread, root);
	}
	thread_switch(engine, thread, root, false);
	thread->via_doubt = doubt;
	drop(engine, turns, at);
	context_put(engine, root);
}

bool turns_ask(const struct moment *moment)
{
	struct turns *turns = moment->thread->turns;

	if (!turns)
		return false;
	drop_ended(moment->engine, turns);
	if (!turns->count)
		return false;
	take_turn(moment->engine, moment->thread, 0, moment->at_ns);
	return true;
}

/*
 * Whose turn it is if `request` is answered: its own, or else that of the first of whom nobody has said yet whose work it is. count:
 * nobody's.
 */
static uint32_t turn_of(const struct turns *turns, const struct context *request)
{
	uint32_t unnamed = turns->count;

	for (uint32_t i = turns->count; i-- > 0;) {
		const struct context *root = context_root(turns->list[i].context);

		if (root == request)
			return i;
		if (!root->is_request)
			unnamed = i;
	}
	return unnamed;
}

void turns_answer(const struct moment *moment, struct context *request)
{
	struct thread *thread = moment->thread;
	struct turns *turns = thread->turns;
	struct context *first;
	uint32_t at;

	if (!turns || !turns->count || (request && request->answered))
		return;
	at = turn_of(turns, request);
	if (at < turns->count) {
		take_turn(moment->engine, thread, at, moment->at_ns);
		return;
	}
	if (!request)
		return;
	/* An answer was taken for another one's; or a timer's callback runs. */
	first = context_root(turns->list[0].context);
	doubts_vote(thread->proc, turns->list[0].doubt, false);
	if (request->has_turn_in_doubt)
		first->ambiguous = request->ambiguous = true;
}

void turns_end(struct engine *engine, struct thread *thread)
{
	struct turns *turns = thread->turns;

	if (!turns || !turns->count)
		return;
	drop_ended(engine, turns);
	if (turns->count == 1)
		take_turn(engine, thread, 0, thread->heard_ns);
	else if (turns->count && thread_computed_ns(thread) >= WORK_MIN_NS)
		leave_to_nobody(engine, thread, thread->heard_ns);
	while (turns->count)
		drop(engine, turns, turns->count - 1);
}

void turns_forget(struct engine *engine, struct thread *thread)
{
	while (thread->turns && thread->turns->count)
		drop(engine, thread->turns, thread->turns->count - 1);
	free(thread->turns);
	thread->turns = NULL;
}
