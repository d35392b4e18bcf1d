/* SPDX-License-Identifier: BSD-2-Clause */
#include "common_server.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common_device.h"
#include "common_net.h"
#include "common_truth.h"

static const char *const peer_names[PEERS] = {[PEER_DB] = "db", [PEER_CACHE] = "cache", [PEER_MAIL] = "mail"};

static int parse_port(struct server *server, enum peer peer, const char *text)
{
	unsigned long port;

	if (options_number(text, &port) || port > UINT16_MAX)
		return -EINVAL;
	server->downstream_ports[peer] = port;
	return 0;
}

/* "db=4001,cache=4002,mail=4003" */
static int parse_downstream(void *target, const char *text)
{
	char copy[128], *rest, *pair;

	if (strlen(text) >= sizeof copy)
		return -EINVAL;
	strcpy(copy, text);
	for (pair = strtok_r(copy, ",", &rest); pair; pair = strtok_r(NULL, ",", &rest)) {
		enum peer peer = 0;
		size_t length = strcspn(pair, "=");

		while (peer < PEERS && (strlen(peer_names[peer]) != length || strncmp(peer_names[peer], pair, length)))
			peer++;
		if (peer == PEERS || !pair[length] || parse_port(target, peer, pair + length + 1))
			return -EINVAL;
	}
	return 0;
}

static const struct option_row option_rows[] = {
	{"port", OPTION_NUMBER, offsetof(struct server, port), NULL, "PORT: listen there on 127.0.0.1 (0, the default: any free port)"},
	{"ipv6", OPTION_FLAG, offsetof(struct server, ipv6), NULL, "listen on ::1 instead"},
	{"unix", OPTION_TEXT, offsetof(struct server, unix_path), NULL, "PATH: listen on a Unix socket as well"},
	{"threads", OPTION_NUMBER, offsetof(struct server, threads), NULL,
	 "N: workers, children or loops, where the model has them (default 4)"},
	{"pool", OPTION_NUMBER, offsetof(struct server, pool_size), NULL, "N: downstream connections that /pool shares (default 2)"},
	{"downstream", OPTION_CALL, 0, parse_downstream, "db=PORT,cache=PORT,mail=PORT: what is not named goes to db"},
	{"downstream-db", OPTION_NUMBER, offsetof(struct server, downstream_ports[PEER_DB]), NULL, "PORT"},
	{"downstream-cache", OPTION_NUMBER, offsetof(struct server, downstream_ports[PEER_CACHE]), NULL, "PORT"},
	{"downstream-mail", OPTION_NUMBER, offsetof(struct server, downstream_ports[PEER_MAIL]), NULL, "PORT"},
	{"downstream-unix", OPTION_TEXT, offsetof(struct server, downstream_unix_path), NULL,
	 "PATH: call everything over this Unix socket"},
	{"downstream-udp", OPTION_FLAG, offsetof(struct server, downstream_udp), NULL, "call the downstream ports by UDP"},
	{"truth", OPTION_TEXT, offsetof(struct server, truth_path), NULL, "FILE: at the end, what each request really did, as CSV"},
};

#define OPTION_ROWS (sizeof option_rows / sizeof *option_rows)

int server_must(const struct server *server, const char *what, int error)
{
	if (error >= 0)
		return error;
	fprintf(stderr, "%s: %s: %s\n", server->name, what, strerror(-error));
	exit(1);
}

static void parse(struct server *server, int argc, char **argv, const struct option_row *own)
{
	struct option_row rows[OPTION_ROWS + 1];

	memcpy(rows, option_rows, sizeof option_rows);
	if (own)
		rows[OPTION_ROWS] = *own;
	options_parse(argc, argv, rows, OPTION_ROWS + !!own, server);
	for (enum peer peer = 0; peer < PEERS; peer++)
		if (!server->downstream_ports[peer])
			server->downstream_ports[peer] = server->downstream_ports[PEER_DB];
	if (!server->threads || !server->pool_size || server->port > UINT16_MAX) {
		fprintf(stderr, "%s: --threads and --pool must be at least 1, --port at most %u\n", server->name, UINT16_MAX);
		exit(2);
	}
}

static sigset_t stop_signals(void)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	return signals;
}

void server_open(struct server *server, int argc, char **argv, const struct option_row *own, bool reuseport)
{
	sigset_t signals = stop_signals();
	struct tcp_options options;
	int error;

	*server = (struct server){.name = argv[0], .threads = 4, .pool_size = 2};
	parse(server, argc, argv, own);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	raise_descriptor_limit();
	server_must(server, "--truth", truth_open(server->truth_path));
	error = disk_open();
	if (error)
		fprintf(stderr, "%s: /disk will fail: %s\n", server->name, strerror(-error));
	options = (struct tcp_options){.ipv6 = server->ipv6, .reuseport = reuseport};
	server->listeners[server->listener_count++] = server_must(server, "--port", listen_tcp((uint16_t)server->port, options));
	server->port = local_port(server->listeners[0]);
	if (server->unix_path)
		server->listeners[server->listener_count++] = server_must(server, server->unix_path, listen_unix(server->unix_path));
}

int server_listen_again(const struct server *server)
{
	return listen_tcp((uint16_t)server->port, (struct tcp_options){.ipv6 = server->ipv6, .reuseport = true});
}

void server_ready(const struct server *server)
{
	printf("READY port=%lu pid=%d\n", server->port, getpid());
	fflush(stdout);
}

/* Whichever listener has a connection. Others may take it before we do. */
static int accept_from_any(const struct server *server)
{
	struct pollfd ready[LISTENERS_MAX];
	int fd = -1;

	for (unsigned i = 0; i < server->listener_count; i++) {
		set_nonblocking(server->listeners[i]);
		ready[i] = (struct pollfd){.fd = server->listeners[i], .events = POLLIN};
	}
	if (poll(ready, server->listener_count, -1) < 0)
		return -1;
	for (unsigned i = 0; i < server->listener_count && fd < 0; i++)
		if (ready[i].revents)
			fd = accept4(ready[i].fd, NULL, NULL, SOCK_CLOEXEC);
	return fd;
}

int server_accept(const struct server *server)
{
	int fd;

	do {
		fd = server->listener_count > 1 ? accept_from_any(server) : accept4(server->listeners[0], NULL, NULL, SOCK_CLOEXEC);
	} while (fd < 0 && (errno == EINTR || errno == EAGAIN || errno == ECONNABORTED));
	if (fd < 0)
		return -errno;
	send_without_delay(fd);
	return fd;
}

int server_connect_peer(const struct server *server, enum peer peer, bool nonblocking)
{
	if (server->downstream_unix_path)
		return connect_unix(server->downstream_unix_path, nonblocking);
	if (server->downstream_udp)
		return connect_udp((uint16_t)server->downstream_ports[peer], nonblocking);
	return connect_tcp((uint16_t)server->downstream_ports[peer], (struct tcp_options){.nonblocking = nonblocking});
}

void server_wait_for_stop(void)
{
	sigset_t signals = stop_signals();
	int signal;

	sigwait(&signals, &signal);
}

void server_unblock_signals(void)
{
	sigset_t signals = stop_signals();

	pthread_sigmask(SIG_UNBLOCK, &signals, NULL);
}

static void *stop_thread(void *argument)
{
	server_wait_for_stop();
	exit(server_close(argument));
}

void server_stop_by_thread(struct server *server)
{
	pthread_t thread;

	server_must(server, "the thread that waits for signals", -pthread_create(&thread, NULL, stop_thread, server));
	pthread_detach(thread);
}

int server_close(struct server *server)
{
	int error = truth_write();

	if (error)
		fprintf(stderr, "%s: %s: %s\n", server->name, server->truth_path, strerror(-error));
	if (server->unix_path)
		unlink(server->unix_path);
	return error ? 1 : 0;
}
