/* SPDX-License-Identifier: BSD-2-Clause */
/* A small HotSpot made by hand: its tables, two threads, their objects and classes. Then the same with something wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "runtime/hotspot.h"

#define FIRST_ADDRESS 0x7f0000001000ull
#define MEMORY_BYTES  (64 << 10)
#define MOVED_BY      0x7f0000000000ull

#define JAVA_THREADS 2
#define MODULE       3
#define TLS_OFFSET   40

/* Where the made JVM keeps things; none of these is where a real one does. */
enum { OSTHREAD_AT = 24, THREAD_OBJECT_AT = 48, CURRENT_AT = 56, CURRENT_ID_AT = 72, PTHREAD_AT = 32 };
enum { NAME_AT = 8, FIRST_SUB_AT = 16, SIBLING_AT = 24, FIELDS_AT = 40, CONSTANTS_AT = 48, CONSTANTS_BYTES = 64 };
enum { PIECE_AT = 8, PIECE_START_AT = 0, PIECE_TOP_AT = 4, PIECE_END_AT = 12 };
enum { EETOP_AT = 16, CONTAINER_AT = 36, TID_AT = 24, OWNER_AT = 12 };

struct vm {
	struct memory base;
	uint8_t bytes[MEMORY_BYTES];
	uint64_t used;
	struct hotspot_library library;
	uint64_t java_threads[JAVA_THREADS], objects[JAVA_THREADS], blocks[JAVA_THREADS];
	bool no_virtual, keeps_id, coloured, no_pieces;
};

static bool read_vm(const struct memory *base, uint64_t address, void *to, size_t size)
{
	const struct vm *vm = (const struct vm *)base;

	if (address < FIRST_ADDRESS || address - FIRST_ADDRESS > MEMORY_BYTES - size)
		return false;
	memcpy(to, vm->bytes + (address - FIRST_ADDRESS), size);
	return true;
}

static uint64_t make(struct vm *vm, size_t size)
{
	uint64_t address = FIRST_ADDRESS + vm->used;

	vm->used += (size + 15) & ~15ull;
	assert_true(vm->used <= MEMORY_BYTES);
	return address;
}

static void put(struct vm *vm, uint64_t address, uint64_t value, size_t size)
{
	memcpy(vm->bytes + (address - FIRST_ADDRESS), &value, size);
}

static void put_u64(struct vm *vm, uint64_t address, uint64_t value)
{
	put(vm, address, value, sizeof(value));
}

static uint64_t make_u64(struct vm *vm, uint64_t value)
{
	uint64_t address = make(vm, sizeof(value));

	put_u64(vm, address, value);
	return address;
}

static uint64_t make_text(struct vm *vm, const char *text)
{
	uint64_t address = make(vm, strlen(text) + 1);

	memcpy(vm->bytes + (address - FIRST_ADDRESS), text, strlen(text) + 1);
	return address;
}

/* ---- classes ----------------------------------------------------------------------------------------------------------------------- */

enum { SYMBOL_LENGTH_AT = 4, SYMBOL_BODY_AT = 6 };

static uint64_t make_symbol(struct vm *vm, const char *text)
{
	uint64_t address = make(vm, SYMBOL_BODY_AT + strlen(text));

	put(vm, address + SYMBOL_LENGTH_AT, strlen(text), 2);
	memcpy(vm->bytes + (address - FIRST_ADDRESS) + SYMBOL_BODY_AT, text, strlen(text));
	return address;
}

struct made_field {
	const char *name;
	uint8_t offset, flags;
};

/* All numbers here are below 191, so each is one byte, more by one. A field with a generic type has one number more. */
static uint64_t make_class(struct vm *vm, const char *name, const struct made_field *fields, uint8_t count)
{
	uint64_t class_at = make(vm, 64), constants = make(vm, CONSTANTS_BYTES + 8 * 8), stream = make(vm, 64);
	uint8_t *bytes = vm->bytes + (stream - FIRST_ADDRESS) + 4, *at = bytes;

	*at++ = count + 1;
	*at++ = 1; /* none injected */
	for (uint8_t i = 0; i < count; i++) {
		const uint8_t numbers[] = {i, 0, fields[i].offset, 0, fields[i].flags, 9};

		for (size_t j = 0; j < (fields[i].flags ? 6 : 5); j++)
			*at++ = numbers[j] + 1;
		put_u64(vm, constants + CONSTANTS_BYTES + 8ull * i, make_symbol(vm, fields[i].name));
	}
	put(vm, stream, (uint64_t)(at - bytes), 4);
	put_u64(vm, class_at + NAME_AT, make_symbol(vm, name));
	put_u64(vm, class_at + FIELDS_AT, stream);
	put_u64(vm, class_at + CONSTANTS_AT, constants);
	return class_at;
}

/* ---- tables ------------------------------------------------------------------------------------------------------------------------- */

enum { STRUCT_BYTES = 48, TYPE_BYTES = 24 };

struct made_entry {
	const char *type, *field;
	uint64_t offset;
	uint64_t address; /* of a static */
};

static void make_structs(struct vm *vm, const struct made_entry *entries, size_t count)
{
	uint64_t table = make(vm, STRUCT_BYTES * (count + 1)), at = table;

	for (size_t i = 0; i < count; i++) {
		if ((vm->no_virtual && !strcmp(entries[i].field, "_vthread")) ||
		    (!vm->keeps_id && !strcmp(entries[i].field, "_monitor_owner_id")) ||
		    (vm->no_pieces && !strcmp(entries[i].field, "_tlab")))
			continue;
		put_u64(vm, at, make_text(vm, entries[i].type));
		put_u64(vm, at + 8, make_text(vm, entries[i].field));
		put(vm, at + 16, entries[i].address != 0, 4);
		put_u64(vm, at + 24, entries[i].offset);
		put_u64(vm, at + 32, entries[i].address);
		at += STRUCT_BYTES;
	}
	vm->library.exported[EXPORT_STRUCTS] = make_u64(vm, table) - MOVED_BY;
	vm->library.exported[EXPORT_STRUCT_STRIDE] = make_u64(vm, STRUCT_BYTES) - MOVED_BY;
	vm->library.exported[EXPORT_STRUCT_TYPE_NAME] = make_u64(vm, 0) - MOVED_BY;
	vm->library.exported[EXPORT_STRUCT_FIELD_NAME] = make_u64(vm, 8) - MOVED_BY;
	vm->library.exported[EXPORT_STRUCT_IS_STATIC] = make_u64(vm, 16) - MOVED_BY;
	vm->library.exported[EXPORT_STRUCT_OFFSET] = make_u64(vm, 24) - MOVED_BY;
	vm->library.exported[EXPORT_STRUCT_ADDRESS] = make_u64(vm, 32) - MOVED_BY;
}

static void make_types(struct vm *vm)
{
	uint64_t table = make(vm, TYPE_BYTES * 3);

	put_u64(vm, table, make_text(vm, "ConstantPool"));
	put_u64(vm, table + 8, CONSTANTS_BYTES);
	put_u64(vm, table + TYPE_BYTES, make_text(vm, "JVMFlag"));
	put_u64(vm, table + TYPE_BYTES + 8, 16);
	vm->library.exported[EXPORT_TYPES] = make_u64(vm, table) - MOVED_BY;
	vm->library.exported[EXPORT_TYPE_STRIDE] = make_u64(vm, TYPE_BYTES) - MOVED_BY;
	vm->library.exported[EXPORT_TYPE_NAME] = make_u64(vm, 0) - MOVED_BY;
	vm->library.exported[EXPORT_TYPE_SIZE] = make_u64(vm, 8) - MOVED_BY;
}

/* ---- threads ----------------------------------------------------------------------------------------------------------------------- */

/* Above the bit 13: see bpf/hotspot.bpf.h. */
static uint64_t reference(const struct vm *vm, uint64_t object)
{
	return vm->coloured ? object << 14 | 0x2000 : object;
}

static void make_thread(struct vm *vm, int number)
{
	uint64_t thread = make(vm, 96), object = make(vm, 48), os_thread = make(vm, 48), pthread = make(vm, 16), vector = make(vm, 80),
		 block = make(vm, 96), handle = make_u64(vm, reference(vm, object));

	put_u64(vm, thread + OSTHREAD_AT, os_thread);
	put_u64(vm, thread + THREAD_OBJECT_AT, handle);
	put_u64(vm, thread + CURRENT_AT, handle);
	put_u64(vm, thread + CURRENT_ID_AT, 20 + (uint64_t)number);
	put_u64(vm, os_thread + PTHREAD_AT, pthread);
	put_u64(vm, pthread + 8, vector);
	put_u64(vm, vector + 16 * MODULE, block);
	put_u64(vm, block + TLS_OFFSET, thread);
	put_u64(vm, object + EETOP_AT, thread);
	put_u64(vm, object + TID_AT, 20 + (uint64_t)number);
	vm->java_threads[number] = thread;
	vm->objects[number] = object;
	vm->blocks[number] = block;
}

static uint64_t make_thread_list(struct vm *vm)
{
	uint64_t array = make(vm, 8 * JAVA_THREADS), list = make(vm, 24);

	for (int i = 0; i < JAVA_THREADS; i++) {
		make_thread(vm, i);
		put_u64(vm, array + 8ull * (uint64_t)i, vm->java_threads[i]);
	}
	put(vm, list + 4, JAVA_THREADS, 4);
	put_u64(vm, list + 16, array);
	return list;
}

static uint64_t make_flags(struct vm *vm)
{
	uint64_t flags = make(vm, 16 * 2);

	put_u64(vm, flags, make_u64(vm, vm->coloured));
	put_u64(vm, flags + 8, make_text(vm, "UseZGC"));
	put_u64(vm, flags + 16, make_u64(vm, 1));
	put_u64(vm, flags + 24, make_text(vm, "UseCompressedOops"));
	return flags;
}

static void vm_make(struct vm *vm)
{
	const struct made_field thread_fields[] = {{"eetop", EETOP_AT, 0}, {"tid", TID_AT, 4}, {"container", CONTAINER_AT, 0}};
	const struct made_field scope_fields[] = {{"previous", 8, 0}, {"owner", OWNER_AT, 0}};
	uint64_t object = make_class(vm, "java/lang/Object", NULL, 0), thread = make_class(vm, "java/lang/Thread", thread_fields, 3),
		 scope = make_class(vm, "jdk/internal/vm/StackableScope", scope_fields, 2);
	const struct made_entry entries[] = {
		{"ThreadsSMRSupport", "_java_thread_list", 0, make_u64(vm, make_thread_list(vm))},
		{"ThreadsList", "_length", 4, 0},
		{"ThreadsList", "_threads", 16, 0},
		{"JavaThread", "_osthread", OSTHREAD_AT, 0},
		{"OSThread", "_pthread_id", PTHREAD_AT, 0},
		{"JavaThread", "_threadObj", THREAD_OBJECT_AT, 0},
		{"JavaThread", "_vthread", CURRENT_AT, 0},
		{"JavaThread", "_monitor_owner_id", CURRENT_ID_AT, 0},
		{"vmClasses", "_klasses[static_cast<int>(vmClassID::Thread_klass_knum)]", 0, make_u64(vm, thread)},
		{"vmClasses", "_klasses[static_cast<int>(vmClassID::Object_klass_knum)]", 0, make_u64(vm, object)},
		{"Klass", "_name", NAME_AT, 0},
		{"Klass", "_subklass", FIRST_SUB_AT, 0},
		{"Klass", "_next_sibling", SIBLING_AT, 0},
		{"InstanceKlass", "_fieldinfo_stream", FIELDS_AT, 0},
		{"InstanceKlass", "_constants", CONSTANTS_AT, 0},
		{"Symbol", "_length", SYMBOL_LENGTH_AT, 0},
		{"Symbol", "_body", SYMBOL_BODY_AT, 0},
		{"Array<u1>", "_data", 4, 0},
		{"CompressedOops", "_base", 0, make_u64(vm, 0x800000000)},
		{"CompressedOops", "_shift", 0, make_u64(vm, 3)},
		{"JVMFlag", "flags", 0, make_u64(vm, make_flags(vm))},
		{"JVMFlag", "numFlags", 0, make_u64(vm, 2)},
		{"JVMFlag", "_name", 8, 0},
		{"JVMFlag", "_addr", 0, 0},
		{"Thread", "_tlab", PIECE_AT, 0},
		{"ThreadLocalAllocBuffer", "_start", PIECE_START_AT, 0},
		{"ThreadLocalAllocBuffer", "_top", PIECE_TOP_AT, 0},
		{"ThreadLocalAllocBuffer", "_end", PIECE_END_AT, 0},
		{"Abstract_VM_Version", "_s_vm_release", 0, make_u64(vm, make_text(vm, "26.0.1+8-Debian-1"))},
	};

	put_u64(vm, object + FIRST_SUB_AT, thread);
	put_u64(vm, thread + SIBLING_AT, scope);
	make_structs(vm, entries, sizeof(entries) / sizeof(entries[0]));
	make_types(vm);
	vm->library.module_slots[0] = make_u64(vm, 0) - MOVED_BY; /* not loaded */
	vm->library.module_slots[1] = make_u64(vm, MODULE) - MOVED_BY;
	vm->library.module_slot_count = 2;
	vm->library.next_id_at = make_u64(vm, 1000) - MOVED_BY;
}

static struct vm *vm_open(struct vm like)
{
	struct vm *vm = malloc(sizeof(*vm));

	assert_non_null(vm);
	*vm = like;
	vm->base.read = read_vm;
	vm_make(vm);
	return vm;
}

static int find(const struct vm *vm, struct hotspot *found, const char **why)
{
	return hotspot_find(&vm->base, &vm->library, MOVED_BY, found, why);
}

static void assert_not_found(struct vm *vm, int err, const char *wanted_why)
{
	struct hotspot found;
	const char *why = NULL;

	assert_int_equal(find(vm, &found, &why), err);
	assert_string_equal(why, wanted_why);
	free(vm);
}

/* ---- what is found ----------------------------------------------------------------------------------------------------------------- */

static void test_all_of_it(void **state)
{
	struct vm *vm = vm_open((struct vm){.keeps_id = true});
	struct hotspot found;
	const char *why;

	(void)state;
	assert_int_equal(find(vm, &found, &why), 0);
	assert_string_equal(found.version, "26.0.1+8");
	assert_int_equal(found.layout.tls_module, MODULE);
	assert_int_equal(found.layout.tls_offset, TLS_OFFSET);
	assert_int_equal(found.layout.thread_object, THREAD_OBJECT_AT);
	assert_int_equal(found.layout.current_object, CURRENT_AT);
	assert_int_equal(found.layout.current_id, CURRENT_ID_AT);
	assert_int_equal(found.layout.object_thread, EETOP_AT);
	assert_int_equal(found.layout.object_id, TID_AT);
	assert_int_equal(found.layout.object_container, CONTAINER_AT);
	assert_int_equal(found.layout.container_owner, OWNER_AT);
	assert_int_equal(found.layout.piece_start, PIECE_AT + PIECE_START_AT);
	assert_int_equal(found.layout.piece_top, PIECE_AT + PIECE_TOP_AT);
	assert_int_equal(found.layout.piece_end, PIECE_AT + PIECE_END_AT);
	assert_int_equal(found.layout.next_id_at, vm->library.next_id_at + MOVED_BY);
	assert_int_equal(found.layout.narrow_base, 0x800000000);
	assert_int_equal(found.layout.narrow_shift, 3);
	assert_true(found.layout.narrow);
	assert_false(found.layout.coloured);
	free(vm);
}

/* As in 21: the id is in the object only. Where threads take memory from is not told: it does without. */
static void test_without_id(void **state)
{
	struct vm *vm = vm_open((struct vm){.no_pieces = true});
	struct hotspot found;
	const char *why;

	(void)state;
	assert_int_equal(find(vm, &found, &why), 0);
	assert_int_equal(found.layout.current_id, 0);
	assert_int_equal(found.layout.piece_start, 0);
	free(vm);
}

static void test_coloured_references(void **state)
{
	struct vm *vm = vm_open((struct vm){.coloured = true});
	struct hotspot found;
	const char *why;

	(void)state;
	assert_int_equal(find(vm, &found, &why), 0);
	assert_true(found.layout.coloured);
	free(vm);
}

/* One runs a virtual thread just now: its own object is another one's. */
static void test_mounted(void **state)
{
	struct vm *vm = vm_open((struct vm){.keeps_id = true});
	struct hotspot found;
	const char *why;

	(void)state;
	put_u64(vm, vm->java_threads[1] + CURRENT_AT, make_u64(vm, make(vm, 48)));
	put_u64(vm, vm->java_threads[1] + CURRENT_ID_AT, 777);
	assert_int_equal(find(vm, &found, &why), 0);
	free(vm);
}

/* ---- what does not verify is not found --------------------------------------------------------------------------------------------- */

static void test_older(void **state)
{
	(void)state;
	assert_not_found(vm_open((struct vm){.no_virtual = true}), -ENOTSUP, "older than 21: it has no virtual threads");
}

static void test_object_of_another(void **state)
{
	struct vm *vm = vm_open((struct vm){0});

	(void)state;
	put_u64(vm, vm->objects[1] + EETOP_AT, vm->java_threads[0]);
	assert_not_found(vm, -ENOENT, "its threads' objects are not where they should be");
}

static void test_id_of_another(void **state)
{
	struct vm *vm = vm_open((struct vm){.keeps_id = true});

	(void)state;
	put_u64(vm, vm->java_threads[1] + CURRENT_ID_AT, 777);
	assert_not_found(vm, -ENOENT, "its threads' objects are not where they should be");
}

static void test_id_never_given(void **state)
{
	struct vm *vm = vm_open((struct vm){0});

	(void)state;
	put_u64(vm, vm->objects[0] + TID_AT, 1000);
	assert_not_found(vm, -ENOENT, "its threads' objects are not where they should be");
}

static void test_storage_differs(void **state)
{
	struct vm *vm = vm_open((struct vm){0});

	(void)state;
	put_u64(vm, vm->blocks[1] + TLS_OFFSET, 0);
	put_u64(vm, vm->blocks[1] + TLS_OFFSET + 8, vm->java_threads[1]);
	assert_not_found(vm, -ENOENT, "its threads do not agree on where they keep themselves");
}

static void test_no_tables(void **state)
{
	const char *why = "its tables of its own layout are missing or of an unknown form";
	struct vm *vm = vm_open((struct vm){0});

	(void)state;
	vm->library.exported[EXPORT_TYPES] = 0;
	assert_not_found(vm, -ENOENT, why);
	vm = vm_open((struct vm){0});
	put_u64(vm, vm->library.exported[EXPORT_STRUCT_STRIDE] + MOVED_BY, 1 << 20);
	assert_not_found(vm, -ENOENT, why);
}

/* ---- a library --------------------------------------------------------------------------------------------------------------------- */

static void test_no_library(void **state)
{
	struct hotspot_library library;
	const char *why;

	(void)state;
	assert_int_equal(hotspot_library_read("/proc/self/maps", &library, &why), -ENOEXEC);
	assert_int_equal(hotspot_library_read("/nonexistent", &library, &why), -ENOENT);
}

static void test_library(void **state)
{
	const char *path = "/usr/lib/jvm/java-17-openjdk-amd64/lib/server/libjvm.so", *why;
	struct hotspot_library library;

	(void)state;
	if (access(path, R_OK)) {
		print_message("%s is not here\n", path);
		skip();
	}
	assert_int_equal(hotspot_library_read(path, &library, &why), 0);
	for (size_t i = 0; i < EXPORTS; i++)
		assert_true(library.exported[i] != 0);
	assert_true(library.module_slot_count > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_of_it),     cmocka_unit_test(test_without_id),     cmocka_unit_test(test_coloured_references),
		cmocka_unit_test(test_mounted),       cmocka_unit_test(test_older),          cmocka_unit_test(test_object_of_another),
		cmocka_unit_test(test_id_of_another), cmocka_unit_test(test_id_never_given), cmocka_unit_test(test_storage_differs),
		cmocka_unit_test(test_no_tables),     cmocka_unit_test(test_no_library),     cmocka_unit_test(test_library),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
