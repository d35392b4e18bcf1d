/* SPDX-License-Identifier: BSD-2-Clause */
/* Places in a real Go program: the go command itself. Where it is not installed the tests are skipped by name, never passed. */
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

#include "record.h"
#include "runtime/go.h"
#include "unit/file_bytes.h"

#define GO "/usr/lib/go/bin/go"

/* The go command's bytes; skips the test where there is none. */
static struct bytes go_command(void)
{
	if (access(GO, R_OK)) {
		print_message("%s is not here\n", GO);
		skip();
	}
	return read_file(GO);
}

/* Reads the bytes as a program; frees them. */
static int read_bytes(struct bytes bytes, struct go_program *program, const char **why)
{
	char path[] = MADE_PATH;
	int err;

	make_file(bytes, path);
	err = go_program_read(path, program, why);
	unlink(path);
	return err;
}

/* What the go command says of itself: "go version go1.19.8 linux/amd64". */
static void its_own_version(char version[GO_VERSION_MAX])
{
	FILE *output = popen("GOTOOLCHAIN=local " GO " version", "r");

	assert_non_null(output);
	assert_int_equal(fscanf(output, "go version %31s", version), 1);
	assert_int_equal(pclose(output), 0);
}

/* Each place is a call, and each kind of place is there. The runtime's own code is a part of the program, main's is not among it. */
static void test_places(void **state)
{
	struct bytes bytes = go_command();
	const char *why = NULL;
	struct go_program program;
	char version[GO_VERSION_MAX];
	bool has[GO_PLACES] = {false};

	(void)state;
	its_own_version(version);
	if (go_program_read(GO, &program, &why)) {
		assert_string_equal(program.version, version);
		print_message("%s: %s\n", version, why);
		free(bytes.at);
		skip();
	}
	assert_string_equal(program.version, version);
	for (size_t i = 0; i < program.call_count; i++) {
		assert_in_range(program.calls[i].file_offset, 1, bytes.size - 5);
		assert_int_equal((unsigned char)bytes.at[program.calls[i].file_offset], 0xe8);
		has[program.calls[i].place] = true;
	}
	/* Where its threads can be read, who leaves is enough. */
	for (int place = 0; place < GO_PLACES; place++)
		if (place != GO_MADE)
			assert_int_equal(has[place], (program.layout.curg_offset != 0) == (place > GO_WAKES));
	assert_true(has[GO_MADE]);
	assert_true(program.layout.system_from < program.layout.main_pc && program.layout.main_pc < program.layout.system_to);
	assert_true(program.layout.goid_offset >= 8 && program.layout.startpc_offset > program.layout.goid_offset);
	free(bytes.at);
}

/* A program that never selects, or never waits for a condition, has no function for it: that is no reason to leave it alone. */
static void test_functions_that_it_may_lack(void **state)
{
	static const char *const names[] = {"\0runtime.selectgo", "\0sync.runtime_notifyListWait"};
	struct go_program program;
	const char *why = NULL;

	(void)state;
	if (go_program_read(GO, &program, &why)) {
		print_message("%s\n", why);
		skip();
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct bytes bytes = go_command();
		char *at = memmem(bytes.at, bytes.size, names[i], strlen(names[i] + 1) + 2);

		assert_non_null(at);
		at[1] = 'x';
		assert_int_equal(read_bytes(bytes, &program, &why), 0);
		assert_int_not_equal(program.call_count, 0);
	}
}

/* Writes another version over that of the go command's own. False: it is of another length. */
static bool rewrite_version(struct bytes bytes, const char *minor, char rewritten[GO_VERSION_MAX])
{
	char version[GO_VERSION_MAX], *at = bytes.at;

	its_own_version(version);
	snprintf(rewritten, GO_VERSION_MAX, "%s%s", minor, version + strlen(minor));
	while ((at = memmem(at, bytes.size - (size_t)(at - bytes.at), version, strlen(version)))) {
		memcpy(at, rewritten, strlen(rewritten));
		at += strlen(rewritten);
	}
	return strlen(rewritten) == strlen(version);
}

/*
 * What lies where in runtime.g, and the reasons to wait, as the code of programs of each version has them: of 1.20 that of a go1.20.7
 * (runtime.isSystemGoroutine, goroutineheader, gopark, and its table of the reasons' names).
 */
static void test_layouts(void **state)
{
	static const struct {
		const char *minor;
		uint16_t goid_offset, startpc_offset;
		uint8_t sleep, mutex, mutex_cause, condition;
		uint16_t curg_offset, runq_offset;
	} versions[] = {
		{"go1.19", 152, 312, 19, 21, WAIT_OTHER, 20, 192, 400}, {"go1.20", 152, 312, 19, 21, WAIT_LOCK, 20, 0, 0},
		{"go1.21", 152, 296, 19, 21, WAIT_LOCK, 20, 0, 0},      {"go1.22", 152, 296, 19, 21, WAIT_LOCK, 20, 0, 0},
		{"go1.23", 160, 304, 19, 21, WAIT_LOCK, 20, 0, 0},      {"go1.24", 160, 304, 19, 21, WAIT_LOCK, 20, 0, 0},
		{"go1.25", 152, 296, 20, 22, WAIT_LOCK, 21, 0, 0},      {"go1.26", 152, 304, 14, 22, WAIT_LOCK, 21, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		struct bytes bytes = go_command();
		char version[GO_VERSION_MAX];
		struct go_program program;
		const char *why = NULL;

		assert_true(rewrite_version(bytes, versions[i].minor, version));
		read_bytes(bytes, &program, &why);
		assert_string_equal(program.version, version);
		assert_int_equal(program.layout.goid_offset, versions[i].goid_offset);
		assert_int_equal(program.layout.startpc_offset, versions[i].startpc_offset);
		assert_int_equal(program.layout.curg_offset, versions[i].curg_offset);
		assert_int_equal(program.layout.runq_offset, versions[i].runq_offset);
		assert_in_range(versions[i].goid_offset - 8, GO_TOLD, GO_TOLD + GO_TOLD_BYTES - 8);
		assert_in_range(versions[i].startpc_offset, GO_TOLD, GO_TOLD + GO_TOLD_BYTES - 8);
		assert_int_equal(program.layout.wait_cause_by_reason[2], WAIT_NET);
		assert_int_equal(program.layout.wait_cause_by_reason[versions[i].sleep], WAIT_SLEEP);
		assert_int_equal(program.layout.wait_cause_by_reason[versions[i].mutex], versions[i].mutex_cause);
		assert_int_equal(program.layout.wait_cause_by_reason[versions[i].condition], WAIT_PIPE);
	}
}

/* A version that nobody has looked at is told, and left alone. */
static void test_unknown_version(void **state)
{
	struct bytes bytes = go_command();
	char newer[GO_VERSION_MAX];
	struct go_program program;
	const char *why = NULL;

	(void)state;
	assert_true(rewrite_version(bytes, "go1.99", newer));
	assert_int_equal(read_bytes(bytes, &program, &why), -ENOTSUP);
	assert_string_equal(program.version, newer);
	assert_non_null(why);
	assert_int_equal(program.call_count, 0);
}

/* Wherever the file ends, it is an error, and no more. */
static void test_cut_off(void **state)
{
	struct bytes whole = go_command();

	(void)state;
	for (size_t part = 1; part < 12; part++) {
		struct bytes bytes = {malloc(whole.size), whole.size * part / 12};
		struct go_program program;
		const char *why = NULL;

		assert_non_null(bytes.at);
		memcpy(bytes.at, whole.at, bytes.size);
		assert_true(read_bytes(bytes, &program, &why) < 0);
		assert_non_null(why);
	}
	free(whole.at);
}

static void test_no_go(void **state)
{
	struct go_program program;
	const char *why = NULL;

	(void)state;
	assert_true(go_program_read("/proc/self/exe", &program, &why) < 0);
	assert_non_null(why);
	why = NULL;
	assert_int_equal(go_program_read("/nonexistent", &program, &why), -ENOENT);
	assert_non_null(why);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places),  cmocka_unit_test(test_layouts), cmocka_unit_test(test_unknown_version),
		cmocka_unit_test(test_cut_off), cmocka_unit_test(test_no_go),   cmocka_unit_test(test_functions_that_it_may_lack),
	};

	return cmocka_run_group_tests_name("go", tests, NULL, NULL);
}
