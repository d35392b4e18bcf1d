/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Makes a recording from the text of a golden test: so that `report` shows it, and the fuzzer has something to begin with.
 *
 *	text_to_rec tests/golden/NAME.events FILE
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "golden/text.h"
#include "record/recording.h"

static int copy_events(struct event_source *source, struct recording_writer *writer, uint64_t *end_ns)
{
	struct event event;
	int err;

	while ((err = source->next(source, &event)) > 0) {
		*end_ns = event.head->at_ns;
		err = recording_write(writer, &event);
		if (err)
			return err;
	}
	return err;
}

int main(int argc, char **argv)
{
	const struct recording_info info = {
		.start_ns = TEXT_BASE_NS, .cores = 1, .kernel = "golden", .arch = "golden", .tool_version = "golden"};
	struct recording_trailer trailer = {.end_ns = TEXT_BASE_NS};
	struct event_source *source;
	struct recording_writer *writer;
	int err, close_err;

	if (argc != 3) {
		fprintf(stderr, "usage: %s EVENTS FILE\n", argv[0]);
		return 2;
	}
	source = text_open(argv[1]);
	if (!source) {
		fprintf(stderr, "%s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	writer = recording_create(argv[2], &info);
	if (!writer) {
		fprintf(stderr, "%s: %s\n", argv[2], strerror(errno));
		source->close(source);
		return 1;
	}
	err = copy_events(source, writer, &trailer.end_ns);
	source->close(source);
	close_err = recording_close(writer, &trailer);
	if (!err)
		err = close_err;
	if (err)
		fprintf(stderr, "%s: %s\n", argv[2], strerror(-err));
	return err != 0;
}
