/* SPDX-License-Identifier: BSD-2-Clause */
/* Whose child a process is, whichever of its parent's threads forked it. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "cli/pipeline.h"

enum { MASTER = 10, FORKS = 11, WORKER = 20, STRANGER = 30, PORT = 8080 };

static void ignore_request(void *context, const struct named_request *named)
{
	(void)context;
	(void)named;
}

/* The parent that the pipeline tells of. */
static uint32_t tell(struct pipeline *pipeline, const void *record, size_t size)
{
	struct event event;
	uint32_t parent;

	assert_int_equal(event_decode(&event, record, size), 0);
	parent = pipeline_parent(pipeline, &event);
	assert_int_equal(pipeline_handle(pipeline, &event), 0);
	return parent;
}

static uint32_t tell_thread(struct pipeline *pipeline, uint32_t tid, uint32_t tgid, uint32_t parent_tid, const char *comm)
{
	struct record_thread thread = {
		.head = {.tid = tid, .kind = RECORD_THREAD},
		.tgid = tgid,
		.parent_tid = parent_tid,
		.origin = THREAD_FORKED,
	};

	strcpy(thread.comm, comm);
	return tell(pipeline, &thread, sizeof(thread));
}

static void tell_listener(struct pipeline *pipeline, uint32_t tgid, uint64_t conn_id)
{
	struct record_conn conn = {
		.head = {.kind = RECORD_CONN},
		.conn_id = conn_id,
		.tgid = tgid,
		.family = CONN_INET,
		.role = CONN_LISTENER,
		.local_port = PORT,
	};

	assert_int_equal(tell(pipeline, &conn, sizeof(conn)), 0);
}

/* A worker that a thread of its master forked, beside another container's server on the same port. */
static void a_thread_forks_for_its_process(void **state)
{
	struct options options;
	struct pipeline *pipeline;
	char name[SERVICE_NAME_MAX];
	(void)state;

	assert_int_equal(options_parse(&options, COMMAND_REPORT, 1, (char *[]){(char *)"file", NULL}), 0);
	pipeline = pipeline_open(&options, false, &(struct pipeline_sink){.on_request = ignore_request});
	assert_non_null(pipeline);
	assert_int_equal(tell_thread(pipeline, MASTER, MASTER, 1, "master"), 1);
	assert_int_equal(tell_thread(pipeline, FORKS, MASTER, MASTER, "forks"), MASTER);
	tell_listener(pipeline, MASTER, 1);
	assert_int_equal(tell_thread(pipeline, WORKER, WORKER, FORKS, "worker"), MASTER);
	tell_thread(pipeline, STRANGER, STRANGER, 1, "stranger");
	tell_listener(pipeline, STRANGER, 2);
	services_name(pipeline_services(pipeline), WORKER, PORT, NULL, name);
	assert_string_equal(name, "master:8080");
	pipeline_close(pipeline);
	options_fini(&options);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_thread_forks_for_its_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
