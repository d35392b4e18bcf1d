/* SPDX-License-Identifier: BSD-2-Clause */
#include "export/json.h"

#include <string.h>

#include "util/json_out.h"
#include "util/runtime.h"

#define SCHEMA "iocpu-trace/1"

static void put_known(struct json_out *json, const char *key, uint64_t value)
{
	if (value == UNKNOWN_NS)
		json_null(json, key);
	else
		json_integer(json, key, value);
}

static void put_known_real(struct json_out *json, const char *key, double value)
{
	if (value < 0)
		json_null(json, key);
	else
		json_real(json, key, value);
}

static void put_states(struct json_out *json, const char *key, const uint64_t state_ns[STATES])
{
	json_begin(json, key, '{');
	for (int i = 0; i < STATES; i++)
		json_integer(json, state_names[state_display_order[i]].key, state_ns[state_display_order[i]]);
	json_end(json, '}');
}

/* ---- a snapshot */

static void put_losses(struct json_out *json, const struct snapshot_frame *frame)
{
	json_begin(json, "lost", '{');
	for (size_t i = 0; i < frame->loss_count; i++) {
		char key[64];

		snprintf(key, sizeof(key), "%s", frame->losses[i].name);
		for (char *c = key; *c; c++)
			*c = *c == ' ' || *c == '-' ? '_' : *c;
		json_integer(json, key, frame->losses[i].count);
	}
	json_end(json, '}');
}

static void put_tool(struct json_out *json, const struct snapshot_frame *frame)
{
	json_begin(json, "tool", '{');
	json_string(json, "version", frame->version);
	json_begin(json, "cost", '{');
	put_known(json, "kernel_ns", frame->tool_kernel_ns);
	put_known(json, "user_cpu_ns", frame->tool_user_cpu_ns);
	put_known_real(json, "share_of_core", snapshot_tool_share(frame));
	json_end(json, '}');
	put_losses(json, frame);
	json_end(json, '}');
}

static void put_window(struct json_out *json, const struct snapshot_frame *frame)
{
	json_begin(json, "window", '{');
	json_integer(json, "start_unix_ns", frame->window_start_unix_ns);
	json_integer(json, "duration_ns", frame->window_ns);
	json_end(json, '}');
}

/* The cores that were used at all: by how much of the window. */
static void put_core_use(struct json_out *json, const struct snapshot_frame *frame)
{
	json_begin(json, "core_use", '[');
	for (uint32_t i = 0; frame->window_ns && i < frame->core_use->count; i++) {
		if (!frame->core_use->ns[i])
			continue;
		json_begin(json, NULL, '{');
		json_integer(json, "core", i);
		json_real(json, "share", (double)frame->core_use->ns[i] / (double)frame->window_ns);
		json_end(json, '}');
	}
	json_end(json, ']');
}

/* Whether a hook into the runtime tells; null: it has none, or there is nothing to hook, or a recording does not say. */
static void put_hook(struct json_out *json, const struct snapshot_process *process)
{
	bool on = snapshot_hook_is_on(process);

	if (!on && process->hook != HOOK_REFUSED && process->hook != HOOK_UNASKED) {
		json_null(json, "hook");
		return;
	}
	json_begin(json, "hook", '{');
	json_bool(json, "on", on);
	json_string(json, "says", process->hook_says);
	json_end(json, '}');
}

static void put_process(struct json_out *json, const struct snapshot_process *process, uint32_t cores)
{
	const struct process *now = &process->now;

	json_begin(json, NULL, '{');
	json_integer(json, "pid", now->tgid);
	json_string(json, "comm", now->comm);
	json_string(json, "service", process->service);
	json_string(json, "runtime", runtime_words_of(now->runtime)->key);
	put_hook(json, process);
	json_string(json, "model", now->model);
	json_integer(json, "threads", now->threads);
	json_integer(json, "cores", cores);
	json_integer(json, "cpu_ns", now->cpu_ns);
	json_integer(json, "request_cpu_ns", now->request_cpu_ns);
	json_integer(json, "after_response_cpu_ns", now->after_response_cpu_ns);
	json_integer(json, "runtime_cpu_ns", now->runtime_cpu_ns);
	json_integer(json, "background_cpu_ns", now->background_cpu_ns);
	json_integer(json, "setup_cpu_ns", now->setup_cpu_ns);
	json_integer(json, "stream_cpu_ns", now->stream_cpu_ns);
	json_integer(json, "ambiguous_requests", now->ambiguous_requests);
	json_string(json, "missing_hook", now->ambiguous_requests ? snapshot_missing_hook(process) : NULL);
	json_integer(json, "shared_conn_ambiguous_requests", now->shared_conn_ambiguous);
	json_integer(json, "unattributed_cpu_ns", now->unattributed_cpu_ns);
	put_known_real(json, "in_flight_mean", process->in_flight_mean);
	put_known_real(json, "on_cpu_mean", process->on_core_mean);
	put_known_real(json, "loop_busy_share", process->loop_busy_share);
	json_integer(json, "voluntary_switches", now->voluntary_switches);
	json_integer(json, "involuntary_switches", now->involuntary_switches);
	json_integer(json, "threads_created", now->threads_created);
	json_end(json, '}');
}

enum distribution_parts { PART_MEAN = 1 << 0, PART_P50 = 1 << 1, PART_P90 = 1 << 2, PART_P99 = 1 << 3, PART_MAX = 1 << 4 };

#define PARTS_ALL   (PART_MEAN | PART_P50 | PART_P90 | PART_P99 | PART_MAX)
#define PARTS_STATE (PART_MEAN | PART_P50 | PART_P99)

static void put_distribution(struct json_out *json, const char *key, const struct distribution *distribution, unsigned parts)
{
	const struct {
		const char *key;
		uint64_t value;
	} values[] = {
		{"mean", distribution->mean}, {"p50", distribution->p50}, {"p90", distribution->p90},
		{"p99", distribution->p99},   {"max", distribution->max},
	};

	json_begin(json, key, '{');
	for (unsigned i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		if (parts & 1u << i)
			put_known(json, values[i].key, values[i].value);
	json_end(json, '}');
}

static void put_endpoint_times(struct json_out *json, const struct snapshot_endpoint *endpoint)
{
	put_distribution(json, "wall_ns", &endpoint->wall, PARTS_ALL);
	put_distribution(json, "ttfb_ns", &endpoint->ttfb, PARTS_ALL);
	json_begin(json, "state_ns", '{');
	for (int i = 0; i < STATES; i++) {
		enum state state = state_display_order[i];

		put_distribution(json, state_names[state].key, &endpoint->state[state], PARTS_STATE);
	}
	json_end(json, '}');
	json_begin(json, "slowest", '{');
	json_integer(json, "requests", endpoint->slowest_requests);
	json_integer(json, "wall_mean_ns", endpoint->slowest_wall_mean_ns);
	put_states(json, "state_mean_ns", endpoint->slowest_state_mean_ns);
	json_end(json, '}');
	put_distribution(json, "cpu_time_ns", &endpoint->cpu_time, PARTS_STATE);
	json_begin(json, "after_response_cpu_ns", '{');
	json_integer(json, "mean", endpoint->after_response_cpu_mean_ns);
	json_end(json, '}');
	json_begin(json, "ready_mean_ns", '{');
	for (int part = 0; part < READY_PARTS; part++)
		json_integer(json, ready_part_names[part], endpoint->ready_mean_ns[part]);
	json_end(json, '}');
}

static void put_peers(struct json_out *json, const struct snapshot_endpoint *endpoint)
{
	json_begin(json, "peers", '[');
	for (size_t i = 0; i < endpoint->peer_count; i++) {
		json_begin(json, NULL, '{');
		json_string(json, "peer", endpoint->peers[i].peer);
		json_real(json, "calls_mean", endpoint->peers[i].calls_mean);
		json_integer(json, "net_mean_ns", endpoint->peers[i].net_mean_ns);
		json_integer(json, "net_union_mean_ns", endpoint->peers[i].net_union_mean_ns);
		json_end(json, '}');
	}
	json_end(json, ']');
}

/* Who made requests of this endpoint wait: by name, how many times, how long. */
struct blame_keys {
	const char *list, *name, *count, *ns;
};

static void put_blamed(struct json_out *json, const struct blame_keys *keys, const struct snapshot_culprit *blamed, size_t count)
{
	json_begin(json, keys->list, '[');
	for (size_t i = 0; i < count; i++) {
		json_begin(json, NULL, '{');
		json_string(json, keys->name, blamed[i].endpoint);
		json_integer(json, keys->count, blamed[i].victims);
		json_integer(json, keys->ns, blamed[i].ns);
		json_end(json, '}');
	}
	json_end(json, ']');
}

static void put_endpoint(struct json_out *json, const struct snapshot_endpoint *endpoint)
{
	static const struct blame_keys culprit_keys = {"culprits", "endpoint", "delayed_requests", "loop_ns"};
	static const struct blame_keys lock_keys = {"locks", "holder", "waits", "lock_ns"};

	json_begin(json, NULL, '{');
	json_string(json, "service", endpoint->service);
	json_string(json, "endpoint", endpoint->endpoint);
	json_integer(json, "requests", endpoint->requests);
	json_integer(json, "errors", endpoint->errors);
	json_real(json, "rate", endpoint->rate);
	put_endpoint_times(json, endpoint);
	json_real(json, "io_share", endpoint->io_share);
	json_real(json, "cpu_share", endpoint->cpu_share);
	put_known_real(json, "io_cpu_ratio", endpoint->io_cpu_ratio);
	json_real(json, "voluntary_switches_mean", endpoint->voluntary_mean);
	json_real(json, "involuntary_switches_mean", endpoint->involuntary_mean);
	put_peers(json, endpoint);
	put_blamed(json, &culprit_keys, endpoint->culprits, endpoint->culprit_count);
	put_blamed(json, &lock_keys, endpoint->locks, endpoint->lock_count);
	json_integer(json, "delayed_requests", endpoint->delayed_requests);
	json_integer(json, "ambiguous_requests", endpoint->ambiguous_requests);
	json_real(json, "ambiguous_share", endpoint->ambiguous_share);
	json_string(json, "verdict", verdict_names[endpoint->verdict]);
	json_string(json, "verdict_text", endpoint->verdict_text);
	json_end(json, '}');
}

static void put_stream(struct json_out *json, const struct snapshot_stream *stream)
{
	json_begin(json, NULL, '{');
	json_string(json, "service", stream->service);
	json_string(json, "endpoint", stream->endpoint);
	json_string(json, "kind", stream_kind_names[stream->kind]);
	json_integer(json, "open", stream->open);
	json_integer(json, "opened", stream->opened);
	json_integer(json, "ended", stream->ended);
	put_distribution(json, "opening_ns", &stream->opening, PARTS_ALL);
	put_distribution(json, "lasted_ns", &stream->lasted, PARTS_ALL);
	json_integer(json, "reads", stream->reads);
	json_integer(json, "writes", stream->writes);
	json_integer(json, "read_bytes", stream->read_bytes);
	json_integer(json, "written_bytes", stream->written_bytes);
	json_integer(json, "cpu_ns", stream->cpu_ns);
	json_end(json, '}');
}

int json_print_snapshot(FILE *out, const struct snapshot *snapshot)
{
	struct json_out json = {.out = out};

	json_begin(&json, NULL, '{');
	json_string(&json, "schema", SCHEMA);
	put_tool(&json, &snapshot->frame);
	put_window(&json, &snapshot->frame);
	put_core_use(&json, &snapshot->frame);
	json_begin(&json, "processes", '[');
	for (size_t i = 0; i < snapshot->frame.process_count; i++)
		put_process(&json, &snapshot->frame.processes[i], snapshot->frame.cores);
	json_end(&json, ']');
	json_begin(&json, "endpoints", '[');
	for (size_t i = 0; i < snapshot->endpoint_count; i++)
		put_endpoint(&json, &snapshot->endpoints[i]);
	json_end(&json, ']');
	json_begin(&json, "streams", '[');
	for (size_t i = 0; i < snapshot->stream_count; i++)
		put_stream(&json, &snapshot->streams[i]);
	json_end(&json, ']');
	json_end(&json, '}');
	return json_finish(&json);
}

/* ---- a request */

static void put_calls(struct json_out *json, const struct request *request)
{
	json_begin(json, "calls", '[');
	for (size_t i = 0; i < request->call_count; i++) {
		const struct request_call *call = &request->calls[i];

		json_begin(json, NULL, '{');
		json_string(json, "peer", request->peers[call->peer].peer);
		json_signed(json, "start_ns", (int64_t)(call->start_ns - request->start_ns));
		json_integer(json, "net_ns", call->net_ns);
		json_integer(json, "loop_ns", call->loop_ns);
		json_end(json, '}');
	}
	json_end(json, ']');
}

static void put_holders(struct json_out *json, const struct request *request)
{
	json_begin(json, "locks", '[');
	for (size_t i = 0; i < request->lock_count; i++) {
		json_begin(json, NULL, '{');
		json_string(json, "holder_id", request->locks[i].holder_id);
		json_integer(json, "wait_ns", request->locks[i].wait_ns);
		json_end(json, '}');
	}
	json_end(json, ']');
}

static void put_request_head(struct json_out *json, const struct request *request, const char *service, const char *endpoint)
{
	json_string(json, "id", request->id);
	json_string(json, "service", service);
	json_string(json, "endpoint", endpoint);
	json_string(json, "target", request->target);
	if (request->status)
		json_integer(json, "status", request->status);
	else
		json_null(json, "status");
	json_integer(json, "pid", request->tgid);
}

int json_print_request(FILE *out, const struct request *request, const char *service, const char *endpoint, uint64_t unix_offset_ns)
{
	struct json_out json = {.out = out};

	json_begin(&json, NULL, '{');
	put_request_head(&json, request, service, endpoint);
	json_integer(&json, "start_unix_ns", request->start_ns + unix_offset_ns);
	json_integer(&json, "wall_ns", request->end_ns - request->start_ns);
	/* No response byte was ever handed over. */
	if (request->aborted && !request->ttfb_ns)
		json_null(&json, "ttfb_ns");
	else
		json_integer(&json, "ttfb_ns", request->ttfb_ns);
	put_states(&json, "state_ns", request->state_ns);
	json_integer(&json, "cpu_time_ns", request->cpu_time_ns);
	json_integer(&json, "after_response_cpu_ns", request->after_response_cpu_ns);
	json_integer(&json, "voluntary_switches", request->voluntary_switches);
	json_integer(&json, "involuntary_switches", request->involuntary_switches);
	json_begin(&json, "threads", '[');
	for (size_t i = 0; i < request->thread_count; i++)
		json_integer(&json, NULL, request->threads[i]);
	json_end(&json, ']');
	put_calls(&json, request);
	put_holders(&json, request);
	json_string(&json, "opens", request->opens ? stream_kind_names[request->opens] : NULL);
	json_bool(&json, "ambiguous", request->ambiguous);
	json_end(&json, '}');
	return json_finish(&json);
}
