/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A run from its first event to the totals: feed → pipeline → windows → output.
 * Called by the live table and by `report`.
 * Never: knows whether the events are live or recorded.
 */
#ifndef IOCPU_CLI_SESSION_H
#define IOCPU_CLI_SESSION_H

#include "cli/complain.h"
#include "cli/feed.h"
#include "cli/options.h"

/*
 * Runs until the feed ends; prints windows and totals. EXIT_DONE, or what was complained of already. A damaged feed is told of after the
 * totals of what could be read.
 */
enum exit_code session_run(struct feed *feed, const struct options *options);

#endif
