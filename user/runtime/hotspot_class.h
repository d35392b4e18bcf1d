/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The fields that a Java class declares, read from HotSpot's description of it.
 * Called by user/runtime/hotspot.c.
 */
#ifndef IOCPU_RUNTIME_HOTSPOT_CLASS_H
#define IOCPU_RUNTIME_HOTSPOT_CLASS_H

#include "runtime/hotspot_tables.h"

/* The offset of a field in the class's objects; 0 (where their header is): it declares none of this name. */
uint32_t hotspot_field_offset(const struct memory *memory, const struct hotspot_tables *tables, uint64_t class_at, const char *name);

/* Of those that directly extend the class: the one of this name, with slashes; 0: none. */
uint64_t hotspot_subclass(const struct memory *memory, const struct hotspot_tables *tables, uint64_t class_at, const char *name);

#endif
