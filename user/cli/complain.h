/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Exit codes, and the one place that tells people on stderr what went wrong.
 * Called by the subcommands and main; whatever is below them returns −errno.
 * Never: a second line about the same trouble, but for the hint.
 */
#ifndef IOCPU_CLI_COMPLAIN_H
#define IOCPU_CLI_COMPLAIN_H

enum exit_code {
	EXIT_DONE,
	EXIT_FAILED,    /* I/O, memory */
	EXIT_USAGE,     /* options, rules, addresses */
	EXIT_NO_TARGET, /* no such process or listener; gone before anything was measured */
	EXIT_NOT_PERMITTED,
	EXIT_UNFIT, /* this kernel cannot do it */
};

/* "iocpu-trace: …" and, if hint is not NULL, "  hint: …". Returns the code. */
enum exit_code complain(enum exit_code code, const char *hint, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The target ended before anybody measured it; returns EXIT_NO_TARGET. */
enum exit_code complain_gone(void);

/* A fact worth a line on stderr that is no error. */
void remark(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
