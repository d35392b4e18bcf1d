/* SPDX-License-Identifier: BSD-2-Clause */
/* The mock of what a server calls: a database, a cache, a mail gateway, each on a port of its own. A client sends
 * "Q <id> <hold_us>\n" and gets "R <id> ok\n" that many microseconds later; many may be in flight on one connection, and answers
 * leave in the order in which they fall due. "GET /<id>/<hold_us> HTTP/1.1" with its header lines asks the same, and gets an HTTP answer.
 * With --udp a query is a datagram, and so is its answer. Every call's true hold is logged as CSV: kind,id,arrived_ns,answered_ns.
 */
#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common_clock.h"
#include "common_loop.h"
#include "common_net.h"
#include "common_options.h"

#define KINDS_MAX      16
#define KIND_NAME_MAX  16
#define LINE_BYTES_MAX 4096

struct kind {
	struct watcher listener; /* with --udp: the socket itself */
	char name[KIND_NAME_MAX];
	unsigned long port; /* as asked for: 0 is any */
};

struct client {
	struct watcher watcher;
	LIST_ENTRY(client) link;
	const struct kind *kind;
	bool http;
	unsigned held; /* answers not yet due; the client outlives its connection until they are dropped */
	size_t buffered;
	char buffer[LINE_BYTES_MAX];
};

struct answer {
	uint64_t due_ns, arrived_ns;
	unsigned long id;
	struct client *client; /* NULL: it was asked by a datagram */
	const struct kind *kind;
	struct sockaddr_in asker; /* of a datagram */
};

static struct options {
	struct kind kinds[KINDS_MAX];
	size_t kind_count;
	bool udp;
	const char *unix_path, *log_path;
} options;

static struct loop loop;
static FILE *call_log; /* NULL without --log */
static struct watcher timer;
static LIST_HEAD(, client) clients;

/* The answers that are held back: a binary heap, the next one due on top. */
static struct answer *heap;
static size_t heap_count, heap_room;

static void heap_swap(size_t a, size_t b)
{
	struct answer answer = heap[a];

	heap[a] = heap[b];
	heap[b] = answer;
}

static int heap_push(struct answer answer)
{
	if (heap_count == heap_room) {
		size_t room = heap_room ? 2 * heap_room : 256;
		struct answer *larger = reallocarray(heap, room, sizeof *heap);

		if (!larger)
			return -ENOMEM;
		heap = larger;
		heap_room = room;
	}
	heap[heap_count] = answer;
	for (size_t i = heap_count++; i && heap[i].due_ns < heap[(i - 1) / 2].due_ns; i = (i - 1) / 2)
		heap_swap(i, (i - 1) / 2);
	return 0;
}

static struct answer heap_pop(void)
{
	struct answer top = heap[0];

	heap[0] = heap[--heap_count];
	for (size_t i = 0, child; (child = 2 * i + 1) < heap_count; i = child) {
		if (child + 1 < heap_count && heap[child + 1].due_ns < heap[child].due_ns)
			child++;
		if (heap[i].due_ns <= heap[child].due_ns)
			break;
		heap_swap(i, child);
	}
	return top;
}

static void drop_client(struct client *client)
{
	loop_close(&client->watcher);
	if (!client->held) {
		LIST_REMOVE(client, link);
		loop_discard(&loop, &client->watcher);
	}
}

/* False: the caller has gone, or does not read its answers. */
static bool send_to_client(struct client *client, const char *line, size_t length)
{
	client->held--;
	if (client->watcher.fd >= 0 && !send_all(client->watcher.fd, line, length))
		return true;
	drop_client(client);
	return false;
}

static bool send_datagram(const struct answer *answer, const char *line, size_t length)
{
	const struct sockaddr *asker = (const struct sockaddr *)&answer->asker;

	return sendto(answer->kind->listener.fd, line, length, 0, asker, sizeof answer->asker) == (ssize_t)length;
}

static void send_answer(const struct answer *answer)
{
	uint64_t answered_ns = now_ns();
	char line[64];
	bool http = answer->client && answer->client->http;
	size_t length = (size_t)(http ? snprintf(line, sizeof line, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n")
				      : snprintf(line, sizeof line, "R %lu ok\n", answer->id));

	if (!(answer->client ? send_to_client(answer->client, line, length) : send_datagram(answer, line, length)))
		return;
	if (call_log)
		fprintf(call_log, "%s,%lu,%lu,%lu\n", answer->kind->name, answer->id, answer->arrived_ns, answered_ns);
}

static void send_due_answers(void)
{
	while (heap_count && heap[0].due_ns <= now_ns()) {
		struct answer answer = heap_pop();

		send_answer(&answer);
	}
	if (heap_count)
		timer_set(timer.fd, heap[0].due_ns);
	else if (call_log)
		fflush(call_log); /* whoever waited for the last answer finds it in the log soon */
}

static void on_timer(struct watcher *watcher, uint32_t events)
{
	uint64_t expirations;

	(void)events;
	if (read(watcher->fd, &expirations, sizeof expirations) == sizeof expirations)
		send_due_answers();
}

/* Holds the answer to this query; `answer` says to whom it goes. 0, -EPROTO for a line that is no query, or -ENOMEM. */
static int hold_query(struct answer answer, const char *line, uint64_t arrived_ns)
{
	struct client *client = answer.client;
	unsigned long hold_us;
	int error;

	if (client && sscanf(line, "GET /%lu/%lu HTTP/1.1", &answer.id, &hold_us) == 2)
		client->http = true;
	else if (client && client->http)
		return 0; /* a header line */
	else if (sscanf(line, "Q %lu %lu", &answer.id, &hold_us) != 2)
		return -EPROTO;
	answer.arrived_ns = arrived_ns;
	answer.due_ns = arrived_ns + hold_us * NS_PER_US;
	error = heap_push(answer);
	if (!error && client)
		client->held++;
	return error;
}

/* Takes the whole lines out of the buffer. A full buffer without a line is no query either. */
static int hold_queries(struct client *client, uint64_t arrived_ns)
{
	char *line = client->buffer, *end = line + client->buffered, *newline;
	int error = 0;

	while (!error && (newline = memchr(line, '\n', (size_t)(end - line)))) {
		*newline = '\0';
		error = hold_query((struct answer){.client = client, .kind = client->kind}, line, arrived_ns);
		line = newline + 1;
	}
	client->buffered = (size_t)(end - line);
	memmove(client->buffer, line, client->buffered);
	return !error && client->buffered == sizeof client->buffer ? -EPROTO : error;
}

static void on_client_ready(struct watcher *watcher, uint32_t events)
{
	struct client *client = (struct client *)watcher;
	ssize_t received = recv(watcher->fd, client->buffer + client->buffered, sizeof client->buffer - client->buffered, 0);
	uint64_t arrived_ns = now_ns();
	int error;

	(void)events;
	if (received < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (received <= 0) {
		drop_client(client);
		return;
	}
	client->buffered += (size_t)received;
	error = hold_queries(client, arrived_ns);
	if (error) {
		fprintf(stderr, "downstream: %s: a client is dropped: %s\n", client->kind->name, strerror(-error));
		drop_client(client);
	}
	send_due_answers();
}

static void on_datagram(struct watcher *watcher, uint32_t events)
{
	struct answer answer = {.kind = (const struct kind *)watcher};
	socklen_t asker_length = sizeof answer.asker;
	char line[LINE_BYTES_MAX];
	ssize_t received = recvfrom(watcher->fd, line, sizeof line - 1, 0, (struct sockaddr *)&answer.asker, &asker_length);
	int error;

	(void)events;
	if (received < 0)
		return; /* none after all, or word that an earlier answer found nobody */
	line[received] = '\0';
	error = hold_query(answer, line, now_ns());
	if (error)
		fprintf(stderr, "downstream: %s: a datagram is dropped: %s\n", answer.kind->name, strerror(-error));
	send_due_answers();
}

static void on_listener_ready(struct watcher *watcher, uint32_t events)
{
	int fd = accept4(watcher->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct client *client;

	(void)events;
	if (fd < 0 && (errno == EAGAIN || errno == ECONNABORTED))
		return; /* it went away before we came */
	if (fd < 0) {
		fprintf(stderr, "downstream: accept: %s\n", strerror(errno));
		loop.stopped = true; /* to go on would mean to spin, with real-time priority */
		return;
	}
	send_without_delay(fd);
	client = calloc(1, sizeof *client);
	if (!client) {
		close(fd);
		return;
	}
	client->watcher = (struct watcher){.fd = fd, .on_ready = on_client_ready};
	client->kind = (const struct kind *)watcher;
	LIST_INSERT_HEAD(&clients, client, link);
	if (loop_watch(&loop, &client->watcher, EPOLLIN))
		drop_client(client);
}

static int add_kind(void *target, const char *text)
{
	struct options *into = target;
	const char *equals = strchr(text, '=');
	size_t length = equals ? (size_t)(equals - text) : 0;
	struct kind *kind = &into->kinds[into->kind_count];

	if (!length || length >= KIND_NAME_MAX || into->kind_count == KINDS_MAX - 1) /* one is kept for --unix */
		return -EINVAL;
	memcpy(kind->name, text, length);
	into->kind_count++;
	return options_number(equals + 1, &kind->port) || kind->port > UINT16_MAX ? -EINVAL : 0;
}

static const struct option_row option_rows[] = {
	{"kind", OPTION_CALL, 0, add_kind, "NAME=PORT: listen for calls of this kind (0: any free port); may be repeated"},
	{"udp", OPTION_FLAG, offsetof(struct options, udp), NULL, "those kinds are asked by UDP"},
	{"unix", OPTION_TEXT, offsetof(struct options, unix_path), NULL, "PATH: the kind \"unix\", on a Unix socket"},
	{"log", OPTION_TEXT, offsetof(struct options, log_path), NULL, "FILE: CSV of every call's true hold"},
};

static int open_listener(struct kind *kind)
{
	bool local = options.unix_path && !strcmp(kind->name, "unix");
	bool udp = options.udp && !local;
	int fd = local ? listen_unix(options.unix_path)
		 : udp ? listen_udp((uint16_t)kind->port)
		       : listen_tcp((uint16_t)kind->port, (struct tcp_options){0});

	if (fd < 0)
		return fd;
	set_nonblocking(fd);
	kind->listener = (struct watcher){.fd = fd, .on_ready = udp ? on_datagram : on_listener_ready};
	if (local)
		printf(" unix=%s", options.unix_path);
	else
		printf(" %s=%u", kind->name, local_port(fd));
	return loop_watch(&loop, &kind->listener, EPOLLIN);
}

/* Answers must leave when they fall due, however busy the servers under test keep the cores. */
static void raise_priority(void)
{
	struct sched_param priority = {.sched_priority = 1};

	if (sched_setscheduler(0, SCHED_FIFO, &priority))
		fprintf(stderr, "downstream: no real-time priority (%s): holds may be longer than asked for\n", strerror(errno));
}

static int set_up(void)
{
	int error = loop_init(&loop);

	raise_descriptor_limit();
	if (error)
		return error;
	error = loop_stop_on_signals(&loop);
	if (error)
		return error;
	timer = (struct watcher){.fd = timer_open(), .on_ready = on_timer};
	if (timer.fd < 0)
		return timer.fd;
	if (options.log_path && !(call_log = fopen(options.log_path, "we")))
		return -errno;
	if (call_log)
		fprintf(call_log, "kind,id,arrived_ns,answered_ns\n");
	return loop_watch(&loop, &timer, EPOLLIN);
}

static int open_listeners(void)
{
	if (options.unix_path)
		strcpy(options.kinds[options.kind_count++].name, "unix");
	printf("READY");
	for (size_t i = 0; i < options.kind_count; i++) {
		int error = open_listener(&options.kinds[i]);

		if (error) {
			fprintf(stderr, "downstream: %s: %s\n", options.kinds[i].name, strerror(-error));
			return error;
		}
	}
	printf(" pid=%d\n", getpid());
	fflush(stdout);
	return 0;
}

static void tear_down(void)
{
	while (heap_count) {
		struct client *client = heap_pop().client;

		if (!client)
			continue;
		client->held--;
		drop_client(client);
	}
	while (!LIST_EMPTY(&clients))
		drop_client(LIST_FIRST(&clients));
	for (size_t i = 0; i < options.kind_count; i++)
		loop_close(&options.kinds[i].listener);
	loop_close(&timer);
	loop_fini(&loop);
	free(heap);
	if (options.unix_path)
		unlink(options.unix_path);
}

int main(int argc, char **argv)
{
	int error;

	options_parse(argc, argv, option_rows, sizeof option_rows / sizeof *option_rows, &options);
	error = set_up();
	if (!error)
		error = open_listeners();
	if (!error) {
		raise_priority();
		error = loop_run(&loop);
	}
	tear_down();
	if (call_log && fclose(call_log) && !error)
		error = -errno;
	if (error)
		fprintf(stderr, "downstream: %s\n", strerror(-error));
	return error ? 1 : 0;
}
