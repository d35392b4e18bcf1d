/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "golden/text.h"

struct text_source {
	struct event_source source; /* first: a source is a text source */
	FILE *file;
	char *path;
	char *line;
	size_t line_size;
	unsigned int line_number;
	struct text_event parsed;
};

static int text_next(struct event_source *source, struct event *event)
{
	struct text_source *text = (struct text_source *)source;
	const char *why;
	int found = 0;

	while (!found) {
		if (getline(&text->line, &text->line_size, text->file) < 0)
			return ferror(text->file) ? -EIO : 0;
		text->line_number++;
		found = text_parse(text->line, &text->parsed, &why);
	}
	if (found < 0)
		fprintf(stderr, "%s:%u: %s\n", text->path, text->line_number, why);
	else
		*event = text->parsed.event;
	return found;
}

static void text_close(struct event_source *source)
{
	struct text_source *text = (struct text_source *)source;

	fclose(text->file);
	free(text->path);
	free(text->line);
	free(text);
}

struct event_source *text_open(const char *path)
{
	struct text_source *text = calloc(1, sizeof(*text));

	if (!text)
		return NULL;
	text->source.next = text_next;
	text->source.close = text_close;
	text->path = strdup(path);
	text->file = fopen(path, "r");
	if (!text->file || !text->path) {
		int err = text->file ? ENOMEM : errno;

		if (text->file)
			fclose(text->file);
		free(text->path);
		free(text);
		errno = err;
		return NULL;
	}
	return &text->source;
}
