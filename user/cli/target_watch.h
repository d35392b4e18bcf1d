/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Looks for the targets of a run again and again, in a thread of its own: services end, and start anew as other processes.
 * Called by trace.c for `serve`.
 * Never: follows anybody; takes more than a hundredth of a core; finds another process under the id of one that has ended.
 */
#ifndef IOCPU_CLI_TARGET_WATCH_H
#define IOCPU_CLI_TARGET_WATCH_H

#include "cli/target.h"
#include "stats/totals_snapshot.h"

struct target_watch;

/*
 * Looks once, then goes on. EXIT_DONE and *watch, or what was complained of: a process id that nobody has is refused, as it can only mean
 * somebody else later. Borrows the options.
 */
enum exit_code target_watch_open(const struct options *options, struct target_watch **watch);

/* Adds to `list` who was found since the last call. 0 or −ENOMEM. */
int target_watch_take(struct target_watch *watch, struct pid_list *list);

/* One of them could not be followed: while it is there, it is found again at the next look. 0 or −ENOMEM. */
int target_watch_miss(struct target_watch *watch, pid_t pid);

/* Fills at most `max` targets with their names and whether anybody was there at the last look. Returns how many. */
size_t target_watch_read(struct target_watch *watch, struct totals_target *targets, size_t max);

/* NULL is fine. */
void target_watch_close(struct target_watch *watch);

#endif
