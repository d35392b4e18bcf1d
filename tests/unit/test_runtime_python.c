/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Places in a real Python: the system's. Where it is not installed, or is a build of which the places are not known, the tests are skipped
 * by name, never passed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "runtime/python.h"
#include "unit/file_bytes.h"

#define PYTHON "/usr/bin/python3"

#define CALL_OPCODE 0xe8

/* The one line that the program prints. */
static void output_of(const char *command, char *line, size_t size)
{
	FILE *output = popen(command, "r");

	assert_non_null(output);
	assert_non_null(fgets(line, (int)size, output));
	line[strcspn(line, "\n")] = 0;
	assert_int_equal(pclose(output), 0);
}

static void need_python(void)
{
	if (access(PYTHON, X_OK)) {
		print_message("%s is not here\n", PYTHON);
		skip();
	}
}

/* Skips the test where the system's Python is not of a known build. */
static struct python_core known_core(void)
{
	struct python_core core;
	const char *why = NULL;

	need_python();
	if (python_core_read(PYTHON, &core, &why)) {
		print_message("%s %s: %s\n", PYTHON, core.version, why);
		skip();
	}
	return core;
}

static struct python_asyncio known_asyncio(char *path, size_t size)
{
	struct python_core core = known_core();
	struct python_asyncio asyncio;
	const char *why = NULL;

	output_of(PYTHON " -c 'import _asyncio; print(_asyncio.__file__)'", path, size);
	if (python_asyncio_read(path, &core, &asyncio, &why)) {
		print_message("%s: %s\n", path, why);
		skip();
	}
	return asyncio;
}

static int read_altered_core(struct bytes bytes, struct python_core *core)
{
	char path[] = MADE_PATH;
	const char *why = NULL;
	int err;

	make_file(bytes, path);
	err = python_core_read(path, core, &why);
	unlink(path);
	assert_true(!err || why);
	return err;
}

static int read_altered_asyncio(struct bytes bytes)
{
	struct python_core core = known_core();
	char path[] = MADE_PATH;
	struct python_asyncio asyncio;
	const char *why = NULL;
	int err;

	make_file(bytes, path);
	err = python_asyncio_read(path, &core, &asyncio, &why);
	unlink(path);
	assert_true(!err || why);
	return err;
}

/* ---- the core ------------------------------------------------------------------------------------------------------------------------ */

static void test_enter(void **state)
{
	struct python_core core = known_core();
	struct bytes bytes = read_file(PYTHON);
	char version[64];

	(void)state;
	output_of(PYTHON " -c 'import platform; print(platform.python_version())'", version, sizeof(version));
	assert_string_equal(core.version, version);
	assert_in_range(core.enter_offset, 1, bytes.size - 2);
	/* A push, of one byte or two: the kernel emulates it. */
	assert_true((bytes.at[core.enter_offset] & 0xf8) == 0x50 || (bytes.at[core.enter_offset + 1] & 0xf8) == 0x50);
	/* Behind the count of references, the type and two pointers at least. */
	assert_true(core.entered_in_context >= 4 * sizeof(void *) && core.entered_in_context < 128);
	free(bytes.at);
}

/* Where the function does not check that it is given a context, it is another one. */
static void test_function_that_checks_nothing(void **state)
{
	struct python_core core = known_core(), altered;
	struct bytes bytes = read_file(PYTHON);

	(void)state;
	memset(bytes.at + core.enter_offset + 1, 0x90, 48);
	assert_int_equal(read_altered_core(bytes, &altered), -ENOENT);
	assert_string_equal(altered.version, core.version);
	assert_int_equal(altered.enter_offset, 0);
}

static void test_core_cut_off(void **state)
{
	struct bytes whole;

	(void)state;
	known_core();
	whole = read_file(PYTHON);
	for (size_t part = 1; part < 8; part++) {
		struct bytes bytes = {malloc(whole.size), whole.size * part / 8};
		struct python_core core;

		assert_non_null(bytes.at);
		memcpy(bytes.at, whole.at, bytes.size);
		assert_int_not_equal(read_altered_core(bytes, &core), 0);
	}
	free(whole.at);
}

/* ---- asyncio ------------------------------------------------------------------------------------------------------------------------- */

static void test_schedules(void **state)
{
	char path[256];
	struct python_asyncio asyncio = known_asyncio(path, sizeof(path));
	struct bytes bytes = read_file(path);

	(void)state;
	/* A task's first step and a future's callbacks, at least. */
	assert_in_range(asyncio.schedule_count, 2, PYTHON_SCHEDULES_MAX);
	for (size_t i = 0; i < asyncio.schedule_count; i++) {
		assert_in_range(asyncio.schedules[i], 1, bytes.size - 5);
		assert_int_equal((unsigned char)bytes.at[asyncio.schedules[i]], CALL_OPCODE);
		assert_true(!i || asyncio.schedules[i] > asyncio.schedules[i - 1]);
	}
	free(bytes.at);
}

/* Calls of other methods with the same keyword (add_done_callback) are no places: of that name there is nothing here then. */
static void test_another_method(void **state)
{
	char path[256];
	struct bytes bytes;
	char *name;

	(void)state;
	known_asyncio(path, sizeof(path));
	bytes = read_file(path);
	name = memmem(bytes.at, bytes.size, "\0call_soon", sizeof("\0call_soon"));
	assert_non_null(name);
	memcpy(name + 1, "call_late", strlen("call_late"));
	assert_int_equal(read_altered_asyncio(bytes), -ENOENT);
}

/* One place whose keywords are not the others' makes all of them unknown. */
static void test_other_keywords(void **state)
{
	char path[256];
	struct python_asyncio asyncio = known_asyncio(path, sizeof(path));
	struct bytes bytes = read_file(path);
	char *call = bytes.at + asyncio.schedules[asyncio.schedule_count - 1], *load = call;

	(void)state;
	while (call - load < 64 && memcmp(load, "\x48\x8b\x0d", 3))
		load--;
	assert_memory_equal(load, "\x48\x8b\x0d", 3);
	load[3] += 8;
	assert_int_equal(read_altered_asyncio(bytes), -ENOENT);
}

static void test_asyncio_cut_off(void **state)
{
	char path[256];
	struct bytes whole;

	(void)state;
	known_asyncio(path, sizeof(path));
	whole = read_file(path);
	for (size_t part = 1; part < 16; part++) {
		struct bytes bytes = {malloc(whole.size), whole.size * part / 16};

		assert_non_null(bytes.at);
		memcpy(bytes.at, whole.at, bytes.size);
		assert_int_not_equal(read_altered_asyncio(bytes), 0);
	}
	free(whole.at);
}

/* ---- a build with a shared libpython: whatever Python comes first ----------------------------------------------------------------------
 */

#define PRINT_LIBPYTHON "print(next((line.split()[-1] for line in open(\"/proc/self/maps\") if \"/libpython3.\" in line), \"None\"))"

/* There Context.run is told by its type's own table of methods, and methods, since 3.12, by their names' places. */
static void test_shared_build(void **state)
{
	char path[256], version[64];
	struct python_core core;
	struct python_asyncio asyncio;
	const char *why = NULL;
	struct bytes bytes;

	(void)state;
	output_of("python3 -c '" PRINT_LIBPYTHON "'", path, sizeof(path));
	if (!strcmp(path, "None")) {
		print_message("no Python here has a shared libpython\n");
		skip();
	}
	output_of("python3 -c 'import platform; print(platform.python_version())'", version, sizeof(version));
	if (python_core_read(path, &core, &why)) {
		print_message("%s: %s\n", version, why);
		skip();
	}
	assert_string_equal(core.version, version);
	bytes = read_file(path);
	assert_in_range(core.enter_offset, 1, bytes.size - 2);
	assert_true((bytes.at[core.enter_offset] & 0xf8) == 0x50 || (bytes.at[core.enter_offset + 1] & 0xf8) == 0x50);
	free(bytes.at);
	output_of("python3 -c 'import _asyncio; print(_asyncio.__file__)'", path, sizeof(path));
	assert_int_equal(python_asyncio_read(path, &core, &asyncio, &why), 0);
	assert_in_range(asyncio.schedule_count, 2, PYTHON_SCHEDULES_MAX);
	assert_int_equal(asyncio.by_name, strncmp(version, "3.11.", 5) != 0);
}

/* ---- uvloop ---------------------------------------------------------------------------------------------------------------------------
 */

static void test_queues(void **state)
{
	char path[256];
	struct python_uvloop uvloop;
	struct bytes bytes;
	const char *why = NULL;

	(void)state;
	need_python();
	output_of(PYTHON " -c 'import importlib.util as u; s = u.find_spec(\"uvloop\"); print(s and u.find_spec(\"uvloop.loop\").origin)'",
		  path, sizeof(path));
	if (!strcmp(path, "None")) {
		print_message("uvloop is not here\n");
		skip();
	}
	assert_int_equal(python_uvloop_read(path, &uvloop, &why), 0);
	bytes = read_file(path);
	for (size_t i = 0; i < uvloop.queue_count; i++) {
		assert_in_range(uvloop.queues[i], 1, bytes.size - 5);
		assert_int_equal((unsigned char)bytes.at[uvloop.queues[i]], CALL_OPCODE);
	}
	free(bytes.at);
}

/* ---- neither ------------------------------------------------------------------------------------------------------------------------- */

static void test_other_files(void **state)
{
	struct python_core core = {0};
	struct python_asyncio asyncio;
	struct python_uvloop uvloop;
	const char *why = NULL;

	(void)state;
	assert_int_equal(python_core_read("/bin/ls", &core, &why), -ENOTSUP);
	assert_non_null(why);
	assert_int_equal(python_asyncio_read("/bin/ls", &core, &asyncio, &why), -ENOENT);
	assert_int_equal(python_uvloop_read("/bin/ls", &uvloop, &why), -ENOENT);
	assert_int_equal(python_core_read("/etc/passwd", &core, &why), -ENOEXEC);
	assert_int_equal(python_asyncio_read("/nowhere", &core, &asyncio, &why), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_enter),           cmocka_unit_test(test_function_that_checks_nothing),
		cmocka_unit_test(test_core_cut_off),    cmocka_unit_test(test_schedules),
		cmocka_unit_test(test_another_method),  cmocka_unit_test(test_other_keywords),
		cmocka_unit_test(test_asyncio_cut_off), cmocka_unit_test(test_shared_build),
		cmocka_unit_test(test_queues),          cmocka_unit_test(test_other_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
