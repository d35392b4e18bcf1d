/* SPDX-License-Identifier: BSD-2-Clause */
/* Who made whom wait: what a loop thread did while a victim's data was there. */
#include "engine/moment.h"

/* How long it held the loop in this search so far. */
static uint64_t suspect_add(struct context *suspect, uint64_t search, uint64_t ns)
{
	if (suspect->suspected_in != search)
		suspect->suspected_ns = 0;
	suspect->suspected_in = search;
	return suspect->suspected_ns += ns;
}

/* Whoever held the loop longest while `victim` had data waiting, [from, until]. */
static void find_culprit(struct engine *engine, const struct thread *thread, struct context *victim, uint64_t from_ns, uint64_t until_ns)
{
	uint64_t search = ++engine->culprit_searches, longest_ns = victim->culprit_ns;
	struct context *culprit = NULL;

	for (uint32_t i = 1; thread->history && i <= HISTORY_MAX; i++) {
		const struct history_entry *entry = &thread->history[(thread->history_next - i) & (HISTORY_MAX - 1)];
		struct context *root = context_root(entry->context);
		uint64_t start = later_ns(entry->start_ns, from_ns);
		uint64_t end = earlier_ns(entry->end_ns, until_ns);
		uint64_t held_ns;

		if (!root || entry->end_ns <= from_ns)
			break;
		if (root->hint && !root->is_request)
			root = context_root(root->hint);
		if (root == victim || end <= start)
			continue;
		held_ns = suspect_add(root, search, end - start);
		if (held_ns > longest_ns) {
			longest_ns = held_ns;
			culprit = root;
		}
	}
	if (!culprit)
		return;
	context_hold(engine, &victim->culprit, culprit);
	victim->culprit_ns = longest_ns;
}

uint64_t blame_loop(const struct moment *moment, struct context *victim, uint64_t arrived_ns)
{
	struct thread *thread = moment->thread;
	uint64_t until_ns = thread->boundary_ns ? thread->boundary_ns : moment->at_ns;
	uint64_t ready_from_ns = later_ns(thread->wake_from_ns, arrived_ns);

	if (!thread->loop)
		return 0;
	if (thread->wake_until_ns > ready_from_ns)
		context_add_interval(moment->engine, victim,
				     (struct interval){.start_ns = ready_from_ns,
						       .end_ns = thread->wake_until_ns,
						       .state = STATE_READY,
						       .ready_part = READY_PART_WAKEUP});
	if (until_ns <= arrived_ns)
		return 0;
	if (victim->is_request && context_keeps_time(victim)) /* nobody would read it, nor let go of it */
		find_culprit(moment->engine, thread, victim, arrived_ns, until_ns);
	return until_ns;
}

uint64_t blame_loop_unstamped(const struct moment *moment, struct context *victim, uint64_t write_ns)
{
	const struct thread *thread = moment->thread;
	uint64_t held_from_ns = later_ns(thread->epoll_at_ns, write_ns);
	uint64_t earliest_ns = earlier_ns(thread->due_from_ns, thread->epoll_at_ns);

	context_add_wait(moment->engine, victim, held_from_ns, blame_loop(moment, victim, held_from_ns), STATE_LOOP);
	return later_ns(earliest_ns, write_ns);
}

void blame_hop(struct engine *engine, struct thread *thread, struct context *victim, uint64_t from_ns, uint64_t until_ns)
{
	struct context *request = victim->is_request ? victim : context_root(victim->hint);

	if (until_ns <= from_ns)
		return;
	context_add_wait(engine, victim, from_ns, until_ns, STATE_LOOP);
	if (context_is_open_request(request) && !request->stream)
		find_culprit(engine, thread, request, from_ns, until_ns);
}
