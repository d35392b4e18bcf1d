/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which language runtime a program brings along, told by its ELF file and the libraries that it maps.
 * Called when a process is followed or becomes another program.
 * Never: by the program's name, which anybody may choose.
 */
#ifndef IOCPU_PROBE_ELF_H
#define IOCPU_PROBE_ELF_H

#include <sys/types.h>

#include "record.h"

/* Of one ELF file. RUNTIME_NATIVE: nothing else was found; 0: it could not be read. */
enum runtime elf_runtime(const char *path);

/* Of a living process: its program, then its libraries. 0: it could not be read. */
enum runtime process_runtime(pid_t pid);

#endif
