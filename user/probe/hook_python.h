/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The hook into CPython's event loops: which callback or task runs, and which task lets which go on.
 * Called by user/probe/hooks.c.
 */
#ifndef IOCPU_PROBE_HOOK_PYTHON_H
#define IOCPU_PROBE_HOOK_PYTHON_H

#include <stdbool.h>
#include <sys/types.h>

#include "probe/loader.h"
#include "probe/proc.h"
#include "runtime/python.h"

struct python_hook {
	struct python_core core;
	struct python_asyncio asyncio;
	struct python_uvloop uvloop; /* of no places where it has not loaded that */
	uint64_t moved_by;           /* how much higher the core lies in the process than in its file */
	int program_fd;              /* that core_path leads to; −1: it leads to a library */
	char core_path[MAPPED_PATH_MAX], asyncio_path[MAPPED_PATH_MAX], uvloop_path[MAPPED_PATH_MAX];
};

/*
 * 0: to be closed. Or −errno: −ENODATA it runs no asyncio, or not yet; *why is then what stands in the way, for people: static; the version
 * may be known all the same.
 */
int hook_python_find(pid_t tgid, struct python_hook *hook, const char **why);
void hook_python_close(struct python_hook *hook);

/* Has it loaded uvloop by now? */
bool hook_python_has_uvloop(pid_t tgid);

/* 0 or −errno. `slot`: of HOOKED_PROCESSES_MAX. */
int hook_python_attach(struct loader *loader, pid_t tgid, const struct python_hook *hook, unsigned int slot);

/* To what uvloop has beside that, if it was loaded later. 0 or −errno. */
int hook_python_attach_uvloop(struct loader *loader, pid_t tgid, const struct python_hook *hook, unsigned int slot);

/* From here on nothing is told of the process. */
void hook_python_turn_off(struct loader *loader, unsigned int slot);
/* Nor is anything left of it for the next process in its slot, once its probes are detached. */
void hook_python_forget(struct loader *loader, unsigned int slot);

#endif
