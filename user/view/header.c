/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <string.h>

#include "util/runtime.h"
#include "view/table_parts.h"
#include "view/text.h"

/* Names of one kind that are listed before the rest is counted. */
#define NAMES_MAX 3

struct model_words {
	const char *model;
	const char *words;
};

static const struct model_words model_words[] = {
	{"thread-per-connection", "thread per connection"},
	{"worker-pool", "worker pool"},
	{"pre-fork", "pre-fork"},
	{"event-loop", "event loop"},
	{"event-loops", "event loops"},
	{"goroutines", "goroutines"},
	{"virtual-threads", "virtual threads"},
	{"asyncio-tasks", "asyncio tasks"},
	{"tasks", "tasks"},
};

static bool first_of_its_name(const struct snapshot_frame *frame, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (!strncmp(frame->processes[i].now.comm, frame->processes[at].now.comm, COMM_MAX))
			return false;
	return true;
}

/* "node (pid 4121)", "nginx (pids 11, 12)", "postgres (9 processes)" */
static void print_processes_named(FILE *out, const struct snapshot_frame *frame, size_t first)
{
	const char *comm = frame->processes[first].now.comm, *separator = "";
	size_t count = 0;

	for (size_t i = first; i < frame->process_count; i++)
		count += !strncmp(frame->processes[i].now.comm, comm, COMM_MAX);
	text_print(out, comm, COMM_MAX);
	if (count > NAMES_MAX) {
		fprintf(out, " (%zu processes)", count);
		return;
	}
	fprintf(out, " (pid%s ", plural(count));
	for (size_t i = first; i < frame->process_count; i++) {
		if (strncmp(frame->processes[i].now.comm, comm, COMM_MAX))
			continue;
		fprintf(out, "%s%" PRIu32, separator, frame->processes[i].now.tgid);
		separator = ", ";
	}
	fputc(')', out);
}

static void print_processes(FILE *out, const struct snapshot_frame *frame)
{
	size_t names = 0;

	for (size_t i = 0; i < frame->process_count; i++) {
		if (!frame->processes[i].now.tgid || !first_of_its_name(frame, i))
			continue; /* the sum of those that ended long ago is no process */
		if (names++ < NAMES_MAX) {
			fputs(names > 1 ? ", " : "", out);
			print_processes_named(out, frame, i);
		}
	}
	if (names > NAMES_MAX)
		fprintf(out, " and %zu more", names - NAMES_MAX);
	if (!names)
		fputs("no process yet", out);
}

static const char *words_of_model(const struct process *process)
{
	const char *model = process->model;

	for (size_t i = 0; model && i < sizeof(model_words) / sizeof(model_words[0]); i++)
		if (!strcmp(model_words[i].model, model))
			return model_words[i].words;
	return model ? model : "model unknown";
}

static const char *words_of_runtime(const struct process *process)
{
	return runtime_words_of(process->runtime)->name;
}

/* What is said of all processes that served requests, if it is the same; NULL: it is not. Before any request, what is known yet. */
static const char *common_words(const struct snapshot_frame *frame, const char *(*words_of)(const struct process *process))
{
	const char *common = NULL;

	for (size_t i = 0; i < frame->process_count; i++) {
		const struct process *now = &frame->processes[i].now;
		const char *words = words_of(now);

		/* What serves nothing, as a pre-fork server's parent, has no say. */
		if (!now->request_time_ns)
			continue;
		if (common && strcmp(common, words))
			return NULL;
		common = words;
	}
	return common ? common : words_of(&frame->processes[0].now);
}

/* "Node.js, event loop, 1 loop thread + 4 workers" */
static void print_model(FILE *out, const struct snapshot_frame *frame)
{
	uint32_t threads = 0, loop_threads = 0, workers = 0;
	const char *runtime, *model;

	if (!frame->process_count)
		return;
	runtime = common_words(frame, words_of_runtime);
	model = common_words(frame, words_of_model);
	for (size_t i = 0; i < frame->process_count; i++) {
		const struct process *now = &frame->processes[i].now;

		threads += now->threads;
		loop_threads += now->loop_threads;
		/* A process without a loop, as nginx's master, works for none. */
		if (now->loop_threads && now->threads > now->loop_threads)
			workers += now->threads - now->loop_threads;
	}
	fprintf(out, " · %s, %s, ", runtime ? runtime : "several runtimes", model ? model : "several models");
	if (!model || !loop_threads || loop_threads > threads)
		fprintf(out, "%" PRIu32 " thread%s", threads, plural(threads));
	else
		fprintf(out, "%" PRIu32 " loop thread%s", loop_threads, plural(loop_threads));
	if (model && loop_threads && workers)
		fprintf(out, " + %" PRIu32 " worker%s", workers, plural(workers));
}

/* "0 lost", or every kind that is not 0: "lost: 12 records, 5 calls" */
static void print_losses(FILE *out, const struct snapshot_frame *frame)
{
	const char *separator = "lost: ";

	for (size_t i = 0; i < frame->loss_count; i++) {
		if (!frame->losses[i].count)
			continue;
		fprintf(out, "%s%" PRIu64 " ", separator, frame->losses[i].count);
		for (const char *c = frame->losses[i].name; *c; c++)
			fputc(*c == '_' ? ' ' : *c, out);
		separator = ", ";
	}
	if (!strcmp(separator, "lost: "))
		fputs("0 lost", out);
}

void header_print(FILE *out, const struct snapshot *snapshot, const struct table_options *options)
{
	const struct snapshot_frame *frame = &snapshot->frame;
	double share = snapshot_tool_share(frame);

	fputs("iocpu-trace · ", out);
	print_processes(out, frame);
	print_model(out, frame);
	fprintf(out, " · %" PRIu32 " core%s · %s %.1f s · tracer: ", frame->cores, plural(frame->cores), options->total ? "total," : "last",
		(double)frame->window_ns / 1e9);
	if (share < 0)
		fputs("? of one core, ", out);
	else
		fprintf(out, "%.1f%% of one core, ", 100 * share);
	print_losses(out, frame);
	fputc('\n', out);
}

static void print_listeners(FILE *out, const struct snapshot_frame *frame)
{
	const char *separator = " on ";

	for (size_t i = 0; i < frame->process_count; i++) {
		const struct process *now = &frame->processes[i].now;

		if (!now->port && !now->unix_path[0])
			continue;
		fputs(separator, out);
		if (now->port)
			fprintf(out, "port %u", now->port);
		else
			text_print(out, now->unix_path, sizeof(now->unix_path));
		separator = ", ";
	}
}

void waiting_print(FILE *out, const struct snapshot *snapshot, const struct table_options *options)
{
	if (options->total) {
		fputs("no request was seen", out);
	} else {
		fputs("waiting for the first request to ", out);
		print_processes(out, &snapshot->frame);
		print_listeners(out, &snapshot->frame);
	}
	fputc('\n', out);
	/* On a line of its own, so that a narrow terminal does not cut it off. */
	if (options->waits_for) {
		text_print(out, options->waits_for, SIZE_MAX);
		fputc('\n', out);
	}
}
