/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "route/route.h"

/* The endpoint of a request to `target`, by rules that may be NULL. */
static const char *endpoint_of(const struct route_rules *rules, const char *method, const char *target, bool cut)
{
	static char name[ENDPOINT_NAME_MAX];
	struct request request = {.protocol = WIRE_HTTP1, .port = 80, .method = method, .target = target, .target_cut = cut};

	memset(name, 'x', sizeof(name));
	route_endpoint(rules, &request, name);
	assert_non_null(memchr(name, 0, sizeof(name)));
	return name;
}

static void folds_ids(void **state)
{
	static const struct {
		const char *path, *template;
	} rows[] = {
		{"/", "/"},
		{"/users", "/users"},
		{"/users/17", "/users/:id"},
		{"/users/17/", "/users/:id/"},
		{"/users/-3/posts/0", "/users/:id/posts/:id"},
		{"/1,2,3", "/:id"},
		{"/a//b", "/a//b"},
		{"/u/123e4567-e89b-12d3-a456-426614174000", "/u/:id"},
		{"/u/123E4567-E89B-12D3-A456-426614174000/x", "/u/:id/x"},
		{"/blob/9f86d081", "/blob/:id"},
		{"/blob/9f86d08", "/blob/9f86d08"},
		{"/food/deadbeef", "/food/deadbeef"},
		{"/t/eyJhbGciOiJIUzI1NiJ9", "/t/:id"},
		{"/t/V1StGXR8_Z5jdHi6B-myT", "/t/:id"},
		{"/t/TWFueSBoYW5kcyBtYWtlIGxpZ2h0IDEyMw%3D%3D", "/t/:id"},
		{"/getUserPreferencesForAccount", "/getUserPreferencesForAccount"},
		{"/reports/2024-05-01", "/reports/:id"},
		{"/reports/2024-05", "/reports/:id"},
		{"/reports/2024-05-01T12:30:00Z", "/reports/:id"},
		{"/reports/2024-05-01T12%3A30%3A00Z", "/reports/:id"},
		{"/2024-05-release", "/2024-05-release"},
		{"/reports/2024", "/reports/:id"},
		{"/hosts/10.1.2.3", "/hosts/:id"},
		{"/mail/ann@example.org", "/mail/:id"},
		{"/mail/ann%40example.org", "/mail/:id"},
		{"/@babel/core", "/@babel/core"},
		{"/api/v1/x", "/api/v1/x"},
		{"/api/v2.1/oauth2", "/api/v2.1/oauth2"},
		{"/1.0/x", "/1.0/x"},
		{"/files/17.json", "/files/:id.json"},
		{"/static/main.3f2a9c81.js", "/static/main.:id.js"},
		{"/static/jquery-3.6.0.min.js", "/static/jquery-3.6.0.min.js"},
		{"/index.html", "/index.html"},
		{"/.well-known/x", "/.well-known/x"},
		{"/tags/%E6%97%A5%E6%9C%AC%E8%AA%9E", "/tags/%E6%97%A5%E6%9C%AC%E8%AA%9E"},
		{"/cart;jsessionid=8A6F/17;v=2", "/cart/:id"},
		{"/a?id=17", "/a"},
		{"*", "*"},
		{"http://example.org/users/17?x", "/users/:id"},
		{"http://example.org", "/"},
		{"http://example.org?x=/y", "/"},
		{"example.org:443", ":authority"},
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char expected[ENDPOINT_NAME_MAX];

		snprintf(expected, sizeof(expected), "GET %s", rows[i].template);
		assert_string_equal(endpoint_of(NULL, "GET", rows[i].path, false), expected);
	}
}

static void cut_targets_end_in_an_ellipsis(void **state)
{
	(void)state;
	assert_string_equal(endpoint_of(NULL, "GET", "/users/17/lo", true), "GET /users/:id/…");
	assert_string_equal(endpoint_of(NULL, "GET", "/lo", true), "GET /…");
	assert_string_equal(endpoint_of(NULL, "GET", "/whole?quer", true), "GET /whole");
	assert_string_equal(endpoint_of(NULL, "GET", "http://exam", true), "GET …");
}

static void names_stay_short_and_printable(void **state)
{
	char target[1024], name[ENDPOINT_NAME_MAX];
	struct request request = {.protocol = WIRE_TLS, .unix_path = target};
	const char *long_name;

	(void)state;
	memset(target, 'a', sizeof(target));
	target[0] = '/';
	target[sizeof(target) - 1] = 0;
	long_name = endpoint_of(NULL, "GET", target, false);
	assert_int_equal(strlen(long_name), ENDPOINT_NAME_MAX - 1);
	assert_string_equal(long_name + strlen(long_name) - strlen("a…"), "a…");
	route_endpoint(NULL, &request, name);
	assert_non_null(strstr(name, "a… (TLS, not readable)"));
	for (int byte = 1; byte < 256; byte++) {
		const char *made;

		snprintf(target, sizeof(target), "/x%cy", byte);
		made = endpoint_of(NULL, "GET", target, false);
		for (const char *at = made; *at; at++)
			assert_true(*at >= ' ' && *at < 0x7f);
	}
}

static void listeners_name_what_is_not_http(void **state)
{
	static const struct {
		enum wire_protocol protocol;
		uint16_t port;
		const char *unix_path, *name;
	} rows[] = {
		{WIRE_UNKNOWN, 5432, NULL, ":5432"},
		{WIRE_UNKNOWN, 65535, NULL, ":65535"},
		{WIRE_HTTP1, 8080, NULL, ":8080 (HTTP, request line not seen)"},
		{WIRE_TLS, 8443, NULL, ":8443 (TLS, not readable)"},
		{WIRE_HTTP2, 50051, NULL, ":50051 (HTTP/2, not readable)"},
		{WIRE_UNKNOWN, 0, "/run/x.sock", "/run/x.sock"},
		{WIRE_TLS, 0, "@abstract\x1b[2J", "@abstract%1B[2J (TLS, not readable)"},
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct request request = {.protocol = rows[i].protocol, .port = rows[i].port, .unix_path = rows[i].unix_path};
		char name[ENDPOINT_NAME_MAX];

		route_endpoint(NULL, &request, name);
		assert_string_equal(name, rows[i].name);
	}
}

static void rules_match_by_segments(void **state)
{
	static const struct {
		const char *rule, *path;
		bool matches;
	} rows[] = {
		{"/", "/", true},
		{"/", "/17", false},
		{"/17", "/17", true},
		{"/17", "/17/", false},
		{"/17/", "/17/", true},
		{"/17/", "/17", false},
		{"/17/*", "/17/b", true},
		{"/17/*", "/17/", false},
		{"/17/*", "/17", false},
		{"/17/*", "/17/b/c", false},
		{"/17/*/c", "/17/b/c", true},
		{"/17/:name", "/17/b", true},
		{"/17/:name", "/17/b?c/d", true},
		{"/17/:name/c", "/17/b/d", false},
		{"/17/**", "/17/b/c", true},
		{"/17/**", "/17/", true},
		{"/17/**", "/17", true},
		{"/17/**", "/17b", false},
		{"/**", "/", true},
		{"/**", "/x/y", true},
		{"/**", "*", false},
		{"/17", "http://host/17", true},
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct route_rules *rules = route_rules_open();
		char by_rule[64];

		/* A first rule that cannot match, to see that matching goes on. */
		assert_int_equal(route_rules_add(rules, "DELETE /**", NULL), 0);
		assert_int_equal(route_rules_add(rules, rows[i].rule, NULL), 0);
		snprintf(by_rule, sizeof(by_rule), "GET %s", rows[i].rule);
		assert_int_equal(strcmp(endpoint_of(rules, "GET", rows[i].path, false), by_rule) == 0, rows[i].matches);
		route_rules_close(rules);
	}
}

static void first_matching_rule_names(void **state)
{
	struct route_rules *rules = route_rules_open();

	(void)state;
	assert_int_equal(route_rules_add(rules, "POST /a/:post", NULL), 0);
	assert_int_equal(route_rules_add(rules, "  GET   /a/:get", NULL), 0);
	assert_int_equal(route_rules_add(rules, "/a/*", NULL), 0);
	assert_int_equal(route_rules_add(rules, "/late/**", NULL), 0);
	assert_string_equal(endpoint_of(rules, "POST", "/a/1", false), "POST /a/:post");
	assert_string_equal(endpoint_of(rules, "GET", "/a/1", false), "GET /a/:get");
	assert_string_equal(endpoint_of(rules, "PUT", "/a/1", false), "PUT /a/*");
	assert_string_equal(endpoint_of(rules, "PUT", "/b/1", false), "PUT /b/:id");
	assert_int_equal(route_rules_add(rules, "/\xc3\xbc/*", NULL), 0);
	assert_string_equal(endpoint_of(rules, "PUT", "/%C3%BC/1", false), "PUT /%C3%BC/*");
	/* Not the whole target is known: only a rule that takes any rest can be right. */
	assert_string_equal(endpoint_of(rules, "GET", "/a/1", true), "GET /a/…");
	assert_string_equal(endpoint_of(rules, "GET", "/late/1", true), "GET /late/**");
	route_rules_close(rules);
}

static void bad_rules_are_refused(void **state)
{
	static const char *const bad[] = {"",       "  ",   "users", "GET",  "GET users", "get /users", "FETCH /users", "/a/**/b", "/a*",
					  "/a/***", "/a/:", "/a b",  "/a?b", "/a#b",      "/a\x1b",     "GET ",         "/**/"};
	struct route_rules *rules = route_rules_open();

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		const char *why = NULL;

		assert_int_equal(route_rules_add(rules, bad[i], &why), -EINVAL);
		assert_non_null(why);
	}
	assert_int_equal(route_rules_add(rules, "FETCH /users", NULL), -EINVAL);
	assert_string_equal(endpoint_of(rules, "GET", "/users/1", false), "GET /users/:id");
	route_rules_close(rules);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(folds_ids),
		cmocka_unit_test(cut_targets_end_in_an_ellipsis),
		cmocka_unit_test(names_stay_short_and_printable),
		cmocka_unit_test(listeners_name_what_is_not_http),
		cmocka_unit_test(rules_match_by_segments),
		cmocka_unit_test(first_matching_rule_names),
		cmocka_unit_test(bad_rules_are_refused),
	};

	return cmocka_run_group_tests_name("route", tests, NULL, NULL);
}
