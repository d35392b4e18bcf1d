/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A hash table from a 64-bit id to a pointer: open addressing, linear probing, deletion by shifting back.
 * Used wherever things are found by an id that somebody else chose (threads, connections, processes).
 * Never: owns what it points to; holds a NULL value.
 */
#ifndef IOCPU_UTIL_IDMAP_H
#define IOCPU_UTIL_IDMAP_H

#include <stddef.h>
#include <stdint.h>

struct idmap_slot {
	uint64_t id;
	void *value; /* NULL: free */
};

struct idmap {
	struct idmap_slot *slots;
	size_t capacity; /* a power of two, or 0 before the first put */
	size_t count;
};

/* An all-zero struct idmap is an empty map. NULL: not there. */
void *idmap_get(const struct idmap *map, uint64_t id);

/* Adds or replaces. 0 or −ENOMEM. */
int idmap_put(struct idmap *map, uint64_t id, void *value);

/* Takes the id out and returns its value, NULL if it was not there. */
void *idmap_take(struct idmap *map, uint64_t id);

/*
 * The next value at or after *cursor (start with 0), NULL at the end. Order is arbitrary; do not put meanwhile, and take only the value
 * just returned: then step the cursor back by one.
 */
void *idmap_next(const struct idmap *map, size_t *cursor);

/* Frees the table, not the values. */
void idmap_fini(struct idmap *map);

#endif
