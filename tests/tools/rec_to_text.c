/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Prints a recording's events as text, one a line: to look at them, and to make a golden test of a run that was told wrongly.
 *
 *	rec_to_text FILE >tests/golden/NAME.events
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "golden/text.h"
#include "record/recording.h"

int main(int argc, char **argv)
{
	struct recording_info info;
	struct event_source *source;
	struct event event;
	uint64_t base_ns = 0;
	int err;

	if (argc != 2) {
		fprintf(stderr, "usage: %s FILE\n", argv[0]);
		return 2;
	}
	source = recording_open(argv[1], &info);
	if (!source) {
		fprintf(stderr, "%s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	printf("# kernel %s, %s, %u cores\n", info.kernel, info.arch, info.cores);
	while ((err = source->next(source, &event)) > 0) {
		if (!base_ns)
			base_ns = event.head->at_ns;
		err = text_write(stdout, &event, base_ns);
		if (err)
			break;
	}
	source->close(source);
	if (!err && fflush(stdout))
		err = -errno;
	if (err)
		fprintf(stderr, "%s: %s\n", argv[1], strerror(-err));
	return err != 0;
}
