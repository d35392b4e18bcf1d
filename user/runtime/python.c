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

/* ---- the core: who enters a context ---------------------------------------------------------------------------------------------------
 */

/* PY_VERSION_HEX, which is exported since 3.11. */
static bool read_version(const struct image *image, char version[PYTHON_VERSION_MAX])
{
	uint64_t address = symbols_export(image, "Py_Version");
	struct stretch here = image_at(image, address, sizeof(uint64_t));
	uint64_t hex = stretch_u64(&here, 0);

	if (!address || hex >> 24 != 3)
		return false;
	snprintf(version, PYTHON_VERSION_MAX, "%u.%u.%u", (unsigned int)(hex >> 24), (unsigned int)(hex >> 16 & 0xff),
		 (unsigned int)(hex >> 8 & 0xff));
	return true;
}

#define WRAPPER_BYTES  32 /* of PyContext_Enter, which only fetches the thread's state and jumps on */
#define FUNCTION_BYTES 64 /* of that function's begin, which checks what it is given */

static const uint8_t endbr64[] = {0xf3, 0x0f, 0x1e, 0xfa};

/* `push` of one of the old registers, or behind a prefix of the new ones. */
static bool is_push(const uint8_t *code)
{
	return (code[0] & 0xf8) == 0x50 || (code[0] == 0x41 && (code[1] & 0xf8) == 0x50);
}

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

/* mov entered(%rsi), %eax; test %eax, %eax: a context that somebody has entered is refused. */
static bool find_entered(const struct stretch *code, uint8_t *offset)
{
	for (uint64_t at = 0; (at = find_code(code, at, FUNCTION_BYTES, "\x8b\x46", 2));) {
		if (code->bytes[at + 1] != 0x85 || code->bytes[at + 2] != 0xc0)
			continue;
		*offset = code->bytes[at];
		return true;
	}
	return false;
}

/* The function that does it, for C code and for Context.run alike: what the exported one ends in a jump to. */
static bool find_enter(const struct image *image, struct python_core *core)
{
	struct stretch wrapper = image_at(image, symbols_export(image, "PyContext_Enter"), WRAPPER_BYTES);
	uint64_t jump = find_code(&wrapper, 0, WRAPPER_BYTES, "\xe9", 1), target, skip;
	struct stretch code;

	if (!jump)
		return false;
	target = code_target(&wrapper, jump);
	code = image_at(image, target, FUNCTION_BYTES);
	if (!code.bytes || !checks_type(&code, core->context_type) || !find_entered(&code, &core->entered_in_context))
		return false;
	skip = memcmp(code.bytes, endbr64, sizeof(endbr64)) ? 0 : sizeof(endbr64);
	return is_push(code.bytes + skip) && image_file_offset(image, target + skip, &core->enter_offset);
}

static int read_core(const struct image *image, struct python_core *core, const char **why)
{
	*why = "it is older than 3.11";
	if (!read_version(image, core->version))
		return -ENOTSUP;
	core->linked_at = image_linked_at(image);
	core->context_type = symbols_export(image, "PyContext_Type");
	*why = "where this build enters a context is not known";
	return core->context_type && find_enter(image, core) ? 0 : -ENOENT;
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

/* ---- asyncio: who schedules a callback in a context ------------------------------------------------------------------------------------
 */

/*
 * Each place is
 *     lea  name(%rip), %rsi;  call _PyObject_GetAttrId      loop.call_soon, or another method
 *     mov  keywords(%rip), %rcx;  call PyObject_Vectorcall   with the one keyword `context`
 */
#define LOOKUP_BYTES  128 /* at most so far before the call the method is looked up */
#define NAME_BYTES    24  /* … and its name is loaded before that */
#define METHOD        "call_soon"
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
	return text.bytes && memchr(text.bytes, 0, text.size) ? (const char *)text.bytes : NULL;
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
	return strcmp(name, METHOD) ? DOES_SOMETHING_ELSE : SCHEDULES;
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

int python_asyncio_read(const char *path, struct python_asyncio *asyncio, const char **why)
{
	struct image *image = open_file(path, why);
	struct asyncio_search search = {.image = image};
	bool found;

	*asyncio = (struct python_asyncio){0};
	if (!image)
		return -errno;
	search.text = image_section(image, ".text");
	found = symbols_import_calls(image, "PyObject_Vectorcall", &search.calls) &&
		symbols_import_calls(image, "_PyObject_GetAttrId", &search.lookups) && find_schedules(&search, asyncio);
	image_close(image);
	*why = "where its asyncio schedules a task is not known";
	return found ? 0 : -ENOENT;
}

/* ---- uvloop: who has something to write -----------------------------------------------------------------------------------------------
 */

/* Which of its sets is which no code says; the kernel half looks at what is put there. */
static bool find_queues(const struct image *image, struct python_uvloop *uvloop)
{
	struct import_calls calls;

	if (!symbols_import_calls(image, "PySet_Add", &calls) || calls.count > UVLOOP_QUEUES_MAX)
		return false;
	for (size_t i = 0; i < calls.count; i++)
		if (!image_file_offset(image, calls.at[i], &uvloop->queues[uvloop->queue_count++]))
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
	found = find_queues(image, uvloop);
	image_close(image);
	*why = "where its uvloop puts off writes is not known";
	return found ? 0 : -ENOENT;
}
