/* SPDX-License-Identifier: BSD-2-Clause */
#include "engine/chains_queue.h"

#include "engine/chains_before.h"
#include "engine/idle.h"

#define HELD_UP_NS 10000000 /* who was given a connection is hardly held up for longer before it asks */

struct queue queue_for(const struct moment *moment)
{
	return (struct queue){
		.idle = idle_longest(moment->thread->proc, moment->conn->peer),
		.peer_bit = peer_bit(moment->conn->peer),
	};
}

bool queue_has(struct queue *queue, struct chains *chains, uint64_t ticket)
{
	const struct wait *wait = wait_at(chains, ticket);

	if (!still_waits(chains, ticket) || wait->found_idle & queue->peer_bit)
		return false;
	for (; queue->idle && queue->idle->idle_from_ns < wait->since_ns && queue->idle_before <= queue->waiting + queue->spare;
	     queue->idle = queue->idle->next_idle)
		queue->idle_before++;
	if (queue->idle_before > queue->waiting + queue->spare)
		return false;
	queue->waiting++;
	return true;
}

/* Also since before the trace. */
static bool has_lain_for_long(const struct conn *conn, uint64_t at_ns)
{
	if (!conn->answer_read_ns)
		return !conn->first_call && !conn->connect_seen;
	return conn->idle && at_ns >= conn->idle_from_ns + HELD_UP_NS;
}

void queue_leave_idle(const struct moment *moment, struct chains *chains)
{
	const struct conn *conn = moment->conn;
	struct queue queue = queue_for(moment);

	if (!thread_runs_untold_goroutines(moment->thread) || !has_lain_for_long(conn, moment->at_ns))
		return;
	if (!conn->answer_read_ns && thread_runs_untold_go(moment->thread))
		idle_is_left(moment->thread->proc, conn, moment->at_ns);
	if (!chains)
		return;
	if (conn->answer_read_ns)
		chains_before_left_idle(moment->engine, chains);
	queue.idle_before = !conn->answer_read_ns; /* else it is told */
	queue.spare = !queue.idle_before;
	for (uint64_t ticket = chains->waiting; ticket < chains->end; ticket++)
		if (still_waits(chains, ticket) && !queue_has(&queue, chains, ticket))
			wait_at(chains, ticket)->found_idle |= queue.peer_bit;
}
