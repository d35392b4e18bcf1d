/* SPDX-License-Identifier: BSD-2-Clause */
#include "runtime/memory.h"

#include <string.h>

uint64_t memory_u64(const struct memory *memory, uint64_t address)
{
	uint64_t number;

	return memory->read(memory, address, &number, sizeof(number)) ? number : 0;
}

uint32_t memory_u32(const struct memory *memory, uint64_t address)
{
	uint32_t number;

	return memory->read(memory, address, &number, sizeof(number)) ? number : 0;
}

uint16_t memory_u16(const struct memory *memory, uint64_t address)
{
	uint16_t number;

	return memory->read(memory, address, &number, sizeof(number)) ? number : 0;
}

uint8_t memory_u8(const struct memory *memory, uint64_t address)
{
	uint8_t number;

	return memory->read(memory, address, &number, sizeof(number)) ? number : 0;
}

/* Byte by byte only where the whole of it is not mapped. */
void memory_text(const struct memory *memory, uint64_t address, char *text, size_t size)
{
	if (!address || !memory->read(memory, address, text, size))
		for (size_t i = 0; i < size; i++) {
			text[i] = (char)(address ? memory_u8(memory, address + i) : 0);
			if (!text[i])
				break;
		}
	if (!memchr(text, 0, size))
		text[0] = 0;
}
