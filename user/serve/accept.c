/* SPDX-License-Identifier: BSD-2-Clause */
#include "serve/accept.h"

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

/* "0.75" as 750; more than 1, or what is no number, as nothing. */
static int parse_weight(const char *text, const char *end)
{
	int weight = 0, digit_worth = 1000;

	for (; text < end && (isdigit((unsigned char)*text) || *text == '.'); text++) {
		if (*text == '.')
			continue;
		weight += (*text - '0') * digit_worth;
		digit_worth /= 10;
	}
	return weight <= 1000 ? weight : 0;
}

static const char *skip_blanks(const char *text, const char *end)
{
	while (text < end && (*text == ' ' || *text == '\t'))
		text++;
	return text;
}

/* The weight of one element, "thing; parameter=x; q=0.5"; −1: another thing. */
static int element_weight(const char *at, const char *end, const char *thing)
{
	size_t length = strlen(thing);
	int weight = 1000;

	at = skip_blanks(at, end);
	if ((size_t)(end - at) < length || strncasecmp(at, thing, length))
		return -1;
	at = skip_blanks(at + length, end);
	if (at < end && *at != ';')
		return -1;
	while (at < end) {
		at = skip_blanks(at + 1, end);
		if (end - at >= 2 && tolower((unsigned char)*at) == 'q' && at[1] == '=')
			weight = parse_weight(at + 2, end);
		while (at < end && *at != ';')
			at++;
	}
	return weight;
}

int accept_weight(const char *header, const char *thing)
{
	int most = -1;

	while (header && *header) {
		const char *end = header + strcspn(header, ",");
		int weight = element_weight(header, end, thing);

		if (weight > most)
			most = weight;
		header = *end ? end + 1 : end;
	}
	return most;
}
