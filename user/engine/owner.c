/* SPDX-License-Identifier: BSD-2-Clause */
/* What the rules do to a thread: whose work it does from here on. */
#include "engine/line.h"
#include "engine/moment.h"

void end_soft_tail(const struct moment *moment)
{
	struct context *tail = context_root(moment->thread->context);

	if (moment->thread->soft && tail && tail->hint)
		context_bind(moment->engine, tail, tail->hint);
}

void split_soft_tail(const struct moment *moment, struct context *tail, uint64_t start_ns)
{
	struct thread *thread = moment->thread;

	for (uint32_t i = 0; i < thread->pending_count; i++) {
		struct interval *interval = &thread->pending[i], earlier = *interval;

		if (interval->start_ns >= start_ns)
			continue;
		earlier.end_ns = earlier_ns(interval->end_ns, start_ns);
		if (interval->state == STATE_CPU) {
			earlier.proc = thread->proc;
			earlier.tid = thread->tid;
		}
		context_add_interval(moment->engine, tail->hint, earlier);
		interval->start_ns = earlier.end_ns;
	}
}

void turn_to_segment(const struct moment *moment, enum origin origin, struct context *hint, bool soft)
{
	struct context *segment = context_new_segment(moment->engine, origin, hint, moment->at_ns);

	thread_switch(moment->engine, moment->thread, segment, soft);
	context_put(moment->engine, segment);
}

void work_for(const struct moment *moment, struct context *context)
{
	struct thread *thread = moment->thread;
	struct context *before = context_root(thread->context), *root = context_root(context);

	if (root)
		root->line_ticket = 0;
	if (before == root) {
		thread->soft = false;
		return;
	}
	rule_12_turn_ends(moment->engine, thread, moment->at_ns);
	if (thread->soft)
		end_soft_tail(moment);
	else if (context_is_segment(before) && !before->evidence)
		context_bind(moment->engine, before, root);
	thread_switch(moment->engine, thread, root, false);
}

void settle_socket_waits(const struct moment *moment)
{
	struct thread *thread = moment->thread;
	static const uint8_t state_by_role[] = {
		[CONN_LISTENER] = STATE_OTHER, [CONN_SERVER] = STATE_CLIENT, [CONN_DOWNSTREAM] = STATE_NET, [CONN_PAIR] = STATE_OTHER};

	for (uint32_t i = 0; i < thread->pending_count; i++) {
		struct interval *interval = &thread->pending[i];

		if (interval->state != STATE_SOCKET_UNSETTLED)
			continue;
		interval->state = state_by_role[moment->conn->role];
		interval->peer = moment->conn->peer;
	}
}

struct context *downstream_owner(const struct moment *moment)
{
	struct thread *thread = moment->thread;
	struct context *root = context_root(thread->context);

	if (root && root->is_request && (root->answered || root->closed)) {
		turn_to_segment(moment, ORIGIN_SOFT, root, false);
		root = context_root(thread->context);
	}
	thread->soft = false;
	context_note_evidence(root);
	return root;
}
