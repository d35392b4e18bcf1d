/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Feeds the engine by hand: one short call a record, times in µs. Every told request is checked for closure and kept.
 * Used by tests/unit/test_engine_*.c.
 */
#ifndef ENGINE_SCRIPT_H
#define ENGINE_SCRIPT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "engine/engine.h"

#define US       1000ull
#define TOLD_MAX 64

/* What tests look at, in µs. */
struct told {
	char id[REQUEST_ID_MAX];
	char line[128];
	char culprit[128];
	uint64_t wall, state[STATES], ready[READY_PARTS], cpu_time, after, ttfb, culprit_us;
	uint64_t call_count, peer_union;
	struct {
		char line[64];
		uint64_t wait;
	} locks[4]; /* by their holders */
	size_t lock_count;
	uint32_t voluntary, involuntary;
	uint16_t status;
	bool ambiguous, aborted;
	enum wire_stream opens;
};

/* Sums of what was told of one stream, times in µs. */
struct streamed {
	char id[REQUEST_ID_MAX];
	char line[128];
	enum wire_stream kind;
	uint64_t lasted, reads, writes, read_bytes, written_bytes, cpu;
	bool ended;
};

#define STREAMS_MAX 8

struct script {
	struct engine *engine;
	struct told told[TOLD_MAX];
	size_t count;
	struct streamed streams[STREAMS_MAX];
	size_t stream_count;
	uint64_t charged_us; /* core time less stolen time, of all spans closed so far */
	struct {
		uint32_t tid;
		uint64_t span_start_us;
	} threads[16];
};

/* What a record carries beside its kind; all zero: nothing. */
struct with {
	uint64_t off, on, ready, stolen, stolen_after; /* a window, if on > 0 */
	uint16_t core;                                 /* that the window left, counted from 1; of a snapshot without one: that it is on */
	enum wait_cause cause;
	uint64_t epoll; /* an epoll return at this time, with `events` */
	uint32_t events;
	int32_t epoll_fd;
	uint64_t arrived;
	uint8_t flags;
	const char *line; /* "GET /x": a request begins here, and its line is complete */
	uint8_t begun;    /* more of them, without lines */
	uint16_t status;
	uint8_t protocol;        /* 0: HTTP/1 */
	enum wire_stream stream; /* with this response the connection becomes one */
	bool stream_ends;
	enum wait_cause left;
	uint64_t parent; /* of a strand */
};

static inline void script_check(const struct request *request)
{
	uint64_t sum = 0, parts = 0, locks = 0, at = request->start_ns;

	for (int i = 0; i < STATES; i++)
		sum += request->state_ns[i];
	assert_int_equal(sum, request->end_ns - request->start_ns);
	for (int i = 0; i < READY_PARTS; i++)
		parts += request->ready_ns[i];
	assert_int_equal(parts, request->state_ns[STATE_READY]);
	for (size_t i = 0; i < request->lock_count; i++)
		locks += request->locks[i].wait_ns;
	assert_true(locks <= request->state_ns[STATE_LOCK]);
	for (size_t i = 0; i < request->stretch_count; i++) {
		assert_int_equal(request->stretches[i].start_ns, at);
		at = request->stretches[i].end_ns;
	}
	assert_int_equal(at, request->end_ns);
}

static inline void script_on_request(void *context, const struct request *request)
{
	struct script *script = context;
	struct told *told = &script->told[script->count++];

	assert_true(script->count <= TOLD_MAX);
	script_check(request);
	memcpy(told->id, request->id, sizeof(told->id));
	if (request->method)
		snprintf(told->line, sizeof(told->line), "%s %s", request->method, request->target);
	if (request->culprit_method)
		snprintf(told->culprit, sizeof(told->culprit), "%s %s", request->culprit_method, request->culprit_target);
	told->wall = (request->end_ns - request->start_ns) / US;
	for (int i = 0; i < STATES; i++)
		told->state[i] = request->state_ns[i] / US;
	for (int i = 0; i < READY_PARTS; i++)
		told->ready[i] = request->ready_ns[i] / US;
	told->cpu_time = request->cpu_time_ns / US;
	told->after = request->after_response_cpu_ns / US;
	told->ttfb = request->ttfb_ns / US;
	told->culprit_us = request->culprit_ns / US;
	told->call_count = request->call_count;
	for (size_t i = 0; i < request->peer_count; i++)
		told->peer_union += request->peers[i].net_union_ns / US;
	assert_true(request->lock_count <= 4);
	told->lock_count = request->lock_count;
	for (size_t i = 0; i < request->lock_count; i++) {
		const struct request_lock *lock = &request->locks[i];

		snprintf(told->locks[i].line, sizeof(told->locks[i].line), "%s %s", lock->method, lock->target);
		told->locks[i].wait = lock->wait_ns / US;
	}
	told->voluntary = request->voluntary_switches;
	told->involuntary = request->involuntary_switches;
	told->status = request->status;
	told->ambiguous = request->ambiguous;
	told->aborted = request->aborted;
	told->opens = request->opens;
}

static inline struct streamed *script_stream(struct script *script, const char *id)
{
	for (size_t i = 0; i < script->stream_count; i++)
		if (strcmp(script->streams[i].id, id) == 0)
			return &script->streams[i];
	assert_true(script->stream_count < STREAMS_MAX);
	memcpy(script->streams[script->stream_count].id, id, REQUEST_ID_MAX);
	return &script->streams[script->stream_count++];
}

static inline void script_on_stream(void *context, const struct stream *stream)
{
	struct streamed *streamed = script_stream(context, stream->opener->id);

	assert_false(streamed->ended);
	if (stream->opener->method)
		snprintf(streamed->line, sizeof(streamed->line), "%s %s", stream->opener->method, stream->opener->target);
	streamed->kind = stream->kind;
	streamed->lasted = stream->lasted_ns / US;
	streamed->reads += stream->reads;
	streamed->writes += stream->writes;
	streamed->read_bytes += stream->read_bytes;
	streamed->written_bytes += stream->written_bytes;
	streamed->cpu += stream->cpu_ns / US;
	streamed->ended = stream->ended;
}

static inline struct script *script_open(void)
{
	struct script *script = calloc(1, sizeof(*script));

	script->engine = engine_open(&(struct engine_sink){script, script_on_request, script_on_stream});
	assert_non_null(script->engine);
	return script;
}

static inline void script_feed(struct script *script, const void *record, size_t size, const struct wire_note *note)
{
	struct event event;

	assert_int_equal(event_decode(&event, record, size), 0);
	if (note)
		event.note = *note;
	assert_int_equal(engine_handle(script->engine, &event), 0);
}

static inline uint64_t *script_span_start(struct script *script, uint32_t tid)
{
	for (size_t i = 0; i < 16; i++)
		if (script->threads[i].tid == tid || !script->threads[i].tid) {
			script->threads[i].tid = tid;
			return &script->threads[i].span_start_us;
		}
	abort();
}

static inline void script_thread(struct script *script, uint64_t at, uint32_t tid, uint32_t tgid, enum thread_origin origin)
{
	struct record_thread record = {.head = {.at_ns = at * US, .tid = tid, .kind = RECORD_THREAD},
				       .tgid = tgid,
				       .parent_tid = tgid,
				       .origin = (uint8_t)origin,
				       .comm = "server"};

	*script_span_start(script, tid) = at;
	script_feed(script, &record, sizeof(record), NULL);
}

static inline void script_runtime(struct script *script, uint32_t tgid, enum runtime runtime)
{
	struct record_process record = {.head = {.tid = tgid, .kind = RECORD_PROCESS}, .runtime = (uint8_t)runtime, .comm = "server"};

	script_feed(script, &record, sizeof(record), NULL);
}

static inline void script_conn_of_type(struct script *script, uint64_t id, enum conn_role role, uint16_t port, enum conn_type type)
{
	struct record_conn record = {.head = {.kind = RECORD_CONN},
				     .conn_id = id,
				     .tgid = 1,
				     .family = CONN_INET,
				     .type = (uint8_t)type,
				     .role = (uint8_t)role,
				     .local_addr = {127, 0, 0, 1},
				     .remote_addr = {127, 0, 0, 1}};

	if (role == CONN_DOWNSTREAM)
		record.remote_port = port;
	else
		record.local_port = port;
	if (role == CONN_PAIR)
		record.family = CONN_EVENTFD;
	script_feed(script, &record, sizeof(record), NULL);
}

static inline void script_conn(struct script *script, uint64_t id, enum conn_role role, uint16_t port)
{
	script_conn_of_type(script, id, role, port, CONN_STREAM);
}

/* The two ends of a socketpair. */
static inline void script_socketpair(struct script *script, uint64_t id, uint64_t other_id)
{
	struct record_conn record = {.head = {.kind = RECORD_CONN}, .family = CONN_UNIX, .type = CONN_STREAM, .role = CONN_PAIR};

	record.conn_id = id;
	record.other_end_id = (uint32_t)other_id;
	script_feed(script, &record, sizeof(record), NULL);
	record.conn_id = other_id;
	record.other_end_id = (uint32_t)id;
	script_feed(script, &record, sizeof(record), NULL);
}

static inline void script_conn_ended(struct script *script, uint64_t at, uint64_t id)
{
	struct record_conn_state record = {.head = {.at_ns = at * US, .kind = RECORD_CONN_STATE}, .conn_id = id, .state = CONN_ENDED};

	script_feed(script, &record, sizeof(record), NULL);
}

static inline void script_note(struct wire_note *note, const struct with *with)
{
	note->protocol = with->protocol ? with->protocol : WIRE_HTTP1;
	note->begun = (uint8_t)(with->begun + (with->line != NULL));
	note->status = with->status;
	note->stream = with->stream;
	note->stream_ends = with->stream_ends;
	if (with->line) {
		const char *space = strchr(with->line, ' ');

		note->line_count = 1;
		note->lines[0] = (struct wire_line){.method = with->line,
						    .method_len = (uint16_t)(space - with->line),
						    .target = space + 1,
						    .target_len = (uint16_t)strlen(space + 1)};
	}
}

static inline void script_span(struct script *script, uint64_t at, uint32_t tid, uint8_t kind, uint8_t op, uint64_t conn, int32_t result,
			       struct with with)
{
	struct {
		struct record record;
		struct window window;
	} bytes = {.record = {.head = {.at_ns = at * US, .tid = tid, .kind = kind, .op = op, .flags = with.flags},
			      .conn_id = conn,
			      .result = result,
			      .arrived_ns = with.arrived * US,
			      .epoll_at_ns = with.epoll * US,
			      .epoll_events = with.events,
			      .epoll_fd = with.epoll_fd}};
	uint64_t *start = script_span_start(script, tid), core = at - *start;
	struct wire_note note = {0};
	size_t size = sizeof(bytes.record);

	script_note(&note, &with);
	if (with.on) {
		core -= with.on - with.off;
		bytes.record.head.flags |= RECORD_HAS_WINDOW;
		bytes.window = (struct window){.off_at_ns = with.off * US,
					       .on_at_ns = with.on * US,
					       .ready_ns = with.ready * US,
					       .stolen_ns = with.stolen * US,
					       .stolen_after_ns = (uint32_t)(with.stolen_after * US),
					       .voluntary = with.cause != WAIT_RUNNABLE,
					       .involuntary = with.cause == WAIT_RUNNABLE,
					       .core = with.core,
					       .cause = (uint8_t)with.cause,
					       .ready_cause = with.cause == WAIT_RUNNABLE ? READY_PREEMPTED : READY_WAKEUP};
		size += sizeof(bytes.window);
	}
	if (kind == RECORD_SNAPSHOT && !with.on)
		bytes.record.core = with.core;
	if (kind == RECORD_STRAND) {
		bytes.record.result = with.left;
		bytes.record.parent_strand_id = with.parent;
	}
	bytes.record.core_ns = core * US;
	if (kind != RECORD_SNAPSHOT) {
		script->charged_us += core - with.stolen - with.stolen_after;
		*start = at;
	}
	script_feed(script, &bytes, size, &note);
}

/* Of a thread that slept in epoll from `since` to `until`, which returned so many events; something came then that it reads now. */
#define POLLED(since, until, count) .off = (since), .on = (until), .cause = WAIT_POLL, .epoll = (until) + 5, .events = (count)
#define SLEPT(since, came, count)   POLLED(since, came, count), .arrived = (came)

#define READ(script, at, tid, conn, ...) script_span(script, at, tid, RECORD_IO, IO_READ, conn, 64, (struct with){__VA_ARGS__})
#define READ_BYTES(script, at, tid, conn, bytes, ...)                                                                                      \
	script_span(script, at, tid, RECORD_IO, IO_READ, conn, bytes, (struct with){__VA_ARGS__})
#define READ_LONG(script, at, tid, conn, ...)    script_span(script, at, tid, RECORD_IO, IO_READ, conn, 640, (struct with){__VA_ARGS__})
#define WRITE(script, at, tid, conn, ...)        script_span(script, at, tid, RECORD_IO, IO_WRITE, conn, 64, (struct with){__VA_ARGS__})
#define READ_NOTHING(script, at, tid, conn, ...) script_span(script, at, tid, RECORD_IO, IO_READ, conn, -11, (struct with){__VA_ARGS__})
#define WINDOW(script, at, tid, ...)             script_span(script, at, tid, RECORD_WINDOW, 0, 0, 0, (struct with){__VA_ARGS__})
#define SNAPSHOT(script, at, tid, ...)           script_span(script, at, tid, RECORD_SNAPSHOT, 0, 0, 0, (struct with){__VA_ARGS__})

/* The thread was woken in a futex, after the window in which it was blocked; it woke so many. */
#define FUTEX_WAITED(script, at, tid, futex, ...)                                                                                          \
	script_span(script, at, tid, RECORD_FUTEX, FUTEX_WOKEN, futex, 0, (struct with){__VA_ARGS__})
#define FUTEX_WAKES(script, at, tid, futex, count, ...)                                                                                    \
	script_span(script, at, tid, RECORD_FUTEX, FUTEX_WOKE, futex, count, (struct with){__VA_ARGS__})

/* `id` runs on the thread now (0: none does); the thread's strand makes it; it leaves a write to its loop; `id` is woken. */
#define RUNS(script, at, tid, id, ...)     script_span(script, at, tid, RECORD_STRAND, STRAND_RUNS, id, 0, (struct with){__VA_ARGS__})
#define MADE(script, at, tid, id, ...)     script_span(script, at, tid, RECORD_STRAND, STRAND_MADE, id, 0, (struct with){__VA_ARGS__})
#define QUEUES(script, at, tid, conn, ...) script_span(script, at, tid, RECORD_STRAND, STRAND_QUEUES, conn, 0, (struct with){__VA_ARGS__})
#define WOKEN(script, at, tid, id, ...)    script_span(script, at, tid, RECORD_STRAND, STRAND_WOKEN, id, 0, (struct with){__VA_ARGS__})

static inline void script_tick(struct script *script, uint64_t at)
{
	struct record_head head = {.at_ns = at * US, .kind = RECORD_TICK};

	script_feed(script, &head, sizeof(head), NULL);
}

/* Of the requests that were told; those that opened streams are none. */
static inline uint64_t script_ambiguous(const struct script *script)
{
	uint64_t count = 0;

	for (size_t i = 0; i < script->count; i++)
		count += script->told[i].ambiguous && !script->told[i].opens;
	return count;
}

/* Ends the trace; CPU must be conserved to the last ns: what the spans held is what the processes' parts hold. */
static inline struct process script_finish(struct script *script)
{
	struct process *processes, sum = {0};
	size_t count;

	engine_finish(script->engine);
	count = engine_processes(script->engine, NULL, 0);
	processes = calloc(count + 1, sizeof(*processes));
	assert_non_null(processes);
	engine_processes(script->engine, processes, count);
	for (size_t i = 0; i < count; i++) {
		sum.cpu_ns += processes[i].cpu_ns;
		sum.request_cpu_ns += processes[i].request_cpu_ns;
		sum.after_response_cpu_ns += processes[i].after_response_cpu_ns;
		sum.runtime_cpu_ns += processes[i].runtime_cpu_ns;
		sum.background_cpu_ns += processes[i].background_cpu_ns;
		sum.setup_cpu_ns += processes[i].setup_cpu_ns;
		sum.stream_cpu_ns += processes[i].stream_cpu_ns;
		sum.unattributed_cpu_ns += processes[i].unattributed_cpu_ns;
		sum.ambiguous_requests += processes[i].ambiguous_requests;
		sum.strands_told |= processes[i].strands_told;
		sum.voluntary_switches += processes[i].voluntary_switches;
		sum.involuntary_switches += processes[i].involuntary_switches;
	}
	sum.model = count ? processes[0].model : NULL;
	free(processes);
	assert_int_equal(sum.cpu_ns, script->charged_us * US);
	assert_int_equal(sum.ambiguous_requests, script_ambiguous(script));
	return sum;
}

/* The request with this line, which must have been told. */
static inline const struct told *told_of(const struct script *script, const char *line)
{
	for (size_t i = 0; i < script->count; i++)
		if (strcmp(script->told[i].line, line) == 0)
			return &script->told[i];
	fail_msg("%s was not told", line);
	return NULL;
}

static inline void script_close(struct script *script)
{
	engine_close(script->engine);
	free(script);
}

#endif
