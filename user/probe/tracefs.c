/* SPDX-License-Identifier: BSD-2-Clause */
#include "probe/tracefs.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <unistd.h>

/* The places where libbpf looks; it takes the second one where that exists. */
static const char *const places[] = {"/sys/kernel/tracing", "/sys/kernel/debug/tracing"};

/* By the capabilities in force: plain access(2) sets them aside for whoever is not root. */
static bool may_access(const char *path, int mode)
{
	return !faccessat(AT_FDCWD, path, mode, AT_EACCESS);
}

static bool holds_events(const char *place)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/events/syscalls", place);
	return may_access(path, X_OK);
}

/*
 * What is mounted below a shared mount shows in all its peers, the host's among them. So the mount that tracefs goes on must be private
 * first: the innermost on the way. In a plain chroot `/` is none.
 */
static int make_private(void)
{
	static const char *const inwards_out[] = {"/sys/kernel/tracing", "/sys/kernel", "/sys", "/"};
	int err = -EINVAL;

	for (size_t i = 0; i < sizeof(inwards_out) / sizeof(inwards_out[0]) && err == -EINVAL; i++)
		err = mount(NULL, inwards_out[i], NULL, MS_PRIVATE, NULL) ? -errno : 0;
	return err;
}

static int mount_privately(void)
{
	int err = unshare(CLONE_NEWNS) ? -errno : make_private();

	if (err)
		return err;
	return mount("tracefs", places[0], "tracefs", 0, NULL) ? -errno : 0;
}

int tracefs_open(struct tracefs *tracefs)
{
	int err;

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (holds_events(places[i])) {
			tracefs->path = places[i];
			return 0;
		}
	}
	err = mount_privately();
	if (err)
		return err == -EACCES ? -EPERM : err;
	tracefs->path = places[0];
	return holds_events(places[0]) ? 0 : -ENOENT;
}

#define ID_PATH_MAX 192

static void id_path(char path[ID_PATH_MAX], const struct tracefs *tracefs, const char *group, const char *event)
{
	snprintf(path, ID_PATH_MAX, "%s/events/%s/%s/id", tracefs->path, group, event);
}

bool tracefs_has_event(const struct tracefs *tracefs, const char *group, const char *event)
{
	char path[ID_PATH_MAX];

	id_path(path, tracefs, group, event);
	return may_access(path, F_OK);
}

int tracefs_event_id(const struct tracefs *tracefs, const char *group, const char *event)
{
	char path[ID_PATH_MAX];
	FILE *file;
	int id;

	id_path(path, tracefs, group, event);
	file = fopen(path, "re");
	if (!file)
		return -errno;
	if (fscanf(file, "%d", &id) != 1)
		id = -EINVAL;
	fclose(file);
	return id;
}
