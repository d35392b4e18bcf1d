/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Snapshots onto standard output, in the format that was asked for.
 * Called by session.c.
 * Never: prints to stdout what is not part of the format.
 */
#ifndef IOCPU_CLI_OUTPUT_H
#define IOCPU_CLI_OUTPUT_H

#include "cli/complain.h"
#include "cli/options.h"
#include "stats/snapshot.h"

struct output {
	const struct options *options;
	bool in_place;         /* a terminal, on which each table replaces the last */
	bool windows;          /* windows are printed, not only the total */
	bool last_window;      /* also the one that the end of the run cuts short */
	const char *waits_for; /* see struct feed */
};

void output_init(struct output *output, const struct options *options, bool live, const char *waits_for);

/* 0 or −errno of the write. */
int output_window(const struct output *output, const struct snapshot *snapshot);
int output_total(const struct output *output, const struct snapshot *snapshot);

/* Says that standard output took no more; returns EXIT_FAILED. */
enum exit_code complain_output(int err);

#endif
