/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A request's path with its id-like segments folded: "/users/17/posts/2024-05-01" → "/users/:id/posts/:id".
 * Called by route.c when no user rule matched.
 * Never: learns from what it saw; the same path always gives the same template.
 */
#ifndef IOCPU_ROUTE_TEMPLATE_H
#define IOCPU_ROUTE_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>

#include "route/printable.h"

/* The part of a target that names what is asked for: without scheme, authority, query and fragment. Not ended by 0. */
struct path {
	const char *bytes;
	size_t len;
	bool cut; /* it went on: its last segment is not whole */
};

/* `cut`: the target itself is not whole. "http://host/a?b" → "/a"; "*" stays; an authority ("host:443") gives an empty path. */
struct path path_of_target(const char *target, bool cut);

/* Adds the template of the path; a last segment that is not whole becomes "…", which is the only text beyond ASCII. */
void template_add(struct printable *text, const struct path *path);

#endif
