/* SPDX-License-Identifier: BSD-2-Clause */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "golden/text.h"
#include "golden/text_fields.h"

static void write_bytes(FILE *out, const void *bytes, size_t len)
{
	const uint8_t *byte = bytes;

	for (size_t i = 0; i < len; i++) {
		if (isprint(byte[i]) && byte[i] != '"' && byte[i] != '\\')
			fputc(byte[i], out);
		else
			fprintf(out, "\\x%02x", byte[i]);
	}
}

static void write_quoted(FILE *out, const char *key, const void *bytes, size_t len)
{
	fprintf(out, " %s=\"", key);
	write_bytes(out, bytes, len);
	fputc('"', out);
}

static void write_address(FILE *out, const struct field *field, const struct record_conn *conn)
{
	bool is_ipv6 = conn->family == CONN_INET6;
	char address[INET6_ADDRSTRLEN];
	uint16_t port;

	if (conn->family != CONN_INET && !is_ipv6)
		return;
	memcpy(&port, (const char *)conn + field->port, sizeof(port));
	inet_ntop(is_ipv6 ? AF_INET6 : AF_INET, (const char *)conn + field->offset, address, sizeof(address));
	fprintf(out, is_ipv6 ? " %s=[%s]:%u" : " %s=%s:%u", field->key, address, port);
}

static void write_bits(FILE *out, const struct field *field, uint64_t bits)
{
	char separator = '=';

	for (size_t i = 0; i < field->name_count; i++) {
		if (!(bits >> i & 1) || !field->names[i])
			continue;
		if (separator == '=')
			fprintf(out, " %s", field->key);
		fprintf(out, "%c%s", separator, field->names[i]);
		separator = ',';
	}
}

static void write_value(FILE *out, const struct field *field, uint64_t value, uint64_t base_ns)
{
	if (field->form == FORM_TIME)
		fprintf(out, " %s=%" PRId64, field->key, (int64_t)(value - base_ns));
	else if (field->form == FORM_SIGNED)
		fprintf(out, " %s=%" PRId64, field->key, (int64_t)value);
	else if (field->form == FORM_NAME && value < field->name_count && field->names[value])
		fprintf(out, " %s=%s", field->key, field->names[value]);
	else
		fprintf(out, " %s=%" PRIu64, field->key, value);
}

static void write_field(FILE *out, const struct field *field, const void *part, uint64_t base_ns)
{
	const char *comm = (const char *)part + field->offset;
	uint64_t value;

	switch (field->form) {
	case FORM_ADDRESS:
		write_address(out, field, part);
		return;
	case FORM_COMM:
		if (*comm)
			write_quoted(out, field->key, comm, strnlen(comm, field->size));
		return;
	case FORM_BITS:
		write_bits(out, field, field_get(field, part));
		return;
	default:
		value = field_get(field, part);
		/* A window's causes are told even if they are the first of their kind: a wait without a name would be a riddle. */
		if (value || (field->part == PART_WINDOW && field->form == FORM_NAME))
			write_value(out, field, value, base_ns);
	}
}

static void write_fields(FILE *out, const struct field *fields, const void *part, uint64_t base_ns)
{
	for (const struct field *field = fields; field->key; field++)
		write_field(out, field, part, base_ns);
}

static void write_line(FILE *out, const struct wire_line *line)
{
	fprintf(out, line->cut ? " cut_line=\"" : " line=\"");
	write_bytes(out, line->method, line->method_len);
	fputc(' ', out);
	write_bytes(out, line->target, line->target_len);
	fputc('"', out);
}

static void write_message(FILE *out, const struct wire_message *message)
{
	fprintf(out, " message=%u", message->at);
	for (uint32_t i = 0; i < message->token_count; i++)
		fprintf(out, "%c%u", i ? ',' : ':', message->tokens[i]);
}

static void write_arrivals(FILE *out, const struct event *event, uint64_t base_ns)
{
	const struct arrival *arrivals = (const struct arrival *)((const struct record_messages *)event->head + 1);
	char separator = '=';

	for (uint32_t i = 0; i < record_arrival_count(event->head->kind, event->head->flags); i++) {
		if (!arrivals[i].end && !arrivals[i].at_ns)
			continue;
		fprintf(out, "%s%c%u@%" PRId32, separator == '=' ? " arrivals" : "", separator, arrivals[i].end,
			(int32_t)(arrivals[i].at_ns - (uint32_t)base_ns));
		separator = ',';
	}
}

int text_write(FILE *out, const struct event *event, uint64_t base_ns)
{
	const struct record_head *head = event->head;
	struct record_head shown = *head;
	const char *const *ops;

	fprintf(out, "%" PRId64 " %s", (int64_t)(head->at_ns - base_ns), record_forms[head->kind].name);
	if (op_names(head->kind, &ops))
		fprintf(out, " %s", ops[head->op]);
	if (head->kind == RECORD_MESSAGES)
		shown.flags = 0; /* the arrivals show them */
	write_fields(out, head_fields, &shown, base_ns);
	write_fields(out, record_forms[head->kind].fields, head, base_ns);
	if (event->window)
		write_fields(out, window_fields, event->window, base_ns);
	write_fields(out, note_fields, &event->note, base_ns);
	for (size_t i = 0; i < event->note.line_count; i++)
		write_line(out, &event->note.lines[i]);
	write_arrivals(out, event, base_ns);
	for (size_t i = 0; i < event->note.message_count; i++)
		write_message(out, &event->note.messages[i]);
	if (event->payload_len)
		write_quoted(out, payload_key(head->kind), event->payload, event->payload_len);
	fputc('\n', out);
	return ferror(out) ? -EIO : 0;
}
