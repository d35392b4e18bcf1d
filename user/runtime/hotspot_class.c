/* SPDX-License-Identifier: BSD-2-Clause */
#include "runtime/hotspot_class.h"

#include <string.h>

#define NAME_BYTES_MAX   128
#define STREAM_BYTES_MAX 4096
#define FIELDS_MAX       1000
#define SUBCLASSES_MAX   100000

static bool symbol_is(const struct memory *memory, const struct hotspot_tables *tables, uint64_t symbol, const char *name)
{
	size_t len = strlen(name);
	char text[NAME_BYTES_MAX];

	if (!symbol || len > sizeof(text) || memory_u16(memory, symbol + tables->value[SYMBOL_LENGTH]) != len)
		return false;
	return memory->read(memory, symbol + tables->value[SYMBOL_BODY], text, len) && !memcmp(text, name, len);
}

/* ---- a class's stream of fields: numbers in HotSpot's UNSIGNED5 ---------------------------------------------------------------------- */

struct numbers {
	uint8_t bytes[STREAM_BYTES_MAX];
	size_t size, at;
	bool ended; /* before a number was whole */
};

#define UNSIGNED5_BYTES_MAX 5
#define UNSIGNED5_LAST_MAX  191 /* a higher byte is followed by another one */

static uint32_t next_number(struct numbers *numbers)
{
	uint32_t number = 0;

	for (unsigned int i = 0; i < UNSIGNED5_BYTES_MAX; i++) {
		uint8_t byte;

		if (numbers->at >= numbers->size) {
			numbers->ended = true;
			return 0;
		}
		byte = numbers->bytes[numbers->at++];
		number += (uint32_t)(byte - 1) << (6 * i);
		if (byte <= UNSIGNED5_LAST_MAX)
			break;
	}
	return number;
}

/* Bits of a field's flags, some of which announce one more number. */
enum { FIELD_HAS_VALUE = 1, FIELD_INJECTED = 2, FIELD_HAS_GENERIC = 4, FIELD_IN_GROUP = 16 };

struct field {
	uint32_t name; /* in the class's constants */
	uint32_t offset;
	uint32_t flags;
};

static struct field next_field(struct numbers *numbers)
{
	struct field field;

	field.name = next_number(numbers);
	next_number(numbers); /* its signature */
	field.offset = next_number(numbers);
	next_number(numbers); /* who may use it */
	field.flags = next_number(numbers);
	if (field.flags & FIELD_HAS_VALUE)
		next_number(numbers);
	if (field.flags & FIELD_HAS_GENERIC)
		next_number(numbers);
	if (field.flags & FIELD_IN_GROUP)
		next_number(numbers);
	return field;
}

static bool open_numbers(const struct memory *memory, const struct hotspot_tables *tables, uint64_t class_at, struct numbers *numbers)
{
	uint64_t stream = memory_u64(memory, class_at + tables->value[CLASS_FIELDS]);

	numbers->at = 0;
	numbers->ended = false;
	numbers->size = stream ? memory_u32(memory, stream) : 0;
	if (!numbers->size || numbers->size > sizeof(numbers->bytes))
		return false;
	return memory->read(memory, stream + tables->value[BYTES_DATA], numbers->bytes, numbers->size);
}

uint32_t hotspot_field_offset(const struct memory *memory, const struct hotspot_tables *tables, uint64_t class_at, const char *name)
{
	uint64_t constants = memory_u64(memory, class_at + tables->value[CLASS_CONSTANTS]) + tables->value[SIZE_OF_CONSTANTS];
	struct numbers numbers;
	uint32_t count;

	if (!open_numbers(memory, tables, class_at, &numbers))
		return 0;
	count = next_number(&numbers);
	count += next_number(&numbers); /* those that the VM adds */
	for (uint32_t i = 0; i < count && i < FIELDS_MAX; i++) {
		struct field field = next_field(&numbers);

		if (numbers.ended)
			return 0;
		if (!(field.flags & FIELD_INJECTED) &&
		    symbol_is(memory, tables, memory_u64(memory, constants + field.name * sizeof(uint64_t)), name))
			return field.offset;
	}
	return 0;
}

uint64_t hotspot_subclass(const struct memory *memory, const struct hotspot_tables *tables, uint64_t class_at, const char *name)
{
	uint64_t sub = memory_u64(memory, class_at + tables->value[CLASS_FIRST_SUB]);

	for (int i = 0; sub && i < SUBCLASSES_MAX; i++) {
		if (symbol_is(memory, tables, memory_u64(memory, sub + tables->value[CLASS_NAME]), name))
			return sub;
		sub = memory_u64(memory, sub + tables->value[CLASS_NEXT_SIBLING]);
	}
	return 0;
}
