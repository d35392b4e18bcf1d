/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What people are told about each language runtime.
 * Called by doctor and for --hooks.
 * Never: decides anything; that is the engine's.
 */
#ifndef IOCPU_CLI_RUNTIMES_H
#define IOCPU_CLI_RUNTIMES_H

#include "record.h"

/* Row 0: not known. */
struct runtime_row {
	const char *name;
	const char *note; /* how far requests are told apart in such a program, by the kernel's evidence alone */
};

extern const struct runtime_row runtime_rows[RUNTIMES];

#endif
