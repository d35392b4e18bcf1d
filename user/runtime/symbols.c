/* SPDX-License-Identifier: BSD-2-Clause */
#include "runtime/symbols.h"

#include <elf.h>
#include <string.h>

/* ---- the table of dynamic symbols -------------------------------------------------------------------------------------------------- */

/* The index of a symbol that the file defines, or that it only uses. 0: there is none. */
static size_t find_symbol(const struct image *image, const char *name, bool defined, Elf64_Sym *symbol)
{
	struct stretch entries = image_section(image, ".dynsym"), names = image_section(image, ".dynstr");

	for (size_t i = 1; i < entries.size / sizeof(*symbol); i++) {
		const char *its_name;

		memcpy(symbol, entries.bytes + i * sizeof(*symbol), sizeof(*symbol));
		its_name = stretch_text(&names, symbol->st_name);
		if (its_name && (symbol->st_shndx != SHN_UNDEF) == defined && !strcmp(its_name, name))
			return i;
	}
	return 0;
}

uint64_t symbols_export(const struct image *image, const char *name)
{
	Elf64_Sym symbol;

	return find_symbol(image, name, true, &symbol) ? symbol.st_value : 0;
}

/* ---- stubs: the linker writes the function's address into a slot, and the stub jumps to what the slot says -------------------------- */

#define SLOTS_MAX 2 /* one for calls, one for those who take its address */

struct slots {
	uint64_t at[SLOTS_MAX];
	size_t count;
};

static void add_slots(const struct image *image, const char *section, size_t symbol, struct slots *slots)
{
	struct stretch relocations = image_section(image, section);
	Elf64_Rela entry;

	for (size_t at = 0; at + sizeof(entry) <= relocations.size && slots->count < SLOTS_MAX; at += sizeof(entry)) {
		memcpy(&entry, relocations.bytes + at, sizeof(entry));
		if (ELF64_R_SYM(entry.r_info) == symbol &&
		    (ELF64_R_TYPE(entry.r_info) == R_X86_64_JUMP_SLOT || ELF64_R_TYPE(entry.r_info) == R_X86_64_GLOB_DAT))
			slots->at[slots->count++] = entry.r_offset;
	}
}

static bool is_slot(const struct slots *slots, uint64_t address)
{
	for (size_t i = 0; i < slots->count; i++)
		if (slots->at[i] == address)
			return true;
	return false;
}

uint64_t code_target(const struct stretch *code, uint64_t offset)
{
	return code->address + offset + sizeof(int32_t) + (uint64_t)(int64_t)(int32_t)stretch_u32(code, offset);
}

static const uint8_t endbr64[] = {0xf3, 0x0f, 0x1e, 0xfa};

#define BND_PREFIX 0xf2

/* Is there a stub at this address: [endbr64] [bnd] jmp *slot(%rip)? */
static bool is_stub(const struct image *image, uint64_t address, const struct slots *slots)
{
	struct stretch code = image_at(image, address, sizeof(endbr64) + 7);
	uint64_t at = 0;

	if (!code.bytes)
		return false;
	if (!memcmp(code.bytes, endbr64, sizeof(endbr64)))
		at = sizeof(endbr64);
	at += code.bytes[at] == BND_PREFIX;
	return code.bytes[at] == 0xff && code.bytes[at + 1] == 0x25 && is_slot(slots, code_target(&code, at + 2));
}

/* ---- calls -------------------------------------------------------------------------------------------------------------------------- */

#define CALL_OPCODE 0xe8
#define JUMP_OPCODE 0xe9

#define STUB_SECTIONS 3

struct stubs {
	const struct image *image;
	struct stretch sections[STUB_SECTIONS];
	struct slots slots; /* of the wanted function */
};

static struct stubs open_stubs(const struct image *image, size_t symbol)
{
	static const char *const names[STUB_SECTIONS] = {".plt", ".plt.sec", ".plt.got"};
	struct stubs stubs = {.image = image};

	for (size_t i = 0; i < STUB_SECTIONS; i++)
		stubs.sections[i] = image_section(image, names[i]);
	add_slots(image, ".rela.plt", symbol, &stubs.slots);
	add_slots(image, ".rela.dyn", symbol, &stubs.slots);
	return stubs;
}

static bool leads_to(const struct stubs *stubs, uint64_t address)
{
	for (size_t i = 0; i < STUB_SECTIONS; i++)
		if (address - stubs->sections[i].address < stubs->sections[i].size)
			return is_stub(stubs->image, address, &stubs->slots);
	return false;
}

bool symbols_import_calls(const struct image *image, const char *name, struct import_calls *calls)
{
	struct stretch text = image_section(image, ".text");
	Elf64_Sym symbol;
	size_t index = find_symbol(image, name, false, &symbol);
	struct stubs stubs = open_stubs(image, index);

	calls->count = 0;
	for (uint64_t at = 0; index && at + IMPORT_CALL_BYTES <= text.size; at++) {
		if ((text.bytes[at] != CALL_OPCODE && text.bytes[at] != JUMP_OPCODE) || !leads_to(&stubs, code_target(&text, at + 1)))
			continue;
		if (calls->count == IMPORT_CALLS_MAX)
			return false;
		calls->at[calls->count++] = text.address + at;
	}
	return calls->count > 0;
}
