/* SPDX-License-Identifier: BSD-2-Clause */
#include "view/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/flush.h"
#include "view/table_parts.h"
#include "view/text.h"

/* ECMA-48: what every terminal of the last forty years knows. */
#define CURSOR_HOME     "\033[H"
#define CLEAR_LINE_REST "\033[K"
#define CLEAR_BELOW     "\033[J"

/* Of streams_print, besides its rows. */
#define STREAM_LINES 2

typedef void print_part(FILE *out, const struct snapshot *snapshot, const struct table_options *options);

/* One of the parts that are words, broken to fit the width; counts its lines. 0 or −ENOMEM. */
static int compose_words(FILE *out, print_part *print, const struct snapshot *snapshot, const struct table_options *options, size_t *lines)
{
	char *text = NULL;
	size_t size = 0;
	FILE *words = open_memstream(&text, &size);

	if (!words)
		return -ENOMEM;
	print(words, snapshot, options);
	if (fclose(words)) {
		free(text);
		return -ENOMEM;
	}
	*lines += text_wrap(out, text, options->width && !options->wide ? options->width : SIZE_MAX);
	free(text);
	return 0;
}

/* The words around the rows come first: what they take of the height, the rows do not have. */
static int compose(FILE *out, const struct snapshot *snapshot, const struct table_options *options)
{
	struct table_options left = *options;
	char *footer = NULL;
	size_t size = 0, lines = 0;
	FILE *below = open_memstream(&footer, &size);
	int err = below ? 0 : -ENOMEM;

	if (!err)
		err = compose_words(below, footer_print, snapshot, options, &lines);
	if (below && fclose(below))
		err = -ENOMEM;
	if (!err)
		err = compose_words(out, header_print, snapshot, options, &lines);
	fputc('\n', out);
	if (snapshot->stream_count)
		lines += snapshot->stream_count + STREAM_LINES;
	left.height = options->height > lines ? options->height - (unsigned)lines : options->height ? 1 : 0;
	if (!err && snapshot->endpoint_count)
		err = rows_print(out, snapshot, &left);
	else if (!err && !snapshot->stream_count)
		err = compose_words(out, waiting_print, snapshot, options, &lines);
	if (!err && snapshot->stream_count)
		streams_print(out, snapshot, options);
	if (!err)
		fprintf(out, "\n%s", footer);
	free(footer);
	return err;
}

/* Lines of the terminal that a line of text takes: uncut ones wrap. */
static size_t screen_lines(const char *line, unsigned width)
{
	size_t columns = text_columns(line);

	return width && columns > width ? (columns + width - 1) / width : 1;
}

/* Line by line over what stood there: no flicker, and nothing that scrolls. */
static void print_in_place(FILE *out, char *text, const struct table_options *options)
{
	size_t columns = options->width && !options->wide ? options->width : SIZE_MAX, lines = 0;

	fputs(CURSOR_HOME, out);
	for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
		*end = '\0';
		lines += options->wide ? screen_lines(line, options->width) : 1;
		/* The cursor ends on a line of its own. */
		if (options->height && lines >= options->height)
			break;
		text_print(out, line, columns);
		fputs(CLEAR_LINE_REST "\n", out);
	}
	fputs(CLEAR_BELOW, out);
}

int table_print(FILE *out, const struct snapshot *snapshot, const struct table_options *options)
{
	char *text = NULL;
	size_t size = 0;
	FILE *lines = open_memstream(&text, &size);
	int err;

	if (!lines)
		return -ENOMEM;
	err = compose(lines, snapshot, options);
	if (fclose(lines) || err) {
		free(text);
		return err ? err : -ENOMEM;
	}
	if (options->in_place)
		print_in_place(out, text, options);
	else
		fwrite(text, 1, size, out);
	free(text);
	return flush_stream(out);
}
