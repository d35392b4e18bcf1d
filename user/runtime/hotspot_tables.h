/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * HotSpot's tables of its own layout, which it exports for debuggers: offsets of fields, addresses of statics, sizes of types.
 * Called by user/runtime/hotspot.c.
 * Never: a layout that the process itself does not tell.
 */
#ifndef IOCPU_RUNTIME_HOTSPOT_TABLES_H
#define IOCPU_RUNTIME_HOTSPOT_TABLES_H

#include "runtime/memory.h"

/* Variables that libjvm exports: where the tables are, and the form of an entry. */
enum hotspot_export {
	EXPORT_STRUCTS,
	EXPORT_STRUCT_STRIDE,
	EXPORT_STRUCT_TYPE_NAME,
	EXPORT_STRUCT_FIELD_NAME,
	EXPORT_STRUCT_IS_STATIC,
	EXPORT_STRUCT_OFFSET,
	EXPORT_STRUCT_ADDRESS,
	EXPORT_TYPES,
	EXPORT_TYPE_STRIDE,
	EXPORT_TYPE_NAME,
	EXPORT_TYPE_SIZE,
	EXPORTS
};

extern const char *const hotspot_export_names[EXPORTS];

/* Fields by their offset, statics by their address, types by their size. */
enum hotspot_entry {
	THREAD_LIST, /* static */
	LIST_LENGTH,
	LIST_THREADS,
	THREAD_OSTHREAD,
	OSTHREAD_PTHREAD,
	THREAD_OBJECT,
	THREAD_VIRTUAL,
	THREAD_CURRENT_ID,
	CLASS_OF_THREAD, /* static */
	CLASS_OF_OBJECT, /* static */
	CLASS_NAME,
	CLASS_FIRST_SUB,
	CLASS_NEXT_SIBLING,
	CLASS_FIELDS,
	CLASS_CONSTANTS,
	SYMBOL_LENGTH,
	SYMBOL_BODY,
	BYTES_DATA,
	NARROW_BASE,  /* static */
	NARROW_SHIFT, /* static */
	FLAGS,        /* static */
	FLAG_COUNT,   /* static */
	FLAG_NAME,
	FLAG_ADDRESS,
	VM_RELEASE, /* static: text */
	THREAD_PIECE,
	PIECE_START,
	PIECE_TOP,
	PIECE_END,
	SIZE_OF_FLAG,
	SIZE_OF_CONSTANTS,
	ENTRIES
};

struct hotspot_tables {
	uint64_t value[ENTRIES];
	bool known[ENTRIES];
};

/* False: the tables are of an unknown form. Which entries they have is then in `known`. */
bool hotspot_tables_read(const struct memory *memory, const uint64_t exported[EXPORTS], struct hotspot_tables *tables);

#endif
