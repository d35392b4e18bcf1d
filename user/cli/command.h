/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `-- CMD ARG…`: a program that we start, and trace from its first instruction.
 * Called by trace.c.
 * Never: lets it run before somebody said that it may.
 */
#ifndef IOCPU_CLI_COMMAND_H
#define IOCPU_CLI_COMMAND_H

#include <stdbool.h>
#include <sys/types.h>

struct command_run {
	pid_t pid;      /* 0: none */
	int release_fd; /* −1 once it was let go */
	int exec_fd;    /* the errno of an exec that failed comes here; −1: told already */
	bool ended;
	int status; /* as of waitpid, once ended */
};

/*
 * Makes the process, which waits before its exec. stdout_to_stderr: what it prints must not get in between machine-readable output.
 * 0 or −errno.
 */
int command_prepare(struct command_run *run, char **program, bool stdout_to_stderr);

/* Lets it exec; waits until it has. 0, or −errno of the exec: then there is no process any more. */
int command_release(struct command_run *run);

/* Has it ended? Never waits. */
bool command_ended(struct command_run *run);

/* Ends it if it still lives (SIGTERM, then patience of 2 s), says on stderr how it ended. */
void command_finish(struct command_run *run, const char *name);

#endif
