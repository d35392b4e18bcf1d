/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 16: which threads of a JVM run strands of its own in turns, that no hook tells of (virtual threads). What waits at an epoll fd
 * is a strand then, and runs on any of them; and one that waits for an answer lets the next one run, where a thread would sleep.
 */
#include <stdlib.h>
#include <string.h>

#include "engine/line.h"
#include "engine/moment.h"
#include "engine/rules_loop.h"

static void hide_strands(struct engine *engine, struct thread *thread, uint64_t at_ns)
{
	struct proc *proc = thread->proc;

	thread_uncount_loop(thread);
	thread->hides_strands = proc->hides_strands = true;
	thread->shown_ns = at_ns;
	if (!thread->continuations)
		return;
	/* It is no loop. */
	rule_12_events_shared(engine, thread);
	lines_close(engine, thread);
	rule_11_forget(engine, thread);
	free(thread->continuations);
	thread->continuations = NULL;
}

/* ---- several threads take turns at several epoll fds --------------------------------------------------------------------------------- */

static struct epoll *epoll_of(struct proc *proc, int32_t fd)
{
	return &proc->epolls[(uint32_t)fd % EPOLLS_MAX];
}

/* Whoever seemed to be a loop there runs strands, too. */
static void give_to_strands(struct engine *engine, struct proc *proc, struct epoll *here, uint64_t at_ns)
{
	struct thread *other;
	size_t cursor = 0;

	here->by_strands = true;
	while ((other = idmap_next(&engine->threads, &cursor)))
		if (other->proc == proc && other->continuations && !other->carrier && other->continuations->epoll_fd == here->fd)
			hide_strands(engine, other, at_ns);
}

/* Does it wait here by turns with others, as at another one before? */
static bool takes_turns(struct thread *thread, const struct epoll *here)
{
	int32_t first_fd = thread->continuations->epoll_fd;
	const struct epoll *first = epoll_of(thread->proc, first_fd);

	if (here->by_strands)
		return true;
	return here->fd != first_fd && (thread->proc->hides_strands || (here->by_several && first->by_several && first->fd == first_fd));
}

void rule_16_waits_at(struct engine *engine, struct thread *thread, const struct record *epoll)
{
	struct epoll *here = epoll_of(thread->proc, epoll->epoll_fd);

	if (!proc_hides_wakeups(thread->proc))
		return;
	if (!here->tid || here->fd != epoll->epoll_fd)
		*here = (struct epoll){.fd = epoll->epoll_fd};
	here->by_several |= here->tid && here->tid != thread->tid && thread_of(engine, here->tid);
	here->tid = thread->tid;
	if (thread->carrier)
		return;
	if (thread->continuations && takes_turns(thread, here))
		hide_strands(engine, thread, epoll->epoll_at_ns);
	if (thread->hides_strands && !here->by_strands)
		give_to_strands(engine, thread->proc, here, epoll->epoll_at_ns);
}

/* ---- a thread turns to another request where it should have slept -------------------------------------------------------------------- */

/* It has asked for the request, and asks for it elsewhere before the answer came: who waits for an answer cannot, so another strand does.
 */
static bool asks_beside(const struct moment *moment, const struct context *request)
{
	const struct call *call = request->calls_in_flight;

	while (call && (call->asker_tid != moment->thread->tid || call->conn == moment->conn))
		call = call->next_in_flight;
	return call != NULL;
}

void rule_16_asked(const struct moment *moment)
{
	const struct context *root = context_root(moment->thread->context);

	if (context_is_open_request(root) && !moment->thread->loop && !moment->thread->carrier)
		moment->thread->proc->asks_beside |= asks_beside(moment, root);
	moment->thread->awaits_answer = proc_hides_wakeups(moment->thread->proc) && moment->conn->answer_read_ns &&
					context_is_open_request(root) && root->calls_in_flight;
}

void rule_16_forget(struct thread *thread)
{
	struct proc *proc = thread->proc;

	thread->loop &= !thread->hides_strands; /* it may become one */
	thread->hides_strands = proc->hides_strands = false;
	memset(proc->epolls, 0, sizeof(proc->epolls));
}

void rule_16_has_waited(struct thread *thread)
{
	thread->awaits_answer = false;
}

/* Whose data is it that is read, or written? NULL: nobody's who is known. */
static const struct context *shown_by(const struct moment *moment)
{
	const struct conn *conn = moment->conn;

	if (conn->role == CONN_DOWNSTREAM)
		return moment->record->head.op == IO_READ && conn->first_call ? context_root(conn->first_call->context) : NULL;
	return conn->role == CONN_SERVER ? conn->first_request : NULL;
}

void rule_16_acts(const struct moment *moment)
{
	struct thread *thread = moment->thread;
	const struct context *root = context_root(thread->context), *shown;

	if (!thread->awaits_answer || moment->record->result <= 0)
		return;
	shown = shown_by(moment);
	if (!thread->loop && !thread->carrier && !thread_runs_untold_goroutines(thread) && root &&
	    (shown ? shown != root : moment->conn->role == CONN_SERVER && moment->conn->id != root->conn_id))
		hide_strands(moment->engine, thread, moment->at_ns);
	thread->awaits_answer = false;
}
