/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libFuzzer target: any bytes as a recording, whose events then go through the engine and the routes, as `report` does with a file that
 * somebody sent.
 * Checked: nothing crashes; what the engine tells closes all the same.
 */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "engine/engine.h"
#include "record/recording.h"
#include "route/route.h"

#define PROCESSES_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_request(void *context, const struct request *request)
{
	char name[ENDPOINT_NAME_MAX];
	uint64_t wall_ns = 0, ready_ns = 0;

	(void)context;
	route_endpoint(NULL, request, name);
	for (size_t i = 0; i < STATES; i++)
		wall_ns += request->state_ns[i];
	for (size_t i = 0; i < READY_PARTS; i++)
		ready_ns += request->ready_ns[i];
	assert(wall_ns == request->end_ns - request->start_ns);
	assert(ready_ns == request->state_ns[STATE_READY]);
}

static int make_file(const uint8_t *data, size_t size)
{
	int fd = memfd_create("recording", 0);

	assert(fd >= 0);
	assert(write(fd, data, size) == (ssize_t)size);
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct engine *engine = engine_open(&(struct engine_sink){.on_request = on_request});
	struct process processes[PROCESSES_MAX];
	struct recording_info info;
	struct event_source *source;
	struct event event;
	char path[64];
	int fd = make_file(data, size);

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	source = recording_open(path, &info);
	while (source && source->next(source, &event) > 0)
		engine_handle(engine, &event);
	if (source)
		source->close(source);
	engine_finish(engine);
	engine_processes(engine, processes, PROCESSES_MAX);
	engine_close(engine);
	close(fd);
	return 0;
}
