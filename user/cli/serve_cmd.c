/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/commands.h"

#include <errno.h>
#include <string.h>

#include "cli/collector.h"
#include "cli/pipeline.h"
#include "cli/trace.h"
#include "serve/http.h"

/* The totals are shown anew once in so long; Prometheus asks every 15 s or so. */
#define WINDOW_NS 1000000000ull

struct serve {
	const struct options *options;
	struct exhibit *exhibit;
	struct http_server *server;
	struct trace *trace;
	struct pipeline *pipeline;
	struct collector *collector;
	uint64_t next_cut_ns;
	struct window_end end;
};

static void add_request(void *context, const struct named_request *named)
{
	struct serve *serve = context;

	collector_add(serve->collector, named);
}

static void add_stream(void *context, const struct named_stream *named)
{
	struct serve *serve = context;

	collector_add_stream(serve->collector, named);
}

static int cut(struct serve *serve, uint64_t at_ns)
{
	struct feed *feed = trace_feed(serve->trace);

	serve->end.at_ns = at_ns;
	feed->read_tool(feed, &serve->end.tool);
	serve->end.target_count = trace_targets(serve->trace, serve->end.targets, TARGETS_MAX);
	http_relieve(serve->server);
	return collector_cut(serve->collector, serve->pipeline, &serve->end);
}

/* 0: it was told to end; −errno. */
static int read_feed(struct serve *serve)
{
	struct feed *feed = trace_feed(serve->trace);
	struct event event;
	int got, err = 0;

	while (!err && (got = feed->next(feed, &event)) > 0) {
		collector_learn(serve->collector, serve->pipeline, &event);
		err = pipeline_handle(serve->pipeline, &event);
		if (err || event.head->kind != RECORD_TICK || event.head->at_ns < serve->next_cut_ns)
			continue;
		serve->next_cut_ns = event.head->at_ns + WINDOW_NS;
		err = cut(serve, event.head->at_ns);
	}
	if (err || got < 0)
		return err ? err : got;
	pipeline_finish(serve->pipeline);
	return cut(serve, feed->end_ns);
}

static enum exit_code complain_listen(const struct listen_address *address, int err)
{
	char text[LISTEN_ADDRESS_TEXT];

	listen_address_print(address, text);
	switch (err) {
	case -EADDRINUSE:
		return complain(EXIT_FAILED, "another exporter may be at it: `ss -ltnp` shows who; --listen ADDRESS:PORT takes another",
				"%s is in use", text);
	case -EACCES:
		return complain(EXIT_NOT_PERMITTED, "ports below 1024 need root or CAP_NET_BIND_SERVICE",
				"listening on %s is not permitted", text);
	case -EADDRNOTAVAIL:
		return complain(EXIT_FAILED, "`ip address` lists them; *:PORT means all", "%s is no address of this machine", text);
	case -ENOTSUP:
		return complain(EXIT_FAILED, "the program that `make` builds has one", "this program was linked without an HTTP server");
	default:
		return complain(EXIT_FAILED, NULL, "listening on %s: %s", text, strerror(-err));
	}
}

static enum exit_code out_of_memory(void)
{
	return complain(EXIT_FAILED, NULL, "out of memory");
}

/* Listens first, as what is wrong with an address is told sooner than a kernel half is loaded. */
static enum exit_code open_all(struct serve *serve)
{
	struct listen_address bound;
	const struct feed *feed;
	char text[LISTEN_ADDRESS_TEXT];
	enum exit_code code;
	int err;

	serve->exhibit = exhibit_open();
	if (!serve->exhibit)
		return out_of_memory();
	err = http_open(&serve->server, &serve->options->listen, serve->exhibit, &bound);
	if (err)
		return complain_listen(&serve->options->listen, err);
	code = trace_open(serve->options, &serve->trace);
	if (code)
		return code;
	feed = trace_feed(serve->trace);
	serve->pipeline = pipeline_open(serve->options, feed->reads_payload,
					&(struct pipeline_sink){.context = serve, .on_request = add_request, .on_stream = add_stream});
	serve->collector = collector_open(feed, serve->options, serve->exhibit);
	if (!serve->pipeline || !serve->collector)
		return out_of_memory();
	listen_address_print(&bound, text);
	remark("serving http://%s/metrics", text);
	return trace_start(serve->trace);
}

static void close_all(struct serve *serve)
{
	http_close(serve->server);
	exhibit_close(serve->exhibit);
	collector_close(serve->collector);
	pipeline_close(serve->pipeline);
	trace_close(serve->trace);
}

enum exit_code run_serve(const struct options *options)
{
	static struct serve serve;
	enum exit_code code;
	int err;

	serve.options = options;
	code = open_all(&serve);
	err = code ? 0 : read_feed(&serve);
	if (!code && !err)
		collector_tell(serve.collector);
	close_all(&serve);
	if (err == -ESRCH)
		return complain_gone();
	if (err)
		return complain(EXIT_FAILED, NULL, "reading events: %s", strerror(-err));
	return code;
}
