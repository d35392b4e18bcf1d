/* SPDX-License-Identifier: BSD-2-Clause */
#include "probe/sock_diag.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "probe/listeners.h"

/* ---- a socket of the right namespace */

static int open_here(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);

	return fd < 0 ? -errno : fd;
}

struct opening {
	pid_t pid;
	int fd; /* or −errno */
};

static void *open_there(void *argument)
{
	struct opening *opening = argument;
	char path[64];
	int namespace_fd;

	snprintf(path, sizeof(path), "/proc/%d/ns/net", opening->pid);
	namespace_fd = open(path, O_RDONLY | O_CLOEXEC);
	if (namespace_fd < 0 || setns(namespace_fd, CLONE_NEWNET))
		opening->fd = -errno;
	else
		opening->fd = open_here();
	if (namespace_fd >= 0)
		close(namespace_fd);
	return NULL;
}

/* A socket stays in the namespace that it was made in; who makes it there is a thread of its own, which ends there. */
int sock_diag_open(pid_t pid, bool elsewhere)
{
	struct opening opening = {.pid = pid};
	pthread_t thread;
	int err;

	if (!elsewhere)
		return open_here();
	err = pthread_create(&thread, NULL, open_there, &opening);
	if (err)
		return -err;
	pthread_join(thread, NULL);
	return opening.fd;
}

/* ---- asking */

struct request {
	struct nlmsghdr header;
	union {
		struct inet_diag_req_v2 inet;
		struct unix_diag_req unix_;
	};
};

static int send_request(int fd, const struct sock_diag_query *query)
{
	struct request request = {.header = {.nlmsg_type = SOCK_DIAG_BY_FAMILY, .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP}};
	ssize_t sent;

	if (query->family == AF_UNIX) {
		request.header.nlmsg_len = NLMSG_LENGTH(sizeof(request.unix_));
		request.unix_ = (struct unix_diag_req){
			.sdiag_family = AF_UNIX,
			.udiag_states = 1u << query->state,
			.udiag_show = UDIAG_SHOW_NAME,
		};
	} else {
		request.header.nlmsg_len = NLMSG_LENGTH(sizeof(request.inet));
		request.inet = (struct inet_diag_req_v2){
			.sdiag_family = query->family,
			.sdiag_protocol = query->protocol,
			.idiag_states = 1u << query->state,
		};
	}
	sent = send(fd, &request, request.header.nlmsg_len, 0);
	return sent < 0 ? -errno : 0;
}

/* ---- answers */

static bool decode_inet(const struct nlmsghdr *message, struct listener *socket)
{
	const struct inet_diag_msg *answer = NLMSG_DATA(message);

	if (message->nlmsg_len < NLMSG_LENGTH(sizeof(*answer)))
		return false;
	*socket = (struct listener){
		.inode = answer->idiag_inode,
		.family = answer->idiag_family == AF_INET ? CONN_INET : CONN_INET6,
		.port = ntohs(answer->id.idiag_sport),
	};
	memcpy(socket->addr, answer->id.idiag_src, answer->idiag_family == AF_INET ? 4 : 16);
	return true;
}

/* As /proc/net/unix writes it: a path without its closing 0, an abstract name with '@' for each 0 in it. */
static void copy_name(const char *name, size_t len, struct listener *socket)
{
	bool abstract = len && !name[0];

	if (!abstract)
		len = strnlen(name, len);
	if (len > UNIX_PATH_MAX)
		len = UNIX_PATH_MAX;
	for (size_t i = 0; i < len; i++)
		socket->path[i] = name[i] ? name[i] : '@';
	socket->path_len = (uint8_t)len;
}

static bool decode_unix(const struct nlmsghdr *message, struct listener *socket)
{
	const struct unix_diag_msg *answer = NLMSG_DATA(message);
	const struct rtattr *attribute = (const struct rtattr *)(const void *)(answer + 1);
	int left;

	if (message->nlmsg_len < NLMSG_LENGTH(sizeof(*answer)))
		return false;
	*socket = (struct listener){.inode = answer->udiag_ino, .family = CONN_UNIX};
	for (left = (int)NLMSG_PAYLOAD(message, sizeof(*answer)); RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left))
		if (attribute->rta_type == UNIX_DIAG_NAME)
			copy_name(RTA_DATA(attribute), RTA_PAYLOAD(attribute), socket);
	return true;
}

/* The error that ends a dump, 0 for a good end: behind both kinds of header. */
static int end_of_dump(const struct nlmsghdr *message)
{
	int err = 0;

	if (message->nlmsg_len >= NLMSG_LENGTH(sizeof(err)))
		memcpy(&err, NLMSG_DATA(message), sizeof(err));
	return err > 0 ? -err : err;
}

/* 1: more comes; 0: this was the last one; −errno. *err: the callback's, which is not called any more then. */
static int read_message(const struct nlmsghdr *message, sock_diag_callback on_socket, void *context, int *err)
{
	const uint8_t *family = NLMSG_DATA(message);
	struct listener socket;

	if (message->nlmsg_type == NLMSG_DONE || message->nlmsg_type == NLMSG_ERROR)
		return end_of_dump(message);
	if (message->nlmsg_type != SOCK_DIAG_BY_FAMILY || message->nlmsg_len < NLMSG_LENGTH(sizeof(*family)))
		return 1;
	if (!*err && (*family == AF_UNIX ? decode_unix(message, &socket) : decode_inet(message, &socket)))
		*err = on_socket(context, &socket);
	return 1;
}

/* As large as the kernel makes its packets. */
#define ANSWER_BYTES 32768

int sock_diag_ask(int fd, const struct sock_diag_query *query, sock_diag_callback on_socket, void *context)
{
	_Alignas(8) char answer[ANSWER_BYTES];
	int more = send_request(fd, query) ?: 1, err = 0;

	/* To the end in any case: what is left would pass for the next query's answer. */
	while (more > 0) {
		const struct nlmsghdr *message = (const struct nlmsghdr *)(const void *)answer;
		int left = (int)recv(fd, answer, sizeof(answer), 0);

		if (left < 0 && errno == EINTR)
			continue;
		if (left <= 0)
			return left ? -errno : -EPROTO;
		for (; more > 0 && NLMSG_OK(message, left); message = NLMSG_NEXT(message, left))
			more = read_message(message, on_socket, context, &err);
	}
	return more ? more : err;
}
