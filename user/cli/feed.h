/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a run's events come from, live or recorded, with what is known beside them: when it began, on how many cores, what the tool cost.
 * Made by trace.c and report.c, used by session.c, which cannot tell the one from the other.
 * Never: looks into an event.
 */
#ifndef IOCPU_CLI_FEED_H
#define IOCPU_CLI_FEED_H

#include "stats/snapshot.h"
#include "util/event.h"

#define TOOL_LOSSES_MAX 24

/* All since the start. */
struct tool_figures {
	uint64_t kernel_ns; /* UNKNOWN_NS: not measured */
	uint64_t user_cpu_ns;
	struct snapshot_loss losses[TOOL_LOSSES_MAX]; /* of the kernel half and its rings; the first is "records" */
	size_t loss_count;
};

struct feed {
	/* The next event: 1; 0: the end; −errno. As of an event_source; here the run's own end is decided as well. */
	int (*next)(struct feed *feed, struct event *event);
	void (*read_tool)(struct feed *feed, struct tool_figures *figures);
	/* Fills what is known of hooks into the process's runtime; NULL: nothing is. */
	void (*read_hook)(const struct feed *feed, struct snapshot_process *process);
	/* Shown while there are no requests: "pid 812 (npm) serves nothing; …". NULL: nothing to say. Borrowed. */
	const char *waits_for;
	uint64_t start_ns;       /* CLOCK_MONOTONIC of the machine where it was traced */
	uint64_t end_ns;         /* the same; right once `next` has returned 0 */
	bool ending;             /* what comes now is the rest: no new window begins */
	uint64_t unix_offset_ns; /* CLOCK_REALTIME − CLOCK_MONOTONIC there */
	uint32_t cores;          /* that the targets may use; 0: there is none yet */
	bool live;
	bool reads_payload; /* events come without notes, or with payload enough to make them anew */
};

#endif
