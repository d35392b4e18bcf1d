/* SPDX-License-Identifier: BSD-2-Clause */
#include "view/text.h"

#include <string.h>

#include "util/utf8.h"

#define SEPARATOR   " · "
#define WRAP_INDENT 2

size_t text_columns(const char *text)
{
	size_t columns = 0;

	while (*text) {
		uint32_t code;

		text += utf8_decode(text, &code);
		columns += (size_t)(utf8_columns(code) < 0 ? 1 : utf8_columns(code));
	}
	return columns;
}

size_t text_print(FILE *out, const char *text, size_t columns)
{
	size_t whole = text_columns(text), room = whole > columns ? columns - (columns > 0) : columns, used = 0;

	while (*text) {
		uint32_t code;
		size_t size = utf8_decode(text, &code);
		int width = utf8_columns(code);

		if (used + (size_t)(width < 0 ? 1 : width) > room)
			break;
		if (width < 0)
			fputc('?', out);
		else
			fwrite(text, 1, size, out);
		used += (size_t)(width < 0 ? 1 : width);
		text += size;
	}
	if (whole <= columns || !columns)
		return used;
	fputs("…", out);
	return used + 1;
}

/* How many bytes of the line stand on it when it is broken to fit; all of it when it fits, or has no place to break. */
static size_t bytes_that_fit(const char *line, size_t length, size_t columns)
{
	size_t used = 0, last_space = 0, last_separator = 0;

	for (size_t at = 0; at < length;) {
		uint32_t code;
		size_t size = utf8_decode(line + at, &code);

		/* A space may stand right behind the last column: it goes with the break. */
		if (at && code == ' ' && (used <= columns || !last_space)) {
			last_space = at;
			if (!strncmp(line + at, SEPARATOR, strlen(SEPARATOR)))
				last_separator = at;
		}
		used += (size_t)(utf8_columns(code) < 0 ? 1 : utf8_columns(code));
		at += size;
	}
	if (used <= columns || !last_space)
		return length;
	return last_separator ? last_separator : last_space;
}

size_t text_wrap(FILE *out, const char *text, size_t columns)
{
	size_t lines = 0;

	for (const char *end; (end = strchr(text, '\n')); text = end + 1) {
		size_t length = (size_t)(end - text), indent = 0, part;

		do {
			part = bytes_that_fit(text, length, columns > indent ? columns - indent : 1);
			text_pad(out, indent);
			fwrite(text, 1, part, out);
			fputc('\n', out);
			lines++;
			indent = WRAP_INDENT;
			text += part + (part < length);
			length -= part + (part < length);
		} while (length);
	}
	return lines;
}

void text_pad(FILE *out, size_t columns)
{
	while (columns--)
		fputc(' ', out);
}

const char *plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}

int ms_decimals(uint64_t ns)
{
	/* The bounds lie where rounding would add a digit. */
	return ns < 999500 ? 3 : ns < 9995000 ? 2 : ns < 999950000 ? 1 : 0;
}

uint64_t ms_unit_ns(int decimals)
{
	static const uint64_t units_ns[] = {1000000, 100000, 10000, 1000};

	return units_ns[decimals];
}
