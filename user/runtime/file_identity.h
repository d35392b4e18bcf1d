/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which file it is, and that nobody has changed it since: what was found in it holds for it still.
 * Called by what remembers files.
 * Never: by a path, which leads to another file at any time.
 */
#ifndef IOCPU_RUNTIME_FILE_IDENTITY_H
#define IOCPU_RUNTIME_FILE_IDENTITY_H

#include <errno.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>

struct file_identity {
	dev_t device;
	ino_t inode;
	struct timespec changed;
};

static inline struct file_identity file_identity_of(const struct stat *status)
{
	return (struct file_identity){status->st_dev, status->st_ino, status->st_ctim};
}

/* 0 or −errno. */
static inline int file_identify(const char *path, struct file_identity *identity)
{
	struct stat status;

	if (stat(path, &status))
		return -errno;
	*identity = file_identity_of(&status);
	return 0;
}

static inline bool file_is_same(const struct file_identity *one, const struct file_identity *other)
{
	return one->device == other->device && one->inode == other->inode && one->changed.tv_sec == other->changed.tv_sec &&
	       one->changed.tv_nsec == other->changed.tv_nsec;
}

#endif
