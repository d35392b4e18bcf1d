/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What fields an event has, and how each is written: one row a field.
 * Used by text_write.c and text_parse.c, so that both say the same.
 * Never: a field in one of them only.
 */
#ifndef TESTS_GOLDEN_TEXT_FIELDS_H
#define TESTS_GOLDEN_TEXT_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/event.h"

enum field_form {
	FORM_UNSIGNED,
	FORM_SIGNED,
	FORM_TIME,    /* relative to the base; absent: 0 */
	FORM_NAME,    /* one of `names`, by index */
	FORM_BITS,    /* some of `names`, by bit, with commas between */
	FORM_COMM,    /* a process's name */
	FORM_ADDRESS, /* of struct record_conn: address:port, the port's offset in `port` */
};

/* Which part of an event it is a member of. */
enum field_part { PART_RECORD, PART_WINDOW, PART_NOTE };

struct field {
	const char *key;
	enum field_part part;
	uint16_t offset;
	uint8_t size;
	enum field_form form;
	const char *const *names;
	size_t name_count;
	uint16_t port;
};

/* The fields of one kind of record, ended by a NULL key. */
struct record_form {
	const char *name;
	const struct field *fields;
};

extern const struct record_form record_forms[RECORD_KINDS];
/* How the op of a kind of record is written behind it: its names and how many; 0: such a record has none. */
size_t op_names(uint8_t kind, const char *const **names);
/* Of every record's head, of windows and of notes. */
extern const struct field head_fields[], window_fields[], note_fields[];

/* How a record's own payload is called: a path for connections. */
const char *payload_key(uint8_t kind);

/* The member itself: reading and writing it by its size. */
uint64_t field_get(const struct field *field, const void *part);
void field_set(const struct field *field, void *part, uint64_t value);
/* Can the member hold it? */
bool field_fits(const struct field *field, uint64_t value);

#endif
