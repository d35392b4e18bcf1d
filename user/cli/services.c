/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/services.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "util/idmap.h"
#include "util/utf8.h"

/* Servers listen on a handful; the newest ones are kept, as each restart of a server brings others. */
#define LISTENERS_MAX 512

/* Processes whose names are known. Beyond them each new one takes the place of one that nobody has asked for lately: it has ended. */
#define PROCESSES_MAX 65536
/* So many names were learned since. */
#define LATELY (PROCESSES_MAX / 2)

/* Forks between who opened a listener and who serves on it: a manager, its master, a worker. */
#define GENERATIONS_MAX 16

struct named_process {
	uint32_t tgid;
	uint32_t parent_tgid; /* 0: not known */
	size_t wanted_at;     /* how many names had been learned when it was last asked for */
	char comm[SERVICE_COMM_MAX];
};

struct listener {
	uint64_t conn_id;
	uint32_t tgid;
	uint16_t port;
	char path[UNIX_PATH_MAX + 1];
};

struct services {
	struct idmap process_by_tgid;
	struct named_process *processes[PROCESSES_MAX]; /* all of them */
	size_t process_count;
	size_t process_next;                      /* where the next search for a place begins */
	size_t learned;                           /* since the start */
	struct listener listeners[LISTENERS_MAX]; /* a ring */
	size_t listener_count;                    /* of all that ever were put into it */
};

struct services *services_open(void)
{
	return calloc(1, sizeof(struct services));
}

/* Takes a name that nobody has asked for lately out of the map; where all were asked for, any. */
static struct named_process *reuse_process(struct services *services)
{
	struct named_process *process;
	size_t tries = 0;

	do
		process = services->processes[services->process_next++ % PROCESSES_MAX];
	while (services->learned - process->wanted_at < LATELY && ++tries < PROCESSES_MAX);
	idmap_take(&services->process_by_tgid, process->tgid);
	return process;
}

/* NULL: no memory. */
static struct named_process *add_process(struct services *services, uint32_t tgid)
{
	bool full = services->process_count == PROCESSES_MAX;
	struct named_process *process = full ? reuse_process(services) : calloc(1, sizeof(*process));

	if (!process)
		return NULL;
	if (!full)
		services->processes[services->process_count++] = process;
	process->tgid = tgid;
	process->parent_tgid = 0;
	services->learned++;
	return idmap_put(&services->process_by_tgid, tgid, process) ? NULL : process;
}

/* NULL: no memory. */
static struct named_process *learn_name(struct services *services, uint32_t tgid, const char *comm)
{
	struct named_process *process = idmap_get(&services->process_by_tgid, tgid);
	char text[COMM_MAX] = "";

	if (!process)
		process = add_process(services, tgid);
	if (!process)
		return NULL;
	process->wanted_at = services->learned;
	memcpy(text, comm, COMM_MAX - 1);
	utf8_make_printable(process->comm, sizeof(process->comm), text);
	return process;
}

/* By its first thread. An exec changes the name, but nobody's parent. */
static int learn_process(struct services *services, const struct record_thread *thread, uint32_t parent_tgid)
{
	struct named_process *process = learn_name(services, thread->tgid, thread->comm);

	if (!process)
		return -ENOMEM;
	if (thread->origin != THREAD_EXECED)
		process->parent_tgid = parent_tgid;
	return 0;
}

/* From the newest, at age 0; NULL: there are no more. */
static const struct listener *listener_of_age(const struct services *services, size_t age)
{
	if (age >= LISTENERS_MAX || age >= services->listener_count)
		return NULL;
	return &services->listeners[(services->listener_count - 1 - age) % LISTENERS_MAX];
}

/* Its place, or that of the oldest one. */
static struct listener *place_listener(struct services *services, uint64_t conn_id)
{
	const struct listener *listener;

	for (size_t age = 0; (listener = listener_of_age(services, age)); age++)
		if (listener->conn_id == conn_id)
			return (struct listener *)listener;
	return &services->listeners[services->listener_count++ % LISTENERS_MAX];
}

static void learn_listener(struct services *services, const struct event *event)
{
	const struct record_conn *conn = (const struct record_conn *)event->head;
	struct listener *listener = place_listener(services, conn->conn_id);

	*listener = (struct listener){.conn_id = conn->conn_id, .tgid = conn->tgid, .port = conn->local_port};
	if (conn->family == CONN_UNIX && event->payload_len && event->payload_len <= UNIX_PATH_MAX)
		memcpy(listener->path, event->payload, event->payload_len);
}

int services_read(struct services *services, const struct event *event, uint32_t parent_tgid)
{
	const struct record_thread *thread = (const struct record_thread *)event->head;

	switch (event->head->kind) {
	case RECORD_THREAD:
		return thread->head.tid == thread->tgid ? learn_process(services, thread, parent_tgid) : 0;
	case RECORD_PROCESS:
		return learn_name(services, event->head->tid, ((const struct record_process *)event->head)->comm) ? 0 : -ENOMEM;
	case RECORD_CONN:
		if (((const struct record_conn *)event->head)->role == CONN_LISTENER)
			learn_listener(services, event);
		return 0;
	default:
		return 0;
	}
}

/* The process and those above it, as far as they are known: how many. */
static size_t find_line(const struct services *services, uint32_t tgid, uint32_t line[GENERATIONS_MAX])
{
	const struct named_process *process = idmap_get(&services->process_by_tgid, tgid);
	size_t count = 1;

	line[0] = tgid;
	while (process && process->parent_tgid && count < GENERATIONS_MAX) {
		line[count++] = process->parent_tgid;
		process = idmap_get(&services->process_by_tgid, process->parent_tgid);
	}
	return count;
}

/*
 * Who opened the listener: the process itself, or the nearest above it that did (a pre-fork worker's master, and not that of another
 * container with the same port), else the last that did (the one after a restart, where the socket was handed over), else itself.
 */
static uint32_t find_owner(const struct services *services, uint32_t tgid, uint16_t port, const char *path)
{
	const struct listener *listener, *last = NULL;
	uint32_t line[GENERATIONS_MAX];
	size_t nearest = find_line(services, tgid, line), generations = nearest;

	for (size_t age = 0; nearest && (listener = listener_of_age(services, age)); age++) {
		if (listener->port != port || strcmp(listener->path, path))
			continue;
		for (size_t i = 0; i < nearest; i++)
			if (listener->tgid == line[i])
				nearest = i;
		if (!last)
			last = listener;
	}
	if (nearest < generations)
		return line[nearest];
	return last ? last->tgid : tgid;
}

/* Instead of snprintf, which took a tenth of all the time spent on a request. Cut at `end`; returns where it ended, by a 0. */
static char *put_text(char *at, char *end, const char *text)
{
	char *behind = memccpy(at, text, 0, (size_t)(end - at));

	if (behind)
		return behind - 1;
	end[-1] = 0;
	return end - 1;
}

static char *put_port(char *at, char *end, uint16_t port)
{
	char digits[sizeof("65535")], *first = digits + sizeof(digits) - 1;

	for (*first = 0; port; port /= 10)
		*--first = (char)('0' + port % 10);
	return put_text(at, end, first);
}

void services_name(const struct services *services, uint32_t tgid, uint16_t port, const char *unix_path, char *name)
{
	const char *path = unix_path ? unix_path : "";
	char *end = name + SERVICE_NAME_MAX;
	struct named_process *process;

	if (port || *path)
		tgid = find_owner(services, tgid, port, path);
	process = idmap_get(&services->process_by_tgid, tgid);
	if (process)
		process->wanted_at = services->learned;
	name = put_text(name, end, process ? process->comm : "?");
	if (port || *path)
		name = put_text(name, end, ":");
	if (port)
		put_port(name, end, port);
	else
		utf8_make_printable(name, (size_t)(end - name), path);
}

void services_close(struct services *services)
{
	if (!services)
		return;
	for (size_t i = 0; i < services->process_count; i++)
		free(services->processes[i]);
	idmap_fini(&services->process_by_tgid);
	free(services);
}
