/* SPDX-License-Identifier: BSD-2-Clause */
#include "stats/totals.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stats/table.h"
#include "stats/totals_sum.h"

/* The slowest request of the last one to two of these is shown: no less than usual times between scrapes. */
#define SLOWEST_NS 15000000000ull

/* Longest key of a service: its label's parts, one behind the other. */
#define KEY_MAX 1024

struct sum_row {
	struct table_row row; /* first */
	struct endpoint_sum sum;
};

struct sum_service {
	struct service service; /* first; its name is the key */
	struct totals_label label;
	char *label_text; /* that the label points into; NULL: there was no label yet */
	struct totals_service shown;
	uint64_t lived_ns; /* when a process of it was last seen; 0: not known yet */
};

struct totals {
	struct endpoint_table table;
	uint64_t lost_requests;
	uint64_t slowest_since_ns;
};

struct totals *totals_open(void)
{
	const struct table_shape shape = {
		.row_size = sizeof(struct sum_row),
		.service_size = sizeof(struct sum_service),
		.endpoint_cap = TOTALS_ENDPOINTS_MAX,
		.row_cap = TOTALS_ROWS_MAX,
	};
	struct totals *totals = calloc(1, sizeof(*totals));

	if (totals)
		endpoint_table_init(&totals->table, &shape);
	return totals;
}

/* The parts are told apart by a character that is in no name. */
static const char *put_key(const struct totals_label *label, char key[KEY_MAX])
{
	if (!*label->pod)
		return label->service;
	snprintf(key, KEY_MAX, "%s\n%s\n%s\n%s", label->service, label->pod_namespace, label->pod, label->container);
	return key;
}

/* The texts of a label, as their places in it. */
static const size_t label_parts[] = {
	offsetof(struct totals_label, service),
	offsetof(struct totals_label, pod_namespace),
	offsetof(struct totals_label, pod),
	offsetof(struct totals_label, container),
};

#define LABEL_PARTS (sizeof(label_parts) / sizeof(label_parts[0]))

static const char **label_part(const struct totals_label *label, size_t part)
{
	return (const char **)((char *)label + label_parts[part]);
}

/* What copy_label takes; a label without texts counts as one of empty ones. */
static size_t label_bytes(const struct totals_label *label)
{
	size_t bytes = 0;

	for (size_t i = 0; i < LABEL_PARTS; i++)
		bytes += (*label_part(label, i) ? strlen(*label_part(label, i)) : 0) + 1;
	return bytes;
}

static const char *copy_text(char **at, const char *text)
{
	char *copy = *at;

	*at = stpcpy(copy, text) + 1;
	return copy;
}

/* Copies the texts to *at, which moves behind them. */
static void copy_label(struct totals_label *to, const struct totals_label *from, char **at)
{
	for (size_t i = 0; i < LABEL_PARTS; i++)
		*label_part(to, i) = copy_text(at, *label_part(from, i) ? *label_part(from, i) : "");
}

/* 0 or −ENOMEM. */
static int set_label(struct sum_service *service, const struct totals_label *label)
{
	const struct totals_label folded = {.service = folded_name};
	char *at;

	if (!strcmp(service->service.name, folded_name))
		label = &folded;
	at = service->label_text = malloc(label_bytes(label));
	if (!at)
		return -ENOMEM;
	copy_label(&service->label, label, &at);
	return 0;
}

static struct sum_service *get_service(struct totals *totals, const struct totals_label *label)
{
	char key[KEY_MAX];
	struct sum_service *service = (struct sum_service *)endpoint_table_service(&totals->table, put_key(label, key));

	if (service && !service->label_text && set_label(service, label))
		return NULL;
	return service;
}

static struct sum_row *get_row(struct totals *totals, const struct totals_label *label, const char *endpoint)
{
	char key[KEY_MAX];
	struct sum_row *row = (struct sum_row *)endpoint_table_get(&totals->table, put_key(label, key), endpoint);
	struct sum_service *service = row ? (struct sum_service *)row->row.service : NULL;

	if (service && !service->label_text && set_label(service, label))
		return NULL;
	return row;
}

int totals_add(struct totals *totals, const struct totals_label *label, const char *endpoint, const char *culprit,
	       const struct request *request, uint64_t end_unix_ns)
{
	struct sum_row *row = get_row(totals, label, endpoint);
	struct sum_row *culprit_row = culprit && request->culprit_ns ? get_row(totals, label, culprit) : NULL;

	if (row && request->opens) {
		endpoint_sum_open_stream(&row->sum, request);
		return 0;
	}
	if (!row || endpoint_sum_add(&row->sum, request, end_unix_ns)) {
		totals->lost_requests++;
		return -ENOMEM;
	}
	if (culprit_row)
		blame_add(&row->sum.shown.loops, culprit_row->row.name, request->culprit_ns);
	((struct sum_service *)row->row.service)->shown.folded_requests += row->row.folded;
	return 0;
}

int totals_add_lock_wait(struct totals *totals, const struct totals_label *label, const char *endpoint, const char *holder,
			 uint64_t wait_ns)
{
	struct sum_row *row = get_row(totals, label, endpoint), *holder_row = get_row(totals, label, holder);

	if (!row || !holder_row)
		return -ENOMEM;
	blame_add(&row->sum.shown.locks, holder_row->row.name, wait_ns);
	return 0;
}

int totals_add_stream(struct totals *totals, const struct totals_label *label, const char *endpoint, const struct stream *stream)
{
	struct sum_row *row = get_row(totals, label, endpoint);

	if (!row) {
		totals->lost_requests++;
		return -ENOMEM;
	}
	endpoint_sum_add_stream(&row->sum, stream);
	return 0;
}

static void drop_service(struct totals *totals, struct sum_service *service)
{
	for (size_t i = 0; i < totals->table.row_count; i++)
		if (totals->table.rows[i]->service == &service->service)
			endpoint_sum_fini(&((struct sum_row *)totals->table.rows[i])->sum);
	free(service->label_text);
	endpoint_table_drop(&totals->table, &service->service);
}

/* Downwards, as dropping one moves those behind it. */
static void cut_services(struct totals *totals, uint64_t at_ns)
{
	for (size_t i = totals->table.service_count; i--;) {
		struct sum_service *service = (struct sum_service *)totals->table.services[i];
		struct totals_service *shown = &service->shown;

		if (shown->processes || !service->lived_ns)
			service->lived_ns = at_ns;
		shown->processes = shown->threads = shown->loop_threads = shown->kind_count = 0;
		if (service->label_text && *service->label.pod && at_ns - service->lived_ns >= TOTALS_POD_GONE_NS)
			drop_service(totals, service);
	}
}

void totals_cut(struct totals *totals, uint64_t at_ns)
{
	bool forget = at_ns - totals->slowest_since_ns >= SLOWEST_NS;

	for (size_t i = 0; i < totals->table.row_count; i++) {
		struct endpoint_sum *sum = &((struct sum_row *)totals->table.rows[i])->sum;

		endpoint_sum_cut(sum, at_ns);
		if (forget)
			endpoint_sum_forget_slowest(sum);
	}
	if (forget)
		totals->slowest_since_ns = at_ns;
	cut_services(totals, at_ns);
}

static bool is_of_kind(const struct totals_kind *kind, const struct totals_kind *other)
{
	bool same_model = kind->model && other->model ? !strcmp(kind->model, other->model) : kind->model == other->model;

	return same_model && kind->runtime == other->runtime && kind->hook == other->hook;
}

/* Of which nothing says whether there is a hook none tells: exporters name both alike. */
static enum hook_state hook_of(const struct snapshot_process *process)
{
	if (snapshot_hook_is_on(process))
		return HOOK_ON;
	return process->hook == HOOK_UNKNOWN ? HOOK_ABSENT : process->hook;
}

static void add_kind(struct totals_service *shown, const struct snapshot_process *process)
{
	const struct totals_kind kind = {
		.runtime = process->now.runtime,
		.hook = hook_of(process),
		.model = process->now.model,
	};

	for (size_t i = 0; i < shown->kind_count; i++)
		if (is_of_kind(&shown->kinds[i], &kind))
			return;
	if (shown->kind_count < TOTALS_KINDS_MAX - 1)
		shown->kinds[shown->kind_count++] = kind;
	else if (shown->kind_count < TOTALS_KINDS_MAX)
		shown->kinds[shown->kind_count++] = (struct totals_kind){.is_rest = true};
}

int totals_add_process(struct totals *totals, const struct totals_label *label, const struct snapshot_process *process)
{
	const struct process *growth = &process->now;
	struct sum_service *service = get_service(totals, label);
	struct totals_service *shown;

	if (!service) {
		totals->lost_requests++;
		return -ENOMEM;
	}
	shown = &service->shown;
	shown->cpu_ns[USE_REQUEST] += growth->request_cpu_ns;
	shown->cpu_ns[USE_AFTER_RESPONSE] += growth->after_response_cpu_ns;
	shown->cpu_ns[USE_RUNTIME] += growth->runtime_cpu_ns;
	shown->cpu_ns[USE_BACKGROUND] += growth->background_cpu_ns;
	shown->cpu_ns[USE_UNATTRIBUTED] += growth->unattributed_cpu_ns;
	shown->request_time_ns += growth->request_time_ns;
	shown->on_core_ns += growth->on_core_ns;
	shown->loop_busy_ns += growth->loop_busy_ns;
	shown->loop_time_ns += growth->loop_time_ns;
	shown->voluntary_switches += growth->voluntary_switches;
	shown->involuntary_switches += growth->involuntary_switches;
	shown->processes += growth->alive;
	shown->threads += growth->threads;
	shown->loop_threads += growth->loop_threads;
	if (growth->alive)
		add_kind(shown, process);
	return 0;
}

uint64_t totals_lost_requests(const struct totals *totals)
{
	return totals->lost_requests;
}

/* ---- the snapshot --------------------------------------------------------------------------------------------------------- */

struct totals_made {
	struct totals_snapshot snapshot; /* first: the public pointer is the pointer to free */
	struct totals_service_row *services;
	struct totals_service *service_sums;
	struct totals_endpoint_row *endpoints;
	struct totals_endpoint *endpoint_sums;
	struct totals_peer *peers;
	struct totals_loss *losses;
	struct totals_target *targets;
	char *names;
};

static size_t count_peers(const struct endpoint_table *table)
{
	size_t count = 0;

	for (size_t i = 0; i < table->row_count; i++)
		count += ((const struct sum_row *)table->rows[i])->sum.shown.peer_count;
	return count;
}

static size_t blame_bytes(const struct totals_blame *blame)
{
	size_t bytes = 0;

	for (size_t i = 0; i < blame->count; i++)
		bytes += strlen(blame->culprits[i].endpoint) + 1;
	return bytes;
}

static size_t count_name_bytes(const struct endpoint_table *table)
{
	size_t bytes = 0;

	for (size_t i = 0; i < table->row_count; i++) {
		const struct totals_endpoint *shown = &((const struct sum_row *)table->rows[i])->sum.shown;

		bytes += strlen(table->rows[i]->name) + 1;
		bytes += blame_bytes(&shown->loops) + blame_bytes(&shown->locks);
	}
	for (size_t i = 0; i < table->service_count; i++)
		bytes += label_bytes(&((const struct sum_service *)table->services[i])->label);
	return bytes;
}

/* calloc of 0 elements may be NULL, and is no failure. */
static void *take(size_t count, size_t size)
{
	return calloc(count ? count : 1, size);
}

static bool take_all(struct totals_made *made, const struct endpoint_table *table, const struct totals_frame *frame)
{
	made->services = take(table->service_count, sizeof(*made->services));
	made->service_sums = take(table->service_count, sizeof(*made->service_sums));
	made->endpoints = take(table->row_count, sizeof(*made->endpoints));
	made->endpoint_sums = take(table->row_count, sizeof(*made->endpoint_sums));
	made->peers = take(count_peers(table), sizeof(*made->peers));
	made->losses = take(frame->loss_count, sizeof(*made->losses));
	made->targets = take(frame->target_count, sizeof(*made->targets));
	made->names = take(count_name_bytes(table), 1);
	return made->services && made->service_sums && made->endpoints && made->endpoint_sums && made->peers && made->losses &&
	       made->targets && made->names;
}

/* A copy of nothing may come from NULL. */
static void *copy_array(void *to, const void *from, size_t count, size_t size)
{
	return count ? memcpy(to, from, count * size) : to;
}

static void copy_services(struct totals_made *made, const struct endpoint_table *table, char **names)
{
	for (size_t i = 0; i < table->service_count; i++) {
		const struct sum_service *service = (const struct sum_service *)table->services[i];

		made->service_sums[i] = service->shown;
		made->services[i].sums = &made->service_sums[i];
		copy_label(&made->services[i].label, &service->label, names);
	}
	made->snapshot.services = made->services;
	made->snapshot.service_count = table->service_count;
}

static size_t find_service(const struct endpoint_table *table, const struct service *service)
{
	size_t i = 0;

	while (table->services[i] != service)
		i++;
	return i;
}

/* Of the copied blame the names are still the table's. */
static void copy_blame(struct totals_blame *copy, char **names)
{
	for (size_t i = 0; i < copy->count; i++)
		copy->culprits[i].endpoint = copy_text(names, copy->culprits[i].endpoint);
}

static void copy_endpoints(struct totals_made *made, const struct endpoint_table *table, char **names)
{
	struct totals_peer *peers = made->peers;

	for (size_t i = 0; i < table->row_count; i++) {
		const struct table_row *row = table->rows[i];
		const struct endpoint_sum *sum = &((const struct sum_row *)row)->sum;
		struct totals_endpoint *copy = &made->endpoint_sums[i];

		*copy = sum->shown;
		copy->slowest = sum->slowest.wall_ns >= sum->slowest_before.wall_ns ? sum->slowest : sum->slowest_before;
		copy->peers = copy_array(peers, sum->shown.peers, sum->shown.peer_count, sizeof(*peers));
		peers += sum->shown.peer_count;
		copy_blame(&copy->loops, names);
		copy_blame(&copy->locks, names);
		made->endpoints[i] = (struct totals_endpoint_row){find_service(table, row->service), copy_text(names, row->name), copy};
	}
	made->snapshot.endpoints = made->endpoints;
	made->snapshot.endpoint_count = table->row_count;
}

const struct totals_snapshot *totals_snapshot(const struct totals *totals, const struct totals_frame *frame)
{
	struct totals_made *made = calloc(1, sizeof(*made));
	char *names;

	if (!made)
		return NULL;
	if (!take_all(made, &totals->table, frame)) {
		totals_snapshot_close(&made->snapshot);
		return NULL;
	}
	names = made->names;
	copy_services(made, &totals->table, &names);
	copy_endpoints(made, &totals->table, &names);
	made->snapshot.frame = *frame;
	made->snapshot.frame.losses = copy_array(made->losses, frame->losses, frame->loss_count, sizeof(*made->losses));
	made->snapshot.frame.targets = copy_array(made->targets, frame->targets, frame->target_count, sizeof(*made->targets));
	return &made->snapshot;
}

void totals_snapshot_close(const struct totals_snapshot *snapshot)
{
	struct totals_made *made = (struct totals_made *)snapshot;

	if (!made)
		return;
	free(made->services);
	free(made->service_sums);
	free(made->endpoints);
	free(made->endpoint_sums);
	free(made->peers);
	free(made->losses);
	free(made->targets);
	free(made->names);
	free(made);
}

void totals_close(struct totals *totals)
{
	if (!totals)
		return;
	for (size_t i = 0; i < totals->table.row_count; i++)
		endpoint_sum_fini(&((struct sum_row *)totals->table.rows[i])->sum);
	for (size_t i = 0; i < totals->table.service_count; i++)
		free(((struct sum_service *)totals->table.services[i])->label_text);
	endpoint_table_fini(&totals->table);
	free(totals);
}
