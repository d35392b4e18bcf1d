/* SPDX-License-Identifier: BSD-2-Clause */
#include "stats/table.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS_FIRST 64

const char folded_name[] = "(other)";

void endpoint_table_init(struct endpoint_table *table, const struct table_shape *shape)
{
	memset(table, 0, sizeof(*table));
	table->shape = *shape;
}

/* FNV-1a, going on from `hash`; the closing 0 counts, so that "a"+"bc" and "ab"+"c" differ. */
static uint64_t hash_text(uint64_t hash, const char *text)
{
	do {
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3;
	} while (*text++);
	return hash;
}

static uint64_t hash_names(const char *service, const char *endpoint)
{
	return hash_text(hash_text(0xcbf29ce484222325, service), endpoint);
}

/* The slot that holds the row, or the free one where it belongs. */
static struct table_row **slot_find(const struct endpoint_table *table, const char *service, const char *endpoint)
{
	size_t at = hash_names(service, endpoint) & (table->slot_count - 1);

	while (table->slots[at] && (strcmp(table->slots[at]->name, endpoint) || strcmp(table->slots[at]->service->name, service)))
		at = (at + 1) & (table->slot_count - 1);
	return &table->slots[at];
}

static void fill_slots(struct endpoint_table *table)
{
	memset(table->slots, 0, table->slot_count * sizeof(struct table_row *));
	for (size_t i = 0; i < table->row_count; i++)
		*slot_find(table, table->rows[i]->service->name, table->rows[i]->name) = table->rows[i];
}

/* Doubles slots and rows when one more row would fill more than half of the slots. */
static bool grow(struct endpoint_table *table)
{
	size_t slot_count = table->slot_count ? table->slot_count * 2 : SLOTS_FIRST;
	struct table_row **slots, **rows;

	if ((table->row_count + 1) * 2 <= table->slot_count)
		return true;
	rows = realloc(table->rows, slot_count / 2 * sizeof(struct table_row *));
	if (!rows)
		return false;
	table->rows = rows;
	slots = calloc(slot_count, sizeof(struct table_row *));
	if (!slots)
		return false;
	free(table->slots);
	table->slots = slots;
	table->slot_count = slot_count;
	fill_slots(table);
	return true;
}

static struct service *service_find(const struct endpoint_table *table, const char *name)
{
	for (size_t i = 0; i < table->service_count; i++)
		if (!strcmp(table->services[i]->name, name))
			return table->services[i];
	return NULL;
}

struct service *endpoint_table_service(struct endpoint_table *table, const char *name)
{
	struct service *service = service_find(table, name);

	if (!service && table->service_count >= SERVICES_MAX) {
		name = folded_name;
		service = service_find(table, name);
	}
	if (service)
		return service;
	service = calloc(1, table->shape.service_size);
	if (!service)
		return NULL;
	service->name = strdup(name);
	if (!service->name) {
		free(service);
		return NULL;
	}
	return table->services[table->service_count++] = service;
}

static struct table_row *row_make(struct endpoint_table *table, struct service *service, const char *name, bool folded)
{
	struct table_row *row = calloc(1, table->shape.row_size);

	if (!row)
		return NULL;
	row->service = service;
	row->folded = folded;
	row->name = strdup(name);
	if (!row->name || !grow(table)) {
		free(row->name);
		free(row);
		return NULL;
	}
	service->endpoint_count += !folded;
	table->rows[table->row_count++] = row;
	return *slot_find(table, service->name, name) = row;
}

struct table_row *endpoint_table_get(struct endpoint_table *table, const char *service_name, const char *name)
{
	struct table_row *row = table->slot_count ? *slot_find(table, service_name, name) : NULL;
	struct service *service;
	bool folded;

	if (row)
		return row;
	service = endpoint_table_service(table, service_name);
	if (!service)
		return NULL;
	folded = service->endpoint_count >= table->shape.endpoint_cap || table->row_count >= table->shape.row_cap ||
		 !strcmp(service->name, folded_name) || !strcmp(name, folded_name);
	if (folded)
		name = folded_name;
	row = table->slot_count ? *slot_find(table, service->name, name) : NULL;
	return row ? row : row_make(table, service, name, folded);
}

static void free_service(struct service *service)
{
	free(service->name);
	free(service);
}

static void free_row(struct table_row *row)
{
	free(row->name);
	free(row);
}

void endpoint_table_drop(struct endpoint_table *table, struct service *service)
{
	size_t rows_kept = 0, services_kept = 0;

	for (size_t i = 0; i < table->row_count; i++) {
		if (table->rows[i]->service == service)
			free_row(table->rows[i]);
		else
			table->rows[rows_kept++] = table->rows[i];
	}
	table->row_count = rows_kept;
	if (table->slots)
		fill_slots(table);
	for (size_t i = 0; i < table->service_count; i++)
		if (table->services[i] != service)
			table->services[services_kept++] = table->services[i];
	table->service_count = services_kept;
	table->services[services_kept] = NULL;
	free_service(service);
}

void endpoint_table_fini(struct endpoint_table *table)
{
	for (size_t i = 0; i < table->row_count; i++)
		free_row(table->rows[i]);
	for (size_t i = 0; i < table->service_count; i++)
		free_service(table->services[i]);
	free(table->rows);
	free(table->slots);
	memset(table, 0, sizeof(*table));
}
