/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Makes the const snapshot out of the endpoint table.
 * Used by stats.c only; everybody else goes through stats.h.
 * Never: points into the table: what it takes from there is copied.
 */
#ifndef IOCPU_STATS_SNAPSHOT_MAKE_H
#define IOCPU_STATS_SNAPSHOT_MAKE_H

#include "stats/endpoint.h"
#include "stats/snapshot.h"
#include "stats/table.h"

/* The rows of the table that a snapshot is made of. */
struct endpoint_row {
	struct table_row row;
	struct endpoint endpoint;
};

/* The frame is copied, its arrays are borrowed. NULL: no memory. */
const struct snapshot *snapshot_make(const struct endpoint_table *table, const struct snapshot_frame *frame);

/* NULL is fine. */
void snapshot_free(const struct snapshot *snapshot);

#endif
