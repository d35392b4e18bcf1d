/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/commands.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/losses.h"
#include "cli/output.h"
#include "cli/pipeline.h"
#include "cli/terminal.h"
#include "cli/trace.h"
#include "export/json.h"
#include "view/timeline.h"

struct request_printer {
	const struct options *options;
	uint64_t unix_offset_ns;
	uint64_t printed;
	uint64_t seen;
	int err; /* of a write; nothing is printed after it */
};

/* The endpoint's whole name, or without the method in front: "/users/:id" means those of any method. */
static bool is_endpoint(const char *wanted, const char *endpoint)
{
	const char *path = strchr(endpoint, ' ');

	return !strcmp(wanted, endpoint) || (path && *wanted == '/' && !strcmp(wanted, path + 1));
}

static bool is_wanted(const struct request_printer *printer, const struct named_request *named)
{
	const struct options *options = printer->options;

	if (options->endpoint && !is_endpoint(options->endpoint, named->endpoint))
		return false;
	return named->request->end_ns - named->request->start_ns >= options->slower_ns;
}

static bool is_done(const struct request_printer *printer)
{
	return printer->err || (printer->options->count && printer->printed == printer->options->count);
}

static void print_request(void *context, const struct named_request *named)
{
	struct request_printer *printer = context;
	unsigned width, height;

	if (is_done(printer))
		return;
	printer->seen++;
	if (!is_wanted(printer, named))
		return;
	if (printer->options->format == FORMAT_NDJSON) {
		printer->err = json_print_request(stdout, named->request, named->service, named->endpoint, printer->unix_offset_ns);
	} else {
		terminal_size(&width, &height);
		if (!printer->printed)
			printer->err = timeline_print_legend(stdout, width);
		if (!printer->err)
			printer->err = timeline_print(stdout, named->request, named->endpoint, width);
	}
	printer->printed += !printer->err;
}

/* 0: over, or enough was printed; −errno of the feed or the engine. */
static int read_feed(struct feed *feed, struct pipeline *pipeline, const struct request_printer *printer)
{
	struct event event;
	int got = 1, err = 0;

	while (!err && !is_done(printer) && (got = feed->next(feed, &event)) > 0)
		err = pipeline_handle(pipeline, &event);
	if (!err && got == 0)
		pipeline_finish(pipeline);
	return err ? err : got < 0 ? got : 0;
}

/* Requests are not added up here, so how many there were, and what was lost of them, must be said. */
static void tell_end(struct feed *feed, const struct pipeline *pipeline, const struct request_printer *printer)
{
	struct tool_figures tool = {0};
	struct loss_list list;

	remark("%llu of %llu requests printed", (unsigned long long)printer->printed, (unsigned long long)printer->seen);
	feed->read_tool(feed, &tool);
	loss_list_read(&list, &tool, pipeline_engine(pipeline));
	losses_remark(list.losses, list.count);
}

static enum exit_code print_requests(struct feed *feed, const struct options *options)
{
	struct request_printer printer = {.options = options, .unix_offset_ns = feed->unix_offset_ns};
	struct pipeline *pipeline =
		pipeline_open(options, feed->reads_payload, &(struct pipeline_sink){.context = &printer, .on_request = print_request});
	int err = pipeline ? read_feed(feed, pipeline, &printer) : -ENOMEM;

	if (!err && !printer.err)
		tell_end(feed, pipeline, &printer);
	pipeline_close(pipeline);
	if (printer.err)
		return complain_output(printer.err);
	if (err == -ESRCH)
		return complain_gone();
	return err ? complain(EXIT_FAILED, NULL, "reading events: %s", strerror(-err)) : EXIT_DONE;
}

enum exit_code run_requests(const struct options *options)
{
	struct trace *trace;
	enum exit_code code = trace_open(options, &trace);

	if (code)
		return code;
	code = trace_start(trace);
	if (!code)
		code = print_requests(trace_feed(trace), options);
	trace_close(trace);
	return code;
}
