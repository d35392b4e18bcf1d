/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>

#include "util/apportion.h"
#include "view/table_parts.h"
#include "view/text.h"

/* A loop that is less busy than this says too little about where it tops out. */
#define LOOP_BUSY_MIN 0.1

enum cpu_part { CPU_REQUESTS, CPU_STREAMS, CPU_RUNTIME, CPU_BACKGROUND, CPU_UNATTRIBUTED, CPU_PARTS };

static const char *const cpu_words[CPU_PARTS] = {"in requests", "in streams", "runtime (GC, JIT, scheduler)", "background", "unattributed"};

/* Sums of all processes; a mean is unknown (negative) when one process's is. */
struct totals {
	double in_flight_mean;
	double on_core_mean;
	double loop_busy_sum; /* over loop threads */
	uint32_t loop_threads;
	bool all_in_loops; /* every process that served requests did so in loops */
	uint64_t cpu_ns[CPU_PARTS];
	uint64_t after_response_cpu_ns;
};

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
		totals.cpu_ns[CPU_REQUESTS] += now->request_cpu_ns + now->after_response_cpu_ns;
		totals.cpu_ns[CPU_RUNTIME] += now->runtime_cpu_ns;
		totals.cpu_ns[CPU_STREAMS] += now->stream_cpu_ns;
		totals.cpu_ns[CPU_BACKGROUND] += now->background_cpu_ns - now->stream_cpu_ns;
		totals.cpu_ns[CPU_UNATTRIBUTED] += now->unattributed_cpu_ns;
		totals.after_response_cpu_ns += now->after_response_cpu_ns;
	}
	return totals;
}

double background_share(const struct snapshot *snapshot)
{
	return snapshot->frame.window_ns ? (double)totals_of(&snapshot->frame).cpu_ns[CPU_BACKGROUND] / (double)snapshot->frame.window_ns
					 : 0;
}

double setup_share(const struct snapshot *snapshot)
{
	uint64_t background_ns = totals_of(&snapshot->frame).cpu_ns[CPU_BACKGROUND], setup_ns = 0;

	for (size_t i = 0; i < snapshot->frame.process_count; i++)
		setup_ns += snapshot->frame.processes[i].now.setup_cpu_ns;
	return background_ns ? (double)setup_ns / (double)background_ns : 0;
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

#define CORES_NAMED 4

/* Which cores did the work: as many as a line takes, those with the lowest numbers. */
static void print_cores(FILE *out, const struct snapshot_frame *frame)
{
	uint32_t used = 0;

	for (uint32_t i = 0; frame->window_ns && i < frame->core_use->count; i++) {
		if (!frame->core_use->ns[i])
			continue;
		if (used < CORES_NAMED)
			fprintf(out, "%s core %" PRIu32 " %.0f%%", used ? "," : ":", i,
				100 * (double)frame->core_use->ns[i] / (double)frame->window_ns);
		used++;
	}
	if (used > CORES_NAMED)
		fprintf(out, ", %" PRIu32 " more", used - CORES_NAMED);
}

static void print_concurrency(FILE *out, const struct snapshot *snapshot, const struct totals *totals)
{
	if (totals->in_flight_mean < 0)
		fputs("in flight ? (concurrency)", out);
	else
		fprintf(out, "in flight %.1f (concurrency)", totals->in_flight_mean);
	if (totals->on_core_mean < 0)
		fprintf(out, " · on a core ? of %" PRIu32 " (parallelism", snapshot->frame.cores);
	else
		fprintf(out, " · on a core %.2f of %" PRIu32 " (parallelism", totals->on_core_mean, snapshot->frame.cores);
	if (snapshot->frame.cores > 1)
		print_cores(out, &snapshot->frame);
	fputc(')', out);
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

static void print_after_response(FILE *out, uint64_t after_response_cpu_ns, uint64_t sum_ns)
{
	fputs(" (", out);
	print_percent(out, after_response_cpu_ns, sum_ns);
	fputs(" after the response)", out);
}

static void print_cpu(FILE *out, const struct totals *totals)
{
	uint64_t sum_ns = 0;
	/* Scaled to a whole of 10^6, of which apportion keeps thousandths: tenths of a percent that sum to 100. */
	uint64_t scaled[CPU_PARTS], tenths[CPU_PARTS];

	for (int i = 0; i < CPU_PARTS; i++)
		sum_ns += totals->cpu_ns[i];
	if (!sum_ns) {
		fputs("CPU: none was used", out);
		return;
	}
	for (int i = 0; i < CPU_PARTS; i++)
		scaled[i] = (uint64_t)((double)totals->cpu_ns[i] / (double)sum_ns * 1e6);
	apportion(scaled, CPU_PARTS, 1000, tenths);
	fputs("CPU: ", out);
	for (int i = 0; i < CPU_PARTS; i++) {
		if (i == CPU_STREAMS && !totals->cpu_ns[i])
			continue; /* most servers have none */
		fprintf(out, "%s%" PRIu64 ".%" PRIu64 "%% %s", i ? ", " : "", tenths[i] / 10, tenths[i] % 10, cpu_words[i]);
		if (!i && totals->after_response_cpu_ns * 1000 >= sum_ns)
			print_after_response(out, totals->after_response_cpu_ns, sum_ns);
	}
}

/* What may settle it, and why it does not. */
static void print_missing_hook(FILE *out, const struct snapshot_process *process)
{
	fprintf(out, "; whose work a thread does, a hook into %s may show", snapshot_missing_hook(process));
	if (process->hook != HOOK_REFUSED)
		fputs(" (--hooks auto)", out);
	else if (process->hook_says) {
		fputs(", and is ", out);
		text_print(out, process->hook_says, SIZE_MAX);
	}
}

/* Of the process with the most of them; one that a hook would tell more of goes before the others. */
static const struct snapshot_process *find_most_ambiguous(const struct snapshot_frame *frame)
{
	const struct snapshot_process *most = NULL;

	for (size_t i = 0; i < frame->process_count; i++) {
		const struct snapshot_process *process = &frame->processes[i];
		bool more = !most || process->now.ambiguous_requests > most->now.ambiguous_requests;
		bool settles = snapshot_missing_hook(process), most_settles = most && snapshot_missing_hook(most);

		if (process->now.ambiguous_requests && (settles == most_settles ? more : settles))
			most = process;
	}
	return most;
}

static void print_why_ambiguous(FILE *out, const struct snapshot_frame *frame)
{
	const struct snapshot_process *process = find_most_ambiguous(frame);

	if (!process)
		return;
	if (process->now.shared_conn_ambiguous)
		fputs(": they share downstream connections", out);
	if (snapshot_missing_hook(process))
		print_missing_hook(out, process);
	else if (process->now.shared_conn_ambiguous)
		fputs(snapshot_hook_is_on(process) ? ", and not even the hook shows whose call is whose"
						   : ", and no hook tells which of them a callback works for",
		      out);
}

void footer_print(FILE *out, const struct snapshot *snapshot, const struct table_options *options)
{
	struct totals totals = totals_of(&snapshot->frame);

	(void)options;
	print_concurrency(out, snapshot, &totals);
	print_cpu(out, &totals);
	if (snapshot->requests) {
		fputs(" · ", out);
		print_percent(out, snapshot->ambiguous_requests, snapshot->requests);
		fputs(" of requests have ambiguous parts", out);
		print_why_ambiguous(out, &snapshot->frame);
	}
	fputc('\n', out);
	if (snapshot->endpoints_folded)
		fprintf(out, "%" PRIu64 " request%s in (other): there are more endpoints than the table keeps apart; --route folds them\n",
			snapshot->endpoints_folded, plural(snapshot->endpoints_folded));
}
