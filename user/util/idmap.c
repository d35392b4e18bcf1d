/* SPDX-License-Identifier: BSD-2-Clause */
#include "util/idmap.h"

#include <errno.h>
#include <stdlib.h>

#define CAPACITY_MIN 64

/* Fibonacci hashing: inode numbers and thread ids come in runs, the multiplication scatters them. */
static size_t home_slot(const struct idmap *map, uint64_t id)
{
	return (size_t)((id * 0x9e3779b97f4a7c15ull) >> 20) & (map->capacity - 1);
}

static struct idmap_slot *slot_of(const struct idmap *map, uint64_t id)
{
	size_t at = home_slot(map, id);

	while (map->slots[at].value && map->slots[at].id != id)
		at = (at + 1) & (map->capacity - 1);
	return &map->slots[at];
}

void *idmap_get(const struct idmap *map, uint64_t id)
{
	return map->capacity ? slot_of(map, id)->value : NULL;
}

static int grow(struct idmap *map)
{
	struct idmap bigger = {.capacity = map->capacity ? map->capacity * 2 : CAPACITY_MIN};

	bigger.slots = calloc(bigger.capacity, sizeof(*bigger.slots));
	if (!bigger.slots)
		return -ENOMEM;
	for (size_t i = 0; i < map->capacity; i++)
		if (map->slots[i].value)
			*slot_of(&bigger, map->slots[i].id) = map->slots[i];
	bigger.count = map->count;
	free(map->slots);
	*map = bigger;
	return 0;
}

int idmap_put(struct idmap *map, uint64_t id, void *value)
{
	struct idmap_slot *slot;

	if (map->count * 2 >= map->capacity && grow(map))
		return -ENOMEM;
	slot = slot_of(map, id);
	if (!slot->value)
		map->count++;
	*slot = (struct idmap_slot){.id = id, .value = value};
	return 0;
}

void *idmap_take(struct idmap *map, uint64_t id)
{
	size_t mask = map->capacity - 1, hole, at;
	struct idmap_slot *slot;
	void *value;

	if (!map->capacity)
		return NULL;
	slot = slot_of(map, id);
	value = slot->value;
	if (!value)
		return NULL;
	slot->value = NULL;
	map->count--;
	/* Whoever stood behind the hole because of a collision moves up, so that no search ends too early. */
	hole = (size_t)(slot - map->slots);
	for (at = (hole + 1) & mask; map->slots[at].value; at = (at + 1) & mask) {
		size_t home = home_slot(map, map->slots[at].id);

		if (((at - home) & mask) < ((at - hole) & mask))
			continue;
		map->slots[hole] = map->slots[at];
		map->slots[at].value = NULL;
		hole = at;
	}
	return value;
}

void *idmap_next(const struct idmap *map, size_t *cursor)
{
	while (*cursor < map->capacity) {
		void *value = map->slots[(*cursor)++].value;

		if (value)
			return value;
	}
	return NULL;
}

void idmap_fini(struct idmap *map)
{
	free(map->slots);
	*map = (struct idmap){0};
}
