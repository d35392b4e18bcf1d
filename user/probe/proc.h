/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What /proc says of a process: its family, its sockets, which program it executes and where that lies.
 * Called when a process is followed, and when it begins another program. The line parsers are pure.
 */
#ifndef IOCPU_PROBE_PROC_H
#define IOCPU_PROBE_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "record.h"

struct pid_set {
	pid_t *pids;
	size_t count;
	size_t capacity;
};

/* All living descendants of a process, parents before children; the process itself is not among them. 0 or −errno. */
int proc_descendants(pid_t pid, struct pid_set *set);
void pid_set_fini(struct pid_set *set);

/* Calls back with the inode of each socket that the process has open: of one that it has twice, twice. 0 or −errno; the callback's error
 * ends it. */
typedef int (*socket_callback)(void *context, uint64_t inode);
int proc_sockets(pid_t pid, socket_callback on_socket, void *context);

#define MAPPED_PATH_MAX 80

/*
 * Opens the program that a process runs: an fd, or −errno. As long as that is open `path` leads to that very file, whatever the process
 * becomes meanwhile.
 */
int proc_open_program(pid_t pid, char path[MAPPED_PATH_MAX]);

/* Where the first byte of a process's program lies. 0 or −errno. */
int proc_program_at(pid_t pid, uint64_t *address);

/*
 * Where the kernel put a program as it began. Of one process no two executions have the same, as the stack's place is random; where it is
 * not (randomize_va_space is 0), no two programs of different sizes.
 */
struct execution {
	uint64_t code_from;
	uint64_t code_to;
	uint64_t stack_at;
};

/* 0 or −errno: −EAGAIN: it is just becoming another program, and has no place yet. */
int proc_execution(pid_t pid, struct execution *execution);

/*
 * A file that the process has mapped, with its first byte at *address: the first whose path has `part` in it, and no slash behind
 * that. `path` is by the range in memory: right in a container, and where the file was replaced. 0; −ENOENT: none; another −errno.
 */
int proc_mapped_file(pid_t pid, const char *part, char path[MAPPED_PATH_MAX], uint64_t *address);

/* Of /proc/PID/maps: a file's first byte is mapped at [*start, *end), and its path is as proc_mapped_file wants it. */
bool proc_parse_mapped(const char *line, const char *part, uint64_t *start, uint64_t *end);

/* "comm" of a process, without the newline; empty when it is gone. */
void proc_comm(pid_t pid, char comm[COMM_MAX]);

/* Of /proc/PID/stat: the parent. The name in it may hold anything, brackets included. False: not such a line. */
bool proc_parse_ppid(const char *line, pid_t *parent);
/* Of the same line. All 0: it has none. */
bool proc_parse_execution(const char *line, struct execution *execution);

/* Of a link in /proc/PID/fd: "socket:[4711]". False: something else. */
bool proc_parse_socket(const char *target, uint64_t *inode);

#endif
