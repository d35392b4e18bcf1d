/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rows by (service, endpoint), with a cap on each service's. What else a row or a service holds is the user's: both are the first member of
 * something larger, whose other bytes begin as zero.
 * Used by user/stats only.
 * Never: forgets a name unasked; moves a row or a service (pointers stay good until it is dropped).
 */
#ifndef IOCPU_STATS_TABLE_H
#define IOCPU_STATS_TABLE_H

#include <stdbool.h>
#include <stddef.h>

/* Services told apart; the endpoints of later ones all add to one row. */
#define SERVICES_MAX 256

extern const char folded_name[]; /* "(other)" */

struct service {
	char *name;
	size_t endpoint_count; /* without its row of folded ones */
};

struct table_row {
	struct service *service;
	char *name;
	bool folded; /* the row "(other)" */
};

struct table_shape {
	size_t row_size;     /* of the struct that begins with a table_row */
	size_t service_size; /* of the struct that begins with a service */
	size_t endpoint_cap; /* a service */
	size_t row_cap;      /* of all; beyond it a service still gets its row "(other)" */
};

struct endpoint_table {
	struct table_shape shape;
	struct service *services[SERVICES_MAX + 1]; /* one of them may be the rest, "(other)" */
	size_t service_count;
	struct table_row **rows; /* in the order in which they came */
	size_t row_count;
	struct table_row **slots; /* a hash with open addressing, at most half full */
	size_t slot_count;        /* a power of two, or 0 */
};

void endpoint_table_init(struct endpoint_table *table, const struct table_shape *shape);

/* The row of this endpoint, made if need be; the service's row "(other)" once a cap is reached. NULL: no memory. */
struct table_row *endpoint_table_get(struct endpoint_table *table, const char *service, const char *endpoint);

/* The service, made if need be; the service "(other)" once there are too many. NULL: no memory. */
struct service *endpoint_table_service(struct endpoint_table *table, const char *name);

/* Takes a service and its rows out; what their owner has put into them it has freed before. */
void endpoint_table_drop(struct endpoint_table *table, struct service *service);

/* Frees the table; what the rows' owner has put into them it has freed before. */
void endpoint_table_fini(struct endpoint_table *table);

#endif
