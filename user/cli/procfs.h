/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What /proc says of processes.
 * Called by target resolution, by the listeners' scan and by doctor.
 * Never: remembers anything; a process may be gone between two calls.
 */
#ifndef IOCPU_CLI_PROCFS_H
#define IOCPU_CLI_PROCFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "record.h"

struct procfs_stat {
	char comm[COMM_MAX];
	char state; /* 'R', 'S', 'Z' … */
	pid_t ppid;
	pid_t tgid;     /* differs from the id asked for when that is a thread's */
	pid_t inner_id; /* what it is called in its own pid namespace; outside of containers the id itself */
	bool kernel_thread;
	uint32_t threads;
	uint32_t cores; /* that it may run on */
};

/* 0, or −ESRCH: no such process or thread. */
int procfs_stat(pid_t pid, struct procfs_stat *stat);

/*
 * Do the ids of /proc mean to the kernel what they mean here? In a container's pid namespace they do not: there the kernel half would not
 * know whom to follow.
 */
bool procfs_ids_are_the_kernels(void);

/* All processes, in rising order; *pids is the caller's to free. 0 or −errno. */
int procfs_list(pid_t **pids, size_t *count);

/* Reads a small file of /proc, ended by 0. Bytes read, or −errno. */
ssize_t procfs_read(const char *path, char *text, size_t size);

#endif
