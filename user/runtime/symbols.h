/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an ELF file says to the dynamic linker: what it exports, and where its code calls what it imports. A stripped file keeps both.
 * Called by the readers of single runtimes.
 * Never: takes bytes for a call that do not lead to the function.
 */
#ifndef IOCPU_RUNTIME_SYMBOLS_H
#define IOCPU_RUNTIME_SYMBOLS_H

#include <stdbool.h>

#include "runtime/image.h"

#define IMPORT_CALLS_MAX 128

/* Addresses of `call` or `jmp` instructions, ascending; all of 5 bytes, which the kernel emulates. */
struct import_calls {
	uint64_t at[IMPORT_CALLS_MAX];
	size_t count;
};

#define IMPORT_CALL_BYTES 5

/* The address of an exported function or variable; 0: it is not exported. */
uint64_t symbols_export(const struct image *image, const char *name);

/*
 * The calls of an imported function by way of its stub. False: it is not imported, or called in another way (through memory, as code that
 * is built with -fno-plt does), or more often than can be kept.
 */
bool symbols_import_calls(const struct image *image, const char *name, struct import_calls *calls);

/* Where the 4 bytes at `offset` of a stretch of code lead: they are counted from their own end. */
uint64_t code_target(const struct stretch *code, uint64_t offset);

#endif
