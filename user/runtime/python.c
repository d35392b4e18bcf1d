/* SPDX-License-Identifier: BSD-2-Clause */
#include "runtime/python.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "runtime/symbols.h"

static struct image *open_file(const char *path, const char **why)
{
	struct image *image = image_open(path);

	if (!image)
		*why = errno == ENOEXEC ? "it is not for x86-64" : "its files cannot be read";
	return image;
}

/* ---- the core: who enters a context -------------------------------------------------------------------------------------------------- */

/* PY_VERSION_HEX, which is exported since 3.11; 0: it is older. */
static uint64_t read_version(const struct image *image, char version[PYTHON_VERSION_MAX])
{
	uint64_t address = symbols_export(image, "Py_Version");
	struct stretch here = image_at(image, address, sizeof(uint64_t));
	uint64_t hex = address ? stretch_u64(&here, 0) : 0;

	if (hex)
		snprintf(version, PYTHON_VERSION_MAX, "%u.%u.%u", (unsigned int)(hex >> 24 & 0xff), (unsigned int)(hex >> 16 & 0xff),
			 (unsigned int)(hex >> 8 & 0xff));
	return hex;
}

#define WRAPPER_BYTES  32 /* of PyContext_Enter, which only fetches the thread's state and jumps on */
#define FUNCTION_BYTES 96 /* of a function's begin, which checks what it is given */

/* Where these bytes begin in the code, behind them; 0: nowhere. */
static uint64_t find_code(const struct stretch *code, uint64_t from, uint64_t until, const char *bytes, size_t size)
{
	for (uint64_t at = from; code->bytes && at + size <= until && at + size <= code->size; at++)
		if (!memcmp(code->bytes + at, bytes, size))
			return at + size;
	return 0;
}

/* cmpq $context_type, 8(%rsi) where the program is not moved; else lea context_type(%rip), …, which is compared then. */
static bool checks_type(const struct stretch *code, uint64_t context_type)
{
	uint64_t at = find_code(code, 0, FUNCTION_BYTES, "\x48\x81\x7e\x08", 4);

	if (at)
		return stretch_u32(code, at) == context_type;
	at = find_code(code, 0, FUNCTION_BYTES, "\x48\x8d", 2);
	return at && code_target(code, at + 1) == context_type && find_code(code, at + 5, FUNCTION_BYTES, "\x39\x46\x08", 3);
}

/* movl $1, offset(…) */
static bool sets_to_one(const struct stretch *code, uint8_t offset)
{
	for (uint64_t at = 0; (at = find_code(code, at, FUNCTION_BYTES, "\x01\x00\x00\x00", 4)) >= 7;)
		if (code->bytes[at - 7] == 0xc7 && (code->bytes[at - 6] & 0xf8) == 0x40 && code->bytes[at - 5] == offset)
			return true;
	return false;
}

#define ENTERED_BYTES 4 /* of what is looked at behind the code of the `mov` */

/*
 * mov offset(…), register; test register, register: a context that somebody has entered is refused, and in any other one that int is set to
 * 1.
 */
static bool find_entered(const struct stretch *code, uint8_t *offset)
{
	for (uint64_t at = 0; (at = find_code(code, at, FUNCTION_BYTES - ENTERED_BYTES, "\x8b", 1));) {
		uint8_t place = code->bytes[at], loaded = place >> 3 & 7;

		if ((place & 0xc0) != 0x40 || code->bytes[at + 2] != 0x85 || code->bytes[at + 3] != (0xc0 | loaded << 3 | loaded))
			continue;
		*offset = code->bytes[at + 1];
		if (sets_to_one(code, *offset))
			return true;
	}
	return false;
}

/* The function that does it, for C code and for Context.run alike: what the exported one ends in a jump to. */
static bool find_enter(const struct image *image, struct python_core *core)
{
	struct stretch wrapper = image_at(image, symbols_export(image, "PyContext_Enter"), WRAPPER_BYTES);
	uint64_t jump = find_code(&wrapper, 0, WRAPPER_BYTES, "\xe9", 1), target = jump ? code_target(&wrapper, jump) : 0;
	struct stretch code = image_at(image, target, FUNCTION_BYTES);

	return target && code.bytes && checks_type(&code, core->context_type) && find_entered(&code, &core->entered_in_context) &&
	       image_first_push(image, target, &core->enter_offset);
}

#define TYPE_METHODS 232 /* in a PyTypeObject */
#define METHOD_BYTES 32  /* a PyMethodDef: the name, the function … */
#define METHODS_MAX  16

/* Where that is a part of both: Context.run by itself, which the type's own table of methods names. */
static bool find_run(const struct image *image, struct python_core *core)
{
	uint64_t methods = image_pointer(image, core->context_type + TYPE_METHODS);
	struct stretch exported = image_at(image, symbols_export(image, "PyContext_Enter"), FUNCTION_BYTES);

	core->enters_by_run = true;
	if (!methods || !exported.bytes || !find_entered(&exported, &core->entered_in_context))
		return false;
	for (size_t i = 0; i < METHODS_MAX; i++) {
		uint64_t name = image_pointer(image, methods + i * METHOD_BYTES);
		struct stretch text = image_at(image, name, sizeof("run"));

		if (!name || !text.bytes)
			return false;
		if (!memcmp(text.bytes, "run", sizeof("run")))
			return image_first_push(image, image_pointer(image, methods + i * METHOD_BYTES + sizeof(uint64_t)),
						&core->enter_offset);
	}
	return false;
}

#define NAME          "call_soon"
#define NAME_LENGTH   16 /* in a string of ASCII characters, since 3.12: how many they are */
#define NAME_TEXT     40 /* … and they themselves */
#define RUNTIME_BYTES (1u << 20)

/* Names that Python itself uses are strings that are part of a variable. */
static void find_name(const struct image *image, struct python_core *core)
{
	struct stretch runtime = image_at(image, symbols_export(image, "_PyRuntime"), sizeof(NAME));
	size_t size = runtime.size < RUNTIME_BYTES ? runtime.size : RUNTIME_BYTES;

	for (size_t at = NAME_TEXT; runtime.bytes && at + sizeof(NAME) <= size; at += sizeof(uint64_t)) {
		if (memcmp(runtime.bytes + at, NAME, sizeof(NAME)) || stretch_u64(&runtime, at - NAME_TEXT + NAME_LENGTH) != strlen(NAME))
			continue;
		core->call_soon_in_runtime = (uint32_t)(at - NAME_TEXT);
		return;
	}
}

#define KNOWN_FROM 0x030b0000
#define KNOWN_TO   0x030e0000

static int read_core(const struct image *image, struct python_core *core, const char **why)
{
	uint64_t version = read_version(image, core->version);

	*why = "only 3.11 to 3.13 are known";
	if (version < KNOWN_FROM || version >= KNOWN_TO)
		return -ENOTSUP;
	*why = "builds without the global lock are not known";
	if (symbols_export(image, "_Py_DecRefShared"))
		return -ENOTSUP;
	core->linked_at = image_linked_at(image);
	core->context_type = symbols_export(image, "PyContext_Type");
	find_name(image, core);
	*why = "where this build enters a context is not known";
	return core->context_type && (find_enter(image, core) || find_run(image, core)) ? 0 : -ENOENT;
}

int python_core_read(const char *path, struct python_core *core, const char **why)
{
	struct image *image = open_file(path, why);
	int err;

	*core = (struct python_core){0};
	if (!image)
		return -errno;
	err = read_core(image, core, why);
	image_close(image);
	return err;
}

/* ---- asyncio: who schedules a callback in a context ---------------------------------------------------------------------------------- */

/*
 * Each place is
 *     lea  name(%rip), %rsi;  call _PyObject_GetAttrId      loop.call_soon, or another method
 *     mov  keywords(%rip), %rcx;  call PyObject_Vectorcall   with the one keyword `context`
 */
#define LOOKUP_BYTES  128 /* at most so far before the call the method is looked up */
#define NAME_BYTES    24  /* … and its name is loaded before that */
#define LOAD_NAME     "\x48\x8d\x35"
#define LOAD_KEYWORDS "\x48\x8b\x0d"
#define NO_KEYWORDS   "\x31\xc9"

struct asyncio_search {
	const struct image *image;
	struct stretch text;
	struct import_calls lookups, calls;
	uint64_t keywords; /* the variable that all the places load them from; 0: none is found yet */
};

/* Of the last lookup before the call, as an offset in the text. 0: none is near. */
static uint64_t lookup_before(const struct asyncio_search *search, uint64_t call)
{
	for (size_t i = search->lookups.count; i-- > 0;)
		if (search->lookups.at[i] < call)
			return call - search->lookups.at[i] <= LOOKUP_BYTES ? search->lookups.at[i] - search->text.address : 0;
	return 0;
}

/* The name that the lookup is given; NULL: not to be seen. A name is a pointer to text, and a number. */
static const char *name_looked_up(const struct asyncio_search *search, uint64_t lookup)
{
	uint64_t from = lookup > NAME_BYTES ? lookup - NAME_BYTES : 0;
	uint64_t at = find_code(&search->text, from, lookup, LOAD_NAME, 3);
	struct stretch text;

	if (!at || at + sizeof(int32_t) > lookup)
		return NULL;
	text = image_at(search->image, image_pointer(search->image, code_target(&search->text, at)), 1);
	return stretch_text(&text, 0);
}

enum verdict { SCHEDULES, DOES_SOMETHING_ELSE, NOT_PROVEN };

static enum verdict judge(struct asyncio_search *search, uint64_t call)
{
	uint64_t end = call - search->text.address, lookup = lookup_before(search, call), at;
	const char *name;

	if (!lookup)
		return NOT_PROVEN;
	at = find_code(&search->text, lookup, end, LOAD_KEYWORDS, 3);
	if (!at)
		return find_code(&search->text, lookup, end, NO_KEYWORDS, 2) ? DOES_SOMETHING_ELSE : NOT_PROVEN;
	name = name_looked_up(search, lookup);
	if (!name || (search->keywords && search->keywords != code_target(&search->text, at)))
		return NOT_PROVEN;
	search->keywords = code_target(&search->text, at);
	return strcmp(name, NAME) ? DOES_SOMETHING_ELSE : SCHEDULES;
}

static bool find_schedules(struct asyncio_search *search, struct python_asyncio *asyncio)
{
	for (size_t i = 0; i < search->calls.count; i++) {
		enum verdict verdict = judge(search, search->calls.at[i]);

		if (verdict == DOES_SOMETHING_ELSE)
			continue;
		if (verdict == NOT_PROVEN || asyncio->schedule_count == PYTHON_SCHEDULES_MAX ||
		    !image_file_offset(search->image, search->calls.at[i], &asyncio->schedules[asyncio->schedule_count++]))
			return false;
	}
	return asyncio->schedule_count > 0;
}

/*
 * Since 3.12 each place is
 *     lea  name_in_runtime(register), %rdi;  call PyObject_VectorcallMethod
 * with or without keywords, of which the kernel half finds out.
 */
#define ARGUMENT_BYTES 96 /* at most so far before the call is its name loaded */

/* The last such load before the call: its 4 bytes, as an offset in the text. 0: there is none. */
static uint64_t load_of_name(const struct stretch *text, uint64_t call)
{
	uint64_t from = call > ARGUMENT_BYTES ? call - ARGUMENT_BYTES : 0;

	for (uint64_t at = call; at-- > from + 3;) {
		const uint8_t *code = text->bytes + at - 3;
		bool lea = (code[0] & 0xfe) == 0x48 && code[1] == 0x8d && (code[2] & 0xf8) == 0xb8 && code[2] != 0xbc;

		if (lea)
			return at;
		if (at > from + 4 && (code[-1] & 0xfe) == 0x48 && code[0] == 0x8d && code[1] == 0xbc && code[2] == 0x24)
			return at;
	}
	return 0;
}

static bool find_schedules_by_name(struct asyncio_search *search, const struct python_core *core, struct python_asyncio *asyncio)
{
	for (size_t i = 0; i < search->calls.count; i++) {
		uint64_t at = load_of_name(&search->text, search->calls.at[i] - search->text.address);

		if (!at)
			return false;
		if (stretch_u32(&search->text, at) != core->call_soon_in_runtime)
			continue;
		if (asyncio->schedule_count == PYTHON_SCHEDULES_MAX ||
		    !image_file_offset(search->image, search->calls.at[i], &asyncio->schedules[asyncio->schedule_count++]))
			return false;
	}
	return asyncio->schedule_count > 0;
}

static bool search_asyncio(struct asyncio_search *search, const struct python_core *core, struct python_asyncio *asyncio)
{
	const struct image *image = search->image;

	asyncio->by_name = core->call_soon_in_runtime != 0;
	if (asyncio->by_name)
		return symbols_import_calls(image, "PyObject_VectorcallMethod", &search->calls) &&
		       find_schedules_by_name(search, core, asyncio);
	return symbols_import_calls(image, "PyObject_Vectorcall", &search->calls) &&
	       symbols_import_calls(image, "_PyObject_GetAttrId", &search->lookups) && find_schedules(search, asyncio);
}

int python_asyncio_read(const char *path, const struct python_core *core, struct python_asyncio *asyncio, const char **why)
{
	struct image *image = open_file(path, why);
	struct asyncio_search search = {.image = image};
	bool found;

	*asyncio = (struct python_asyncio){0};
	if (!image)
		return -errno;
	search.text = image_section(image, ".text");
	found = search_asyncio(&search, core, asyncio);
	image_close(image);
	*why = "where its asyncio schedules a task is not known";
	return found ? 0 : -ENOENT;
}

/* ---- uvloop: who has something to write ---------------------------------------------------------------------------------------------- */

/* False: there are none, or more than can be kept. */
static bool find_import_calls(const struct image *image, const char *name, uint64_t *offsets, size_t max, size_t *count)
{
	struct import_calls calls;

	if (!symbols_import_calls(image, name, &calls) || calls.count > max)
		return false;
	for (size_t i = 0; i < calls.count; i++)
		if (!image_file_offset(image, calls.at[i], &offsets[(*count)++]))
			return false;
	return true;
}

int python_uvloop_read(const char *path, struct python_uvloop *uvloop, const char **why)
{
	struct image *image = open_file(path, why);
	bool found;

	*uvloop = (struct python_uvloop){0};
	if (!image)
		return -errno;
	/* Which of its sets is which no code says; the kernel half looks at what is put there. */
	found = find_import_calls(image, "PySet_Add", uvloop->queues, UVLOOP_QUEUES_MAX, &uvloop->queue_count) &&
		find_import_calls(image, "PyContext_Enter", uvloop->enters, UVLOOP_ENTERS_MAX, &uvloop->enter_count);
	image_close(image);
	*why = "where its uvloop enters contexts and puts off writes is not known";
	return found ? 0 : -ENOENT;
}
