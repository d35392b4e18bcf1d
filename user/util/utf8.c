/* SPDX-License-Identifier: BSD-2-Clause */
#include "util/utf8.h"

#include <stdbool.h>

struct code_range {
	uint32_t first;
	uint32_t last;
	int columns;
};

/* In rising order; what stands in no row takes one column. From Unicode's general categories and East Asian widths. */
static const struct code_range code_ranges[] = {
	{0x0000, 0x001f, -1},      /* C0 controls */
	{0x007f, 0x009f, -1},      /* DEL, C1 controls */
	{0x00ad, 0x00ad, -1},      /* soft hyphen */
	{0x0300, 0x036f, 0},       /* combining marks */
	{0x0483, 0x0489, 0},       /* combining, Cyrillic */
	{0x0591, 0x05bd, 0},       /* points, Hebrew */
	{0x061c, 0x061c, -1},      /* Arabic letter mark */
	{0x064b, 0x065f, 0},       /* marks, Arabic */
	{0x1100, 0x115f, 2},       /* Hangul Jamo */
	{0x180e, 0x180e, -1},      /* Mongolian vowel separator */
	{0x1ab0, 0x1aff, 0},       /* combining, extended */
	{0x1dc0, 0x1dff, 0},       /* combining, supplement */
	{0x200b, 0x200f, -1},      /* zero-width, direction marks */
	{0x2028, 0x202e, -1},      /* line separators, bidi overrides */
	{0x2060, 0x206f, -1},      /* invisible operators, bidi isolates */
	{0x20d0, 0x20ff, 0},       /* combining, symbols */
	{0x2e80, 0x303e, 2},       /* CJK radicals, punctuation */
	{0x3041, 0x33ff, 2},       /* kana, CJK symbols */
	{0x3400, 0x4dbf, 2},       /* CJK extension A */
	{0x4e00, 0x9fff, 2},       /* CJK */
	{0xa000, 0xa4cf, 2},       /* Yi */
	{0xac00, 0xd7a3, 2},       /* Hangul */
	{0xd800, 0xf8ff, -1},      /* surrogates, private use */
	{0xf900, 0xfaff, 2},       /* CJK compatibility */
	{0xfe00, 0xfe0f, 0},       /* variation selectors */
	{0xfe20, 0xfe2f, 0},       /* combining, half marks */
	{0xfe30, 0xfe6f, 2},       /* CJK forms */
	{0xfeff, 0xfeff, -1},      /* byte order mark */
	{0xff00, 0xff60, 2},       /* full-width forms */
	{0xffe0, 0xffe6, 2},       /* full-width signs */
	{0xfff0, 0xfffb, -1},      /* specials */
	{0xfffe, 0xffff, -1},      /* not characters */
	{0x1f300, 0x1f64f, 2},     /* pictographs, emoticons */
	{0x1f680, 0x1f6ff, 2},     /* transport */
	{0x1f900, 0x1f9ff, 2},     /* supplemental pictographs */
	{0x20000, 0x3fffd, 2},     /* CJK extensions */
	{0xe0000, UINT32_MAX, -1}, /* tags, selectors, private planes, UTF8_INVALID */
};

size_t utf8_decode(const char *text, uint32_t *code)
{
	/* The smallest code point of each length: what could have been written shorter is not valid. */
	static const uint32_t code_min[] = {0, 0, 0x80, 0x800, 0x10000};
	const unsigned char *bytes = (const unsigned char *)text;
	size_t length = bytes[0] < 0x80 ? 1 : bytes[0] >> 5 == 0x6 ? 2 : bytes[0] >> 4 == 0xe ? 3 : bytes[0] >> 3 == 0x1e ? 4 : 0;
	uint32_t value;

	*code = UTF8_INVALID;
	if (!length)
		return 1;
	value = length == 1 ? bytes[0] : bytes[0] & (0x7fu >> length);
	for (size_t i = 1; i < length; i++) {
		/* The closing 0 fails here too, so nothing behind it is read. */
		if (bytes[i] >> 6 != 0x2)
			return 1;
		value = value << 6 | (bytes[i] & 0x3f);
	}
	if (value < code_min[length] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
		return 1;
	*code = value;
	return length;
}

int utf8_columns(uint32_t code)
{
	for (size_t i = 0; i < sizeof(code_ranges) / sizeof(code_ranges[0]) && code >= code_ranges[i].first; i++)
		if (code <= code_ranges[i].last)
			return code_ranges[i].columns;
	return 1;
}

static bool is_printable(uint32_t code)
{
	return code != UTF8_INVALID && utf8_columns(code) >= 0;
}

char *utf8_make_printable(char *to, size_t size, const char *text)
{
	static const char hex[] = "0123456789ABCDEF";
	const char *end = to + size - 1;

	while (*text) {
		uint32_t code;
		size_t bytes = utf8_decode(text, &code);
		bool printable = is_printable(code);

		if ((size_t)(end - to) < (printable ? bytes : 3 * bytes))
			break;
		for (; bytes; bytes--, text++) {
			unsigned char byte = (unsigned char)*text;

			if (printable) {
				*to++ = *text;
				continue;
			}
			*to++ = '%';
			*to++ = hex[byte >> 4];
			*to++ = hex[byte & 15];
		}
	}
	*to = 0;
	return to;
}
