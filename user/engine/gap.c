/* SPDX-License-Identifier: BSD-2-Clause */
/* What a request waited for while nobody was seen to work for it: named by how the work began that ended the wait. */
#include "engine/moment.h"

/*
 * −1: the evidence does not say: in Go not where a goroutine was that a thread turned to, in a queue or asleep; nor, where turns are mostly
 * mistaken, how that one's began in which the request seems to go on.
 */
static int gap_state(const struct thread *thread, const struct context *request, const struct context *segment)
{
	if ((thread_runs_untold_goroutines(thread) && segment->origin != ORIGIN_DETACHED) || doubts_refute_turns(request))
		return -1;
	switch (segment->origin) {
	case ORIGIN_TIMER:
		return STATE_SLEEP;
	case ORIGIN_SOFT: /* a worker goes from job to job; a loop goes on with what this iteration brought */
		return !thread->loop ? STATE_QUEUE : thread->timer_iteration ? STATE_SLEEP : -1;
	case ORIGIN_START:
	case ORIGIN_FUTEX:
	case ORIGIN_HANDOFF:
	case ORIGIN_WORKER:
		return STATE_QUEUE;
	case ORIGIN_POOL:
	case ORIGIN_DETACHED:
		return STATE_POOL;
	default:
		return -1;
	}
}

/*
 * Asleep until the timer ran out, then held up by the loop's other callbacks. A timerfd tells when that was. Of an epoll timeout it is only
 * known that it came in the loop's last busy stretch: what lies between its beginning and the epoll return is in nobody's state.
 */
static void name_timer_gap(const struct moment *moment, struct context *request, uint64_t until_ns)
{
	const struct thread *thread = moment->thread;
	uint64_t from_ns = request->last_active_ns;
	uint64_t held_from_ns = later_ns(thread->held_from_ns, from_ns);

	context_add_wait(moment->engine, request, from_ns, earlier_ns(thread->due_from_ns, until_ns), STATE_SLEEP);
	if (held_from_ns >= until_ns)
		return;
	blame_loop(moment, request, held_from_ns);
	context_add_wait(moment->engine, request, held_from_ns, until_ns, STATE_LOOP);
}

/*
 * A call that outlived the request in whose callback it was made was some other request's: of one that had been waiting since before, as a
 * pool hands a connection on. If this one was at work meanwhile, it can't have been that one (rule 13).
 */
static bool detached_call_fits(const struct context *segment, const struct context *request)
{
	return segment->call_count && !request->calls_in_flight && request->last_active_ns <= segment->calls[0].start_ns;
}

void name_gap(const struct moment *moment, struct context *request, const struct context *segment)
{
	uint64_t until_ns = segment->call_count && !segment->took_back ? segment->calls[0].start_ns : segment->begun_ns;
	int state = gap_state(moment->thread, request, segment);

	if (segment->origin == ORIGIN_DETACHED && !detached_call_fits(segment, request)) {
		request->ambiguous = true;
		return;
	}
	/* It went on all the time. Who was given it in a queue began only then. */
	if ((context_root(segment->hint) == request && segment->origin != ORIGIN_FUTEX) || state < 0)
		return;
	if (state == STATE_SLEEP && moment->thread->loop)
		name_timer_gap(moment, request, until_ns);
	else
		context_add_wait(moment->engine, request, request->last_active_ns, until_ns, (enum state)state);
}
