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
	for (int place = 0; place < GO_PLACES; place++)
		assert_true(has[place]);
	assert_true(program.layout.system_from < program.layout.main_pc && program.layout.main_pc < program.layout.system_to);
	assert_true(program.layout.goid_offset >= 8 && program.layout.startpc_offset > program.layout.goid_offset);
	free(bytes.at);
}

/* A version that nobody has looked at is told, and left alone. */
static void test_unknown_version(void **state)
{
	struct bytes bytes = go_command();
	char version[GO_VERSION_MAX], newer[GO_VERSION_MAX];
	struct go_program program;
	const char *why = NULL;
	char *at = bytes.at;

	(void)state;
	its_own_version(version);
	snprintf(newer, sizeof(newer), "go1.99%s", version + strlen("go1.99"));
	while ((at = memmem(at, bytes.size - (size_t)(at - bytes.at), version, strlen(version))))
		memcpy(at, newer, strlen(newer));
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
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_unknown_version),
		cmocka_unit_test(test_cut_off),
		cmocka_unit_test(test_no_go),
	};

	return cmocka_run_group_tests_name("go", tests, NULL, NULL);
}
