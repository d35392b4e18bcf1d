/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * How HotSpot's memory is read: what lies where, and how references look.
 * Never: from another process than the one that runs.
 */
#ifndef IOCPU_HOTSPOT_MEMORY_BPF_H
#define IOCPU_HOTSPOT_MEMORY_BPF_H

#include "maps.bpf.h"

/* Processes with a known layout, by number. User space writes a layout, then the number, then counts `hotspots` up. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, HOOKED_PROCESSES_MAX);
	__type(key, __u32);
	__type(value, struct hotspot_layout);
} hotspot_layouts SEC(".maps");

static __always_inline bool read_user(__u64 *to, __u64 at)
{
	return !bpf_probe_read_user(to, sizeof(*to), (const void *)at);
}

/* The generational ZGC's references have the address above the one of these four bits that is set. */
static __always_inline __u64 uncoloured(const struct hotspot_layout *layout, __u64 reference)
{
	if (!layout->coloured)
		return reference;
	if (reference & 0x8000)
		return reference >> 16;
	if (reference & 0x4000)
		return reference >> 15;
	if (reference & 0x2000)
		return reference >> 14;
	return reference & 0x1000 ? reference >> 13 : 0;
}

/* The java.lang.Thread that a handle in the JavaThread names; 0: not readable. */
static __always_inline __u64 object_by_handle(const struct hotspot_layout *layout, __u64 java_thread, __u32 handle)
{
	__u64 reference = 0;

	if (!read_user(&reference, java_thread + handle) || !read_user(&reference, reference))
		return 0;
	return uncoloured(layout, reference);
}

static __always_inline __u64 reference_in(const struct hotspot_layout *layout, __u64 object, __u32 offset)
{
	__u64 reference = 0;
	__u32 narrow = 0;

	if (!layout->narrow)
		return read_user(&reference, object + offset) ? uncoloured(layout, reference) : 0;
	if (bpf_probe_read_user(&narrow, sizeof(narrow), (const void *)(object + offset)) || !narrow)
		return 0;
	return layout->narrow_base + ((__u64)narrow << layout->narrow_shift);
}

#endif
