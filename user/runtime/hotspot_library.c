/* SPDX-License-Identifier: BSD-2-Clause */
#include "runtime/hotspot_library.h"

#include <errno.h>
#include <string.h>

#include "runtime/image.h"

static void find_exports(const struct image *image, struct hotspot_library *library)
{
	struct symbols symbols = image_symbols(image, ".dynsym", ".dynstr");
	Elf64_Sym symbol;

	for (size_t i = 0; i < symbols.count; i++) {
		const char *name = symbols_read(&symbols, i, &symbol);

		for (size_t wanted = 0; name && wanted < EXPORTS; wanted++)
			if (!strcmp(name, hotspot_export_names[wanted]))
				library->exported[wanted] = symbol.st_value;
	}
}

static void find_module_slots(const struct image *image, struct hotspot_library *library)
{
	struct stretch relocations = image_section(image, ".rela.dyn");
	Elf64_Rela entry;

	for (size_t at = 0; at + sizeof(entry) <= relocations.size && library->module_slot_count < MODULE_SLOTS_MAX; at += sizeof(entry)) {
		memcpy(&entry, relocations.bytes + at, sizeof(entry));
		if (ELF64_R_TYPE(entry.r_info) == R_X86_64_DTPMOD64)
			library->module_slots[library->module_slot_count++] = entry.r_offset;
	}
}

/* ---- local symbols ----------------------------------------------------------------------------------------------------------------- */

#define COUNTER_SYMBOL "_ZL14next_thread_id"
/*
 * freeze<Config<…>>(JavaThread *, long *), and, since 24, Config<…>::freeze_preempt(JavaThread *, long *) of one that waits for a monitor.
 * There is one for each collector and width of references; a process uses one of them.
 */
#define FREEZE_BEGINS  "_Z6freezeI6ConfigI"
#define PREEMPT_BEGINS "_ZN6ConfigI"
#define PREEMPT_HAS    "E14freeze_preemptEP10JavaThread"

static bool is_yield(const char *name)
{
	return !strncmp(name, FREEZE_BEGINS, strlen(FREEZE_BEGINS)) ||
	       (!strncmp(name, PREEMPT_BEGINS, strlen(PREEMPT_BEGINS)) && strstr(name, PREEMPT_HAS));
}

static void add_yield(const struct image *image, uint64_t address, struct hotspot_library *library)
{
	uint64_t offset;

	if (library->yield_count < YIELD_PLACES_MAX && image_first_push(image, address, &offset))
		library->yields[library->yield_count++] = offset;
}

static void find_local_symbols(const struct image *image, struct hotspot_library *library)
{
	struct symbols symbols = image_symbols(image, ".symtab", ".strtab");
	Elf64_Sym symbol;

	for (size_t i = 0; i < symbols.count; i++) {
		const char *name = symbols_read(&symbols, i, &symbol);

		if (!name)
			continue;
		if (!strcmp(name, COUNTER_SYMBOL))
			library->next_id_at = symbol.st_value;
		else if (is_yield(name))
			add_yield(image, symbol.st_value, library);
	}
}

int hotspot_library_read(const char *path, struct hotspot_library *library, const char **why)
{
	struct image *image = image_open(path);

	*library = (struct hotspot_library){0};
	if (!image) {
		*why = errno == ENOEXEC ? "its libjvm is not for x86-64" : "its libjvm cannot be read";
		return -errno;
	}
	find_exports(image, library);
	find_module_slots(image, library);
	find_local_symbols(image, library);
	image_close(image);
	return 0;
}
