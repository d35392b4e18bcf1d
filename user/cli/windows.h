/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A run cut into windows, and the total of them: which requests and how much of each process's time belong to each.
 * Called by session.c.
 * Never: a clock. A window ends where an event says so, so that a recording gives the windows of the live run.
 */
#ifndef IOCPU_CLI_WINDOWS_H
#define IOCPU_CLI_WINDOWS_H

#include "cli/feed.h"
#include "cli/pipeline.h"

struct windows;

/* Borrows the feed. NULL: no memory. */
struct windows *windows_open(const struct feed *feed);

/* A request finished. */
void windows_add(struct windows *windows, const struct named_request *named);

/* Something happened on a stream. */
void windows_add_stream(struct windows *windows, const struct named_stream *named);

/*
 * Closes the window at at_ns, gives its snapshot and begins the next one. `tool`: all since the start. The snapshot lives until the next
 * call of either function. NULL: no memory.
 */
const struct snapshot *windows_cut(struct windows *windows, const struct pipeline *pipeline, const struct tool_figures *tool,
				   uint64_t at_ns);

/* All windows that were closed so far, as one. The snapshot lives as above. NULL: no memory. */
const struct snapshot *windows_total(struct windows *windows, const struct pipeline *pipeline);

/* When the present window began, ns of the feed's clock. */
uint64_t windows_start_ns(const struct windows *windows);

void windows_close(struct windows *windows);

#endif
