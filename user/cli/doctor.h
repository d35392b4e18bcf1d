/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What doctor's checks have in common: each prints lines "ok/no/–  what: finding", and remembers the gravest trouble.
 * Used by doctor.c (the machine) and doctor_pid.c (one process).
 * Never: mends anything itself.
 */
#ifndef IOCPU_CLI_DOCTOR_H
#define IOCPU_CLI_DOCTOR_H

#include <sys/types.h>

#include "cli/complain.h"

enum finding {
	FINDING_OK,
	FINDING_NOTE, /* worth knowing; tracing works */
	FINDING_NO,   /* tracing will not work */
};

/* One line; how_to_mend: a second one, NULL for none. */
void doctor_say(enum finding finding, const char *what, const char *how_to_mend, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* Everything about one process. EXIT_DONE, or EXIT_NO_TARGET when it is none that could be traced. */
enum exit_code doctor_process(pid_t pid);

#endif
