/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libFuzzer target: a rule and a target, split by the first newline.
 * Checked: a refused rule has a reason, an accepted one that is its own path matches itself, names end and are printable.
 */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "route/route.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_name(const struct route_rules *rules, const char *target, bool cut, char *name)
{
	struct request request = {.protocol = WIRE_HTTP1, .method = "GET", .target = target, .target_cut = cut};

	route_endpoint(rules, &request, name);
	assert(memchr(name, 0, ENDPOINT_NAME_MAX));
	for (const char *at = name; *at; at++)
		assert((*at >= ' ' && *at < 0x7f) || (*at & 0x80));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *newline = memchr(data, '\n', size);
	size_t rule_len = newline ? (size_t)(newline - data) : size;
	char *rule = strndup((const char *)data, rule_len);
	char *target = strndup(newline ? (const char *)newline + 1 : "", size - rule_len - (newline ? 1 : 0));
	struct route_rules *rules = route_rules_open();
	char name[ENDPOINT_NAME_MAX], expected[ENDPOINT_NAME_MAX];
	const char *why = NULL;
	int err = route_rules_add(rules, rule, &why);

	assert(err == 0 || (err == -EINVAL && why && *why));
	check_name(rules, target, false, name);
	check_name(rules, target, true, name);
	if (err == 0 && rule[0] == '/' && strlen(rule) < 100 && !strpbrk(rule, "*:") && rule[strspn(rule, "/abc.-_~")] == 0) {
		check_name(rules, rule, false, name);
		snprintf(expected, sizeof(expected), "GET %s", rule);
		assert(strcmp(name, expected) == 0);
	}
	route_rules_close(rules);
	free(target);
	free(rule);
	return 0;
}
