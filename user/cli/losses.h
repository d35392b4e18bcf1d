/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All that a run lost, from the kernel half to the engine, in one list.
 * Called by windows.c and `requests`.
 * Never: leaves a kind out because it is 0.
 */
#ifndef IOCPU_CLI_LOSSES_H
#define IOCPU_CLI_LOSSES_H

#include "cli/feed.h"
#include "engine/engine.h"

#define LOSSES_MAX (TOOL_LOSSES_MAX + 9)

struct loss_list {
	struct snapshot_loss losses[LOSSES_MAX]; /* the first is "records" */
	size_t count;
};

/* Adds a kind, or to a kind of that name that is there already. The name is borrowed. */
void loss_list_add(struct loss_list *list, const char *name, uint64_t count);

/* The list of the tool and the engine, all since the start. */
void loss_list_read(struct loss_list *list, const struct tool_figures *tool, const struct engine *engine);

/* A line on stderr for each kind that is not 0. */
void losses_remark(const struct snapshot_loss *losses, size_t count);

#endif
