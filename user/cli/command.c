/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/command.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/complain.h"
#include "cli/interrupt.h"

#define PATIENCE_MS 2000

/* The child: waits for a byte, then becomes the program. When we die first, the pipe closes and it never runs. */
static void wait_and_exec(char **program, int release_fd, int exec_fd, bool stdout_to_stderr)
{
	char byte;
	int err;

	if (read(release_fd, &byte, 1) != 1)
		_exit(127);
	if (stdout_to_stderr)
		dup2(STDERR_FILENO, STDOUT_FILENO);
	interrupt_restore();
	execvp(program[0], program);
	err = errno;
	if (write(exec_fd, &err, sizeof(err)) != sizeof(err))
		_exit(126);
	_exit(127);
}

int command_prepare(struct command_run *run, char **program, bool stdout_to_stderr)
{
	int release[2], exec[2], err;

	*run = (struct command_run){.release_fd = -1, .exec_fd = -1};
	if (pipe2(release, O_CLOEXEC))
		return -errno;
	if (pipe2(exec, O_CLOEXEC)) {
		err = -errno;
		close(release[0]);
		close(release[1]);
		return err;
	}
	run->pid = fork();
	err = run->pid < 0 ? -errno : 0;
	if (!run->pid) {
		close(release[1]);
		close(exec[0]);
		wait_and_exec(program, release[0], exec[1], stdout_to_stderr);
	}
	close(release[0]);
	close(exec[1]);
	run->release_fd = release[1];
	run->exec_fd = exec[0];
	if (!err)
		return 0;
	run->pid = 0;
	close(release[1]);
	close(exec[0]);
	return err;
}

/* The pipe closes by itself when the exec succeeds. */
int command_release(struct command_run *run)
{
	int err = 0;
	ssize_t n;

	n = write(run->release_fd, "", 1);
	if (n == 1)
		do
			n = read(run->exec_fd, &err, sizeof(err));
		while (n < 0 && errno == EINTR);
	close(run->release_fd);
	close(run->exec_fd);
	run->release_fd = run->exec_fd = -1;
	if (n != sizeof(err))
		return 0;
	waitpid(run->pid, NULL, 0);
	run->pid = 0;
	return -err;
}

bool command_ended(struct command_run *run)
{
	if (run->pid && !run->ended && waitpid(run->pid, &run->status, WNOHANG) == run->pid)
		run->ended = true;
	return run->ended;
}

static void terminate(struct command_run *run)
{
	const struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};

	kill(run->pid, SIGTERM);
	for (int waited_ms = 0; waited_ms < PATIENCE_MS && !command_ended(run); waited_ms += 10)
		nanosleep(&pause, NULL);
}

void command_finish(struct command_run *run, const char *name)
{
	bool by_us;

	if (run->release_fd >= 0) {
		/* It was never let go: the closed pipe ends it. */
		close(run->release_fd);
		close(run->exec_fd);
		waitpid(run->pid, &run->status, 0);
		run->pid = 0;
	}
	if (!run->pid)
		return;
	by_us = !command_ended(run);
	if (by_us)
		terminate(run);
	if (!run->ended)
		remark("%s (pid %d) did not end on SIGTERM: it still runs", name, run->pid);
	else if (WIFSIGNALED(run->status))
		remark("%s %s signal %d (%s)", name, by_us ? "still ran, and was ended by" : "was ended by", WTERMSIG(run->status),
		       strsignal(WTERMSIG(run->status)));
	else
		remark("%s %s status %d", name, by_us ? "was told to end, and did with" : "ended with", WEXITSTATUS(run->status));
}
