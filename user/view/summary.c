/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <string.h>

#include "util/apportion.h"
#include "view/table_parts.h"
#include "view/text.h"

/* Names of one kind that are listed before the rest is counted. */
#define NAMES_MAX 3

/* Fewer requests than this share of the loop's time say nothing about where it tops out. */
#define LOOP_BUSY_MIN 0.1

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
};

static const char *plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}

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
		if (!first_of_its_name(frame, i))
			continue;
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

/* The process that has most of the requests stands for how the target is built. */
static const struct snapshot_process *busiest_process(const struct snapshot_frame *frame)
{
	const struct snapshot_process *busiest = NULL;

	for (size_t i = 0; i < frame->process_count; i++)
		if (!busiest || frame->processes[i].now.request_time_ns > busiest->now.request_time_ns)
			busiest = &frame->processes[i];
	return busiest;
}

static const char *words_of_model(const char *model)
{
	for (size_t i = 0; model && i < sizeof(model_words) / sizeof(model_words[0]); i++)
		if (!strcmp(model_words[i].model, model))
			return model_words[i].words;
	return model ? model : "model ?";
}

/* "event loop, 1 loop thread + 4 workers" */
static void print_model(FILE *out, const struct snapshot_frame *frame)
{
	const struct snapshot_process *busiest = busiest_process(frame);
	uint32_t threads = 0, loop_threads = 0;

	if (!busiest)
		return;
	for (size_t i = 0; i < frame->process_count; i++) {
		threads += frame->processes[i].now.threads;
		loop_threads += frame->processes[i].now.loop_threads;
	}
	fprintf(out, " · %s, ", words_of_model(busiest->now.model));
	if (!loop_threads || loop_threads > threads)
		fprintf(out, "%" PRIu32 " thread%s", threads, plural(threads));
	else
		fprintf(out, "%" PRIu32 " loop thread%s", loop_threads, plural(loop_threads));
	if (loop_threads && threads > loop_threads)
		fprintf(out, " + %" PRIu32 " worker%s", threads - loop_threads, plural(threads - loop_threads));
}

/* "0 lost", or every kind that is not 0: "lost: 12 records, 5 calls" */
static void print_losses(FILE *out, const struct snapshot_frame *frame)
{
	const char *separator = "lost: ";

	for (size_t i = 0; i < frame->loss_count; i++) {
		if (!frame->losses[i].count)
			continue;
		fprintf(out, "%s%" PRIu64 " %s", separator, frame->losses[i].count, frame->losses[i].name);
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
	if (options->waits_for) {
		fputs(": ", out);
		text_print(out, options->waits_for, SIZE_MAX);
	}
	fputc('\n', out);
}

/* ---- below the rows */

/* Sums of all processes; a mean is unknown (negative) when one process's is. */
struct totals {
	double in_flight_mean;
	double on_core_mean;
	double loop_busy_sum; /* over loop threads */
	uint32_t loop_threads;
	bool all_in_loops; /* every process that served requests did so in loops */
	uint64_t cpu_ns[4];
	uint64_t after_response_cpu_ns;
};

/* In the order of totals.cpu_ns. */
static const char *const cpu_words[] = {"in requests", "runtime (GC, JIT)", "background", "unattributed"};

static double sum_if_known(double sum, double more)
{
	return sum < 0 || more < 0 ? -1 : sum + more;
}

static struct totals totals_of(const struct snapshot_frame *frame)
{
	struct totals totals = {.all_in_loops = true};

	for (size_t i = 0; i < frame->process_count; i++) {
		const struct snapshot_process *process = &frame->processes[i];
		const struct process *now = &process->now;

		totals.in_flight_mean = sum_if_known(totals.in_flight_mean, process->in_flight_mean);
		totals.on_core_mean = sum_if_known(totals.on_core_mean, process->on_core_mean);
		if (process->loop_busy_share >= 0 && now->loop_threads) {
			totals.loop_busy_sum += process->loop_busy_share * now->loop_threads;
			totals.loop_threads += now->loop_threads;
		} else if (now->request_cpu_ns) {
			totals.all_in_loops = false;
		}
		totals.cpu_ns[0] += now->request_cpu_ns + now->after_response_cpu_ns;
		totals.cpu_ns[1] += now->runtime_cpu_ns;
		totals.cpu_ns[2] += now->background_cpu_ns;
		totals.cpu_ns[3] += now->unattributed_cpu_ns;
		totals.after_response_cpu_ns += now->after_response_cpu_ns;
	}
	return totals;
}

double background_share(const struct snapshot *snapshot)
{
	return snapshot->frame.window_ns ? (double)totals_of(&snapshot->frame).cpu_ns[2] / (double)snapshot->frame.window_ns : 0;
}

/* At most what the loops would do if they were never idle, as long as the mix of requests stays. */
static void print_ceiling(FILE *out, const struct snapshot *snapshot, const struct totals *totals)
{
	double rate = 0, ceiling;

	for (size_t i = 0; i < snapshot->endpoint_count; i++)
		rate += snapshot->endpoints[i].rate;
	if (!totals->all_in_loops || rate <= 0 || totals->loop_busy_sum / totals->loop_threads < LOOP_BUSY_MIN)
		return;
	ceiling = rate * totals->loop_threads / totals->loop_busy_sum;
	if (totals->loop_threads == 1)
		fprintf(out, " · this loop tops out near %.*f req/s", ceiling < 9.95, ceiling);
	else
		fprintf(out, " · these %" PRIu32 " loops top out near %.*f req/s", totals->loop_threads, ceiling < 9.95, ceiling);
}

static void print_concurrency(FILE *out, const struct snapshot *snapshot, const struct totals *totals)
{
	if (totals->in_flight_mean < 0)
		fputs("in flight ? (concurrency)", out);
	else
		fprintf(out, "in flight %.1f (concurrency)", totals->in_flight_mean);
	if (totals->on_core_mean < 0)
		fprintf(out, " · on a core ? of %" PRIu32 " (parallelism)", snapshot->frame.cores);
	else
		fprintf(out, " · on a core %.2f of %" PRIu32 " (parallelism)", totals->on_core_mean, snapshot->frame.cores);
	if (totals->loop_threads) {
		fprintf(out, " · loop%s busy %.0f%%", plural(totals->loop_threads), 100 * totals->loop_busy_sum / totals->loop_threads);
		print_ceiling(out, snapshot, totals);
	}
	fputc('\n', out);
}

/* A share of almost nothing is not nothing. */
static void print_percent(FILE *out, uint64_t part, uint64_t whole)
{
	double percent = whole ? 100.0 * (double)part / (double)whole : 0;

	fprintf(out, part && percent < 0.05 ? "<0.1%%" : "%.1f%%", percent);
}

static void print_cpu(FILE *out, const struct totals *totals)
{
	const uint64_t sum_ns = totals->cpu_ns[0] + totals->cpu_ns[1] + totals->cpu_ns[2] + totals->cpu_ns[3];
	/* Scaled to a whole of 10^6, of which apportion keeps thousandths: tenths of a percent that sum to 100. */
	uint64_t scaled[4], tenths[4];

	if (!sum_ns) {
		fputs("CPU: none was used", out);
		return;
	}
	for (int i = 0; i < 4; i++)
		scaled[i] = (uint64_t)((double)totals->cpu_ns[i] / (double)sum_ns * 1e6);
	apportion(scaled, 4, 1000, tenths);
	fputs("CPU: ", out);
	for (int i = 0; i < 4; i++)
		fprintf(out, "%s%" PRIu64 ".%" PRIu64 "%% %s", i ? ", " : "", tenths[i] / 10, tenths[i] % 10, cpu_words[i]);
	if (totals->after_response_cpu_ns * 1000 >= sum_ns) {
		fputs(" · ", out);
		print_percent(out, totals->after_response_cpu_ns, sum_ns);
		fputs(" after responses", out);
	}
}

void footer_print(FILE *out, const struct snapshot *snapshot)
{
	struct totals totals = totals_of(&snapshot->frame);

	print_concurrency(out, snapshot, &totals);
	print_cpu(out, &totals);
	if (snapshot->requests) {
		fputs(" · ", out);
		print_percent(out, snapshot->ambiguous_requests, snapshot->requests);
		fputs(" of requests have ambiguous parts", out);
	}
	fputc('\n', out);
	if (snapshot->endpoints_folded)
		fprintf(out, "%" PRIu64 " request%s in (other): there are more endpoints than the table keeps apart; --route folds them\n",
			snapshot->endpoints_folded, plural(snapshot->endpoints_folded));
}
