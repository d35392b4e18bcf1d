/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writes JSON (RFC 8259) to a stream: places the commas, escapes the strings, turns what is not known into null.
 * Used by user/export.
 * Never: checks that objects and arrays are closed in order (the caller's shape does), reports errors before json_finish.
 */
#ifndef IOCPU_UTIL_JSON_OUT_H
#define IOCPU_UTIL_JSON_OUT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct json_out {
	FILE *out;
	bool comma; /* a value stands before: the next one needs a comma */
};

/* A key of NULL is for the elements of an array and for the outermost value. */
void json_begin(struct json_out *json, const char *key, char bracket);      /* '{' or '[' */
void json_end(struct json_out *json, char bracket);                         /* '}' or ']' */
void json_string(struct json_out *json, const char *key, const char *text); /* NULL: null. What is not UTF-8 becomes U+FFFD */
void json_integer(struct json_out *json, const char *key, uint64_t value);
void json_signed(struct json_out *json, const char *key, int64_t value);
void json_real(struct json_out *json, const char *key, double value); /* 6 significant digits; not finite: null */
void json_bool(struct json_out *json, const char *key, bool value);
void json_null(struct json_out *json, const char *key);

/* The newline after the outermost value, and a flush. 0 or the −errno of the first failed write. */
int json_finish(struct json_out *json);

#endif
