/* SPDX-License-Identifier: BSD-2-Clause */
#include "probe/proc.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TCP_LISTEN        0x0A
#define UNIX_ACCEPTS_CONN 0x10000 /* __SO_ACCEPTCON: listen was called */

/* ---- family */

bool proc_parse_ppid(const char *line, pid_t *parent)
{
	const char *after_name = strrchr(line, ')');
	char state;

	return after_name && sscanf(after_name + 1, " %c %d", &state, parent) == 2;
}

static int pid_set_add(struct pid_set *set, pid_t pid)
{
	if (set->count == set->capacity) {
		size_t capacity = set->capacity ? 2 * set->capacity : 64;
		pid_t *pids = reallocarray(set->pids, capacity, sizeof(*pids));

		if (!pids)
			return -ENOMEM;
		set->pids = pids;
		set->capacity = capacity;
	}
	set->pids[set->count++] = pid;
	return 0;
}

void pid_set_fini(struct pid_set *set)
{
	free(set->pids);
	*set = (struct pid_set){};
}

static bool read_line(const char *path, char *line, size_t size)
{
	FILE *file = fopen(path, "re");
	bool got;

	if (!file)
		return false;
	got = fgets(line, (int)size, file) != NULL;
	fclose(file);
	return got;
}

/* Every process and its parent, side by side. */
struct families {
	struct pid_set pids;
	struct pid_set parents;
};

static int families_read(struct families *families)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	int err = 0;

	if (!proc)
		return -errno;
	while (!err && (entry = readdir(proc))) {
		pid_t pid = atoi(entry->d_name), parent;
		char path[64], line[512];

		snprintf(path, sizeof(path), "/proc/%d/stat", pid);
		if (pid <= 0 || !read_line(path, line, sizeof(line)) || !proc_parse_ppid(line, &parent))
			continue;
		err = pid_set_add(&families->pids, pid);
		if (!err)
			err = pid_set_add(&families->parents, parent);
	}
	closedir(proc);
	return err;
}

static int add_children(const struct families *families, pid_t parent, struct pid_set *set)
{
	for (size_t i = 0; i < families->pids.count; i++) {
		int err = families->parents.pids[i] == parent ? pid_set_add(set, families->pids.pids[i]) : 0;

		if (err)
			return err;
	}
	return 0;
}

int proc_descendants(pid_t pid, struct pid_set *set)
{
	struct families families = {};
	int err = families_read(&families);

	*set = (struct pid_set){};
	if (!err)
		err = add_children(&families, pid, set);
	for (size_t i = 0; !err && i < set->count; i++)
		err = add_children(&families, set->pids[i], set);
	pid_set_fini(&families.pids);
	pid_set_fini(&families.parents);
	return err;
}

/* ---- its program */

int proc_open_program(pid_t pid, char path[MAPPED_PATH_MAX])
{
	int fd;

	snprintf(path, MAPPED_PATH_MAX, "/proc/%d/exe", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	snprintf(path, MAPPED_PATH_MAX, "/proc/self/fd/%d", fd);
	return fd;
}

int proc_program_at(pid_t pid, uint64_t *address)
{
	char path[64], line[512];
	int err = -ENOENT;
	struct stat exe;
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	if (stat(path, &exe))
		return -errno;
	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	maps = fopen(path, "re");
	if (!maps)
		return -errno;
	while (err && fgets(line, sizeof(line), maps)) {
		unsigned long long start, offset, inode;

		if (sscanf(line, "%llx-%*x %*s %llx %*s %llu", &start, &offset, &inode) != 3 || inode != exe.st_ino || offset)
			continue;
		*address = start;
		err = 0;
	}
	fclose(maps);
	return err;
}

bool proc_parse_execution(const char *line, struct execution *execution)
{
	const char *after_name = strrchr(line, ')');
	unsigned long long from, to, stack;

	/* Fields 26 to 28; the state, the first one behind the name, is field 3. */
	if (!after_name ||
	    sscanf(after_name + 1,
		   " %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu %llu %llu", &from,
		   &to, &stack) != 3)
		return false;
	*execution = (struct execution){from, to, stack};
	return true;
}

int proc_execution(pid_t pid, struct execution *execution)
{
	char path[64], line[1024];

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if (!read_line(path, line, sizeof(line)) || !proc_parse_execution(line, execution))
		return -ESRCH;
	return execution->code_from && execution->stack_at ? 0 : -EAGAIN;
}

/* "start-end perms offset device inode path" */
bool proc_parse_mapped(const char *line, const char *part, uint64_t *start, uint64_t *end)
{
	const char *found = NULL, *next = line;
	unsigned long long from, to, offset;

	while ((next = strstr(next, part)))
		found = next++;
	if (!found || strchr(found + strlen(part), '/') || sscanf(line, "%llx-%llx %*s %llx", &from, &to, &offset) != 3 || offset)
		return false;
	*start = from;
	*end = to;
	return true;
}

int proc_mapped_file(pid_t pid, const char *part, char path[MAPPED_PATH_MAX], uint64_t *address)
{
	char line[512];
	uint64_t end;
	int err = -ENOENT;
	FILE *maps;

	snprintf(path, MAPPED_PATH_MAX, "/proc/%d/maps", pid);
	maps = fopen(path, "re");
	if (!maps)
		return -errno;
	while (err && fgets(line, sizeof(line), maps)) {
		if (!proc_parse_mapped(line, part, address, &end))
			continue;
		snprintf(path, MAPPED_PATH_MAX, "/proc/%d/map_files/%llx-%llx", pid, (unsigned long long)*address, (unsigned long long)end);
		err = 0;
	}
	fclose(maps);
	return err;
}

void proc_comm(pid_t pid, char comm[COMM_MAX])
{
	char path[64], line[64];

	memset(comm, 0, COMM_MAX);
	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	if (!read_line(path, line, sizeof(line)))
		return;
	line[strcspn(line, "\n")] = 0;
	snprintf(comm, COMM_MAX, "%.*s", COMM_MAX - 1, line);
}

/* ---- listening sockets */

bool proc_parse_socket(const char *target, uint64_t *inode)
{
	unsigned long long number;
	char bracket;

	if (sscanf(target, "socket:[%llu%c", &number, &bracket) != 2 || bracket != ']')
		return false;
	*inode = number;
	return true;
}

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

bool proc_parse_tcp(const char *line, struct listener *listener)
{
	unsigned long long inode;
	unsigned int port, state;
	char local[33];

	*listener = (struct listener){};
	if (sscanf(line, " %*d: %32[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*s %*s %*s %*d %*d %llu", local, &port, &state, &inode) != 4)
		return false;
	listener->inode = inode;
	listener->port = (uint16_t)port;
	return state == TCP_LISTEN && parse_address(local, listener->addr, &listener->family);
}

bool proc_parse_unix(const char *line, struct listener *listener)
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

struct socket_set {
	uint64_t *inodes;
	size_t count;
	size_t capacity;
};

static int compare_inodes(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return (a > b) - (a < b);
}

static int socket_set_add(struct socket_set *set, uint64_t inode)
{
	if (set->count == set->capacity) {
		size_t capacity = set->capacity ? 2 * set->capacity : 64;
		uint64_t *inodes = reallocarray(set->inodes, capacity, sizeof(*inodes));

		if (!inodes)
			return -ENOMEM;
		set->inodes = inodes;
		set->capacity = capacity;
	}
	set->inodes[set->count++] = inode;
	return 0;
}

static int sockets_of(pid_t pid, struct socket_set *set)
{
	char path[64], target[64];
	struct dirent *entry;
	uint64_t inode;
	DIR *fds;
	int err = 0;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	fds = opendir(path);
	if (!fds)
		return -errno;
	while (!err && (entry = readdir(fds))) {
		ssize_t len = readlinkat(dirfd(fds), entry->d_name, target, sizeof(target) - 1);

		if (len <= 0)
			continue;
		target[len] = 0;
		if (proc_parse_socket(target, &inode))
			err = socket_set_add(set, inode);
	}
	closedir(fds);
	if (set->count)
		qsort(set->inodes, set->count, sizeof(*set->inodes), compare_inodes);
	return err;
}

static const struct {
	const char *file;
	bool (*parse)(const char *line, struct listener *listener);
} tables[] = {{"tcp", proc_parse_tcp}, {"tcp6", proc_parse_tcp}, {"unix", proc_parse_unix}};

/* The table shows all sockets of the process's network namespace; only those that it has open are its own. */
static int read_table(pid_t pid, size_t table, const struct socket_set *set, listener_callback on_listener, void *context)
{
	struct listener listener;
	char path[64], line[512];
	FILE *file;
	int err = 0;

	snprintf(path, sizeof(path), "/proc/%d/net/%s", pid, tables[table].file);
	file = fopen(path, "re");
	if (!file)
		return errno == ENOENT ? 0 : -errno; /* no IPv6 */
	while (!err && fgets(line, sizeof(line), file)) {
		if (tables[table].parse(line, &listener) &&
		    bsearch(&listener.inode, set->inodes, set->count, sizeof(*set->inodes), compare_inodes))
			err = on_listener(context, &listener);
	}
	fclose(file);
	return err;
}

int proc_listeners(pid_t pid, listener_callback on_listener, void *context)
{
	struct socket_set set = {};
	int err = sockets_of(pid, &set);

	for (size_t i = 0; !err && set.count && i < sizeof(tables) / sizeof(tables[0]); i++)
		err = read_table(pid, i, &set, on_listener, context);
	free(set.inodes);
	return err;
}
