/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libFuzzer target: any reads and writes on a few connections, then the endpoints of all that was told.
 * Checked: what a note promises, and that nothing unprintable and no query comes through.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "route/route.h"
#include "route/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* One step of the input: a byte that tells what happens, the number of bytes seen, the number of bytes unseen, then the bytes seen. */
#define STEP_SIZE 3
#define STEP_CONN 3

enum step { STEP_READ, STEP_WRITE, STEP_READ_MORE, STEP_PEEK, STEP_DESCRIBE, STEP_END };

static void check_printable(const char *bytes, size_t len, bool utf8)
{
	for (size_t i = 0; i < len; i++)
		assert((bytes[i] > ' ' && bytes[i] < 0x7f) || (utf8 && (bytes[i] == ' ' || bytes[i] & 0x80)));
}

static void check_endpoint(const struct route_rules *rules, const struct wire_line *line, const struct wire_note *note)
{
	char name[ENDPOINT_NAME_MAX];
	char *method = strndup(line->method, line->method_len);
	char *target = strndup(line->target, line->target_len);
	struct request request = {.protocol = note->protocol, .method = method, .target = target, .target_cut = line->cut, .port = 80};

	route_endpoint(rules, &request, name);
	assert(memchr(name, 0, sizeof(name)));
	check_printable(name, strlen(name), true);
	request.method = NULL;
	request.unix_path = target;
	route_endpoint(NULL, &request, name);
	assert(memchr(name, 0, sizeof(name)));
	check_printable(name, strlen(name), true);
	free(method);
	free(target);
}

static void check_note(const struct route_rules *rules, const struct wire_note *note, bool keep_query)
{
	assert(note->protocol <= WIRE_TLS);
	assert(note->line_count <= WIRE_LINES_MAX);
	assert(note->line_count <= note->begun + note->late_line);
	assert(!note->late_line || note->line_count);
	assert(!note->handshake || (!note->begun && !note->line_count && !note->status));
	assert(note->status == 0 || (note->status >= 100 && note->status <= 999));
	for (size_t i = 0; i < note->line_count; i++) {
		const struct wire_line *line = &note->lines[i];

		assert(line->method_len);
		check_printable(line->method, line->method_len, false);
		check_printable(line->target, line->target_len, false);
		assert(keep_query || !memchr(line->target, '?', line->target_len));
		check_endpoint(rules, line, note);
	}
}

static void describe(struct wire *wire, uint64_t conn_id, bool ends, uint8_t role)
{
	struct record_conn conn = {.head.kind = RECORD_CONN, .conn_id = conn_id, .role = role, .type = CONN_STREAM};
	struct record_conn_state state = {.head.kind = RECORD_CONN_STATE, .conn_id = conn_id, .state = CONN_ENDED};
	struct event event = {.head = ends ? &state.head : &conn.head};

	wire_read(wire, &event);
}

static void transfer(struct wire *wire, const struct route_rules *rules, const uint8_t *data, size_t seen, enum step step, bool keep_query)
{
	struct record record = {
		.head.kind = RECORD_IO, .head.op = step == STEP_WRITE ? IO_WRITE : IO_READ, .conn_id = 1 + (data[0] & STEP_CONN)};
	struct event event = {.head = &record.head};
	/* A copy of its own, so that the sanitizer sees every byte read beyond it. */
	uint8_t *payload = malloc(seen ? seen : 1);

	memcpy(payload, data + STEP_SIZE, seen);
	record.head.flags = step == STEP_PEEK ? RECORD_PEEK : 0;
	record.result = (int32_t)seen + (step == STEP_READ_MORE ? data[2] * 16 : 0);
	event.payload = seen ? payload : NULL;
	event.payload_len = seen;
	wire_read(wire, &event);
	check_note(rules, &event.note, keep_query);
	free(payload);
}

/* Opened once: making its table anew for each input would take most of the time. */
static struct wire *empty_wire(bool keep_query)
{
	static struct wire *wires[2];
	struct wire **wire = &wires[keep_query];

	if (!*wire)
		*wire = wire_open(keep_query);
	for (uint64_t id = 1; id <= 1 + STEP_CONN; id++)
		describe(*wire, id, true, 0);
	return *wire;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool keep_query = size && (data[0] & 4);
	struct wire *wire = empty_wire(keep_query);
	struct route_rules *rules = route_rules_open();

	assert(route_rules_add(rules, "/a/:b/**", NULL) == 0);
	while (size > STEP_SIZE) {
		enum step step = data[0] >> 5;
		size_t seen = data[1] < size - STEP_SIZE ? data[1] : size - STEP_SIZE;

		if (step >= STEP_DESCRIBE)
			describe(wire, 1 + (data[0] & STEP_CONN), step >= STEP_END, data[2] & 3 ? CONN_SERVER : CONN_DOWNSTREAM);
		else
			transfer(wire, rules, data, seen, step, keep_query);
		data += STEP_SIZE + seen;
		size -= STEP_SIZE + seen;
	}
	route_rules_close(rules);
	return 0;
}
