/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One event of each kind, written to a file of the test's own, for the tests of the recording file.
 * To be included behind cmocka.h.
 * Never: a byte that the reader or writer has made.
 */
#ifndef TEST_FIXTURE_RECORDING_H
#define TEST_FIXTURE_RECORDING_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "record/format.h"
#include "record/recording.h"

static char path[64];

static inline int make_path(void **state)
{
	(void)state;
	strcpy(path, "/tmp/test-recording.XXXXXX");
	return close(mkstemp(path));
}

static inline int remove_path(void **state)
{
	(void)state;
	return unlink(path);
}

static inline struct recording_info some_info(bool has_payload)
{
	return (struct recording_info){
		.unix_offset_ns = 1700000000000000000ull,
		.start_ns = 1000,
		.cores = 2,
		.has_payload = has_payload,
		.kernel = "6.1.0-test",
		.arch = "x86_64",
		.tool_version = "0.0.1",
	};
}

/* A record of any kind, in one aligned buffer. */
struct sample {
	_Alignas(8) uint8_t bytes[RECORD_SIZE_MAX];
	size_t size;
};

static inline struct sample make_sample(uint8_t kind, uint8_t flags, const char *payload)
{
	struct sample sample = {.size = record_fixed_size(kind, flags)};
	struct record_head *head = (struct record_head *)sample.bytes;

	/* A pattern in every byte of the body that may hold any. */
	for (size_t i = sizeof(*head); i < sample.size; i++)
		sample.bytes[i] = (uint8_t)(i * 7 + kind);
	head->at_ns = 1000 + kind;
	head->tid = 42;
	head->kind = kind;
	head->op = kind == RECORD_IO ? IO_READ : 0;
	head->flags = flags;
	head->payload_len = (uint8_t)strlen(payload);
	memcpy(sample.bytes + sample.size, payload, strlen(payload));
	sample.size += strlen(payload);
	return sample;
}

static inline struct sample make_span(uint8_t kind, uint8_t flags, const char *payload)
{
	struct sample sample = make_sample(kind, flags, payload);
	struct window *window = (struct window *)(sample.bytes + sizeof(struct record));

	if (flags & RECORD_HAS_WINDOW) {
		window->cause = WAIT_POLL;
		window->ready_cause = READY_PREEMPTED;
	}
	return sample;
}

static inline struct sample make_conn(const char *unix_path)
{
	struct sample sample = make_sample(RECORD_CONN, 0, unix_path);
	struct record_conn *conn = (struct record_conn *)sample.bytes;

	conn->family = CONN_UNIX;
	conn->type = CONN_STREAM;
	conn->role = CONN_SERVER;
	return sample;
}

static inline struct sample make_thread(void)
{
	struct sample sample = make_sample(RECORD_THREAD, 0, "");
	struct record_thread *thread = (struct record_thread *)sample.bytes;

	thread->origin = THREAD_FORKED;
	memcpy(thread->comm, "worker", 7);
	thread->comm[COMM_MAX - 1] = 0;
	return sample;
}

static inline struct sample make_process(void)
{
	struct sample sample = make_sample(RECORD_PROCESS, 0, "");
	struct record_process *process = (struct record_process *)sample.bytes;

	process->runtime = RUNTIME_GO;
	memcpy(process->comm, "server", 7);
	return sample;
}

static inline struct sample make_futex(void)
{
	struct sample sample = make_span(RECORD_FUTEX, RECORD_HAS_WINDOW, "");
	struct record *record = (struct record *)sample.bytes;

	record->head.op = FUTEX_WOKEN;
	record->result = 0;
	return sample;
}

/* So many at once as no wait has causes: what a result means, the operation says. */
static inline struct sample make_strands(void)
{
	struct sample sample = make_span(RECORD_STRAND, 0, "");
	struct record *record = (struct record *)sample.bytes;

	record->head.op = STRAND_MADE;
	record->result = 300;
	return sample;
}

/* Its payload has a length of its own. */
static inline struct sample make_messages(uint8_t arrivals)
{
	static const char answers[] = "R s3cret ok\nR 18 ok\n";
	struct sample sample = make_sample(RECORD_MESSAGES, arrivals, answers);
	struct record_messages *record = (struct record_messages *)sample.bytes;

	record->head.op = IO_READ;
	record->head.payload_len = 0;
	record->prefix_len = (uint16_t)strlen(answers);
	return sample;
}

static inline struct event decode(const struct sample *sample)
{
	struct event event;

	assert_int_equal(event_decode(&event, sample->bytes, sample->size), 0);
	return event;
}

#define SAMPLES 14

/* One of each kind, of messages one with some arrivals, few, and all; the read carries a payload and the note that was made of it. */
static inline void make_samples(struct sample samples[SAMPLES], struct event events[SAMPLES])
{
	samples[0] = make_span(RECORD_IO, RECORD_HAS_WINDOW, "GET /a?token=s3cret HTTP/1.1\r\nCookie: s3cret\r\n");
	samples[1] = make_span(RECORD_EPOLL, 0, "");
	samples[2] = make_span(RECORD_WINDOW, RECORD_HAS_WINDOW, "");
	samples[3] = make_span(RECORD_THREAD_EXIT, 0, "");
	samples[4] = make_span(RECORD_SNAPSHOT, RECORD_HAS_WINDOW | RECORD_ON_CORE, "");
	samples[5] = make_thread();
	samples[6] = make_conn("/run/app.sock");
	samples[7] = make_process();
	samples[8] = make_sample(RECORD_TICK, 0, "");
	samples[9] = make_futex();
	samples[10] = make_strands();
	samples[11] = make_messages(RECORD_SOME_ARRIVALS);
	samples[12] = make_messages(RECORD_FEW_ARRIVALS);
	samples[13] = make_messages(RECORD_ALL_ARRIVALS);
	for (int i = 0; i < SAMPLES; i++)
		events[i] = decode(&samples[i]);
	events[0].note = (struct wire_note){
		.protocol = WIRE_HTTP1,
		.begun = 2,
		.line_count = 2,
		.late_line = true,
		.status = 204,
		.lines = {{.method = "GET", .target = "/a", .method_len = 3, .target_len = 2},
			  {.method = "POST", .target = "/long", .method_len = 4, .target_len = 5, .cut = true}},
	};
	events[2].note = (struct wire_note){.protocol = WIRE_TLS, .handshake = true, .stream = WIRE_WEBSOCKET, .stream_ends = true};
	events[11].note = (struct wire_note){
		.message_count = 2,
		.messages = {{.at = 0, .token_count = 1, .tokens = {1}}, {.at = 12, .token_count = 3, .tokens = {1, 2, 3}}},
	};
}

static const struct recording_trailer some_trailer = {
	.end_ns = 5000,
	.tool_kernel_ns = 11,
	.tool_user_cpu_ns = 12,
	.loss_count = 2,
	.losses = {{"records", 3}, {"connection_roles", 4}},
};

static inline void write_samples(bool has_payload, const struct recording_trailer *trailer)
{
	struct recording_info info = some_info(has_payload);
	struct sample samples[SAMPLES];
	struct event events[SAMPLES];
	struct recording_writer *writer = recording_create(path, &info);

	assert_non_null(writer);
	make_samples(samples, events);
	for (int i = 0; i < SAMPLES; i++)
		assert_int_equal(recording_write(writer, &events[i]), 0);
	assert_int_equal(recording_close(writer, trailer), 0);
}

static inline uint8_t *read_file(size_t *size)
{
	FILE *file = fopen(path, "r");
	uint8_t *bytes = malloc(1 << 20);

	assert_non_null(file);
	*size = fread(bytes, 1, 1 << 20, file);
	fclose(file);
	return bytes;
}

static inline void write_file(const uint8_t *bytes, size_t size)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, size, file), size);
	fclose(file);
}

/* Reads what there is; the number of events before the end, whose kind is in *end. −1: it did not open, *end has the −errno. */
static inline int count_events(int *end)
{
	struct recording_info info;
	struct event_source *source = recording_open(path, &info);
	struct event event;
	int count = 0;

	if (!source) {
		*end = -errno;
		return -1;
	}
	while ((*end = source->next(source, &event)) == 1)
		count++;
	assert_int_equal(source->next(source, &event), *end);
	source->close(source);
	return count;
}

#endif
