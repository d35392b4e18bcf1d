/* SPDX-License-Identifier: BSD-2-Clause */
/* What /proc's lines mean, and what it says of processes and sockets that the test makes itself. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
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

static void test_tcp_line(void **state)
{
	static const uint8_t loopback[4] = {127, 0, 0, 1};
	struct listener listener;

	(void)state;
	assert_true(proc_parse_tcp(
		"   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 123953 1 0 100 0", &listener));
	assert_int_equal(listener.family, CONN_INET);
	assert_int_equal(listener.port, 8080);
	assert_int_equal(listener.inode, 123953);
	assert_memory_equal(listener.addr, loopback, sizeof(loopback));
}

static void test_tcp6_line(void **state)
{
	static const uint8_t one[16] = {[15] = 1};
	struct listener listener;

	(void)state;
	assert_true(proc_parse_tcp("   1: 00000000000000000000000001000000:0050 00000000000000000000000000000000:0000 0A 00000000:00000000 "
				   "00:00000000 00000000  1000        0 77 1 0 100 0",
				   &listener));
	assert_int_equal(listener.family, CONN_INET6);
	assert_int_equal(listener.port, 80);
	assert_int_equal(listener.inode, 77);
	assert_memory_equal(listener.addr, one, sizeof(one));
}

static void test_tcp_lines_that_do_not_listen(void **state)
{
	struct listener listener;

	(void)state;
	assert_false(proc_parse_tcp("  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode",
				    &listener));
	/* established */
	assert_false(proc_parse_tcp("   2: 0100007F:1F90 0100007F:A0B2 01 00000000:00000000 00:00000000 00000000     0        0 9 1 0 20 4",
				    &listener));
	/* an address of no length that exists */
	assert_false(
		proc_parse_tcp("   0: 01007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1", &listener));
	assert_false(proc_parse_tcp("", &listener));
}

static void test_unix_lines(void **state)
{
	struct listener listener;

	(void)state;
	assert_true(proc_parse_unix("0000000000000000: 00000002 00000000 00010000 0001 01 4711 /run/app.sock\n", &listener));
	assert_int_equal(listener.inode, 4711);
	assert_int_equal(listener.family, CONN_UNIX);
	assert_int_equal(listener.port, 0);
	assert_string_equal(listener.path, "/run/app.sock");
	assert_int_equal(listener.path_len, strlen("/run/app.sock"));
	assert_true(proc_parse_unix("0000000000000000: 00000002 00000000 00010000 0001 01 8 @hidden\n", &listener));
	assert_string_equal(listener.path, "@hidden");
	/* connected, and the headline */
	assert_false(proc_parse_unix("0000000000000000: 00000003 00000000 00000000 0001 03 4712 /run/app.sock\n", &listener));
	assert_false(proc_parse_unix("Num       RefCount Protocol Flags    Type St Inode Path\n", &listener));
}

static void test_unix_path_is_bounded(void **state)
{
	char line[512];
	struct listener listener;

	(void)state;
	snprintf(line, sizeof(line), "0000000000000000: 00000002 00000000 00010000 0001 01 1 /%0*d\n", 200, 0);
	assert_true(proc_parse_unix(line, &listener));
	assert_int_equal(listener.path_len, UNIX_PATH_MAX);
	assert_int_equal(strlen(listener.path), UNIX_PATH_MAX);
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

struct found {
	uint16_t port;
	const char *path;
	int count;
};

static int on_listener(void *context, const struct listener *listener)
{
	struct found *found = context;

	if (found->path ? !strcmp(listener->path, found->path) : listener->port == found->port)
		found->count++;
	return 0;
}

static int fail_on_listener(void *context, const struct listener *listener)
{
	(void)context;
	(void)listener;
	return -ENOSPC;
}

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

static void test_own_tcp_listener(void **state)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct found found = {};

	(void)state;
	assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	found.port = ntohs(address.sin_port);
	assert_int_equal(proc_listeners(getpid(), on_listener, &found), 0);
	assert_int_equal(found.count, 0); /* bound, but it does not listen yet */
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(proc_listeners(getpid(), on_listener, &found), 0);
	assert_int_equal(found.count, 1);
	assert_int_equal(proc_listeners(getpid(), fail_on_listener, NULL), -ENOSPC);
	close(fd);
}

static void test_own_unix_listener(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	struct found found = {};
	char name[32];

	(void)state;
	snprintf(name, sizeof(name), "@test-probe-%d", getpid());
	memcpy(address.sun_path + 1, name + 1, strlen(name) - 1);
	found.path = name;
	assert_int_equal(bind(fd, (struct sockaddr *)&address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name))), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(proc_listeners(getpid(), on_listener, &found), 0);
	assert_int_equal(found.count, 1);
	close(fd);
}

static void test_process_that_is_gone(void **state)
{
	pid_t child = fork();
	struct found found = {};

	(void)state;
	if (!child)
		_exit(0);
	waitpid(child, NULL, 0);
	assert_int_equal(proc_listeners(child, on_listener, &found), -ENOENT);
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
		cmocka_unit_test(test_tcp_line),
		cmocka_unit_test(test_tcp6_line),
		cmocka_unit_test(test_tcp_lines_that_do_not_listen),
		cmocka_unit_test(test_unix_lines),
		cmocka_unit_test(test_unix_path_is_bounded),
		cmocka_unit_test(test_socket_links),
		cmocka_unit_test(test_mapped_lines),
		cmocka_unit_test(test_own_mapped_file),
		cmocka_unit_test(test_own_tcp_listener),
		cmocka_unit_test(test_own_unix_listener),
		cmocka_unit_test(test_process_that_is_gone),
		cmocka_unit_test(test_descendants),
		cmocka_unit_test(test_executions_differ),
		cmocka_unit_test(test_program_stays_open),
		cmocka_unit_test(test_comm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
