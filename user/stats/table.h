/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The endpoints by (service, endpoint), with a cap on each service's.
 * Used by user/stats only.
 * Never: forgets a name; moves an endpoint (pointers stay good until endpoint_table_fini).
 */
#ifndef IOCPU_STATS_TABLE_H
#define IOCPU_STATS_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "stats/endpoint.h"

/* Services told apart; the endpoints of later ones all add to one row. */
#define SERVICES_MAX 256

extern const char folded_name[]; /* "(other)" */

struct service {
	char *name;
	size_t endpoint_count; /* without its row of folded ones */
};

struct table_row {
	const struct service *service;
	char *name;
	bool folded; /* the row "(other)" */
	struct endpoint endpoint;
};

struct endpoint_table {
	size_t endpoint_cap;                        /* a service */
	struct service *services[SERVICES_MAX + 1]; /* the last one: the rest */
	size_t service_count;
	struct table_row **rows; /* in the order in which they came */
	size_t row_count;
	struct table_row **slots; /* a hash with open addressing, at most half full */
	size_t slot_count;        /* a power of two, or 0 */
};

void endpoint_table_init(struct endpoint_table *table, size_t endpoint_cap);

/* The row of this endpoint, made if need be; the service's row "(other)" once its cap is reached. NULL: no memory. */
struct table_row *endpoint_table_get(struct endpoint_table *table, const char *service, const char *endpoint);

void endpoint_table_fini(struct endpoint_table *table);

#endif
