/* SPDX-License-Identifier: BSD-2-Clause */
/* Connections: what they are, which requests and calls wait on them, and their end. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/handoffs.h"
#include "engine/idle.h"
#include "engine/names.h"
#include "engine/workers.h"

/* A connection without traffic for this long may be forgotten when there are too many. */
#define IDLE_NS        60000000000ull
#define SWEEP_EVERY_NS 1000000000ull

struct conn *conn_of(struct engine *engine, uint64_t id)
{
	return id ? idmap_get(&engine->conns, id) : NULL;
}

/* ---- names ---------------------------------------------------------------------------------------------------------------- */

static uint16_t peer_index(struct engine *engine, const char *name)
{
	/* Few peers in real servers: a search at each new connection costs less than a table would. */
	for (uint32_t i = 1; i < engine->peer_count; i++)
		if (strcmp(engine->peer_names[i], name) == 0)
			return (uint16_t)i;
	if (engine->peer_count == PEERS_MAX)
		return 0;
	engine->peer_names[engine->peer_count] = strdup(name);
	if (!engine->peer_names[engine->peer_count])
		return 0;
	return (uint16_t)engine->peer_count++;
}

static void name_peer(const struct record_conn *record, const char *path, char *name, size_t size)
{
	const char *suffix = record->type == CONN_DATAGRAM ? "/udp" : "";
	char address[INET6_ADDRSTRLEN] = "";
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	if (record->family == CONN_UNIX) {
		snprintf(name, size, "unix:%s", path[0] ? path : "(unnamed)");
	} else if (record->family == CONN_INET || memcmp(record->remote_addr, mapped, sizeof(mapped)) == 0) {
		inet_ntop(AF_INET, record->remote_addr + (record->family == CONN_INET ? 0 : 12), address, sizeof(address));
		snprintf(name, size, "%s:%u%s", address, record->remote_port, suffix);
	} else {
		inet_ntop(AF_INET6, record->remote_addr, address, sizeof(address));
		snprintf(name, size, "[%s]:%u%s", address, record->remote_port, suffix);
	}
}

/* A path is some process's choice of bytes; it will be shown on terminals. */
static void copy_path(char *to, const char *path, size_t len)
{
	for (size_t i = 0; i < len; i++)
		to[i] = path[i] > ' ' && path[i] < 127 ? path[i] : '?';
	to[len] = 0;
}

/* NULL: no room. */
static struct conn *conn_add(struct engine *engine, uint64_t id)
{
	struct conn *conn = engine->conns.count < CONNS_MAX ? calloc(1, sizeof(*conn)) : NULL;

	if (!conn || idmap_put(&engine->conns, id, conn)) {
		free(conn);
		engine->losses.conns++;
		return NULL;
	}
	conn->id = id;
	return conn;
}

/* It may be read from before the record of the first write to it comes. */
static void add_other_end(struct engine *engine, const struct conn *conn)
{
	struct conn *other = conn_of(engine, conn->other_end_id) ? NULL : conn_add(engine, conn->other_end_id);

	if (!other)
		return;
	other->family = conn->family;
	other->type = conn->type;
	other->role = conn->role;
	other->other_end_id = conn->id;
	other->last_used_ns = conn->last_used_ns;
}

void conn_describe(struct engine *engine, const struct record_conn *record, const char *path, size_t path_len)
{
	struct conn *conn = conn_of(engine, record->conn_id);
	char clean[UNIX_PATH_MAX + 1], name[PEER_NAME_MAX];
	struct proc *proc;

	copy_path(clean, path, path_len < UNIX_PATH_MAX ? path_len : UNIX_PATH_MAX);
	if (!record->conn_id || record->role > CONN_PAIR)
		return; /* 0 means none; and a recording may say anything */
	if (!conn)
		conn = conn_add(engine, record->conn_id);
	if (!conn)
		return;
	conn->family = record->family;
	conn->type = record->type;
	conn->role = record->role;
	conn->port = record->local_port;
	conn->other_end_id = record->other_end_id;
	conn->last_used_ns = record->head.at_ns;
	if (conn->other_end_id)
		add_other_end(engine, conn);
	if (record->role == CONN_DOWNSTREAM) {
		name_peer(record, clean, name, sizeof(name));
		conn->peer = peer_index(engine, name);
	}
	if (record->family == CONN_UNIX && record->role != CONN_DOWNSTREAM && !conn->unix_path)
		conn->unix_path = strdup(clean);
	if (record->role == CONN_LISTENER && (proc = proc_of(engine, record->tgid)) && !proc->told.port && !proc->told.unix_path[0]) {
		proc->told.port = record->local_port;
		memcpy(proc->told.unix_path, clean, sizeof(clean));
	}
}

/* ---- what waits on a connection --------------------------------------------------------------------------------------------- */

void conn_push_request(struct conn *conn, struct context *request)
{
	if (conn->last_request)
		conn->last_request->next_on_conn = request;
	else
		conn->first_request = request;
	conn->last_request = request;
	conn->request_count++;
	request->conn = conn;
}

void call_enlist(struct call *call, struct context *root)
{
	call->next_in_flight = root->calls_in_flight;
	call->prev_in_flight = &root->calls_in_flight;
	if (call->next_in_flight)
		call->next_in_flight->prev_in_flight = &call->next_in_flight;
	root->calls_in_flight = call;
}

void call_delist(struct call *call)
{
	if (!call->prev_in_flight)
		return;
	*call->prev_in_flight = call->next_in_flight;
	if (call->next_in_flight)
		call->next_in_flight->prev_in_flight = call->prev_in_flight;
	call->prev_in_flight = NULL;
}

struct call *conn_push_call(struct conn *conn, struct context *context, uint64_t now_ns)
{
	struct call *call = calloc(1, sizeof(*call));

	if (!call)
		return NULL;
	idle_ends(conn);
	call->conn = conn;
	call->context = context_get(context);
	call->start_ns = call->write_ns = now_ns;
	call_enlist(call, context_root(context));
	conn->waiting_calls++;
	if (conn->last_call)
		conn->last_call->next = call;
	else
		conn->first_call = call;
	conn->last_call = call;
	return call;
}

void conn_drop_call(struct engine *engine, struct conn *conn, struct call *call)
{
	struct call *before = NULL;

	if (call == conn->first_call)
		conn->first_call = call->next;
	else
		for (before = conn->first_call; before->next != call;)
			before = before->next;
	if (before)
		before->next = call->next;
	if (conn->last_call == call)
		conn->last_call = before;
	conn->waiting_calls--;
	call_delist(call);
	context_put(engine, call->context);
	free(call);
}

/* ---- the end -------------------------------------------------------------------------------------------------------------- */

/*
 * Pipelined: did this request's answer go out in one write with that of the one before, at answered_ns? It did if the connection has ended
 * since. Otherwise it must have been waiting all the time; a timer of its own would look the same.
 */
static bool answered_together(const struct context *request, uint64_t answered_ns, bool ended)
{
	return answered_ns > request->start_ns && (ended || (!request->calls_in_flight && request->last_active_ns <= answered_ns));
}

void conn_tell_answered(struct engine *engine, struct conn *conn, bool ended)
{
	struct context *request;
	uint64_t answered_ns = 0;

	while ((request = conn->first_request)) {
		if (!request->answered) {
			if (!answered_together(request, answered_ns, ended))
				return;
			request->last_write_ns = answered_ns;
			request->ambiguous |= !ended;
		}
		answered_ns = request->last_write_ns;
		if (request->unlinked || request->awaits_call_in || workers_tell_late(engine, request))
			request_hold_back(engine, request);
		else
			request_tell(engine, request);
	}
}

static void end_requests(struct engine *engine, struct conn *conn, uint64_t now_ns)
{
	stream_end(engine, conn, now_ns);
	conn_tell_answered(engine, conn, true);
	while (conn->first_request)
		request_abort(engine, conn->first_request, now_ns);
}

static void end_calls(struct engine *engine, struct conn *conn, uint64_t now_ns)
{
	for (struct call *call; (call = conn->first_call);) {
		struct done_call done = {.start_ns = call->start_ns,
					 .write_ns = call->write_ns,
					 .arrived_ns = now_ns,
					 .connect_ns = call->connect_ns,
					 .peer = conn->peer};

		context_add_call(engine, call->context, &done);
		conn_drop_call(engine, conn, call);
	}
}

void conn_remove(struct engine *engine, struct conn *conn)
{
	handoffs_forget(engine, conn);
	idle_ends(conn);
	context_put(engine, conn->last_closed);
	context_put(engine, conn->answering);
	context_put(engine, conn->reserved);
	idmap_take(&engine->conns, conn->id);
	free(conn->unix_path);
	names_close(engine, conn->correlation);
	free(conn);
}

/* Refused, or given up: the wait was for this peer all the same. */
static void end_connecting(struct engine *engine, struct conn *conn, uint64_t now_ns)
{
	struct done_call done = {.start_ns = conn->connecting_since_ns, .write_ns = now_ns, .arrived_ns = now_ns, .peer = conn->peer};

	if (!conn->connecting)
		return;
	rules_connected(engine, conn, now_ns);
	done.connect_ns = conn->connect_ns;
	context_add_call(engine, conn->reserved, &done);
}

void conn_ended(struct engine *engine, struct conn *conn, uint64_t now_ns)
{
	end_connecting(engine, conn, now_ns);
	end_requests(engine, conn, now_ns);
	end_calls(engine, conn, now_ns);
	conn_remove(engine, conn);
}

static bool tells_its_end(const struct conn *conn)
{
	return conn->type == CONN_STREAM && (conn->family == CONN_INET || conn->family == CONN_INET6);
}

/*
 * Unix sockets, pipes and datagram sockets tell no end: when there are many connections, those long idle are forgotten, with whatever
 * still seems to wait on them. All at once: a resolver alone may make thousands in a second.
 */
void conns_sweep(struct engine *engine, uint64_t now_ns)
{
	struct conn *conn;
	size_t cursor = 0;

	if (engine->conns.count < CONNS_MAX / 2 || now_ns < engine->conns_swept_ns + SWEEP_EVERY_NS)
		return;
	engine->conns_swept_ns = now_ns;
	while ((conn = idmap_next(&engine->conns, &cursor))) {
		if (conn->last_used_ns + IDLE_NS >= now_ns || ((conn->first_request || conn->first_call) && tells_its_end(conn)))
			continue;
		conn_ended(engine, conn, now_ns);
		cursor--; /* another one may have moved into its place */
	}
}
