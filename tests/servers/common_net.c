/* SPDX-License-Identifier: BSD-2-Clause */
#include "common_net.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 1024

struct address {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
		struct sockaddr_un local;
	};
	socklen_t length;
};

static struct address loopback(uint16_t port, bool ipv6)
{
	if (ipv6)
		return (struct address){.v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = in6addr_loopback},
					.length = sizeof(struct sockaddr_in6)};
	return (struct address){.v4 = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)},
				.length = sizeof(struct sockaddr_in)};
}

static int local_address(const char *path, struct address *address)
{
	*address = (struct address){.local = {.sun_family = AF_UNIX}, .length = sizeof(struct sockaddr_un)};
	if (strlen(path) >= sizeof address->local.sun_path)
		return -ENAMETOOLONG;
	strcpy(address->local.sun_path, path);
	return 0;
}

static int new_socket(int family, int type, bool nonblocking)
{
	int fd = socket(family, type | SOCK_CLOEXEC | (nonblocking ? SOCK_NONBLOCK : 0), 0);

	return fd < 0 ? -errno : fd;
}

/* Closes fd and keeps errno's value for the caller. */
static int give_up(int fd)
{
	int error = errno;

	close(fd);
	return -error;
}

static int listen_at(int fd, const struct address *address)
{
	if (bind(fd, &address->any, address->length) || listen(fd, BACKLOG))
		return give_up(fd);
	return fd;
}

int listen_tcp(uint16_t port, struct tcp_options options)
{
	struct address address = loopback(port, options.ipv6);
	int on = 1, fd = new_socket(address.any.sa_family, SOCK_STREAM, options.nonblocking);

	if (fd < 0)
		return fd;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on))
		return give_up(fd);
	if (options.reuseport && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on))
		return give_up(fd);
	return listen_at(fd, &address);
}

int listen_udp(uint16_t port)
{
	struct address address = loopback(port, false);
	int fd = new_socket(AF_INET, SOCK_DGRAM, true);

	if (fd >= 0 && bind(fd, &address.any, address.length))
		return give_up(fd);
	return fd;
}

int listen_unix(const char *path)
{
	struct address address;
	int error = local_address(path, &address), fd;

	if (error)
		return error;
	fd = new_socket(AF_UNIX, SOCK_STREAM, false);
	if (fd < 0)
		return fd;
	unlink(path);
	return listen_at(fd, &address);
}

uint16_t local_port(int fd)
{
	struct address address = {.length = sizeof(struct sockaddr_un)};

	if (getsockname(fd, &address.any, &address.length))
		return 0;
	switch (address.any.sa_family) {
	case AF_INET:
		return ntohs(address.v4.sin_port);
	case AF_INET6:
		return ntohs(address.v6.sin6_port);
	default:
		return 0;
	}
}

static int connect_to(const struct address *address, int type, bool nonblocking)
{
	int fd = new_socket(address->any.sa_family, type, nonblocking);

	if (fd < 0)
		return fd;
	send_without_delay(fd);
	if (connect(fd, &address->any, address->length) && errno != EINPROGRESS)
		return give_up(fd);
	return fd;
}

int connect_tcp(uint16_t port, struct tcp_options options)
{
	struct address address = loopback(port, options.ipv6);

	return connect_to(&address, SOCK_STREAM, options.nonblocking);
}

int connect_unix(const char *path, bool nonblocking)
{
	struct address address;
	int error = local_address(path, &address);

	return error ? error : connect_to(&address, SOCK_STREAM, nonblocking);
}

int connect_udp(uint16_t port, bool nonblocking)
{
	struct address address = loopback(port, false);

	return connect_to(&address, SOCK_DGRAM, nonblocking);
}

void set_nonblocking(int fd)
{
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

void send_without_delay(int fd)
{
	int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

int send_all(int fd, const void *bytes, size_t count)
{
	const char *next = bytes;

	while (count) {
		ssize_t sent = send(fd, next, count, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return -errno;
		next += sent;
		count -= (size_t)sent;
	}
	return 0;
}

void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (!getrlimit(RLIMIT_NOFILE, &limit)) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}
