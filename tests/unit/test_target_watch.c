/* SPDX-License-Identifier: BSD-2-Clause */
/* Who is found once, and who again. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "cli/target_watch.h"

/* Two looks at least, also on a busy machine. */
#define LOOKS_MS 2500

static char comm[16]; /* of this test alone: others may run beside it */
static const struct options options = {
	.command = COMMAND_SERVE,
	.targets = {{.kind = TARGET_COMM, .name = comm}},
	.target_count = 1,
};
static pid_t child;
static struct target_watch *watch;

static int start(void **state)
{
	int named[2];
	char byte;

	(void)state;
	snprintf(comm, sizeof(comm), "watch-%d", (int)getpid());
	if (pipe(named))
		return -1;
	child = fork();
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NAME, comm);
		close(named[0]);
		close(named[1]);
		pause();
		_exit(0);
	}
	close(named[1]);
	if (child < 0 || read(named[0], &byte, 1) < 0)
		return -1;
	close(named[0]);
	return target_watch_open(&options, &watch) != EXIT_DONE;
}

static int end(void **state)
{
	(void)state;
	target_watch_close(watch);
	kill(child, SIGKILL);
	return waitpid(child, NULL, 0) != child;
}

/* Was the child found since the last call? Nobody else may be. */
static bool is_found(void)
{
	struct pid_list list = {0};
	bool found;

	assert_int_equal(target_watch_take(watch, &list), 0);
	found = pid_list_take(&list, child);
	assert_int_equal(list.count, 0);
	pid_list_fini(&list);
	return found;
}

static bool is_found_in_time(void)
{
	const struct timespec pause = {.tv_nsec = 50000000};
	bool found = is_found();

	for (int waited_ms = 0; !found && waited_ms < LOOKS_MS; waited_ms += 50) {
		nanosleep(&pause, NULL);
		found = is_found();
	}
	return found;
}

static void who_stays_is_found_once(void **state)
{
	(void)state;
	assert_true(is_found());
	assert_false(is_found_in_time());
}

static void who_was_missed_is_found_again(void **state)
{
	(void)state;
	assert_true(is_found());
	assert_int_equal(target_watch_miss(watch, child), 0);
	assert_true(is_found_in_time());
	assert_false(is_found_in_time());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(who_stays_is_found_once, start, end),
		cmocka_unit_test_setup_teardown(who_was_missed_is_found_again, start, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
