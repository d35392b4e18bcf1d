/* SPDX-License-Identifier: BSD-2-Clause */
#include "export/metrics.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "export/metrics_text.h"
#include "util/flush.h"
#include "util/runtime.h"

const char *const metrics_content_types[METRICS_FORMATS] = {
	[METRICS_PROMETHEUS] = "text/plain; version=0.0.4; charset=utf-8",
	[METRICS_OPENMETRICS] = "application/openmetrics-text; version=1.0.0; charset=utf-8",
};

enum metric_type { COUNTER, GAUGE, HISTOGRAM, INFO };

struct metrics {
	FILE *out;
	const struct totals_snapshot *totals;
	bool openmetrics;
	/* Made once, as each family needs them. */
	char **service_labels;
	char **endpoint_labels;
};

/* One family. Its name is as its samples have it in OpenMetrics without their suffix. */
struct metric_row {
	const char *name;
	enum metric_type type;
	const char *unit; /* NULL: a count. Figures of unit "seconds" are ns here */
	const char *help;
	void (*put)(const struct metrics *metrics, const struct metric_row *row);
	size_t offset; /* of the uint64_t that `put` shows, in totals_endpoint, totals_service or totals_frame */
};

/* ---- samples -------------------------------------------------------------------------------------------------------------- */

static const char *const suffixes[] = {[COUNTER] = "_total", [GAUGE] = "", [HISTOGRAM] = "", [INFO] = "_info"};

/* more_name, more_value: one more label; NULL: none. */
static void put_value(const struct metrics *metrics, const struct metric_row *row, const char *labels, const char *more_name,
		      const char *more_value, uint64_t value)
{
	text_sample(metrics->out, row->name, suffixes[row->type], &(struct text_labels){labels, more_name, more_value});
	if (row->unit && !strcmp(row->unit, "seconds"))
		text_seconds(metrics->out, value);
	else
		fprintf(metrics->out, "%" PRIu64, value);
	putc_unlocked('\n', metrics->out);
}

static uint64_t figure_at(const void *sums, size_t offset)
{
	return *(const uint64_t *)((const char *)sums + offset);
}

/* Of all endpoints that have requests, also at 0. */
static void put_of_served(const struct metrics *metrics, const struct metric_row *row)
{
	for (size_t i = 0; i < metrics->totals->endpoint_count; i++) {
		const struct totals_endpoint *sums = metrics->totals->endpoints[i].sums;

		if (sums->requests)
			put_value(metrics, row, metrics->endpoint_labels[i], NULL, NULL, figure_at(sums, row->offset));
	}
}

static void put_of_services(const struct metrics *metrics, const struct metric_row *row)
{
	for (size_t i = 0; i < metrics->totals->service_count; i++)
		put_value(metrics, row, metrics->service_labels[i], NULL, NULL, figure_at(metrics->totals->services[i].sums, row->offset));
}

static void put_of_loops(const struct metrics *metrics, const struct metric_row *row)
{
	for (size_t i = 0; i < metrics->totals->service_count; i++) {
		const struct totals_service *sums = metrics->totals->services[i].sums;

		if (sums->loop_time_ns)
			put_value(metrics, row, metrics->service_labels[i], NULL, NULL, figure_at(sums, row->offset));
	}
}

static void put_requests(const struct metrics *metrics, const struct metric_row *row)
{
	static const char *const names[ANSWERS] = {"1xx", "2xx", "3xx", "4xx", "5xx", "none"};

	for (size_t i = 0; i < metrics->totals->endpoint_count; i++)
		for (int answer = 0; answer < ANSWERS; answer++) {
			uint64_t value = metrics->totals->endpoints[i].sums->answers[answer];

			if (value)
				put_value(metrics, row, metrics->endpoint_labels[i], "code", names[answer], value);
		}
}

static void put_wall(const struct metrics *metrics, const struct metric_row *row)
{
	for (size_t i = 0; i < metrics->totals->endpoint_count; i++) {
		const struct totals_endpoint *sums = metrics->totals->endpoints[i].sums;
		const struct text_exemplar exemplar = {
			.request_id = metrics->openmetrics && sums->slowest.id[0] ? sums->slowest.id : NULL,
			.value_ns = sums->slowest.wall_ns,
			.at_unix_ns = sums->slowest.end_unix_ns,
		};

		if (sums->requests)
			text_histogram(metrics->out, row->name, &(struct text_labels){.ready = metrics->endpoint_labels[i]},
				       &(struct text_times){wall_edges_ns, WALL_EDGES, sums->wall.counts, sums->wall.sum_ns}, &exemplar);
	}
}

static void put_parts(const struct metrics *metrics, const struct metric_row *row, size_t endpoint, const char *name, const char *value,
		      const struct part_times *times)
{
	text_histogram(metrics->out, row->name, &(struct text_labels){metrics->endpoint_labels[endpoint], name, value},
		       &(struct text_times){part_edges_ns, PART_EDGES, times->counts, times->sum_ns}, NULL);
}

static void put_states(const struct metrics *metrics, const struct metric_row *row)
{
	for (size_t i = 0; i < metrics->totals->endpoint_count; i++)
		for (int j = 0; j < STATES; j++) {
			enum state state = state_display_order[j];
			const struct part_times *times = &metrics->totals->endpoints[i].sums->state[state];

			if (times->sum_ns)
				put_parts(metrics, row, i, "state", state_names[state].key, times);
		}
}

/* From the first request in a state on, so also at 0: a rate needs a figure from before the first batch. */
static void put_slowest_states(const struct metrics *metrics, const struct metric_row *row)
{
	for (size_t i = 0; i < metrics->totals->endpoint_count; i++)
		for (int j = 0; j < STATES; j++) {
			const struct totals_endpoint *sums = metrics->totals->endpoints[i].sums;
			enum state state = state_display_order[j];

			if (sums->state[state].sum_ns)
				put_value(metrics, row, metrics->endpoint_labels[i], "state", state_names[state].key,
					  sums->slowest_state_ns[state]);
		}
}

static void put_downstream_waits(const struct metrics *metrics, const struct metric_row *row)
{
	for (size_t i = 0; i < metrics->totals->endpoint_count; i++) {
		const struct totals_endpoint *sums = metrics->totals->endpoints[i].sums;

		for (size_t j = 0; j < sums->peer_count; j++)
			put_parts(metrics, row, i, "peer", sums->peers[j].name, &sums->peers[j].net);
	}
}

static void put_downstream_calls(const struct metrics *metrics, const struct metric_row *row)
{
	for (size_t i = 0; i < metrics->totals->endpoint_count; i++) {
		const struct totals_endpoint *sums = metrics->totals->endpoints[i].sums;

		for (size_t j = 0; j < sums->peer_count; j++)
			put_value(metrics, row, metrics->endpoint_labels[i], "peer", sums->peers[j].name, sums->peers[j].calls);
	}
}

static void put_blame(const struct metrics *metrics, const struct metric_row *row, size_t endpoint, const char *name,
		      const struct totals_blame *blame)
{
	for (size_t i = 0; i < blame->count; i++)
		put_value(metrics, row, metrics->endpoint_labels[endpoint], name, blame->culprits[i].endpoint, blame->culprits[i].delay_ns);
}

static void put_loop_delays(const struct metrics *metrics, const struct metric_row *row)
{
	for (size_t i = 0; i < metrics->totals->endpoint_count; i++)
		put_blame(metrics, row, i, "culprit", &metrics->totals->endpoints[i].sums->loops);
}

static void put_lock_waits(const struct metrics *metrics, const struct metric_row *row)
{
	for (size_t i = 0; i < metrics->totals->endpoint_count; i++)
		put_blame(metrics, row, i, "holder", &metrics->totals->endpoints[i].sums->locks);
}

/* Of endpoints that have had streams, also at 0. */
static const struct totals_streams *streams_of(const struct metrics *metrics, size_t endpoint)
{
	const struct totals_streams *streams = &metrics->totals->endpoints[endpoint].sums->streams;

	return streams->kind != WIRE_NO_STREAM ? streams : NULL;
}

static void put_of_streams(const struct metrics *metrics, const struct metric_row *row)
{
	for (size_t i = 0; i < metrics->totals->endpoint_count; i++) {
		const struct totals_streams *streams = streams_of(metrics, i);

		if (streams)
			put_value(metrics, row, metrics->endpoint_labels[i], "kind", stream_kind_names[streams->kind],
				  figure_at(streams, row->offset));
	}
}

/* What was read stands at the offset, and what was written behind it. */
static void put_of_directions(const struct metrics *metrics, const struct metric_row *row)
{
	for (size_t i = 0; i < metrics->totals->endpoint_count; i++) {
		const struct totals_streams *streams = streams_of(metrics, i);

		if (!streams)
			continue;
		put_value(metrics, row, metrics->endpoint_labels[i], "direction", "in", figure_at(streams, row->offset));
		put_value(metrics, row, metrics->endpoint_labels[i], "direction", "out",
			  figure_at(streams, row->offset + sizeof(uint64_t)));
	}
}

static void put_switches(const struct metrics *metrics, const struct metric_row *row)
{
	for (size_t i = 0; i < metrics->totals->service_count; i++) {
		const struct totals_service *sums = metrics->totals->services[i].sums;

		put_value(metrics, row, metrics->service_labels[i], "kind", "voluntary", sums->voluntary_switches);
		put_value(metrics, row, metrics->service_labels[i], "kind", "involuntary", sums->involuntary_switches);
	}
}

static void put_cpu(const struct metrics *metrics, const struct metric_row *row)
{
	static const char *const names[CPU_USES] = {"request", "after_response", "runtime", "background", "unattributed"};

	for (size_t i = 0; i < metrics->totals->service_count; i++)
		for (int use = 0; use < CPU_USES; use++)
			put_value(metrics, row, metrics->service_labels[i], "use", names[use],
				  metrics->totals->services[i].sums->cpu_ns[use]);
}

static void put_targets(const struct metrics *metrics, const struct metric_row *row)
{
	const struct totals_frame *frame = &metrics->totals->frame;

	for (size_t i = 0; i < frame->target_count; i++)
		put_value(metrics, row, "", "target", frame->targets[i].name, frame->targets[i].up);
}

static void put_cores(const struct metrics *metrics, const struct metric_row *row)
{
	if (metrics->totals->frame.cores)
		put_value(metrics, row, "", NULL, NULL, metrics->totals->frame.cores);
}

static void put_core_use(const struct metrics *metrics, const struct metric_row *row)
{
	const struct core_use *use = &metrics->totals->frame.core_use;

	for (uint32_t i = 0; i < use->count; i++) {
		char core[16];

		snprintf(core, sizeof(core), "%" PRIu32, i);
		put_value(metrics, row, "", "core", core, use->ns[i]);
	}
}

static void put_of_tracer(const struct metrics *metrics, const struct metric_row *row)
{
	put_value(metrics, row, "", NULL, NULL, figure_at(&metrics->totals->frame, row->offset));
}

static void put_tracer_cpu(const struct metrics *metrics, const struct metric_row *row)
{
	const struct totals_frame *frame = &metrics->totals->frame;

	/* Not known is not 0. */
	if (frame->tool_kernel_ns != UINT64_MAX)
		put_value(metrics, row, "", "part", "kernel", frame->tool_kernel_ns);
	put_value(metrics, row, "", "part", "user", frame->tool_user_cpu_ns);
}

static void put_losses(const struct metrics *metrics, const struct metric_row *row)
{
	for (size_t i = 0; i < metrics->totals->frame.loss_count; i++)
		put_value(metrics, row, "", "kind", metrics->totals->frame.losses[i].name, metrics->totals->frame.losses[i].count);
}

static void put_kind(const struct metrics *metrics, const struct metric_row *row, const char *labels, const struct totals_kind *kind)
{
	static const char *const hook_words[] = {
		[HOOK_ABSENT] = "none", [HOOK_UNASKED] = "off", [HOOK_REFUSED] = "refused", [HOOK_ON] = "on"};
	static const char rest[] = "(other kinds)";
	const char *runtime = runtime_words_of(kind->runtime)->key;

	fprintf(metrics->out, "%s%s{%s", row->name, suffixes[row->type], labels);
	text_label(metrics->out, true, "runtime", kind->is_rest ? rest : runtime ? runtime : "unknown");
	text_label(metrics->out, true, "model", kind->is_rest ? rest : kind->model ? kind->model : "unknown");
	text_label(metrics->out, true, "hook", kind->is_rest ? rest : hook_words[kind->hook]);
	fputs("} 1\n", metrics->out);
}

static void put_kinds(const struct metrics *metrics, const struct metric_row *row)
{
	for (size_t i = 0; i < metrics->totals->service_count; i++) {
		const struct totals_service *sums = metrics->totals->services[i].sums;

		for (size_t kind = 0; kind < sums->kind_count; kind++)
			put_kind(metrics, row, metrics->service_labels[i], &sums->kinds[kind]);
	}
}

static void put_build(const struct metrics *metrics, const struct metric_row *row)
{
	fprintf(metrics->out, "%s%s{", row->name, suffixes[row->type]);
	text_label(metrics->out, false, "version", metrics->totals->frame.version);
	text_label(metrics->out, true, "kernel", metrics->totals->frame.kernel);
	fputs("} 1\n", metrics->out);
}

/* ---- the families --------------------------------------------------------------------------------------------------------- */

#define OF_ENDPOINT(figure) offsetof(struct totals_endpoint, figure)
#define OF_STREAMS(figure)  offsetof(struct totals_streams, figure)
#define OF_SERVICE(figure)  offsetof(struct totals_service, figure)
#define OF_FRAME(figure)    offsetof(struct totals_frame, figure)

static const struct metric_row metric_rows[] = {
	{"iocpu_requests", COUNTER, NULL, "Finished requests, by the class of their status code.", put_requests, 0},
	{"iocpu_request_wall_seconds", HISTOGRAM, "seconds", "Time from a request's first byte to the last byte of its response.", put_wall,
	 0},
	{"iocpu_request_state_seconds", HISTOGRAM, "seconds", "Time of a request in each state; a request's states sum to its wall time.",
	 put_states, 0},
	{"iocpu_slowest_requests", COUNTER, NULL, "The slowest 1% of requests: how many.", put_of_served, OF_ENDPOINT(slowest_requests)},
	{"iocpu_slowest_state_seconds", COUNTER, "seconds", "The slowest 1% of requests: their time in each state.", put_slowest_states, 0},
	{"iocpu_downstream_wait_seconds", HISTOGRAM, "seconds", "Time of a request with a call to this peer in flight.",
	 put_downstream_waits, 0},
	{"iocpu_downstream_calls", COUNTER, NULL, "Calls to this peer.", put_downstream_calls, 0},
	{"iocpu_ambiguous_requests", COUNTER, NULL, "Requests of which the evidence contradicted itself.", put_of_served,
	 OF_ENDPOINT(ambiguous_requests)},
	{"iocpu_loop_delay_seconds", COUNTER, "seconds", "Time that requests waited because one of the culprit held the event loop.",
	 put_loop_delays, 0},
	{"iocpu_lock_wait_seconds", COUNTER, "seconds", "Time that requests waited in LOCK for what one of the holder had.", put_lock_waits,
	 0},
	{"iocpu_streams_open", GAUGE, NULL, "Streams (WebSockets, event streams, tunnels) that are open.", put_of_streams,
	 OF_STREAMS(open)},
	{"iocpu_streams_opened", COUNTER, NULL, "Streams that requests opened; those are not among the endpoint's requests.",
	 put_of_streams, OF_STREAMS(opened)},
	{"iocpu_streams_ended", COUNTER, NULL, "Streams that ended.", put_of_streams, OF_STREAMS(ended)},
	{"iocpu_streams_ended_seconds", COUNTER, "seconds", "How long the streams that ended had lasted, in sum.", put_of_streams,
	 OF_STREAMS(ended_lasted_ns)},
	{"iocpu_stream_messages", COUNTER, NULL, "Reads and writes that moved data on streams.", put_of_directions, OF_STREAMS(reads)},
	{"iocpu_stream_bytes", COUNTER, "bytes", "Bytes read from and written to streams.", put_of_directions, OF_STREAMS(read_bytes)},
	{"iocpu_stream_cpu_seconds", COUNTER, "seconds", "CPU time used for streams; it is a part of the service's background.",
	 put_of_streams, OF_STREAMS(cpu_ns)},
	{"iocpu_switches", COUNTER, NULL, "Context switches of the service's threads.", put_switches, 0},
	{"iocpu_cpu_seconds", COUNTER, "seconds", "CPU time of the service's processes, by what it was used for.", put_cpu, 0},
	{"iocpu_in_flight_seconds", COUNTER, "seconds", "Request-seconds: its rate is the mean number of requests in flight.",
	 put_of_services, OF_SERVICE(request_time_ns)},
	{"iocpu_on_core_seconds", COUNTER, "seconds", "Thread-seconds on a core: its rate is the mean number of cores in use.",
	 put_of_services, OF_SERVICE(on_core_ns)},
	{"iocpu_loop_busy_seconds", COUNTER, "seconds", "Time that event loop threads were not waiting for events.", put_of_loops,
	 OF_SERVICE(loop_busy_ns)},
	{"iocpu_loop_threads", GAUGE, NULL, "Threads that run an event loop.", put_of_loops, OF_SERVICE(loop_threads)},
	{"iocpu_threads", GAUGE, NULL, "Threads of the service's processes.", put_of_services, OF_SERVICE(threads)},
	{"iocpu_processes", GAUGE, NULL, "Living processes of the service.", put_of_services, OF_SERVICE(processes)},
	{"iocpu_process", INFO, NULL, "What living processes of the service run, and whether a hook into it tells of them: each kind once.",
	 put_kinds, 0},
	{"iocpu_folded_requests", COUNTER, NULL, "Requests of endpoints beyond the cap, which count as endpoint (other).", put_of_services,
	 OF_SERVICE(folded_requests)},
	{"iocpu_core_use_seconds", COUNTER, "seconds", "Time that threads of the targets were on this core.", put_core_use, 0},
	{"iocpu_cores", GAUGE, NULL, "Cores that the targets may use.", put_cores, 0},
	{"iocpu_target_up", GAUGE, NULL, "Does the target run: 1, or is it waited for: 0.", put_targets, 0},
	{"iocpu_tracer_cpu_seconds", COUNTER, "seconds", "CPU time of the tracer itself.", put_tracer_cpu, 0},
	{"iocpu_tracer_lost", COUNTER, NULL, "What the tracer lost, by kind.", put_losses, 0},
	{"iocpu_tracer_memory_bytes", GAUGE, "bytes", "Resident memory of the tracer.", put_of_tracer, OF_FRAME(tool_memory_bytes)},
	{"iocpu_build", INFO, NULL, "Version of the tracer, and of the kernel that it runs on.", put_build, 0},
};

/* The older format knows no family that differs from its samples, no unit and no info. */
static void put_head(const struct metrics *metrics, const struct metric_row *row)
{
	static const char *const types[] = {[COUNTER] = "counter", [GAUGE] = "gauge", [HISTOGRAM] = "histogram", [INFO] = "info"};
	const char *suffix = metrics->openmetrics ? "" : suffixes[row->type];
	const char *type = row->type == INFO && !metrics->openmetrics ? "gauge" : types[row->type];

	fprintf(metrics->out, "# HELP %s%s %s\n# TYPE %s%s %s\n", row->name, suffix, row->help, row->name, suffix, type);
	if (metrics->openmetrics && row->unit)
		fprintf(metrics->out, "# UNIT %s %s\n", row->name, row->unit);
}

/* ---- labels --------------------------------------------------------------------------------------------------------------- */

static char *service_labels(const struct totals_label *label)
{
	char *labels = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&labels, &size);

	if (!out)
		return NULL;
	text_label(out, false, "service", label->service);
	if (*label->pod) {
		text_label(out, true, "namespace", label->pod_namespace);
		text_label(out, true, "pod", label->pod);
		text_label(out, true, "container", label->container);
	}
	return fclose(out) ? NULL : labels;
}

static char *endpoint_labels(const char *service, const char *endpoint)
{
	char *labels = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&labels, &size);

	if (!out)
		return NULL;
	fputs(service, out);
	text_label(out, true, "endpoint", endpoint);
	return fclose(out) ? NULL : labels;
}

static void free_labels(char **labels, size_t count)
{
	for (size_t i = 0; labels && i < count; i++)
		free(labels[i]);
	free(labels);
}

static int make_labels(struct metrics *metrics)
{
	const struct totals_snapshot *totals = metrics->totals;

	metrics->service_labels = calloc(totals->service_count + 1, sizeof(char *));
	metrics->endpoint_labels = calloc(totals->endpoint_count + 1, sizeof(char *));
	if (!metrics->service_labels || !metrics->endpoint_labels)
		return -ENOMEM;
	for (size_t i = 0; i < totals->service_count; i++) {
		metrics->service_labels[i] = service_labels(&totals->services[i].label);
		if (!metrics->service_labels[i])
			return -ENOMEM;
	}
	for (size_t i = 0; i < totals->endpoint_count; i++) {
		const struct totals_endpoint_row *row = &totals->endpoints[i];

		metrics->endpoint_labels[i] = endpoint_labels(metrics->service_labels[row->service], row->endpoint);
		if (!metrics->endpoint_labels[i])
			return -ENOMEM;
	}
	return 0;
}

int metrics_print(FILE *out, const struct totals_snapshot *totals, enum metrics_format format)
{
	struct metrics metrics = {.out = out, .totals = totals, .openmetrics = format == METRICS_OPENMETRICS};
	int err = make_labels(&metrics);

	for (size_t i = 0; !err && i < sizeof(metric_rows) / sizeof(metric_rows[0]); i++) {
		put_head(&metrics, &metric_rows[i]);
		metric_rows[i].put(&metrics, &metric_rows[i]);
	}
	if (!err && metrics.openmetrics)
		fputs("# EOF\n", out);
	free_labels(metrics.service_labels, totals->service_count);
	free_labels(metrics.endpoint_labels, totals->endpoint_count);
	return err ? err : flush_stream(out);
}
