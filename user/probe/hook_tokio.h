/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The hook into tokio: probes at some of its functions tell which task a thread runs, who made it and who wakes it.
 * Called by user/probe/hooks.c.
 */
#ifndef IOCPU_PROBE_HOOK_TOKIO_H
#define IOCPU_PROBE_HOOK_TOKIO_H

#include <sys/types.h>

#include "probe/loader.h"
#include "runtime/tokio.h"

/* To the process, in the file at `path` that its program was read from. 0 or −errno. `slot`: of HOOKED_PROCESSES_MAX. */
int hook_tokio_attach(struct loader *loader, pid_t tgid, const char *path, const struct tokio_program *program, unsigned int slot);

#endif
