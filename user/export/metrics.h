/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The totals as text for Prometheus and its kin; docs/metrics.md says what each figure means.
 * Called by user/serve, in its own thread.
 * Never: a clock, a socket; keeps anything between two calls.
 */
#ifndef IOCPU_EXPORT_METRICS_H
#define IOCPU_EXPORT_METRICS_H

#include <stdio.h>

#include "stats/totals_snapshot.h"

enum metrics_format {
	METRICS_PROMETHEUS,  /* text format 0.0.4 */
	METRICS_OPENMETRICS, /* 1.0, with exemplars */
	METRICS_FORMATS
};

/* For the header Content-Type. */
extern const char *const metrics_content_types[METRICS_FORMATS];

/* Prints all families. 0, −ENOMEM, or −errno of the first failed write. */
int metrics_print(FILE *out, const struct totals_snapshot *totals, enum metrics_format format);

#endif
