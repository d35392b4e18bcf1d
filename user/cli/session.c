/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/session.h"

#include <errno.h>
#include <string.h>

#include "cli/output.h"
#include "cli/pipeline.h"
#include "cli/terminal.h"
#include "cli/windows.h"

struct session {
	struct feed *feed;
	const struct options *options;
	struct pipeline *pipeline;
	struct windows *windows;
	struct output output;
	struct tool_figures tool;
	uint64_t next_cut_ns;
	bool output_failed; /* so there is no use in printing totals */
};

static void add_request(void *context, const struct named_request *named)
{
	struct session *session = context;

	windows_add(session->windows, named);
}

static void add_stream(void *context, const struct named_stream *named)
{
	struct session *session = context;

	windows_add_stream(session->windows, named);
}

/*
 * A tick says that all before it has been told: if it lies behind the window's end, the window ends there. The next one is due on the same
 * grid, so that windows do not drift; a tick that comes too late for that starts the grid anew. 0 or −errno.
 */
static int cut_window(struct session *session, uint64_t at_ns)
{
	const struct snapshot *snapshot;
	int err;

	if (at_ns < session->next_cut_ns || session->feed->ending)
		return 0;
	session->next_cut_ns += session->options->interval_ns;
	if (session->next_cut_ns <= at_ns)
		session->next_cut_ns = at_ns + session->options->interval_ns;
	session->feed->read_tool(session->feed, &session->tool);
	snapshot = windows_cut(session->windows, session->pipeline, &session->tool, at_ns);
	if (!snapshot)
		return -ENOMEM;
	err = output_window(&session->output, snapshot);
	session->output_failed = err;
	return err;
}

/* 0: the feed ended in good order; −EPROTO or −EIO: it broke off; others: we cannot go on. */
static int read_feed(struct session *session)
{
	struct event event;
	int got, err = 0;

	while (!err && (got = session->feed->next(session->feed, &event)) > 0) {
		err = pipeline_handle(session->pipeline, &event);
		if (!err && event.head->kind == RECORD_TICK)
			err = cut_window(session, event.head->at_ns);
	}
	return err ? err : got;
}

/* Closes the last window and prints what belongs to the end. 0 or −errno. */
static int finish(struct session *session)
{
	const struct snapshot *snapshot;
	uint64_t end_ns = session->feed->end_ns;
	int err = 0;

	pipeline_finish(session->pipeline);
	session->feed->read_tool(session->feed, &session->tool);
	if (end_ns < windows_start_ns(session->windows))
		end_ns = windows_start_ns(session->windows);
	snapshot = windows_cut(session->windows, session->pipeline, &session->tool, end_ns);
	if (snapshot && session->output.last_window)
		err = output_window(&session->output, snapshot);
	if (!snapshot || err)
		return snapshot ? err : -ENOMEM;
	snapshot = windows_total(session->windows, session->pipeline);
	return snapshot ? output_total(&session->output, snapshot) : -ENOMEM;
}

static enum exit_code complain_feed(int err)
{
	if (err == -EPROTO)
		return complain(EXIT_FAILED, "the figures are those of the part before it",
				"the recording is damaged or cut off in the middle of an event");
	return complain(EXIT_FAILED, NULL, "reading events: %s", strerror(-err));
}

static enum exit_code run(struct session *session)
{
	int feed_err = read_feed(session);
	int err;

	if (feed_err == -ESRCH || feed_err == -ENOMEM || session->output_failed)
		err = feed_err;
	else
		err = finish(session);
	terminal_leave();
	if (err == -ESRCH)
		return complain_gone();
	if (err == -ENOMEM)
		return complain(EXIT_FAILED, NULL, "out of memory");
	if (err)
		return complain_output(err);
	return feed_err ? complain_feed(feed_err) : EXIT_DONE;
}

enum exit_code session_run(struct feed *feed, const struct options *options)
{
	struct session session = {.feed = feed, .options = options};
	enum exit_code code;

	session.pipeline = pipeline_open(options, feed->reads_payload,
					 &(struct pipeline_sink){.context = &session, .on_request = add_request, .on_stream = add_stream});
	session.windows = windows_open(feed);
	session.next_cut_ns = feed->start_ns + options->interval_ns;
	if (session.pipeline && session.windows) {
		output_init(&session.output, options, feed->live, feed->waits_for);
		code = run(&session);
	} else {
		code = complain(EXIT_FAILED, NULL, "out of memory");
	}
	windows_close(session.windows);
	pipeline_close(session.pipeline);
	return code;
}
