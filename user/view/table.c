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

static int compose(FILE *out, const struct snapshot *snapshot, const struct table_options *options)
{
	int err = 0;

	header_print(out, snapshot, options);
	fputc('\n', out);
	if (snapshot->endpoint_count)
		err = rows_print(out, snapshot, options);
	else
		waiting_print(out, snapshot, options);
	fputc('\n', out);
	footer_print(out, snapshot);
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
