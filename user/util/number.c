/* SPDX-License-Identifier: BSD-2-Clause */
#include "util/number.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#define NS_PER_SECOND   1000000000ull
#define DURATION_MAX_NS (100ull * 365 * 24 * 3600 * NS_PER_SECOND)

static const struct unit {
	const char *name;
	uint64_t ns;
} units[] = {
	{"us", 1000ull}, {"ms", 1000000ull}, {"s", NS_PER_SECOND}, {"m", 60 * NS_PER_SECOND}, {"h", 3600 * NS_PER_SECOND},
};

int parse_count(const char *text, size_t length, uint64_t max, uint64_t *value)
{
	uint64_t sum = 0;

	if (!length)
		return -EINVAL;
	for (size_t i = 0; i < length; i++) {
		if (!isdigit((unsigned char)text[i]))
			return -EINVAL;
		if (__builtin_mul_overflow(sum, 10, &sum) || __builtin_add_overflow(sum, (uint64_t)(text[i] - '0'), &sum))
			return -ERANGE;
	}
	if (sum > max)
		return -ERANGE;
	*value = sum;
	return 0;
}

static uint64_t unit_ns(const char *name, int bare_seconds)
{
	if (!*name)
		return bare_seconds ? NS_PER_SECOND : 0;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (!strcmp(name, units[i].name))
			return units[i].ns;
	return 0;
}

int parse_duration(const char *text, int bare_seconds, uint64_t *ns)
{
	size_t whole_digits = strspn(text, "0123456789");
	const char *rest = text + whole_digits;
	uint64_t whole = 0, unit, fraction_ns = 0;
	const char *digits = NULL;
	int err = 0;

	if (*rest == '.') {
		digits = ++rest;
		rest += strspn(rest, "0123456789");
	}
	unit = unit_ns(rest, bare_seconds);
	if (!unit || whole_digits + (digits ? (size_t)(rest - digits) : 0) == 0)
		return -EINVAL;
	if (whole_digits)
		err = parse_count(text, whole_digits, DURATION_MAX_NS, &whole);
	if (err)
		return err;
	for (uint64_t place = unit / 10; digits && digits < rest && place; digits++, place /= 10)
		fraction_ns += place * (uint64_t)(*digits - '0');
	if (__builtin_mul_overflow(whole, unit, ns) || *ns > DURATION_MAX_NS)
		return -ERANGE;
	*ns += fraction_ns;
	return 0;
}
