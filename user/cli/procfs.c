/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/procfs.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PF_KTHREAD 0x00200000u

ssize_t procfs_read(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t used = 0;
	ssize_t n = 0;

	if (fd < 0)
		return -errno;
	while (used < size - 1 && (n = read(fd, text + used, size - 1 - used)) > 0)
		used += (size_t)n;
	n = n < 0 ? -errno : (ssize_t)used;
	close(fd);
	text[used] = 0;
	return n;
}

/* "4121 (any (comm)) S 1 …": the comm may hold anything, so the last parenthesis counts. */
static int parse_stat(const char *text, struct procfs_stat *stat)
{
	const char *open = strchr(text, '('), *close = strrchr(text, ')');
	unsigned flags;
	size_t length;

	if (!open || !close || close < open)
		return -ESRCH;
	length = (size_t)(close - open - 1);
	if (length >= sizeof(stat->comm))
		length = sizeof(stat->comm) - 1;
	memcpy(stat->comm, open + 1, length);
	if (sscanf(close + 1, " %c %d %*d %*d %*d %*d %u", &stat->state, &stat->ppid, &flags) != 3)
		return -ESRCH;
	stat->kernel_thread = flags & PF_KTHREAD;
	return 0;
}

/* Bits of a mask such as "ff,ffffffff". */
static uint32_t count_bits(const char *mask)
{
	uint32_t bits = 0;

	for (; *mask && *mask != '\n'; mask++)
		if (isxdigit((unsigned char)*mask))
			bits += (uint32_t)__builtin_popcount(
				(unsigned)(isdigit((unsigned char)*mask) ? *mask - '0' : (*mask | 0x20) - 'a' + 10));
	return bits;
}

static const char *find_field(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	return at ? at + strlen(name) : "";
}

/* The last of a line's numbers, which tabs part. */
static pid_t last_number(const char *line)
{
	size_t length = strcspn(line, "\n");

	while (length && isdigit((unsigned char)line[length - 1]))
		length--;
	return (pid_t)atoi(line + length);
}

int procfs_stat(pid_t pid, struct procfs_stat *stat)
{
	char path[64], text[8192];

	memset(stat, 0, sizeof(*stat));
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if (procfs_read(path, text, sizeof(text)) <= 0 || parse_stat(text, stat))
		return -ESRCH;
	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	if (procfs_read(path, text, sizeof(text)) <= 0)
		return -ESRCH;
	stat->tgid = (pid_t)atoi(find_field(text, "\nTgid:"));
	stat->inner_id = last_number(find_field(text, "\nNSpid:"));
	stat->threads = (uint32_t)atoi(find_field(text, "\nThreads:"));
	stat->cores = count_bits(find_field(text, "\nCpus_allowed:"));
	return 0;
}

/* The number of the first pid namespace is fixed: PROC_PID_INIT_INO. */
bool procfs_ids_are_the_kernels(void)
{
	struct stat stat_;

	return stat("/proc/self/ns/pid", &stat_) || stat_.st_ino == 0xeffffffcu;
}

static int compare_pids(const void *a, const void *b)
{
	return *(const pid_t *)a < *(const pid_t *)b ? -1 : *(const pid_t *)a > *(const pid_t *)b;
}

int procfs_list(pid_t **pids, size_t *count)
{
	DIR *directory = opendir("/proc");
	struct dirent *entry;
	size_t capacity = 0;

	*pids = NULL;
	*count = 0;
	if (!directory)
		return -errno;
	while ((entry = readdir(directory))) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		if (*count == capacity) {
			pid_t *grown = realloc(*pids, (capacity = capacity ? 2 * capacity : 256) * sizeof(**pids));

			if (!grown) {
				free(*pids);
				closedir(directory);
				return -ENOMEM;
			}
			*pids = grown;
		}
		(*pids)[(*count)++] = (pid_t)atoi(entry->d_name);
	}
	closedir(directory);
	if (*count)
		qsort(*pids, *count, sizeof(**pids), compare_pids);
	return 0;
}
