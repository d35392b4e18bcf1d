/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/pipeline.h"

#include <stdlib.h>

#include "route/wire.h"

struct pipeline {
	const struct options *options;
	struct wire *wire; /* NULL: events come with their notes */
	struct services *services;
	struct engine *engine;
	struct pipeline_sink sink;
	char (*holders)[ENDPOINT_NAME_MAX]; /* of the request in hand */
	size_t holder_capacity;
};

/* The endpoint of a request that made this one wait: the same connection's port and rules, another request line. */
static void name_other(const struct pipeline *pipeline, const struct request *request, const char *method, const char *target,
		       char name[ENDPOINT_NAME_MAX])
{
	struct request other = *request;

	other.method = method;
	other.target = target;
	other.target_cut = false;
	route_endpoint(pipeline->options->rules, &other, name);
}

static const char *name_culprit(const struct pipeline *pipeline, const struct request *request, char *name)
{
	if (!request->culprit_known)
		return NULL;
	name_other(pipeline, request, request->culprit_method, request->culprit_target, name);
	return name;
}

/* NULL: it waited for nobody, or there is no memory. */
static const char (*name_holders(struct pipeline *pipeline, const struct request *request))[ENDPOINT_NAME_MAX]
{
	if (request->lock_count > pipeline->holder_capacity) {
		void *bigger = realloc(pipeline->holders, request->lock_count * sizeof(pipeline->holders[0]));

		if (!bigger)
			return NULL;
		pipeline->holders = bigger;
		pipeline->holder_capacity = request->lock_count;
	}
	for (size_t i = 0; i < request->lock_count; i++)
		name_other(pipeline, request, request->locks[i].method, request->locks[i].target, pipeline->holders[i]);
	return request->lock_count ? pipeline->holders : NULL;
}

static void name_request(void *context, const struct request *request)
{
	struct pipeline *pipeline = context;
	char service[SERVICE_NAME_MAX], endpoint[ENDPOINT_NAME_MAX], culprit[ENDPOINT_NAME_MAX];
	struct named_request named = {.request = request, .service = service, .endpoint = endpoint};

	services_name(pipeline->services, request->tgid, request->port, request->unix_path, service);
	route_endpoint(pipeline->options->rules, request, endpoint);
	named.culprit = name_culprit(pipeline, request, culprit);
	named.holders = name_holders(pipeline, request);
	pipeline->sink.on_request(pipeline->sink.context, &named);
}

static void name_stream(void *context, const struct stream *stream)
{
	const struct pipeline *pipeline = context;
	const struct request *opener = stream->opener;
	char service[SERVICE_NAME_MAX], endpoint[ENDPOINT_NAME_MAX];

	services_name(pipeline->services, opener->tgid, opener->port, opener->unix_path, service);
	route_endpoint(pipeline->options->rules, opener, endpoint);
	pipeline->sink.on_stream(pipeline->sink.context, &(struct named_stream){stream, service, endpoint});
}

struct pipeline *pipeline_open(const struct options *options, bool reads_payload, const struct pipeline_sink *sink)
{
	struct pipeline *pipeline = calloc(1, sizeof(*pipeline));

	if (!pipeline)
		return NULL;
	pipeline->options = options;
	pipeline->sink = *sink;
	pipeline->services = services_open();
	pipeline->engine = engine_open(
		&(struct engine_sink){.context = pipeline, .on_request = name_request, .on_stream = sink->on_stream ? name_stream : NULL});
	if (reads_payload)
		pipeline->wire = wire_open(options->show_query);
	if (pipeline->services && pipeline->engine && (pipeline->wire || !reads_payload))
		return pipeline;
	pipeline_close(pipeline);
	return NULL;
}

uint32_t pipeline_parent(const struct pipeline *pipeline, const struct event *event)
{
	if (event->head->kind != RECORD_THREAD)
		return 0;
	return engine_process_of(pipeline->engine, ((const struct record_thread *)event->head)->parent_tid);
}

int pipeline_handle(struct pipeline *pipeline, struct event *event)
{
	int err = services_read(pipeline->services, event, pipeline_parent(pipeline, event));

	if (err)
		return err;
	if (pipeline->wire) {
		wire_note_clear(&event->note);
		wire_read(pipeline->wire, event);
	}
	return engine_handle(pipeline->engine, event);
}

void pipeline_finish(struct pipeline *pipeline)
{
	engine_finish(pipeline->engine);
}

const struct engine *pipeline_engine(const struct pipeline *pipeline)
{
	return pipeline->engine;
}

const struct services *pipeline_services(const struct pipeline *pipeline)
{
	return pipeline->services;
}

void pipeline_close(struct pipeline *pipeline)
{
	if (!pipeline)
		return;
	engine_close(pipeline->engine);
	wire_close(pipeline->wire);
	services_close(pipeline->services);
	free(pipeline->holders);
	free(pipeline);
}
