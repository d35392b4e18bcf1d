/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Samples and labels as the text formats of Prometheus and OpenMetrics want them.
 * Used by metrics.c only.
 * Never: knows a metric.
 */
#ifndef IOCPU_EXPORT_METRICS_TEXT_H
#define IOCPU_EXPORT_METRICS_TEXT_H

#include <stdio.h>

#include "export/metrics.h"

/* Labels of a sample. */
struct text_labels {
	const char *ready; /* "a=\"x\",b=\"y\"", escaped already; or "" */
	const char *name;  /* of one more; NULL: none */
	const char *value; /* escaped here */
};

struct text_exemplar {
	const char *request_id; /* NULL: none */
	uint64_t value_ns;
	uint64_t at_unix_ns;
};

struct text_times {
	const uint64_t *edges_ns;
	size_t edge_count;
	const uint64_t *counts; /* counts[i] above edge i − 1 and up to edge i; the last: above all */
	uint64_t sum_ns;
};

/* Writes `name="value"`, the value escaped, what is not UTF-8 as U+FFFD; after a comma when `more`. */
void text_label(FILE *out, bool more, const char *name, const char *value);

/* A whole number of ns as seconds, exactly. */
void text_seconds(FILE *out, uint64_t ns);

/* "name_suffix{labels} "; the value and the line's end are the caller's. */
void text_sample(FILE *out, const char *name, const char *suffix, const struct text_labels *labels);

/* The lines of one histogram; the exemplar stands on the line of its bucket. */
void text_histogram(FILE *out, const char *name, const struct text_labels *labels, const struct text_times *times,
		    const struct text_exemplar *exemplar);

#endif
