/* SPDX-License-Identifier: BSD-2-Clause */
#include "export/csv.h"

#include <inttypes.h>
#include <string.h>

#include "util/flush.h"
#include "util/utf8.h"

/* Quoted when it must be, quotes doubled; what must not reach a terminal becomes "?", line ends included. */
static void put_text(FILE *out, const char *text)
{
	bool quoted = text[strcspn(text, ",\"")] != '\0';

	if (quoted)
		fputc('"', out);
	while (*text) {
		uint32_t code;
		size_t size = utf8_decode(text, &code);

		if (code == '"')
			fputs("\"\"", out);
		else if (utf8_columns(code) < 0)
			fputc('?', out);
		else
			fwrite(text, 1, size, out);
		text += size;
	}
	if (quoted)
		fputc('"', out);
}

struct csv_column {
	const char *title;
	enum { CSV_TEXT, CSV_ARRAY_TEXT, CSV_COUNT, CSV_REAL, CSV_RATIO, CSV_VERDICT } type;
	size_t offset; /* in struct snapshot_endpoint */
};

#define COLUMN(title, type, member)                                                                                                        \
	{                                                                                                                                  \
		title, type, offsetof(struct snapshot_endpoint, member)                                                                    \
	}
#define STATE_COLUMNS(key, state_index)                                                                                                    \
	COLUMN("state_" key "_mean_ns", CSV_COUNT, state[state_index].mean),                                                               \
		COLUMN("state_" key "_p50_ns", CSV_COUNT, state[state_index].p50),                                                         \
		COLUMN("state_" key "_p99_ns", CSV_COUNT, state[state_index].p99)
#define SLOWEST_COLUMN(key, state_index) COLUMN("slowest_state_" key "_mean_ns", CSV_COUNT, slowest_state_mean_ns[state_index])

static const struct csv_column csv_columns[] = {
	COLUMN("service", CSV_TEXT, service),
	COLUMN("endpoint", CSV_TEXT, endpoint),
	COLUMN("requests", CSV_COUNT, requests),
	COLUMN("errors", CSV_COUNT, errors),
	COLUMN("rate", CSV_REAL, rate),
	COLUMN("wall_mean_ns", CSV_COUNT, wall.mean),
	COLUMN("wall_p50_ns", CSV_COUNT, wall.p50),
	COLUMN("wall_p90_ns", CSV_COUNT, wall.p90),
	COLUMN("wall_p99_ns", CSV_COUNT, wall.p99),
	COLUMN("wall_max_ns", CSV_COUNT, wall.max),
	COLUMN("ttfb_mean_ns", CSV_COUNT, ttfb.mean),
	COLUMN("ttfb_p50_ns", CSV_COUNT, ttfb.p50),
	COLUMN("ttfb_p90_ns", CSV_COUNT, ttfb.p90),
	COLUMN("ttfb_p99_ns", CSV_COUNT, ttfb.p99),
	COLUMN("ttfb_max_ns", CSV_COUNT, ttfb.max),
	STATE_COLUMNS("cpu", STATE_CPU),
	STATE_COLUMNS("ready", STATE_READY),
	STATE_COLUMNS("queue", STATE_QUEUE),
	STATE_COLUMNS("loop", STATE_LOOP),
	STATE_COLUMNS("net", STATE_NET),
	STATE_COLUMNS("disk", STATE_DISK),
	STATE_COLUMNS("lock", STATE_LOCK),
	STATE_COLUMNS("pool", STATE_POOL),
	STATE_COLUMNS("log", STATE_LOG),
	STATE_COLUMNS("client", STATE_CLIENT),
	STATE_COLUMNS("sleep", STATE_SLEEP),
	STATE_COLUMNS("other", STATE_OTHER),
	COLUMN("slowest_requests", CSV_COUNT, slowest_requests),
	COLUMN("slowest_wall_mean_ns", CSV_COUNT, slowest_wall_mean_ns),
	SLOWEST_COLUMN("cpu", STATE_CPU),
	SLOWEST_COLUMN("ready", STATE_READY),
	SLOWEST_COLUMN("queue", STATE_QUEUE),
	SLOWEST_COLUMN("loop", STATE_LOOP),
	SLOWEST_COLUMN("net", STATE_NET),
	SLOWEST_COLUMN("disk", STATE_DISK),
	SLOWEST_COLUMN("lock", STATE_LOCK),
	SLOWEST_COLUMN("pool", STATE_POOL),
	SLOWEST_COLUMN("log", STATE_LOG),
	SLOWEST_COLUMN("client", STATE_CLIENT),
	SLOWEST_COLUMN("sleep", STATE_SLEEP),
	SLOWEST_COLUMN("other", STATE_OTHER),
	COLUMN("cpu_time_mean_ns", CSV_COUNT, cpu_time.mean),
	COLUMN("cpu_time_p50_ns", CSV_COUNT, cpu_time.p50),
	COLUMN("cpu_time_p99_ns", CSV_COUNT, cpu_time.p99),
	COLUMN("after_response_cpu_mean_ns", CSV_COUNT, after_response_cpu_mean_ns),
	COLUMN("ready_wakeup_mean_ns", CSV_COUNT, ready_mean_ns[READY_PART_WAKEUP]),
	COLUMN("ready_preempted_mean_ns", CSV_COUNT, ready_mean_ns[READY_PART_PREEMPTED]),
	COLUMN("ready_throttled_mean_ns", CSV_COUNT, ready_mean_ns[READY_PART_THROTTLED]),
	COLUMN("ready_stolen_mean_ns", CSV_COUNT, ready_mean_ns[READY_PART_STOLEN]),
	COLUMN("io_share", CSV_REAL, io_share),
	COLUMN("cpu_share", CSV_REAL, cpu_share),
	COLUMN("io_cpu_ratio", CSV_RATIO, io_cpu_ratio),
	COLUMN("voluntary_switches_mean", CSV_REAL, voluntary_mean),
	COLUMN("involuntary_switches_mean", CSV_REAL, involuntary_mean),
	COLUMN("delayed_requests", CSV_COUNT, delayed_requests),
	COLUMN("ambiguous_requests", CSV_COUNT, ambiguous_requests),
	COLUMN("ambiguous_share", CSV_REAL, ambiguous_share),
	COLUMN("verdict", CSV_VERDICT, verdict),
	COLUMN("verdict_text", CSV_ARRAY_TEXT, verdict_text),
};

#define CSV_COLUMNS (sizeof(csv_columns) / sizeof(csv_columns[0]))

static void put_field(FILE *out, const struct csv_column *column, const struct snapshot_endpoint *endpoint)
{
	const void *field = (const char *)endpoint + column->offset;
	double ratio;

	switch (column->type) {
	case CSV_TEXT:
		put_text(out, *(const char *const *)field);
		break;
	case CSV_ARRAY_TEXT:
		put_text(out, field);
		break;
	case CSV_COUNT:
		if (*(const uint64_t *)field != UNKNOWN_NS)
			fprintf(out, "%" PRIu64, *(const uint64_t *)field);
		break;
	case CSV_REAL:
		fprintf(out, "%.6g", *(const double *)field);
		break;
	case CSV_RATIO:
		ratio = *(const double *)field;
		if (ratio >= 0)
			fprintf(out, "%.6g", ratio);
		break;
	case CSV_VERDICT:
		put_text(out, verdict_names[*(const enum verdict *)field]);
		break;
	}
}

int csv_print_snapshot(FILE *out, const struct snapshot *snapshot)
{
	for (size_t i = 0; i < CSV_COLUMNS; i++)
		fprintf(out, "%s%s", i ? "," : "", csv_columns[i].title);
	fputs("\r\n", out);
	for (size_t row = 0; row < snapshot->endpoint_count; row++) {
		for (size_t i = 0; i < CSV_COLUMNS; i++) {
			if (i)
				fputc(',', out);
			put_field(out, &csv_columns[i], &snapshot->endpoints[row]);
		}
		fputs("\r\n", out);
	}
	return flush_stream(out);
}
