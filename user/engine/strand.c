/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 15: strands. Where a runtime tells which of its goroutines, virtual threads or tasks a thread runs, whose work it does is the
 * strand's, not the thread's: it is put away when the strand leaves the thread, and goes on wherever the strand does. All other rules stay
 * as they are. Between strands a thread works for the runtime.
 */
#include <stdlib.h>

#include "engine/strand.h"

static const uint8_t state_by_wait[WAIT_CAUSES] = {
	[WAIT_RUNNABLE] = STATE_READY, [WAIT_LOCK] = STATE_LOCK,  [WAIT_SLEEP] = STATE_SLEEP, [WAIT_NET] = STATE_OTHER, /* the calls tell */
	[WAIT_POLL] = STATE_OTHER,     [WAIT_DISK] = STATE_OTHER, [WAIT_LOG] = STATE_OTHER,   [WAIT_PIPE] = STATE_OTHER,
	[WAIT_OTHER] = STATE_OTHER,
};

/* ---- the strands that something is known of ---------------------------------------------------------------------------------------- */

struct strand *strand_add(struct engine *engine, struct proc *proc, uint64_t id)
{
	struct strand *strand = engine->strand_count < STRANDS_MAX ? calloc(1, sizeof(*strand)) : NULL;

	if (!strand || idmap_put(&proc->strands, id, strand)) {
		engine->losses.contexts++;
		free(strand);
		return NULL;
	}
	engine->strand_count++;
	strand->id = id;
	return strand;
}

static struct strand *strand_of(struct engine *engine, struct proc *proc, uint64_t id)
{
	struct strand *strand = idmap_get(&proc->strands, id);

	return strand ? strand : strand_add(engine, proc, id);
}

static void strand_free(struct engine *engine, struct strand *strand)
{
	context_put(engine, strand->context);
	context_put(engine, strand->given);
	context_put(engine, strand->own);
	unclaimed_forget(&strand->answer);
	engine->strand_count--;
	free(strand);
}

static void strand_forget(struct engine *engine, struct proc *proc, struct strand *strand)
{
	idmap_take(&proc->strands, strand->id);
	strand_free(engine, strand);
}

/* ---- leaving a thread -------------------------------------------------------------------------------------------------------------- */

/*
 * So long is what a task did kept, if nobody has said for whom: a task that was made as its connection came may have begun before that
 * one's first request was read, and its response will name it.
 */
#define TASK_KEPT_NS 2000000000ull

static bool may_be_named_yet(const struct strand *strand, const struct context *root, uint64_t at_ns)
{
	return strand->made && root->begun_ns + TASK_KEPT_NS > at_ns;
}

/* Is there anything that the strand goes on with when it runs again? A request that is answered lets go of whoever waits for something new.
 */
static bool goes_on(const struct thread *thread, uint8_t left, uint64_t at_ns)
{
	struct context *root = context_root(thread->context);
	bool waits_for_new = left == WAIT_NET || left == WAIT_PIPE || left == WAIT_POLL || left == WAIT_OTHER;

	if (!root)
		return false;
	if (root->is_request ? root->answered || root->told : thread->soft)
		return !waits_for_new;
	return root->is_request || root->evidence || strand_request_of(root) || may_be_named_yet(thread->strand, root, at_ns);
}

static void turn_to_runtime(struct engine *engine, struct thread *thread, uint64_t at_ns)
{
	struct context *segment = context_new_segment(engine, ORIGIN_RUNTIME, NULL, at_ns);

	thread_switch(engine, thread, segment, false);
	context_put(engine, segment);
}

/* Woken in vain, as another one was quicker, it goes on waiting: at most so long does it look whether there is by now what it waits for. */
static uint64_t waits_since(const struct strand *strand, uint64_t at_ns)
{
	return strand->waits_since_ns && at_ns - strand->runs_since_ns <= WORK_MIN_NS ? strand->waits_since_ns : at_ns;
}

/* One that could go on because it was woken while it ran had waited for that. A recording may say anything. */
static uint8_t why_left(const struct strand *strand, uint8_t left)
{
	if (left >= WAIT_CAUSES)
		return WAIT_OTHER;
	return left == WAIT_RUNNABLE && strand->woken_at_ns ? strand->woken_for : left;
}

/* The strand that the thread runs has left it. What the thread says of its time until then it says with its next record. */
static void let_go(struct engine *engine, struct thread *thread, uint8_t left, bool ended, uint64_t at_ns)
{
	struct moment moment = {.engine = engine, .thread = thread, .at_ns = at_ns};
	struct strand *strand = thread->strand;
	uint32_t via_call;
	bool kept;

	left = why_left(strand, left);
	if (strand->answer.conn_id)
		strand_leaves_answer(&moment);
	via_call = thread->via_call;
	if (strand->own && left != WAIT_RUNNABLE)
		strand_decide_in_doubt(engine, thread, at_ns);
	kept = !ended && goes_on(thread, left, at_ns);
	thread->strand = NULL;
	strand->thread = NULL;
	strand->left = left;
	strand->polled = left == WAIT_POLL;
	strand->left_at_ns = at_ns;
	strand->waits_since_ns = waits_since(strand, at_ns);
	if (kept) {
		strand->context = context_get(thread->context);
		strand->soft = thread->soft;
		strand->via_call = via_call;
	} else {
		thread_commit(engine, thread);
		strand_settle_hint(engine, thread->context);
	}
	if (ended || (!kept && !strand->given && !strand->answered_conn_id))
		strand_forget(engine, thread->proc, strand);
}

static void put_away(struct engine *engine, struct thread *thread, uint8_t left, bool ended, uint64_t at_ns)
{
	let_go(engine, thread, left, ended, at_ns);
	turn_to_runtime(engine, thread, at_ns);
}

/* ---- coming to a thread ------------------------------------------------------------------------------------------------------------ */

/* Why it was away: it waited for what its runtime says, and then for a thread to run on, or for the loop that others held. */
static void name_absence(struct engine *engine, struct thread *thread, const struct strand *strand, uint64_t at_ns)
{
	uint64_t left_ns = strand->left_at_ns, due_ns = strand->woken_at_ns > left_ns ? strand->woken_at_ns : left_ns;
	bool preempted = strand->left == WAIT_RUNNABLE && strand->left_at_ns;
	struct interval ready = {.start_ns = due_ns,
				 .end_ns = at_ns,
				 .state = STATE_READY,
				 .ready_part = preempted ? READY_PART_PREEMPTED : READY_PART_WAKEUP};

	if (!strand->context)
		return;
	if (strand->woken_at_ns && proc_has_tasks(thread->proc))
		blame_hop(engine, thread, context_root(strand->context), due_ns, at_ns);
	else if (strand->woken_at_ns || preempted)
		context_add_interval(engine, strand->context, ready);
	else
		due_ns = at_ns;
	if (left_ns && !preempted && state_by_wait[strand->left] != STATE_OTHER)
		context_add_wait(engine, strand->context, left_ns, due_ns, state_by_wait[strand->left]);
}

/* The thread that ran it last has not said yet that it left. What that did until then is this one's: its next record tells, and ends it. */
static void take_from(struct strand *strand)
{
	struct thread *thread = strand->thread;

	thread->strand = NULL;
	strand->context = context_get(thread->context);
	strand->soft = thread->soft;
	strand->via_call = thread->via_call;
}

static void let_run(struct engine *engine, struct thread *thread, struct strand *strand, uint64_t at_ns)
{
	if (strand->thread)
		take_from(strand);
	strand_take_what_is_given(engine, thread->proc, strand, at_ns);
	name_absence(engine, thread, strand, at_ns);
	if (!strand->context)
		strand->context = strand_segment(engine, ORIGIN_STRAND, NULL, at_ns);
	thread_switch(engine, thread, strand->context, strand->soft);
	thread->via_call = strand->via_call;
	thread->via_doubt = strand->via_doubt;
	context_put(engine, strand->context);
	strand->context = NULL;
	strand->soft = false;
	strand->woken_at_ns = 0;
	strand->runs_since_ns = at_ns;
	strand->thread = thread;
	thread->strand = strand;
}

/* What the thread did until now: of a new one its runtime's beginning, of any other one nobody knows which strand's. */
static void become_carrier(struct engine *engine, struct thread *thread)
{
	struct context *root = context_root(thread->context);

	if (thread->carrier)
		return;
	thread->carrier = true;
	if (root && !root->is_request && root->origin == ORIGIN_START)
		root->origin = ORIGIN_RUNTIME;
	if (root)
		root->helper_only = false;
	rule_11_forget(engine, thread);
	if (proc_has_tasks(thread->proc))
		return;
	if (thread->loop && thread->proc->told.loop_threads)
		thread->proc->told.loop_threads--;
	thread->loop = false;
}

/* It has begun already. */
static void hear_of_maker(struct context *root, struct context *hint)
{
	if (!root || root->is_request || root->hint || root->origin != ORIGIN_STRAND || root == context_root(hint))
		return;
	root->hint = context_get(context_root(hint));
	root->origin = ORIGIN_MADE;
}

static void make(struct engine *engine, struct proc *proc, uint64_t id, uint64_t maker_id, struct context *hint, uint64_t at_ns)
{
	struct strand *strand = hint ? strand_of(engine, proc, id) : NULL;

	if (strand && !strand->thread && !strand->context) {
		strand->context = strand_segment(engine, ORIGIN_MADE, hint, at_ns);
		strand->maker_id = maker_id;
	} else if (strand)
		hear_of_maker(context_root(strand->thread ? strand->thread->context : strand->context), hint);
}

/* It works for whom its maker works for as if that had done it itself, and is in the loop's queue as soon as it is made. */
static void make_task(struct engine *engine, struct thread *thread, const struct record *record)
{
	struct context *hint = strand_given_by(thread);
	struct strand *strand = strand_of(engine, thread->proc, record->strand_id);

	if (!strand || strand->thread)
		return;
	strand->made = true;
	strand->woken_at_ns = record->head.at_ns;
	if (!hint) {
		strand_made_for_unnamed(engine, thread, strand, record->head.at_ns);
		return;
	}
	hint->has_task = true;
	context_put(engine, strand->context);
	strand->context = context_get(hint);
}

#define MADE_AT_ONCE_MAX 1000

/* Where several are told at once, they have ids in a row. */
static void make_all(struct engine *engine, struct thread *thread, const struct record *record)
{
	struct context *hint = strand_given_by(thread);
	int32_t count = record->result > 1 ? record->result : 1;
	uint64_t maker_id = thread->strand ? thread->strand->id : 0;

	for (int32_t i = 0; i < count && i < MADE_AT_ONCE_MAX; i++)
		make(engine, thread->proc, record->strand_id + (uint64_t)i, maker_id, hint, record->head.at_ns);
}

/*
 * What a strand is for that runs for the first time: what its maker does. The runtime's own word for that is surer than who was seen to run
 * as its id was taken.
 */
static void make_of_parent(struct engine *engine, struct proc *proc, const struct record *record)
{
	const struct strand *parent = idmap_get(&proc->strands, record->parent_strand_id);
	struct context *hint = parent ? strand_request_of(parent->thread ? parent->thread->context : parent->context) : NULL;
	struct strand *strand = idmap_get(&proc->strands, record->strand_id);

	/* If that is the same one, it may work for somebody else by now. */
	if (!record->parent_strand_id || (strand && (strand->runs_since_ns || strand->maker_id == record->parent_strand_id)))
		return;
	if (strand) {
		context_put(engine, strand->context);
		strand->context = NULL;
	}
	make(engine, proc, record->strand_id, record->parent_strand_id, hint, record->head.at_ns);
}

/* Of the span that the record closed the new strand may have used a part, unless its first act then would have been to read again. */
static void note_doubt(const struct thread *thread, const struct strand *next, const struct record *record)
{
	struct context *request = strand_request_of(context_root(thread->context));

	if (request && record->head.flags & RECORD_STRAND_DOUBTFUL && record->core_ns && !(next && next->left == WAIT_NET))
		request->ambiguous = true;
}

/* What calls back for what the loop has just read: its work goes on. */
static bool is_callback_of_read(const struct thread *thread, const struct strand *strand)
{
	return proc_has_tasks(thread->proc) && thread->just_read && !thread->strand && !strand->context && !strand->given &&
	       !strand->woken_at_ns;
}

static void go_on_with_read(struct thread *thread, struct strand *strand, uint64_t at_ns)
{
	strand->runs_since_ns = at_ns;
	strand->thread = thread;
	thread->strand = strand;
}

static void on_runs(struct engine *engine, struct thread *thread, const struct record *record)
{
	uint64_t at_ns = record->head.at_ns;
	struct strand *strand = NULL;

	become_carrier(engine, thread);
	if (thread->strand && thread->strand->id == record->strand_id)
		return;
	note_doubt(thread, idmap_get(&thread->proc->strands, record->strand_id), record);
	if (thread->strand)
		put_away(engine, thread, (uint8_t)record->result, record->head.flags & RECORD_STRAND_ENDED, at_ns);
	if (record->strand_id) {
		make_of_parent(engine, thread->proc, record);
		strand = strand_of(engine, thread->proc, record->strand_id);
	}
	if (strand && is_callback_of_read(thread, strand))
		go_on_with_read(thread, strand, at_ns);
	else if (strand)
		let_run(engine, thread, strand, at_ns);
	else
		turn_to_runtime(engine, thread, at_ns);
}

/* One that is let go on, and whose hook says why it had waited, has left its thread, which has not said so yet. */
static void leave_as_woken(struct engine *engine, const struct proc *proc, const struct record *record)
{
	const struct strand *strand = record->result ? idmap_get(&proc->strands, record->strand_id) : NULL;

	if (strand && strand->thread)
		let_go(engine, strand->thread, (uint8_t)record->result, false, record->head.at_ns);
}

/* ---- what the other rooms call ----------------------------------------------------------------------------------------------------- */

void rules_strand(struct engine *engine, struct thread *thread, const struct record *record)
{
	struct moment moment = {.engine = engine, .thread = thread, .record = record, .at_ns = record->head.at_ns};

	if (record->epoll_at_ns && thread->carrier && !thread->loop)
		thread->timer_iteration = !record->epoll_events;
	switch (record->head.op) {
	case STRAND_RUNS:
		on_runs(engine, thread, record);
		break;
	case STRAND_MADE:
		if (proc_has_tasks(thread->proc))
			make_task(engine, thread, record);
		else
			make_all(engine, thread, record);
		break;
	case STRAND_QUEUES:
		rules_put_off(engine, thread, record);
		break;
	case STRAND_WOKEN:
		leave_as_woken(engine, thread->proc, record);
		strand_wakes(&moment);
		break;
	default:
		break;
	}
	thread->just_read = false;
}

void strand_reads(const struct thread *thread, struct context *request)
{
	request->handler_strand_id = thread->strand ? thread->strand->id : 0;
}

void strand_answers(const struct thread *thread, struct conn *conn)
{
	if (!thread->strand || !proc_has_tasks(thread->proc))
		return;
	thread->strand->answered_conn_id = conn->id;
	conn->answerer_strand_id = thread->strand->id;
}

void strand_was_due(struct engine *engine, const struct thread *thread, struct context *context, uint64_t arrived_ns)
{
	const struct strand *strand = thread->strand;

	/* One that is seen for the first time has slept through all that came before. Where strands are a loop's it was busy (blame_loop).
	 */
	if (strand && !proc_has_tasks(thread->proc) && (!strand->left_at_ns || strand->left == WAIT_NET) &&
	    strand->runs_since_ns > arrived_ns)
		context_add_interval(engine, context,
				     (struct interval){.start_ns = arrived_ns > strand->left_at_ns ? arrived_ns : strand->left_at_ns,
						       .end_ns = strand->runs_since_ns,
						       .state = STATE_READY,
						       .ready_part = READY_PART_WAKEUP});
}

bool strand_last_wait(const struct thread *thread, uint64_t *from_ns, uint64_t *until_ns)
{
	const struct strand *strand = thread->strand;

	if (!strand || !strand->left_at_ns || (strand->left != WAIT_PIPE && strand->left != WAIT_LOCK && strand->left != WAIT_OTHER))
		return false;
	*from_ns = strand->waits_since_ns;
	*until_ns = strand->runs_since_ns;
	return true;
}

void strand_loop_reads(struct engine *engine, struct thread *thread, uint64_t at_ns)
{
	if (!thread->carrier || !proc_has_tasks(thread->proc))
		return;
	/* A callback that reads is told of right before. */
	thread->reads_outside |= !thread->strand || (thread->just_accepted && !thread->strand->made);
	if (!thread->reads_outside)
		return;
	strand_leaves_loop(engine, thread, at_ns);
	thread->just_read = true;
}

void strand_leaves_loop(struct engine *engine, struct thread *thread, uint64_t at_ns)
{
	if (thread->strand && proc_has_tasks(thread->proc))
		put_away(engine, thread, WAIT_PIPE, false, at_ns);
}

void strand_ends_with(struct engine *engine, struct thread *thread)
{
	if (thread->strand)
		put_away(engine, thread, WAIT_OTHER, true, thread->span_start_ns);
}

void strands_forget(struct engine *engine, struct proc *proc)
{
	struct strand *strand;
	size_t cursor = 0;

	while ((strand = idmap_next(&proc->strands, &cursor))) {
		if (strand->thread)
			strand->thread->strand = NULL;
		strand_settle_hint(engine, strand->context);
		strand_forget(engine, proc, strand);
		cursor--; /* another one may have moved into its place */
	}
}

#define SWEEP_EVERY_NS 1000000000ull

/* Who is woken runs soon. If that is never told, the record of it was lost, or its runtime has dropped it. */
#define GIVEN_KEPT_NS 10000000000ull

static bool is_over(const struct proc *proc, const struct strand *strand, uint64_t now_ns)
{
	struct context *root = context_root(strand->context), *hint = root && !root->is_request ? context_root(root->hint) : root;

	if (strand->thread || (strand->given && strand->woken_at_ns + GIVEN_KEPT_NS > now_ns) ||
	    (strand->answered_conn_id && strand->left_at_ns + SWEEP_EVERY_NS > now_ns))
		return false;
	if (proc_has_tasks(proc) && root && !root->is_request && !root->calls_in_flight && strand->left_at_ns + TASK_KEPT_NS < now_ns)
		return true;
	return !root || (hint && hint->is_request && hint->told && !root->calls_in_flight);
}

/* Not every runtime tells a strand's end: whatever was kept for a request that is over by now is of no use. */
void strands_sweep(struct engine *engine, uint64_t now_ns)
{
	if (now_ns < engine->strands_swept_ns + SWEEP_EVERY_NS)
		return;
	engine->strands_swept_ns = now_ns;
	for (size_t i = 0; i < engine->proc_count; i++) {
		struct proc *proc = engine->procs_in_order[i];
		struct strand *strand;
		size_t cursor = 0;

		while ((strand = idmap_next(&proc->strands, &cursor))) {
			if (!is_over(proc, strand, now_ns))
				continue;
			strand_forget(engine, proc, strand);
			cursor--;
		}
	}
}
