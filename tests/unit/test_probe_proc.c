/* SPDX-License-Identifier: BSD-2-Clause */
/* What /proc's lines mean, and what it says of processes that the test makes itself. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "probe/proc.h"

/* ---- lines */

static void test_parent_behind_any_name(void **state)
{
	pid_t parent = 0;

	(void)state;
	assert_true(proc_parse_ppid("4711 (nginx) S 42 4711 4711 0 -1 4194560 0", &parent));
	assert_int_equal(parent, 42);
	assert_true(proc_parse_ppid("4711 (a) R 7 (b) S 43 1 1", &parent));
	assert_int_equal(parent, 43);
	assert_false(proc_parse_ppid("4711 nginx S 42", &parent));
	assert_false(proc_parse_ppid("4711 (nginx)", &parent));
	assert_false(proc_parse_ppid("", &parent));
}

static void test_execution_behind_any_name(void **state)
{
	struct execution execution = {};

	(void)state;
	assert_true(proc_parse_execution("42 (a) R 7 (b) S 1 42 42 34816 42 4194304 111 0 0 0 3 2 0 0 20 0 1 0 900 10485760 800 "
					 "18446744073709551615 94000 94999 140000 0 0 0",
					 &execution));
	assert_int_equal(execution.code_from, 94000);
	assert_int_equal(execution.code_to, 94999);
	assert_int_equal(execution.stack_at, 140000);
	assert_false(proc_parse_execution("42 (sh) S 1 42 42 34816 42 4194304 111 0 0 0 3 2 0 0 20 0 1 0 900 10485760 800", &execution));
	assert_false(proc_parse_execution("", &execution));
}

static void test_socket_links(void **state)
{
	uint64_t inode = 0;

	(void)state;
	assert_true(proc_parse_socket("socket:[123]", &inode));
	assert_int_equal(inode, 123);
	assert_false(proc_parse_socket("pipe:[123]", &inode));
	assert_false(proc_parse_socket("socket:[123", &inode));
	assert_false(proc_parse_socket("/tmp/socket:[1]", &inode));
}

/* ---- this very process */

/* A file's first byte, whatever its folders are called. */
static void test_mapped_lines(void **state)
{
	uint64_t start = 0, end = 0;

	(void)state;
	assert_true(proc_parse_mapped("7f00a000-7f00b000 r--p 00000000 08:01 42   /usr/lib/_asyncio.d/_asyncio.cpython-311.so\n",
				      "/_asyncio.", &start, &end));
	assert_int_equal(start, 0x7f00a000);
	assert_int_equal(end, 0x7f00b000);
	assert_true(proc_parse_mapped("1000-2000 r--p 00000000 08:01 42   /opt/uvloop/loop.so (deleted)\n", "/uvloop/loop.", &start, &end));
	assert_false(proc_parse_mapped("1000-2000 r-xp 00001000 08:01 42   /usr/lib/_asyncio.so\n", "/_asyncio.", &start, &end));
	assert_false(proc_parse_mapped("1000-2000 r--p 00000000 08:01 42   /usr/_asyncio.d/other.so\n", "/_asyncio.", &start, &end));
	assert_false(proc_parse_mapped("1000-2000 rw-p 00000000 00:00 0\n", "/_asyncio.", &start, &end));
}

/* This program has mapped itself, and its libc; the file can be opened by way of its range. */
static void test_own_mapped_file(void **state)
{
	char path[MAPPED_PATH_MAX];
	uint64_t address = 0;

	(void)state;
	assert_int_equal(proc_mapped_file(getpid(), "/libcmocka.so", path, &address), 0);
	assert_int_equal(address % 4096, 0);
	assert_non_null(strstr(path, "map_files/"));
	assert_int_equal(proc_mapped_file(getpid(), "/no such library", path, &address), -ENOENT);
}

static bool contains(const struct pid_set *set, pid_t pid)
{
	for (size_t i = 0; i < set->count; i++)
		if (set->pids[i] == pid)
			return true;
	return false;
}

/* A child and a grandchild that wait until the pipe is closed. */
static void test_descendants(void **state)
{
	struct pid_set set;
	pid_t child, grandchild = 0;
	int told[2], hold[2];
	char end;

	(void)state;
	assert_int_equal(pipe(told), 0);
	assert_int_equal(pipe(hold), 0);
	child = fork();
	if (!child) {
		close(hold[1]);
		grandchild = fork();
		if (grandchild && write(told[1], &grandchild, sizeof(grandchild)) != sizeof(grandchild))
			_exit(1);
		_exit(read(hold[0], &end, 1) ? 1 : 0);
	}
	assert_int_equal(read(told[0], &grandchild, sizeof(grandchild)), sizeof(grandchild));
	assert_int_equal(proc_descendants(getpid(), &set), 0);
	assert_true(contains(&set, child));
	assert_true(contains(&set, grandchild));
	assert_false(contains(&set, getpid()));
	assert_false(contains(&set, getppid()));
	pid_set_fini(&set);
	close(hold[1]);
	waitpid(child, NULL, 0);
}

static pid_t executes_sleep(void)
{
	pid_t child = fork();

	if (!child) {
		execl("/bin/sleep", "sleep", "60", NULL);
		_exit(1);
	}
	return child;
}

/* What it executes: not what the process that forked it does. */
static struct execution execution_of_sleep(pid_t child)
{
	struct execution own, execution;

	assert_int_equal(proc_execution(getpid(), &own), 0);
	do
		usleep(1000);
	while (proc_execution(child, &execution) || execution.stack_at == own.stack_at);
	return execution;
}

static void test_executions_differ(void **state)
{
	pid_t children[] = {executes_sleep(), executes_sleep()};
	struct execution one = execution_of_sleep(children[0]), other = execution_of_sleep(children[1]), again;

	(void)state;
	assert_int_equal(proc_execution(children[0], &again), 0);
	assert_int_equal(one.stack_at, again.stack_at);
	assert_int_equal(one.code_from, again.code_from);
	assert_int_equal(one.code_to - one.code_from, other.code_to - other.code_from);
	assert_int_not_equal(one.stack_at, other.stack_at);
	for (size_t i = 0; i < sizeof(children) / sizeof(children[0]); i++) {
		kill(children[i], SIGKILL);
		waitpid(children[i], NULL, 0);
	}
	assert_int_equal(proc_execution(children[0], &again), -ESRCH);
}

static void assert_same_file(const char *path, const char *other)
{
	struct stat one, two;

	assert_int_equal(stat(path, &one), 0);
	assert_int_equal(stat(other, &two), 0);
	assert_true(one.st_dev == two.st_dev && one.st_ino == two.st_ino);
}

/* What was found in a program is attached to that program's file, also if the process has become another one meanwhile. */
static void test_program_stays_open(void **state)
{
	int release[2], fd;
	char path[MAPPED_PATH_MAX];
	pid_t child;

	(void)state;
	assert_int_equal(pipe(release), 0);
	child = fork();
	if (!child) {
		char byte;

		if (read(release[0], &byte, 1) == 1)
			execl("/bin/sleep", "sleep", "60", NULL);
		_exit(1);
	}
	fd = proc_open_program(child, path);
	assert_true(fd >= 0);
	assert_int_equal(write(release[1], "", 1), 1);
	execution_of_sleep(child);
	assert_same_file(path, "/proc/self/exe");
	close(fd);
	fd = proc_open_program(child, path);
	assert_true(fd >= 0);
	assert_same_file(path, "/bin/sleep");
	close(fd);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	assert_int_equal(proc_open_program(child, path), -ENOENT);
	close(release[0]);
	close(release[1]);
}

static void test_comm(void **state)
{
	char comm[COMM_MAX];

	(void)state;
	proc_comm(getpid(), comm);
	assert_string_equal(comm, "test_probe_proc");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parent_behind_any_name),
		cmocka_unit_test(test_execution_behind_any_name),
		cmocka_unit_test(test_socket_links),
		cmocka_unit_test(test_mapped_lines),
		cmocka_unit_test(test_own_mapped_file),
		cmocka_unit_test(test_descendants),
		cmocka_unit_test(test_executions_differ),
		cmocka_unit_test(test_program_stays_open),
		cmocka_unit_test(test_comm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
