/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The three parts of the table, each printing whole lines.
 * Used by table.c, which cuts and places the lines.
 * Never: clears a screen or moves a cursor.
 */
#ifndef IOCPU_VIEW_TABLE_PARTS_H
#define IOCPU_VIEW_TABLE_PARTS_H

#include "view/table.h"

/* Who is traced, for how long, at what cost. */
void header_print(FILE *out, const struct snapshot *snapshot, const struct table_options *options);

/* The titles and a row an endpoint. 0 or −ENOMEM. */
int rows_print(FILE *out, const struct snapshot *snapshot, const struct table_options *options);

/* The titles and a row for each endpoint that has streams, below an empty line. */
void streams_print(FILE *out, const struct snapshot *snapshot, const struct table_options *options);

/* Instead of rows, while there are no requests. */
void waiting_print(FILE *out, const struct snapshot *snapshot, const struct table_options *options);

/* Concurrency, parallelism, and where the processes' CPU went. */
void footer_print(FILE *out, const struct snapshot *snapshot, const struct table_options *options);

/* CPU that neither requests nor streams caused, as a share of one core. */
double background_share(const struct snapshot *snapshot);

/* How much of that was for connections before their first request had come. */
double setup_share(const struct snapshot *snapshot);

#endif
