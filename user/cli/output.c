/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/output.h"

#include <stdio.h>
#include <string.h>

#include "cli/terminal.h"
#include "export/csv.h"
#include "export/json.h"
#include "util/flush.h"
#include "view/table.h"

static int print_table(const struct output *output, const struct snapshot *snapshot, bool total)
{
	struct table_options table = {
		.wide = output->options->wide,
		.in_place = output->in_place && !total,
		.total = total,
		.waits_for = output->waits_for,
	};

	terminal_size(&table.width, &table.height);
	if (!table.in_place)
		table.height = 0;
	return table_print(stdout, snapshot, &table);
}

static int print_window_table(const struct output *output, const struct snapshot *snapshot)
{
	int err = print_table(output, snapshot, false);

	if (err || output->in_place)
		return err;
	putchar('\n');
	return flush_stream(stdout);
}

static int print_total_table(const struct output *output, const struct snapshot *snapshot)
{
	if (output->in_place) {
		fputs("\033[H\033[J", stdout);
		terminal_leave();
	}
	return print_table(output, snapshot, true);
}

static int print_json(const struct output *output, const struct snapshot *snapshot)
{
	(void)output;
	return json_print_snapshot(stdout, snapshot);
}

static int print_csv(const struct output *output, const struct snapshot *snapshot)
{
	(void)output;
	return csv_print_snapshot(stdout, snapshot);
}

/* What each format prints of a window, and at the end; NULL: nothing. */
static const struct format_row {
	int (*window)(const struct output *output, const struct snapshot *snapshot);
	int (*total)(const struct output *output, const struct snapshot *snapshot);
} format_rows[FORMATS] = {
	[FORMAT_TABLE] = {print_window_table, print_total_table},
	[FORMAT_JSON] = {NULL, print_json},
	[FORMAT_NDJSON] = {print_json, NULL},
	[FORMAT_CSV] = {NULL, print_csv},
};

void output_init(struct output *output, const struct options *options, bool live, const char *waits_for)
{
	bool table = options->format == FORMAT_TABLE;

	*output = (struct output){.options = options, .waits_for = waits_for};
	output->windows = table ? live : format_rows[options->format].window != NULL;
	/* Where no total follows, nothing else would show it. */
	output->last_window = !format_rows[options->format].total;
	/* A command that we started writes to the same terminal: its lines and a table in place would overwrite each other. */
	output->in_place = table && live && !options->program && terminal_is_live();
	if (output->in_place)
		terminal_enter();
}

int output_window(const struct output *output, const struct snapshot *snapshot)
{
	return output->windows ? format_rows[output->options->format].window(output, snapshot) : 0;
}

int output_total(const struct output *output, const struct snapshot *snapshot)
{
	const struct format_row *row = &format_rows[output->options->format];

	return row->total ? row->total(output, snapshot) : 0;
}

enum exit_code complain_output(int err)
{
	return complain(EXIT_FAILED, NULL, "writing to standard output: %s", strerror(-err));
}
