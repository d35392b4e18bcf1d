/* SPDX-License-Identifier: BSD-2-Clause */
#include "runtime/hotspot.h"

#include <errno.h>
#include <string.h>

#include "runtime/hotspot_class.h"

/* Without these nothing is found; an older release has no virtual threads, and not the last one. */
static const enum hotspot_entry needed[] = {
	THREAD_LIST,       LIST_LENGTH, LIST_THREADS,    THREAD_OSTHREAD,    OSTHREAD_PTHREAD, THREAD_OBJECT,   CLASS_OF_THREAD,
	CLASS_OF_OBJECT,   CLASS_NAME,  CLASS_FIRST_SUB, CLASS_NEXT_SIBLING, CLASS_FIELDS,     CLASS_CONSTANTS, SYMBOL_LENGTH,
	SYMBOL_BODY,       BYTES_DATA,  FLAGS,           FLAG_COUNT,         FLAG_NAME,        FLAG_ADDRESS,    SIZE_OF_FLAG,
	SIZE_OF_CONSTANTS, NARROW_BASE, NARROW_SHIFT,
};

struct search {
	const struct memory *memory;
	const struct hotspot_library *library;
	uint64_t moved_by;
	struct hotspot_tables tables;
	struct hotspot_layout *layout;
};

static uint64_t entry(const struct search *search, enum hotspot_entry wanted)
{
	return search->tables.value[wanted];
}

/* ---- its threads ------------------------------------------------------------------------------------------------------------------- */

#define THREADS_LOOKED_AT 64

struct java_thread {
	uint64_t at;
	uint64_t pthread; /* which on x86-64 is where its thread-local storage is told */
};

/* Some of them, in threads[]; the list may be replaced while it is read. */
static size_t list_threads(const struct search *search, struct java_thread threads[THREADS_LOOKED_AT])
{
	uint64_t list = memory_u64(search->memory, entry(search, THREAD_LIST));
	uint32_t length = memory_u32(search->memory, list + entry(search, LIST_LENGTH));
	uint64_t array = memory_u64(search->memory, list + entry(search, LIST_THREADS));
	size_t count = 0;

	for (uint32_t i = 0; i < length && count < THREADS_LOOKED_AT; i++) {
		struct java_thread thread = {.at = memory_u64(search->memory, array + i * sizeof(uint64_t))};
		uint64_t os_thread = memory_u64(search->memory, thread.at + entry(search, THREAD_OSTHREAD));

		thread.pthread = os_thread ? memory_u64(search->memory, os_thread + entry(search, OSTHREAD_PTHREAD)) : 0;
		if (thread.pthread)
			threads[count++] = thread;
	}
	return count;
}

/* ---- where a thread finds its own JavaThread ----------------------------------------------------------------------------------------- */

#define TLS_SEARCHED_BYTES 256 /* libjvm's whole block has 100 */
#define DTV_AT             8   /* from the thread's pointer */
#define DTV_ENTRY_BYTES    16

static uint64_t tls_block(const struct search *search, uint64_t pthread, uint64_t module)
{
	uint64_t vector = memory_u64(search->memory, pthread + DTV_AT);
	uint64_t block = vector ? memory_u64(search->memory, vector + DTV_ENTRY_BYTES * module) : 0;

	return block == UINT64_MAX ? 0 : block;
}

static bool all_agree(const struct search *search, const struct java_thread *threads, size_t count, uint64_t module, uint32_t offset)
{
	for (size_t i = 0; i < count; i++) {
		uint64_t block = tls_block(search, threads[i].pthread, module);

		if (!block || memory_u64(search->memory, block + offset) != threads[i].at)
			return false;
	}
	return true;
}

static bool find_tls(const struct search *search, const struct java_thread *threads, size_t count)
{
	for (size_t slot = 0; slot < search->library->module_slot_count; slot++) {
		uint64_t module = memory_u64(search->memory, search->library->module_slots[slot] + search->moved_by);

		for (uint32_t offset = 0; module && module <= UINT16_MAX && offset < TLS_SEARCHED_BYTES; offset += sizeof(uint64_t)) {
			if (!all_agree(search, threads, count, module, offset))
				continue;
			search->layout->tls_module = (uint32_t)module;
			search->layout->tls_offset = offset;
			return true;
		}
	}
	return false;
}

/* ---- how references look ------------------------------------------------------------------------------------------------------------- */

#define FLAGS_MAX     10000
#define FLAG_NAME_MAX 64

/* Of a flag that is on or off; `otherwise`: this JVM has none of this name. */
static bool flag(const struct search *search, const char *wanted, bool otherwise)
{
	uint64_t flags = memory_u64(search->memory, entry(search, FLAGS)), count = memory_u64(search->memory, entry(search, FLAG_COUNT));
	char name[FLAG_NAME_MAX];

	for (uint64_t i = 0; i < count && i < FLAGS_MAX; i++) {
		uint64_t at = flags + i * entry(search, SIZE_OF_FLAG);

		memory_text(search->memory, memory_u64(search->memory, at + entry(search, FLAG_NAME)), name, sizeof(name));
		if (!strcmp(name, wanted))
			return memory_u8(search->memory, memory_u64(search->memory, at + entry(search, FLAG_ADDRESS)));
	}
	return otherwise;
}

static void find_references(const struct search *search)
{
	struct hotspot_layout *layout = search->layout;

	/* Since 24 ZGC is always generational, and has no flag for that. */
	layout->coloured = flag(search, "UseZGC", false) && flag(search, "ZGenerational", true);
	layout->narrow = flag(search, "UseCompressedOops", false);
	layout->narrow_base = memory_u64(search->memory, entry(search, NARROW_BASE));
	layout->narrow_shift = (uint8_t)(memory_u32(search->memory, entry(search, NARROW_SHIFT)) & 7);
}

#define COLOUR_BITS  0xf000u
#define COLOUR_FIRST 12

/* As in bpf/hotspot.bpf.h: the address lies above the one of four bits that is set. */
static uint64_t object_of(const struct search *search, uint64_t handle)
{
	uint64_t reference = memory_u64(search->memory, handle), colour = reference & COLOUR_BITS;

	if (!search->layout->coloured)
		return reference;
	return colour ? reference >> (64 - __builtin_clzll(colour)) : 0;
}

/* ---- where they lie ------------------------------------------------------------------------------------------------------------------ */

/* Not needed: without it makers are known less well. */
static void find_pieces(const struct search *search)
{
	static const enum hotspot_entry all[] = {THREAD_PIECE, PIECE_START, PIECE_TOP, PIECE_END};
	uint32_t piece = (uint32_t)entry(search, THREAD_PIECE);

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (!search->tables.known[all[i]])
			return;
	search->layout->piece_start = piece + (uint32_t)entry(search, PIECE_START);
	search->layout->piece_top = piece + (uint32_t)entry(search, PIECE_TOP);
	search->layout->piece_end = piece + (uint32_t)entry(search, PIECE_END);
}

/* ---- what the objects have ----------------------------------------------------------------------------------------------------------- */

static bool find_fields(const struct search *search)
{
	uint64_t thread = memory_u64(search->memory, entry(search, CLASS_OF_THREAD));
	uint64_t object = memory_u64(search->memory, entry(search, CLASS_OF_OBJECT));
	uint64_t scope = hotspot_subclass(search->memory, &search->tables, object, "jdk/internal/vm/StackableScope");
	struct hotspot_layout *layout = search->layout;

	layout->object_thread = hotspot_field_offset(search->memory, &search->tables, thread, "eetop");
	layout->object_id = hotspot_field_offset(search->memory, &search->tables, thread, "tid");
	layout->container_owner = scope ? hotspot_field_offset(search->memory, &search->tables, scope, "owner") : 0;
	if (layout->container_owner)
		layout->object_container = hotspot_field_offset(search->memory, &search->tables, thread, "container");
	return layout->object_thread && layout->object_id;
}

/* A thread's own object points back to it, and where nobody is mounted the id that the JavaThread keeps is that object's. */
static bool is_proved_by(const struct search *search, uint64_t java_thread)
{
	const struct hotspot_layout *layout = search->layout;
	uint64_t own = object_of(search, memory_u64(search->memory, java_thread + layout->thread_object));
	uint64_t current = object_of(search, memory_u64(search->memory, java_thread + layout->current_object));
	uint64_t id = memory_u64(search->memory, own + layout->object_id);

	if (!own || memory_u64(search->memory, own + layout->object_thread) != java_thread || !id)
		return false;
	if (layout->next_id_at && id >= memory_u64(search->memory, layout->next_id_at))
		return false;
	return !layout->current_id || current != own || memory_u64(search->memory, java_thread + layout->current_id) == id;
}

static bool is_proved(const struct search *search, const struct java_thread *threads, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!is_proved_by(search, threads[i].at))
			return false;
	return count > 0;
}

/* ---- all of it ----------------------------------------------------------------------------------------------------------------------- */

static bool has_entries(const struct search *search)
{
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (!search->tables.known[needed[i]])
			return false;
	return true;
}

/* A process that runs: its threads come and go, its collector moves objects. Where all is well, one of several looks sees no change. */
#define LOOKS 8

static int look_at_threads(const struct search *search, const char **why)
{
	struct java_thread threads[THREADS_LOOKED_AT];

	for (int look = 0; look < LOOKS; look++) {
		size_t count = list_threads(search, threads);

		*why = "its threads cannot be found";
		if (!count)
			continue;
		*why = "its threads do not agree on where they keep themselves";
		if (!find_tls(search, threads, count))
			continue;
		*why = "its threads' objects are not where they should be";
		if (is_proved(search, threads, count))
			return 0;
	}
	return -ENOENT;
}

/* A build's own additions to the version are of no interest. */
static void read_version(const struct search *search, char version[HOTSPOT_VERSION_MAX])
{
	uint64_t text = search->tables.known[VM_RELEASE] ? memory_u64(search->memory, entry(search, VM_RELEASE)) : 0;

	memory_text(search->memory, text, version, HOTSPOT_VERSION_MAX);
	version[strcspn(version, "-")] = 0;
}

int hotspot_find(const struct memory *memory, const struct hotspot_library *library, uint64_t moved_by, struct hotspot *found,
		 const char **why)
{
	struct hotspot_layout *layout = &found->layout;
	struct search search = {.memory = memory, .library = library, .moved_by = moved_by, .layout = layout};
	uint64_t exported[EXPORTS];

	*found = (struct hotspot){0};
	for (size_t i = 0; i < EXPORTS; i++)
		exported[i] = library->exported[i] ? library->exported[i] + moved_by : 0;
	*why = "its tables of its own layout are missing or of an unknown form";
	if (!hotspot_tables_read(memory, exported, &search.tables))
		return -ENOENT;
	read_version(&search, found->version);
	*why = "older than 21: it has no virtual threads";
	if (!search.tables.known[THREAD_VIRTUAL])
		return -ENOTSUP;
	*why = "its tables do not tell all that is needed";
	if (!has_entries(&search))
		return -ENOENT;
	layout->thread_object = (uint32_t)entry(&search, THREAD_OBJECT);
	layout->current_object = (uint32_t)entry(&search, THREAD_VIRTUAL);
	layout->current_id = (uint32_t)entry(&search, THREAD_CURRENT_ID);
	layout->next_id_at = library->next_id_at ? library->next_id_at + moved_by : 0;
	find_references(&search);
	find_pieces(&search);
	*why = "its class of threads is of an unknown form";
	if (!find_fields(&search))
		return -ENOENT;
	return look_at_threads(&search, why);
}
