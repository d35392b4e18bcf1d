/* SPDX-License-Identifier: BSD-2-Clause */
#include "runtime/hotspot_tables.h"

#include <string.h>

const char *const hotspot_export_names[EXPORTS] = {
	[EXPORT_STRUCTS] = "gHotSpotVMStructs",
	[EXPORT_STRUCT_STRIDE] = "gHotSpotVMStructEntryArrayStride",
	[EXPORT_STRUCT_TYPE_NAME] = "gHotSpotVMStructEntryTypeNameOffset",
	[EXPORT_STRUCT_FIELD_NAME] = "gHotSpotVMStructEntryFieldNameOffset",
	[EXPORT_STRUCT_IS_STATIC] = "gHotSpotVMStructEntryIsStaticOffset",
	[EXPORT_STRUCT_OFFSET] = "gHotSpotVMStructEntryOffsetOffset",
	[EXPORT_STRUCT_ADDRESS] = "gHotSpotVMStructEntryAddressOffset",
	[EXPORT_TYPES] = "gHotSpotVMTypes",
	[EXPORT_TYPE_STRIDE] = "gHotSpotVMTypeEntryArrayStride",
	[EXPORT_TYPE_NAME] = "gHotSpotVMTypeEntryTypeNameOffset",
	[EXPORT_TYPE_SIZE] = "gHotSpotVMTypeEntrySizeOffset",
};

/* No field: the size of the type. Some were renamed or moved to another type from one release to the next. */
static const struct {
	enum hotspot_entry entry;
	const char *type, *field;
} wanted[] = {
	{THREAD_LIST, "ThreadsSMRSupport", "_java_thread_list"},
	{LIST_LENGTH, "ThreadsList", "_length"},
	{LIST_THREADS, "ThreadsList", "_threads"},
	{THREAD_OSTHREAD, "JavaThread", "_osthread"},
	{THREAD_OSTHREAD, "Thread", "_osthread"},
	{OSTHREAD_PTHREAD, "OSThread", "_pthread_id"},
	{THREAD_OBJECT, "JavaThread", "_threadObj"},
	{THREAD_VIRTUAL, "JavaThread", "_vthread"},
	{THREAD_CURRENT_ID, "JavaThread", "_monitor_owner_id"},
	{CLASS_OF_THREAD, "vmClasses", "_klasses[static_cast<int>(vmClassID::Thread_klass_knum)]"},
	{CLASS_OF_OBJECT, "vmClasses", "_klasses[static_cast<int>(vmClassID::Object_klass_knum)]"},
	{CLASS_NAME, "Klass", "_name"},
	{CLASS_FIRST_SUB, "Klass", "_subklass"},
	{CLASS_NEXT_SIBLING, "Klass", "_next_sibling"},
	{CLASS_FIELDS, "InstanceKlass", "_fieldinfo_stream"},
	{CLASS_CONSTANTS, "InstanceKlass", "_constants"},
	{SYMBOL_LENGTH, "Symbol", "_length"},
	{SYMBOL_BODY, "Symbol", "_body"},
	{BYTES_DATA, "Array<u1>", "_data"},
	{NARROW_BASE, "CompressedOops", "_narrow_oop._base"},
	{NARROW_BASE, "CompressedOops", "_base"},
	{NARROW_SHIFT, "CompressedOops", "_narrow_oop._shift"},
	{NARROW_SHIFT, "CompressedOops", "_shift"},
	{FLAGS, "JVMFlag", "flags"},
	{FLAG_COUNT, "JVMFlag", "numFlags"},
	{FLAG_NAME, "JVMFlag", "_name"},
	{FLAG_ADDRESS, "JVMFlag", "_addr"},
	{VM_RELEASE, "Abstract_VM_Version", "_s_vm_release"},
	{THREAD_PIECE, "Thread", "_tlab"},
	{PIECE_START, "ThreadLocalAllocBuffer", "_start"},
	{PIECE_TOP, "ThreadLocalAllocBuffer", "_top"},
	{PIECE_END, "ThreadLocalAllocBuffer", "_end"},
	{SIZE_OF_FLAG, "JVMFlag", NULL},
	{SIZE_OF_CONSTANTS, "ConstantPool", NULL},
};

#define NAME_BYTES_MAX    128
#define STRIDE_MAX        256
#define TABLE_ENTRIES_MAX 20000 /* 25 has 2,100 */

/* Where things lie in an entry of a table. A table of types has no fields. */
struct form {
	uint64_t first, stride;
	uint64_t type_name, field_name, is_static, offset, address;
	bool has_fields;
};

static uint64_t entry_number(const uint8_t *entry, uint64_t offset)
{
	uint64_t number;

	memcpy(&number, entry + offset, sizeof(number));
	return number;
}

static bool fits(const struct form *form)
{
	const uint64_t offsets[] = {form->type_name, form->field_name, form->is_static, form->offset, form->address};

	if (!form->first || !form->stride || form->stride > STRIDE_MAX)
		return false;
	for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++)
		if (offsets[i] + sizeof(uint64_t) > form->stride)
			return false;
	return true;
}

static bool is_wanted(size_t row, bool has_fields, const char *type, const char *field)
{
	if (strcmp(wanted[row].type, type) || has_fields != (wanted[row].field != NULL))
		return false;
	return !has_fields || !strcmp(wanted[row].field, field);
}

static void keep_entry(const struct memory *memory, const struct form *form, const uint8_t *entry, struct hotspot_tables *tables)
{
	bool is_static = form->has_fields && (uint32_t)entry_number(entry, form->is_static);
	char type[NAME_BYTES_MAX], field[NAME_BYTES_MAX] = "";

	memory_text(memory, entry_number(entry, form->type_name), type, sizeof(type));
	if (form->has_fields)
		memory_text(memory, entry_number(entry, form->field_name), field, sizeof(field));
	for (size_t row = 0; row < sizeof(wanted) / sizeof(wanted[0]); row++) {
		if (!is_wanted(row, form->has_fields, type, field))
			continue;
		tables->value[wanted[row].entry] = entry_number(entry, is_static ? form->address : form->offset);
		tables->known[wanted[row].entry] = true;
	}
}

/* An entry without a name ends a table. */
static bool read_table(const struct memory *memory, const struct form *form, struct hotspot_tables *tables)
{
	uint8_t entry[STRIDE_MAX];

	if (!fits(form))
		return false;
	for (uint64_t i = 0; i < TABLE_ENTRIES_MAX; i++) {
		if (!memory->read(memory, form->first + i * form->stride, entry, form->stride))
			return false;
		if (!entry_number(entry, form->type_name))
			return true;
		keep_entry(memory, form, entry, tables);
	}
	return false;
}

bool hotspot_tables_read(const struct memory *memory, const uint64_t exported[EXPORTS], struct hotspot_tables *tables)
{
	uint64_t value[EXPORTS];
	struct form structs, types;

	*tables = (struct hotspot_tables){0};
	for (size_t i = 0; i < EXPORTS; i++) {
		if (!exported[i])
			return false;
		value[i] = memory_u64(memory, exported[i]);
	}
	structs = (struct form){
		.first = value[EXPORT_STRUCTS],
		.stride = value[EXPORT_STRUCT_STRIDE],
		.type_name = value[EXPORT_STRUCT_TYPE_NAME],
		.field_name = value[EXPORT_STRUCT_FIELD_NAME],
		.is_static = value[EXPORT_STRUCT_IS_STATIC],
		.offset = value[EXPORT_STRUCT_OFFSET],
		.address = value[EXPORT_STRUCT_ADDRESS],
		.has_fields = true,
	};
	types = (struct form){
		.first = value[EXPORT_TYPES],
		.stride = value[EXPORT_TYPE_STRIDE],
		.type_name = value[EXPORT_TYPE_NAME],
		.offset = value[EXPORT_TYPE_SIZE],
	};
	return read_table(memory, &structs, tables) && read_table(memory, &types, tables);
}
