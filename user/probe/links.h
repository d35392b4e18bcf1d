/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is attached: each hook's link, kept until it is detached, which takes the kernel a while and goes on in threads of its own.
 * Called by loader.c only.
 * Never: decides what is hooked.
 */
#ifndef IOCPU_PROBE_LINKS_H
#define IOCPU_PROBE_LINKS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct bpf_program;
struct bpf_link;

/* The kernel half's own hooks, and up to 14 for each process with a hooked runtime. */
#define LINKS_MAX 1024

struct attached {
	struct bpf_link *link; /* NULL: link_fd is all of it */
	int link_fd;
	bool is_uprobe;
	uint64_t cookie;  /* of a uprobe */
	pthread_t leaver; /* the thread that detaches it */
	bool leaves;      /* there is one */
};

/* Uprobes that leave while others stay, one after the other. */
struct departure {
	struct departure *next;
	pthread_t leaver;
	size_t count;
	struct attached uprobes[];
};

struct links {
	struct attached attached[LINKS_MAX];
	size_t count;
	size_t leaving; /* of them, the first ones */
	struct departure *departures;
};

/* A new link, which may be NULL: then errno says why. 0 or −errno. */
int links_keep(struct links *links, struct bpf_link *link);

/* Makes such links of all uprobes of this program, before it is loaded. */
void links_choose_multi(struct bpf_program *program);

/* Attaches to a place in a file that a process runs. multi: the program was chosen for that. 0 or −errno. */
int links_attach_uprobe(struct links *links, bool multi, const struct bpf_program *program, pid_t tgid, const char *path,
			uint64_t file_offset, uint64_t cookie);

/* Begins to detach all uprobes with this cookie, in a thread of its own. */
void links_detach_uprobes(struct links *links, uint64_t cookie);

/* Begins to detach all, in threads of their own. */
void links_begin_detach(struct links *links);

/* Returns when all is detached. */
void links_detach(struct links *links);

#endif
