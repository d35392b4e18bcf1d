/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 16: goroutines that change on a thread without a syscall. After 10 ms Go takes a goroutine that computes off its thread, and it goes
 * on anywhere; one that is locked to its thread makes the thread sleep until it may go on. So of a thread's time in between it is not sure
 * any more whose it is, until the next record shows a goroutine again.
 */
#include "engine/goroutines.h"

#include <errno.h>

#include "engine/chains.h"
#include "engine/line.h"
#include "engine/moment.h"

#define PREEMPTED_NS 10000000 /* Go lets a goroutine compute so long */
#define SCHEDULER_NS 200000   /* its scheduler looks for work less long than this at a time */
#define BURSTS_KEPT  16       /* what a goroutine computes at one go is the average of about so many … */
#define BURSTS_MIN   4        /* … and of so many at least */
#define BURST_PART   2        /* one may compute longer than that by this part of it */
#define HELD_UP      4        /* if fewer are, another one hardly runs in the place of one who has just shown itself */
#define TRAIL_MAX    16       /* segments of a thread that are looked back for who was on it */

/* ---- losing sight ------------------------------------------------------------------------------------------------------------ */

/* Goroutines are, where virtual threads compute until they wait for something. */
static bool is_preempted(const struct thread *thread)
{
	return thread_runs_untold_goroutines(thread) && !thread->hides_strands;
}

bool goroutine_is_unseen(const struct context *segment)
{
	static const bool unseen[ORIGINS] = {[ORIGIN_START] = true, [ORIGIN_EVENT] = true, [ORIGIN_PARK] = true};

	return context_is_segment(segment) && !segment->evidence && unseen[segment->origin];
}

bool goroutine_may_resume(const struct thread *thread)
{
	const struct context *segment = context_root(thread->context);

	return goroutine_is_unseen(segment) && segment->resumes;
}

uint64_t goroutine_seen_until(const struct thread *thread)
{
	if (!thread_runs_untold_goroutines(thread) || !(thread->soft || (is_preempted(thread) && thread_is_active(thread))))
		return UINT64_MAX;
	return thread->shown_ns + (thread->soft ? SCHEDULER_NS : PREEMPTED_NS);
}

bool goroutine_may_be_moved(const struct thread *thread, uint64_t at_ns)
{
	return is_preempted(thread) && at_ns >= thread->shown_ns + PREEMPTED_NS;
}

bool goroutine_reads_for_all(const struct thread *thread, const struct conn *conn)
{
	return thread_runs_untold_goroutines(thread) && (conn->shared || conn->waiting_calls > 1);
}

static void begin_unseen(struct engine *engine, struct thread *thread, uint64_t at_ns)
{
	struct context *before = context_root(thread->context), *segment;

	if (thread->soft && before && before->hint) {
		context_bind(engine, before, before->hint);
		before = context_root(before);
	}
	segment = context_new_segment(engine, ORIGIN_PARK, NULL, at_ns);
	if (segment)
		segment->resumes = context_get(before);
	thread_switch(engine, thread, segment, false);
	context_put(engine, segment);
}

/* ---- several may have run ---------------------------------------------------------------------------------------------------- */

static uint64_t cpu_in(const struct interval *intervals, uint32_t count, uint64_t from_ns, uint64_t until_ns)
{
	uint64_t cpu_ns = 0;

	for (uint32_t i = 0; i < count; i++) {
		uint64_t start_ns = later_ns(intervals[i].start_ns, from_ns), end_ns = earlier_ns(intervals[i].end_ns, until_ns);

		if (intervals[i].state == STATE_CPU && end_ns > start_ns)
			cpu_ns += end_ns - start_ns;
	}
	return cpu_ns;
}

static uint64_t cpu_until(const struct timeline *timeline, uint64_t until_ns)
{
	return cpu_in(timeline->intervals, timeline->count, 0, until_ns);
}

/* Does the thread that has read it still show its handler, or has it fallen asleep in the midst of that? */
static bool reader_has_it(struct engine *engine, const struct context *request)
{
	const struct thread *reader = thread_of(engine, request->reader_tid);
	const struct context *root = reader ? context_root(reader->context) : NULL;

	return root && (root == request || (goroutine_is_unseen(root) && context_root(root->resumes) == request));
}

/* Nothing has been seen of its handler. */
static bool has_done_nothing(const struct context *request)
{
	return context_is_open_request(request) && !request->stream && !request->watched && !request->call_count &&
	       !context_awaits_peer(request) && cpu_until(&request->timeline, UINT64_MAX) < WORK_MIN_NS;
}

static bool others_held_up(struct engine *engine, const struct proc *proc, uint64_t before_ns, const struct context *except,
			   uint64_t more_than)
{
	uint64_t count = 0;

	for (const struct context *request = engine->open_requests; request; request = request->next_open)
		if (request->proc == proc && request != except && !request->line_ticket && request->last_read_ns < before_ns &&
		    has_done_nothing(request) && !reader_has_it(engine, request) && ++count > more_than)
			return true;
	return false;
}

bool goroutine_some_held_up(struct engine *engine, const struct proc *proc, uint64_t before_ns, uint64_t more_than)
{
	return others_held_up(engine, proc, before_ns, NULL, more_than);
}

/* A goroutine has computed since the last record, and nothing else had the thread: so long they do at one go. */
static void note_burst(const struct moment *moment)
{
	const struct record *record = moment->record;
	struct proc *proc = moment->thread->proc;

	if (record->head.op != IO_WRITE || record->core_ns < WORK_MIN_NS || record->core_ns < moment->at_ns - moment->thread->shown_ns)
		return;
	proc->burst_count += proc->burst_count < BURSTS_KEPT;
	proc->burst_ns += ((int64_t)record->core_ns - proc->burst_ns) / proc->burst_count;
}

/* For connections that are given on, or for others who ask in their name. */
static bool leave_in_silence(const struct proc *proc)
{
	return proc->has_readers || doubts_is_given_on(proc, GIVEN_TO_ANY);
}

/*
 * At least so much has been computed there since then, while others waited to be begun: these may have run as well, and what is told of all
 * that as one's may hold theirs.
 */
static bool may_hold_others(struct engine *engine, const struct thread *thread, const struct context *context, uint64_t since_ns,
			    const struct context *owner, uint64_t least_ns, uint64_t more_than)
{
	uint64_t cpu_ns;

	if (!is_preempted(thread))
		return false;
	cpu_ns = cpu_in(context->timeline.intervals, context->timeline.count, since_ns, UINT64_MAX);
	if (context == context_root(thread->context))
		cpu_ns += cpu_in(thread->pending, thread->pending_count, since_ns, UINT64_MAX);
	return cpu_ns >= later_ns(SCHEDULER_NS, least_ns) && (others_held_up(engine, thread->proc, thread->heard_ns, owner, more_than) ||
							      (!leave_in_silence(thread->proc) && chains_many_wait(thread->proc)));
}

/* One hardly computes for longer at one go. */
static uint64_t more_than_one_burst_ns(const struct proc *proc)
{
	return proc->burst_count < BURSTS_MIN ? UINT64_MAX : (uint64_t)(proc->burst_ns + proc->burst_ns / BURST_PART);
}

/*
 * The goroutine that the thread has shown has left it without a record, if that was not another one's CPU: it had asked, and would have
 * looked for the answer first; or another one reads here, while it waits for none. Where connections are given on it may wait for one.
 */
static bool left_in_silence(const struct moment *moment, const struct context *owner)
{
	const struct context *root = context_root(moment->thread->context);

	if (root->calls_in_flight)
		return !root->calls_in_flight->conn->read_for_others;
	return moment->record->head.op == IO_READ && root != owner && !leave_in_silence(moment->thread->proc) &&
	       (moment->conn->role != CONN_SERVER || moment->conn->last_request != root);
}

/*
 * The same of what the thread has computed since it showed a goroutine. If that was no more than one burst, whose it was shows when that
 * goroutine goes on (goroutine_settle).
 */
static void doubt_shown(struct engine *engine, struct thread *thread, uint64_t at_ns, bool left)
{
	struct context *root = context_root(thread->context);
	uint64_t burst_ns = more_than_one_burst_ns(thread->proc), least_ns = left ? SCHEDULER_NS : burst_ns;

	if (!root || root->ambiguous || at_ns - thread->shown_ns < least_ns ||
	    !may_hold_others(engine, thread, root, thread->shown_ns, root, least_ns, HELD_UP - 1))
		return;
	if (root->is_request && !root->calls_in_flight && !root->left_ns &&
	    !may_hold_others(engine, thread, root, thread->shown_ns, root, burst_ns, HELD_UP - 1))
		root->left_ns = at_ns;
	else
		root->ambiguous = true;
}

/* When it first showed itself again after that. */
static uint64_t shown_after(const struct context *request, uint64_t at_ns)
{
	uint64_t shown_ns = request->last_write_ns;

	for (uint32_t i = 0; i < request->call_count; i++)
		if (request->calls[i].write_ns > at_ns)
			shown_ns = earlier_ns(shown_ns, request->calls[i].write_ns);
	return shown_ns;
}

void goroutine_settle(struct context *request)
{
	const struct timeline *timeline = &request->timeline;

	if (!request->left_ns)
		return;
	request->ambiguous =
		request->ambiguous || timeline->settled_until_ns > request->left_ns ||
		cpu_in(timeline->intervals, timeline->count, request->left_ns, shown_after(request, request->left_ns)) >= WORK_MIN_NS;
}

void goroutine_lose_sight(struct engine *engine, struct thread *thread, uint64_t at_ns)
{
	struct context *before = context_root(thread->context);

	if (thread_is_active(thread))
		doubt_shown(engine, thread, at_ns, false);
	if (before && before->is_request)
		before->ran_long = true;
	begin_unseen(engine, thread, at_ns);
}

void goroutine_sleeps(struct engine *engine, struct thread *thread, uint64_t at_ns)
{
	struct context *segment;

	rule_12_turn_ends(engine, thread, at_ns);
	if (!goroutine_may_resume(thread))
		begin_unseen(engine, thread, at_ns);
	segment = context_root(thread->context);
	if (segment)
		segment->slept = true;
}

void goroutine_stray(struct engine *engine, struct context *segment, uint64_t until_ns)
{
	struct timeline *timeline = &segment->timeline;
	struct context *hint = segment->resumes ? segment->resumes : segment->hint;
	uint32_t kept = 0;

	if (cpu_until(timeline, until_ns) < SCHEDULER_NS)
		return;
	for (uint32_t i = 0; i < timeline->count; i++) {
		struct interval earlier = timeline->intervals[i], later = earlier;

		if (later.start_ns < until_ns)
			later.start_ns = earlier_ns(later.end_ns, until_ns);
		earlier.end_ns = later.start_ns;
		if (earlier.state == STATE_CPU || earlier.state == STATE_READY)
			strays_add(engine, segment->proc, earlier, hint);
		if (later.start_ns < later.end_ns)
			timeline->intervals[kept++] = later;
	}
	timeline->count = kept;
}

/* ---- a record shows one ------------------------------------------------------------------------------------------------------ */

/* Whose connection is it? NULL: nobody's yet. */
static struct context *owner_of(const struct moment *moment)
{
	const struct conn *conn = moment->conn;
	bool write = moment->record->head.op == IO_WRITE;

	if (conn->role == CONN_SERVER)
		return write ? conn->first_request : moment->record->result > 0 ? conn->last_request : NULL;
	if (write)
		return context_root(conn->reserved);
	return conn->first_call ? context_root(conn->first_call->context) : NULL;
}

/*
 * Has the goroutine that the thread showed last gone on all the time? So it is if the thread slept in between, as it would have run another
 * one that was ready; and if it was out of sight for less than another one would have been given, that would hardly have stopped by itself.
 */
static bool went_on(const struct moment *moment, const struct context *segment)
{
	return segment->slept || moment->at_ns - segment->begun_ns < PREEMPTED_NS;
}

/* Does the record show that goroutine again? */
static bool goes_on(const struct moment *moment, const struct context *segment, const struct context *owner)
{
	struct context *resumed = context_root(segment->resumes);
	enum rivals rivals = went_on(moment, segment) ? RIVALS_THAT_COMPUTED : RIVALS_THAT_MAY_RUN;

	if (!resumed || (resumed->is_request ? resumed->closed : !resumed->evidence))
		return false;
	if (owner && (owner == resumed || resumed->is_request))
		return owner == resumed;
	if (resumed->is_request && (resumed->answered || (!owner && resumed->calls_in_flight)))
		return false; /* it waits for an answer: this is another one that asks */
	if (owner && !owner->ran_long && went_on(moment, segment))
		return true;
	return (moment->record->head.op == IO_WRITE || moment->record->head.op == IO_CONNECT) &&
	       (segment->slept || !strays_have_rivals(moment->engine, moment->thread->proc, rivals, moment->at_ns));
}

/*
 * Since when has the goroutine that shows itself been here? One that reads was woken just now. One that writes may have been here since the
 * thread slept or answered, but not for longer than Go lets it; where another one was in the midst of its work, it is not known at all.
 */
static uint64_t here_since(const struct moment *moment, const struct context *segment, const struct context *owner)
{
	const struct context *resumed = context_root(segment->resumes);
	uint64_t since_ns = is_preempted(moment->thread) ? moment->at_ns - PREEMPTED_NS : 0;

	if (moment->record->head.op == IO_READ || (resumed && !resumed->answered))
		return moment->at_ns;
	return owner && owner->is_request ? later_ns(owner->first_read_ns, since_ns) : since_ns;
}

/* May it be its work? Its thread showed it before, whatever was on it since; or it has asked, and nobody is known to have asked for. */
static bool may_be_of(const struct context *segment, const struct context *owner)
{
	const struct context *at = segment;

	if (context_is_segment(segment) && segment->evidence && !segment->hint && !segment->resumes)
		return true;

	for (int i = 0; at && i < TRAIL_MAX; i++) {
		if (at == owner)
			return true;
		at = context_root(at->hint ? at->hint : at->resumes);
	}
	return false;
}

/*
 * A request is answered that has been computing, and may have been moved: the goroutine that writes was in no need of what was read here
 * last, and whoever did read it has left the thread meanwhile.
 */
static bool was_moved_here(const struct moment *moment, const struct context *before, const struct context *owner)
{
	return moment->conn->role == CONN_SERVER && moment->record->head.op == IO_WRITE && owner && owner->ran_long &&
	       thread_is_active(moment->thread) && !may_be_of(before, owner);
}

/*
 * net/http's handler starts a goroutine that watches its connection, and that runs as soon as the handler leaves the thread. So where that
 * was taken off the thread that had read the request, before it can have done anything, this look tells that it was here until now. NULL:
 * not so.
 */
static struct context *handler_that_has_run(const struct moment *moment, const struct context *segment)
{
	const struct conn *conn = moment->conn;
	struct context *request = conn->last_request;

	if (!is_preempted(moment->thread) || moment->record->head.op != IO_READ || moment->record->result != -EAGAIN ||
	    conn->role != CONN_SERVER || conn->read_state == READ_TRIED || !request || !has_done_nothing(request) ||
	    cpu_until(&segment->timeline, UINT64_MAX) < cpu_until(&segment->timeline, request->last_read_ns) + SCHEDULER_NS)
		return NULL;
	request->watched_ns = moment->at_ns; /* that it had left its reader may be told later */
	return !reader_has_it(moment->engine, request) && chains_waits_nowhere(moment->engine, request) ? request : NULL;
}

bool goroutine_has_left_unseen(struct engine *engine, struct thread *thread)
{
	const struct context *segment = context_root(thread->context);

	thread_commit(engine, thread);
	return goroutine_is_unseen(segment) && cpu_until(&segment->timeline, UINT64_MAX) >= SCHEDULER_NS;
}

void rule_16_goroutine_shown(const struct moment *moment)
{
	struct thread *thread = moment->thread;
	struct context *segment = context_root(thread->context), *owner = owner_of(moment), *resumed;

	if (moment->conn->role == CONN_PAIR)
		return; /* the scheduler wakes itself that way */
	if (thread_is_active(thread)) {
		note_burst(moment);
		doubt_shown(moment->engine, thread, moment->at_ns, left_in_silence(moment, owner));
	}
	thread->shown_ns = moment->at_ns;
	/* Several may have been let go on, and run: whose it was nobody can tell. */
	if (thread->proc->reads_for_others && goroutine_is_unseen(segment)) {
		turn_to_segment(moment, ORIGIN_PARK, NULL, false);
		segment = context_root(thread->context);
	}
	if (was_moved_here(moment, segment, owner))
		turn_to_segment(moment, ORIGIN_PARK, NULL, false);
	if (!goroutine_is_unseen(segment))
		return;
	thread_commit(moment->engine, thread);
	resumed = handler_that_has_run(moment, segment);
	if (resumed) {
		goroutine_stray(moment->engine, segment, resumed->last_read_ns);
		resumed->ambiguous = resumed->ambiguous || may_hold_others(moment->engine, thread, segment, resumed->last_read_ns, resumed,
									   more_than_one_burst_ns(thread->proc), 0);
		context_give_since(moment->engine, segment, resumed, resumed->last_read_ns);
		thread_switch(moment->engine, thread, resumed, false);
		return;
	}
	resumed = context_root(segment->resumes);
	if (goes_on(moment, segment, owner)) {
		if (!went_on(moment, segment))
			goroutine_stray(moment->engine, segment, UINT64_MAX);
		context_bind(moment->engine, segment, resumed);
		thread_switch(moment->engine, thread, resumed, false);
		return;
	}
	if (moment->record->head.op == IO_READ && chains_unseen_waits(moment->engine, thread, moment->at_ns)) {
		turn_to_segment(moment, ORIGIN_PARK, NULL, false);
		return;
	}
	goroutine_stray(moment->engine, segment, here_since(moment, segment, owner));
	segment->ambiguous =
		segment->ambiguous || may_hold_others(moment->engine, thread, segment, here_since(moment, segment, owner), owner,
						      owner || !segment->hint ? more_than_one_burst_ns(thread->proc) : 0,
						      owner || !segment->hint ? 0 : HELD_UP - 1);
	segment->slept = false;
	if (moment->conn->role == CONN_DOWNSTREAM && (moment->record->head.op == IO_WRITE || moment->record->head.op == IO_CONNECT))
		return;
	context_hold(moment->engine, &segment->resumes, NULL);
}
