/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/listeners.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* States in /proc/net/tcp and udp; the flag in /proc/net/unix that marks a listener. */
#define STATE_LISTEN      0x0a
#define STATE_UNCONNECTED 0x07
#define UNIX_LISTENS      0x10000u

uint64_t network_namespace(pid_t pid)
{
	char path[64];
	struct stat stat_;

	snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
	return stat(path, &stat_) ? 0 : stat_.st_ino;
}

static int add_socket(struct listener_table *table, const struct listener_socket *socket)
{
	/* Capacity is the next power of two. */
	if (!(table->count & (table->count - 1))) {
		struct listener_socket *grown = realloc(table->sockets, (table->count ? 2 * table->count : 1) * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		table->sockets = grown;
	}
	table->sockets[table->count++] = *socket;
	return 0;
}

/* "  0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 41234 …" */
static bool parse_inet(const char *line, bool datagram, struct listener_socket *socket)
{
	unsigned port, state;
	uint64_t inode;

	if (sscanf(line, " %*d: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*s %*s %*s %*s %*s %" SCNu64, &port, &state, &inode) != 3)
		return false;
	*socket = (struct listener_socket){.inode = inode, .port = (uint16_t)port, .datagram = datagram};
	return port && state == (datagram ? STATE_UNCONNECTED : STATE_LISTEN);
}

static bool parse_tcp(const char *line, struct listener_socket *socket)
{
	return parse_inet(line, false, socket);
}

static bool parse_udp(const char *line, struct listener_socket *socket)
{
	return parse_inet(line, true, socket);
}

/* "0000000000000000: 00000002 00000000 00010000 0001 01 23456 /run/x.sock" */
static bool parse_unix(const char *line, struct listener_socket *socket)
{
	unsigned flags;

	*socket = (struct listener_socket){0};
	if (sscanf(line, "%*x: %*x %*x %x %*x %*x %" SCNu64 " %104[^\n]", &flags, &socket->inode, socket->path) != 3)
		return false;
	return flags & UNIX_LISTENS;
}

static const struct source_row {
	const char *name;
	bool (*parse)(const char *line, struct listener_socket *socket);
} source_rows[] = {
	{"tcp", parse_tcp}, {"tcp6", parse_tcp}, {"udp", parse_udp}, {"udp6", parse_udp}, {"unix", parse_unix},
};

static int read_source(struct listener_table *table, pid_t pid, const struct source_row *row)
{
	struct listener_socket socket;
	char path[64], line[512];
	FILE *file;
	int err = 0;

	snprintf(path, sizeof(path), "/proc/%d/net/%s", pid, row->name);
	file = fopen(path, "re");
	if (!file)
		return errno == ENOENT ? 0 : -errno; /* a kernel without IPv6 has no tcp6 */
	while (!err && fgets(line, sizeof(line), file))
		if (row->parse(line, &socket))
			err = add_socket(table, &socket);
	fclose(file);
	return err;
}

int listener_table_read(struct listener_table *table, pid_t pid)
{
	int err = 0;

	*table = (struct listener_table){.namespace_inode = network_namespace(pid)};
	for (size_t i = 0; i < sizeof(source_rows) / sizeof(source_rows[0]) && !err; i++)
		err = read_source(table, pid, &source_rows[i]);
	return err;
}

void listener_table_fini(struct listener_table *table)
{
	free(table->sockets);
	*table = (struct listener_table){0};
}

static const struct listener_socket *find_socket(const struct listener_table *table, uint64_t inode)
{
	for (size_t i = 0; i < table->count; i++)
		if (table->sockets[i].inode == inode)
			return &table->sockets[i];
	return NULL;
}

bool listener_table_has(const struct listener_table *table, uint16_t port)
{
	for (size_t i = 0; i < table->count; i++)
		if (table->sockets[i].port == port)
			return true;
	return false;
}

size_t listeners_of_process(const struct listener_table *table, pid_t pid, const struct listener_socket **held, size_t max)
{
	char path[64], link[64];
	struct dirent *entry;
	size_t count = 0;
	DIR *directory;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	directory = opendir(path);
	while (directory && (entry = readdir(directory))) {
		ssize_t length = readlinkat(dirfd(directory), entry->d_name, link, sizeof(link) - 1);
		const struct listener_socket *socket;
		uint64_t inode;

		if (length <= 0)
			continue;
		link[length] = 0;
		if (sscanf(link, "socket:[%" SCNu64 "]", &inode) != 1)
			continue;
		socket = find_socket(table, inode);
		if (socket && count < max)
			held[count] = socket;
		count += socket != NULL;
	}
	if (directory)
		closedir(directory);
	return count;
}
