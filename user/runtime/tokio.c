/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tokio's own functions, by their symbols. What its tasks look like is the same in all versions from 1.23 to 1.53, by their source: a task
 * begins with a Header { state, queue_next, vtable, … }, its table is { 7 functions, the first of which is raw::poll; trailer_offset,
 * scheduler_offset, id_offset }, and its state's functions have the Header's address as argument.
 */
#include "runtime/tokio.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/code.h"
#include "runtime/image.h"

/* ---- version ----------------------------------------------------------------------------------------------------------------------- */

/* Panics say where they are: "…/tokio-1.24.2/src/runtime/task/core.rs". */
#define VERSION_BEFORE "/tokio-1."
#define VERSION_BEHIND "/src/"

static void read_version(const struct image *image, struct tokio_program *program)
{
	struct stretch rest = image_section(image, ".rodata");
	const char *found;

	while (rest.bytes && (found = memmem(rest.bytes, rest.size, VERSION_BEFORE, strlen(VERSION_BEFORE)))) {
		const char *version = strchr(found, '-') + 1;
		size_t left = rest.size - (size_t)((const uint8_t *)version - rest.bytes), len = 0;

		while (len < left && len < sizeof(program->version) - 1 && (isdigit((unsigned char)version[len]) || version[len] == '.'))
			len++;
		if (left - len >= strlen(VERSION_BEHIND) && !memcmp(version + len, VERSION_BEHIND, strlen(VERSION_BEHIND))) {
			memcpy(program->version, version, len);
			return;
		}
		rest = stretch_from(&rest, (uint64_t)((const uint8_t *)version - rest.bytes));
	}
}

/* ---- names ------------------------------------------------------------------------------------------------------------------------- */

#define NAME_PARTS 3

/* Both ways to mangle write each part of a path behind its length; between them are a crate's hash, types, and the like. */
struct path {
	const char *parts[NAME_PARTS]; /* NULL: no more */
};

/* "17h<hash>E" ends each name of the older way: without that, the function is one within the function. */
#define LEGACY_BEGINS             "_ZN"
#define LEGACY_BEHIND             "17h"
#define CLOSURE_BEGINS            "_RNC"
#define CLOSURE_OF_GENERIC_BEGINS "_RINC"

static bool begins_with(const char *text, const char *with)
{
	return !strncmp(text, with, strlen(with));
}

static bool is_called(const char *name, const struct path *path)
{
	const char *rest = name;

	if (begins_with(name, CLOSURE_BEGINS) || begins_with(name, CLOSURE_OF_GENERIC_BEGINS))
		return false;
	for (size_t i = 0; i < NAME_PARTS && path->parts[i]; i++) {
		rest = strstr(rest, path->parts[i]);
		if (!rest)
			return false;
		rest += strlen(path->parts[i]);
	}
	return !begins_with(name, LEGACY_BEGINS) || begins_with(rest, LEGACY_BEHIND);
}

enum { REQUIRED = 1, SPAWNS = 2 };

static const struct {
	struct path path;
	enum tokio_place place;
	unsigned int arguments; /* enum code_registers */
	unsigned int is;
} wanted[] = {
	{{{"5tokio7runtime4task5state", "5State21transition_to_running"}}, TOKIO_RUNS, CODE_RDI, REQUIRED},
	{{{"5tokio7runtime4task5state", "5State18transition_to_idle"}}, TOKIO_IDLES, CODE_RDI, REQUIRED},
	{{{"5tokio7runtime4task5state", "5State22transition_to_complete"}}, TOKIO_ENDS, CODE_RDI, REQUIRED},
	{{{"5tokio7runtime4task5waker11wake_by_val"}}, TOKIO_WAKES, CODE_RDI, REQUIRED},
	{{{"5tokio7runtime4task5waker11wake_by_ref"}}, TOKIO_WAKES, CODE_RDI, REQUIRED},
	/* Of those that spawn the first one that is there is taken. */
	{{{"5tokio7runtime4task4list", "OwnedTasks", "10bind_inner"}}, TOKIO_MADE, CODE_RSI, SPAWNS},
	{{{"5tokio7runtime4task4list", "OwnedTasks", "4bind"}}, TOKIO_BINDS, CODE_RCX | CODE_R8, SPAWNS},
	{{{"5tokio7runtime8blocking4pool", "7Spawner10spawn_task"}}, TOKIO_MADE, CODE_RSI, 0},
};

#define WANTED (sizeof(wanted) / sizeof(wanted[0]))

static const struct path poll_path = {{"5tokio7runtime4task3raw4poll"}};
static const struct path next_id_path = {{"5tokio7runtime4task2id", "2Id4next7NEXT_ID"}};

/* All of these names have it. */
#define IN_RUNTIME "5tokio7runtime"

#define INLINED "its scheduler is inlined (link-time optimization)"

/* ---- places ------------------------------------------------------------------------------------------------------------------------ */

#define POLLS_MAX 4096

struct search {
	const struct image *image;
	struct symbols symbols;
	uint32_t *ours; /* the symbols of tokio's runtime: few among many */
	size_t our_count;
	uint64_t polls[POLLS_MAX]; /* where raw::poll begins, once for each kind of task; in order */
	bool scheduled[POLLS_MAX]; /* of each: such tasks run on a scheduler, and not only on threads that may block */
	size_t poll_count;
	uint64_t functions[TOKIO_PLACES]; /* where the one with this place begins */
};

/* Functions of the same code may be one. */
static bool is_probed(const struct tokio_program *program, uint64_t file_offset)
{
	for (size_t i = 0; i < program->probe_count; i++)
		if (program->probes[i].file_offset == file_offset)
			return true;
	return false;
}

/* Adds the probe of one function. −EPROTO: its code is not understood; −E2BIG: too many. */
static int add_probe(struct search *search, size_t row, const Elf64_Sym *symbol, struct tokio_program *program)
{
	struct tokio_probe *probe = &program->probes[program->probe_count];
	struct stretch code = image_at(search->image, symbol->st_value, symbol->st_size);
	int distance;

	if (!code.bytes)
		return -EPROTO;
	code.size = symbol->st_size;
	distance = code_emulated(code, wanted[row].arguments);
	if (distance < 0)
		return -EPROTO;
	if (program->probe_count == TOKIO_PROBES_MAX)
		return -E2BIG;
	probe->place = wanted[row].place;
	if (!image_file_offset(search->image, symbol->st_value + (uint64_t)distance, &probe->file_offset))
		return -EPROTO;
	program->probe_count += !is_probed(program, probe->file_offset);
	search->functions[wanted[row].place] = symbol->st_value;
	return 0;
}

/* Adds the probes of all functions of that name, or none of them. Returns how many, or as add_probe. */
static int add_probes(struct search *search, size_t row, struct tokio_program *program)
{
	size_t before = program->probe_count;
	Elf64_Sym symbol;
	int err = 0;

	for (size_t i = 0; !err && i < search->our_count; i++) {
		const char *name = symbols_read(&search->symbols, search->ours[i], &symbol);

		if (name && ELF64_ST_TYPE(symbol.st_info) == STT_FUNC && is_called(name, &wanted[row].path))
			err = add_probe(search, row, &symbol, program);
	}
	if (err)
		program->probe_count = before;
	return err ? err : (int)(program->probe_count - before);
}

static int find_probes(struct search *search, struct tokio_program *program, const char **why)
{
	for (size_t row = 0; row < WANTED; row++) {
		int count = wanted[row].is & SPAWNS && program->tells_made ? 0 : add_probes(search, row, program);

		if (count <= 0 && wanted[row].is & REQUIRED) {
			*why = count ? "the code of its scheduler is not understood" : INLINED;
			return count ? count : -ENOENT;
		}
		program->tells_made |= count > 0 && wanted[row].is & SPAWNS;
	}
	return 0;
}

/* ---- tables of tasks --------------------------------------------------------------------------------------------------------------- */

enum { TABLE_OFFSETS = 7 * 8, TABLE_BYTES = 10 * 8, HEADER_BYTES = 4 * 8, TASK_BYTES_MAX = 1 << 24 };

static int compare_addresses(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return left < right ? -1 : left > right;
}

/* Which one it is; poll_count: none. */
static size_t find_poll(const struct search *search, uint64_t address)
{
	const uint64_t *found = bsearch(&address, search->polls, search->poll_count, sizeof(address), compare_addresses);

	return found ? (size_t)(found - search->polls) : search->poll_count;
}

/* 0 or −ENOMEM. */
static int find_ours(struct search *search)
{
	Elf64_Sym symbol;

	search->ours = calloc(search->symbols.count, sizeof(*search->ours));
	if (!search->ours && search->symbols.count)
		return -ENOMEM;
	for (size_t i = 0; i < search->symbols.count; i++) {
		const char *name = symbols_read(&search->symbols, i, &symbol);

		if (name && strstr(name, IN_RUNTIME))
			search->ours[search->our_count++] = (uint32_t)i;
	}
	return 0;
}

/* The symbols that need no probe: where tasks are polled, and the counter of ids. */
static void find_addresses(struct search *search, struct tokio_program *program)
{
	Elf64_Sym symbol;

	for (size_t i = 0; i < search->our_count; i++) {
		const char *name = symbols_read(&search->symbols, search->ours[i], &symbol);

		if (!name)
			continue;
		if (is_called(name, &next_id_path))
			program->layout.next_id_at = symbol.st_value;
		else if (search->poll_count < POLLS_MAX && ELF64_ST_TYPE(symbol.st_info) == STT_FUNC && is_called(name, &poll_path))
			search->polls[search->poll_count++] = symbol.st_value;
	}
	qsort(search->polls, search->poll_count, sizeof(search->polls[0]), compare_addresses);
}

/*
 * Behind the functions: how far from the header the trailer, the scheduler and the id lie. A scheduler is one pointer; what stands in its
 * place in tasks that may block takes none, or more.
 */
static bool is_table(const struct search *search, uint64_t address, bool *scheduled)
{
	struct stretch table = image_at(search->image, address, TABLE_BYTES);
	uint64_t trailer = stretch_u64(&table, TABLE_OFFSETS), scheduler = stretch_u64(&table, TABLE_OFFSETS + 8),
		 id = stretch_u64(&table, TABLE_OFFSETS + 16);

	*scheduled = id - scheduler == sizeof(uint64_t);
	return scheduler >= HEADER_BYTES && id >= scheduler && trailer > id && trailer < TASK_BYTES_MAX &&
	       !((scheduler | id | trailer) % 8);
}

/* A word that names a poll function, or does not. False: it does, and is in no such table. */
static bool note_word(struct search *search, uint64_t address, uint64_t word, struct tokio_layout *layout)
{
	size_t poll = find_poll(search, word);
	bool scheduled;

	if (poll == search->poll_count)
		return true;
	if (!is_table(search, address, &scheduled))
		return false;
	search->scheduled[poll] |= scheduled;
	if (!layout->tables_from || address < layout->tables_from)
		layout->tables_from = address;
	if (address + TABLE_BYTES > layout->tables_to)
		layout->tables_to = address + TABLE_BYTES;
	return true;
}

/* Words in their place. */
static bool find_tables_in(struct search *search, const char *section, struct tokio_layout *layout)
{
	struct stretch data = image_section(search->image, section);
	bool all = true;

	for (size_t at = 0; at + sizeof(uint64_t) <= data.size; at += sizeof(uint64_t))
		all &= note_word(search, data.address + at, stretch_u64(&data, at), layout);
	return all;
}

/* In a program that can be moved the words that name functions stand among the relocations. */
static bool find_relocated_tables(struct search *search, struct tokio_layout *layout)
{
	struct stretch relocations = image_section(search->image, ".rela.dyn"), data = image_section(search->image, ".data.rel.ro");
	bool all = true;
	Elf64_Rela entry;

	for (size_t at = 0; at + sizeof(entry) <= relocations.size; at += sizeof(entry)) {
		memcpy(&entry, relocations.bytes + at, sizeof(entry));
		if (ELF64_R_TYPE(entry.r_info) == R_X86_64_RELATIVE && entry.r_offset - data.address < data.size)
			all &= note_word(search, entry.r_offset, (uint64_t)entry.r_addend, layout);
	}
	return all;
}

static bool find_tables(struct search *search, struct tokio_layout *layout)
{
	bool all = find_relocated_tables(search, layout);

	all = all && (layout->tables_to || (find_tables_in(search, ".data.rel.ro", layout) && find_tables_in(search, ".rodata", layout)));
	return all && layout->tables_to;
}

/* ---- calls ------------------------------------------------------------------------------------------------------------------------- */

#define SLOTS_MAX 16

/* Words that hold a function's address, by which it may be called. */
struct slots {
	uint64_t addresses[SLOTS_MAX];
	size_t count;
};

static void find_slots(const struct image *image, uint64_t function, struct slots *slots)
{
	struct stretch relocations = image_section(image, ".rela.dyn"), got = image_section(image, ".got");
	Elf64_Rela entry;

	for (size_t at = 0; at + sizeof(entry) <= relocations.size && slots->count < SLOTS_MAX; at += sizeof(entry)) {
		memcpy(&entry, relocations.bytes + at, sizeof(entry));
		if (ELF64_R_TYPE(entry.r_info) == R_X86_64_RELATIVE && (uint64_t)entry.r_addend == function)
			slots->addresses[slots->count++] = entry.r_offset;
	}
	for (size_t at = 0; at + sizeof(uint64_t) <= got.size && slots->count < SLOTS_MAX; at += sizeof(uint64_t))
		if (stretch_u64(&got, at) == function)
			slots->addresses[slots->count++] = got.address + at;
}

static bool is_slot(const struct slots *slots, uint64_t address)
{
	for (size_t i = 0; i < slots->count; i++)
		if (slots->addresses[i] == address)
			return true;
	return false;
}

/* `call` or `jmp`, to the function itself or through a word behind the code. Bytes that only look like one do not lead there. */
static size_t count_calls(const struct image *image, uint64_t function)
{
	struct stretch text = image_section(image, ".text");
	struct slots slots = {0};
	size_t count = 0;

	find_slots(image, function, &slots);
	for (size_t at = 0; at + 6 <= text.size; at++) {
		const uint8_t *code = text.bytes + at;
		uint64_t next = text.address + at;

		if (code[0] == 0xe8 || code[0] == 0xe9)
			count += next + 5 + (uint64_t)(int64_t)(int32_t)stretch_u32(&text, at + 1) == function;
		else if (code[0] == 0xff && (code[1] == 0x15 || code[1] == 0x25))
			count += is_slot(&slots, next + 6 + (uint64_t)(int64_t)(int32_t)stretch_u32(&text, at + 2));
	}
	return count;
}

/* Each kind of task that a scheduler runs calls these; where one does not, its poll has them inlined, and says nothing to a probe. */
static bool all_are_told(const struct search *search)
{
	size_t kinds = 0;

	for (size_t i = 0; i < search->poll_count; i++)
		kinds += search->scheduled[i];
	return count_calls(search->image, search->functions[TOKIO_RUNS]) >= kinds &&
	       count_calls(search->image, search->functions[TOKIO_IDLES]) >= kinds;
}

/* ---- the program ------------------------------------------------------------------------------------------------------------------- */

static int search_program(struct search *search, struct tokio_program *program, const char **why)
{
	int err;

	read_version(search->image, program);
	search->symbols = image_symbols(search->image, ".symtab", ".strtab");
	*why = "not enough memory";
	err = find_ours(search);
	if (err)
		return err;
	find_addresses(search, program);
	*why = "no tokio is seen in it";
	if (!*program->version && !search->poll_count)
		return -ENODATA;
	*why = search->symbols.count ? INLINED : "it is stripped of its symbols";
	if (!search->poll_count)
		return -ENOENT;
	err = find_probes(search, program, why);
	if (err)
		return err;
	*why = "its tasks do not look as those of known versions (1.23 to 1.53)";
	if (!find_tables(search, &program->layout))
		return -ENOTSUP;
	*why = INLINED;
	return all_are_told(search) ? 0 : -ENOENT;
}

int tokio_program_read(const char *path, struct tokio_program *program, const char **why)
{
	struct search *search = calloc(1, sizeof(*search));
	struct image *image = search ? image_open(path) : NULL;
	int err = image ? 0 : -errno;

	*program = (struct tokio_program){0};
	if (image) {
		search->image = image;
		program->linked_at = image_linked_at(image);
		err = search_program(search, program, why);
	} else {
		*why = err == -ENOEXEC ? "it is not a program for x86-64" : "its program cannot be read";
	}
	image_close(image);
	if (search)
		free(search->ours);
	free(search);
	return err;
}
