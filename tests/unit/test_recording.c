/* SPDX-License-Identifier: BSD-2-Clause */
/* The recording file: what goes in comes out, what must not go in does not, and no damaged file does harm. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "record/format.h"
#include "record/recording.h"

static char path[64];

static int make_path(void **state)
{
	(void)state;
	strcpy(path, "/tmp/test-recording.XXXXXX");
	return close(mkstemp(path));
}

static int remove_path(void **state)
{
	(void)state;
	return unlink(path);
}

static struct recording_info some_info(bool has_payload)
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

static struct sample make_sample(uint8_t kind, uint8_t flags, const char *payload)
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

static struct sample make_span(uint8_t kind, uint8_t flags, const char *payload)
{
	struct sample sample = make_sample(kind, flags, payload);
	struct window *window = (struct window *)(sample.bytes + sizeof(struct record));

	if (flags & RECORD_HAS_WINDOW) {
		window->cause = WAIT_POLL;
		window->ready_cause = READY_PREEMPTED;
	}
	return sample;
}

static struct sample make_conn(const char *unix_path)
{
	struct sample sample = make_sample(RECORD_CONN, 0, unix_path);
	struct record_conn *conn = (struct record_conn *)sample.bytes;

	conn->family = CONN_UNIX;
	conn->type = CONN_STREAM;
	conn->role = CONN_SERVER;
	return sample;
}

static struct sample make_thread(void)
{
	struct sample sample = make_sample(RECORD_THREAD, 0, "");
	struct record_thread *thread = (struct record_thread *)sample.bytes;

	thread->origin = THREAD_FORKED;
	memcpy(thread->comm, "worker", 7);
	thread->comm[COMM_MAX - 1] = 0;
	return sample;
}

static struct sample make_process(void)
{
	struct sample sample = make_sample(RECORD_PROCESS, 0, "");
	struct record_process *process = (struct record_process *)sample.bytes;

	process->runtime = RUNTIME_GO;
	memcpy(process->comm, "server", 7);
	return sample;
}

static struct event decode(const struct sample *sample)
{
	struct event event;

	assert_int_equal(event_decode(&event, sample->bytes, sample->size), 0);
	return event;
}

#define SAMPLES 9

/* One of each kind; the read carries a payload and the note that was made of it. */
static void make_samples(struct sample samples[SAMPLES], struct event events[SAMPLES])
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
	events[2].note = (struct wire_note){.protocol = WIRE_TLS, .handshake = true, .upgraded = true};
}

static const struct recording_trailer some_trailer = {
	.end_ns = 5000,
	.tool_kernel_ns = 11,
	.tool_user_cpu_ns = 12,
	.loss_count = 2,
	.losses = {{"records", 3}, {"connections", 4}},
};

static void write_samples(bool has_payload, const struct recording_trailer *trailer)
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

static uint8_t *read_file(size_t *size)
{
	FILE *file = fopen(path, "r");
	uint8_t *bytes = malloc(1 << 20);

	assert_non_null(file);
	*size = fread(bytes, 1, 1 << 20, file);
	fclose(file);
	return bytes;
}

static void write_file(const uint8_t *bytes, size_t size)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, size, file), size);
	fclose(file);
}

static void assert_same_note(const struct wire_note *a, const struct wire_note *b)
{
	assert_int_equal(a->protocol, b->protocol);
	assert_int_equal(a->begun, b->begun);
	assert_int_equal(a->line_count, b->line_count);
	assert_int_equal(a->late_line, b->late_line);
	assert_int_equal(a->handshake, b->handshake);
	assert_int_equal(a->upgraded, b->upgraded);
	assert_int_equal(a->status, b->status);
	for (int i = 0; i < a->line_count; i++) {
		assert_int_equal(a->lines[i].method_len, b->lines[i].method_len);
		assert_int_equal(a->lines[i].target_len, b->lines[i].target_len);
		assert_memory_equal(a->lines[i].method, b->lines[i].method, a->lines[i].method_len);
		assert_memory_equal(a->lines[i].target, b->lines[i].target, a->lines[i].target_len);
		assert_int_equal(a->lines[i].cut, b->lines[i].cut);
	}
}

/* payload: is it expected back? */
static void assert_same_event(const struct event *in, const struct event *out, bool payload)
{
	size_t fixed = record_fixed_size(in->head->kind, in->head->flags);
	struct record_head head = *in->head;

	if (!payload)
		head.payload_len = 0;
	assert_memory_equal(&head, out->head, sizeof(head));
	assert_memory_equal((const uint8_t *)in->head + sizeof(head), (const uint8_t *)out->head + sizeof(head), fixed - sizeof(head));
	assert_int_equal(!in->window, !out->window);
	assert_int_equal(out->payload_len, payload ? in->payload_len : 0);
	if (payload && in->payload_len)
		assert_memory_equal(in->payload, out->payload, in->payload_len);
	assert_same_note(&in->note, &out->note);
}

static void check_round_trip(bool has_payload)
{
	struct sample samples[SAMPLES];
	struct event events[SAMPLES], event;
	struct recording_trailer trailer;
	struct recording_info info;
	struct event_source *source;

	write_samples(has_payload, &some_trailer);
	make_samples(samples, events);
	source = recording_open(path, &info);
	assert_non_null(source);
	assert_int_equal(info.version, RECORDING_VERSION);
	assert_int_equal(info.unix_offset_ns, 1700000000000000000ull);
	assert_int_equal(info.start_ns, 1000);
	assert_int_equal(info.cores, 2);
	assert_int_equal(info.has_payload, has_payload);
	assert_string_equal(info.kernel, "6.1.0-test");
	assert_string_equal(info.arch, "x86_64");
	assert_string_equal(info.tool_version, "0.0.1");
	for (int i = 0; i < SAMPLES; i++) {
		assert_false(recording_trailer(source, &trailer));
		assert_int_equal(source->next(source, &event), 1);
		assert_same_event(&events[i], &event, has_payload || event.head->kind == RECORD_CONN);
	}
	assert_int_equal(source->next(source, &event), 0);
	assert_int_equal(source->next(source, &event), 0);
	assert_true(recording_trailer(source, &trailer));
	assert_memory_equal(&trailer, &some_trailer, sizeof(trailer));
	source->close(source);
}

static void gives_back_every_kind(void **state)
{
	(void)state;
	check_round_trip(false);
}

static void gives_back_payload_that_was_asked_for(void **state)
{
	(void)state;
	check_round_trip(true);
}

static void holds_no_payload_byte(void **state)
{
	size_t size;
	uint8_t *bytes;

	(void)state;
	write_samples(true, NULL);
	bytes = read_file(&size);
	assert_non_null(memmem(bytes, size, "s3cret", 6)); /* so that the search below means something */
	free(bytes);
	write_samples(false, NULL);
	bytes = read_file(&size);
	assert_null(memmem(bytes, size, "s3cret", 6));
	assert_null(memmem(bytes, size, "token", 5));
	assert_null(memmem(bytes, size, "Cookie", 6));
	assert_non_null(memmem(bytes, size, "/run/app.sock", 13));
	free(bytes);
}

static void is_for_its_owner_only(void **state)
{
	struct stat stat_;

	(void)state;
	assert_int_equal(chmod(path, 0666), 0);
	write_samples(false, NULL);
	assert_int_equal(stat(path, &stat_), 0);
	assert_int_equal(stat_.st_mode & 0777, 0600);
}

static void follows_no_link(void **state)
{
	struct recording_info info = some_info(false);
	char link_path[80];

	(void)state;
	snprintf(link_path, sizeof(link_path), "%s.link", path);
	assert_int_equal(symlink(path, link_path), 0);
	assert_null(recording_create(link_path, &info));
	assert_int_equal(errno, ELOOP);
	unlink(link_path);
}

/* Reads what there is; the number of events before the end, whose kind is in *end. −1: it did not open, *end has the −errno. */
static int count_events(int *end)
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

static void ends_where_it_was_cut(void **state)
{
	size_t size, header = sizeof(struct file_header), boundary = header;
	int events = 0, end;
	uint8_t *bytes;

	(void)state;
	write_samples(true, &some_trailer);
	bytes = read_file(&size);
	for (size_t cut = 0; cut < size; cut++) {
		struct frame_header frame;
		int count;

		write_file(bytes, cut);
		count = count_events(&end);
		if (cut < header) {
			assert_int_equal(count, -1);
			assert_int_equal(end, -EPROTO);
			continue;
		}
		memcpy(&frame, bytes + boundary, sizeof(frame));
		if (cut == boundary + sizeof(frame) + frame.body_bytes) {
			boundary = cut;
			events++;
		}
		assert_int_equal(count, events);
		assert_int_equal(end, cut == boundary ? 0 : -EPROTO);
	}
	assert_int_equal(events, SAMPLES);
	free(bytes);
}

static void refuses_other_files(void **state)
{
	static const char text[400] = "#!/bin/sh\necho this is no recording\n";
	int end;

	(void)state;
	write_file((const uint8_t *)text, sizeof(text));
	assert_int_equal(count_events(&end), -1);
	assert_int_equal(end, -EPROTO);
	assert_null(recording_open("/nonexistent/file", &(struct recording_info){0}));
	assert_int_equal(errno, ENOENT);
	assert_null(recording_open("/tmp", &(struct recording_info){0}));
	assert_int_equal(errno, EISDIR);
}

static void refuses_newer_versions(void **state)
{
	struct file_header header;
	size_t size;
	uint8_t *bytes;
	int end;

	(void)state;
	write_samples(false, NULL);
	bytes = read_file(&size);
	memcpy(&header, bytes, sizeof(header));
	header.version = RECORDING_VERSION + 1;
	memcpy(bytes, &header, sizeof(header));
	write_file(bytes, size);
	assert_int_equal(count_events(&end), -1);
	assert_int_equal(end, -EPROTONOSUPPORT);
	free(bytes);
}

/* Whatever a byte is changed to: the reader ends, and what it gives is safe to use. */
static void survives_any_wrong_byte(void **state)
{
	static const uint8_t changes[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
	size_t size;
	uint8_t *bytes;

	(void)state;
	write_samples(true, &some_trailer);
	bytes = read_file(&size);
	for (size_t at = 0; at < size; at++)
		for (size_t i = 0; i < sizeof(changes); i++) {
			uint8_t kept = bytes[at];
			struct recording_info info;
			struct event_source *source;
			struct event event;
			int events = 0;

			bytes[at] = changes[i];
			write_file(bytes, size);
			bytes[at] = kept;
			source = recording_open(path, &info);
			if (!source)
				continue;
			while (source->next(source, &event) == 1) {
				events++;
				assert_true(event.head->kind > 0 && event.head->kind < RECORD_KINDS);
				assert_true(event.note.line_count <= WIRE_LINES_MAX);
				if (event.window)
					assert_true(event.window->cause < WAIT_CAUSES && event.window->ready_cause < READY_CAUSES);
				if (event.head->kind == RECORD_CONN)
					assert_true(event.payload_len <= UNIX_PATH_MAX);
			}
			assert_true(events <= SAMPLES);
			source->close(source);
		}
	free(bytes);
}

static void cuts_what_is_too_long(void **state)
{
	static char target[NOTE_TARGET_MAX + 100];
	struct recording_info info = some_info(false);
	struct sample sample = make_span(RECORD_IO, 0, "");
	struct event event = decode(&sample);
	struct recording_writer *writer = recording_create(path, &info);
	struct event_source *source;

	(void)state;
	assert_non_null(writer);
	memset(target, 'a', sizeof(target));
	event.note.line_count = WIRE_LINES_MAX;
	for (int i = 0; i < WIRE_LINES_MAX; i++)
		event.note.lines[i] = (struct wire_line){"PROPPATCH", target, 9, sizeof(target), false};
	for (int i = 0; i < 20; i++) /* more than the buffer holds at once */
		assert_int_equal(recording_write(writer, &event), 0);
	assert_int_equal(recording_close(writer, NULL), 0);
	source = recording_open(path, &info);
	assert_non_null(source);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(source->next(source, &event), 1);
		assert_int_equal(event.note.lines[WIRE_LINES_MAX - 1].target_len, NOTE_TARGET_MAX);
		assert_true(event.note.lines[WIRE_LINES_MAX - 1].cut);
	}
	assert_int_equal(source->next(source, &event), 0);
	source->close(source);
}

static void tells_a_full_disk(void **state)
{
	struct recording_info info = some_info(false);
	struct stat before, after;

	(void)state;
	assert_int_equal(stat("/dev/full", &before), 0);
	assert_null(recording_create("/dev/full", &info));
	assert_int_equal(errno, ENOSPC);
	assert_int_equal(stat("/dev/full", &after), 0);
	assert_int_equal(before.st_mode, after.st_mode);
}

/* A limit on the file's size is met like the end of a disk, in the middle of a frame. */
static void keeps_whole_events_when_there_is_no_room(void **state)
{
	struct recording_info info = some_info(false);
	struct sample sample = make_span(RECORD_IO, RECORD_HAS_WINDOW, "");
	struct event event = decode(&sample);
	struct recording_writer *writer;
	struct rlimit *limits = *state;
	struct rlimit small = {.rlim_cur = 300001, .rlim_max = limits->rlim_max};
	uint64_t written = 0;
	int err = 0, end, count;

	writer = recording_create(path, &info);
	assert_non_null(writer);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	while (!err && written < 100000) {
		err = recording_write(writer, &event);
		written += !err;
	}
	assert_int_equal(err, -EFBIG);
	assert_int_equal(recording_write(writer, &event), -EFBIG);
	assert_int_equal(recording_close(writer, &some_trailer), -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, limits), 0);
	count = count_events(&end);
	assert_int_equal(end, 0);
	assert_in_range(count, 2000, 300001 / sample.size);
}

static int keep_limits(void **state)
{
	static struct rlimit limits;

	*state = &limits;
	signal(SIGXFSZ, SIG_IGN);
	return make_path(NULL) || getrlimit(RLIMIT_FSIZE, &limits);
}

/* A second of a busy server: it must not be what keeps the reader of the rings. */
static void is_fast(void **state)
{
	enum { EVENTS = 200000 };
	struct recording_info info = some_info(false);
	struct sample sample = make_span(RECORD_IO, RECORD_HAS_WINDOW, "");
	struct event event = decode(&sample);
	struct recording_writer *writer = recording_create(path, &info);
	clock_t before = clock();
	int end;

	(void)state;
	assert_non_null(writer);
	for (int i = 0; i < EVENTS; i++)
		assert_int_equal(recording_write(writer, &event), 0);
	assert_int_equal(recording_close(writer, NULL), 0);
	assert_int_equal(count_events(&end), EVENTS);
	/* CPU time, some twenty times what it takes. */
	assert_true(clock() - before < 4 * CLOCKS_PER_SEC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(gives_back_every_kind, make_path, remove_path),
		cmocka_unit_test_setup_teardown(gives_back_payload_that_was_asked_for, make_path, remove_path),
		cmocka_unit_test_setup_teardown(holds_no_payload_byte, make_path, remove_path),
		cmocka_unit_test_setup_teardown(is_for_its_owner_only, make_path, remove_path),
		cmocka_unit_test_setup_teardown(follows_no_link, make_path, remove_path),
		cmocka_unit_test_setup_teardown(ends_where_it_was_cut, make_path, remove_path),
		cmocka_unit_test_setup_teardown(refuses_other_files, make_path, remove_path),
		cmocka_unit_test_setup_teardown(refuses_newer_versions, make_path, remove_path),
		cmocka_unit_test_setup_teardown(survives_any_wrong_byte, make_path, remove_path),
		cmocka_unit_test_setup_teardown(cuts_what_is_too_long, make_path, remove_path),
		cmocka_unit_test(tells_a_full_disk),
		cmocka_unit_test_setup_teardown(keeps_whole_events_when_there_is_no_room, keep_limits, remove_path),
		cmocka_unit_test_setup_teardown(is_fast, make_path, remove_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
