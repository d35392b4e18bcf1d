/* SPDX-License-Identifier: BSD-2-Clause */
/* Who listens where: by netlink and by /proc's lines the same, of this process and of one in another network namespace. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "probe/listeners.h"
#include "probe/sock_diag.h"

/* ---- lines */

static void test_tcp_line(void **state)
{
	static const uint8_t loopback[4] = {127, 0, 0, 1};
	struct listener listener;

	(void)state;
	assert_true(listener_parse_tcp(
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
	assert_true(
		listener_parse_tcp("   1: 00000000000000000000000001000000:0050 00000000000000000000000000000000:0000 0A 00000000:00000000 "
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
	assert_false(listener_parse_tcp("  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode",
					&listener));
	/* established */
	assert_false(listener_parse_tcp(
		"   2: 0100007F:1F90 0100007F:A0B2 01 00000000:00000000 00:00000000 00000000     0        0 9 1 0 20 4", &listener));
	/* an address of no length that exists */
	assert_false(listener_parse_tcp("   0: 01007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1",
					&listener));
	assert_false(listener_parse_tcp("", &listener));
}

static void test_unix_lines(void **state)
{
	struct listener listener;

	(void)state;
	assert_true(listener_parse_unix("0000000000000000: 00000002 00000000 00010000 0001 01 4711 /run/app.sock\n", &listener));
	assert_int_equal(listener.inode, 4711);
	assert_int_equal(listener.family, CONN_UNIX);
	assert_int_equal(listener.port, 0);
	assert_string_equal(listener.path, "/run/app.sock");
	assert_int_equal(listener.path_len, strlen("/run/app.sock"));
	assert_true(listener_parse_unix("0000000000000000: 00000002 00000000 00010000 0001 01 8 @hidden\n", &listener));
	assert_string_equal(listener.path, "@hidden");
	/* connected, and the headline */
	assert_false(listener_parse_unix("0000000000000000: 00000003 00000000 00000000 0001 03 4712 /run/app.sock\n", &listener));
	assert_false(listener_parse_unix("Num       RefCount Protocol Flags    Type St Inode Path\n", &listener));
}

static void test_unix_path_is_bounded(void **state)
{
	char line[512];
	struct listener listener;

	(void)state;
	snprintf(line, sizeof(line), "0000000000000000: 00000002 00000000 00010000 0001 01 1 /%0*d\n", 200, 0);
	assert_true(listener_parse_unix(line, &listener));
	assert_int_equal(listener.path_len, UNIX_PATH_MAX);
	assert_int_equal(strlen(listener.path), UNIX_PATH_MAX);
}

static void test_udp_lines(void **state)
{
	struct listener listener;

	(void)state;
	assert_true(listener_parse_udp(
		" 1167: 00000000:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000   101        0 19 2 0 0", &listener));
	assert_int_equal(listener.port, 53);
	/* connected */
	assert_false(listener_parse_udp(
		" 1168: 0100007F:8235 0100007F:0035 01 00000000:00000000 00:00000000 00000000   101        0 20 2 0 0", &listener));
}

/* ---- this very process */

static int open_socket(int family, int type, uint16_t *port)
{
	union {
		struct sockaddr any;
		struct sockaddr_in inet;
		struct sockaddr_in6 inet6;
	} address = {.any.sa_family = (sa_family_t)family};
	socklen_t len = sizeof(address);
	int fd = socket(family, type, 0);

	if (family == AF_INET)
		address.inet.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else
		address.inet6.sin6_addr = in6addr_loopback;
	assert_int_equal(bind(fd, &address.any, family == AF_INET ? sizeof(address.inet) : sizeof(address.inet6)), 0);
	assert_int_equal(getsockname(fd, &address.any, &len), 0);
	*port = ntohs(family == AF_INET ? address.inet.sin_port : address.inet6.sin6_port);
	return fd;
}

static int listen_unix(const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	memcpy(address.sun_path, name, strlen(name));
	if (name[0] == '@')
		address.sun_path[0] = 0;
	assert_int_equal(bind(fd, (struct sockaddr *)&address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name))), 0);
	assert_int_equal(listen(fd, 1), 0);
	return fd;
}

#define HELD_MAX 16

/* The process's listeners, asked for in a way. */
struct held {
	struct listener listeners[HELD_MAX];
	size_t count;
};

static struct held held_by(pid_t pid, bool from_proc)
{
	struct listener_tables tables = {.from_proc = from_proc};
	struct held held = {};

	held.count = listeners_of_process(&tables, pid, held.listeners, HELD_MAX);
	assert_int_equal(listeners_of_process(&tables, pid, held.listeners, HELD_MAX), held.count);
	assert_true(tables.count <= 1);
	listener_tables_fini(&tables);
	assert_true(held.count <= HELD_MAX);
	return held;
}

static const struct listener *find(const struct held *held, uint16_t port, const char *path)
{
	for (size_t i = 0; i < held->count; i++)
		if (held->listeners[i].port == port && !strcmp(held->listeners[i].path, path))
			return &held->listeners[i];
	return NULL;
}

static void assert_same(const struct held *one, const struct held *other)
{
	assert_int_equal(one->count, other->count);
	for (size_t i = 0; i < one->count; i++) {
		const struct listener *a = &one->listeners[i], *b = find(other, a->port, a->path);

		assert_non_null(b);
		assert_int_equal(a->inode, b->inode);
		assert_int_equal(a->family, b->family);
		assert_int_equal(a->datagram, b->datagram);
		assert_int_equal(a->path_len, b->path_len);
		assert_memory_equal(a->addr, b->addr, sizeof(a->addr));
	}
}

static void test_own_listeners(void **state)
{
	static const uint8_t loopback[16] = {127, 0, 0, 1};
	struct held nothing = held_by(getpid(), false), by_netlink, by_proc;
	char path[] = "/tmp/test-listeners-XXXXXX/s", name[32];
	uint16_t ports[3];
	int fds[] = {open_socket(AF_INET, SOCK_STREAM, &ports[0]),
		     open_socket(AF_INET6, SOCK_STREAM, &ports[1]),
		     open_socket(AF_INET, SOCK_DGRAM, &ports[2]),
		     -1,
		     -1,
		     -1};

	(void)state;
	assert_int_equal(nothing.count, 0);
	path[strlen(path) - 2] = 0;
	assert_non_null(mkdtemp(path));
	path[strlen(path)] = '/';
	snprintf(name, sizeof(name), "@test-probe-%d", getpid());
	fds[3] = listen_unix(path);
	fds[4] = listen_unix(name);
	fds[5] = dup(fds[4]); /* told once */
	by_netlink = held_by(getpid(), false);
	assert_null(find(&by_netlink, ports[0], "")); /* bound, but it does not listen yet */
	assert_int_equal(listen(fds[0], 1), 0);
	assert_int_equal(listen(fds[1], 1), 0);
	by_netlink = held_by(getpid(), false);
	by_proc = held_by(getpid(), true);
	assert_int_equal(by_netlink.count, 5);
	assert_same(&by_netlink, &by_proc);
	assert_int_equal(find(&by_netlink, ports[0], "")->family, CONN_INET);
	assert_memory_equal(find(&by_netlink, ports[0], "")->addr, loopback, sizeof(loopback));
	assert_int_equal(find(&by_netlink, ports[1], "")->family, CONN_INET6);
	assert_true(find(&by_netlink, ports[2], "")->datagram);
	assert_int_equal(find(&by_netlink, 0, path)->family, CONN_UNIX);
	assert_non_null(find(&by_netlink, 0, name));
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		close(fds[i]);
	unlink(path);
	path[strlen(path) - 2] = 0;
	rmdir(path);
}

static int find_port(void *context, const struct listener *socket)
{
	const uint16_t *port = context;

	return socket->port == *port ? -EEXIST : 0;
}

/* Else the rest would pass by /proc's lines alone. */
static void test_netlink_answers(void **state)
{
	const struct sock_diag_query query = {AF_INET, IPPROTO_TCP, TCP_LISTEN}, unknown = {AF_INET, 255, TCP_LISTEN};
	uint16_t port, other = 0;
	int fd = open_socket(AF_INET, SOCK_STREAM, &port), diag_fd = sock_diag_open(getpid(), false), err;

	(void)state;
	assert_int_equal(listen(fd, 1), 0);
	err = diag_fd < 0 ? diag_fd : sock_diag_ask(diag_fd, &query, find_port, &other);
	if (!err) {
		assert_int_equal(sock_diag_ask(diag_fd, &unknown, find_port, &other), -ENOENT);
		for (int i = 0; i < 2; i++) /* nothing of the first time is left */
			assert_int_equal(sock_diag_ask(diag_fd, &query, find_port, &port), -EEXIST);
	}
	close(diag_fd);
	close(fd);
	if (err) {
		print_message("netlink does not tell of listeners here: %s\n", strerror(-err));
		skip();
	}
}

static int fail_on_listener(void *context, const struct listener *listener)
{
	(void)context;
	(void)listener;
	return -ENOSPC;
}

static void test_callback_that_fails(void **state)
{
	struct listener_tables tables = {};
	uint16_t port;
	int fd = open_socket(AF_INET, SOCK_STREAM, &port);

	(void)state;
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(listeners_each(&tables, getpid(), fail_on_listener, NULL), -ENOSPC);
	listener_tables_fini(&tables);
	close(fd);
}

/* ---- others */

static void test_process_that_is_gone(void **state)
{
	struct listener_tables tables = {};
	const struct listener_table *table;
	pid_t child = fork();

	(void)state;
	if (!child)
		_exit(0);
	waitpid(child, NULL, 0);
	assert_int_equal(listeners_each(&tables, child, fail_on_listener, NULL), -ENOENT);
	assert_int_equal(listener_tables_get(&tables, child, &table), -ENOENT);
	listener_tables_fini(&tables);
}

/* Listens in a network namespace of its own, tells the port, 0 if that is not permitted, and waits to be killed. */
static pid_t listen_elsewhere(uint16_t *port)
{
	int told[2];
	pid_t child;

	assert_int_equal(pipe(told), 0);
	child = fork();
	if (!child) {
		struct sockaddr_in address = {.sin_family = AF_INET};
		socklen_t len = sizeof(address);
		int fd;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (!unshare(CLONE_NEWNET) && (fd = socket(AF_INET, SOCK_STREAM, 0)) >= 0 && !listen(fd, 1) &&
		    !getsockname(fd, (struct sockaddr *)&address, &len))
			*port = ntohs(address.sin_port);
		_exit(write(told[1], port, sizeof(*port)) == sizeof(*port) ? pause() : 1);
	}
	assert_int_equal(read(told[0], port, sizeof(*port)), sizeof(*port));
	close(told[0]);
	close(told[1]);
	return child;
}

static void test_another_namespace(void **state)
{
	struct listener_tables tables = {};
	const struct listener_table *own, *other;
	uint16_t port = 0;
	pid_t child = listen_elsewhere(&port);
	struct held by_netlink, by_proc;

	(void)state;
	if (port) {
		by_netlink = held_by(child, false);
		by_proc = held_by(child, true);
		assert_int_equal(by_netlink.count, 1);
		assert_int_equal(by_netlink.listeners[0].port, port);
		assert_same(&by_netlink, &by_proc);
		assert_int_equal(listener_tables_get(&tables, child, &other), 0);
		assert_true(listener_table_has(other, port));
		assert_int_equal(listener_tables_get(&tables, getpid(), &own), 0);
		assert_int_equal(tables.count, 2);
		assert_int_not_equal(tables.tables[0].namespace_inode, tables.tables[1].namespace_inode);
		assert_int_equal(listener_tables_get(&tables, child, &other), 0);
		assert_int_equal(tables.count, 2);
	}
	listener_tables_fini(&tables);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	if (!port) {
		print_message("a network namespace takes CAP_SYS_ADMIN\n");
		skip();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tcp_line),
		cmocka_unit_test(test_tcp6_line),
		cmocka_unit_test(test_tcp_lines_that_do_not_listen),
		cmocka_unit_test(test_unix_lines),
		cmocka_unit_test(test_unix_path_is_bounded),
		cmocka_unit_test(test_udp_lines),
		cmocka_unit_test(test_netlink_answers),
		cmocka_unit_test(test_own_listeners),
		cmocka_unit_test(test_callback_that_fails),
		cmocka_unit_test(test_process_that_is_gone),
		cmocka_unit_test(test_another_namespace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
