/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the readers of runtimes found in program files: a file is read once for all processes that run it, as long as it is the same.
 * Called by the probe as it hooks runtimes, and by doctor.
 * Never: keeps what was found for want of memory or of open files.
 */
#ifndef IOCPU_RUNTIME_KNOWN_FILES_H
#define IOCPU_RUNTIME_KNOWN_FILES_H

#include <stddef.h>

#include "runtime/file_identity.h"
#include "record.h"
#include "runtime/go.h"
#include "runtime/tokio.h"

struct known_file {
	struct file_identity file;
	enum runtime runtime; /* that was looked for: RUNTIME_GO or RUNTIME_RUST; 0: nothing is known */
	int err;              /* as its reader returned it, and said why */
	const char *why;
	union {
		struct go_program go;
		struct tokio_program tokio;
	};
};

#define KNOWN_FILES_MAX 8

/* Begins as zeroes. */
struct known_files {
	struct known_file files[KNOWN_FILES_MAX];
	size_t next; /* to be overwritten */
};

/* Reads the file, if it is not known: until the next call. */
const struct known_file *known_files_read(struct known_files *known, const char *path, enum runtime runtime);

#endif
