/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/windows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/losses.h"
#include "cli/processes.h"
#include "stats/stats.h"

/* Endpoints of one service, beyond which rows are folded into "(other)". */
#define ENDPOINTS_MAX 512

/* All counters at one moment, to take the differences of. */
struct moment {
	uint64_t at_ns;
	struct process_list list;
	struct tool_figures tool;
	struct loss_list losses;
	struct core_use core_use;
};

struct windows {
	const struct feed *feed;
	struct stats *window, *total;
	struct moment start, last; /* of the run; of the present window */
	/* What the present snapshot borrows. */
	const struct snapshot *snapshot;
	struct snapshot_process *processes;
	char (*services)[SERVICE_NAME_MAX];
	struct loss_list losses;
	struct core_use core_use;
};

struct windows *windows_open(const struct feed *feed)
{
	struct windows *windows = calloc(1, sizeof(*windows));

	if (!windows)
		return NULL;
	windows->feed = feed;
	windows->start.at_ns = windows->last.at_ns = feed->start_ns;
	windows->window = stats_open(ENDPOINTS_MAX);
	windows->total = stats_open(ENDPOINTS_MAX);
	if (windows->window && windows->total)
		return windows;
	windows_close(windows);
	return NULL;
}

void windows_add(struct windows *windows, const struct named_request *named)
{
	/* What there is no memory for is counted by stats itself. */
	if (stats_add(windows->window, named->service, named->endpoint, named->culprit, named->request) || !named->holders)
		return;
	for (size_t i = 0; i < named->request->lock_count; i++)
		stats_add_lock_wait(windows->window, named->service, named->endpoint, named->holders[i], named->request->locks[i].wait_ns);
}

void windows_add_stream(struct windows *windows, const struct named_stream *named)
{
	stats_add_stream(windows->window, named->service, named->endpoint, named->stream);
}

static int read_moment(struct moment *moment, const struct windows *windows, const struct engine *engine, const struct tool_figures *tool,
		       uint64_t at_ns)
{
	memset(moment, 0, sizeof(*moment));
	moment->at_ns = at_ns;
	moment->tool = *tool;
	loss_list_read(&moment->losses, tool, engine);
	loss_list_add(&moment->losses, "requests", stats_lost_requests(windows->window) + stats_lost_requests(windows->total));
	moment->core_use = *engine_core_use(engine);
	return process_list_read(&moment->list, engine);
}

static struct snapshot_process describe_process(const struct feed *feed, const struct process *grown, uint64_t window_ns)
{
	struct snapshot_process described = {.now = *grown, .in_flight_mean = -1, .on_core_mean = -1, .loop_busy_share = -1};

	if (window_ns) {
		described.in_flight_mean = (double)grown->request_time_ns / (double)window_ns;
		described.on_core_mean = (double)grown->on_core_ns / (double)window_ns;
	}
	if (grown->loop_time_ns)
		described.loop_busy_share = (double)grown->loop_busy_ns / (double)grown->loop_time_ns;
	if (feed->read_hook && grown->tgid)
		feed->read_hook(feed, &described);
	return described;
}

/* Fills windows->processes with what grew since `from`; those that ended before and did nothing since are left out. */
static int describe_processes(struct windows *windows, const struct pipeline *pipeline, const struct moment *from, const struct moment *to,
			      size_t *count)
{
	size_t room = to->list.count ? to->list.count : 1;

	free(windows->processes);
	free(windows->services);
	windows->processes = calloc(room, sizeof(*windows->processes));
	windows->services = calloc(room, sizeof(*windows->services));
	*count = 0;
	if (!windows->processes || !windows->services)
		return -ENOMEM;
	for (size_t i = 0; i < to->list.count; i++) {
		struct process grown = to->list.processes[i];
		char *service = windows->services[*count];

		process_list_subtract(&grown, &from->list, &to->list);
		if (!grown.alive && !grown.cpu_ns)
			continue;
		windows->processes[*count] = describe_process(windows->feed, &grown, to->at_ns - from->at_ns);
		if (grown.port || grown.unix_path[0]) {
			services_name(pipeline_services(pipeline), grown.tgid, grown.port, grown.unix_path, service);
			windows->processes[*count].service = service;
		}
		++*count;
	}
	return 0;
}

static uint64_t growth(uint64_t from, uint64_t to)
{
	return to > from ? to - from : 0;
}

/* What was not known at one of the ends cannot be told of the time between; at the run's start it was 0. */
static uint64_t known_growth(uint64_t from, uint64_t to)
{
	return from == UNKNOWN_NS || to == UNKNOWN_NS ? UNKNOWN_NS : growth(from, to);
}

static void subtract_losses(struct loss_list *grown, const struct loss_list *from, const struct loss_list *to)
{
	*grown = *to;
	for (size_t i = 0; i < grown->count; i++)
		for (size_t j = 0; j < from->count; j++)
			if (!strcmp(from->losses[j].name, grown->losses[i].name))
				grown->losses[i].count = growth(from->losses[j].count, grown->losses[i].count);
}

static const struct snapshot *take_snapshot(struct windows *windows, const struct pipeline *pipeline, const struct stats *stats,
					    const struct moment *from, const struct moment *to)
{
	struct snapshot_frame frame = {
		.version = IOCPU_VERSION,
		.window_start_unix_ns = from->at_ns + windows->feed->unix_offset_ns,
		.window_ns = growth(from->at_ns, to->at_ns),
		.cores = windows->feed->cores,
		.tool_kernel_ns = known_growth(from->tool.kernel_ns, to->tool.kernel_ns),
		.tool_user_cpu_ns = known_growth(from->tool.user_cpu_ns, to->tool.user_cpu_ns),
		.losses = windows->losses.losses,
	};

	stats_snapshot_close(windows->snapshot);
	windows->snapshot = NULL;
	subtract_losses(&windows->losses, &from->losses, &to->losses);
	frame.loss_count = windows->losses.count;
	windows->core_use = to->core_use;
	core_use_subtract(&windows->core_use, &from->core_use);
	frame.core_use = &windows->core_use;
	if (describe_processes(windows, pipeline, from, to, &frame.process_count))
		return NULL;
	frame.processes = windows->processes;
	windows->snapshot = stats_snapshot(stats, &frame);
	return windows->snapshot;
}

const struct snapshot *windows_cut(struct windows *windows, const struct pipeline *pipeline, const struct tool_figures *tool,
				   uint64_t at_ns)
{
	const struct snapshot *snapshot;
	struct moment now;

	if (read_moment(&now, windows, pipeline_engine(pipeline), tool, at_ns))
		return NULL;
	snapshot = take_snapshot(windows, pipeline, windows->window, &windows->last, &now);
	stats_merge(windows->total, windows->window);
	stats_clear(windows->window);
	process_list_fini(&windows->last.list);
	windows->last = now;
	return snapshot;
}

const struct snapshot *windows_total(struct windows *windows, const struct pipeline *pipeline)
{
	return take_snapshot(windows, pipeline, windows->total, &windows->start, &windows->last);
}

uint64_t windows_start_ns(const struct windows *windows)
{
	return windows->last.at_ns;
}

void windows_close(struct windows *windows)
{
	if (!windows)
		return;
	stats_snapshot_close(windows->snapshot);
	stats_close(windows->window);
	stats_close(windows->total);
	process_list_fini(&windows->last.list);
	free(windows->processes);
	free(windows->services);
	free(windows);
}
