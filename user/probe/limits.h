/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Limits that stand in the probe's way, and that a process may raise for itself.
 * Called by loader.c.
 * Never: lowers one.
 */
#ifndef IOCPU_PROBE_LIMITS_H
#define IOCPU_PROBE_LIMITS_H

#include <sys/resource.h>

/* So many files may be open from here on, or as many as are permitted at all. What is started before keeps its own limit. */
void limits_raise_open_files(rlim_t wanted);

#endif
