/* SPDX-License-Identifier: BSD-2-Clause */
/* The recording file: no damaged file does harm, and no full disk. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "fixture_recording.h"

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

/* As if another version of the program had written it. As count_events. */
static int count_events_of(uint32_t version, uint32_t record_abi, int *end)
{
	struct file_header header;
	size_t size;
	uint8_t *bytes;

	write_samples(false, NULL);
	bytes = read_file(&size);
	memcpy(&header, bytes, sizeof(header));
	header.version = version;
	header.record_abi = record_abi;
	memcpy(bytes, &header, sizeof(header));
	write_file(bytes, size);
	free(bytes);
	return count_events(end);
}

static void refuses_newer_versions(void **state)
{
	int end;

	(void)state;
	assert_int_equal(count_events_of(RECORDING_VERSION + 1, RECORD_ABI, &end), -1);
	assert_int_equal(end, -EPROTONOSUPPORT);
	assert_int_equal(count_events_of(RECORDING_VERSION, RECORD_ABI + 1, &end), -1);
	assert_int_equal(end, -EPROTONOSUPPORT);
}

/* ABI 7 has only added to 6. */
static void reads_older_records(void **state)
{
	int end;

	(void)state;
	assert_int_equal(count_events_of(RECORDING_VERSION, 6, &end), SAMPLES);
	assert_int_equal(end, 0);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(ends_where_it_was_cut, make_path, remove_path),
		cmocka_unit_test_setup_teardown(refuses_other_files, make_path, remove_path),
		cmocka_unit_test_setup_teardown(refuses_newer_versions, make_path, remove_path),
		cmocka_unit_test_setup_teardown(reads_older_records, make_path, remove_path),
		cmocka_unit_test_setup_teardown(survives_any_wrong_byte, make_path, remove_path),
		cmocka_unit_test(tells_a_full_disk),
		cmocka_unit_test_setup_teardown(keeps_whole_events_when_there_is_no_room, keep_limits, remove_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
