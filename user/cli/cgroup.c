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

/* user.slice/user-1000.slice/user@1000.service/app.slice/… is five deep; a container's own systemd lies deeper. */
#define UNIT_DEPTH_MAX 12

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

/* A unit's directory, and how deep it lies. */
struct unit_search {
	const char *name;
	char path[PATH_MAX];
	unsigned depth;
};

static void search_unit(struct unit_search *search, const char *directory, unsigned depth)
{
	char path[PATH_MAX];
	struct dirent *entry;
	DIR *open;

	if (depth >= search->depth)
		return;
	open = opendir(directory);
	while (open && (entry = readdir(open))) {
		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		if (snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name) >= (int)sizeof(path))
			continue;
		if (strcmp(entry->d_name, search->name)) {
			search_unit(search, path, depth + 1);
		} else if (depth < search->depth) {
			search->depth = depth;
			memcpy(search->path, path, sizeof(path));
		}
	}
	if (open)
		closedir(open);
}

int cgroup_unit_pids(const char *unit, struct pid_list *list)
{
	/* Where systemd keeps its tree: version 2 alone, or beside the controllers of version 1. */
	static const char *const roots[] = {CGROUP_ROOT "/systemd", CGROUP_ROOT "/unified", CGROUP_ROOT};
	struct unit_search search = {.depth = UNIT_DEPTH_MAX};
	char name[NAME_MAX + 1];
	int err;

	snprintf(name, sizeof(name), "%s%s", unit, strchr(unit, '.') ? "" : ".service");
	search.name = name;
	for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]) && !*search.path; i++)
		search_unit(&search, roots[i], 0);
	if (!*search.path)
		return -ENOENT;
	err = add_members(search.path, list);
	return err ? err : add_below(search.path, list);
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
