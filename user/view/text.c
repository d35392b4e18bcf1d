/* SPDX-License-Identifier: BSD-2-Clause */
#include "view/text.h"

#include "util/utf8.h"

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
