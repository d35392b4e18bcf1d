/* SPDX-License-Identifier: BSD-2-Clause */
#include "probe/tracefs.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <unistd.h>

/* The places where libbpf looks; it takes the second one where that exists. */
static const char *const places[] = {"/sys/kernel/tracing", "/sys/kernel/debug/tracing"};

static bool holds_events(const char *place)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/events/syscalls", place);
	return !access(path, X_OK);
}

static int mount_privately(void)
{
	if (unshare(CLONE_NEWNS))
		return -errno;
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return -errno;
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

bool tracefs_has_event(const struct tracefs *tracefs, const char *group, const char *event)
{
	char path[192];

	snprintf(path, sizeof(path), "%s/events/%s/%s/id", tracefs->path, group, event);
	return !access(path, F_OK);
}
