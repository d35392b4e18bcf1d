/* SPDX-License-Identifier: BSD-2-Clause */
#include "golden/text_print.h"

#include <inttypes.h>

#include "golden/text.h"
#include "route/route.h"

/* A counter of one of the structs, and its name; only those that are not zero are printed. */
struct counter {
	const char *name;
	uint64_t value;
};

static void print_counters(FILE *out, const char *title, const struct counter *counters, size_t count)
{
	const char *before = title;

	for (size_t i = 0; i < count; i++) {
		if (!counters[i].value)
			continue;
		fprintf(out, "%s %s=%" PRIu64, before, counters[i].name, counters[i].value);
		before = "";
	}
	if (before != title)
		fputc('\n', out);
}

#define PRINT_COUNTERS(out, title, ...)                                                                                                    \
	print_counters(out, title, (const struct counter[]){__VA_ARGS__},                                                                  \
		       sizeof((const struct counter[]){__VA_ARGS__}) / sizeof(struct counter))

static int64_t relative_ns(uint64_t at_ns)
{
	return (int64_t)(at_ns - TEXT_BASE_NS);
}

static void print_who(FILE *out, const struct request *request)
{
	static const char *const protocols[] = {"unknown", "http1", "http2", "tls"};
	char endpoint[ENDPOINT_NAME_MAX];

	route_endpoint(NULL, request, endpoint);
	fprintf(out, "request %s \"%s\" pid=%u protocol=%s", request->id, endpoint, request->tgid, protocols[request->protocol]);
	if (request->unix_path)
		fprintf(out, " listens=%s", request->unix_path);
	else
		fprintf(out, " listens=:%u", request->port);
	if (request->method)
		fprintf(out, " %s=\"%s %s\"", request->target_cut ? "cut_line" : "line", request->method, request->target);
	if (request->status)
		fprintf(out, " status=%u", request->status);
	fprintf(out, "%s%s\n", request->aborted ? " aborted" : "", request->ambiguous ? " ambiguous" : "");
}

static void print_culprit(FILE *out, const struct request *request)
{
	if (!request->culprit_known)
		return;
	fprintf(out, "  culprit %" PRIu64, request->culprit_ns);
	if (request->culprit_method)
		fprintf(out, " \"%s %s\"", request->culprit_method, request->culprit_target);
	fputc('\n', out);
}

static void print_calls(FILE *out, const struct request *request)
{
	for (size_t i = 0; i < request->call_count; i++) {
		const struct request_call *call = &request->calls[i];

		fprintf(out, "  call %s start=%" PRId64 " net=%" PRIu64 " loop=%" PRIu64 "\n", request->peers[call->peer].peer,
			relative_ns(call->start_ns), call->net_ns, call->loop_ns);
	}
	for (size_t i = 0; i < request->peer_count; i++) {
		const struct request_peer *peer = &request->peers[i];

		fprintf(out, "  peer %s calls=%u net=%" PRIu64 " union=%" PRIu64 "\n", peer->peer, peer->calls, peer->net_ns,
			peer->net_union_ns);
	}
}

static void print_timeline(FILE *out, const struct request *request)
{
	fprintf(out, "  timeline");
	for (size_t i = 0; i < request->stretch_count; i++)
		fprintf(out, " %" PRId64 " %s", relative_ns(request->stretches[i].start_ns), state_names[request->stretches[i].state].key);
	fprintf(out, " %" PRId64 "\n", relative_ns(request->end_ns));
}

void print_request(FILE *out, const struct request *request)
{
	struct counter states[STATES], parts[READY_PARTS];

	for (size_t i = 0; i < STATES; i++)
		states[i] = (struct counter){state_names[i].key, request->state_ns[i]};
	for (size_t i = 0; i < READY_PARTS; i++)
		parts[i] = (struct counter){ready_part_names[i], request->ready_ns[i]};
	print_who(out, request);
	fprintf(out, "  start=%" PRId64 " end=%" PRId64 " ttfb=%" PRIu64 "\n", relative_ns(request->start_ns), relative_ns(request->end_ns),
		request->ttfb_ns);
	print_counters(out, "  states", states, STATES);
	print_counters(out, "  ready", parts, READY_PARTS);
	PRINT_COUNTERS(out, "  cpu", {"time", request->cpu_time_ns}, {"after_response", request->after_response_cpu_ns});
	PRINT_COUNTERS(out, "  switches", {"voluntary", request->voluntary_switches}, {"involuntary", request->involuntary_switches});
	print_culprit(out, request);
	fprintf(out, "  threads");
	for (size_t i = 0; i < request->thread_count; i++)
		fprintf(out, " %u", request->threads[i]);
	fputc('\n', out);
	print_calls(out, request);
	print_timeline(out, request);
}

void print_stream(FILE *out, const struct stream *stream)
{
	fprintf(out, "stream %s %s lasted=%" PRIu64 "%s\n", stream->opener->id, stream_kind_names[stream->kind], stream->lasted_ns,
		stream->ended ? " ended" : "");
	PRINT_COUNTERS(out, "  moved", {"reads", stream->reads}, {"read_bytes", stream->read_bytes}, {"writes", stream->writes},
		       {"written_bytes", stream->written_bytes});
	PRINT_COUNTERS(out, "  cpu", {"time", stream->cpu_ns});
}

void print_process(FILE *out, const struct process *process)
{
	fprintf(out, "process %u %s model=%s%s", process->tgid, process->comm, process->model ? process->model : "unknown",
		process->alive ? "" : " ended");
	if (process->unix_path[0])
		fprintf(out, " listens=%s", process->unix_path);
	else if (process->port)
		fprintf(out, " listens=:%u", process->port);
	fputc('\n', out);
	PRINT_COUNTERS(out, "  threads", {"now", process->threads}, {"loops", process->loop_threads},
		       {"created", process->threads_created});
	PRINT_COUNTERS(out, "  cpu", {"total", process->cpu_ns}, {"request", process->request_cpu_ns},
		       {"after_response", process->after_response_cpu_ns}, {"runtime", process->runtime_cpu_ns},
		       {"background", process->background_cpu_ns}, {"setup", process->setup_cpu_ns}, {"stream", process->stream_cpu_ns},
		       {"unattributed", process->unattributed_cpu_ns});
	PRINT_COUNTERS(out, "  sums", {"request_time", process->request_time_ns}, {"on_core", process->on_core_ns},
		       {"loop_busy", process->loop_busy_ns}, {"loop_time", process->loop_time_ns});
	PRINT_COUNTERS(out, "  switches", {"voluntary", process->voluntary_switches}, {"involuntary", process->involuntary_switches});
}

void print_losses(FILE *out, const struct engine_losses *losses)
{
	PRINT_COUNTERS(out, "lost", {"contexts", losses->contexts}, {"conns", losses->conns}, {"calls", losses->calls},
		       {"holds", losses->holds}, {"waiters", losses->waiters}, {"stretches", losses->stretches},
		       {"late_writes", losses->late_writes}, {"unknown_threads", losses->unknown_threads});
}
