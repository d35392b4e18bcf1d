/* SPDX-License-Identifier: BSD-2-Clause */
/* What a server knows about each of its requests, kept in memory that its children and threads share, written as CSV at the end:
 * id,path,thread_id,cpu_burned_ns,handler_cpu_ns,start_ns,end_ns,vol,invol. Called by the servers; never locks, never blocks.
 */
#ifndef SERVERS_COMMON_TRUTH_H
#define SERVERS_COMMON_TRUTH_H

#include <stdint.h>
#include <sys/types.h>

#define TRUTH_PATH_MAX 48

struct truth_row {
	unsigned long id;               /* the request's X-Id */
	char path[TRUTH_PATH_MAX];      /* cut off if longer */
	pid_t thread_id;                /* that ended it */
	uint64_t cpu_burned_ns;         /* by cpu_burn, after the response as well */
	uint64_t handler_cpu_ns;        /* the thread's CPU clock from the first byte's read to the response's last write; 0: unknown */
	uint64_t start_ns, end_ns;      /* of the same stretch; CLOCK_MONOTONIC */
	int64_t voluntary, involuntary; /* context switches in it; -1 where one thread serves many at once */
};

/* Before any fork or thread. Without a path (NULL) nothing is kept. 0, or -errno. */
int truth_open(const char *path);

void truth_set_path(struct truth_row *row, const char *path);

/* Brackets a request, so that truth_write can wait for those that have answered but not yet told. */
void truth_begin(void);
void truth_end(const struct truth_row *row);

/* Waits up to two seconds for open requests, and writes the file: 0, or -errno (-EOVERFLOW: there were more requests than room). */
int truth_write(void);

#endif
