/* SPDX-License-Identifier: BSD-2-Clause */
#include "runtime/code.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

/* What an instruction does with its operands. */
enum {
	MODRM = 1 << 0,     /* a byte that names two operands follows */
	TO_REG = 1 << 1,    /* it writes to the one that is a register */
	TO_RM = 1 << 2,     /* … to the one that may be memory */
	IMM8 = 1 << 3,      /* a number follows */
	IMM32 = 1 << 4,     /* … of 2 bytes behind an operand-size prefix */
	BY_GROUP = 1 << 5,  /* of eight that share the code, 7 (cmp) writes nothing */
	TEST_ONLY = 1 << 6, /* … only 0 (test) is known */
	TO_LOW = 1 << 7,    /* it writes to the register in the code's low bits; its number may have 8 bytes */
	EMULATED = 1 << 8,
	PLAIN = 1 << 9, /* none of these */
};

struct form {
	uint8_t first, last; /* codes */
	uint16_t does;
};

/* What compilers put before a function's first branch, and what the kernel emulates. */
/* clang-format off */
static const struct form one_byte[] = {
	{0x01, 0x01, MODRM | TO_RM},           /* add */
	{0x03, 0x03, MODRM | TO_REG},
	{0x09, 0x09, MODRM | TO_RM},           /* or */
	{0x0b, 0x0b, MODRM | TO_REG},
	{0x21, 0x21, MODRM | TO_RM},           /* and */
	{0x23, 0x23, MODRM | TO_REG},
	{0x29, 0x29, MODRM | TO_RM},           /* sub */
	{0x2b, 0x2b, MODRM | TO_REG},
	{0x31, 0x31, MODRM | TO_RM},           /* xor */
	{0x33, 0x33, MODRM | TO_REG},
	{0x38, 0x3b, MODRM},                   /* cmp */
	{0x3c, 0x3c, IMM8},
	{0x3d, 0x3d, IMM32},
	{0x50, 0x57, EMULATED},                /* push */
	{0x70, 0x7f, EMULATED},                /* jump, if … */
	{0x80, 0x80, MODRM | TO_RM | BY_GROUP | IMM8}, /* add, or, and, sub, xor, cmp with a number */
	{0x81, 0x81, MODRM | TO_RM | BY_GROUP | IMM32},
	{0x83, 0x83, MODRM | TO_RM | BY_GROUP | IMM8},
	{0x84, 0x85, MODRM},                   /* test */
	{0x88, 0x89, MODRM | TO_RM},           /* mov */
	{0x8a, 0x8b, MODRM | TO_REG},
	{0x8d, 0x8d, MODRM | TO_REG},          /* lea */
	{0x90, 0x90, PLAIN},                   /* nop */
	{0xa8, 0xa8, IMM8},                    /* test */
	{0xa9, 0xa9, IMM32},
	{0xb8, 0xbf, TO_LOW},                  /* mov of a number */
	{0xc6, 0xc6, MODRM | TO_RM | IMM8},
	{0xc7, 0xc7, MODRM | TO_RM | IMM32},
	{0xe8, 0xe9, EMULATED},                /* call, jump */
	{0xeb, 0xeb, EMULATED},
	{0xf6, 0xf6, MODRM | TEST_ONLY | IMM8},
	{0xf7, 0xf7, MODRM | TEST_ONLY | IMM32},
};
static const struct form behind_0f[] = {
	{0x10, 0x11, MODRM},                   /* movups and its like: between memory and other registers */
	{0x1e, 0x1f, MODRM},                   /* endbr64, long nops */
	{0x28, 0x29, MODRM},
	{0x57, 0x57, MODRM},                   /* xorps */
	{0x80, 0x8f, EMULATED},                /* jump, if … */
	{0xb6, 0xb7, MODRM | TO_REG},          /* movzx */
};
/* clang-format on */

#define FORMS(table) (sizeof(table) / sizeof((table)[0]))

/* 0: not known. */
static uint16_t look_up(const struct form *forms, size_t count, uint8_t code)
{
	for (size_t i = 0; i < count; i++)
		if (code >= forms[i].first && code <= forms[i].last)
			return forms[i].does;
	return 0;
}

/* One instruction as it is read, byte by byte. */
struct instruction {
	const uint8_t *bytes;
	size_t size; /* bytes that are there */
	size_t length;
	bool narrow; /* an operand-size prefix */
	uint8_t rex;
	uint8_t code;
	uint16_t does;
	uint8_t modrm;
};

#define REX_W 8 /* operands of 8 bytes */
#define REX_R 4 /* the register operand is one of the new ones */
#define REX_B 1 /* … the other operand */

/* Behind the end: 0, and the length tells. */
static uint8_t next_byte(struct instruction *instruction)
{
	size_t at = instruction->length++;

	return at < instruction->size ? instruction->bytes[at] : 0;
}

static uint8_t read_prefixes(struct instruction *instruction)
{
	static const uint8_t prefixes[] = {0x66, 0x2e, 0x3e, 0x64, 0x65, 0xf2, 0xf3};
	uint8_t byte = next_byte(instruction);

	while (memchr(prefixes, byte, sizeof(prefixes))) {
		instruction->narrow |= byte == 0x66;
		byte = next_byte(instruction);
	}
	if ((byte & 0xf0) == 0x40) {
		instruction->rex = byte;
		byte = next_byte(instruction);
	}
	return byte;
}

/* Bytes that say where in memory the operand is. */
static size_t address_bytes(struct instruction *instruction)
{
	uint8_t mode = instruction->modrm >> 6, base = instruction->modrm & 7;

	if (mode == 3)
		return 0;
	if (base == 4)
		base = next_byte(instruction) & 7;
	else if (!mode && base == 5)
		return 4; /* from the instruction's own place */
	if (mode == 1)
		return 1;
	return mode == 2 || base == 5 ? 4 : 0;
}

static size_t number_bytes(const struct instruction *instruction)
{
	if (instruction->does & IMM8)
		return 1;
	if (instruction->does & TO_LOW)
		return instruction->rex & REX_W ? 8 : instruction->narrow ? 2 : 4;
	return instruction->does & IMM32 ? instruction->narrow ? 2 : 4 : 0;
}

/* False: it is not known, or not all there. */
static bool decode(struct instruction *instruction)
{
	instruction->code = read_prefixes(instruction);
	if (instruction->code == 0x0f) {
		instruction->code = next_byte(instruction);
		instruction->does = look_up(behind_0f, FORMS(behind_0f), instruction->code);
	} else {
		instruction->does = look_up(one_byte, FORMS(one_byte), instruction->code);
	}
	if (instruction->does & MODRM) {
		instruction->modrm = next_byte(instruction);
		instruction->length += address_bytes(instruction);
	}
	instruction->length += number_bytes(instruction);
	if (instruction->does & TEST_ONLY && instruction->modrm >> 3 & 7)
		return false;
	return instruction->does && instruction->length <= instruction->size;
}

/* The number of the register that it writes to; 16: none of these. */
static unsigned int written(const struct instruction *instruction)
{
	unsigned int reg = (instruction->modrm >> 3 & 7) | (instruction->rex & REX_R ? 8u : 0);
	unsigned int rm = (instruction->modrm & 7) | (instruction->rex & REX_B ? 8u : 0);
	bool compares = instruction->does & BY_GROUP && (reg & 7) == 7;

	if (instruction->does & TO_LOW)
		return (instruction->code & 7u) | (instruction->rex & REX_B ? 8u : 0);
	if (instruction->does & TO_RM && instruction->modrm >> 6 == 3 && !compares)
		return rm;
	return instruction->does & TO_REG ? reg : 16;
}

int code_emulated(struct stretch function, unsigned int arguments)
{
	for (size_t at = 0; at < function.size && at < CODE_SEARCHED_MAX;) {
		struct instruction instruction = {.bytes = function.bytes + at, .size = function.size - at};

		if (!decode(&instruction) || arguments & 1u << written(&instruction))
			return -ENOENT;
		if (instruction.does & EMULATED)
			return instruction.narrow ? -ENOENT : (int)at;
		at += instruction.length;
	}
	return -ENOENT;
}
