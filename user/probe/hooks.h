/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hooks into language runtimes: finds what a process's runtime offers, and attaches to it.
 * Called as processes are followed, and by doctor, which only looks.
 * Never: writes to the process; the kernel puts a breakpoint into its memory, and takes it out when the hook's fd is closed.
 */
#ifndef IOCPU_PROBE_HOOKS_H
#define IOCPU_PROBE_HOOKS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "config.h"
#include "runtime/known_files.h"
#include "probe/loader.h"
#include "probe/proc.h"
#include "record.h"

#define HOOK_SAYS_MAX 160

/* Ten seconds, four times a second: a JVM takes one or two to begin, on a busy machine several. */
#define HOOK_LOOKS_MAX 40

/* Of so many it is known that they would be hooked if there were room. */
#define HOOK_REFUSALS_MAX 1024

struct hooked {
	pid_t tgid; /* 0: it has become another program */
	enum runtime runtime;
	struct execution execution; /* which one of the process's was looked at */
	unsigned int looks_left;    /* 0: it is hooked for good, or cannot be */
	bool attached;
	char says[HOOK_SAYS_MAX];
};

struct runtime_hooks {
	struct loader *loader;
	bool wanted;
	struct hooked processes[HOOKED_PROCESSES_MAX]; /* a process that executes another program is a new one */
	size_t count;
	struct known_files known;
	pid_t refused[HOOK_REFUSALS_MAX]; /* those that found no room; 0: none. Full: the first ones are forgotten */
	size_t refusals;
};

void hooks_init(struct runtime_hooks *hooks, struct loader *loader, bool wanted);

/*
 * Attaches to what the process's runtime offers. What came of it is kept for `hooks_say`. The execution is the one that `runtime` was seen
 * in, read before.
 */
void hooks_attach(struct runtime_hooks *hooks, pid_t tgid, enum runtime runtime, const struct execution *execution);

/* Was this execution of the process attached to, or tried to be? */
bool hooks_know(const struct runtime_hooks *hooks, pid_t tgid, const struct execution *execution);

/* Tries again with those that had not loaded or readied their runtime yet, four times a second. Returns one that is hooked now; 0: none. */
pid_t hooks_look_again(struct runtime_hooks *hooks);

/* One line for people on what was attached to the process, or why nothing was; NULL: for its runtime there are no hooks. */
const char *hooks_say(const struct runtime_hooks *hooks, pid_t tgid);

/* Do these words of hooks_say or hooks_look tell that nothing is attached, or would be? */
bool hooks_are_off(const char *says);

/* What hooks_attach would find, without attaching. False: for this runtime there are no hooks. *usable: whether it could attach. */
bool hooks_look(pid_t tgid, enum runtime runtime, char says[HOOK_SAYS_MAX], bool *usable);

#endif
