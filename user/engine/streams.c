/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Streams: what a connection becomes with a response that has no end of its own. Its work is a context that acts as a request that is never
 * answered, but keeps no time of its own: CPU is summed up, all else of its time is waiting for the next message.
 */
#include <stdlib.h>

#include "engine/moment.h"
#include "util/stream.h"

/* Of a context that is a stream. */
struct open_stream {
	struct open_stream *next, **prev; /* the engine's */
	struct context *context;
	struct conn *conn;
	bool changed; /* since it was told last */
	uint64_t opened_ns;
	uint64_t last_used_ns;
	struct stream piece; /* since it was told last */
};

/* ---- telling ---------------------------------------------------------------------------------------------------------------------- */

static void tell(struct engine *engine, struct open_stream *stream, uint64_t until_ns)
{
	const struct context *context = stream->context;
	struct request opener = {
		.tgid = context->proc->told.tgid,
		.port = context->port,
		.unix_path = context->unix_path,
		.protocol = context->protocol,
		.method = context->line,
		.target = context->target,
		.target_cut = context->target_cut,
		.status = context->status,
		.start_ns = context->start_ns,
		.end_ns = stream->opened_ns,
		.opens = stream->piece.kind,
	};

	request_write_id(context, opener.id);
	stream->piece.opener = &opener;
	stream->piece.lasted_ns = until_ns > stream->opened_ns ? until_ns - stream->opened_ns : 0;
	if (engine->sink.on_stream)
		engine->sink.on_stream(engine->sink.context, &stream->piece);
	stream->piece = (struct stream){.kind = stream->piece.kind};
	stream->changed = false;
}

void streams_tell(struct engine *engine)
{
	for (struct open_stream *stream = engine->streams; stream; stream = stream->next)
		if (stream->changed)
			tell(engine, stream, engine->now_ns);
}

/* ---- the beginning and the end ------------------------------------------------------------------------------------------------------ */

/* What was the request's is the stream's from here on: calls in flight, and whoever works for it. */
static void take_over(struct context *stream, struct context *request)
{
	for (struct call *call; (call = request->calls_in_flight);) {
		call_delist(call);
		call_enlist(call, stream);
	}
	stream->line = request->line;
	stream->target = request->target;
	stream->unix_path = request->unix_path;
	request->line = request->unix_path = NULL;
	request->target = NULL;
	request->bound_to = context_get(stream);
}

static struct open_stream *enlist(struct engine *engine, struct context *context, struct conn *conn)
{
	struct open_stream *stream = calloc(1, sizeof(*stream));

	if (!stream)
		return NULL;
	stream->context = context;
	stream->conn = conn;
	stream->next = engine->streams;
	stream->prev = &engine->streams;
	if (stream->next)
		stream->next->prev = &stream->next;
	engine->streams = stream;
	return stream;
}

void stream_open(const struct moment *moment, struct context *request)
{
	struct conn *conn = moment->conn;
	struct context *context = context_new_request(moment->engine, request->start_ns);
	struct open_stream *stream = context ? enlist(moment->engine, context, conn) : NULL;

	if (!stream) {
		context_put(moment->engine, context);
		return;
	}
	context->stream = stream;
	context->proc = proc_get(request->proc);
	context->conn_id = request->conn_id;
	context->turn = request->turn;
	context->port = request->port;
	context->protocol = request->protocol;
	context->status = request->status;
	context->target_cut = request->target_cut;
	stream->piece.kind = context->stream_kind = request->stream_kind = moment->event->note.stream;
	stream->opened_ns = stream->last_used_ns = request->last_write_ns;
	thread_commit(moment->engine, moment->thread);
	context_get(request);
	request_tell(moment->engine, request);
	take_over(context, request);
	context_put(moment->engine, request);
	conn->stream = context; /* the reference that it was made with */
}

/* It is known no more: its context, which others may still refer to, takes no work from here on. */
static void release(struct engine *engine, struct open_stream *stream)
{
	struct context *context = stream->context;

	*stream->prev = stream->next;
	if (stream->next)
		stream->next->prev = stream->prev;
	stream->conn->stream = NULL;
	context->stream = NULL;
	context->closed = true;
	free(stream);
	context_put(engine, context);
}

void stream_end(struct engine *engine, struct conn *conn, uint64_t end_ns)
{
	struct open_stream *stream = conn->stream ? conn->stream->stream : NULL;

	if (!stream)
		return;
	stream->piece.ended = true;
	tell(engine, stream, end_ns);
	release(engine, stream);
}

void stream_end_unseen(struct engine *engine, struct conn *conn)
{
	if (conn->stream)
		stream_end(engine, conn, conn->stream->stream->last_used_ns);
}

void streams_finish(struct engine *engine)
{
	while (engine->streams) {
		if (engine->streams->changed)
			tell(engine, engine->streams, engine->now_ns);
		release(engine, engine->streams);
	}
}

/* ---- what is done on it ------------------------------------------------------------------------------------------------------------- */

void stream_charge(struct context *context, struct proc *proc, uint64_t cpu_ns)
{
	proc->told.background_cpu_ns += cpu_ns;
	proc->told.stream_cpu_ns += cpu_ns;
	if (!context->stream)
		return;
	context->stream->piece.cpu_ns += cpu_ns;
	context->stream->changed = true;
}

/* A message of the client's: the thread works for the stream. */
void stream_read(const struct moment *moment)
{
	struct context *context = moment->conn->stream;
	struct open_stream *stream = context->stream;

	stream->piece.reads++;
	stream->piece.read_bytes += (uint64_t)moment->record->result;
	stream->last_used_ns = moment->at_ns;
	stream->changed = true;
	work_for(moment, context);
	rule_11_stream_read(moment, context);
}

static void count_write(const struct moment *moment, struct open_stream *stream)
{
	if (moment->record->result <= 0)
		return;
	stream->piece.writes++;
	stream->piece.written_bytes += (uint64_t)moment->record->result;
	stream->last_used_ns = moment->at_ns;
	stream->changed = true;
}

/*
 * Does the thread write this for another one, whose work it still does: a request that publishes something, a message that is passed on? In
 * a loop not if that one has just asked a downstream: then the next callback runs.
 */
static bool is_published(const struct moment *moment, const struct context *root)
{
	const struct thread *thread = moment->thread;

	if (!root || root == moment->conn->stream || thread->soft)
		return false;
	if (!root->is_request)
		return root->origin == ORIGIN_PUBLISH;
	return context_is_open_request(root) && !(thread->loop && thread->asked);
}

/* It shows only when the request is answered that this was done for it; else it was the stream's own, in a callback of its own. */
static void publish(const struct moment *moment, struct context *root)
{
	if (!root->is_request || root->stream)
		return;
	turn_to_segment(moment, ORIGIN_PUBLISH, moment->conn->stream, false);
	context_note_evidence(context_root(moment->thread->context));
}

void stream_ran(const struct moment *moment)
{
	struct thread *thread = moment->thread;
	struct context *context = moment->conn->stream, *root = context_root(thread->context);

	if (is_published(moment, root)) {
		publish(moment, root);
		return;
	}
	rule_11_stream_write(moment, context);
	root = context_root(thread->context);
	if (context_is_segment(root)) {
		context_bind(moment->engine, root, context);
	} else if (root != context) {
		thread_take_over(moment->engine, thread, context); /* what ran since that one asked was the stream's */
	}
	turn_to_segment(moment, ORIGIN_SOFT, context, true);
}

struct context *stream_goes_out(const struct moment *moment)
{
	struct conn *conn = moment->conn;

	count_write(moment, conn->stream->stream);
	if (moment->event->note.stream_ends)
		stream_end(moment->engine, conn, moment->at_ns);
	return conn->stream;
}
