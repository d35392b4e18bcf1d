/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/commands.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "cli/losses.h"
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

static struct recording_trailer describe_end(const struct feed *feed, const struct tool_figures *tool)
{
	struct recording_trailer trailer = {.end_ns = feed->end_ns};

	trailer.tool_kernel_ns = tool->kernel_ns;
	trailer.tool_user_cpu_ns = tool->user_cpu_ns;
	for (size_t i = 0; i < tool->loss_count && i < RECORDING_LOSSES_MAX; i++) {
		snprintf(trailer.losses[i].name, sizeof(trailer.losses[i].name), "%s", tool->losses[i].name);
		trailer.losses[i].count = tool->losses[i].count;
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

static enum exit_code complain_create(const char *path, int err)
{
	return complain(EXIT_FAILED,
			err == ELOOP ? "a recording is not written through a symbolic link: name the file itself"
				     : "-w FILE names another one",
			"cannot write %s: %s", path, strerror(err));
}

/* Whoever has the recording lacks the key, which nobody keeps: the hashes of words can be compared, but not looked up. */
static enum exit_code open_wire(struct wire **wire)
{
	struct siphash_key key;

	if (getentropy(&key, sizeof(key)))
		return complain(EXIT_FAILED, NULL, "getting a random key for the recording: %s", strerror(errno));
	*wire = wire_open(false);
	if (!*wire)
		return complain(EXIT_FAILED, NULL, "out of memory");
	wire_set_key(*wire, &key);
	return EXIT_DONE;
}

/* Until the feed ends; the file is closed in any case. */
static enum exit_code record_into(struct recorder *recorder, const char *path, struct feed *feed)
{
	struct recording_trailer trailer;
	struct tool_figures tool = {0};
	int err, feed_err;

	record_events(feed, recorder, &feed_err);
	feed->read_tool(feed, &tool);
	trailer = describe_end(feed, &tool);
	err = recording_close(recorder->writer, &trailer);
	if (err)
		return complain_file(path, err);
	if (feed_err == -ESRCH)
		return complain_gone();
	if (feed_err)
		return complain(EXIT_FAILED, NULL, "reading events: %s", strerror(-feed_err));
	remark("%llu events of %.1f s in %s", (unsigned long long)recorder->event_count, (double)(feed->end_ns - feed->start_ns) / 1e9,
	       path);
	losses_remark(tool.losses, tool.loss_count);
	return EXIT_DONE;
}

/* The file comes before the command: a program must not run for a recording that cannot be written. */
static enum exit_code record_trace(struct trace *trace, struct wire *wire, const struct options *options)
{
	const char *path = options->file ? options->file : DEFAULT_FILE;
	const struct recording_info info = describe_run(trace_feed(trace), options);
	struct recorder recorder = {.writer = recording_create(path, &info), .wire = wire};
	enum exit_code code;

	if (!recorder.writer)
		return complain_create(path, errno);
	code = trace_start(trace);
	if (!code)
		return record_into(&recorder, path, trace_feed(trace));
	recording_close(recorder.writer, NULL);
	return code;
}

enum exit_code run_record(const struct options *options)
{
	struct wire *wire = NULL;
	struct trace *trace;
	enum exit_code code = trace_open(options, &trace);

	if (code)
		return code;
	code = open_wire(&wire);
	if (!code)
		code = record_trace(trace, wire, options);
	wire_close(wire);
	trace_close(trace);
	return code;
}
