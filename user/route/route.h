/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Request line → endpoint: id-like segments are folded ("/users/17" → "/users/:id"), user rules come first.
 * Called by cli's session for each finished request, and by option parsing for --route.
 * Never: touches a payload (wire.h does), keeps count of endpoints (stats does), lets a control character through.
 */
#ifndef IOCPU_ROUTE_ROUTE_H
#define IOCPU_ROUTE_ROUTE_H

#include <stddef.h>

#include "util/request.h"

/* Longest endpoint name, with its end. Longer ones are cut and end in "…". */
#define ENDPOINT_NAME_MAX 160

struct route_rules;

/* NULL: no memory. */
struct route_rules *route_rules_open(void);

/*
 * Adds a rule "[METHOD] /path": `*` stands for one segment, `**` for the rest, `:name` for a named segment. The first rule that matches
 * names the endpoint, by its own text, with the request's method in front when the rule has none.
 * −EINVAL: no leading slash, unknown method, `**` not at the end, empty; then *why (if not NULL) says which, a static text.
 */
int route_rules_add(struct route_rules *rules, const char *text, const char **why);

void route_rules_close(struct route_rules *rules);

/*
 * The endpoint of a request into name[ENDPOINT_NAME_MAX]: "GET /users/:id"; not HTTP: ":5432" (the listening port) or the Unix path;
 * not readable: ":8443 (TLS, not readable)", ":50051 (HTTP/2, not readable)". Always ended, always printable UTF-8.
 */
void route_endpoint(const struct route_rules *rules, const struct request *request, char *name);

#endif
