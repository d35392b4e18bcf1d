/* SPDX-License-Identifier: BSD-2-Clause */
#include "route/rules.h"

#include <errno.h>
#include <http_parser.h>
#include <stdlib.h>
#include <string.h>

struct route_rules {
	struct route_rule *array;
	size_t count;
};

struct route_rules *route_rules_open(void)
{
	return calloc(1, sizeof(struct route_rules));
}

static const char *known_method(const char *text, size_t len)
{
#define ROW(number, name, string) #string,
	static const char *const methods[] = {HTTP_METHOD_MAP(ROW)};
#undef ROW

	for (size_t i = 0; i < sizeof(methods) / sizeof(*methods); i++)
		if (strlen(methods[i]) == len && memcmp(methods[i], text, len) == 0)
			return methods[i];
	return NULL;
}

/* What is wrong with a segment; NULL: nothing. */
static const char *segment_fault(const char *segment, size_t len, bool is_last)
{
	const char *star = memchr(segment, '*', len);

	if (len == 2 && segment[0] == '*' && segment[1] == '*')
		return is_last ? NULL : "`**` stands for the rest, so nothing may follow it";
	if (star && len != 1)
		return "`*` stands for a whole segment";
	if (segment[0] == ':' && len == 1)
		return "a name must follow the `:`";
	return NULL;
}

/* What is wrong with a path; NULL: nothing. */
static const char *path_fault(const char *path)
{
	const char *segment = path + 1, *fault;
	size_t len;

	if (path[0] != '/')
		return "the path must begin with a slash";
	for (const char *at = path; *at; at++)
		if ((unsigned char)*at <= ' ' || *at == 0x7f)
			return "the path must not hold spaces or control characters";
	if (strpbrk(path, "?#"))
		return "a route has no query and no fragment";
	for (;; segment += len + 1) {
		len = strcspn(segment, "/");
		fault = segment_fault(segment, len, !segment[len]);
		if (fault || !segment[len])
			return fault;
	}
}

static char *printable_copy(const char *string)
{
	size_t size = 3 * strlen(string) + 1;
	struct printable text = {malloc(size), size, 0, false};

	if (!text.bytes)
		return NULL;
	printable_add_string(&text, string);
	text.bytes[text.len] = 0;
	return text.bytes;
}

/* Splits off the method, if there is one. Returns what is wrong; NULL: nothing. */
static const char *parse_rule(const char *text, struct route_rule *rule, const char **path)
{
	size_t method_len;

	text += strspn(text, " ");
	rule->method = NULL;
	*path = text;
	if (!*text)
		return "it is empty";
	if (*text == '/')
		return path_fault(text);
	method_len = strcspn(text, " ");
	if (!text[method_len])
		return "the path must begin with a slash";
	rule->method = known_method(text, method_len);
	if (!rule->method)
		return "its method is unknown";
	*path = text + method_len + strspn(text + method_len, " ");
	return path_fault(*path);
}

int route_rules_add(struct route_rules *rules, const char *text, const char **why)
{
	struct route_rule rule, *array;
	const char *path, *fault;

	fault = parse_rule(text, &rule, &path);
	if (fault) {
		if (why)
			*why = fault;
		return -EINVAL;
	}
	array = realloc(rules->array, (rules->count + 1) * sizeof(*array));
	if (!array)
		return -ENOMEM;
	rules->array = array;
	rule.path = printable_copy(path);
	if (!rule.path)
		return -ENOMEM;
	array[rules->count++] = rule;
	return 0;
}

static bool segment_matches(const char *rule, size_t rule_len, const char *segment, size_t len)
{
	if (rule[0] == ':' || (rule[0] == '*' && rule_len == 1))
		return len > 0;
	return rule_len == len && memcmp(rule, segment, len) == 0;
}

/* `rule` and the path are both taken segment by segment, behind their slashes. */
static bool path_matches(const char *rule, const struct path *path)
{
	const char *end = path->bytes + path->len;
	const char *segment = path->bytes;

	while (segment < end && *segment == '/') {
		const char *slash;
		size_t len, rule_len;

		segment++;
		slash = memchr(segment, '/', (size_t)(end - segment));
		len = (size_t)((slash ? slash : end) - segment);
		if (*rule != '/')
			return false;
		rule_len = strcspn(++rule, "/");
		if (strcmp(rule, "**") == 0)
			return true;
		/* Of a segment that is not whole nothing can be said. */
		if ((!slash && path->cut) || !segment_matches(rule, rule_len, segment, len))
			return false;
		rule += rule_len;
		segment += len;
	}
	return segment == end && path->len && (!*rule || strcmp(rule, "/**") == 0);
}

const struct route_rule *route_rules_find(const struct route_rules *rules, const char *method, const struct path *path)
{
	for (size_t i = 0; i < rules->count; i++) {
		const struct route_rule *rule = &rules->array[i];

		if ((!rule->method || strcmp(rule->method, method) == 0) && path_matches(rule->path, path))
			return rule;
	}
	return NULL;
}

void route_rules_close(struct route_rules *rules)
{
	if (!rules)
		return;
	for (size_t i = 0; i < rules->count; i++)
		free(rules->array[i].path);
	free(rules->array);
	free(rules);
}
