/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The columns of the endpoint table: title, room, and how each makes its cell from a row.
 * Used by rows.c, which chooses the columns that fit and prints them.
 * Never: knows the terminal.
 */
#ifndef IOCPU_VIEW_CELLS_H
#define IOCPU_VIEW_CELLS_H

#include <stdbool.h>
#include <stddef.h>

#include "stats/snapshot.h"

#define CELL_MAX 256

/* One line of the table. */
struct row {
	const struct snapshot_endpoint *endpoint; /* NULL: the row of background work */
	double background_share;                  /* of one core */
	double setup_share;                       /* of the background: of connections */
	int decimals;                             /* of MEAN and the states, in ms */
	uint64_t units[STATES];                   /* the states in units of the last decimal: rounded so that they sum to MEAN */
};

enum column_kind { COLUMN_FIGURE, COLUMN_SERVICE, COLUMN_NAME, COLUMN_MEAN, COLUMN_STATE, COLUMN_DOUBT, COLUMN_VERDICT, COLUMN_WIDE };

struct column {
	const char *title;
	void (*fill)(const struct column *column, const struct row *row, char cell[CELL_MAX]);
	enum column_kind kind; /* COLUMN_WIDE: a figure that only --wide shows */
	enum state state;      /* of a COLUMN_STATE */
	size_t width_min;      /* keeps the table still while figures change */
	size_t gap;            /* before it */
	int drop_rank;         /* 1: the first to go when the terminal is narrow; 0: stays */
	bool left;
};

/* SERVICE, ENDPOINT, REQ/S, ERR%, P50, P99, TTFB, MEAN, the states, IO%, CPU%, AMB%, CTX, VERDICT */
#define COLUMNS (STATES + 13)

extern const struct column table_columns[COLUMNS];

/* Rounds the endpoint's figures for its row. */
void row_of_endpoint(struct row *row, const struct snapshot_endpoint *endpoint);

#endif
