/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Gives a recording's requests to the engine, and prints all that it tells, one fact a line: what the truth harness compares with the logs.
 *
 *	rec_to_requests FILE          (made with `record --payload`: the requests' queries hold their ids)
 *
 * request TARGET STATUS AMBIGUOUS START_NS END_NS CPU_NS AFTER_NS STOLEN_NS, then of this request
 * state NAME START_NS END_NS · run TID START_NS END_NS · call PEER START_NS NET_NS; at the end
 * process TGID CPU_NS REQUEST_NS AFTER_NS RUNTIME_NS BACKGROUND_NS UNATTRIBUTED_NS · loss NAME COUNT
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "engine/engine.h"
#include "record/recording.h"
#include "route/wire.h"

#define PROCESSES_MAX 256

static void print_request(void *context, const struct request *request)
{
	(void)context;
	printf("request %s %u %d %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", request->method ? request->target : "-",
	       request->status, request->ambiguous, request->start_ns, request->end_ns, request->cpu_time_ns,
	       request->after_response_cpu_ns, request->ready_ns[READY_PART_STOLEN]);
	for (size_t i = 0; i < request->stretch_count; i++)
		printf("state %s %" PRIu64 " %" PRIu64 "\n", state_names[request->stretches[i].state].key, request->stretches[i].start_ns,
		       request->stretches[i].end_ns);
	for (size_t i = 0; i < request->run_count; i++)
		printf("run %" PRIu32 " %" PRIu64 " %" PRIu64 "\n", request->runs[i].tid, request->runs[i].start_ns,
		       request->runs[i].end_ns);
	for (size_t i = 0; i < request->call_count; i++) {
		const struct request_call *call = &request->calls[i];

		printf("call %s %" PRIu64 " %" PRIu64 "\n", request->peers[call->peer].peer, call->start_ns, call->net_ns);
	}
}

static void print_processes(const struct engine *engine)
{
	static struct process processes[PROCESSES_MAX];
	size_t count = engine_processes(engine, processes, PROCESSES_MAX);

	for (size_t i = 0; i < count && i < PROCESSES_MAX; i++) {
		const struct process *process = &processes[i];

		printf("process %" PRIu32 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", process->tgid,
		       process->cpu_ns, process->request_cpu_ns, process->after_response_cpu_ns, process->runtime_cpu_ns,
		       process->background_cpu_ns, process->unattributed_cpu_ns);
	}
}

static void print_losses(const struct event_source *source, const struct engine *engine)
{
	struct recording_trailer trailer;
	struct engine_losses losses;

	if (recording_trailer(source, &trailer))
		for (uint32_t i = 0; i < trailer.loss_count; i++)
			printf("loss %s %" PRIu64 "\n", trailer.losses[i].name, trailer.losses[i].count);
	else
		printf("loss trailers 1\n");
	engine_losses(engine, &losses);
	printf("loss contexts %" PRIu64 "\nloss waiters %" PRIu64 "\nloss folded_timelines %" PRIu64 "\n", losses.contexts, losses.waiters,
	       losses.stretches);
}

static int replay(struct event_source *source, struct wire *wire, struct engine *engine)
{
	struct event event;
	int got, err;

	while ((got = source->next(source, &event)) > 0) {
		wire_note_clear(&event.note);
		wire_read(wire, &event);
		err = engine_handle(engine, &event);
		if (err)
			return err;
	}
	engine_finish(engine);
	return got;
}

int main(int argc, char **argv)
{
	struct recording_info info;
	struct event_source *source;
	struct engine *engine = engine_open(&(struct engine_sink){.on_request = print_request});
	struct wire *wire = wire_open(true);
	int err;

	if (argc != 2) {
		fprintf(stderr, "usage: %s FILE\n", argv[0]);
		return 2;
	}
	source = recording_open(argv[1], &info);
	if (!source || !info.has_payload || !engine || !wire) {
		fprintf(stderr, "%s: %s\n", argv[1], source && !info.has_payload ? "made without --payload" : strerror(errno));
		return 1;
	}
	err = replay(source, wire, engine);
	print_processes(engine);
	print_losses(source, engine);
	source->close(source);
	wire_close(wire);
	engine_close(engine);
	if (!err && fflush(stdout))
		err = -errno;
	if (err)
		fprintf(stderr, "%s: %s\n", argv[1], strerror(-err));
	return err != 0;
}
