/* SPDX-License-Identifier: BSD-2-Clause */
#include "route/response.h"

#include <http_parser.h>
#include <string.h>
#include <strings.h>

/* Behind its line's end; of a head that is cut off its value may be missing. NULL: not seen. */
static const char *find_header(const char *head, size_t len, const char *name, size_t *value_len)
{
	const char *end = head + len, *line = head;
	size_t name_len = strlen(name);

	while ((line = memchr(line, '\n', (size_t)(end - line)))) {
		line++;
		if ((size_t)(end - line) <= name_len || line[name_len] != ':' || strncasecmp(line, name, name_len) != 0)
			continue;
		line += name_len + 1;
		while (line < end && (*line == ' ' || *line == '\t'))
			line++;
		*value_len = (size_t)(end - line);
		return line;
	}
	return NULL;
}

/* Parameters may follow ("; charset=utf-8"). */
static bool header_begins(const char *head, size_t len, const char *name, const char *value)
{
	size_t found_len, value_len = strlen(value);
	const char *found = find_header(head, len, name, &found_len);

	return found && found_len >= value_len && strncasecmp(found, value, value_len) == 0;
}

enum wire_stream response_stream(const char *head, size_t len, uint16_t status, uint8_t method)
{
	if (status == 101)
		return header_begins(head, len, "upgrade", "websocket") ? WIRE_WEBSOCKET : WIRE_UPGRADED;
	if (method == HTTP_CONNECT && status >= 200 && status < 300)
		return WIRE_TUNNEL;
	/* To a HEAD no body comes. */
	if (status == 200 && method != HTTP_HEAD && header_begins(head, len, "content-type", "text/event-stream"))
		return WIRE_EVENTS;
	return WIRE_NO_STREAM;
}

bool response_ends_chunks(const char *bytes, size_t len, uint64_t unseen_bytes)
{
	static const char last_chunk[] = "0\r\n\r\n";

	return !unseen_bytes && len == strlen(last_chunk) && memcmp(bytes, last_chunk, len) == 0;
}
