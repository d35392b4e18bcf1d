/* SPDX-License-Identifier: BSD-2-Clause */
/* The recording file: what goes in comes out, and what must not go in does not. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <sys/stat.h>
#include <time.h>

#include "fixture_recording.h"

static void assert_same_note(const struct wire_note *a, const struct wire_note *b)
{
	assert_int_equal(a->protocol, b->protocol);
	assert_int_equal(a->begun, b->begun);
	assert_int_equal(a->line_count, b->line_count);
	assert_int_equal(a->late_line, b->late_line);
	assert_int_equal(a->handshake, b->handshake);
	assert_int_equal(a->stream, b->stream);
	assert_int_equal(a->stream_ends, b->stream_ends);
	assert_int_equal(a->status, b->status);
	for (int i = 0; i < a->line_count; i++) {
		assert_int_equal(a->lines[i].method_len, b->lines[i].method_len);
		assert_int_equal(a->lines[i].target_len, b->lines[i].target_len);
		assert_memory_equal(a->lines[i].method, b->lines[i].method, a->lines[i].method_len);
		assert_memory_equal(a->lines[i].target, b->lines[i].target, a->lines[i].target_len);
		assert_int_equal(a->lines[i].cut, b->lines[i].cut);
	}
	assert_int_equal(a->message_count, b->message_count);
	for (int i = 0; i < a->message_count; i++) {
		assert_int_equal(a->messages[i].at, b->messages[i].at);
		assert_int_equal(a->messages[i].token_count, b->messages[i].token_count);
		assert_memory_equal(a->messages[i].tokens, b->messages[i].tokens, a->messages[i].token_count * sizeof(uint32_t));
	}
}

/* payload: is it expected back? */
static void assert_same_event(const struct event *in, const struct event *out, bool payload)
{
	size_t fixed = record_fixed_size(in->head->kind, in->head->flags);
	struct sample record;

	memcpy(record.bytes, in->head, fixed);
	if (!payload)
		event_set_payload_len(record.bytes, 0);
	assert_memory_equal(record.bytes, out->head, fixed);
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
		cmocka_unit_test_setup_teardown(cuts_what_is_too_long, make_path, remove_path),
		cmocka_unit_test_setup_teardown(is_fast, make_path, remove_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
