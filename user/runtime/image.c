/* SPDX-License-Identifier: BSD-2-Clause */
#include "runtime/image.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * A copy: of a file that is truncated while it is mapped the rest is not there any more, and who looks at it is killed (SIGBUS). It has
 * room for all of the file, and takes what was asked for.
 */
struct image {
	int fd;
	Elf *elf;
	uint8_t *bytes;
	bool *copied; /* by blocks of the file */
	size_t size;
};

#define BLOCK_BYTES 65536ul

static bool is_program(Elf *elf)
{
	GElf_Ehdr header;

	return elf && elf_kind(elf) == ELF_K_ELF && gelf_getehdr(elf, &header) && gelf_getclass(elf) == ELFCLASS64 &&
	       header.e_machine == EM_X86_64;
}

/* 0 or an errno. */
static int make_room(struct image *image)
{
	struct stat status;
	void *room;

	if (fstat(image->fd, &status))
		return errno;
	if (status.st_size <= 0)
		return ENOEXEC;
	image->size = (size_t)status.st_size;
	image->copied = calloc(image->size / BLOCK_BYTES + 1, sizeof(*image->copied));
	room = mmap(NULL, image->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	image->bytes = room != MAP_FAILED ? room : NULL;
	return image->copied && image->bytes ? 0 : ENOMEM;
}

struct image *image_open(const char *path)
{
	struct image *image = calloc(1, sizeof(*image));
	int err;

	if (!image)
		return NULL;
	image->fd = open(path, O_RDONLY | O_CLOEXEC);
	err = image->fd < 0 ? errno : make_room(image);
	if (!err) {
		elf_version(EV_CURRENT);
		image->elf = elf_begin(image->fd, ELF_C_READ, NULL);
		err = is_program(image->elf) ? 0 : ENOEXEC;
	}
	if (!err)
		return image;
	image_close(image);
	errno = err;
	return NULL;
}

void image_close(struct image *image)
{
	if (!image)
		return;
	elf_end(image->elf);
	if (image->bytes)
		munmap(image->bytes, image->size);
	if (image->fd >= 0)
		close(image->fd);
	free(image->copied);
	free(image);
}

uint64_t image_linked_at(const struct image *image)
{
	GElf_Phdr segment;
	size_t count;

	if (elf_getphdrnum(image->elf, &count))
		return 0;
	for (size_t i = 0; i < count; i++)
		if (gelf_getphdr(image->elf, (int)i, &segment) && segment.p_type == PT_LOAD)
			return segment.p_vaddr - segment.p_offset;
	return 0;
}

/* ---- parts ------------------------------------------------------------------------------------------------------------------------- */

/* False: the file is not as long any more. */
static bool copy_block(const struct image *image, size_t block)
{
	size_t at = block * BLOCK_BYTES, end = image->size - at < BLOCK_BYTES ? image->size : at + BLOCK_BYTES;

	while (at < end) {
		ssize_t got = pread(image->fd, image->bytes + at, end - at, (off_t)at);

		if (got <= 0)
			return false;
		at += (size_t)got;
	}
	return image->copied[block] = true;
}

static bool copy_part(const struct image *image, uint64_t offset, uint64_t size)
{
	bool all = true;

	for (size_t block = offset / BLOCK_BYTES; all && block * BLOCK_BYTES < offset + size; block++)
		all = image->copied[block] || copy_block(image, block);
	return all;
}

static struct stretch part_of_file(const struct image *image, uint64_t address, uint64_t offset, uint64_t size)
{
	struct stretch none = {0};

	if (offset > image->size || size > image->size - offset || !copy_part(image, offset, size))
		return none;
	return (struct stretch){.address = address, .bytes = image->bytes + offset, .size = size};
}

/* The section of this name that has bytes in the file. */
static bool find_section(const struct image *image, const char *name, GElf_Shdr *header)
{
	Elf_Scn *section = NULL;
	size_t names;

	if (elf_getshdrstrndx(image->elf, &names))
		return false;
	while ((section = elf_nextscn(image->elf, section))) {
		const char *its_name;

		if (!gelf_getshdr(section, header) || header->sh_type == SHT_NOBITS)
			continue;
		its_name = elf_strptr(image->elf, names, header->sh_name);
		if (its_name && !strcmp(its_name, name))
			return true;
	}
	return false;
}

struct stretch image_section(const struct image *image, const char *name)
{
	struct stretch none = {0};
	GElf_Shdr header;

	return find_section(image, name, &header) ? part_of_file(image, header.sh_addr, header.sh_offset, header.sh_size) : none;
}

uint64_t image_section_at(const struct image *image, const char *name)
{
	GElf_Shdr header;

	return find_section(image, name, &header) ? header.sh_addr : 0;
}

static bool find_segment(const struct image *image, uint64_t address, GElf_Phdr *segment)
{
	size_t count;

	if (elf_getphdrnum(image->elf, &count))
		return false;
	for (size_t i = 0; i < count; i++)
		if (gelf_getphdr(image->elf, (int)i, segment) && segment->p_type == PT_LOAD && address >= segment->p_vaddr &&
		    address - segment->p_vaddr < segment->p_filesz)
			return true;
	return false;
}

/* What is looked for behind a place of which only the begin is known. */
#define BEHIND_BYTES (1u << 20)

struct stretch image_at(const struct image *image, uint64_t address, size_t size)
{
	struct stretch none = {0};
	GElf_Phdr segment;
	uint64_t inside, rest;

	if (!find_segment(image, address, &segment))
		return none;
	inside = address - segment.p_vaddr;
	rest = segment.p_filesz - inside;
	if (rest < size)
		return none;
	return part_of_file(image, address, segment.p_offset + inside, rest - size < BEHIND_BYTES ? rest : size + BEHIND_BYTES);
}

bool image_file_offset(const struct image *image, uint64_t address, uint64_t *offset)
{
	GElf_Phdr segment;

	if (!find_segment(image, address, &segment))
		return false;
	*offset = segment.p_offset + (address - segment.p_vaddr);
	return true;
}

static bool find_relocation(Elf_Scn *section, const GElf_Shdr *header, uint64_t address, uint64_t *pointer)
{
	Elf_Data *data = elf_getdata(section, NULL);
	size_t count = header->sh_entsize ? header->sh_size / header->sh_entsize : 0;

	for (size_t i = 0; data && i < count; i++) {
		GElf_Rela entry;

		if (!gelf_getrela(data, (int)i, &entry) || entry.r_offset != address)
			continue;
		*pointer = (uint64_t)entry.r_addend;
		return true;
	}
	return false;
}

uint64_t image_pointer(const struct image *image, uint64_t address)
{
	struct stretch here = image_at(image, address, sizeof(uint64_t));
	uint64_t pointer = stretch_u64(&here, 0);
	Elf_Scn *section = NULL;

	while (!pointer && (section = elf_nextscn(image->elf, section))) {
		GElf_Shdr header;

		if (gelf_getshdr(section, &header) && header.sh_type == SHT_RELA && find_relocation(section, &header, address, &pointer))
			break;
	}
	return pointer;
}

/* ---- symbols ----------------------------------------------------------------------------------------------------------------------- */

struct symbols image_symbols(const struct image *image, const char *entries, const char *names)
{
	struct symbols symbols = {.entries = image_section(image, entries), .names = image_section(image, names)};

	symbols.count = symbols.names.bytes ? symbols.entries.size / sizeof(Elf64_Sym) : 0;
	return symbols;
}

const char *symbols_read(const struct symbols *symbols, size_t index, Elf64_Sym *symbol)
{
	memcpy(symbol, symbols->entries.bytes + index * sizeof(*symbol), sizeof(*symbol));
	return symbol->st_shndx != SHN_UNDEF ? stretch_text(&symbols->names, symbol->st_name) : NULL;
}

/* ---- numbers and texts --------------------------------------------------------------------------------------------------------------- */

static uint64_t number(const struct stretch *stretch, uint64_t offset, size_t size)
{
	uint64_t value = 0;

	if (offset <= stretch->size && size <= stretch->size - offset)
		memcpy(&value, stretch->bytes + offset, size);
	return value;
}

uint32_t stretch_u32(const struct stretch *stretch, uint64_t offset)
{
	return (uint32_t)number(stretch, offset, sizeof(uint32_t));
}

uint64_t stretch_u64(const struct stretch *stretch, uint64_t offset)
{
	return number(stretch, offset, sizeof(uint64_t));
}

/* A file can name all its symbols by one text that has no end: looking for that at each of them would take hours. */
#define TEXT_MAX 4096

const char *stretch_text(const struct stretch *stretch, uint64_t offset)
{
	struct stretch rest = stretch_from(stretch, offset);
	size_t size = rest.size < TEXT_MAX ? rest.size : TEXT_MAX;

	return rest.bytes && memchr(rest.bytes, 0, size) ? (const char *)rest.bytes : NULL;
}

struct stretch stretch_from(const struct stretch *stretch, uint64_t offset)
{
	struct stretch none = {0};

	if (offset >= stretch->size)
		return none;
	return (struct stretch){stretch->address + offset, stretch->bytes + offset, stretch->size - offset};
}

/* `push` of one of the old registers, or behind a prefix of the new ones. */
static bool is_push(const uint8_t *code)
{
	return (code[0] & 0xf8) == 0x50 || (code[0] == 0x41 && (code[1] & 0xf8) == 0x50);
}

bool image_first_push(const struct image *image, uint64_t function, uint64_t *offset)
{
	static const uint8_t endbr64[] = {0xf3, 0x0f, 0x1e, 0xfa};
	struct stretch code = image_at(image, function, sizeof(endbr64) + 2);
	uint64_t skip = code.bytes && !memcmp(code.bytes, endbr64, sizeof(endbr64)) ? sizeof(endbr64) : 0;

	return code.bytes && is_push(code.bytes + skip) && image_file_offset(image, function + skip, offset);
}
