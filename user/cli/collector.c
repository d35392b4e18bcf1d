/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/collector.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "cli/complain.h"
#include "cli/losses.h"
#include "cli/peer_names.h"
#include "cli/pods.h"
#include "cli/processes.h"
#include "cli/procfs.h"
#include "serve/resolver.h"
#include "stats/totals.h"
#include "util/clock.h"
#include "util/utf8.h"

/* A server opens its port soon after its start: for so long what it used is held back, to be told under its service's name. */
#define NAMELESS_NS 10000000000ull

#define HOSTS "/etc/hosts"
/* Where the kubelet's folders are, by which pods are named. */
#define KUBELET_LOGS "/var/log"

/* The peers of a request under their names. */
struct named_peers {
	struct request_peer *peers;
	char (*texts)[PEER_NAME_MAX];
	size_t capacity;
};

struct collector {
	const struct feed *feed;
	struct exhibit *exhibit;
	struct totals *totals;
	struct pods *pods;
	struct peer_names *peer_names;
	struct named_peers renamed;
	struct resolver *resolver; /* NULL: nobody is asked */
	struct process_list told;  /* each process's counters as far as they were added to the totals */
	struct loss_list losses;
	struct utsname system;
	uint64_t unix_offset_ns;
	uint64_t tool_kernel_ns; /* an estimate that gets better may fall: what is shown does not */
};

static bool ask_resolver(void *context, const char *address)
{
	return resolver_ask(context, address);
}

/* 0 or −ENOMEM. */
static int add_peer_names(struct collector *collector, const struct options *options)
{
	int err = 0;

	for (size_t i = 0; i < options->peer_name_count && !err; i++)
		err = peer_names_add(collector->peer_names, options->peer_names[i]);
	peer_names_tick(collector->peer_names);
	if (err || !options->resolve)
		return err;
	collector->resolver = resolver_open();
	if (!collector->resolver)
		return -ENOMEM;
	peer_names_set_asker(collector->peer_names, ask_resolver, collector->resolver);
	return 0;
}

struct collector *collector_open(const struct feed *feed, const struct options *options, struct exhibit *exhibit)
{
	struct collector *collector = calloc(1, sizeof(*collector));

	if (!collector)
		return NULL;
	collector->feed = feed;
	collector->exhibit = exhibit;
	collector->unix_offset_ns = feed->unix_offset_ns;
	collector->tool_kernel_ns = UNKNOWN_NS;
	uname(&collector->system);
	collector->totals = totals_open();
	collector->pods = pods_open("/proc", KUBELET_LOGS);
	collector->peer_names = peer_names_open(HOSTS);
	if (collector->totals && collector->pods && collector->peer_names && !add_peer_names(collector, options))
		return collector;
	collector_close(collector);
	return NULL;
}

void collector_learn(struct collector *collector, const struct pipeline *pipeline, const struct event *event)
{
	const struct record_thread *thread = (const struct record_thread *)event->head;

	if (event->head->kind == RECORD_PROCESS)
		pods_learn(collector->pods, event->head->tid);
	else if (event->head->kind == RECORD_THREAD && thread->origin == THREAD_FORKED && thread->head.tid == thread->tgid)
		pods_fork(collector->pods, thread->tgid, pipeline_parent(pipeline, event));
}

static struct totals_label label_of(const struct collector *collector, uint32_t tgid, const char *service)
{
	const struct pod_label *pod = pods_label(collector->pods, tgid);

	return (struct totals_label){
		.service = service,
		.pod_namespace = pod ? pod->pod_namespace : "",
		.pod = pod ? pod->pod : "",
		.container = pod ? pod->container : "",
	};
}

/* 0 or −ENOMEM. */
static int reserve_peers(struct named_peers *renamed, size_t count)
{
	struct request_peer *peers;
	char(*texts)[PEER_NAME_MAX];

	if (count <= renamed->capacity)
		return 0;
	peers = realloc(renamed->peers, count * sizeof(*peers));
	if (!peers)
		return -ENOMEM;
	renamed->peers = peers;
	texts = realloc(renamed->texts, count * sizeof(*texts));
	if (!texts)
		return -ENOMEM;
	renamed->texts = texts;
	renamed->capacity = count;
	return 0;
}

/* The request with its peers' names; for want of memory with their addresses. */
static void name_peers(struct collector *collector, struct request *request)
{
	struct named_peers *renamed = &collector->renamed;

	if (reserve_peers(renamed, request->peer_count))
		return;
	for (size_t i = 0; i < request->peer_count; i++) {
		utf8_make_printable(renamed->texts[i], PEER_NAME_MAX, peer_names_get(collector->peer_names, request->peers[i].peer));
		renamed->peers[i] = request->peers[i];
		renamed->peers[i].peer = renamed->texts[i];
	}
	request->peers = renamed->peers;
}

void collector_add(struct collector *collector, const struct named_request *named)
{
	const struct totals_label label = label_of(collector, named->request->tgid, named->service);
	struct request request = *named->request;

	name_peers(collector, &request);
	/* What there is no memory for is counted by the totals themselves. */
	if (totals_add(collector->totals, &label, named->endpoint, named->culprit, &request, request.end_ns + collector->unix_offset_ns) ||
	    !named->holders)
		return;
	for (size_t i = 0; i < request.lock_count; i++)
		totals_add_lock_wait(collector->totals, &label, named->endpoint, named->holders[i], request.locks[i].wait_ns);
}

void collector_add_stream(struct collector *collector, const struct named_stream *named)
{
	const struct totals_label label = label_of(collector, named->stream->opener->tgid, named->service);

	totals_add_stream(collector->totals, &label, named->endpoint, named->stream);
}

/* ---- processes ------------------------------------------------------------------------------------------------------------ */

static bool is_nameless(const struct process *process, uint64_t at_ns)
{
	return process->alive && !process->port && !process->unix_path[0] && at_ns < process->found_at_ns + NAMELESS_NS;
}

/* Its counters stay as they were told; of one that is new, nothing was. */
static void hold_back(struct process *process, const struct process_list *told)
{
	const struct process *before = process_list_find(told, process);

	if (before)
		*process = *before;
	else
		*process = (struct process){.tgid = process->tgid, .found_at_ns = process->found_at_ns};
}

static void add_process(struct collector *collector, const struct pipeline *pipeline, const struct process *growth)
{
	char service[SERVICE_NAME_MAX];
	struct snapshot_process described = {.now = *growth};
	struct totals_label label;

	if (!growth->alive && !growth->cpu_ns)
		return;
	if (growth->tgid)
		services_name(pipeline_services(pipeline), growth->tgid, growth->port, growth->unix_path, service);
	label = label_of(collector, growth->tgid, growth->tgid ? service : growth->comm);
	if (collector->feed->read_hook && growth->tgid)
		collector->feed->read_hook(collector->feed, &described);
	totals_add_process(collector->totals, &label, &described);
}

/* 0 or −ENOMEM. */
static int add_processes(struct collector *collector, const struct pipeline *pipeline, uint64_t at_ns)
{
	struct process_list now;

	if (process_list_read(&now, pipeline_engine(pipeline)))
		return -ENOMEM;
	for (size_t i = 0; i < now.count; i++) {
		struct process growth = now.processes[i];

		if (is_nameless(&growth, at_ns))
			continue;
		process_list_subtract(&growth, &collector->told, &now);
		add_process(collector, pipeline, &growth);
	}
	for (size_t i = 0; i < now.count; i++)
		if (is_nameless(&now.processes[i], at_ns))
			hold_back(&now.processes[i], &collector->told);
	process_list_fini(&collector->told);
	collector->told = now;
	return 0;
}

/* ---- the frame ------------------------------------------------------------------------------------------------------------ */

static uint64_t resident_bytes(void)
{
	unsigned long long pages = 0;
	char text[128];

	if (procfs_read("/proc/self/statm", text, sizeof(text)) > 0)
		sscanf(text, "%*u %llu", &pages);
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void read_tool(struct collector *collector, const struct tool_figures *tool, const struct pipeline *pipeline)
{
	loss_list_read(&collector->losses, tool, pipeline_engine(pipeline));
	loss_list_add(&collector->losses, "requests", totals_lost_requests(collector->totals));
	if (tool->kernel_ns != UNKNOWN_NS && (collector->tool_kernel_ns == UNKNOWN_NS || tool->kernel_ns > collector->tool_kernel_ns))
		collector->tool_kernel_ns = tool->kernel_ns;
}

static const struct totals_snapshot *take_snapshot(const struct collector *collector, const struct pipeline *pipeline,
						   const struct window_end *end)
{
	struct totals_loss losses[LOSSES_MAX];
	const struct totals_frame frame = {
		.version = IOCPU_VERSION,
		.kernel = collector->system.release,
		.at_unix_ns = end->at_ns + collector->unix_offset_ns,
		.cores = collector->feed->cores,
		.core_use = *engine_core_use(pipeline_engine(pipeline)),
		.tool_kernel_ns = collector->tool_kernel_ns,
		.tool_user_cpu_ns = end->tool.user_cpu_ns,
		.tool_memory_bytes = resident_bytes(),
		.losses = losses,
		.loss_count = collector->losses.count,
		.targets = end->targets,
		.target_count = end->target_count,
	};

	for (size_t i = 0; i < collector->losses.count; i++)
		losses[i] = (struct totals_loss){collector->losses.losses[i].name, collector->losses.losses[i].count};
	return totals_snapshot(collector->totals, &frame);
}

static void update_peer_names(struct collector *collector)
{
	struct resolved answer;

	peer_names_tick(collector->peer_names);
	while (collector->resolver && resolver_take(collector->resolver, &answer))
		peer_names_answer(collector->peer_names, answer.address, answer.name);
}

int collector_cut(struct collector *collector, const struct pipeline *pipeline, const struct window_end *end)
{
	const struct totals_snapshot *snapshot;

	pods_tick(collector->pods);
	update_peer_names(collector);
	totals_cut(collector->totals, end->at_ns);
	if (add_processes(collector, pipeline, end->at_ns))
		return -ENOMEM;
	read_tool(collector, &end->tool, pipeline);
	collector->unix_offset_ns = unix_offset_ns();
	snapshot = take_snapshot(collector, pipeline, end);
	if (!snapshot)
		return -ENOMEM;
	exhibit_show(collector->exhibit, snapshot);
	return 0;
}

/* ---- the end -------------------------------------------------------------------------------------------------------------- */

static void tell_service(const struct totals_snapshot *snapshot, size_t service)
{
	const struct totals_label *label = &snapshot->services[service].label;
	uint64_t requests = 0, wall_ns = 0, ambiguous = 0;

	for (size_t i = 0; i < snapshot->endpoint_count; i++) {
		if (snapshot->endpoints[i].service != service)
			continue;
		requests += snapshot->endpoints[i].sums->requests;
		wall_ns += snapshot->endpoints[i].sums->wall.sum_ns;
		ambiguous += snapshot->endpoints[i].sums->ambiguous_requests;
	}
	if (requests)
		remark("%s%s%s: %" PRIu64 " requests, mean %.2f ms, %" PRIu64 " ambiguous", label->service, *label->pod ? " in pod " : "",
		       label->pod, requests, (double)wall_ns / (double)requests / 1e6, ambiguous);
}

void collector_tell(const struct collector *collector)
{
	const struct totals_frame nothing = {0};
	const struct totals_snapshot *snapshot = totals_snapshot(collector->totals, &nothing);

	for (size_t i = 0; snapshot && i < snapshot->service_count; i++)
		tell_service(snapshot, i);
	totals_snapshot_close(snapshot);
	losses_remark(collector->losses.losses, collector->losses.count);
}

void collector_close(struct collector *collector)
{
	if (!collector)
		return;
	totals_close(collector->totals);
	pods_close(collector->pods);
	resolver_close(collector->resolver);
	peer_names_close(collector->peer_names);
	free(collector->renamed.peers);
	free(collector->renamed.texts);
	process_list_fini(&collector->told);
	free(collector);
}
