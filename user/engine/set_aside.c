/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rules 6 and 12: a thread that works for nobody known and falls asleep in a futex has either done all that it had, or took work from a
 * queue and waits in the middle of it. What it did is set aside until it shows which.
 */
#include "engine/set_aside.h"

void set_aside_end(struct engine *engine, struct thread *thread)
{
	struct context *aside = thread->aside;

	thread->aside = NULL;
	if (aside && aside->hint)
		context_bind(engine, aside, aside->hint);
	context_put(engine, aside);
}

bool set_aside_at_futex(struct engine *engine, struct thread *thread, uint64_t off_ns)
{
	struct context *root = context_root(thread->context);

	if (!context_is_segment(root) || root->evidence || thread->loop || thread_runs_untold_goroutines(thread) || thread->carrier)
		return false;
	if (!thread_has_worked(thread, root)) {
		/* Woken in vain, as another one was quicker. */
		if (thread->aside)
			context_bind(engine, root, thread->aside);
		return thread->aside != NULL;
	}
	set_aside_end(engine, thread);
	thread->aside = context_get(root);
	thread->aside_from_ns = off_ns;
	return true;
}

static void take_back(struct engine *engine, struct thread *thread, struct context *owner, enum state state)
{
	struct context *segment = context_root(thread->context), *aside = thread->aside;

	thread->aside = NULL;
	context_add_wait(engine, owner, thread->aside_from_ns, segment->begun_ns, state);
	if (owner == segment) {
		owner->begun_ns = aside->begun_ns;
		owner->took_back = true;
	}
	context_bind(engine, aside, owner);
	context_put(engine, aside);
}

bool set_aside_taken_back(struct engine *engine, struct thread *thread, struct context *owner, uint64_t released_ns)
{
	if (!thread->aside || !context_root(thread->context) || released_ns < thread->aside_from_ns)
		return false;
	take_back(engine, thread, owner, STATE_POOL);
	return true;
}

/* Whoever answers what others have read has not done with a request before it has answered. */
static bool answers_for_others(const struct thread *thread)
{
	return thread->answers && !thread->last_server_conn_id;
}

void set_aside_goes_on(struct engine *engine, struct thread *thread, struct context *owner)
{
	if (thread->aside && owner && context_root(thread->context) && answers_for_others(thread))
		take_back(engine, thread, owner, STATE_LOCK);
}
