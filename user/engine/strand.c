/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 15: strands. Where a runtime tells which of its goroutines, virtual threads or tasks a thread runs, whose work it does is the
 * strand's, not the thread's: it is put away when the strand leaves the thread, and goes on wherever the strand does. All other rules stay
 * as they are. Between strands a thread works for the runtime.
 */
#include "engine/strand.h"

static const uint8_t state_by_wait[WAIT_CAUSES] = {
	[WAIT_RUNNABLE] = STATE_READY, [WAIT_LOCK] = STATE_LOCK,  [WAIT_SLEEP] = STATE_SLEEP, [WAIT_NET] = STATE_OTHER, /* the calls tell */
	[WAIT_POLL] = STATE_OTHER,     [WAIT_DISK] = STATE_OTHER, [WAIT_LOG] = STATE_OTHER,   [WAIT_PIPE] = STATE_OTHER,
	[WAIT_OTHER] = STATE_OTHER,
};

/* ---- leaving a thread -------------------------------------------------------------------------------------------------------------- */

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
	if (root->is_request ? root->answered || root->closed : thread->soft)
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
	uint64_t left_ns = strand->left_at_ns, due_ns = later_ns(strand->woken_at_ns, left_ns);
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
	context_hold(engine, &strand->context, NULL);
	strand->soft = false;
	strand->woken_at_ns = 0;
	strand->woken_behind = false;
	strand->runs_since_ns = at_ns;
	strand->thread = thread;
	thread->strand = strand;
}

/* What the thread did until now: of a new one its runtime's beginning, of any other one nobody knows which strand's. */
static void become_carrier(struct engine *engine, struct thread *thread)
{
	struct context *root = context_root(thread->context);

	thread->proc->told.strands_told = true; /* of this program: the one before may have been another runtime's */
	if (thread->carrier)
		return;
	thread->carrier = true;
	if (context_is_segment(root) && root->origin == ORIGIN_START)
		root->origin = ORIGIN_RUNTIME;
	if (root)
		root->helper_only = false;
	rule_11_forget(engine, thread);
	if (proc_has_tasks(thread->proc))
		return;
	thread_uncount_loop(thread);
	thread->loop = false;
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
		strand_make_of_parent(engine, thread->proc, record);
		strand = strand_get(engine, thread->proc, record->strand_id);
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
			strand_make_task(engine, thread, record);
		else
			strand_make_all(engine, thread, record);
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
				     (struct interval){.start_ns = later_ns(arrived_ns, strand->left_at_ns),
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
