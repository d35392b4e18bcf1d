/* SPDX-License-Identifier: BSD-2-Clause */
/* What a server knows about each of its requests, kept in memory that its children and threads share, written as CSV at the end:
 * id,path,thread_id,cpu_burned_ns,handler_cpu_ns,start_ns,end_ns,vol,invol,burns,lock, where a burn is tid:start_ns:end_ns:cpu_ns and burns
 * are separated by semicolons, and lock is asked_ns:got_ns:released_ns. Called by the servers; never locks, never blocks.
 */
#ifndef SERVERS_COMMON_TRUTH_H
#define SERVERS_COMMON_TRUTH_H

#include <stdint.h>
#include <sys/types.h>

#define TRUTH_PATH_MAX  48
#define TRUTH_BURNS_MAX 8 /* listed; further ones are in cpu_burned_ns only */

/* A stretch of computing for a request: when, on which thread, and how much of it the thread was on a core. */
struct truth_burn {
	uint64_t start_ns, end_ns, cpu_ns;
	pid_t thread_id;
};

/* When a request asked for the lock that all share, had it, and gave it back; all 0: it did not ask. */
struct truth_lock {
	uint64_t asked_ns, got_ns, released_ns;
};

struct truth_row {
	unsigned long id;               /* the request's X-Id */
	char path[TRUTH_PATH_MAX];      /* cut off if longer */
	pid_t thread_id;                /* that ended it */
	uint64_t cpu_burned_ns;         /* by truth_burn, after the response as well */
	uint64_t handler_cpu_ns;        /* the thread's CPU clock from the first byte's read to the response's last write; 0: unknown */
	uint64_t start_ns, end_ns;      /* of the same stretch; CLOCK_MONOTONIC */
	int64_t voluntary, involuntary; /* context switches in it; -1 where one thread serves many at once */
	unsigned burn_count;
	struct truth_burn burns[TRUTH_BURNS_MAX];
	struct truth_lock lock;
};

/* Before any fork or thread. Without a path (NULL) nothing is kept. 0, or -errno. */
int truth_open(const char *path);

void truth_set_path(struct truth_row *row, const char *path);

/* Computes (cpu_burn) on the calling thread for the row's request, and notes it there. */
void truth_burn(struct truth_row *row, uint64_t wanted_ns);

/* Brackets a request, so that truth_write can wait for those that have answered but not yet told. */
void truth_begin(void);
void truth_end(const struct truth_row *row);

/* Waits up to two seconds for open requests, and writes the file: 0, or -errno (-EOVERFLOW: there were more requests than room). */
int truth_write(void);

#endif
