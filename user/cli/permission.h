/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What this process may do, of what tracing needs.
 * Called by trace.c and doctor.
 * Never: tries to get more.
 */
#ifndef IOCPU_CLI_PERMISSION_H
#define IOCPU_CLI_PERMISSION_H

#include <stdbool.h>
#include <stddef.h>

/* One capability that tracing needs, and which others stand for it. */
struct capability_row {
	const char *name;
	unsigned number;
	const char *why;
};

extern const struct capability_row capability_rows[];
extern const size_t capability_row_count;

/* Is it effective? CAP_SYS_ADMIN stands for CAP_BPF and CAP_PERFMON, as in the kernel. */
bool capability_held(const struct capability_row *row);

/* All of them? */
bool tracing_permitted(void);

#endif
