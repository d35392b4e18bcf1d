/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>

#include "view/table_parts.h"
#include "view/text.h"

#define CELL_MAX       32
#define NAME_WIDTH_MIN 16
#define NAME_WIDTH_MAX 48

struct stream_column {
	const char *title;
	int width;
	void (*fill)(const struct snapshot_stream *stream, double seconds, char cell[CELL_MAX]);
};

static void fill_rate(double count, double seconds, char cell[CELL_MAX])
{
	double rate = seconds > 0 ? count / seconds : 0;

	snprintf(cell, CELL_MAX, "%.*f", rate < 0.995 ? 2 : rate < 99.95 ? 1 : 0, rate);
}

static void fill_open(const struct snapshot_stream *stream, double seconds, char cell[CELL_MAX])
{
	(void)seconds;
	snprintf(cell, CELL_MAX, "%" PRIu64, stream->open);
}

static void fill_opened(const struct snapshot_stream *stream, double seconds, char cell[CELL_MAX])
{
	fill_rate((double)stream->opened, seconds, cell);
}

static void fill_ended(const struct snapshot_stream *stream, double seconds, char cell[CELL_MAX])
{
	fill_rate((double)stream->ended, seconds, cell);
}

static void fill_ms(uint64_t ns, char cell[CELL_MAX])
{
	if (ns != UNKNOWN_NS)
		snprintf(cell, CELL_MAX, "%.*f", ms_decimals(ns), (double)ns / 1e6);
}

static void fill_opening(const struct snapshot_stream *stream, double seconds, char cell[CELL_MAX])
{
	(void)seconds;
	fill_ms(stream->opening.mean, cell);
}

static void fill_lasted(const struct snapshot_stream *stream, double seconds, char cell[CELL_MAX])
{
	double lasted_s = (double)stream->lasted.p50 / 1e9;

	(void)seconds;
	if (stream->lasted.p50 != UNKNOWN_NS)
		snprintf(cell, CELL_MAX, "%.*f", lasted_s < 9.995 ? 2 : lasted_s < 99.95 ? 1 : 0, lasted_s);
}

static void fill_reads(const struct snapshot_stream *stream, double seconds, char cell[CELL_MAX])
{
	fill_rate((double)stream->reads, seconds, cell);
}

static void fill_writes(const struct snapshot_stream *stream, double seconds, char cell[CELL_MAX])
{
	fill_rate((double)stream->writes, seconds, cell);
}

static void fill_read_bytes(const struct snapshot_stream *stream, double seconds, char cell[CELL_MAX])
{
	fill_rate((double)stream->read_bytes / 1e3, seconds, cell);
}

static void fill_written_bytes(const struct snapshot_stream *stream, double seconds, char cell[CELL_MAX])
{
	fill_rate((double)stream->written_bytes / 1e3, seconds, cell);
}

static void fill_cpu_share(const struct snapshot_stream *stream, double seconds, char cell[CELL_MAX])
{
	double percent = seconds > 0 ? (double)stream->cpu_ns / 1e7 / seconds : 0;

	snprintf(cell, CELL_MAX, "%.*f", percent < 0.95 ? 2 : 1, percent);
}

/* Of a read or a write. */
static void fill_cpu(const struct snapshot_stream *stream, double seconds, char cell[CELL_MAX])
{
	uint64_t messages = stream->reads + stream->writes;

	(void)seconds;
	if (messages)
		fill_ms(stream->cpu_ns / messages, cell);
}

/* Those on the right go first where there is no room. */
static const struct stream_column columns[] = {
	{"OPEN", 6, fill_open},          {"NEW/S", 6, fill_opened},           {"IN/S", 6, fill_reads},
	{"OUT/S", 6, fill_writes},       {"CPU%", 5, fill_cpu_share},         {"CPU ms", 7, fill_cpu},
	{"END/S", 6, fill_ended},        {"LASTED s", 9, fill_lasted},        {"OPENING ms", 11, fill_opening},
	{"IN KB/S", 8, fill_read_bytes}, {"OUT KB/S", 9, fill_written_bytes},
};

#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

#define TITLE "STREAM"

static const char *kind_of(const struct snapshot_stream *stream)
{
	return stream->kind < WIRE_STREAMS ? stream_kind_names[stream->kind] : "?";
}

static void name_stream(const struct snapshot_stream *stream, char *name, size_t size)
{
	snprintf(name, size, "%s (%s)", stream->endpoint, kind_of(stream));
}

static size_t name_width(const struct snapshot *snapshot)
{
	size_t width = NAME_WIDTH_MIN;
	char name[512];

	for (size_t i = 0; i < snapshot->stream_count; i++) {
		name_stream(&snapshot->streams[i], name, sizeof(name));
		if (text_columns(name) > width)
			width = text_columns(name);
	}
	return width < NAME_WIDTH_MAX ? width : NAME_WIDTH_MAX;
}

/* How many columns fit beside the name, which gives way first. */
static size_t fit(const struct table_options *options, size_t *name_columns)
{
	size_t room = options->width && !options->wide ? options->width : SIZE_MAX, used = 0, shown = 0;

	while (shown < COLUMNS && NAME_WIDTH_MIN + used + (size_t)columns[shown].width <= room)
		used += (size_t)columns[shown++].width;
	if (*name_columns > room - used)
		*name_columns = room - used;
	return shown;
}

static void print_name(FILE *out, const char *name, size_t width)
{
	text_pad(out, width - text_print(out, name, width));
}

void streams_print(FILE *out, const struct snapshot *snapshot, const struct table_options *options)
{
	size_t width = name_width(snapshot), shown = fit(options, &width);
	char name[512];

	fputc('\n', out);
	print_name(out, TITLE, width);
	for (size_t i = 0; i < shown; i++)
		fprintf(out, "%*s", columns[i].width, columns[i].title);
	fputc('\n', out);
	for (size_t row = 0; row < snapshot->stream_count; row++) {
		name_stream(&snapshot->streams[row], name, sizeof(name));
		print_name(out, name, width);
		for (size_t i = 0; i < shown; i++) {
			char cell[CELL_MAX] = "–";

			columns[i].fill(&snapshot->streams[row], (double)snapshot->frame.window_ns / 1e9, cell);
			text_pad(out, (size_t)columns[i].width - text_columns(cell));
			fputs(cell, out);
		}
		fputc('\n', out);
	}
}
