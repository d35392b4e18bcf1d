/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/commands.h"

#include <errno.h>
#include <string.h>

#include "cli/session.h"
#include "record/recording.h"

/* A recording as a feed. */
struct replay {
	struct feed feed; /* first: a feed is a replay */
	const struct options *options;
	struct event_source *source;
	struct recording_trailer trailer;
	bool ended; /* by the trailer: what the tool cost is known */
};

static void end_replay(struct replay *replay)
{
	replay->ended = recording_trailer(replay->source, &replay->trailer);
	if (replay->ended)
		replay->feed.end_ns = replay->trailer.end_ns;
}

static int replay_next(struct feed *feed, struct event *event)
{
	struct replay *replay = (struct replay *)feed;
	int got = replay->source->next(replay->source, event);

	if (got <= 0) {
		end_replay(replay);
		return got;
	}
	/* Until the trailer is read, the last event is the best that is known. */
	if (event->head->at_ns > feed->end_ns)
		feed->end_ns = event->head->at_ns;
	if (replay->options->duration_ns && event->head->kind == RECORD_TICK &&
	    event->head->at_ns >= feed->start_ns + replay->options->duration_ns)
		return 0;
	return 1;
}

/* Within the run nothing is known of the tool: it was told once, at the end. */
static void read_tool(struct feed *feed, struct tool_figures *figures)
{
	const struct replay *replay = (const struct replay *)feed;

	*figures = (struct tool_figures){.kernel_ns = UNKNOWN_NS, .user_cpu_ns = UNKNOWN_NS};
	figures->losses[0] = (struct snapshot_loss){.name = "records"};
	figures->loss_count = 1;
	if (!replay->ended)
		return;
	figures->kernel_ns = replay->trailer.tool_kernel_ns;
	figures->user_cpu_ns = replay->trailer.tool_user_cpu_ns;
	for (uint32_t i = 0; i < replay->trailer.loss_count; i++)
		figures->losses[i] = (struct snapshot_loss){replay->trailer.losses[i].name, replay->trailer.losses[i].count};
	if (replay->trailer.loss_count)
		figures->loss_count = replay->trailer.loss_count;
}

static enum exit_code complain_open(const char *path, int err)
{
	switch (err) {
	case EPROTO:
		return complain(EXIT_FAILED, "recordings are made by `iocpu-trace record`", "%s is not a recording", path);
	case EPROTONOSUPPORT:
		return complain(EXIT_FAILED, "read it with the version that made it, or a newer one", "%s was made by a newer version",
				path);
	default:
		return complain(EXIT_FAILED, NULL, "cannot read %s: %s", path, strerror(err));
	}
}

enum exit_code run_report(const struct options *options)
{
	struct replay replay = {.options = options};
	struct recording_info info;
	enum exit_code code;

	replay.source = recording_open(options->file, &info);
	if (!replay.source)
		return complain_open(options->file, errno);
	if (options->show_query && !info.has_payload)
		remark("this recording holds no queries: it was made without --payload");
	replay.feed = (struct feed){
		.next = replay_next,
		.read_tool = read_tool,
		.start_ns = info.start_ns,
		.end_ns = info.start_ns,
		.unix_offset_ns = info.unix_offset_ns,
		.cores = info.cores,
		.reads_payload = info.has_payload && options->show_query,
	};
	code = session_run(&replay.feed, options);
	if (!code && !replay.ended && !options->duration_ns)
		remark("the recorder did not get to its end: what it lost and cost is not known");
	replay.source->close(replay.source);
	return code;
}
