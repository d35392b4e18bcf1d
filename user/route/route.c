/* SPDX-License-Identifier: BSD-2-Clause */
#include "route/route.h"

#include <stdio.h>
#include <string.h>

#include "route/printable.h"
#include "route/rules.h"
#include "route/template.h"

#define ELLIPSIS "…"

/* What is said behind the port of a connection whose requests cannot be told apart. */
static const char *const remark_by_protocol[] = {
	[WIRE_UNKNOWN] = "",
	[WIRE_HTTP1] = " (HTTP, request line not seen)",
	[WIRE_HTTP2] = " (HTTP/2, not readable)",
	[WIRE_TLS] = " (TLS, not readable)",
};

static void add_route(struct printable *text, const struct route_rules *rules, const struct request *request)
{
	struct path path = path_of_target(request->target, request->target_cut);
	const struct route_rule *rule = rules ? route_rules_find(rules, request->method, &path) : NULL;

	printable_add_string(text, request->method);
	printable_add_verbatim(text, " ");
	if (rule)
		printable_add_string(text, rule->path);
	else if (path.len || path.cut)
		template_add(text, &path);
	else
		printable_add_string(text, strstr(request->target, "://") ? "/" : ":authority");
}

static void add_listener(struct printable *text, const struct request *request)
{
	char port[sizeof(":65535")];

	snprintf(port, sizeof(port), ":%u", request->port);
	printable_add_string(text, request->unix_path ? request->unix_path : port);
}

void route_endpoint(const struct route_rules *rules, const struct request *request, char *name)
{
	struct printable text = {name, ENDPOINT_NAME_MAX - sizeof(ELLIPSIS), 0, false};
	const char *remark = remark_by_protocol[request->protocol];

	if (request->method && request->target) {
		add_route(&text, rules, request);
		remark = "";
	} else {
		/* A long Unix path must not push the remark out. */
		text.size -= strlen(remark);
		add_listener(&text, request);
	}
	/* Both have their room behind text.size. */
	name += text.len;
	if (text.full)
		name = stpcpy(name, ELLIPSIS);
	stpcpy(name, remark);
}
