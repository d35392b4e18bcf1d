/* SPDX-License-Identifier: BSD-2-Clause */
/* Runtimes told from real files. One that is not installed here is skipped by name, never passed. */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "probe/elf.h"
#include "probe/syscalls.h"
#include "record.h"
#include "unit/file_bytes.h"

/* Skips the test when there is no such file. */
static void assert_runtime(const char *path, enum runtime runtime)
{
	if (access(path, R_OK)) {
		print_message("%s is not here\n", path);
		skip();
	}
	assert_int_equal(elf_runtime(path), runtime);
}

static void test_native(void **state)
{
	(void)state;
	assert_runtime("/bin/ls", RUNTIME_NATIVE);
}

static void test_go(void **state)
{
	(void)state;
	/* The compiler is a Go program itself. */
	assert_runtime("/usr/lib/go/bin/go", RUNTIME_GO);
}

static void test_python(void **state)
{
	(void)state;
	assert_runtime("/usr/bin/python3", RUNTIME_PYTHON);
}

static void test_node(void **state)
{
	(void)state;
	assert_runtime("/usr/bin/node", RUNTIME_NODE);
}

static void test_this_process(void **state)
{
	struct known_programs known = {};

	(void)state;
	assert_int_equal(process_runtime(&known, getpid()), RUNTIME_NATIVE);
}

/* Believed as long as the file is the same and unchanged. */
static void test_known_program(void **state)
{
	struct known_programs known = {};

	(void)state;
	process_runtime(&known, getpid());
	assert_int_equal(known.programs[0].runtime, RUNTIME_NATIVE);
	known.programs[0].runtime = RUNTIME_RUST;
	assert_int_equal(process_runtime(&known, getpid()), RUNTIME_RUST);
	known.programs[0].file.changed.tv_nsec ^= 1;
	assert_int_equal(process_runtime(&known, getpid()), RUNTIME_NATIVE);
}

static void test_no_such_process(void **state)
{
	struct known_programs known = {};

	(void)state;
	/* Above the highest pid that Linux can be set to. */
	assert_int_equal(process_runtime(&known, 5000000), 0);
	assert_int_equal(elf_runtime("/nonexistent"), 0);
}

/* A name decides nothing: a script called node is no ELF file, a native program called node is native. */
static void test_names_do_not_count(void **state)
{
	char folder[] = "/tmp/test-probe-XXXXXX", path[64];
	FILE *file;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/node", folder);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs("#!/bin/sh\n# node_module_register .go.buildinfo\n", file);
	fclose(file);
	assert_int_equal(elf_runtime(path), 0);
	unlink(path);
	assert_int_equal(symlink("/bin/ls", path), 0);
	assert_int_equal(elf_runtime(path), RUNTIME_NATIVE);
	unlink(path);
	rmdir(folder);
}

/* Cut off anywhere, a file is read as far as it goes, or not at all. */
static void test_truncated_files(void **state)
{
	static const long sizes[] = {0, 1, 16, 64, 100, 4096, 70000};
	char path[] = "/tmp/test-probe-elf-XXXXXX";
	int fd = mkstemp(path);
	FILE *whole = fopen("/proc/self/exe", "r");
	static char bytes[70000];
	size_t got;

	(void)state;
	assert_true(fd >= 0);
	assert_non_null(whole);
	got = fread(bytes, 1, sizeof(bytes), whole);
	fclose(whole);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t size = (size_t)sizes[i] < got ? (size_t)sizes[i] : got;
		enum runtime runtime;

		assert_int_equal(ftruncate(fd, 0), 0);
		assert_int_equal(pwrite(fd, bytes, size, 0), (ssize_t)size);
		runtime = elf_runtime(path);
		assert_true(runtime == 0 || runtime == RUNTIME_NATIVE);
	}
	close(fd);
	unlink(path);
}

struct written {
	const char *path;
	char *bytes;
	size_t size;
	volatile bool over;
};

static void *write_again_and_again(void *argument)
{
	struct written *written = argument;
	int fd = open(written->path, O_WRONLY | O_CLOEXEC);

	while (!written->over && !ftruncate(fd, 4096) && pwrite(fd, written->bytes, written->size, 0) == (ssize_t)written->size)
		;
	close(fd);
	return NULL;
}

/* As by `cp` over a program that runs where the file system allows it: what is read may be wrong, but nobody is killed for reading. */
static void test_written_while_it_is_read(void **state)
{
	char path[] = MADE_PATH;
	struct bytes bytes = read_file("/proc/self/exe");
	struct written written = {.path = path, .size = bytes.size, .bytes = malloc(bytes.size)};
	pthread_t writer;

	(void)state;
	assert_non_null(written.bytes);
	memcpy(written.bytes, bytes.at, bytes.size);
	make_file(bytes, path);
	assert_int_equal(pthread_create(&writer, NULL, write_again_and_again, &written), 0);
	for (int i = 0; i < 1000; i++)
		assert_in_range(elf_runtime(path), 0, RUNTIME_NATIVE);
	written.over = true;
	pthread_join(writer, NULL);
	free(written.bytes);
	unlink(path);
}

static void test_wait_causes(void **state)
{
	uint8_t causes[SYSCALL_MAX];

	(void)state;
	syscalls_wait_causes(causes);
	for (size_t nr = 0; nr < SYSCALL_MAX; nr++)
		assert_true(causes[nr] < WAIT_CAUSES || (causes[nr] >= WAIT_BY_READ_FILE && causes[nr] <= WAIT_BY_THIRD_FILE));
#ifdef __x86_64__
	assert_int_equal(causes[202], WAIT_LOCK);          /* futex */
	assert_int_equal(causes[0], WAIT_BY_READ_FILE);    /* read */
	assert_int_equal(causes[1], WAIT_BY_WRITE_FILE);   /* write */
	assert_int_equal(causes[43], WAIT_NET);            /* accept */
	assert_int_equal(causes[232], WAIT_POLL);          /* epoll_wait */
	assert_int_equal(causes[230], WAIT_SLEEP);         /* clock_nanosleep */
	assert_int_equal(causes[74], WAIT_DISK);           /* fsync */
	assert_int_equal(causes[275], WAIT_BY_THIRD_FILE); /* splice */
	assert_int_equal(causes[61], WAIT_OTHER);          /* wait4 */
#endif
}

static void test_calls_handled_alike(void **state)
{
	const char *events[SYSCALLS_ALIKE_MAX];

	(void)state;
	assert_int_equal(syscalls_handled_alike("sys_exit_connect", events), 1);
	assert_string_equal(events[0], "sys_exit_connect");
	assert_int_equal(syscalls_handled_alike("sys_exit_ppoll", events), 4);
	assert_string_equal(events[0], "sys_exit_ppoll");
	assert_string_equal(events[3], "sys_exit_pselect6");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_native),          cmocka_unit_test(test_go),
		cmocka_unit_test(test_python),          cmocka_unit_test(test_node),
		cmocka_unit_test(test_this_process),    cmocka_unit_test(test_known_program),
		cmocka_unit_test(test_no_such_process), cmocka_unit_test(test_names_do_not_count),
		cmocka_unit_test(test_truncated_files), cmocka_unit_test(test_written_while_it_is_read),
		cmocka_unit_test(test_wait_causes),     cmocka_unit_test(test_calls_handled_alike),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
