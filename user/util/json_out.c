/* SPDX-License-Identifier: BSD-2-Clause */
#include "util/json_out.h"

#include <errno.h>
#include <float.h>
#include <inttypes.h>

#include "util/flush.h"
#include "util/utf8.h"

static void put_text(FILE *out, const char *text)
{
	fputc('"', out);
	while (*text) {
		uint32_t code;
		size_t size = utf8_decode(text, &code);

		if (code == UTF8_INVALID)
			fputs("\\ufffd", out);
		else if (code == '"' || code == '\\' || (code <= 0xffff && utf8_columns(code) < 0)) /* people read this on terminals too */
			fprintf(out, "\\u%04" PRIx32, code);
		else
			fwrite(text, 1, size, out);
		text += size;
	}
	fputc('"', out);
}

/* All that stands before a value. */
static void put_lead(struct json_out *json, const char *key)
{
	if (json->comma)
		fputc(',', json->out);
	if (key) {
		put_text(json->out, key);
		fputc(':', json->out);
	}
	json->comma = true;
}

void json_begin(struct json_out *json, const char *key, char bracket)
{
	put_lead(json, key);
	fputc(bracket, json->out);
	json->comma = false;
}

void json_end(struct json_out *json, char bracket)
{
	fputc(bracket, json->out);
	json->comma = true;
}

void json_string(struct json_out *json, const char *key, const char *text)
{
	put_lead(json, key);
	if (text)
		put_text(json->out, text);
	else
		fputs("null", json->out);
}

void json_integer(struct json_out *json, const char *key, uint64_t value)
{
	put_lead(json, key);
	fprintf(json->out, "%" PRIu64, value);
}

void json_signed(struct json_out *json, const char *key, int64_t value)
{
	put_lead(json, key);
	fprintf(json->out, "%" PRId64, value);
}

void json_real(struct json_out *json, const char *key, double value)
{
	put_lead(json, key);
	if (value >= -DBL_MAX && value <= DBL_MAX)
		fprintf(json->out, "%.6g", value);
	else
		fputs("null", json->out);
}

void json_bool(struct json_out *json, const char *key, bool value)
{
	put_lead(json, key);
	fputs(value ? "true" : "false", json->out);
}

void json_null(struct json_out *json, const char *key)
{
	json_string(json, key, NULL);
}

int json_finish(struct json_out *json)
{
	fputc('\n', json->out);
	return flush_stream(json->out);
}
