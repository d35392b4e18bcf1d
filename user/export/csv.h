/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CSV (RFC 4180): a header line, then a line an endpoint; the figures are those of the JSON contract, under flattened names.
 * Called by cli for -o csv.
 * Never: a 0 for what is not known (that is an empty field).
 */
#ifndef IOCPU_EXPORT_CSV_H
#define IOCPU_EXPORT_CSV_H

#include <stdio.h>

#include "stats/snapshot.h"

/* Header and rows; lines end in CRLF; flushes. 0 or −errno of the write. */
int csv_print_snapshot(FILE *out, const struct snapshot *snapshot);

#endif
