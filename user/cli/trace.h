/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A live trace as a feed: finds the targets, attaches, decides when the run is over.
 * Called by the tracing subcommands.
 * Never: looks at what the records mean.
 */
#ifndef IOCPU_CLI_TRACE_H
#define IOCPU_CLI_TRACE_H

#include "cli/complain.h"
#include "cli/feed.h"
#include "cli/options.h"
#include "stats/totals_snapshot.h"

struct trace;

/*
 * Attaches to what the options name; a command is there, but waits before its exec. EXIT_DONE and *trace, or what was complained of.
 * `serve` waits for targets that are not there yet, and goes on when they end.
 * Borrows the options.
 */
enum exit_code trace_open(const struct options *options, struct trace **trace);

/* Lets the command go, if there is one: whatever else could keep the run from being of use has been tried. As trace_open. */
enum exit_code trace_start(struct trace *trace);

/* For `serve`: fills at most `max` of the run's targets, and whether they are there. Returns how many. */
size_t trace_targets(struct trace *trace, struct totals_target *targets, size_t max);

/* Its events, until it was interrupted, its time is over, or the target gone for good: then the rest, to the last ns. Lives as long as the
 * trace. */
struct feed *trace_feed(struct trace *trace);

/* Detaches; ends the command that it started and tells how it ended. NULL is fine. */
void trace_close(struct trace *trace);

#endif
