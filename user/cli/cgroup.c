/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/target.h"

#define CGROUP_ROOT "/sys/fs/cgroup"

static int add_members(const char *directory, struct pid_list *list)
{
	char path[PATH_MAX + 16];
	FILE *file;
	int pid, err = 0;

	snprintf(path, sizeof(path), "%s/cgroup.procs", directory);
	file = fopen(path, "re");
	if (!file)
		return -errno;
	while (!err && fscanf(file, "%d", &pid) == 1)
		if (pid > 0 && pid != getpid()) /* 0: a process that this pid namespace cannot name */
			err = pid_list_add(list, pid);
	fclose(file);
	return err;
}

/* A cgroup that vanishes meanwhile has no processes: that is no error below the one that was named. */
static int add_below(const char *directory, struct pid_list *list)
{
	char path[PATH_MAX];
	struct dirent *entry;
	DIR *open = opendir(directory);
	int err = 0;

	while (open && (entry = readdir(open)) && !err) {
		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		if (snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name) >= (int)sizeof(path))
			continue;
		err = add_members(path, list);
		if (err == -ENOENT || err == -ENODEV || err == -EOPNOTSUPP)
			err = 0;
		if (!err)
			err = add_below(path, list);
	}
	if (open)
		closedir(open);
	return err;
}

int cgroup_pids(const char *path, struct pid_list *list)
{
	char named[PATH_MAX], real[PATH_MAX];
	bool whole = !strncmp(path, CGROUP_ROOT "/", strlen(CGROUP_ROOT "/"));
	int err;

	if (snprintf(named, sizeof(named), "%s%s%s", whole ? "" : CGROUP_ROOT, whole || *path == '/' ? "" : "/", path) >=
	    (int)sizeof(named))
		return -EINVAL;
	if (!realpath(named, real))
		return -errno;
	if (strncmp(real, CGROUP_ROOT, strlen(CGROUP_ROOT)))
		return -EINVAL;
	err = add_members(real, list);
	return err ? err : add_below(real, list);
}
