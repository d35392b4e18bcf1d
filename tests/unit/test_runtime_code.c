/* SPDX-License-Identifier: BSD-2-Clause */
/* How functions begin, as compilers write it, and where in each a uprobe is cheap and still finds the argument. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <string.h>

#include <cmocka.h>

#include "runtime/code.h"

#define CODE(...)                                                                                                                          \
	{                                                                                                                                  \
		(const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})                                                     \
	}

struct row {
	const char *what;
	struct {
		const uint8_t *bytes;
		size_t size;
	} code;
	int at;
};

static void check(const struct row *rows, size_t count, unsigned int arguments)
{
	for (size_t i = 0; i < count; i++) {
		struct stretch function = {.bytes = rows[i].code.bytes, .size = rows[i].code.size};
		int at = code_emulated(function, arguments);

		if (at != rows[i].at)
			fail_msg("%s: %d, not %d", rows[i].what, at, rows[i].at);
	}
}

static const struct row found[] = {
	{"push %rax", CODE(0x50, 0x48, 0x8b, 0x07), 0},
	{"push %r15", CODE(0x41, 0x57), 0},
	{"endbr64; push %rbp", CODE(0xf3, 0x0f, 0x1e, 0xfa, 0x55), 4},
	{"jmp", CODE(0xe9, 0, 0, 0, 0), 0},
	{"mov %rdi,%rsi; mov 0x10(%rdi),%rax; call", CODE(0x48, 0x89, 0xfe, 0x48, 0x8b, 0x47, 0x10, 0xe8, 0, 0, 0, 0), 7},
	/* State::transition_to_idle of tokio 1.24.2: sub, mov, lea, lea, a long nop, test, je. */
	{"a loop's beginning",
	 CODE(0x48, 0x83, 0xec, 0x18, 0x48, 0x8b, 0x07, 0x48, 0x8d, 0x54, 0x24, 0x08, 0x48, 0x8d, 0x74, 0x24, 0x10, 0x66, 0x66, 0x66, 0x66,
	      0x66, 0x2e, 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00, 0xa8, 0x01, 0x0f, 0x84, 0x7c, 0, 0, 0),
	 33},
	{"cmpl $1,0x12345678(%rip); jne", CODE(0x83, 0x3d, 0x78, 0x56, 0x34, 0x12, 0x01, 0x75, 0x05), 7},
	{"movabs $…,%rax; cmp $7,%rdi; je", CODE(0x48, 0xb8, 1, 2, 3, 4, 5, 6, 7, 8, 0x48, 0x83, 0xff, 0x07, 0x74, 0), 14},
	{"movq $1,8(%rsp); testb $1,(%rdi); je", CODE(0x48, 0xc7, 0x44, 0x24, 0x08, 1, 0, 0, 0, 0xf6, 0x07, 0x01, 0x74, 0), 12},
	{"mov %rax,%r15: not %rdi; push", CODE(0x49, 0x89, 0xc7, 0x53), 3},
	{"mov %rax,(%rdi); push", CODE(0x48, 0x89, 0x07, 0x53), 3},
	{"mov 0(%rbp,%rdi,8),%eax; push", CODE(0x8b, 0x44, 0xfd, 0x00, 0x53), 4},
	{"mov 0x100(,%rdi,8),%eax; push", CODE(0x8b, 0x04, 0xfd, 0, 1, 0, 0, 0x53), 7},
};

static void test_found(void **state)
{
	(void)state;

	check(found, sizeof(found) / sizeof(found[0]), CODE_RDI);
}

static const struct row not_found[] = {
	{"nothing", CODE(0xc3), -ENOENT},
	{"ret before the push", CODE(0xc3, 0x55), -ENOENT},
	{"mov %rax,%rdi; push", CODE(0x48, 0x89, 0xc7, 0x53), -ENOENT},
	{"mov 8(%rdi),%rdi; push", CODE(0x48, 0x8b, 0x7f, 0x08, 0x53), -ENOENT},
	{"lea 8(%rsp),%rdi; call", CODE(0x48, 0x8d, 0x7c, 0x24, 0x08, 0xe8, 0, 0, 0, 0), -ENOENT},
	{"mov $1,%edi; call", CODE(0xbf, 1, 0, 0, 0, 0xe8, 0, 0, 0, 0), -ENOENT},
	{"add $8,%rdi; push", CODE(0x48, 0x83, 0xc7, 0x08, 0x53), -ENOENT},
	{"movzbl (%rdi),%edi; push", CODE(0x0f, 0xb6, 0x3f, 0x53), -ENOENT},
	{"call *0(%rip), which is single-stepped", CODE(0xff, 0x15, 0, 0, 0, 0, 0x53), -ENOENT},
	{"neg of a group that only tests", CODE(0x48, 0xf7, 0xdf, 0x53), -ENOENT},
	{"push of 16 bits", CODE(0x66, 0x50), -ENOENT},
	{"an instruction that is cut off", CODE(0x48, 0x83, 0xec), -ENOENT},
	{"prefixes and no more", CODE(0x66, 0x2e), -ENOENT},
};

static void test_not_found(void **state)
{
	uint8_t nops[CODE_SEARCHED_MAX + 1];
	(void)state;

	check(not_found, sizeof(not_found) / sizeof(not_found[0]), CODE_RDI);
	memset(nops, 0x90, sizeof(nops));
	nops[CODE_SEARCHED_MAX] = 0x53;
	assert_int_equal(code_emulated((struct stretch){.bytes = nops, .size = sizeof(nops)}, CODE_RDI), -ENOENT);
}

/* Of several registers each must be left alone; others may be written to. */
static void test_several(void **state)
{
	static const uint8_t writes_r8[] = {0x4d, 0x89, 0xc8, 0x53}, writes_rdi[] = {0x48, 0x89, 0xc7, 0x53};
	struct stretch r8 = {.bytes = writes_r8, .size = sizeof(writes_r8)}, rdi = {.bytes = writes_rdi, .size = sizeof(writes_rdi)};
	(void)state;

	assert_int_equal(code_emulated(r8, CODE_RCX | CODE_R8), -ENOENT);
	assert_int_equal(code_emulated(r8, CODE_RDI), 3);
	assert_int_equal(code_emulated(rdi, CODE_RCX | CODE_R8), 3);
	assert_int_equal(code_emulated((struct stretch){0}, CODE_RDI), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_found),
		cmocka_unit_test(test_not_found),
		cmocka_unit_test(test_several),
	};

	return cmocka_run_group_tests_name("code", tests, NULL, NULL);
}
