/* SPDX-License-Identifier: BSD-2-Clause */
#include "golden/text_closure.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "util/idmap.h"

struct closure {
	unsigned int faults;
	uint64_t cpu_ns; /* of spans that were closed by a record */
	/* By tid: what a thread's last snapshot said of the span that is still open, as far as nothing closed it. */
	struct idmap snapshots;
};

struct closure *closure_open(void)
{
	return calloc(1, sizeof(struct closure));
}

void closure_fault(struct closure *closure, const char *format, ...)
{
	va_list arguments;

	closure->faults++;
	printf("# ");
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	printf("\n");
}

void closure_of_event(struct closure *closure, const struct event *event)
{
	const struct record *record = event_record(event);
	uint64_t *snapshot_ns, cpu_ns;

	if (!record_kind_has_span(event->head->kind))
		return;
	cpu_ns = record->core_ns - (event->window ? event->window->stolen_ns : 0);
	snapshot_ns = idmap_get(&closure->snapshots, event->head->tid);
	if (!snapshot_ns) {
		snapshot_ns = calloc(1, sizeof(*snapshot_ns));
		idmap_put(&closure->snapshots, event->head->tid, snapshot_ns);
	}
	*snapshot_ns = event->head->kind == RECORD_SNAPSHOT ? cpu_ns : 0;
	if (event->head->kind != RECORD_SNAPSHOT)
		closure->cpu_ns += cpu_ns;
}

static uint64_t sum(const uint64_t *parts, size_t count)
{
	uint64_t total = 0;

	for (size_t i = 0; i < count; i++)
		total += parts[i];
	return total;
}

/* Stretches touch each other, fill [start, end], and say the same as the sums. */
static void check_stretches(struct closure *closure, const struct request *request)
{
	uint64_t at_ns = request->start_ns, state_ns[STATES] = {0};

	for (size_t i = 0; i < request->stretch_count; i++) {
		const struct request_stretch *stretch = &request->stretches[i];

		if (stretch->start_ns != at_ns || stretch->end_ns < stretch->start_ns)
			closure_fault(closure, "%s: stretch %zu does not touch the one before", request->id, i);
		at_ns = stretch->end_ns;
		state_ns[stretch->state] += stretch->end_ns - stretch->start_ns;
	}
	if (at_ns != request->end_ns)
		closure_fault(closure, "%s: the stretches do not reach the end", request->id);
	for (size_t i = 0; i < STATES; i++)
		if (state_ns[i] != request->state_ns[i])
			closure_fault(closure, "%s: %s is %" PRIu64 ", its stretches are %" PRIu64, request->id, state_names[i].key,
				      request->state_ns[i], state_ns[i]);
}

/* Runs say the same as the sums; those before the start (accepting, a handshake) are nobody's. */
static void check_runs(struct closure *closure, const struct request *request)
{
	uint64_t cpu_ns = 0;

	for (size_t i = 0; i < request->run_count; i++) {
		const struct request_run *run = &request->runs[i];

		if (run->end_ns > request->start_ns)
			cpu_ns += run->end_ns - (run->start_ns > request->start_ns ? run->start_ns : request->start_ns);
		if (!run->tid)
			closure_fault(closure, "%s: run %zu is no thread's", request->id, i);
	}
	if (cpu_ns != request->cpu_time_ns + request->after_response_cpu_ns)
		closure_fault(closure, "%s: its runs are not its CPU time", request->id);
}

void closure_of_request(struct closure *closure, const struct request *request)
{
	if (sum(request->state_ns, STATES) != request->end_ns - request->start_ns)
		closure_fault(closure, "%s: the states do not sum to the wall", request->id);
	if (sum(request->ready_ns, READY_PARTS) != request->state_ns[STATE_READY])
		closure_fault(closure, "%s: the parts of ready do not sum to it", request->id);
	if (request->ttfb_ns > request->end_ns - request->start_ns)
		closure_fault(closure, "%s: its first byte came after its end", request->id);
	check_stretches(closure, request);
	check_runs(closure, request);
}

void closure_of_processes(struct closure *closure, const struct process *processes, size_t count)
{
	uint64_t told_ns = 0, open_ns = 0, *snapshot_ns;
	size_t cursor = 0;

	for (size_t i = 0; i < count; i++) {
		const struct process *process = &processes[i];
		const uint64_t parts[] = {process->request_cpu_ns, process->after_response_cpu_ns, process->runtime_cpu_ns,
					  process->background_cpu_ns, process->unattributed_cpu_ns};

		if (sum(parts, sizeof(parts) / sizeof(*parts)) != process->cpu_ns)
			closure_fault(closure, "process %u: the parts of its CPU do not sum to it", process->tgid);
		if (process->setup_cpu_ns > process->background_cpu_ns)
			closure_fault(closure, "process %u: more CPU set up connections than was in the background", process->tgid);
		told_ns += process->cpu_ns;
	}
	while ((snapshot_ns = idmap_next(&closure->snapshots, &cursor)))
		open_ns += *snapshot_ns;
	if (told_ns != closure->cpu_ns + open_ns)
		closure_fault(closure, "CPU is not conserved: the events hold %" PRIu64 ", the processes were given %" PRIu64,
			      closure->cpu_ns + open_ns, told_ns);
}

bool closure_close(struct closure *closure)
{
	bool good = !closure->faults;
	size_t cursor = 0;
	void *snapshot_ns;

	while ((snapshot_ns = idmap_next(&closure->snapshots, &cursor)))
		free(snapshot_ns);
	idmap_fini(&closure->snapshots);
	free(closure);
	return good;
}
