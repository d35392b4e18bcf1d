/* SPDX-License-Identifier: BSD-2-Clause */
#include "golden/text_fields.h"

#include <string.h>

#define COUNT(array)         (sizeof(array) / sizeof(*(array)))
#define MEMBER(type, member) offsetof(type, member), sizeof(((type *)0)->member)

/* A number, or something of a form of its own. */
#define FIELD(key, part, type, member, form)                                                                                               \
	{                                                                                                                                  \
		key, part, MEMBER(type, member), form, NULL, 0, 0                                                                          \
	}
/* A number, or the bits of one, that has names. */
#define NAMED(key, part, type, member, form, names)                                                                                        \
	{                                                                                                                                  \
		key, part, MEMBER(type, member), form, names, COUNT(names), 0                                                              \
	}

static const char *const flag_names[] = {NULL,      "arrived_coarse", "partial",      "established",
					 "on_core", "peek",           "strand_ended", "strand_doubtful"};
static const char *const wait_names[WAIT_CAUSES] = {
	[WAIT_RUNNABLE] = "runnable", [WAIT_NET] = "net", [WAIT_POLL] = "poll", [WAIT_DISK] = "disk",   [WAIT_LOCK] = "lock",
	[WAIT_SLEEP] = "sleep",       [WAIT_LOG] = "log", [WAIT_PIPE] = "pipe", [WAIT_OTHER] = "other",
};
static const char *const ready_names[READY_CAUSES] = {
	[READY_WAKEUP] = "wakeup", [READY_PREEMPTED] = "preempted", [READY_THROTTLED] = "throttled"};
static const char *const family_names[] = {[CONN_INET] = "inet", [CONN_INET6] = "inet6",     [CONN_UNIX] = "unix",
					   [CONN_PIPE] = "pipe", [CONN_EVENTFD] = "eventfd", [CONN_TIMERFD] = "timerfd"};
static const char *const type_names[] = {[CONN_STREAM] = "stream", [CONN_DATAGRAM] = "datagram"};
static const char *const role_names[] = {
	[CONN_LISTENER] = "listener", [CONN_SERVER] = "server", [CONN_DOWNSTREAM] = "downstream", [CONN_PAIR] = "pair"};
static const char *const conn_state_names[] = {[CONN_UP] = "up", [CONN_ENDED] = "ended"};
static const char *const origin_names[] = {[THREAD_FOUND] = "found", [THREAD_FORKED] = "forked", [THREAD_EXECED] = "execed"};
static const char *const runtime_names[RUNTIMES] = {
	[RUNTIME_NATIVE] = "native", [RUNTIME_GO] = "go",         [RUNTIME_NODE] = "node",
	[RUNTIME_JVM] = "jvm",       [RUNTIME_PYTHON] = "python", [RUNTIME_RUST] = "rust",
};
static const char *const protocol_names[] = {
	[WIRE_UNKNOWN] = "unknown", [WIRE_HTTP1] = "http1", [WIRE_HTTP2] = "http2", [WIRE_TLS] = "tls"};

static const char *const stream_names[WIRE_STREAMS] = {
	[WIRE_NO_STREAM] = "none", [WIRE_UPGRADED] = "upgraded", [WIRE_WEBSOCKET] = "websocket",
	[WIRE_TUNNEL] = "tunnel",  [WIRE_EVENTS] = "events",
};

static const char *const io_op_names[IO_OPS] = {
	[IO_READ] = "read",       [IO_WRITE] = "write",       [IO_ACCEPT] = "accept",
	[IO_CONNECT] = "connect", [IO_SHUTDOWN] = "shutdown", [IO_POLL] = "poll",
};

static const char *const strand_op_names[STRAND_OPS] = {
	[STRAND_RUNS] = "runs", [STRAND_MADE] = "made", [STRAND_WOKEN] = "woken", [STRAND_QUEUES] = "queues"};

static const char *const futex_op_names[FUTEX_OPS] = {[FUTEX_WOKEN] = "woken", [FUTEX_WOKE] = "woke"};

const struct field head_fields[] = {
	FIELD("tid", PART_RECORD, struct record_head, tid, FORM_UNSIGNED),
	NAMED("flags", PART_RECORD, struct record_head, flags, FORM_BITS, flag_names),
	{NULL},
};

static const struct field span_fields[] = {
	FIELD("conn", PART_RECORD, struct record, conn_id, FORM_UNSIGNED),
	FIELD("fd", PART_RECORD, struct record, fd, FORM_SIGNED),
	FIELD("result", PART_RECORD, struct record, result, FORM_SIGNED),
	FIELD("core", PART_RECORD, struct record, core_ns, FORM_UNSIGNED),
	FIELD("arrived", PART_RECORD, struct record, arrived_ns, FORM_TIME),
	FIELD("epoll_at", PART_RECORD, struct record, epoll_at_ns, FORM_TIME),
	FIELD("epoll_fd", PART_RECORD, struct record, epoll_fd, FORM_SIGNED),
	FIELD("epoll_events", PART_RECORD, struct record, epoll_events, FORM_UNSIGNED),
	{NULL},
};

const struct field window_fields[] = {
	FIELD("off", PART_WINDOW, struct window, off_at_ns, FORM_TIME),
	FIELD("on", PART_WINDOW, struct window, on_at_ns, FORM_TIME),
	FIELD("ready", PART_WINDOW, struct window, ready_ns, FORM_UNSIGNED),
	FIELD("stolen", PART_WINDOW, struct window, stolen_ns, FORM_UNSIGNED),
	FIELD("voluntary", PART_WINDOW, struct window, voluntary, FORM_UNSIGNED),
	FIELD("involuntary", PART_WINDOW, struct window, involuntary, FORM_UNSIGNED),
	NAMED("cause", PART_WINDOW, struct window, cause, FORM_NAME, wait_names),
	NAMED("ready_cause", PART_WINDOW, struct window, ready_cause, FORM_NAME, ready_names),
	{NULL},
};

static const struct field strand_fields[] = {
	FIELD("strand", PART_RECORD, struct record, strand_id, FORM_UNSIGNED),
	FIELD("parent", PART_RECORD, struct record, parent_strand_id, FORM_UNSIGNED),
	NAMED("left", PART_RECORD, struct record, result, FORM_NAME, wait_names),
	FIELD("core", PART_RECORD, struct record, core_ns, FORM_UNSIGNED),
	FIELD("epoll_at", PART_RECORD, struct record, epoll_at_ns, FORM_TIME),
	FIELD("epoll_fd", PART_RECORD, struct record, epoll_fd, FORM_SIGNED),
	FIELD("epoll_events", PART_RECORD, struct record, epoll_events, FORM_UNSIGNED),
	{NULL},
};

static const struct field futex_fields[] = {
	FIELD("futex", PART_RECORD, struct record, futex_at, FORM_UNSIGNED),
	FIELD("result", PART_RECORD, struct record, result, FORM_SIGNED),
	FIELD("core", PART_RECORD, struct record, core_ns, FORM_UNSIGNED),
	FIELD("epoll_at", PART_RECORD, struct record, epoll_at_ns, FORM_TIME),
	FIELD("epoll_fd", PART_RECORD, struct record, epoll_fd, FORM_SIGNED),
	FIELD("epoll_events", PART_RECORD, struct record, epoll_events, FORM_UNSIGNED),
	{NULL},
};

static const struct field conn_fields[] = {
	FIELD("conn", PART_RECORD, struct record_conn, conn_id, FORM_UNSIGNED),
	FIELD("tgid", PART_RECORD, struct record_conn, tgid, FORM_UNSIGNED),
	NAMED("family", PART_RECORD, struct record_conn, family, FORM_NAME, family_names),
	NAMED("type", PART_RECORD, struct record_conn, type, FORM_NAME, type_names),
	NAMED("role", PART_RECORD, struct record_conn, role, FORM_NAME, role_names),
	{"local", PART_RECORD, MEMBER(struct record_conn, local_addr), FORM_ADDRESS, NULL, 0, offsetof(struct record_conn, local_port)},
	{"remote", PART_RECORD, MEMBER(struct record_conn, remote_addr), FORM_ADDRESS, NULL, 0, offsetof(struct record_conn, remote_port)},
	FIELD("other_end", PART_RECORD, struct record_conn, other_end_id, FORM_UNSIGNED),
	{NULL},
};

static const struct field messages_fields[] = {
	FIELD("conn", PART_RECORD, struct record_messages, conn_id, FORM_UNSIGNED),
	FIELD("length", PART_RECORD, struct record_messages, length, FORM_UNSIGNED),
	FIELD("until", PART_RECORD, struct record_messages, until, FORM_UNSIGNED),
	{NULL},
};

static const struct field conn_state_fields[] = {
	FIELD("conn", PART_RECORD, struct record_conn_state, conn_id, FORM_UNSIGNED),
	NAMED("state", PART_RECORD, struct record_conn_state, state, FORM_NAME, conn_state_names),
	{NULL},
};

static const struct field thread_fields[] = {
	FIELD("tgid", PART_RECORD, struct record_thread, tgid, FORM_UNSIGNED),
	FIELD("parent", PART_RECORD, struct record_thread, parent_tid, FORM_UNSIGNED),
	NAMED("origin", PART_RECORD, struct record_thread, origin, FORM_NAME, origin_names),
	FIELD("comm", PART_RECORD, struct record_thread, comm, FORM_COMM),
	{NULL},
};

static const struct field process_fields[] = {
	NAMED("runtime", PART_RECORD, struct record_process, runtime, FORM_NAME, runtime_names),
	FIELD("comm", PART_RECORD, struct record_process, comm, FORM_COMM),
	{NULL},
};

static const struct field no_fields[] = {{NULL}};

const struct field note_fields[] = {
	NAMED("protocol", PART_NOTE, struct wire_note, protocol, FORM_NAME, protocol_names),
	FIELD("begun", PART_NOTE, struct wire_note, begun, FORM_UNSIGNED),
	FIELD("late_line", PART_NOTE, struct wire_note, late_line, FORM_UNSIGNED),
	FIELD("handshake", PART_NOTE, struct wire_note, handshake, FORM_UNSIGNED),
	NAMED("stream", PART_NOTE, struct wire_note, stream, FORM_NAME, stream_names),
	FIELD("stream_ends", PART_NOTE, struct wire_note, stream_ends, FORM_UNSIGNED),
	FIELD("status", PART_NOTE, struct wire_note, status, FORM_UNSIGNED),
	{NULL},
};

const struct record_form record_forms[RECORD_KINDS] = {
	[RECORD_IO] = {"io", span_fields},
	[RECORD_EPOLL] = {"epoll", span_fields},
	[RECORD_WINDOW] = {"window", span_fields},
	[RECORD_THREAD_EXIT] = {"thread_exit", span_fields},
	[RECORD_SNAPSHOT] = {"snapshot", span_fields},
	[RECORD_THREAD] = {"thread", thread_fields},
	[RECORD_CONN] = {"conn", conn_fields},
	[RECORD_CONN_STATE] = {"conn_state", conn_state_fields},
	[RECORD_PROCESS] = {"process", process_fields},
	[RECORD_TICK] = {"tick", no_fields},
	[RECORD_STRAND] = {"strand", strand_fields},
	[RECORD_FUTEX] = {"futex", futex_fields},
	[RECORD_MESSAGES] = {"messages", messages_fields},
};

/* Of a kind of record that has ops. */
static const struct op_form {
	const char *const *names;
	size_t count;
} op_forms[RECORD_KINDS] = {
	[RECORD_IO] = {io_op_names, IO_OPS},
	[RECORD_STRAND] = {strand_op_names, STRAND_OPS},
	[RECORD_FUTEX] = {futex_op_names, FUTEX_OPS},
	[RECORD_MESSAGES] = {io_op_names, IO_OPS},
};

size_t op_names(uint8_t kind, const char *const **names)
{
	*names = op_forms[kind].names;
	return op_forms[kind].count;
}

const char *payload_key(uint8_t kind)
{
	return kind == RECORD_CONN ? "path" : "payload";
}

uint64_t field_get(const struct field *field, const void *part)
{
	uint64_t value = 0;

	memcpy(&value, (const char *)part + field->offset, field->size);
	if (field->form == FORM_SIGNED && field->size == sizeof(int32_t))
		value = (uint64_t)(int64_t)(int32_t)value;
	return value;
}

void field_set(const struct field *field, void *part, uint64_t value)
{
	memcpy((char *)part + field->offset, &value, field->size);
}

bool field_fits(const struct field *field, uint64_t value)
{
	if (field->form == FORM_SIGNED)
		return (int64_t)value >= INT32_MIN && (int64_t)value <= INT32_MAX;
	return field->size == sizeof(value) || value >> (8 * field->size) == 0;
}
