/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Places in a program that has tokio's functions: this test itself, by the assembler below. What is otherwise in other programs is changed
 * in a copy of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "runtime/tokio.h"

#define HASH      "17h0123456789abcdefE"
#define STATE     "_ZN5tokio7runtime4task5state5State"
#define RUNNING   STATE "21transition_to_running" HASH
#define IDLE      STATE "18transition_to_idle" HASH
#define COMPLETE  STATE "22transition_to_complete" HASH
#define BY_VAL    "_ZN5tokio7runtime4task5waker11wake_by_val" HASH
#define BY_REF    "_ZN5tokio7runtime4task5waker11wake_by_ref" HASH
#define BIND      "_ZN5tokio7runtime4task4list19OwnedTasks$LT$S$GT$4bind" HASH
#define BIND_WITH "_ZN5tokio7runtime4task4list19OwnedTasks$LT$S$GT$10bind_inner" HASH
#define BLOCKING  "_ZN5tokio7runtime8blocking4pool7Spawner10spawn_task" HASH
#define POLL      "_ZN5tokio7runtime4task3raw4poll" HASH
#define NEXT_ID   "_ZN5tokio7runtime4task2id2Id4next7NEXT_ID" HASH
/* What has a name that is like one of them. */
#define CLOSURE  STATE "21transition_to_running28_$u7b$$u7b$closure$u7d$$u7d$" HASH
#define RAW_POLL "_ZN5tokio7runtime4task3raw7RawTask4poll" HASH
#define DROP     "_ZN4core3ptr56drop_in_place$LT$tokio..runtime..task..state..State$GT$" HASH

#define FUNCTION(name, code) "\"" name "\":\n" code "\nret\n.size \"" name "\", . - \"" name "\"\n.type \"" name "\", @function\n"
#define IN_LOOP                                                                                                                            \
	"sub $24, %rsp\nmov (%rdi), %rax\n.p2align 4\n"                                                                                    \
	"0: test $1, %al\nje 1f\nlock cmpxchg %r8, (%rdi)\njne 0b\n"                                                                       \
	"1: add $24, %rsp"

/* clang-format off */
__asm__(".text\n"
	FUNCTION(RUNNING, "push %rax\npop %rcx")
	FUNCTION(IDLE, IN_LOOP)
	FUNCTION(COMPLETE, "push %rax\npop %rcx")
	FUNCTION(BY_VAL, "push %rbx\npop %rbx")
	FUNCTION(BY_REF, IN_LOOP)
	FUNCTION(BIND, "push %rbp\npop %rbp")
	FUNCTION(BLOCKING, "push %rbp\npop %rbp")
	FUNCTION(POLL, "call \"" RUNNING "\"\nnop\njmp *1f(%rip)")
	FUNCTION(CLOSURE, "push %rax\npop %rax")
	FUNCTION(RAW_POLL, "nop")
	FUNCTION(DROP, "push %rax\npop %rax")
	".section .data.rel.ro, \"aw\"\n"
	".p2align 3\n"
	".global a_table\n"
	"a_table: .quad \"" POLL "\"\n"
	".rept 6\n.quad \"" RAW_POLL "\"\n.endr\n"
	".quad 0x1230, 32, 40\n"
	"1: .quad \"" IDLE "\"\n"
	".section .data\n"
	".p2align 3\n"
	"\"" NEXT_ID "\": .quad 1\n"
	".section .rodata\n"
	".string \"/usr/share/tokio-1.x/tokio-1.24.2/src/runtime/task/core.rs\"\n" /* as panics say where they are */
	".text\n");
/* clang-format on */

extern const uint64_t a_table[10];

#define INLINED "its scheduler is inlined (link-time optimization)"

struct bytes {
	char *at;
	size_t size;
};

static struct bytes this_program(void)
{
	struct bytes bytes = {.at = malloc(64 << 20)};
	FILE *file = fopen("/proc/self/exe", "re");

	assert_non_null(bytes.at);
	assert_non_null(file);
	bytes.size = fread(bytes.at, 1, 64 << 20, file);
	assert_true(feof(file));
	fclose(file);
	return bytes;
}

/* Each occurrence, of which some may be this test's own. */
static void replace_bytes(struct bytes bytes, const void *old, const void *new, size_t size)
{
	size_t count = 0;
	char *at = bytes.at;

	while ((at = memmem(at, bytes.size - (size_t)(at - bytes.at), old, size))) {
		memcpy(at, new, size);
		count++;
	}
	assert_true(count > 0);
}

/* With what ends it; the new text is at most as long. */
static void replace(struct bytes bytes, const char *old, const char *new)
{
	char padded[128] = {0};

	assert_true(strlen(new) <= strlen(old) && strlen(old) < sizeof(padded));
	memcpy(padded, new, strlen(new));
	replace_bytes(bytes, old, padded, strlen(old) + 1);
}

/* Reads the bytes as a program; frees them. */
static int read_bytes(struct bytes bytes, struct tokio_program *program, const char **why)
{
	char path[] = "/tmp/test-tokio-XXXXXX";
	int fd = mkstemp(path), err;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes.at, bytes.size), bytes.size);
	close(fd);
	free(bytes.at);
	err = tokio_program_read(path, program, why);
	unlink(path);
	return err;
}

static size_t places_of(const struct tokio_program *program, enum tokio_place place)
{
	size_t count = 0;

	for (size_t i = 0; i < program->probe_count; i++)
		count += program->probes[i].place == place;
	return count;
}

/* `binds`: of the tasks' makers there is the older one. */
static void assert_places(const struct bytes *bytes, const struct tokio_program *program, bool binds)
{
	static const size_t counts[TOKIO_PLACES] = {
		[TOKIO_RUNS] = 1, [TOKIO_IDLES] = 1, [TOKIO_ENDS] = 1, [TOKIO_WAKES] = 2, [TOKIO_MADE] = 1, [TOKIO_BINDS] = 1};

	for (enum tokio_place place = 0; place < TOKIO_BINDS; place++)
		assert_int_equal(places_of(program, place), counts[place] + (place == TOKIO_MADE && !binds));
	assert_int_equal(places_of(program, TOKIO_BINDS), binds);
	for (size_t i = 0; bytes && i < program->probe_count; i++) {
		unsigned char code = (unsigned char)bytes->at[program->probes[i].file_offset];

		/* push, or je: what the kernel emulates */
		assert_true((code & 0xf8) == 0x50 || code == 0x74);
	}
	assert_true(program->tells_made);
}

static void test_places(void **state)
{
	struct bytes bytes = this_program();
	struct tokio_program program;
	const char *why = NULL;

	(void)state;
	assert_int_equal(tokio_program_read("/proc/self/exe", &program, &why), 0);
	assert_string_equal(program.version, "1.24.2");
	assert_places(&bytes, &program, true);
	assert_int_equal(program.layout.tables_to - program.layout.tables_from, sizeof(a_table));
	assert_true(program.layout.next_id_at);
	free(bytes.at);
}

/* The newer way to mangle, and a newer tokio, which has one function for all kinds of tasks. */
static void test_v0(void **state)
{
	struct bytes bytes = this_program();
	struct tokio_program program;
	const char *why = NULL;

	(void)state;
	replace(bytes, RUNNING, "_RNvMNtNtNtCs0_5tokio7runtime4task5stateNtB2_5State21transition_to_running");
	replace(bytes, IDLE, "_RNvMNtNtNtCs0_5tokio7runtime4task5stateNtB2_5State18transition_to_idle");
	replace(bytes, COMPLETE, "_RNvMNtNtNtCs0_5tokio7runtime4task5stateNtB2_5State22transition_to_complete");
	replace(bytes, CLOSURE, "_RNCNvMNtNtNtCs0_5tokio7runtime4task5stateNtB4_5State21transition_to_running0B8_");
	replace(bytes, BY_VAL, "_RNvNtNtNtCs0_5tokio7runtime4task5waker11wake_by_val");
	replace(bytes, BIND, "_RINvMNtNtNtCs0_5tokio7runtime4task4listINtB3_10OwnedTaskspE10bind_inner");
	assert_int_equal(read_bytes(bytes, &program, &why), 0);
	assert_places(NULL, &program, false);
}

/* What cannot be seen is told, and the program left alone; the version is known all the same. */
static void test_unfit(void **state)
{
	static const struct {
		const char *old, *new;
		const char *why;
	} rows[] = {
		{RUNNING, "inlined", INLINED},
		{BY_REF, "inlined", INLINED},
		{POLL, "inlined", INLINED},
		{".symtab", ".cymtab", "it is stripped of its symbols"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bytes bytes = this_program();
		struct tokio_program program;
		const char *why = NULL;

		replace(bytes, rows[i].old, rows[i].new);
		assert_int_equal(read_bytes(bytes, &program, &why), -ENOENT);
		assert_string_equal(program.version, "1.24.2");
		assert_string_equal(why, rows[i].why);
	}
}

/* A kind of task that does not call what the probe stands in would run unseen. */
static void test_partly_inlined(void **state)
{
	struct bytes bytes = this_program();
	struct tokio_program program;
	const char *why = NULL;
	char *call;

	(void)state;
	/* Of the assembler's functions this one alone has a call, a nop and a jump through a word. */
	for (call = bytes.at; call + 8 < bytes.at + bytes.size; call++)
		if (call[0] == '\xe8' && call[5] == '\x90' && call[6] == '\xff' && call[7] == '\x25')
			memset(call, 0x90, 5);
	assert_int_equal(read_bytes(bytes, &program, &why), -ENOENT);
	assert_string_equal(why, INLINED);
}

/* Without any way to learn who makes tasks the rest goes on. */
static void test_makers_unknown(void **state)
{
	struct bytes bytes = this_program();
	struct tokio_program program;
	const char *why = NULL;

	(void)state;
	replace(bytes, BIND, "inlined");
	assert_int_equal(read_bytes(bytes, &program, &why), 0);
	assert_false(program.tells_made);
	assert_int_equal(places_of(&program, TOKIO_BINDS), 0);
}

/* A table of tasks that does not say where a task's id lies, and code that nobody knows. */
static void test_other_looks(void **state)
{
	static const uint64_t offsets[] = {0x1230, 32, 40}, others[] = {40, 32, 0x1230};
	static const char code[] = "\x48\x83\xec\x18\x48\x8b\x07"; /* how IN_LOOP begins */
	static const char syscall[] = "\x0f\x05\x90\x90\x90\x90\x90";
	struct bytes bytes = this_program();
	struct tokio_program program;
	const char *why = NULL;

	(void)state;
	replace_bytes(bytes, offsets, others, sizeof(offsets));
	assert_int_equal(read_bytes(bytes, &program, &why), -ENOTSUP);
	assert_non_null(why);
	bytes = this_program();
	replace_bytes(bytes, code, syscall, sizeof(code) - 1);
	assert_int_equal(read_bytes(bytes, &program, &why), -EPROTO);
	assert_string_equal(why, "the code of its scheduler is not understood");
}

/* Wherever the file ends, it is an error, and no more. */
static void test_cut_off(void **state)
{
	struct bytes whole = this_program();

	(void)state;
	for (size_t part = 1; part < 12; part++) {
		struct bytes bytes = {malloc(whole.size), whole.size * part / 12};
		struct tokio_program program;
		const char *why = NULL;

		assert_non_null(bytes.at);
		memcpy(bytes.at, whole.at, bytes.size);
		assert_true(read_bytes(bytes, &program, &why) < 0);
		assert_non_null(why);
	}
	free(whole.at);
}

static void test_no_tokio(void **state)
{
	struct tokio_program program;
	const char *why = NULL;

	(void)state;
	assert_int_equal(tokio_program_read("/proc/self/maps", &program, &why), -ENOEXEC);
	assert_non_null(why);
	assert_int_equal(tokio_program_read("/bin/true", &program, &why), -ENODATA);
	assert_string_equal(why, "no tokio is seen in it");
	why = NULL;
	assert_int_equal(tokio_program_read("/nonexistent", &program, &why), -ENOENT);
	assert_non_null(why);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places),         cmocka_unit_test(test_v0),
		cmocka_unit_test(test_unfit),          cmocka_unit_test(test_makers_unknown),
		cmocka_unit_test(test_partly_inlined), cmocka_unit_test(test_other_looks),
		cmocka_unit_test(test_cut_off),        cmocka_unit_test(test_no_tokio),
	};

	return cmocka_run_group_tests_name("tokio", tests, NULL, NULL);
}
