/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 11, of loops that read ahead and whose handlers several threads run: the order in which these took what was queued. Of a write, and
 * of a read at the first try, the kernel shows when it was queued; of a write also when that was taken: its connection is then read again.
 * What was read is taken in between, by a step that only its end shows.
 */
#include "engine/rules_loop.h"

#define QUEUE_NS  20000  /* of CPU: so much may lie between a call's end and when its operation is queued … */
#define CALLS_NS  30000  /* … and if a read comes next, between the two: all of it belonged to the one or to the other */
#define LEAVE_NS  5000   /* … who leaves its core so soon was preempted as the call returned, before that */
#define DOUBT_NS  100000 /* … and so much at most, if no read comes next */
#define TAKE_NS   3500   /* of CPU: from the end of a step until the next one is taken … */
#define EITHER_NS 5000   /* … which may as well be so much … */
#define LATE_NS   30000  /* … and is so much at most */
#define RACE_NS   1000   /* two threads that are so close may have taken theirs in either order … */
#define TIE_NS    500    /* … and two threads that are so close have queued them at once */
#define APART_NS  10000  /* two that were queued within this time may have been so in either order */

/* ---- when ---------------------------------------------------------------------------------------------------------------------------- */

/* What the thread has done since it acted: until seen_ns, and with so much CPU that is known of. It had come back to its core last at
 * at_ns. */
struct progress {
	uint64_t acted_ns, at_ns, seen_ns, cpu_ns;
};

/* With more CPU than that behind what it did it has gone on. */
struct most {
	uint64_t ns, before_read_ns; /* … and if a read comes next */
};

static const struct most most_to_queue = {QUEUE_NS, CALLS_NS}, most_to_queue_late = {DOUBT_NS, UINT64_MAX},
			 most_to_queue_early = {LEAVE_NS, LEAVE_NS};
static const struct most most_to_take = {TAKE_NS, TAKE_NS}, most_to_take_either = {EITHER_NS, EITHER_NS},
			 most_to_take_late = {LATE_NS, LATE_NS};

/* … and what is foreseen of it. */
static uint64_t went_on_later_ns(const struct continuations *loop, struct progress progress, struct most most)
{
	uint32_t first = loop->away_count > AWAY_MAX ? loop->away_count - AWAY_MAX : 0;

	for (uint32_t i = first; i != loop->away_count; i++) {
		const struct away *away = &loop->away[i % AWAY_MAX];

		if (away->on_ns <= progress.seen_ns)
			continue;
		if (away->off_ns > progress.seen_ns)
			progress.cpu_ns += away->off_ns - progress.seen_ns;
		if (away->acted_ns > progress.acted_ns || progress.cpu_ns > (away->reads_next ? most.before_read_ns : most.ns))
			break;
		progress.at_ns = progress.seen_ns = away->on_ns;
	}
	return progress.at_ns;
}

/* step NULL: it works for a request whose call that was. */
static uint64_t went_on_at_ns(const struct thread *thread, const struct context *step, uint64_t acted_ns, struct most most)
{
	struct progress progress = {.acted_ns = acted_ns, .at_ns = acted_ns, .seen_ns = acted_ns};
	uint32_t count = step ? step->timeline.count : 0;

	for (uint32_t i = 0; i < count + thread->pending_count; i++) {
		const struct interval *part = i < count ? &step->timeline.intervals[i] : &thread->pending[i - count];

		if (part->start_ns < acted_ns)
			continue;
		if (part->state == STATE_CPU && (progress.cpu_ns += part->end_ns - part->start_ns) > most.ns)
			return progress.at_ns;
		if (part->state != STATE_CPU && part->end_ns > progress.at_ns)
			progress.at_ns = part->end_ns;
		if (part->end_ns > progress.seen_ns)
			progress.seen_ns = part->end_ns;
	}
	return went_on_later_ns(thread->continuations, progress, most);
}

uint64_t shared_took_at_ns(const struct thread *thread, const struct context *step)
{
	return went_on_at_ns(thread, step, step->begun_ns, most_to_take);
}

static uint64_t last_queued_ns(const struct continuations *loop, const struct conn *conn, struct most most)
{
	const struct context *step = present_step(loop->thread);
	uint64_t queued_ns = went_on_at_ns(loop->thread, step, step ? step->begun_ns : conn->written_ns, most);

	return queued_ns > conn->written_ns ? queued_ns : conn->written_ns;
}

void shared_queues(struct engine *engine, struct thread *thread)
{
	struct continuations *loop = thread->continuations;
	struct conn *conn = loop->shared && loop->wrote_conn_id ? conn_of(engine, loop->wrote_conn_id) : NULL;

	if (conn) {
		conn->written_early_ns = last_queued_ns(loop, conn, most_to_queue_early);
		conn->written_ns = last_queued_ns(loop, conn, most_to_queue);
	}
	loop->wrote_conn_id = 0;
}

uint64_t shared_queues_at_ns(const struct thread *thread, uint64_t at_ns)
{
	return went_on_later_ns(thread->continuations, (struct progress){at_ns, at_ns, at_ns, 0}, most_to_queue);
}

uint64_t shared_or_queues_at_ns(const struct thread *thread, uint64_t at_ns)
{
	struct progress progress = {at_ns, at_ns, at_ns, 0};
	uint64_t queues_ns = went_on_later_ns(thread->continuations, progress, most_to_queue);
	uint64_t later_ns = went_on_later_ns(thread->continuations, progress, most_to_queue_late);

	if (queues_ns > at_ns)
		return at_ns;
	return later_ns > at_ns ? later_ns : 0;
}

uint64_t shared_queued_at_ns(struct continuations *loop, const struct conn *conn, uint64_t *early_ns)
{
	const struct continuations *at = loop;

	do
		if (at->wrote_conn_id == conn->id) {
			*early_ns = last_queued_ns(at, conn, most_to_queue_early);
			return last_queued_ns(at, conn, most_to_queue);
		}
	while ((at = at->next_sharing) != loop);
	*early_ns = conn->written_early_ns;
	return conn->written_ns;
}

uint64_t shared_surely_before(uint64_t queued_ns)
{
	return queued_ns > APART_NS ? queued_ns - APART_NS : 0;
}

/* ---- what -------------------------------------------------------------------------------------------------------------------------- */

struct continuation *shared_first_between(struct continuations *loop, uint64_t after_ns, uint64_t before_ns, struct continuations **of)
{
	struct continuations *at = loop;
	struct continuation *first = NULL;

	do {
		for (uint32_t i = 0; i < at->count; i++) {
			struct continuation *waiting = &at->waiting[i];

			if (waiting->turn != TURN_TO_COME || waiting->read_at_ns <= after_ns || waiting->read_at_ns >= before_ns)
				continue;
			if (first && first->read_at_ns <= waiting->read_at_ns)
				continue;
			first = waiting;
			*of = at;
		}
	} while ((at = at->next_sharing) != loop);
	return first;
}

bool shared_may_overtake(const struct continuations *in, uint64_t queued_ns)
{
	for (uint32_t i = 0; i < in->count; i++)
		if (in->waiting[i].turn == TURN_TO_COME && in->waiting[i].read_at_ns < queued_ns &&
		    in->waiting[i].read_at_ns >= shared_surely_before(queued_ns))
			return true;
	return false;
}

/* All that had been queued before has been taken, too, and until then nothing that was queued later, whatever it has seemed. */
void shared_shows(struct engine *engine, struct thread *thread, const struct shown *shown)
{
	struct continuations *loop = thread->continuations, *at = loop;

	loop->shown[loop->shown_count++ % SHOWN_MAX] = *shown;
	do {
		for (uint32_t i = at->count; i-- > 0;) {
			struct continuation *taken = &at->waiting[i];

			if (taken->turn != TURN_TAKEN)
				continue;
			if (taken->read_at_ns > shown->queued_ns + APART_NS && taken->taken_ns < shown->from_ns) {
				taken->turn = TURN_TO_COME;
				context_hold(engine, &taken->taker, NULL);
			} else if (taken->read_at_ns + 2 * APART_NS < shown->early_ns)
				continuations_drop(engine, at, taken);
		}
	} while ((at = at->next_sharing) != loop);
}

static void note_in_doubt(const struct continuation *waiting)
{
	struct context *request = continuation_request(waiting);

	if (context_is_open_request(request))
		request->ambiguous = true;
}

/* Two threads queued them at once: they may have been taken for each other, and again later, so that no response shows it. */
static void note_tie(struct continuations *loop, const struct continuation *queued)
{
	for (struct continuations *at = loop->next_sharing; at != loop; at = at->next_sharing)
		for (uint32_t i = 0; i < at->count; i++) {
			const struct continuation *other = &at->waiting[i];
			uint64_t ns = other->read_at_ns > queued->read_at_ns ? other->read_at_ns - queued->read_at_ns
									     : queued->read_at_ns - other->read_at_ns;

			if (ns > TIE_NS || (other->turn != TURN_TO_COME && other->turn != TURN_TAKEN))
				continue;
			note_in_doubt(other);
			note_in_doubt(queued);
		}
}

/* Of a step that was taken at took_ns. */
static struct bounds bounds_of(const struct continuations *loop, uint64_t took_ns)
{
	struct bounds bounds = {.before_ns = took_ns + 1}; /* also what it has just read itself */
	const struct continuations *at = loop;

	do {
		for (uint32_t i = 0; i < SHOWN_MAX && i < at->shown_count; i++) {
			const struct shown *shown = &at->shown[i];

			if (shown->until_ns <= took_ns && shown->early_ns > bounds.after_ns + APART_NS)
				bounds.after_ns = shown->early_ns - APART_NS;
			if (shown->from_ns > took_ns && shown->queued_ns + APART_NS < bounds.before_ns)
				bounds.before_ns = shown->queued_ns + APART_NS;
		}
	} while ((at = at->next_sharing) != loop);
	return bounds;
}

static uint64_t last_shown_ns(const struct continuations *loop)
{
	const struct continuations *at = loop;
	uint64_t last_ns = 0;

	do
		for (uint32_t i = 0; i < SHOWN_MAX && i < at->shown_count; i++)
			if (at->shown[i].queued_ns > last_ns)
				last_ns = at->shown[i].queued_ns;
	while ((at = at->next_sharing) != loop);
	return last_ns;
}

unsigned int shared_count_not_shown(const struct continuations *loop, uint64_t before_ns)
{
	const struct continuations *at = loop;
	uint64_t after_ns = last_shown_ns(loop);
	unsigned int count = 0;

	do
		for (uint32_t i = 0; i < at->count; i++) {
			const struct continuation *waiting = &at->waiting[i];

			count += waiting->turn == TURN_TO_COME && waiting->read_at_ns > after_ns && waiting->read_at_ns < before_ns;
		}
	while ((at = at->next_sharing) != loop);
	return count;
}

uint64_t shared_shown_by_ns(const struct thread *thread, uint64_t took_ns)
{
	return bounds_of(thread->continuations, took_ns).after_ns;
}

bool shared_ran_before(const struct thread *thread, const struct context *step, const struct continuation *queued)
{
	return queued->read_at_ns < bounds_of(thread->continuations, shared_took_at_ns(thread, step)).after_ns;
}

/* By a thread that became free earlier, and has not shown yet what it does. */
static bool is_taken_elsewhere(struct thread *thread, uint64_t took_ns, const struct continuation *queued)
{
	struct continuations *of;

	for (struct continuations *at = thread->continuations->next_sharing; at != thread->continuations; at = at->next_sharing) {
		const struct context *step = present_step(at->thread);
		uint64_t other_took_ns = step ? shared_took_at_ns(at->thread, step) : UINT64_MAX;
		struct bounds bounds;

		/* First what is cheap: the rest goes over what all threads have shown and read, for each of them. */
		if (other_took_ns >= took_ns)
			continue;
		bounds = bounds_of(at, other_took_ns);
		if (queued->read_at_ns > bounds.after_ns && queued->read_at_ns < bounds.before_ns &&
		    shared_first_between(at, bounds.after_ns, bounds.before_ns, &of) == queued)
			return true;
	}
	return false;
}

static struct continuation *expected_at(struct thread *thread, uint64_t took_ns, struct continuations **of)
{
	struct bounds bounds = bounds_of(thread->continuations, took_ns);
	struct continuation *found;

	while ((found = shared_first_between(thread->continuations, bounds.after_ns, bounds.before_ns, of)) &&
	       is_taken_elsewhere(thread, took_ns, found))
		bounds.after_ns = found->read_at_ns;
	return found;
}

/* If it left its core before it took the step, which nothing tells. */
static uint64_t took_at_latest_ns(const struct thread *thread, const struct context *step)
{
	return went_on_at_ns(thread, step, step->begun_ns, most_to_take_late);
}

struct continuation *shared_expected(struct thread *thread, const struct context *step, struct continuations **of)
{
	uint64_t took_ns = shared_took_at_ns(thread, step), latest_ns;
	struct continuation *found = expected_at(thread, took_ns, of);

	if (found || (latest_ns = took_at_latest_ns(thread, step)) == took_ns)
		return found;
	return expected_at(thread, latest_ns, of);
}

/* Or by then, at the latest: what was stolen from it before it left its core may have been all that it seems to have run. */
static uint64_t taken_by_ns(const struct thread *thread, const struct context *step, uint64_t took_ns)
{
	const struct continuations *loop = thread->continuations;
	uint64_t by_ns = went_on_at_ns(thread, step, step->begun_ns, most_to_take_either);

	for (uint32_t i = 0; i < AWAY_MAX && i < loop->away_count; i++) {
		const struct away *away = &loop->away[i];

		if (away->off_ns >= took_ns && away->off_ns - took_ns <= EITHER_NS + away->stolen_ns && away->on_ns > by_ns)
			by_ns = away->on_ns;
	}
	return by_ns > took_ns + RACE_NS ? by_ns : took_ns + RACE_NS;
}

static bool taken_in_midst(const struct continuation *one, const struct continuation *other)
{
	return one->taken_ns <= other->taken_ns && other->taken_ns < one->taken_by_ns;
}

/* One thread may have taken its step before or after the other one took its: likewise. */
static void note_taken_in_either_order(struct continuations *loop, const struct continuation *queued)
{
	struct continuations *at = loop;

	do
		for (uint32_t i = 0; i < at->count; i++) {
			const struct continuation *other = &at->waiting[i];

			if (other == queued || other->turn != TURN_TAKEN ||
			    (!taken_in_midst(other, queued) && !taken_in_midst(queued, other)))
				continue;
			note_in_doubt(other);
			note_in_doubt(queued);
		}
	while ((at = at->next_sharing) != loop);
}

void shared_is_taken(struct engine *engine, const struct thread *thread, struct context *step, struct continuation *queued,
		     struct continuations *of)
{
	uint64_t took_ns = shared_took_at_ns(thread, step);
	struct bounds bounds = bounds_of(thread->continuations, took_ns);

	if (queued->read_at_ns <= bounds.after_ns || queued->read_at_ns >= bounds.before_ns)
		took_ns = took_at_latest_ns(thread, step);
	queued->turn = TURN_TAKEN;
	queued->taken_ns = took_ns;
	queued->taken_by_ns = taken_by_ns(thread, step, took_ns);
	context_hold(engine, &queued->taker, step);
	note_tie(of, queued);
	note_taken_in_either_order(of, queued);
}

void shared_note_nobody(struct thread *thread, const struct context *step)
{
	struct continuations *loop = thread->continuations;

	loop->nobody[loop->nobody_count++ % NOBODY_MAX] = bounds_of(loop, shared_took_at_ns(thread, step));
}

bool shared_was_nobodys(struct continuations *loop, const struct continuation *queued)
{
	struct continuations *at = loop;

	do {
		for (uint32_t i = 0; i < NOBODY_MAX && i < at->nobody_count; i++) {
			if (queued->read_at_ns < at->nobody[i].after_ns || queued->read_at_ns > at->nobody[i].before_ns)
				continue;
			at->nobody[i] = (struct bounds){.after_ns = UINT64_MAX};
			return true;
		}
	} while ((at = at->next_sharing) != loop);
	return false;
}

bool shared_lacks_a_step(struct continuations *loop, const struct context *request)
{
	const struct continuations *at = loop;

	do
		for (uint32_t i = 0; i < at->count; i++)
			if (at->waiting[i].overtaken && at->waiting[i].turn == TURN_WOKEN &&
			    continuation_request(&at->waiting[i]) == request)
				return true;
	while ((at = at->next_sharing) != loop);
	return false;
}

unsigned int shared_count_to_come(const struct continuations *loop)
{
	const struct continuations *at = loop;
	unsigned int count = 0;

	do
		for (uint32_t i = 0; i < at->count; i++)
			count += at->waiting[i].turn == TURN_TO_COME;
	while ((at = at->next_sharing) != loop);
	return count;
}
