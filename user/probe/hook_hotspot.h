/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The hook into HotSpot: which virtual thread a carrier runs. The kernel half reads its id where it looks at the thread anyway; a probe
 * tells when one leaves its carrier.
 * Called by user/probe/hooks.c.
 */
#ifndef IOCPU_PROBE_HOOK_HOTSPOT_H
#define IOCPU_PROBE_HOOK_HOTSPOT_H

#include <sys/types.h>

#include "probe/loader.h"
#include "probe/proc.h"
#include "runtime/hotspot.h"

struct hotspot_hook {
	struct hotspot found;
	struct hotspot_library library;
	char path[MAPPED_PATH_MAX]; /* of the library that the process has loaded, wherever its name leads by now */
};

/* Reads the process's memory. 0, or −errno: *why is then what stands in the way, for people; the version may be known all the same. */
int hook_hotspot_find(pid_t tgid, struct hotspot_hook *hook, const char **why);

/* 0 or −errno. `slot`: of HOOKED_PROCESSES_MAX. */
int hook_hotspot_attach(struct loader *loader, pid_t tgid, const struct hotspot_hook *hook, unsigned int slot);

/* Its process has ended: another one that is given its id is not taken for it. */
void hook_hotspot_forget(struct loader *loader, pid_t tgid);

#endif
