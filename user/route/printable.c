/* SPDX-License-Identifier: BSD-2-Clause */
#include "route/printable.h"

#include <string.h>

static void add_byte(struct printable *text, unsigned char byte)
{
	static const char hex[] = "0123456789ABCDEF";
	bool plain = byte > ' ' && byte < 0x7f;
	size_t need = plain ? 1 : 3;

	if (text->full || text->size - text->len < need) {
		text->full = true;
		return;
	}
	if (plain) {
		text->bytes[text->len++] = (char)byte;
		return;
	}
	text->bytes[text->len++] = '%';
	text->bytes[text->len++] = hex[byte >> 4];
	text->bytes[text->len++] = hex[byte & 15];
}

void printable_add(struct printable *text, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		add_byte(text, (unsigned char)bytes[i]);
}

void printable_add_string(struct printable *text, const char *string)
{
	printable_add(text, string, strlen(string));
}

void printable_add_verbatim(struct printable *text, const char *string)
{
	size_t len = strlen(string);

	if (text->full || text->size - text->len < len) {
		text->full = true;
		return;
	}
	memcpy(text->bytes + text->len, string, len);
	text->len += len;
}
