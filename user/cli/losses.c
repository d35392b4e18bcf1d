/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/losses.h"

#include <string.h>

#include "cli/complain.h"

/* The engine's losses by their names in outputs, which must differ from those of the probe. */
static const struct loss_row {
	const char *name;
	size_t offset;
} engine_loss_rows[] = {
	{"contexts", offsetof(struct engine_losses, contexts)},
	{"forgotten_connections", offsetof(struct engine_losses, conns)},
	{"unlisted_calls", offsetof(struct engine_losses, calls)},
	{"unnamed_lock_waits", offsetof(struct engine_losses, holds)},
	{"waiters", offsetof(struct engine_losses, waiters)},
	{"late_writes", offsetof(struct engine_losses, late_writes)},
	{"folded_timelines", offsetof(struct engine_losses, stretches)},
	{"unknown_threads", offsetof(struct engine_losses, unknown_threads)},
};

#define ENGINE_LOSSES (sizeof(engine_loss_rows) / sizeof(engine_loss_rows[0]))

_Static_assert(TOOL_LOSSES_MAX + ENGINE_LOSSES < LOSSES_MAX, "all kinds have room, and the statistics' one as well");

void loss_list_add(struct loss_list *list, const char *name, uint64_t count)
{
	for (size_t i = 0; i < list->count; i++)
		if (!strcmp(list->losses[i].name, name)) {
			list->losses[i].count += count;
			return;
		}
	if (list->count < LOSSES_MAX)
		list->losses[list->count++] = (struct snapshot_loss){name, count};
}

void loss_list_read(struct loss_list *list, const struct tool_figures *tool, const struct engine *engine)
{
	struct engine_losses losses;

	*list = (struct loss_list){0};
	for (size_t i = 0; i < tool->loss_count; i++)
		loss_list_add(list, tool->losses[i].name, tool->losses[i].count);
	engine_losses(engine, &losses);
	for (size_t i = 0; i < ENGINE_LOSSES; i++)
		loss_list_add(list, engine_loss_rows[i].name, *(uint64_t *)((char *)&losses + engine_loss_rows[i].offset));
}

void losses_remark(const struct snapshot_loss *losses, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (losses[i].count)
			remark("lost: %llu %s", (unsigned long long)losses[i].count, losses[i].name);
}
