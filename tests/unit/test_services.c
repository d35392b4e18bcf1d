/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of services: one for all workers of a listener, two for two programs. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/services.h"

static struct services *services;

static int setup(void **state)
{
	(void)state;
	services = services_open();
	return !services;
}

static int teardown(void **state)
{
	(void)state;
	services_close(services);
	return 0;
}

static void tell_of(const void *record, size_t size, uint32_t parent_tgid)
{
	struct event event;

	assert_int_equal(event_decode(&event, record, size), 0);
	assert_int_equal(services_read(services, &event, parent_tgid), 0);
}

static void tell(const void *record, size_t size)
{
	tell_of(record, size, 0);
}

static void tell_thread_of(uint32_t tid, uint32_t tgid, uint32_t parent_tgid, const char *comm, uint8_t origin)
{
	struct record_thread thread = {
		.head = {.kind = RECORD_THREAD, .tid = tid},
		.tgid = tgid,
		.origin = origin,
	};

	strcpy(thread.comm, comm);
	tell_of(&thread, sizeof(thread), parent_tgid);
}

static void tell_thread(uint32_t tid, uint32_t tgid, const char *comm, uint8_t origin)
{
	tell_thread_of(tid, tgid, 0, comm, origin);
}

static void tell_child(uint32_t tgid, uint32_t parent_tgid, const char *comm)
{
	tell_thread_of(tgid, tgid, parent_tgid, comm, THREAD_FORKED);
}

static void tell_listener(uint32_t tgid, uint64_t conn_id, uint16_t port, const char *path)
{
	_Alignas(8) uint8_t bytes[sizeof(struct record_conn) + UNIX_PATH_MAX] = {0};
	struct record_conn *conn = (struct record_conn *)bytes;

	conn->head = (struct record_head){.kind = RECORD_CONN, .payload_len = (uint8_t)strlen(path)};
	conn->conn_id = conn_id;
	conn->tgid = tgid;
	conn->family = *path ? CONN_UNIX : CONN_INET;
	conn->role = CONN_LISTENER;
	conn->local_port = port;
	memcpy(bytes + sizeof(*conn), path, strlen(path));
	tell(bytes, sizeof(*conn) + strlen(path));
}

static const char *name_of(uint32_t tgid, uint16_t port, const char *path)
{
	static char name[SERVICE_NAME_MAX];

	services_name(services, tgid, port, path, name);
	return name;
}

static void workers_share_the_listeners_name(void **state)
{
	(void)state;
	tell_thread(10, 10, "master", THREAD_FOUND);
	tell_listener(10, 1, 8080, "");
	tell_thread(11, 11, "worker: 1", THREAD_FORKED);
	tell_thread(12, 12, "worker: 2", THREAD_FORKED);
	assert_string_equal(name_of(11, 8080, NULL), "master:8080");
	assert_string_equal(name_of(12, 8080, NULL), "master:8080");
	assert_string_equal(name_of(10, 8080, NULL), "master:8080");
}

static void programs_of_two_containers_keep_their_names(void **state)
{
	(void)state;
	tell_thread(10, 10, "node", THREAD_FOUND);
	tell_listener(10, 1, 8080, "");
	tell_thread(20, 20, "python3", THREAD_FOUND);
	tell_listener(20, 2, 8080, "");
	assert_string_equal(name_of(10, 8080, NULL), "node:8080");
	assert_string_equal(name_of(20, 8080, NULL), "python3:8080");
}

static void workers_of_two_containers_keep_their_masters_names(void **state)
{
	(void)state;
	tell_thread_of(10, 10, 1, "nginx", THREAD_FOUND);
	tell_listener(10, 1, 80, "");
	tell_child(11, 10, "nginx: worker");
	tell_child(12, 11, "helper");
	tell_thread_of(20, 20, 1, "apache2", THREAD_FOUND);
	tell_listener(20, 2, 80, "");
	tell_child(21, 20, "apache2: worker");
	assert_string_equal(name_of(11, 80, NULL), "nginx:80");
	assert_string_equal(name_of(12, 80, NULL), "nginx:80");
	assert_string_equal(name_of(21, 80, NULL), "apache2:80");
	/* Another program, the same family. */
	tell_thread_of(12, 12, 99, "cgi", THREAD_EXECED);
	assert_string_equal(name_of(12, 80, NULL), "nginx:80");
	/* Of several above, the nearest one's. */
	tell_listener(11, 3, 80, "");
	assert_string_equal(name_of(12, 80, NULL), "nginx: worker:80");
	/* Whoever has the socket from nobody above has it from the last who opened one, as far as is known. */
	tell_child(30, 1, "stranger");
	assert_string_equal(name_of(30, 80, NULL), "nginx: worker:80");
}

/* Ids are used again: a family may turn in a circle. */
static void ancestors_are_bounded(void **state)
{
	(void)state;
	tell_child(10, 11, "a");
	tell_child(11, 10, "b");
	assert_string_equal(name_of(10, 80, NULL), "a:80");
	tell_listener(20, 1, 80, "");
	tell_thread(20, 20, "c", THREAD_FOUND);
	assert_string_equal(name_of(11, 80, NULL), "c:80");
}

static void a_unix_path_stands_for_a_port(void **state)
{
	(void)state;
	tell_thread(10, 10, "app", THREAD_FOUND);
	tell_listener(10, 1, 0, "/run/app.sock");
	assert_string_equal(name_of(10, 0, "/run/app.sock"), "app:/run/app.sock");
	assert_string_equal(name_of(10, 0, NULL), "app");
}

/* In metrics both would be one name with U+FFFD in it, told twice. */
static void names_that_cannot_be_shown_stay_apart(void **state)
{
	(void)state;
	tell_thread(10, 10, "app\xfe", THREAD_FOUND);
	tell_thread(20, 20, "app\xff", THREAD_FOUND);
	tell_thread(30, 30, "d\xc3\xa9mon\n\x1b", THREAD_FOUND);
	tell_listener(10, 1, 0, "/run/\x80.sock");
	assert_string_equal(name_of(10, 80, NULL), "app%FE:80");
	assert_string_equal(name_of(20, 80, NULL), "app%FF:80");
	assert_string_equal(name_of(30, 80, NULL), "d\xc3\xa9mon%0A%1B:80");
	assert_string_equal(name_of(10, 0, "/run/\x80.sock"), "app%FE:/run/%80.sock");
	tell_thread(40, 40, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", THREAD_FOUND);
	assert_string_equal(name_of(40, 65535, NULL), "%FF%FF%FF%FF%FF%FF%FF%FF%FF%FF%FF%FF%FF%FF%FF:65535");
}

static void a_long_path_is_cut(void **state)
{
	char path[2 * SERVICE_NAME_MAX], wanted[SERVICE_NAME_MAX];

	(void)state;
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = 0;
	memset(wanted, 'x', sizeof(wanted) - 1);
	wanted[sizeof(wanted) - 1] = 0;
	memcpy(wanted, "app:", 4);
	tell_thread(10, 10, "app", THREAD_FOUND);
	assert_string_equal(name_of(10, 0, path), wanted);
}

static void an_exec_renames_and_a_thread_does_not(void **state)
{
	(void)state;
	tell_thread(10, 10, "sh", THREAD_FOUND);
	tell_thread(11, 10, "helper", THREAD_FORKED);
	assert_string_equal(name_of(10, 80, NULL), "sh:80");
	tell_thread(10, 10, "server", THREAD_EXECED);
	assert_string_equal(name_of(10, 80, NULL), "server:80");
}

static void the_unknown_has_a_name_too(void **state)
{
	(void)state;
	assert_string_equal(name_of(99, 80, NULL), "?:80");
}

static void listeners_are_bounded(void **state)
{
	(void)state;
	tell_thread(10, 10, "app", THREAD_FOUND);
	for (uint64_t id = 1; id < 5000; id++)
		tell_listener(10, id, (uint16_t)id, "");
	assert_string_equal(name_of(10, 4999, NULL), "app:4999");
}

static void a_restarted_server_has_its_new_name(void **state)
{
	char wanted[SERVICE_NAME_MAX], comm[COMM_MAX];

	(void)state;
	for (uint32_t i = 1; i < 2000; i++) {
		snprintf(comm, sizeof(comm), "app-%u", i);
		snprintf(wanted, sizeof(wanted), "%s:8080", comm);
		tell_thread(2 * i, 2 * i, comm, THREAD_FOUND);
		tell_listener(2 * i, i, 8080, "");
		tell_thread(2 * i + 1, 2 * i + 1, "worker", THREAD_FORKED);
		assert_string_equal(name_of(2 * i + 1, 8080, NULL), wanted);
	}
}

/* A server that starts a program for each request must not fill the memory with their names, nor lose its own. */
static void names_of_processes_are_bounded(void **state)
{
	(void)state;
	tell_thread(1, 1, "server", THREAD_FOUND);
	tell_listener(1, 1, 8080, "");
	for (uint32_t tgid = 2; tgid < 300000; tgid++) {
		tell_thread(tgid, tgid, "convert", THREAD_FORKED);
		assert_string_equal(name_of(tgid, 0, NULL), "convert");
		if (tgid % 10000 == 0)
			assert_string_equal(name_of(1, 8080, NULL), "server:8080");
	}
	assert_string_equal(name_of(2, 0, NULL), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(workers_share_the_listeners_name, setup, teardown),
		cmocka_unit_test_setup_teardown(programs_of_two_containers_keep_their_names, setup, teardown),
		cmocka_unit_test_setup_teardown(workers_of_two_containers_keep_their_masters_names, setup, teardown),
		cmocka_unit_test_setup_teardown(ancestors_are_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(a_unix_path_stands_for_a_port, setup, teardown),
		cmocka_unit_test_setup_teardown(names_that_cannot_be_shown_stay_apart, setup, teardown),
		cmocka_unit_test_setup_teardown(a_long_path_is_cut, setup, teardown),
		cmocka_unit_test_setup_teardown(an_exec_renames_and_a_thread_does_not, setup, teardown),
		cmocka_unit_test_setup_teardown(the_unknown_has_a_name_too, setup, teardown),
		cmocka_unit_test_setup_teardown(listeners_are_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(a_restarted_server_has_its_new_name, setup, teardown),
		cmocka_unit_test_setup_teardown(names_of_processes_are_bounded, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
