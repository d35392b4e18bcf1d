/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a running HotSpot keeps the id of the thread that Java's code calls the current one, the virtual thread's if one is mounted.
 * Called when such a process is followed, and by doctor; needs no agent and no option of the JVM, stops nothing, writes nothing.
 * Never: guesses. All threads must agree with what was found, or nothing was.
 */
#ifndef IOCPU_RUNTIME_HOTSPOT_H
#define IOCPU_RUNTIME_HOTSPOT_H

#include "config.h"
#include "runtime/hotspot_library.h"
#include "runtime/memory.h"

#define HOTSPOT_VERSION_MAX 48

struct hotspot {
	char version[HOTSPOT_VERSION_MAX]; /* "21.0.5+11"; empty: not known */
	struct hotspot_layout layout;      /* tells_yield is left 0 */
};

/*
 * moved_by: how much higher the library lies in the process than in its file. 0, or −errno: −ENOTSUP no virtual threads, −ENOENT something
 * is not as it should be; *why is then what, for people: static. The version is set as soon as it is known.
 */
int hotspot_find(const struct memory *memory, const struct hotspot_library *library, uint64_t moved_by, struct hotspot *found,
		 const char **why);

#endif
