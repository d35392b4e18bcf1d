/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/services.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "util/idmap.h"

/* Servers listen on a handful; the newest ones are kept, as each restart of a server brings others. */
#define LISTENERS_MAX 512

/* Processes whose names are known. Beyond them each new one takes the place of one that nobody has asked for lately: it has ended. */
#define COMMS_MAX 65536
/* So many names were learned since. */
#define LATELY (COMMS_MAX / 2)

struct comm {
	uint32_t tgid;
	size_t wanted_at; /* how many names had been learned when it was last asked for */
	char text[COMM_MAX];
};

struct listener {
	uint64_t conn_id;
	uint32_t tgid;
	uint16_t port;
	char path[UNIX_PATH_MAX + 1];
};

struct services {
	struct idmap comm_by_tgid;
	struct comm *comms[COMMS_MAX]; /* all of them */
	size_t comm_count;
	size_t comm_next;                         /* where the next search for a place begins */
	size_t comms_learned;                     /* since the start */
	struct listener listeners[LISTENERS_MAX]; /* a ring */
	size_t listener_count;                    /* of all that ever were put into it */
};

struct services *services_open(void)
{
	return calloc(1, sizeof(struct services));
}

/* Takes a name that nobody has asked for lately out of the map; where all were asked for, any. */
static struct comm *reuse_comm(struct services *services)
{
	struct comm *comm;
	size_t tries = 0;

	do
		comm = services->comms[services->comm_next++ % COMMS_MAX];
	while (services->comms_learned - comm->wanted_at < LATELY && ++tries < COMMS_MAX);
	idmap_take(&services->comm_by_tgid, comm->tgid);
	return comm;
}

/* NULL: no memory. */
static struct comm *add_comm(struct services *services, uint32_t tgid)
{
	bool full = services->comm_count == COMMS_MAX;
	struct comm *comm = full ? reuse_comm(services) : calloc(1, sizeof(*comm));

	if (!comm)
		return NULL;
	if (!full)
		services->comms[services->comm_count++] = comm;
	comm->tgid = tgid;
	services->comms_learned++;
	return idmap_put(&services->comm_by_tgid, tgid, comm) ? NULL : comm;
}

/* 0 or −ENOMEM. */
static int learn_comm(struct services *services, uint32_t tgid, const char *text)
{
	struct comm *comm = idmap_get(&services->comm_by_tgid, tgid);

	if (!comm)
		comm = add_comm(services, tgid);
	if (!comm)
		return -ENOMEM;
	comm->wanted_at = services->comms_learned;
	memcpy(comm->text, text, COMM_MAX - 1);
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

int services_read(struct services *services, const struct event *event)
{
	const struct record_thread *thread = (const struct record_thread *)event->head;

	switch (event->head->kind) {
	case RECORD_THREAD:
		return thread->head.tid == thread->tgid ? learn_comm(services, thread->tgid, thread->comm) : 0;
	case RECORD_PROCESS:
		return learn_comm(services, event->head->tid, ((const struct record_process *)event->head)->comm);
	case RECORD_CONN:
		if (((const struct record_conn *)event->head)->role == CONN_LISTENER)
			learn_listener(services, event);
		return 0;
	default:
		return 0;
	}
}

/*
 * Who opened the listener: the process itself if it did, else the last that did (a pre-fork worker's parent, and not the one of before a
 * restart), else itself.
 */
static uint32_t find_owner(const struct services *services, uint32_t tgid, uint16_t port, const char *path)
{
	const struct listener *listener, *last = NULL;

	for (size_t age = 0; (listener = listener_of_age(services, age)); age++) {
		if (listener->port != port || strcmp(listener->path, path))
			continue;
		if (listener->tgid == tgid)
			return tgid;
		if (!last)
			last = listener;
	}
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
	struct comm *comm;

	if (port || *path)
		tgid = find_owner(services, tgid, port, path);
	comm = idmap_get(&services->comm_by_tgid, tgid);
	if (comm)
		comm->wanted_at = services->comms_learned;
	name = put_text(name, end, comm ? comm->text : "?");
	if (port || *path)
		name = put_text(name, end, ":");
	if (port)
		put_port(name, end, port);
	else
		put_text(name, end, path);
}

void services_close(struct services *services)
{
	if (!services)
		return;
	for (size_t i = 0; i < services->comm_count; i++)
		free(services->comms[i]);
	idmap_fini(&services->comm_by_tgid);
	free(services);
}
