/* SPDX-License-Identifier: BSD-2-Clause */
#include "common_children.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t *child_pids;
static unsigned long child_count;

void children_start(const struct server *server, void (*serve)(const struct server *server, void *argument, unsigned long number),
		    void *argument)
{
	pid_t parent = getpid();

	child_pids = calloc(server->threads, sizeof *child_pids);
	server_must(server, "children", child_pids ? 0 : -ENOMEM);
	for (; child_count < server->threads; child_count++) {
		pid_t pid = fork();

		server_must(server, "children", pid < 0 ? -errno : 0);
		if (pid) {
			child_pids[child_count] = pid;
			continue;
		}
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		if (getppid() != parent)
			_exit(1); /* it died before we asked to be told */
		server_unblock_signals();
		serve(server, argument, child_count);
		_exit(0);
	}
}

int children_finish(struct server *server)
{
	int status;

	server_wait_for_stop();
	status = server_close(server);
	for (unsigned long i = 0; i < child_count; i++)
		kill(child_pids[i], SIGTERM);
	for (unsigned long i = 0; i < child_count; i++)
		waitpid(child_pids[i], NULL, 0);
	free(child_pids);
	return status;
}
