/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The memory of another process, read where it lies.
 * Called by the readers of runtimes that keep what is looked for nowhere but there.
 * Never: believes it. What is not mapped, or no text, is not there.
 */
#ifndef IOCPU_RUNTIME_MEMORY_H
#define IOCPU_RUNTIME_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct memory {
	/* False: not all of it could be read. */
	bool (*read)(const struct memory *memory, uint64_t address, void *to, size_t size);
};

/* A number; 0 where nothing could be read. */
uint64_t memory_u64(const struct memory *memory, uint64_t address);
uint32_t memory_u32(const struct memory *memory, uint64_t address);
uint16_t memory_u16(const struct memory *memory, uint64_t address);
uint8_t memory_u8(const struct memory *memory, uint64_t address);

/* Text that ends with 0, of less than `size` bytes; empty: there is none, or a longer one. */
void memory_text(const struct memory *memory, uint64_t address, char *text, size_t size);

#endif
