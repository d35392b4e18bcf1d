/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of endpoints: header, a row an endpoint, and the process's figures below it; live windows and totals alike.
 * Called by cli's live table and by `report`.
 * Never: lets a control character of a name through, prints a number that it does not know, allocates for longer than the call.
 */
#ifndef IOCPU_VIEW_TABLE_H
#define IOCPU_VIEW_TABLE_H

#include <stdbool.h>
#include <stdio.h>

#include "stats/snapshot.h"

struct table_options {
	unsigned width;  /* of the terminal, in columns; 0: no limit */
	unsigned height; /* of the terminal, in lines: the endpoints that do not fit are counted instead; 0: no limit */
	bool wide;       /* all columns, also those that are all zero, and no line is cut */
	bool in_place;   /* over the last table: from the top left corner, clears what is left of each line and below, cuts to the width */
	bool total;      /* the whole run: the header says "total, 12.3 s" instead of "last 1.0 s" */
	/*
	 * What is said besides, while there are no requests: "pid 812 (npm) serves nothing; its child 815 (node) does". NULL: nothing.
	 */
	const char *waits_for;
};

/* Prints the table as UTF-8 and flushes. 0, −ENOMEM, or −errno of the write. */
int table_print(FILE *out, const struct snapshot *snapshot, const struct table_options *options);

#endif
