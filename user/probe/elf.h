/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which language runtime a program brings along, told by its ELF file and the libraries that it maps.
 * Called when a process is followed or becomes another program.
 * Never: by the program's name, which anybody may choose.
 */
#ifndef IOCPU_PROBE_ELF_H
#define IOCPU_PROBE_ELF_H

#include <stddef.h>
#include <sys/types.h>

#include "runtime/file_identity.h"
#include "record.h"

#define KNOWN_PROGRAMS_MAX 16

/* Programs that were looked at before: a large one takes 12 ms of CPU, and a server may fork it a hundred times. Begins as zeroes. */
struct known_programs {
	struct known_program {
		struct file_identity file;
		enum runtime runtime; /* 0: none */
	} programs[KNOWN_PROGRAMS_MAX];
	size_t next; /* to be overwritten */
};

/* Of one ELF file. RUNTIME_NATIVE: nothing else was found; 0: it could not be read. */
enum runtime elf_runtime(const char *path);

/* Of a living process: its program, then its libraries. 0: it could not be read. */
enum runtime process_runtime(struct known_programs *known, pid_t pid);

#endif
