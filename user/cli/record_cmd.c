/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/commands.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "cli/trace.h"
#include "record/recording.h"
#include "route/wire.h"

#define DEFAULT_FILE "iocpu-trace.rec"

struct recorder {
	struct recording_writer *writer;
	struct wire *wire;
	uint64_t event_count;
};

static struct recording_info describe_run(const struct feed *feed, const struct options *options)
{
	struct recording_info info = {
		.unix_offset_ns = feed->unix_offset_ns,
		.start_ns = feed->start_ns,
		.cores = feed->cores,
		.has_payload = options->payload,
		.tool_version = IOCPU_VERSION,
	};
	struct utsname name;

	if (!uname(&name)) {
		snprintf(info.kernel, sizeof(info.kernel), "%.63s", name.release);
		snprintf(info.arch, sizeof(info.arch), "%.15s", name.machine);
	}
	return info;
}

static struct recording_trailer describe_end(struct feed *feed)
{
	struct recording_trailer trailer = {.end_ns = feed->end_ns};
	struct tool_figures tool = {0};

	feed->read_tool(feed, &tool);
	trailer.tool_kernel_ns = tool.kernel_ns;
	trailer.tool_user_cpu_ns = tool.user_cpu_ns;
	for (size_t i = 0; i < tool.loss_count && i < RECORDING_LOSSES_MAX; i++) {
		snprintf(trailer.losses[i].name, sizeof(trailer.losses[i].name), "%s", tool.losses[i].name);
		trailer.losses[i].count = tool.losses[i].count;
		trailer.loss_count++;
	}
	return trailer;
}

/* Stops at the first error of the feed (in *feed_err) or of the file, which recording_close tells. */
static void record_events(struct feed *feed, struct recorder *recorder, int *feed_err)
{
	struct event event;
	int got;

	while ((got = feed->next(feed, &event)) > 0) {
		wire_read(recorder->wire, &event);
		if (recording_write(recorder->writer, &event)) {
			got = 0;
			break;
		}
		recorder->event_count++;
	}
	*feed_err = got;
}

static enum exit_code complain_file(const char *path, int err)
{
	const char *hint = NULL;

	if (err == -ENOSPC || err == -EDQUOT)
		hint = "what was written until then is whole: `iocpu-trace report` reads it";
	return complain(EXIT_FAILED, hint, "writing %s: %s: stopped", path, strerror(-err));
}

static enum exit_code record_to(const char *path, struct feed *feed, const struct options *options)
{
	const struct recording_info info = describe_run(feed, options);
	struct recorder recorder = {.wire = wire_open(false), .writer = recording_create(path, &info)};
	struct recording_trailer trailer;
	int err = errno, feed_err = 0;

	if (!recorder.writer || !recorder.wire) {
		if (recorder.writer)
			recording_close(recorder.writer, NULL);
		wire_close(recorder.wire);
		return complain(EXIT_FAILED,
				err == ELOOP ? "a recording is not written through a symbolic link: name the file itself"
					     : "-w FILE names another one",
				"cannot write %s: %s", path, strerror(recorder.writer ? ENOMEM : err));
	}
	record_events(feed, &recorder, &feed_err);
	wire_close(recorder.wire);
	trailer = describe_end(feed);
	err = recording_close(recorder.writer, &trailer);
	if (err)
		return complain_file(path, err);
	if (feed_err == -ESRCH)
		return complain_gone();
	if (feed_err)
		return complain(EXIT_FAILED, NULL, "reading events: %s", strerror(-feed_err));
	remark("%llu events of %.1f s in %s; lost: %llu records", (unsigned long long)recorder.event_count,
	       (double)(feed->end_ns - feed->start_ns) / 1e9, path, (unsigned long long)trailer.losses[0].count);
	return EXIT_DONE;
}

enum exit_code run_record(const struct options *options)
{
	struct trace *trace;
	enum exit_code code = trace_open(options, &trace);

	if (code)
		return code;
	code = record_to(options->file ? options->file : DEFAULT_FILE, trace_feed(trace), options);
	trace_close(trace);
	return code;
}
