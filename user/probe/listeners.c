/* SPDX-License-Identifier: BSD-2-Clause */
#include "probe/listeners.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "probe/proc.h"
#include "probe/sock_diag.h"

#define UNIX_ACCEPTS_CONN 0x10000 /* __SO_ACCEPTCON: listen was called */

/* ---- lines of /proc/PID/net */

/* Groups of 4 bytes, each printed as a number of this machine's byte order. */
static bool parse_address(const char *hex, uint8_t addr[16], uint8_t *family)
{
	size_t len = strlen(hex);

	if (len != 8 && len != 32)
		return false;
	for (size_t i = 0; i < len / 8; i++) {
		uint32_t word;

		if (sscanf(hex + 8 * i, "%8x", &word) != 1)
			return false;
		memcpy(addr + 4 * i, &word, 4);
	}
	*family = len == 8 ? CONN_INET : CONN_INET6;
	return true;
}

static bool parse_inet(const char *line, unsigned int wanted_state, struct listener *listener)
{
	unsigned long long inode;
	unsigned int port, state;
	char local[33];

	*listener = (struct listener){};
	if (sscanf(line, " %*d: %32[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*s %*s %*s %*d %*d %llu", local, &port, &state, &inode) != 4)
		return false;
	listener->inode = inode;
	listener->port = (uint16_t)port;
	return state == wanted_state && parse_address(local, listener->addr, &listener->family);
}

bool listener_parse_tcp(const char *line, struct listener *listener)
{
	return parse_inet(line, TCP_LISTEN, listener);
}

bool listener_parse_udp(const char *line, struct listener *listener)
{
	return parse_inet(line, TCP_CLOSE, listener); /* not connected */
}

bool listener_parse_unix(const char *line, struct listener *listener)
{
	unsigned long long inode;
	unsigned int flags;
	int path_at = 0;
	size_t len;

	*listener = (struct listener){.family = CONN_UNIX};
	if (sscanf(line, "%*x: %*x %*x %x %*x %*x %llu %n", &flags, &inode, &path_at) != 2 || !(flags & UNIX_ACCEPTS_CONN))
		return false;
	listener->inode = inode;
	len = path_at ? strcspn(line + path_at, "\n") : 0;
	if (len > UNIX_PATH_MAX)
		len = UNIX_PATH_MAX;
	memcpy(listener->path, line + path_at, len);
	listener->path_len = (uint8_t)len;
	return true;
}

/* ---- the table of one namespace */

static const struct source_row {
	struct sock_diag_query query;
	const char *file; /* below /proc/PID/net, where the query is refused */
	bool (*parse)(const char *line, struct listener *listener);
	bool datagram;
} source_rows[] = {
	{{AF_INET, IPPROTO_TCP, TCP_LISTEN}, "tcp", listener_parse_tcp, false},
	{{AF_INET6, IPPROTO_TCP, TCP_LISTEN}, "tcp6", listener_parse_tcp, false},
	{{AF_INET, IPPROTO_UDP, TCP_CLOSE}, "udp", listener_parse_udp, true},
	{{AF_INET6, IPPROTO_UDP, TCP_CLOSE}, "udp6", listener_parse_udp, true},
	{{AF_UNIX, 0, TCP_LISTEN}, "unix", listener_parse_unix, false},
};

/* One row's listeners go into a table. */
struct filling {
	struct listener_table *table;
	const struct source_row *row;
};

static int add_listener(void *context, const struct listener *listener)
{
	const struct filling *filling = context;
	struct listener_table *table = filling->table;

	/* A UDP socket that is not bound receives nothing. */
	if (listener->family != CONN_UNIX && !listener->port)
		return 0;
	if (table->count == table->capacity) {
		size_t capacity = table->capacity ? 2 * table->capacity : 16;
		struct listener *grown = reallocarray(table->listeners, capacity, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		table->listeners = grown;
		table->capacity = capacity;
	}
	table->listeners[table->count] = *listener;
	table->listeners[table->count++].datagram = filling->row->datagram;
	return 0;
}

static int read_lines(struct filling *filling, pid_t pid)
{
	struct listener listener;
	char path[64], line[512];
	FILE *file;
	int err = 0;

	snprintf(path, sizeof(path), "/proc/%d/net/%s", pid, filling->row->file);
	file = fopen(path, "re");
	if (!file)
		return errno == ENOENT ? 0 : -errno; /* a kernel without IPv6 has no tcp6 */
	while (!err && fgets(line, sizeof(line), file))
		if (filling->row->parse(line, &listener))
			err = add_listener(filling, &listener);
	fclose(file);
	return err;
}

/* A kernel may lack one of the modules that answer; diag_fd −errno: all are refused. */
static int read_source(struct filling *filling, int diag_fd, pid_t pid)
{
	size_t before = filling->table->count;
	int err = diag_fd < 0 ? diag_fd : sock_diag_ask(diag_fd, &filling->row->query, add_listener, filling);

	if (!err || err == -ENOMEM)
		return err;
	filling->table->count = before;
	return read_lines(filling, pid);
}

static int compare_inodes(const void *left, const void *right)
{
	const struct listener *a = left, *b = right;

	return (a->inode > b->inode) - (a->inode < b->inode);
}

static int read_table(struct listener_table *table, int diag_fd, pid_t pid)
{
	int err = 0;

	for (size_t i = 0; i < sizeof(source_rows) / sizeof(source_rows[0]) && !err; i++) {
		struct filling filling = {table, &source_rows[i]};

		err = read_source(&filling, diag_fd, pid);
	}
	if (table->count)
		qsort(table->listeners, table->count, sizeof(*table->listeners), compare_inodes);
	return err;
}

bool listener_table_has(const struct listener_table *table, uint16_t port)
{
	for (size_t i = 0; i < table->count; i++)
		if (table->listeners[i].port == port)
			return true;
	return false;
}

/* ---- all namespaces */

/* 0 or −errno. */
static int network_namespace(const char *process, uint64_t *inode)
{
	char path[64];
	struct stat status;

	snprintf(path, sizeof(path), "/proc/%s/ns/net", process);
	if (stat(path, &status))
		return -errno;
	*inode = status.st_ino;
	return 0;
}

static int open_diag(const struct listener_tables *tables, pid_t pid, uint64_t namespace_inode)
{
	uint64_t own = 0;

	if (tables->from_proc)
		return -EOPNOTSUPP;
	(void)network_namespace("thread-self", &own);
	return sock_diag_open(pid, namespace_inode != own);
}

static int add_table(struct listener_tables *tables, pid_t pid, uint64_t namespace_inode)
{
	struct listener_table *grown = reallocarray(tables->tables, tables->count + 1, sizeof(*grown)), *table;
	int diag_fd, err;

	if (!grown)
		return -ENOMEM;
	tables->tables = grown;
	table = &grown[tables->count];
	*table = (struct listener_table){.namespace_inode = namespace_inode};
	diag_fd = open_diag(tables, pid, namespace_inode);
	err = read_table(table, diag_fd, pid);
	if (diag_fd >= 0)
		close(diag_fd);
	if (err)
		free(table->listeners);
	else
		tables->count++;
	return err;
}

int listener_tables_get(struct listener_tables *tables, pid_t pid, const struct listener_table **table)
{
	uint64_t namespace_inode = 0;
	char process[16];
	size_t i = 0;
	int err;

	snprintf(process, sizeof(process), "%d", pid);
	err = network_namespace(process, &namespace_inode);
	while (!err && i < tables->count && tables->tables[i].namespace_inode != namespace_inode)
		i++;
	if (!err && i == tables->count)
		err = add_table(tables, pid, namespace_inode);
	*table = err ? NULL : &tables->tables[i];
	return err;
}

void listener_tables_fini(struct listener_tables *tables)
{
	for (size_t i = 0; i < tables->count; i++)
		free(tables->tables[i].listeners);
	free(tables->tables);
	*tables = (struct listener_tables){};
}

/* ---- a process's */

static struct listener *find_listener(const struct listener_table *table, uint64_t inode)
{
	const struct listener wanted = {.inode = inode};

	return table->count ? bsearch(&wanted, table->listeners, table->count, sizeof(wanted), compare_inodes) : NULL;
}

struct each {
	struct listener_tables *tables;
	pid_t pid;
	listener_callback on_listener;
	void *context;
	unsigned int look;
	const struct listener_table *table;
};

/* The table is not asked for before the first socket: a process that has none, as one whose first thread has ended, needs none. */
static int on_socket(void *context, uint64_t inode)
{
	struct each *each = context;
	struct listener *listener;
	int err = each->table ? 0 : listener_tables_get(each->tables, each->pid, &each->table);

	if (err)
		return err;
	listener = find_listener(each->table, inode);
	if (!listener || listener->found_in == each->look)
		return 0;
	listener->found_in = each->look;
	return each->on_listener(each->context, listener);
}

int listeners_each(struct listener_tables *tables, pid_t pid, listener_callback on_listener, void *context)
{
	struct each each = {.tables = tables, .pid = pid, .on_listener = on_listener, .context = context, .look = ++tables->looks};

	return proc_sockets(pid, on_socket, &each);
}

struct held {
	struct listener *listeners;
	size_t max, count;
};

static int hold(void *context, const struct listener *listener)
{
	struct held *held = context;

	if (held->count < held->max)
		held->listeners[held->count] = *listener;
	held->count++;
	return 0;
}

size_t listeners_of_process(struct listener_tables *tables, pid_t pid, struct listener *held, size_t max)
{
	struct held all = {.listeners = held, .max = max};

	(void)listeners_each(tables, pid, hold, &all);
	return all.count;
}
