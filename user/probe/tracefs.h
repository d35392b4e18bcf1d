/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the kernel lists its tracepoints. Mounted for the calling thread alone if nobody has.
 * Called by the loader, in the thread that attaches.
 * Never: changes what any other process sees.
 */
#ifndef IOCPU_PROBE_TRACEFS_H
#define IOCPU_PROBE_TRACEFS_H

#include <stdbool.h>

struct tracefs {
	const char *path;
};

/*
 * Finds tracefs; where it is not mounted, moves the calling thread into a mount namespace of its own and mounts it there. That is the
 * thread's until it ends. 0 or −errno: −EPERM: it is not mounted, and may not be.
 */
int tracefs_open(struct tracefs *tracefs);

bool tracefs_has_event(const struct tracefs *tracefs, const char *group, const char *event);

/* By which perf_event_open knows it. −errno: −EACCES: its file may not be read. */
int tracefs_event_id(const struct tracefs *tracefs, const char *group, const char *event);

#endif
