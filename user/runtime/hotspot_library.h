/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What libjvm.so says of itself: where it exports its tables, where its thread-local storage is known, where virtual threads yield.
 * Called when a process that has it loaded is followed, and by doctor.
 * Never: looks at a process. All addresses are the file's.
 */
#ifndef IOCPU_RUNTIME_HOTSPOT_LIBRARY_H
#define IOCPU_RUNTIME_HOTSPOT_LIBRARY_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/hotspot_tables.h"

#define MODULE_SLOTS_MAX 64
#define YIELD_PLACES_MAX 32

struct hotspot_library {
	uint64_t exported[EXPORTS]; /* 0: not exported */
	uint64_t next_id_at;        /* the counter of thread ids; 0: not in its symbols */
	/* Where the loader writes which module of thread-local storage it is. */
	uint64_t module_slots[MODULE_SLOTS_MAX];
	size_t module_slot_count;
	/*
	 * Offsets in the file: one of these instructions runs as a virtual thread leaves its carrier, with the JavaThread as first
	 * argument. The first `push` of a function, which the kernel emulates: an `endbr64` it would single-step, at 15 times the price.
	 */
	uint64_t yields[YIELD_PLACES_MAX];
	size_t yield_count; /* 0: no symbols, or the functions begin otherwise */
};

/* 0, or −errno; *why is then what stands in the way, for people: static. */
int hotspot_library_read(const char *path, struct hotspot_library *library, const char **why);

#endif
