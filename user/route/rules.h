/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How the user's route rules look inside, for those that match with them; route.h is the door.
 * Called by route.c.
 * Never: allocates while matching.
 */
#ifndef IOCPU_ROUTE_RULES_H
#define IOCPU_ROUTE_RULES_H

#include "route/route.h"
#include "route/template.h"

struct route_rule {
	char *path;         /* as printable_add writes it */
	const char *method; /* static; NULL: any */
};

/* The first rule for this method and path; NULL: none. */
const struct route_rule *route_rules_find(const struct route_rules *rules, const char *method, const struct path *path);

#endif
