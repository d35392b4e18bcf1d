/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What happens to each event on its way to an answer: wire → engine → route and service names → the sink.
 * Called by `session` (statistics) and by `requests`; the same for a live run and for a recording.
 * Never: a clock. All it knows of time is what events say.
 */
#ifndef IOCPU_CLI_PIPELINE_H
#define IOCPU_CLI_PIPELINE_H

#include "cli/options.h"
#include "cli/services.h"
#include "engine/engine.h"

struct pipeline;

/* A finished request under its names. All valid for the call only. */
struct named_request {
	const struct request *request;
	const char *service;
	const char *endpoint;
	const char *culprit;                      /* the endpoint that held the loop; NULL: unknown */
	const char (*holders)[ENDPOINT_NAME_MAX]; /* of each of the request's locks; NULL: it has none, or there is no memory */
};

/* What happened on a stream, under the names of the request that opened it. */
struct named_stream {
	const struct stream *stream;
	const char *service;
	const char *endpoint;
};

struct pipeline_sink {
	void *context;
	void (*on_request)(void *context, const struct named_request *named);
	void (*on_stream)(void *context, const struct named_stream *named); /* NULL: nobody asks */
};

/*
 * reads_payload: the source's events come without notes (a live source) or with payload enough to make them anew.
 * Borrows the options, copies the sink. NULL: no memory.
 */
struct pipeline *pipeline_open(const struct options *options, bool reads_payload, const struct pipeline_sink *sink);

/*
 * Where the thread comes from that an event tells of: the process that made it or, if the tracer found it running, its process's parent.
 * 0: the event tells of no thread, or nothing is known of that process. Asked before any later event is handled, by which that process
 * may end.
 */
uint32_t pipeline_parent(const struct pipeline *pipeline, const struct event *event);

/* Takes one event. 0 or −ENOMEM. */
int pipeline_handle(struct pipeline *pipeline, struct event *event);

/* The source has ended: tells the requests that were still held back. */
void pipeline_finish(struct pipeline *pipeline);

const struct engine *pipeline_engine(const struct pipeline *pipeline);
const struct services *pipeline_services(const struct pipeline *pipeline);

void pipeline_close(struct pipeline *pipeline);

#endif
