/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The live source: loads the kernel half, attaches it to processes, hands out their records. The only place that knows libbpf.
 * Called by cli's session and by `doctor`.
 * Never: attribution. It adds only what /proc and ELF files say: RECORD_PROCESS, RECORD_TICK, the sockets that were open before.
 */
#ifndef IOCPU_PROBE_PROBE_H
#define IOCPU_PROBE_PROBE_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#include "util/event.h"

struct probe;

struct probe_options {
	bool no_payload; /* copy no byte of any payload (--no-routes) */
	bool hooks;      /* into language runtimes, where they are known */
	bool verbose;    /* libbpf's own words on stderr */
};

/* One kind of loss, in the order of `probe_losses`; the first is "records". */
struct probe_loss {
	const char *name;
	uint64_t count;
};

#define PROBE_LOSSES_MAX 16

struct probe_cost {
	uint64_t kernel_ns;   /* UNKNOWN: UINT64_MAX */
	uint64_t user_cpu_ns; /* of this process */
	uint64_t records;     /* taken from the ring */
};

/* Loads and attaches all hooks, following no process yet. NULL: errno; *why (never NULL after a failure) is one line for people
 * with a hint, static or in a buffer of the probe module's. EPERM: not permitted; ENOTSUP: kernel unfit. */
struct probe *probe_open(const struct probe_options *options, const char **why);

/*
 * Follows a process, its living descendants, and what they fork from now on. again: after it failed, when some of these may be followed
 * already. −ESRCH: gone; else −errno.
 */
int probe_follow(struct probe *probe, pid_t pid, bool again);

/*
 * One line for people on the hooks into a followed process's runtime: what is attached, or why nothing is; NULL: hooks were not asked for,
 * or there are none for its runtime.
 */
const char *probe_hooks_say(const struct probe *probe, pid_t tgid);

/* How long loading and attaching took, ns. */
uint64_t probe_attach_ns(const struct probe *probe);

/* Is any followed process still alive? */
bool probe_targets_alive(struct probe *probe);

/* The records as events. The source belongs to the probe and lives as long; its close does nothing. */
struct event_source *probe_source(struct probe *probe);

/* Stops the hooks, and reads every followed thread's account to its last ns: the source then gives the rest and ends. */
int probe_stop(struct probe *probe);

size_t probe_losses(const struct probe *probe, struct probe_loss losses[PROBE_LOSSES_MAX]);
void probe_cost(const struct probe *probe, struct probe_cost *cost);

/* Detaches all and frees. NULL is fine. */
void probe_close(struct probe *probe);

#endif
