/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sockets that wait for connections, or for datagrams from anybody: those of a network namespace, and which of them a process holds.
 * Called when processes are followed, by target resolution (--port, "its child serves") and by doctor.
 * Never: walks over all connections, as /proc/PID/net does, where the kernel tells of listeners alone; reads a namespace's table twice for
 * processes that are looked at together.
 */
#ifndef IOCPU_PROBE_LISTENERS_H
#define IOCPU_PROBE_LISTENERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "record.h"

struct listener {
	uint64_t inode;
	uint8_t family; /* enum conn_family */
	uint8_t path_len;
	bool datagram; /* UDP, bound and not connected: it may be a server's */
	uint16_t port; /* 0: Unix */
	uint8_t addr[16];
	unsigned int found_in;        /* the last look at a process that has it open, as it may twice */
	char path[UNIX_PATH_MAX + 1]; /* an abstract name begins with '@' */
};

/* The listeners of one network namespace. */
struct listener_table {
	uint64_t namespace_inode;
	struct listener *listeners; /* by their inodes */
	size_t count;
	size_t capacity;
};

/* Those of the namespaces that were asked for, each as it was then. Begins as zeroes. */
struct listener_tables {
	struct listener_table *tables;
	size_t count;
	unsigned int looks;
	bool from_proc; /* netlink is not asked */
};

/* The table of the process's namespace, until the next call. 0; −ENOENT: the process is gone; another −errno. */
int listener_tables_get(struct listener_tables *tables, pid_t pid, const struct listener_table **table);
void listener_tables_fini(struct listener_tables *tables);

/* Is any of them bound to this port? */
bool listener_table_has(const struct listener_table *table, uint16_t port);

/* Calls back for each listener that the process holds. 0; −ENOENT: the process is gone; another −errno; the callback's error ends it. */
typedef int (*listener_callback)(void *context, const struct listener *listener);
int listeners_each(struct listener_tables *tables, pid_t pid, listener_callback on_listener, void *context);

/* Copies the first `max` of the listeners that the process holds; returns how many it holds. 0 also where they cannot be seen. */
size_t listeners_of_process(struct listener_tables *tables, pid_t pid, struct listener *held, size_t max);

/* Of a line of /proc/PID/net/tcp and tcp6, udp and udp6, and unix: false for a headline and for a socket that is no listener. */
bool listener_parse_tcp(const char *line, struct listener *listener);
bool listener_parse_udp(const char *line, struct listener *listener);
bool listener_parse_unix(const char *line, struct listener *listener);

#endif
