/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Adds a live run up for the exporter: requests and processes → totals → the exhibit, once a window.
 * Called by `serve`, in the tracing thread.
 * Never: waits for whoever reads the exhibit.
 */
#ifndef IOCPU_CLI_COLLECTOR_H
#define IOCPU_CLI_COLLECTOR_H

#include "cli/feed.h"
#include "cli/pipeline.h"
#include "serve/exhibit.h"

struct collector;

/* Borrows the feed and the exhibit. NULL: no memory. */
struct collector *collector_open(const struct feed *feed, const struct options *options, struct exhibit *exhibit);

/* Learns of processes that come, or run another program, from any event, before the pipeline handles it. */
void collector_learn(struct collector *collector, const struct pipeline *pipeline, const struct event *event);

/* A request finished. */
void collector_add(struct collector *collector, const struct named_request *named);

/* Something happened on a stream. */
void collector_add_stream(struct collector *collector, const struct named_stream *named);

/* What is known at the end of a window beside its events. */
struct window_end {
	uint64_t at_ns;
	struct tool_figures tool; /* all since the start */
	struct totals_target targets[TARGETS_MAX];
	size_t target_count;
};

/* Closes the window and shows the totals. 0 or −ENOMEM. */
int collector_cut(struct collector *collector, const struct pipeline *pipeline, const struct window_end *end);

/* A line on stderr for each service, and for each kind of loss: the last state, for those who come too late to ask for it. */
void collector_tell(const struct collector *collector);

/* After the exhibit was closed: what that shows borrows from here. NULL is fine. */
void collector_close(struct collector *collector);

#endif
