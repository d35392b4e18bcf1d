/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 15, answers on a connection that several requests wait on, in any order: a strand that reads for all of them lets go on whoever it
 * has read for. So the answer's request is told by whom it wakes next. In a loop of tasks a callback reads, and may wake one that tells in
 * its stead.
 */
#include <stdlib.h>
#include <string.h>

#include "engine/answers.h"
#include "engine/strand.h"

/* The first one is answered by name, or is surer to be of this work, or older. */
static bool is_surer(const struct call *call, const struct call *than, const struct context *root)
{
	if (!than || !call->answered_ns != !than->answered_ns)
		return !than || call->answered_ns;
	return context_root(call->context) == root && context_root(than->context) != root;
}

/*
 * A call there of this work, or of whatever else is done for the same request: one whose answer is there, or else the oldest. NULL: it
 * waits for nothing there.
 */
static struct call *call_of(const struct conn *conn, struct context *context)
{
	struct context *root = context_root(context), *request = strand_whose(root);
	struct call *found = NULL;

	for (struct call *call = conn->first_call; root && call; call = call->next) {
		if (context_root(call->context) != root && strand_whose(call->context) != request)
			continue;
		if (is_surer(call, found, root))
			found = call;
	}
	return found;
}

static bool several_wait(const struct conn *conn)
{
	struct context *first = strand_whose(conn->first_call->context);

	for (const struct call *call = conn->first_call->next; call; call = call->next)
		if (strand_whose(call->context) != first)
			return true;
	return false;
}

static void keep_segments(const struct moment *moment, struct unclaimed *answer)
{
	struct came segments[ARRIVALS_MAX];
	uint32_t offset = 0;

	if (!moment->moved)
		return;
	do {
		segments[answer->segment_count] = answers_came(moment->moved, offset);
		if (!segments[answer->segment_count].by_ns)
			break;
	} while (++answer->segment_count < ARRIVALS_MAX && answers_next(moment->moved, &offset));
	if (!answer->segment_count)
		return;
	answer->segments = malloc(answer->segment_count * sizeof(*segments));
	if (answer->segments)
		memcpy(answer->segments, segments, answer->segment_count * sizeof(*segments));
	else
		answer->segment_count = 0;
}

void strand_is_answered(const struct moment *moment, const struct call *call)
{
	struct proc *proc = moment->thread->proc;
	struct context *request = strand_request_of(call->context);
	struct strand *strand = request ? idmap_get(&proc->strands, request->handler_strand_id) : NULL;

	if (proc_hides_wakeups(proc) && strand && !strand->thread && strand->left_at_ns && !strand->woken_at_ns)
		strand->woken_at_ns = moment->at_ns;
}

bool strand_reads_answer(const struct moment *moment)
{
	struct thread *thread = moment->thread;
	struct conn *conn = moment->conn;
	struct named named;
	struct call *own;
	struct context *root;

	if (!thread->strand || !(conn->claimed || several_wait(conn)))
		return false;
	answers_name(moment->engine, conn, moment->moved, !proc_hides_wakeups(thread->proc), &named);
	for (uint32_t i = named.count; i-- > 0;)
		if (named.calls[i])
			strand_is_answered(moment, named.calls[i]);
	root = context_root(thread->context);
	own = root && root->handler_strand_id == thread->strand->id ? call_of(conn, root) : NULL;
	if (own) {
		rule_5_answered(moment, own);
		return true;
	}
	strand_leaves_answer(moment);
	root = context_root(thread->context);
	if (!context_is_segment(root) || root->evidence || thread->soft) {
		end_soft_tail(moment);
		turn_to_segment(moment, ORIGIN_STRAND, NULL, false);
	}
	thread->strand->answer = (struct unclaimed){.conn_id = conn->id, .arrived_ns = moment->arrived_ns, .read_ns = moment->at_ns};
	keep_segments(moment, &thread->strand->answer);
	return true;
}

void unclaimed_forget(struct unclaimed *answer)
{
	free(answer->segments);
	*answer = (struct unclaimed){0};
}

/*
 * When the one had come that is claimed now: as its name says; or else the answers are let go on in the order in which they came, in a
 * segment each. Where that is not told, of further ones in a read it is known only that they came behind the first.
 */
static void find_arrival(struct moment *read, const struct unclaimed *answer, const struct call *call)
{
	struct came came = {0};

	if (call->answered_ns)
		came = call->came;
	else if (answer->claims < answer->segment_count)
		came = answer->segments[answer->claims];
	read->at_ns = answer->read_ns;
	read->arrived_ns = answer->arrived_ns;
	read->arrival_known = answer->arrived_ns < answer->read_ns && !answer->claimed;
	answers_tell(read, came, !answer->claimed);
}

/* Whoever hands it on had been handed it, and its turn came only now. */
static void wait_for_turn(const struct moment *moment, const struct unclaimed *answer, const struct call *call)
{
	struct thread *thread = moment->thread;
	struct context *context = context_root(call->context);

	if (context)
		blame_hop(moment->engine, thread, context, answer->read_ns, thread->strand->runs_since_ns);
}

void strand_claims(const struct moment *moment, const struct strand *woken)
{
	struct unclaimed *answer = &moment->thread->strand->answer;
	struct moment read = *moment;
	struct call *call;

	read.conn = conn_of(moment->engine, answer->conn_id);
	if (!read.conn)
		return;
	answer->woke = true;
	call = woken ? call_of(read.conn, strand_context(woken)) : NULL;
	if (!call)
		return;
	find_arrival(&read, answer, call);
	if (answer->handed_on)
		wait_for_turn(moment, answer, call);
	answer->claimed = read.conn->claimed = true;
	answer->claims++;
	moment->thread->strand->dispatches = answer->handed_on;
	rule_5_answered(&read, call);
}

bool strand_hands_on(const struct moment *moment, struct strand *woken)
{
	struct strand *reader = moment->thread->strand;
	struct conn *conn = conn_of(moment->engine, reader->answer.conn_id);

	if (!proc_has_tasks(moment->thread->proc) || !conn || reader->answer.handed_on || woken->thread)
		return false;
	if (!woken->dispatches && call_of(conn, woken->context))
		return false; /* its own */
	unclaimed_forget(&woken->answer);
	woken->answer = reader->answer;
	woken->answer.handed_on = true;
	reader->answer = (struct unclaimed){0}; /* its segments have gone along */
	if (woken->dispatches) {
		context_hold(moment->engine, &woken->context, NULL);
	}
	return true;
}

/* Nobody was let go on that is known: where the runtime does not tell, they have been all the same. */
static bool give_named(const struct moment *moment, const struct unclaimed *answer)
{
	struct moment read = *moment;
	bool any = false;

	for (struct call *call = moment->conn->first_call, *next; call; call = next) {
		next = call->next;
		if (!call->answered_ns || call->answered_ns > answer->read_ns)
			continue;
		find_arrival(&read, answer, call);
		rule_5_answered(&read, call);
		any = true;
	}
	return any;
}

/* It may have been a part of an answer; where answers are never claimed it was the oldest call's. */
void strand_leaves_answer(const struct moment *moment)
{
	struct unclaimed *answer = &moment->thread->strand->answer;
	struct moment read = *moment;

	read.conn = conn_of(moment->engine, answer->conn_id);
	read.at_ns = answer->read_ns;
	read.arrived_ns = answer->arrived_ns;
	read.arrival_known = answer->arrived_ns < answer->read_ns;
	if (read.conn && !give_named(&read, answer) && read.conn->first_call && !answer->woke && !read.conn->claimed &&
	    !names_known(read.conn))
		rule_5_answered(&read, read.conn->first_call);
	unclaimed_forget(answer);
}
