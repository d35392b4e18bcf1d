/* SPDX-License-Identifier: BSD-2-Clause */
#include "view/cells.h"

#include <stdio.h>

#include "util/apportion.h"
#include "view/text.h"

#define SAY(cell, ...) snprintf(cell, CELL_MAX, __VA_ARGS__)

void row_of_endpoint(struct row *row, const struct snapshot_endpoint *endpoint)
{
	uint64_t mean_ns[STATES];

	for (int state = 0; state < STATES; state++)
		mean_ns[state] = endpoint->state[state].mean;
	row->endpoint = endpoint;
	row->decimals = ms_decimals(endpoint->wall.mean);
	apportion(mean_ns, STATES, ms_unit_ns(row->decimals), row->units);
}

static void fill_units(const struct row *row, uint64_t units, char *cell)
{
	SAY(cell, "%.*f", row->decimals, (double)(units * ms_unit_ns(row->decimals)) / 1e6);
}

static void fill_ms(uint64_t ns, char *cell)
{
	SAY(cell, "%.*f", ms_decimals(ns), (double)ns / 1e6);
}

static void fill_service(const struct column *column, const struct row *row, char *cell)
{
	(void)column;
	SAY(cell, "%s", row->endpoint ? row->endpoint->service : "");
}

static void fill_name(const struct column *column, const struct row *row, char *cell)
{
	(void)column;
	SAY(cell, "%s", row->endpoint ? row->endpoint->endpoint : "(background)");
}

static void fill_rate(const struct column *column, const struct row *row, char *cell)
{
	double rate = row->endpoint ? row->endpoint->rate : 0;

	(void)column;
	if (row->endpoint)
		SAY(cell, "%.*f", rate < 0.995 ? 2 : rate < 99.95 ? 1 : 0, rate);
	else
		SAY(cell, "–");
}

static void fill_errors(const struct column *column, const struct row *row, char *cell)
{
	(void)column;
	if (row->endpoint)
		SAY(cell, "%.1f", 100.0 * (double)row->endpoint->errors / (double)row->endpoint->requests);
}

static void fill_p50(const struct column *column, const struct row *row, char *cell)
{
	(void)column;
	if (row->endpoint)
		fill_ms(row->endpoint->wall.p50, cell);
}

static void fill_p99(const struct column *column, const struct row *row, char *cell)
{
	(void)column;
	if (row->endpoint)
		fill_ms(row->endpoint->wall.p99, cell);
}

/* Of those that were answered at all. */
static void fill_ttfb(const struct column *column, const struct row *row, char *cell)
{
	(void)column;
	if (row->endpoint && row->endpoint->ttfb.mean != UNKNOWN_NS)
		fill_ms(row->endpoint->ttfb.mean, cell);
}

static void fill_mean(const struct column *column, const struct row *row, char *cell)
{
	uint64_t units;

	(void)column;
	if (!row->endpoint)
		return;
	apportion(&row->endpoint->wall.mean, 1, ms_unit_ns(row->decimals), &units);
	fill_units(row, units, cell);
}

static void fill_state(const struct column *column, const struct row *row, char *cell)
{
	if (row->endpoint)
		fill_units(row, row->units[column->state], cell);
}

static void fill_io_share(const struct column *column, const struct row *row, char *cell)
{
	(void)column;
	if (row->endpoint)
		SAY(cell, "%.0f", 100.0 * row->endpoint->io_share);
}

static void fill_cpu_share(const struct column *column, const struct row *row, char *cell)
{
	(void)column;
	if (row->endpoint)
		SAY(cell, "%.0f", 100.0 * row->endpoint->cpu_share);
}

/* A share of almost nothing is not nothing. */
static void fill_doubt(const struct column *column, const struct row *row, char *cell)
{
	double percent = row->endpoint ? 100.0 * row->endpoint->ambiguous_share : 0;

	(void)column;
	if (row->endpoint)
		SAY(cell, percent > 0 && percent < 0.05 ? "<0.1" : "%.1f", percent);
}

static void fill_switches(const struct column *column, const struct row *row, char *cell)
{
	double voluntary = row->endpoint ? row->endpoint->voluntary_mean : 0;
	double involuntary = row->endpoint ? row->endpoint->involuntary_mean : 0;

	(void)column;
	if (row->endpoint)
		SAY(cell, "%.*f/%.*f", voluntary < 99.95, voluntary, involuntary < 99.95, involuntary);
}

/* What the greater part of it is made of, or both. */
static void describe_background(const struct row *row, char *cell)
{
	double percent = 100 * row->background_share;
	int decimals = percent < 0.95 ? 2 : 1;

	if (row->setup_share > 0.95)
		SAY(cell, "%.*f%% of one core, caused by no request: accepting connections", decimals, percent);
	else if (row->setup_share > 0.05)
		SAY(cell, "%.*f%% of one core, caused by no request: %.0f%% accepting connections, else timers, consumers", decimals,
		    percent, 100 * row->setup_share);
	else
		SAY(cell, "%.*f%% of one core, caused by no request: timers, consumers", decimals, percent);
}

static void fill_verdict(const struct column *column, const struct row *row, char *cell)
{
	(void)column;
	if (row->endpoint)
		SAY(cell, "%s", row->endpoint->verdict_text);
	else
		describe_background(row, cell);
}

#define STATE_COLUMN(index, name, gap_before)                                                                                              \
	{                                                                                                                                  \
		.title = name, .fill = fill_state, .kind = COLUMN_STATE, .state = index, .width_min = 5, .gap = gap_before                 \
	}

const struct column table_columns[COLUMNS] = {
	{.title = "SERVICE", .fill = fill_service, .kind = COLUMN_SERVICE, .left = true, .drop_rank = 7},
	{.title = "ENDPOINT", .fill = fill_name, .kind = COLUMN_NAME, .width_min = 14, .gap = 2, .left = true},
	{.title = "REQ/S", .fill = fill_rate, .width_min = 5, .gap = 1},
	{.title = "ERR%", .fill = fill_errors, .width_min = 4, .gap = 1, .drop_rank = 4},
	{.title = "P50", .fill = fill_p50, .width_min = 5, .gap = 1, .drop_rank = 3},
	{.title = "P99", .fill = fill_p99, .width_min = 5, .gap = 1, .drop_rank = 6},
	{.title = "TTFB", .fill = fill_ttfb, .kind = COLUMN_WIDE, .width_min = 5, .gap = 1},
	{.title = "MEAN", .fill = fill_mean, .kind = COLUMN_MEAN, .width_min = 5, .gap = 1},
	STATE_COLUMN(STATE_CPU, "CPU", 2),
	STATE_COLUMN(STATE_READY, "READY", 1),
	STATE_COLUMN(STATE_QUEUE, "QUEUE", 1),
	STATE_COLUMN(STATE_LOOP, "LOOP", 1),
	STATE_COLUMN(STATE_NET, "NET", 1),
	STATE_COLUMN(STATE_DISK, "DISK", 1),
	STATE_COLUMN(STATE_LOCK, "LOCK", 1),
	STATE_COLUMN(STATE_POOL, "POOL", 1),
	STATE_COLUMN(STATE_LOG, "LOG", 1),
	STATE_COLUMN(STATE_CLIENT, "CLIENT", 1),
	STATE_COLUMN(STATE_SLEEP, "SLEEP", 1),
	STATE_COLUMN(STATE_OTHER, "OTHER", 1),
	{.title = "IO%", .fill = fill_io_share, .width_min = 3, .gap = 2, .drop_rank = 5},
	{.title = "CPU%", .fill = fill_cpu_share, .width_min = 4, .gap = 1, .drop_rank = 2},
	{.title = "AMB%", .fill = fill_doubt, .kind = COLUMN_DOUBT, .width_min = 4, .gap = 1, .drop_rank = 8},
	{.title = "CTX v/i", .fill = fill_switches, .width_min = 8, .gap = 1, .drop_rank = 1},
	{.title = "VERDICT", .fill = fill_verdict, .kind = COLUMN_VERDICT, .gap = 2, .left = true},
};
