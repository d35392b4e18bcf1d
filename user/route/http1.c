/* SPDX-License-Identifier: BSD-2-Clause */
#include "route/http1.h"

#include <stdlib.h>
#include <string.h>

#include "route/printable.h"

/* What the parser's callbacks need while it runs. */
struct feed {
	struct http1 *http1;
	const char *end;
};

/* Where what was found in one read goes. */
struct teller {
	struct wire_note *note;
	struct http1_text *text;
	bool late; /* the line that ends next began in an earlier read */
};

/* Methods whose requests commonly carry a body: what follows such a request, unanswered, is taken for its body. */
static const bool method_has_body[] = {
	[HTTP_POST] = true,       [HTTP_PUT] = true,    [HTTP_PATCH] = true,  [HTTP_PROPFIND] = true, [HTTP_PROPPATCH] = true,
	[HTTP_LOCK] = true,       [HTTP_SEARCH] = true, [HTTP_REPORT] = true, [HTTP_MKCOL] = true,    [HTTP_MKACTIVITY] = true,
	[HTTP_MKCALENDAR] = true, [HTTP_MERGE] = true,  [HTTP_ACL] = true,    [HTTP_BIND] = true,     [HTTP_REBIND] = true,
	[HTTP_CHECKOUT] = true,   [HTTP_NOTIFY] = true, [HTTP_SOURCE] = true,
};

static bool has_body(uint8_t method)
{
	return method < sizeof(method_has_body) && method_has_body[method];
}

static int on_message_begin(http_parser *parser)
{
	struct feed *feed = parser->data;

	feed->http1->begun = true;
	return 0;
}

static void keep_target(struct http1 *http1, const char *at, size_t len)
{
	size_t room = TARGET_KEPT_MAX - http1->target_len;

	if (!http1->target)
		http1->target = malloc(TARGET_KEPT_MAX);
	if (!http1->target)
		room = 0;
	if (len > room) {
		http1->target_cut = true;
		len = room;
	}
	if (!len)
		return;
	memcpy(http1->target + http1->target_len, at, len);
	http1->target_len = (uint16_t)(http1->target_len + len);
}

static int on_url(http_parser *parser, const char *at, size_t len)
{
	struct feed *feed = parser->data;

	if (len)
		keep_target(feed->http1, at, len);
	feed->http1->target_ended = at + len < feed->end;
	return 0;
}

/* Bodies of a given length are counted here, not parsed, because most of their bytes are never seen. */
static int on_headers_complete(http_parser *parser)
{
	struct feed *feed = parser->data;

	if (parser->flags & F_CHUNKED) {
		feed->http1->body = HTTP1_BODY_LIKELY;
		return 0;
	}
	feed->http1->body_left_bytes = parser->flags & F_CONTENTLENGTH ? parser->content_length : 0;
	return 1; /* do not expect a body */
}

static int on_message_complete(http_parser *parser)
{
	http_parser_pause(parser, 1);
	return 0;
}

static const http_parser_settings settings = {
	.on_message_begin = on_message_begin,
	.on_url = on_url,
	.on_headers_complete = on_headers_complete,
	.on_message_complete = on_message_complete,
};

static size_t run_parser(struct http1 *http1, const char *bytes, size_t len)
{
	struct feed feed = {http1, bytes + len};
	size_t eaten;

	http1->parser.data = &feed;
	eaten = http_parser_execute(&http1->parser, &settings, bytes, len);
	http1->parser.data = NULL;
	return eaten;
}

static void forget_target(struct http1 *http1)
{
	free(http1->target);
	http1->target = NULL;
	http1->target_len = 0;
	http1->target_ended = false;
	http1->target_cut = false;
}

static void expect_line(struct http1 *http1, bool doubtful)
{
	forget_target(http1);
	http_parser_init(&http1->parser, HTTP_REQUEST);
	http1->phase = HTTP1_LINE;
	http1->begun = false;
	http1->told = false;
	http1->doubtful = doubtful;
}

static void go_blind(struct http1 *http1)
{
	forget_target(http1);
	http1->phase = HTTP1_BLIND;
	http1->told = false;
}

void http1_init(struct http1 *http1)
{
	memset(http1, 0, sizeof(*http1));
	expect_line(http1, false);
	http1->answered = true;
}

void http1_fini(struct http1 *http1)
{
	forget_target(http1);
}

/*
 * An absolute target ("http://user:password@host/") and an authority (of CONNECT) may hold a name and a password: they are left out. When
 * the authority's end was not seen, all of it may be a password.
 */
static void add_target(struct printable *text, const char *target, size_t len, bool cut)
{
	const char *scheme_end = memmem(target, len, "://", 3);
	const char *authority = scheme_end ? scheme_end + 3 : target;
	const char *end = target + len;
	const char *authority_end = authority;
	const char *at;

	if (target[0] == '/' || target[0] == '*') {
		printable_add(text, target, len);
		return;
	}
	while (authority_end < end && *authority_end != '/' && *authority_end != '?' && *authority_end != '#')
		authority_end++;
	printable_add(text, target, (size_t)(authority - target));
	if (cut && authority_end == end)
		return;
	at = memrchr(authority, '@', (size_t)(authority_end - authority));
	if (at)
		authority = at + 1;
	printable_add(text, authority, (size_t)(end - authority));
}

/* Where the part of a target that may be shown ends. */
static size_t path_length(const char *target, size_t len)
{
	size_t at = 0;

	while (at < len && target[at] != '?' && target[at] != '#')
		at++;
	return at;
}

static void tell_line(const struct http1 *http1, struct teller *teller)
{
	struct http1_text *text = teller->text;
	struct wire_note *note = teller->note;
	struct printable shown = {text->bytes + text->len, sizeof(text->bytes) - text->len, 0, false};
	size_t len = http1->target_len;
	bool cut = http1->target_cut || !http1->target_ended;
	struct wire_line *line;

	if (!len || note->line_count == WIRE_LINES_MAX)
		return;
	if (!text->keep_query) {
		len = path_length(http1->target, len);
		cut = cut && len == http1->target_len;
	}
	add_target(&shown, http1->target, len, cut);
	note->late_line |= teller->late;
	line = &note->lines[note->line_count++];
	line->method = http_method_str((enum http_method)http1->parser.method);
	line->method_len = (uint16_t)strlen(line->method);
	line->target = shown.bytes;
	line->target_len = (uint16_t)shown.len;
	line->cut = cut || shown.full;
	text->len += shown.len;
}

/* Counts the request whose line is being read, once it is sure enough that it is one. */
static void tell_begin(struct http1 *http1, struct teller *teller)
{
	bool sure = !http1->doubtful || http1->phase != HTTP1_LINE || (http1->target_len && http1->target[0] == '/');

	if (http1->told || !http1->begun || !sure)
		return;
	http1->told = true;
	http1->answered = false;
	http1->body = HTTP1_BODY_UNKNOWN;
	if (teller->note->begun < UINT8_MAX)
		teller->note->begun++;
}

static void end_line(struct http1 *http1, struct teller *teller)
{
	tell_line(http1, teller);
	http1->method = (uint8_t)http1->parser.method;
	http1->body = has_body(http1->method) ? HTTP1_BODY_LIKELY : HTTP1_BODY_NONE;
	if (!http1->target_len)
		http1->body = HTTP1_BODY_UNKNOWN;
	forget_target(http1);
	http1->told = false;
	teller->late = false;
}

/* Takes bytes up to the end of the line, or all of them. Returns how many; 0: they are no request line. */
static size_t read_line(struct http1 *http1, const char *bytes, size_t len, struct teller *teller)
{
	const char *newline = memchr(bytes, '\n', len);
	size_t want = newline ? (size_t)(newline - bytes) + 1 : len;

	if (run_parser(http1, bytes, want) != want || HTTP_PARSER_ERRNO(&http1->parser) != HPE_OK)
		return 0;
	/* Empty lines may stand before a request. */
	if (newline && http1->begun) {
		/* A line of HTTP/0.9 could as well be Redis'. */
		if (http1->parser.http_major != 1)
			return 0;
		http1->phase = HTTP1_MESSAGE;
	}
	tell_begin(http1, teller);
	if (http1->phase == HTTP1_MESSAGE)
		end_line(http1, teller);
	return want;
}

/* Takes bytes up to the end of headers and chunks. Returns how many; 0: they are neither. */
static size_t read_message(struct http1 *http1, const char *bytes, size_t len)
{
	size_t eaten = run_parser(http1, bytes, len);

	switch (HTTP_PARSER_ERRNO(&http1->parser)) {
	case HPE_OK:
		return eaten;
	case HPE_PAUSED:
		expect_line(http1, false);
		if (http1->body_left_bytes)
			http1->phase = HTTP1_BODY;
		return eaten;
	default:
		return 0;
	}
}

static size_t read_body(struct http1 *http1, uint64_t len)
{
	uint64_t eaten = len < http1->body_left_bytes ? len : http1->body_left_bytes;

	http1->body_left_bytes -= eaten;
	if (!http1->body_left_bytes)
		expect_line(http1, false);
	return eaten;
}

static void pass_unseen(struct http1 *http1, uint64_t len, struct teller *teller)
{
	if (len && http1->phase == HTTP1_BODY)
		len -= read_body(http1, len);
	if (!len)
		return;
	if (http1->phase == HTTP1_LINE && http1->told)
		end_line(http1, teller);
	else if (http1->phase == HTTP1_LINE && !http1->doubtful)
		http1->body = HTTP1_BODY_UNKNOWN;
	go_blind(http1);
}

/* Are these bytes surely the beginning of a request: at least a method and the first byte of a path? */
static bool is_request(const char *bytes, size_t len)
{
	struct http1 probe;
	struct http1_text text;
	struct wire_note note = {0};
	struct teller teller = {&note, &text, false};

	text.len = 0;
	text.keep_query = false;
	http1_init(&probe);
	probe.doubtful = true;
	read_line(&probe, bytes, len, &teller);
	http1_fini(&probe);
	return note.begun;
}

void http1_read(struct http1 *http1, const char *bytes, size_t len, uint64_t unseen_bytes, struct wire_note *note, struct http1_text *text)
{
	struct teller teller = {note, text, false};
	size_t eaten;

	/* Answered, but not at its end: then the parser may be wrong about where that is, because records were lost. */
	if (http1->answered && http1->phase != HTTP1_LINE && len && is_request(bytes, len))
		expect_line(http1, false);
	if (http1->phase == HTTP1_BLIND && http1->body == HTTP1_BODY_LIKELY)
		return;
	if (http1->phase == HTTP1_BLIND)
		expect_line(http1, true);
	teller.late = http1->told;
	for (; len; bytes += eaten, len -= eaten) {
		if (http1->phase == HTTP1_LINE)
			eaten = read_line(http1, bytes, len, &teller);
		else if (http1->phase == HTTP1_MESSAGE)
			eaten = read_message(http1, bytes, len);
		else
			eaten = read_body(http1, len);
		if (!eaten) {
			go_blind(http1);
			return;
		}
	}
	pass_unseen(http1, unseen_bytes, &teller);
}

void http1_answer(struct http1 *http1)
{
	http1->answered = true;
	http1->doubtful = false;
	if (http1->phase == HTTP1_BLIND)
		expect_line(http1, false);
}

enum http1_status_seen http1_status(const char *bytes, size_t len, uint16_t *status)
{
	static const http_parser_settings no_callbacks;
	static const char version[] = "HTTP/1.";
	const size_t status_end = strlen("HTTP/1.1 200");
	size_t known = len < strlen(version) ? len : strlen(version);
	http_parser parser;

	if (memcmp(bytes, version, known) != 0)
		return HTTP1_STATUS_NONE;
	if (len < status_end)
		return HTTP1_STATUS_UNSEEN;
	http_parser_init(&parser, HTTP_RESPONSE);
	http_parser_execute(&parser, &no_callbacks, bytes, status_end);
	if (HTTP_PARSER_ERRNO(&parser) != HPE_OK || parser.status_code < 100)
		return HTTP1_STATUS_NONE;
	*status = (uint16_t)parser.status_code;
	return HTTP1_STATUS_SEEN;
}
