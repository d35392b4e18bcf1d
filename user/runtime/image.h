/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An ELF file as it lies in memory when it runs: bytes by address.
 * Called by the readers of single runtimes.
 * Never: believes a file; what lies outside of it is not there.
 */
#ifndef IOCPU_RUNTIME_IMAGE_H
#define IOCPU_RUNTIME_IMAGE_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct image;

/* A part of the file. */
struct stretch {
	uint64_t address;
	const uint8_t *bytes; /* the image's; NULL: there is none */
	size_t size;
};

/* NULL: errno; ENOEXEC: not an ELF file of 64 bits for x86-64. */
struct image *image_open(const char *path);
void image_close(struct image *image);

/* The address of the file's first byte; a program that runs wherever it is put (PIE) is moved from there. */
uint64_t image_linked_at(const struct image *image);
/* The section of this name that has bytes in the file. */
struct stretch image_section(const struct image *image, const char *name);
/* Its address alone; 0: there is none. */
uint64_t image_section_at(const struct image *image, const char *name);
/* What lies at an address: `size` bytes and, as far as its segment goes, 1 MB behind them. */
struct stretch image_at(const struct image *image, uint64_t address, size_t size);
/* Where in the file the byte at an address lies; false: nowhere. */
bool image_file_offset(const struct image *image, uint64_t address, uint64_t *offset);
/* The pointer at an address as it is before the program is moved: in a program that can be moved it stands among the relocations. */
uint64_t image_pointer(const struct image *image, uint64_t address);

/* A table of symbols, with their names; both are the image's. */
struct symbols {
	struct stretch entries, names;
	size_t count; /* 0: the file has no such table */
};

/* By the names of its two sections. */
struct symbols image_symbols(const struct image *image, const char *entries, const char *names);
/* Its name; NULL: the file is damaged, or only uses the symbol. */
const char *symbols_read(const struct symbols *symbols, size_t index, Elf64_Sym *symbol);

/* A number of 4 or 8 bytes; 0 where the stretch has none. */
uint32_t stretch_u32(const struct stretch *stretch, uint64_t offset);
uint64_t stretch_u64(const struct stretch *stretch, uint64_t offset);
/* The text that begins there, up to its closing 0; NULL: there is none, or it is longer than any name that is looked for. */
const char *stretch_text(const struct stretch *stretch, uint64_t offset);
/* The rest of a stretch. */
struct stretch stretch_from(const struct stretch *stretch, uint64_t offset);

/* Of a function of x86-64: the file offset of its first instruction, or of what follows an `endbr64`, if that is a `push`, which a uprobe
 * emulates. False: it begins with something else. */
bool image_first_push(const struct image *image, uint64_t function, uint64_t *offset);

#endif
