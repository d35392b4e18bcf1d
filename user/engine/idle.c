/* SPDX-License-Identifier: BSD-2-Clause */
#include "engine/idle.h"

#include <stdlib.h>

/* Those to one peer. */
struct idle {
	struct conn *first, *last;
	uint16_t peer;
	uint64_t left_ns; /* until then one lay idle that had not been used since before the trace; 0: none did */
};

static struct idle *idle_to(const struct proc *proc, uint16_t peer)
{
	return idmap_get(&proc->idle_by_peer, peer);
}

/* NULL: no memory; then it is taken for one that is in use. */
static struct idle *idle_add(struct proc *proc, uint16_t peer)
{
	struct idle *idle = calloc(1, sizeof(*idle));

	if (idle)
		idle->peer = peer;
	if (idle && !idmap_put(&proc->idle_by_peer, peer, idle))
		return idle;
	free(idle);
	return NULL;
}

void idle_begins(struct proc *proc, struct conn *conn, uint64_t at_ns)
{
	struct idle *idle = idle_to(proc, conn->peer);

	idle_ends(conn);
	if (!idle && !(idle = idle_add(proc, conn->peer)))
		return;
	conn->idle = idle;
	conn->idle_from_ns = at_ns;
	conn->prev_idle = idle->last;
	if (idle->last)
		idle->last->next_idle = conn;
	else
		idle->first = conn;
	idle->last = conn;
}

void idle_ends(struct conn *conn)
{
	struct idle *idle = conn->idle;

	if (!idle)
		return;
	if (conn->prev_idle)
		conn->prev_idle->next_idle = conn->next_idle;
	else
		idle->first = conn->next_idle;
	if (conn->next_idle)
		conn->next_idle->prev_idle = conn->prev_idle;
	else
		idle->last = conn->prev_idle;
	conn->idle = NULL;
	conn->next_idle = conn->prev_idle = NULL;
}

const struct conn *idle_longest(const struct proc *proc, uint16_t peer)
{
	const struct idle *idle = idle_to(proc, peer);

	return idle ? idle->first : NULL;
}

void idle_is_left(struct proc *proc, const struct conn *conn, uint64_t at_ns)
{
	struct idle *idle = idle_to(proc, conn->peer);

	if (idle || (idle = idle_add(proc, conn->peer)))
		idle->left_ns = at_ns;
}

uint64_t idle_left_since(const struct proc *proc, uint64_t since_ns)
{
	const struct idle *idle;
	size_t cursor = 0;
	uint64_t bits = 0;

	while ((idle = idmap_next(&proc->idle_by_peer, &cursor)))
		if (since_ns < idle->left_ns)
			bits |= peer_bit(idle->peer);
	return bits;
}

void idle_close(struct proc *proc)
{
	struct idle *idle;
	size_t cursor = 0;

	while ((idle = idmap_next(&proc->idle_by_peer, &cursor))) {
		while (idle->first)
			idle_ends(idle->first);
		free(idle);
	}
	idmap_fini(&proc->idle_by_peer);
}
