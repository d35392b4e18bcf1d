/* SPDX-License-Identifier: BSD-2-Clause */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "golden/text.h"
#include "golden/text_fields.h"

static struct record_head *head_of(struct text_event *parsed)
{
	return (struct record_head *)parsed->record;
}

/* Where a struct record's window stands, if it has one. */
static struct window *window_of(struct text_event *parsed)
{
	return (struct window *)(parsed->record + sizeof(struct record));
}

/* Takes the next word off *text: up to a space that is not within quotes. NULL: there is none. */
static char *next_word(char **text)
{
	char *word = *text + strspn(*text, " \t\r\n");
	bool quoted = false;
	char *end;

	if (!*word)
		return NULL;
	for (end = word; *end && (quoted || !isspace((unsigned char)*end)); end++)
		quoted ^= *end == '"';
	*text = *end ? end + 1 : end;
	*end = 0;
	return word;
}

/* Takes the quotes and the \xNN off in place. Returns the length; −1: a quote or escape is not whole. */
static int unquote(char *value)
{
	size_t len = strlen(value), kept = 0;

	if (value[0] != '"')
		return (int)len;
	if (len < 2 || value[len - 1] != '"')
		return -1;
	for (size_t at = 1; at < len - 1;) {
		char escape[3] = {0};

		if (value[at] != '\\') {
			value[kept++] = value[at++];
			continue;
		}
		if (at + 4 > len - 1 || value[at + 1] != 'x' || !isxdigit((unsigned char)value[at + 2]) ||
		    !isxdigit((unsigned char)value[at + 3]))
			return -1;
		memcpy(escape, value + at + 2, 2);
		value[kept++] = (char)strtoul(escape, NULL, 16);
		at += 4;
	}
	value[kept] = 0;
	return (int)kept;
}

static bool parse_number(const char *text, bool is_signed, uint64_t *number)
{
	char *end;

	errno = 0;
	*number = is_signed ? (uint64_t)strtoll(text, &end, 10) : strtoull(text, &end, 10);
	return (isdigit((unsigned char)*text) || (is_signed && *text == '-')) && end != text && !*end && !errno;
}

static bool parse_name(const char *text, const char *const *names, size_t count, uint64_t *value)
{
	for (size_t i = 0; i < count; i++) {
		if (names[i] && strcmp(names[i], text) == 0) {
			*value = i;
			return true;
		}
	}
	return false;
}

static bool parse_bits(char *text, const struct field *field, uint64_t *bits)
{
	uint64_t bit;

	for (char *name; (name = strsep(&text, ","));) {
		if (!parse_name(name, field->names, field->name_count, &bit))
			return false;
		*bits |= 1u << bit;
	}
	return true;
}

static bool parse_address(char *text, const struct field *field, struct record_conn *conn)
{
	bool is_ipv6 = text[0] == '[';
	char *colon = strrchr(text, ':'), *end = colon;
	uint64_t port;

	if (!colon || !parse_number(colon + 1, false, &port) || port > UINT16_MAX)
		return false;
	if (is_ipv6 && *--end != ']')
		return false;
	*end = 0;
	memcpy((char *)conn + field->port, &(uint16_t){(uint16_t)port}, sizeof(uint16_t));
	return inet_pton(is_ipv6 ? AF_INET6 : AF_INET, text + is_ipv6, (char *)conn + field->offset) == 1;
}

static bool parse_value(char *text, const struct field *field, void *part)
{
	bool is_signed = field->form == FORM_SIGNED || field->form == FORM_TIME;
	uint64_t value = field->form == FORM_BITS ? field_get(field, part) : 0;
	int len;

	switch (field->form) {
	case FORM_ADDRESS:
		return parse_address(text, field, part);
	case FORM_COMM:
		len = unquote(text);
		if (len < 0 || len >= field->size)
			return false;
		memcpy((char *)part + field->offset, text, (size_t)len);
		return true;
	case FORM_NAME:
		if (!parse_name(text, field->names, field->name_count, &value))
			return false;
		break;
	case FORM_BITS:
		if (!parse_bits(text, field, &value))
			return false;
		break;
	default:
		if (!parse_number(text, is_signed, &value))
			return false;
	}
	if (field->form == FORM_TIME)
		value += TEXT_BASE_NS;
	if (!field_fits(field, value))
		return false;
	field_set(field, part, value);
	return true;
}

static const struct field *find_field(const struct field *fields, const char *key)
{
	while (fields->key && strcmp(fields->key, key) != 0)
		fields++;
	return fields->key ? fields : NULL;
}

/* The field of this name of an event of this kind; NULL: there is none. */
static const struct field *find_key(uint8_t kind, const char *key)
{
	const struct field *const tables[] = {head_fields, record_forms[kind].fields, record_kind_has_span(kind) ? window_fields : NULL,
					      kind == RECORD_IO ? note_fields : NULL};

	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++) {
		const struct field *found = tables[i] ? find_field(tables[i], key) : NULL;

		if (found)
			return found;
	}
	return NULL;
}

static bool parse_line(char *value, bool cut, struct text_event *parsed)
{
	struct wire_note *note = &parsed->event.note;
	struct wire_line *line = &note->lines[note->line_count];
	int len = unquote(value);
	char *copy = parsed->strings + parsed->strings_len, *space;

	if (len < 0 || note->line_count == WIRE_LINES_MAX || parsed->strings_len + (size_t)len > sizeof(parsed->strings))
		return false;
	memcpy(copy, value, (size_t)len);
	parsed->strings_len += (size_t)len;
	space = memchr(copy, ' ', (size_t)len);
	if (!space)
		return false;
	line->method = copy;
	line->method_len = (uint16_t)(space - copy);
	line->target = space + 1;
	line->target_len = (uint16_t)(copy + len - space - 1);
	line->cut = cut;
	note->line_count++;
	return true;
}

static bool parse_payload(char *value, struct text_event *parsed)
{
	int len = unquote(value);

	if (len < 0 || (size_t)len > sizeof(parsed->payload))
		return false;
	memcpy(parsed->payload, value, (size_t)len);
	parsed->payload_len = (size_t)len;
	return true;
}

/* END@AT,…: the numbers behind segments' last bytes, and when these came. */
static bool parse_arrivals(char *value, struct text_event *parsed)
{
	struct arrival *arrivals = (struct arrival *)(parsed->record + sizeof(struct record_messages));
	uint64_t end, at;
	size_t count = 0;

	for (char *each; (each = strsep(&value, ","));) {
		char *time = strchr(each, '@');

		if (!time || count == ARRIVALS_MAX)
			return false;
		*time++ = 0;
		if (!parse_number(each, false, &end) || end > UINT32_MAX || !parse_number(time, true, &at))
			return false;
		arrivals[count++] = (struct arrival){(uint32_t)end, (uint32_t)(at + TEXT_BASE_NS)};
	}
	head_of(parsed)->flags |= count <= ARRIVALS_FEW    ? RECORD_FEW_ARRIVALS
				  : count <= ARRIVALS_SOME ? RECORD_SOME_ARRIVALS
							   : RECORD_ALL_ARRIVALS;
	return true;
}

/* AT:TOKEN,…: where a message begins, and its words. */
static bool parse_message(char *value, struct text_event *parsed)
{
	struct wire_note *note = &parsed->event.note;
	struct wire_message *message = &note->messages[note->message_count];
	char *tokens = strchr(value, ':');
	uint64_t number;

	if (!tokens || note->message_count == WIRE_MESSAGES_MAX)
		return false;
	*tokens++ = 0;
	if (!parse_number(value, false, &number) || number > UINT32_MAX)
		return false;
	*message = (struct wire_message){.at = (uint32_t)number};
	for (char *each; (each = strsep(&tokens, ","));) {
		if (message->token_count == WIRE_TOKENS_MAX || !parse_number(each, false, &number) || number > UINT32_MAX)
			return false;
		message->tokens[message->token_count++] = (uint32_t)number;
	}
	note->message_count++;
	return true;
}

static const char *parse_word(char *word, struct text_event *parsed)
{
	uint8_t kind = head_of(parsed)->kind;
	char *value = strchr(word, '=');
	void *const parts[] = {[PART_RECORD] = parsed->record, [PART_WINDOW] = window_of(parsed), [PART_NOTE] = &parsed->event.note};
	const struct field *field;
	bool good;

	if (!value)
		return "a field is not key=value";
	*value++ = 0;
	field = find_key(kind, word);
	if (field)
		good = parse_value(value, field, parts[field->part]);
	else if (kind == RECORD_IO && (strcmp(word, "line") == 0 || strcmp(word, "cut_line") == 0))
		good = parse_line(value, word[0] == 'c', parsed);
	else if (kind == RECORD_MESSAGES && strcmp(word, "arrivals") == 0)
		good = parse_arrivals(value, parsed);
	else if (kind == RECORD_MESSAGES && strcmp(word, "message") == 0)
		good = parse_message(value, parsed);
	else if (strcmp(word, payload_key(kind)) == 0)
		good = parse_payload(value, parsed);
	else
		return "an unknown field of this kind of record";
	if (!good)
		return "a field's value cannot be";
	if (field && field->part == PART_WINDOW)
		head_of(parsed)->flags |= RECORD_HAS_WINDOW;
	return NULL;
}

/* The time, the kind and, if such a record has one, the op. */
static const char *parse_start(char **text, char *time, struct text_event *parsed)
{
	const char *names[RECORD_KINDS];
	uint64_t at, kind, op = 0;
	const char *const *ops;
	size_t op_count;
	char *word;

	for (size_t i = 0; i < RECORD_KINDS; i++)
		names[i] = record_forms[i].name;
	if (!parse_number(time, true, &at) || (int64_t)(at + TEXT_BASE_NS) <= 0)
		return "the line does not begin with a time";
	word = next_word(text);
	if (!word || !parse_name(word, names, RECORD_KINDS, &kind))
		return "an unknown kind of record";
	op_count = op_names((uint8_t)kind, &ops);
	if (op_count) {
		word = next_word(text);
		if (!word || !parse_name(word, ops, op_count, &op))
			return "an unknown op";
	}
	head_of(parsed)->at_ns = at + TEXT_BASE_NS;
	head_of(parsed)->kind = (uint8_t)kind;
	head_of(parsed)->op = (uint8_t)op;
	return NULL;
}

/* The words are read: puts the payload where it belongs, and finds the parts as of any record. */
static const char *end_event(struct text_event *parsed)
{
	const struct record_head *head = head_of(parsed);
	const struct window *window = window_of(parsed);
	size_t fixed = record_fixed_size(head->kind, head->flags);
	struct wire_note note = parsed->event.note;

	if ((head->flags & RECORD_HAS_WINDOW) && (!window->off_at_ns || window->on_at_ns < window->off_at_ns))
		return "a window needs off=… and, not before it, on=…";
	event_set_payload_len(parsed->record, parsed->payload_len);
	memcpy(parsed->record + fixed, parsed->payload, parsed->payload_len);
	if (event_decode(&parsed->event, parsed->record, fixed + parsed->payload_len))
		return "its parts do not fit";
	parsed->event.note = note;
	return NULL;
}

int text_parse(char *line, struct text_event *parsed, const char **why)
{
	char *word = next_word(&line);

	memset(parsed, 0, offsetof(struct text_event, strings));
	parsed->strings_len = 0;
	if (!word || word[0] == '#')
		return 0;
	*why = parse_start(&line, word, parsed);
	while (!*why && (word = next_word(&line)))
		*why = parse_word(word, parsed);
	if (!*why)
		*why = end_event(parsed);
	return *why ? -EPROTO : 1;
}
