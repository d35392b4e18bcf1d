/* SPDX-License-Identifier: BSD-2-Clause */
#include "view/table_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "view/cells.h"
#include "view/text.h"

/* Below these, cutting a name or a verdict further leaves nothing to recognise. */
#define NAME_WIDTH_MIN    16
#define VERDICT_WIDTH_MIN 36

/* Into a pipe there is no width to fit, but one long path must not push the figures of all rows out of sight. */
#define NAME_WIDTH_MAX 64

/* Less background work than this, of one core, would print as 0.00%. */
#define BACKGROUND_SHARE_MIN 0.00005

/* Lines besides rows, header and footer: two empty ones, the rule, the titles, how many rows are not shown, and the cursor's. */
#define LINES_AROUND 6
#define ROWS_MIN     3

/* How the columns share the width. */
struct layout {
	bool shown[COLUMNS];
	size_t width[COLUMNS];
	bool verdict_below; /* each verdict on a line of its own */
};

#define VERDICT_INDENT 4

static void row_cell(const struct row *row, size_t column, char cell[CELL_MAX])
{
	cell[0] = '\0';
	table_columns[column].fill(&table_columns[column], row, cell);
}

static bool column_worth_showing(size_t column, const struct row *rows, size_t row_count)
{
	const char *first_service = NULL;
	enum column_kind kind = table_columns[column].kind;

	if (kind == COLUMN_WIDE)
		return false;
	if (kind != COLUMN_STATE && kind != COLUMN_DOUBT && kind != COLUMN_SERVICE)
		return true;
	for (size_t i = 0; i < row_count; i++) {
		if (!rows[i].endpoint)
			continue;
		if (kind == COLUMN_STATE && rows[i].units[table_columns[column].state])
			return true;
		if (kind == COLUMN_DOUBT && rows[i].endpoint->ambiguous_requests)
			return true;
		if (!first_service)
			first_service = rows[i].endpoint->service;
		if (kind == COLUMN_SERVICE && strcmp(first_service, rows[i].endpoint->service))
			return true;
	}
	return false;
}

static size_t natural_width(size_t column, const struct row *rows, size_t row_count)
{
	size_t width = text_columns(table_columns[column].title);
	char cell[CELL_MAX];

	if (width < table_columns[column].width_min)
		width = table_columns[column].width_min;
	for (size_t i = 0; i < row_count; i++) {
		row_cell(&rows[i], column, cell);
		if (text_columns(cell) > width)
			width = text_columns(cell);
	}
	return width;
}

static size_t column_find(enum column_kind kind)
{
	size_t column = 0;

	while (table_columns[column].kind != kind)
		column++;
	return column;
}

static size_t total_width(const struct layout *layout)
{
	size_t total = 0;

	for (size_t i = 0; i < COLUMNS; i++)
		if (layout->shown[i] && !(layout->verdict_below && table_columns[i].kind == COLUMN_VERDICT))
			total += layout->width[i] + (total ? table_columns[i].gap : 0);
	return total;
}

/* Takes the excess from one column, but not below its least width. */
static void cut_column(struct layout *layout, enum column_kind kind, size_t width_min, size_t width_max)
{
	size_t column = column_find(kind), total = total_width(layout), spare;

	if (!layout->shown[column] || layout->width[column] <= width_min || total <= width_max)
		return;
	spare = layout->width[column] - width_min;
	layout->width[column] -= total - width_max < spare ? total - width_max : spare;
}

static void drop_columns(struct layout *layout, size_t width_max)
{
	for (int rank = 1; rank < COLUMNS && total_width(layout) > width_max; rank++)
		for (size_t i = 0; i < COLUMNS; i++)
			if (table_columns[i].drop_rank == rank)
				layout->shown[i] = false;
}

/* First the verdict gives way, then the name; then the verdict gets its own line; at last columns go. Those of the states never do. */
static void fit(struct layout *layout, size_t width_max)
{
	size_t name = column_find(COLUMN_NAME), name_width = layout->width[name];

	cut_column(layout, COLUMN_VERDICT, VERDICT_WIDTH_MIN, width_max);
	cut_column(layout, COLUMN_NAME, NAME_WIDTH_MIN, width_max);
	if (total_width(layout) <= width_max)
		return;
	layout->verdict_below = true;
	layout->width[name] = name_width;
	cut_column(layout, COLUMN_NAME, NAME_WIDTH_MIN, width_max);
	drop_columns(layout, width_max);
}

static void lay_out(struct layout *layout, const struct row *rows, size_t row_count, const struct table_options *options)
{
	size_t name = column_find(COLUMN_NAME);

	memset(layout, 0, sizeof(*layout));
	for (size_t i = 0; i < COLUMNS; i++) {
		layout->shown[i] = options->wide || column_worth_showing(i, rows, row_count);
		layout->width[i] = natural_width(i, rows, row_count);
	}
	if (options->wide)
		return;
	if (layout->width[name] > NAME_WIDTH_MAX)
		layout->width[name] = NAME_WIDTH_MAX;
	if (options->width)
		fit(layout, options->width);
}

/* Says what the figures below it are, above MEAN and the states. */
static void print_rule(FILE *out, const struct layout *layout)
{
	static const char *const texts[] = {"mean ms of one request; the states sum to MEAN", "mean ms; the states sum to MEAN", "mean ms"};
	size_t before = 0, width = 0, words = 0, dashes;

	for (size_t i = 0; i < COLUMNS; i++) {
		size_t place = layout->shown[i] ? layout->width[i] + (before ? table_columns[i].gap : 0) : 0;

		if (table_columns[i].kind == COLUMN_MEAN || table_columns[i].kind == COLUMN_STATE)
			width += place;
		else if (!width)
			before += place;
	}
	/* MEAN has a gap before it, which the rule leaves free. */
	before++;
	width--;
	while (words < 2 && strlen(texts[words]) + 4 > width)
		words++;
	if (strlen(texts[words]) + 4 > width)
		return;
	dashes = width - strlen(texts[words]) - 2;
	text_pad(out, before);
	for (size_t i = 0; i < dashes / 2; i++)
		fputs("─", out);
	fprintf(out, " %s ", texts[words]);
	for (size_t i = dashes / 2; i < dashes; i++)
		fputs("─", out);
	fputc('\n', out);
}

/* A row, or the titles when it is NULL. What only spaces would follow ends its line. */
static void print_line(FILE *out, const struct layout *layout, const struct row *row)
{
	char cell[CELL_MAX];
	size_t due = 0; /* spaces not yet printed */
	bool first = true;

	for (size_t i = 0; i < COLUMNS; i++) {
		const struct column *column = &table_columns[i];
		size_t columns;

		if (!layout->shown[i] || (column->kind == COLUMN_VERDICT && layout->verdict_below))
			continue;
		if (row)
			row_cell(row, i, cell);
		else
			snprintf(cell, sizeof(cell), "%s", column->title);
		columns = text_columns(cell) < layout->width[i] ? text_columns(cell) : layout->width[i];
		due += (first ? 0 : column->gap) + (column->left ? 0 : layout->width[i] - columns);
		first = false;
		if (columns) {
			text_pad(out, due);
			columns = text_print(out, cell, layout->width[i]);
			due = 0;
		}
		due += column->left ? layout->width[i] - columns : 0;
	}
	fputc('\n', out);
}

static void print_verdict_below(FILE *out, const struct row *row, size_t width)
{
	char cell[CELL_MAX];

	row_cell(row, column_find(COLUMN_VERDICT), cell);
	text_pad(out, VERDICT_INDENT);
	text_print(out, cell, width > VERDICT_INDENT ? width - VERDICT_INDENT : 0);
	fputc('\n', out);
}

static size_t rows_that_fit(size_t row_count, const struct layout *layout, const struct table_options *options)
{
	size_t lines_a_row = layout->verdict_below ? 2 : 1, room;

	if (!options->height || !options->in_place)
		return row_count;
	room = options->height > LINES_AROUND ? (options->height - LINES_AROUND) / lines_a_row : 0;
	if (room < ROWS_MIN)
		room = ROWS_MIN;
	return row_count < room ? row_count : room;
}

int rows_print(FILE *out, const struct snapshot *snapshot, const struct table_options *options)
{
	struct row *rows = calloc(snapshot->endpoint_count + 1, sizeof(*rows));
	size_t row_count = snapshot->endpoint_count, printed;
	struct layout layout;

	if (!rows)
		return -ENOMEM;
	for (size_t i = 0; i < row_count; i++)
		row_of_endpoint(&rows[i], &snapshot->endpoints[i]);
	rows[row_count].background_share = background_share(snapshot);
	rows[row_count].setup_share = setup_share(snapshot);
	row_count += rows[row_count].background_share >= BACKGROUND_SHARE_MIN;

	lay_out(&layout, rows, row_count, options);
	print_rule(out, &layout);
	print_line(out, &layout, NULL);
	printed = rows_that_fit(row_count, &layout, options);
	for (size_t i = 0; i < printed; i++) {
		print_line(out, &layout, &rows[i]);
		if (layout.verdict_below)
			print_verdict_below(out, &rows[i], options->width);
	}
	if (printed < row_count)
		fprintf(out, "… and %zu more rows than the terminal has room for\n", row_count - printed);
	free(rows);
	return 0;
}
