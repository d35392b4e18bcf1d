/* SPDX-License-Identifier: BSD-2-Clause */
#include "route/template.h"

#include <ctype.h>
#include <string.h>

#define HEX_ID_LEN_MIN    8
#define TOKEN_LEN_MIN     20
#define UUID_LEN          36
#define EXTENSION_LEN_MAX 5

/* What the bytes of a piece of a path are. */
struct census {
	size_t len;
	size_t digits;
	size_t letters;
	size_t hex_letters;
	size_t dashes; /* - _ */
	size_t dots;
	size_t commas;
	size_t padding; /* other bytes of base64 and of times: = + ~ : */
	size_t percents;
	size_t others;
};

static struct census take_census(const char *bytes, size_t len)
{
	struct census census = {.len = len};

	for (size_t i = 0; i < len; i++) {
		unsigned char byte = (unsigned char)bytes[i];

		census.digits += isdigit(byte) != 0;
		census.letters += isalpha(byte) != 0;
		census.hex_letters += isalpha(byte) && isxdigit(byte);
		census.dashes += byte == '-' || byte == '_';
		census.dots += byte == '.';
		census.commas += byte == ',';
		census.padding += byte && strchr("=+~:", byte);
		census.percents += byte == '%';
	}
	census.others =
		len - census.digits - census.letters - census.dashes - census.dots - census.commas - census.padding - census.percents;
	return census;
}

/* "17", "-3", "1,2,3" */
static bool is_integer(const char *bytes, const struct census *census)
{
	size_t sign = census->dashes == 1 && bytes[0] == '-';

	return census->digits && census->digits + census->commas + sign == census->len;
}

/* "9f86d081884c7d65"; without a digit it may be a word. */
static bool is_hex(const char *bytes, const struct census *census)
{
	(void)bytes;
	return census->len >= HEX_ID_LEN_MIN && census->digits && census->digits + census->hex_letters == census->len;
}

/* "123e4567-e89b-12d3-a456-426614174000" */
static bool is_uuid(const char *bytes, const struct census *census)
{
	return census->len == UUID_LEN && census->dashes == 4 && census->digits + census->hex_letters == UUID_LEN - 4 && bytes[8] == '-' &&
	       bytes[13] == '-' && bytes[18] == '-' && bytes[23] == '-';
}

/* "2024-05-01", "2024-05", "2024-05-01T12:30:00Z" (also with %3A), "2024_05_01"; not "2024-05-release-notes" */
static bool is_date(const char *bytes, const struct census *census)
{
	if (census->len < 7 || census->digits < 6 || !census->dashes || census->others)
		return false;
	for (size_t i = 0; i < 4; i++)
		if (!isdigit((unsigned char)bytes[i]))
			return false;
	return (bytes[4] == '-' || bytes[4] == '_') && isdigit((unsigned char)bytes[5]) && isdigit((unsigned char)bytes[6]) &&
	       census->letters <= 2 + census->percents;
}

/* "10.1.2.3" */
static bool is_ipv4(const char *bytes, const struct census *census)
{
	(void)bytes;
	return census->dots == 3 && census->digits >= 4 && census->digits + census->dots == census->len;
}

/* Random or encoded: "eyJhbGciOiJIUzI1NiJ9", "V1StGXR8_Z5jdHi6B-myT". Words of other scripts come as %XX: they stay. */
static bool is_token(const char *bytes, const struct census *census)
{
	(void)bytes;
	return census->len >= TOKEN_LEN_MIN && census->digits && !census->percents && !census->others && !census->commas;
}

static bool (*const id_tests[])(const char *bytes, const struct census *census) = {
	is_integer, is_hex, is_uuid, is_date, is_ipv4, is_token,
};

/* base64 ends in up to two =, which many clients send as %3D. */
static size_t unpadded_length(const char *bytes, size_t len)
{
	while (len > 3 && strncasecmp(bytes + len - 3, "%3D", 3) == 0)
		len -= 3;
	return len;
}

static bool is_id(const char *bytes, size_t len)
{
	struct census census = take_census(bytes, unpadded_length(bytes, len));

	for (size_t i = 0; len && i < sizeof(id_tests) / sizeof(*id_tests); i++)
		if (id_tests[i](bytes, &census))
			return true;
	return false;
}

/* "ann@example.org", also with its @ as %40. A leading @ is a handle or a package's scope. */
static bool is_email(const char *bytes, size_t len)
{
	const char *at = memchr(bytes, '@', len);

	if (!at)
		at = memmem(bytes, len, "%40", 3);
	return at && at != bytes && memchr(at, '.', (size_t)(bytes + len - at));
}

/* The length of a file name without its extension; 0: it has none. */
static size_t stem_length(const char *bytes, size_t len)
{
	const char *dot = memrchr(bytes, '.', len);
	size_t extension_len = dot ? (size_t)(bytes + len - dot) - 1 : 0;

	if (!dot || dot == bytes || !extension_len || extension_len > EXTENSION_LEN_MAX || !isalpha((unsigned char)dot[1]))
		return 0;
	return (size_t)(dot - bytes);
}

/* "main.3f2a9c81.js" → "main.:id.js", "17.json" → ":id.json"; the numbers of "jquery-3.6.0.min.js" are a version. */
static void add_file_name(struct printable *text, const char *bytes, size_t stem_len, size_t len)
{
	const char *stem_end = bytes + stem_len;
	const char *piece = bytes;

	while (piece < stem_end) {
		const char *dot = memchr(piece, '.', (size_t)(stem_end - piece));
		size_t piece_len = (size_t)((dot ? dot : stem_end) - piece);
		bool is_whole = piece_len == stem_len;

		if (is_id(piece, piece_len) && (is_whole || piece_len >= HEX_ID_LEN_MIN))
			printable_add_string(text, ":id");
		else
			printable_add(text, piece, piece_len);
		piece += piece_len;
		if (dot)
			printable_add(text, piece++, 1);
	}
	printable_add(text, stem_end, (size_t)(bytes + len - stem_end));
}

static void add_segment(struct printable *text, const char *bytes, size_t len)
{
	const char *parameters = memchr(bytes, ';', len);
	size_t stem_len;

	/* "/cart;jsessionid=8A6F…" */
	if (parameters)
		len = (size_t)(parameters - bytes);
	stem_len = stem_length(bytes, len);
	if (is_email(bytes, len) || (!stem_len && is_id(bytes, len)))
		printable_add_string(text, ":id");
	else if (stem_len)
		add_file_name(text, bytes, stem_len, len);
	else
		printable_add(text, bytes, len);
}

struct path path_of_target(const char *target, bool cut)
{
	const char *scheme_end, *authority_end;
	struct path path = {target, 0, cut};

	if (target[0] != '/' && target[0] != '*') {
		scheme_end = strstr(target, "://");
		authority_end = scheme_end ? strpbrk(scheme_end + 3, "/?#") : NULL;
		path.bytes = authority_end ? authority_end : target + strlen(target);
	}
	path.len = strcspn(path.bytes, "?#");
	if (path.bytes[path.len])
		path.cut = false;
	return path;
}

void template_add(struct printable *text, const struct path *path)
{
	const char *at = path->bytes, *end = path->bytes + path->len;

	while (at < end) {
		const char *slash = memchr(at, '/', (size_t)(end - at));
		const char *segment_end = slash ? slash : end;

		if (segment_end == end && path->cut)
			break;
		add_segment(text, at, (size_t)(segment_end - at));
		if (slash)
			printable_add(text, "/", 1);
		at = slash ? slash + 1 : end;
	}
	if (path->cut)
		printable_add_verbatim(text, "…");
}
