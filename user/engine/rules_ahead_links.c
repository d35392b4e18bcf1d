/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 11, of loops that read ahead and whose handlers several threads run: steps of one request's, each taken by the order of the queue to
 * go on with what the one before it had asked. They are linked, the latest first, and a response names the latest of them; if that is
 * another request's, the two were taken for each other where they went on with what had been queued at about the same time.
 */
#include "engine/rules_loop.h"

#define LINKS_MAX 64
#define APART_NS  500000 /* two such places that differ by less can't be told apart */

/* Where two chains of steps may have been taken for each other: the nearest such places; how far apart these and the second nearest are. */
struct meeting {
	struct context *one, *other;
	uint64_t apart_ns, second_ns;
	bool any_second;
};

struct context *links_below(const struct context *segment)
{
	struct context *below = context_root(segment->resumes);

	return context_is_segment(below) ? below : NULL;
}

static uint64_t queued_ns_of(const struct context *segment)
{
	return segment->queued_ns ? segment->queued_ns : segment->begun_ns;
}

static uint64_t distance(uint64_t one, uint64_t other)
{
	return one > other ? one - other : other - one;
}

/* One more place where they may have been taken for each other. */
static void consider(struct meeting *meeting, struct context *one, struct context *other, uint64_t apart_ns)
{
	bool nearest = !meeting->one || apart_ns < meeting->apart_ns;
	uint64_t second_ns = nearest ? meeting->apart_ns : apart_ns;

	if (meeting->one && (!meeting->any_second || second_ns < meeting->second_ns)) {
		meeting->second_ns = second_ns;
		meeting->any_second = true;
	}
	if (nearest) {
		meeting->one = one;
		meeting->other = other;
		meeting->apart_ns = apart_ns;
	}
}

/* The latest step of each; other_last NULL: what was queued at queued_ns, and is not known to have gone on. */
static struct meeting find_meeting(struct context *last, struct context *other_last, uint64_t queued_ns)
{
	struct meeting meeting = {0};

	for (struct context *one = last; one; one = links_below(one)) {
		if (!other_last)
			consider(&meeting, one, NULL, distance(queued_ns_of(one), queued_ns));
		for (struct context *other = other_last; other; other = links_below(other))
			consider(&meeting, one, other, distance(queued_ns_of(one), queued_ns_of(other)));
	}
	return meeting;
}

/* farther: where they may have met as well; NULL: nowhere. */
static bool meet_for_sure(const struct meeting *nearest, const struct meeting *farther)
{
	uint64_t far_ns = nearest->apart_ns + APART_NS;

	return (!nearest->any_second || nearest->second_ns >= far_ns) && (!farther || farther->apart_ns >= far_ns);
}

/* No longer ones are followed, and none goes round in a circle. */
static bool may_go_on_with(const struct context *segment, struct context *below)
{
	const struct context *at = context_is_segment(below) ? below : NULL;

	for (unsigned int count = 1; at && at != segment && count < LINKS_MAX; count++) {
		if (!(at = links_below(at)))
			return true;
	}
	return false;
}

void links_put_on(struct engine *engine, struct context *segment, struct context *below)
{
	context_hold(engine, &segment->resumes, may_go_on_with(segment, below) ? below : NULL);
}

void links_bind(struct engine *engine, struct context *last, struct context *request)
{
	for (struct context *below = links_below(last), *next; below; below = next) {
		next = links_below(below);
		below->doubts |= 1u << DOUBT_ORDER;
		hint_at(engine, below, NULL);
		context_bind(engine, below, request);
	}
}

void links_let_go(struct engine *engine, struct context *last, const struct context *request)
{
	for (struct context *segment = context_root(last); context_is_segment(segment); segment = links_below(segment))
		if (context_root(segment->hint) == request) {
			hint_at(engine, segment, NULL);
			segment->origin = ORIGIN_MISSED; /* somebody's */
		}
}

void links_hint(struct engine *engine, struct context *last, const struct context *until, struct context *request)
{
	for (struct context *segment = last; segment; segment = segment == until ? NULL : links_below(segment))
		hint_at(engine, segment, request);
}

/* ---- a response names one ------------------------------------------------------------------------------------------------------------ */

/* Where the two were taken for each other is not known. */
static void cannot_tell(const struct moment *moment, struct context *request, struct context *other)
{
	request->ambiguous = other->ambiguous = true;
	doubts_vote(moment->thread->proc, DOUBT_ORDER, false);
}

/* Steps were bound to it for good, and one of them may be all that is another one's. */
static void note_mixed(const struct moment *moment, const struct context *segment, struct context *request, struct context *other)
{
	if (segment->doubts & 1u << DOUBT_ORDER)
		cannot_tell(moment, request, other);
}

/* What had been taken for the request's, `mine`, is the other one's from where they meet on. */
static void hand_over(const struct moment *moment, const struct meeting *meeting, struct context *mine, struct context *other)
{
	links_hint(moment->engine, mine, meeting->other, context_is_open_request(other) ? other : NULL);
	if (context_is_open_request(other))
		guess_at(moment->engine, other, mine);
	else
		mine->origin = ORIGIN_MISSED;
}

/* What had been queued for the request has gone on in the step; what that had been taken for is still to come. */
static void take_back(const struct moment *moment, struct context *step, struct context *other, struct continuation *queued,
		      struct continuations *of)
{
	struct context *below = context_get(links_below(step));
	uint64_t queued_ns = step->queued_ns;

	links_put_on(moment->engine, step, context_root(queued->context));
	continuations_drop(moment->engine, of, queued);
	if (context_is_open_request(other)) {
		guess_at(moment->engine, other, below);
		continuations_push(moment->engine, moment->thread->continuations,
				   (struct continuation){.context = below ? below : other,
							 .conn_id = below ? 0 : other->conn_id,
							 .round = UINT64_MAX,
							 .read_at_ns = queued_ns ? queued_ns : other->last_read_ns});
	}
	context_put(moment->engine, below);
}

/* Where the two meet each goes on with what the other one had gone on with. */
static void swap(const struct moment *moment, const struct meeting *meeting, struct context *mine, struct context *other)
{
	struct context *below = context_get(links_below(meeting->one));

	links_put_on(moment->engine, meeting->one, links_below(meeting->other));
	links_put_on(moment->engine, meeting->other, below);
	context_put(moment->engine, below);
	hand_over(moment, meeting, mine, other);
}

void links_give_back(const struct moment *moment, struct context *segment, struct context *request, struct continuation *queued,
		     struct continuations *of)
{
	struct context *other = context_root(segment->hint), *mine = context_root(request->guess);
	bool swapped = mine && !mine->is_request && mine != segment;
	struct meeting with_queued, with_mine, *nearest = &with_mine, *farther = NULL;

	if (!other || !other->is_request || other == request)
		return;
	note_mixed(moment, segment, request, other);
	if (swapped)
		note_mixed(moment, mine, request, other);
	doubts_vote(moment->thread->proc, DOUBT_ORDER, queued || swapped);
	if (!queued && !swapped) {
		request->ambiguous = other->ambiguous = true; /* it had begun elsewhere */
		if (context_is_open_request(other))
			guess_at(moment->engine, other, NULL);
		return;
	}
	if (queued)
		with_queued = find_meeting(segment, NULL, queued->read_at_ns);
	if (swapped)
		with_mine = find_meeting(segment, mine, 0);
	if (queued && (!swapped || with_queued.apart_ns <= with_mine.apart_ns)) {
		nearest = &with_queued;
		farther = swapped ? &with_mine : NULL;
	} else if (queued) {
		farther = &with_queued;
	}
	if (!meet_for_sure(nearest, farther))
		cannot_tell(moment, request, other);
	if (nearest == &with_queued)
		take_back(moment, with_queued.one, other, queued, of);
	else
		swap(moment, &with_mine, mine, other);
}
