/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel half as the rest of the probe sees it: loading, attaching, running its iterators, its maps and counters.
 * Called by probe.c and source.c.
 * Never: leaves anything in the kernel behind; all of it hangs on this process's fds.
 */
#ifndef IOCPU_PROBE_LOADER_H
#define IOCPU_PROBE_LOADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "probe/features.h"
#include "probe/links.h"

struct iocpu;
struct bpf_program;

struct loader_options {
	bool no_payload; /* copy no byte of any payload */
	bool hooks;      /* load the programs for runtimes too */
	bool verbose;    /* libbpf's own words on stderr */
};

/* A hook that waits until a target needs it. */
struct late_hook {
	struct bpf_program *program;
	int event_id; /* of a syscall tracepoint; 0: the program knows where it belongs */
	const volatile bool *wanted;
};

#define LOADER_LATE_MAX 8

struct loader {
	struct iocpu *skel;
	struct links links;
	struct late_hook late[LOADER_LATE_MAX];
	size_t late_count;
	struct features features;
	uint64_t attach_ns;
};

/*
 * Loads the kernel half and attaches its hooks, but for those that not every target needs. 0 or −errno: −EPERM not permitted, −ENOTSUP the
 * kernel is unfit. *why is then one line for people. Nothing is left to undo after an error.
 */
int loader_open(struct loader *loader, const struct loader_options *options, const char **why);
void loader_close(struct loader *loader);

/*
 * Begins to detach all hooks, which goes on in threads of its own; loader_close waits for them. What the hooks have told until then is
 * kept, and iterators go on to run.
 */
void loader_begin_detach(struct loader *loader);

/*
 * Attaches the hooks that a target turned out to need since the last call. Returns how many could not be; they are not tried again. They
 * are those of calls that few servers make, the one on futexes, and the one that stamps what comes to Unix and UDP sockets, which costs
 * every socket of the host.
 */
unsigned int loader_attach_wanted(struct loader *loader);

/*
 * Attaches one of the programs that are for runtimes to a place in a file that a process runs. 0 or −errno. It is detached with all others,
 * if not before.
 */
int loader_attach_uprobe(struct loader *loader, struct bpf_program *program, pid_t tgid, const char *path, uint64_t file_offset,
			 uint64_t cookie);
/* Begins to detach all that was attached with this cookie, in a thread of its own. */
void loader_detach_uprobes(struct loader *loader, uint64_t cookie);

/* Makes an account for each thread of a process. 0; −ESRCH: none of them lives; or another −errno. */
int loader_adopt(struct loader *loader, pid_t tgid);

/* Reads the accounts of a process's threads into the ring. 0 or −errno. */
int loader_snapshot(struct loader *loader, pid_t tgid);

#endif
