/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/processes.h"

#include <errno.h>
#include <stdlib.h>

#include "util/process.h"

int process_list_read(struct process_list *list, const struct engine *engine)
{
	size_t count = engine_processes(engine, NULL, 0);

	list->count = 0;
	list->processes = calloc(count ? count : 1, sizeof(*list->processes));
	if (!list->processes)
		return -ENOMEM;
	engine_processes(engine, list->processes, count);
	list->count = count;
	return 0;
}

struct process *process_list_find(const struct process_list *list, const struct process *process)
{
	for (size_t i = 0; i < list->count; i++)
		if (process_is_same(&list->processes[i], process))
			return &list->processes[i];
	return NULL;
}

/* What joined the sum of the ended ones meanwhile had been told on its own until then. */
void process_list_subtract(struct process *now, const struct process_list *from, const struct process_list *to)
{
	const struct process *before = process_list_find(from, now);

	if (before)
		process_subtract(now, before);
	if (now->tgid || !from->processes)
		return;
	for (size_t i = 0; i < from->count; i++)
		if (from->processes[i].tgid && !process_list_find(to, &from->processes[i]))
			process_subtract(now, &from->processes[i]);
}

void process_list_fini(struct process_list *list)
{
	free(list->processes);
	*list = (struct process_list){0};
}
