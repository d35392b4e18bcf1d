/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The engine's processes at one moment, and what each grew by since an earlier one.
 * Called by windows.c and collector.c.
 * Never: gives a growth to two of them, or to none.
 */
#ifndef IOCPU_CLI_PROCESSES_H
#define IOCPU_CLI_PROCESSES_H

#include "engine/engine.h"

struct process_list {
	struct process *processes;
	size_t count;
};

/* Fills the list anew, without freeing what it held. 0 or −ENOMEM. */
int process_list_read(struct process_list *list, const struct engine *engine);

/* The same process at the other moment; NULL: not there. */
struct process *process_list_find(const struct process_list *list, const struct process *process);

/* Turns the counters of `now`, which is one of `to`, into their growth since `from`. */
void process_list_subtract(struct process *now, const struct process_list *from, const struct process_list *to);

void process_list_fini(struct process_list *list);

#endif
