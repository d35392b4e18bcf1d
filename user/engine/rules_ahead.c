/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 11, of loops that read ahead (Asio): a step tries to read as soon as it has written. What it finds at once is delivered behind all
 * that the loop has queued by then; for what it does not find it waits in epoll, and that is delivered as soon as it is read. So a read
 * that had found nothing before is its step's beginning, and all other steps come in the order of the reads that they follow.
 */
#include "engine/rules_loop.h"

/* Read ahead, and not delivered yet. */
static bool is_queued(const struct continuations *loop, const struct continuation *waiting, const void *unused)
{
	(void)loop;
	(void)unused;
	return waiting->turn == TURN_TO_COME;
}

/* NULL: nobody's yet. */
static bool is_queued_of(const struct continuations *loop, const struct continuation *waiting, const void *request)
{
	return is_queued(loop, waiting, NULL) && continuation_request(waiting) == request;
}

static struct continuation *first_queued(struct continuations *loop)
{
	return continuations_first(loop, is_queued, NULL);
}

static unsigned int count_read_before(const struct continuations *loop, uint64_t before_ns)
{
	unsigned int count = 0;

	for (uint32_t i = 0; i < loop->count; i++)
		count += loop->waiting[i].turn == TURN_TO_COME && loop->waiting[i].read_at_ns < before_ns;
	return count;
}

/* The present step is this one's, who waited for its turn until then. */
static void belong_to(struct engine *engine, struct thread *thread, const struct continuation *queued, struct context *step)
{
	struct context *context = context_root(queued->context);

	blame_hop(engine, thread, context, queued->read_at_ns, step->begun_ns);
	context->doubts |= 1u << DOUBT_ORDER;
	context_bind(engine, step, context);
	thread->soft = false;
}

/* What was queued before this one has been delivered, too, and has shown nothing. */
static void end_those_before(const struct moment *moment, const struct continuation *queued)
{
	struct thread *thread = moment->thread;
	struct continuations *loop = thread->continuations;
	struct context *step = present_step(thread);
	bool any = false;

	for (struct continuation *first; (first = first_queued(loop)) && first->order < queued->order; any = true)
		first->turn = TURN_IN_LINE;
	if (!any || !thread_has_worked(thread, step))
		return;
	blame_hop(moment->engine, thread, context_root(queued->context), queued->read_at_ns, step->begun_ns);
	leave_unclaimed(moment->engine, step);
	turn_to_segment(moment, ORIGIN_EVENT, NULL, false);
}

/* … and ends in a call, or a response. */
static void deliver(const struct moment *moment, struct continuation *queued)
{
	struct thread *thread = moment->thread;
	struct context *step;

	end_those_before(moment, queued);
	step = present_step(thread);
	if (step)
		belong_to(moment->engine, thread, queued, step);
	continuations_drop(moment->engine, thread->continuations, queued);
}

/*
 * Steps that made no call have run too: those of all that was read before before_ns, and if there was CPU for it, one at least. Of several
 * nobody can tell whose part is whose.
 */
static void end_steps(struct engine *engine, struct thread *thread, uint64_t before_ns)
{
	struct continuations *loop = thread->continuations;
	struct context *step = present_step(thread), *root = context_root(thread->context);
	bool much = step && thread_has_worked(thread, step);
	bool missed = loop->missed_ns;
	unsigned int count;

	if (before_ns > loop->missed_ns)
		loop->missed_ns = 0;
	continuations_drop_dead(engine, loop);
	count = count_read_before(loop, before_ns);
	if (!count && much && thread_segment_cpu_ns(thread, step) >= SILENT_NS && count_read_before(loop, UINT64_MAX) == 1)
		count = 1;
	else if (!count && much && first_queued(loop))
		leave_unclaimed(engine, step);
	if (much && count == 1 && !missed)
		belong_to(engine, thread, first_queued(loop), step);
	else if (much && count)
		leave_unclaimed(engine, step);
	else if (step && thread->soft && step->hint)
		context_bind(engine, step, step->hint);
	else if (!step && root && count)
		root->ambiguous = true; /* what followed its own step seems to be a part of that */
	for (; count && missed; count--)
		continuations_drop(engine, loop, first_queued(loop)); /* their calls may have been taken for others' */
	while (count--)
		first_queued(loop)->turn = TURN_IN_LINE;
	if (!step && root && !root->calls_in_flight)
		continuations_push(engine, loop, (struct continuation){.context = root, .round = loop->round, .turn = TURN_IN_LINE});
}

/* It only sleeps when nothing is queued; and epoll is queued behind all that its last return has brought, and what was read before that. */
void ahead_ends(struct engine *engine, struct thread *thread, bool sleeps)
{
	struct continuations *loop = thread->continuations;

	end_steps(engine, thread, sleeps ? UINT64_MAX : loop->returned_ns);
	if (!sleeps)
		loop->returned_ns = thread->epoll_at_ns;
}

/* A read that finds something at the first try, or nothing at all, was queued when the connection was written; others when epoll returned.
 */
void ahead_before_read(const struct moment *moment)
{
	const struct thread *thread = moment->thread;
	bool by_event = moment->record->result > 0 && thread->continuations->found != FOUND_FIRST_TRY;
	const struct context *step;

	end_steps(moment->engine, moment->thread, by_event ? thread->epoll_at_ns : moment->conn->written_ns);
	step = present_step(thread);
	if (by_event && step && step->origin != ORIGIN_MISSED && !thread->soft)
		return; /* what ran since epoll returned was for this read */
	turn_to_segment(moment, ORIGIN_EVENT, NULL, false);
	moment->thread->boundary_ns = 0;
}

/* What was called for nobody known is some request's, whose response will name it. */
static struct context *unnamed_owner(const struct moment *moment)
{
	struct context *segment;

	end_soft_tail(moment);
	turn_to_segment(moment, ORIGIN_POOL, NULL, false);
	segment = context_root(moment->thread->context);
	context_note_evidence(segment);
	return segment;
}

/* All of the step was for the call that it ends in. A response will name it. */
static struct context *nobodys_step(struct engine *engine, struct thread *thread, struct context *step)
{
	hint_at(engine, step, NULL);
	context_note_evidence(step);
	step->origin = ORIGIN_MISSED;
	thread->soft = false;
	return step;
}

static bool is_queued_answer(const struct continuations *loop, const struct continuation *waiting, const void *conn)
{
	return is_queued(loop, waiting, NULL) && continuation_is_answer_on(waiting, ((const struct conn *)conn)->id);
}

/* Whose answer was read there has the connection; otherwise it is who comes first. */
static struct continuation *queued_caller(struct continuations *loop, const struct conn *conn)
{
	struct continuation *queued = continuations_first(loop, is_queued_answer, conn);

	return queued ? queued : first_queued(loop);
}

struct context *ahead_owner(const struct moment *moment)
{
	struct thread *thread = moment->thread;
	struct context *step = present_step(thread), *owner;
	struct continuation *queued;

	if (!step)
		return downstream_owner(moment);
	continuations_drop_dead(moment->engine, thread->continuations);
	queued = queued_caller(thread->continuations, moment->conn);
	if (thread->continuations->missed_ns)
		return nobodys_step(moment->engine, thread, step);
	if (!queued || (thread_segment_cpu_ns(thread, step) < SILENT_NS && continuations_count_in_line(thread->continuations)))
		return unnamed_owner(moment);
	deliver(moment, queued);
	owner = context_root(thread->context);
	if (owner)
		context_note_evidence(owner);
	return owner;
}

void ahead_bear_out(const struct proc *proc, struct context *context)
{
	if (!context->in_line_ns && doubts_mostly_right(proc, DOUBT_ORDER))
		context->doubts &= (uint16_t) ~(1u << DOUBT_ORDER);
}

/* Its step made no call, so that what it has asked since is nobody's who is known. */
static bool stands_in_line(const struct continuations *loop, const struct context *request)
{
	for (uint32_t i = 0; i < loop->count; i++)
		if (loop->waiting[i].turn == TURN_IN_LINE && context_root(loop->waiting[i].context) == request)
			return !request->calls_in_flight;
	return false;
}

/* What was read ahead for it, or else for nobody who is known: a response names one of those. NULL: there is none. */
static struct continuation *queued_for(struct continuations *loop, const struct context *request)
{
	struct continuation *own = continuations_first(loop, is_queued_of, request), *first = own ? own : first_queued(loop);

	if (own || (first && !continuation_request(first)))
		return first;
	return stands_in_line(loop, request) ? continuations_first(loop, is_queued_of, NULL) : NULL;
}

void ahead_server_write(const struct moment *moment, struct context *request)
{
	struct thread *thread = moment->thread;
	struct continuations *loop = thread->continuations;
	struct context *step = present_step(thread), *root = context_root(thread->context);
	struct continuation *own;

	/* After an event there is no doubt whose step it is; but what it goes on with came about in steps that were queued. */
	if (!step && root && root->is_request && root->doubts & 1u << DOUBT_ORDER)
		doubts_vote(thread->proc, DOUBT_ORDER, root == request);
	continuations_drop_dead(moment->engine, loop);
	own = queued_for(loop, request);
	if (step && own && !loop->missed_ns) {
		if (own == first_queued(loop))
			doubts_vote(thread->proc, DOUBT_ORDER, true);
		deliver(moment, own);
		ahead_bear_out(thread->proc, request);
	} else if (!step && root == request) {
		ahead_bear_out(thread->proc, request);
	}
	continuations_drop_of(moment->engine, loop, request);
}

void ahead_unknown_write(const struct moment *moment)
{
	struct thread *thread = moment->thread;
	struct continuations *loop = thread->continuations;
	struct continuation *first;

	continuations_drop_dead(moment->engine, loop);
	first = first_queued(loop);
	if (present_step(thread) && first && !continuation_request(first) && !loop->missed_ns)
		deliver(moment, first);
}
