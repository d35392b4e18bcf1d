/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit/wire_feed.h"

#include <stdlib.h>

static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

static int open_server(void **state)
{
	struct wire *wire = wire_open(false);

	feed_conn(wire, FEED_CONN, CONN_SERVER, CONN_STREAM);
	*state = wire;
	return 0;
}

static int open_server_keeping_queries(void **state)
{
	struct wire *wire = wire_open(true);

	feed_conn(wire, FEED_CONN, CONN_SERVER, CONN_STREAM);
	*state = wire;
	return 0;
}

static int close_server(void **state)
{
	wire_close(*state);
	return 0;
}

static void tells_line_and_status(void **state)
{
	struct feed feed;

	expect_line(feed_read(&feed, *state, "GET /users/17 HTTP/1.1\r\nHost: x\r\n\r\n"), "GET /users/17");
	assert_false(feed.event.note.lines[0].cut);
	assert_int_equal(feed_write(&feed, *state, "HTTP/1.1 404 Not Found\r\n\r\n")->status, 404);
	assert_int_equal(feed.event.note.protocol, WIRE_HTTP1);
	expect_nothing(feed_write(&feed, *state, "the response's body"));
	expect_line(feed_read(&feed, *state, "M-SEARCH * HTTP/1.0\n\n"), "M-SEARCH *");
}

static void reads_the_first_byte_alone(void **state)
{
	struct feed feed;

	for (int turn = 0; turn < 3; turn++) {
		assert_int_equal(feed_read(&feed, *state, "G")->begun, 1);
		assert_int_equal(feed.event.note.line_count, 0);
		assert_int_equal(feed_read(&feed, *state, "ET /go HTTP/1.1\r\nHost: x\r\n\r\n")->begun, 0);
		assert_true(feed.event.note.late_line);
		assert_string_equal(line_text(&feed.event.note, 0), "GET /go");
		feed_write(&feed, *state, answer);
	}
}

static void drops_query_and_fragment(void **state)
{
	struct feed feed;

	expect_line(feed_read(&feed, *state, "GET /a?password=1 HTTP/1.1\r\n\r\n"), "GET /a");
	expect_line(feed_read(&feed, *state, "GET /b#part HTTP/1.1\r\n\r\n"), "GET /b");
	expect_line(feed_read(&feed, *state, "GET http://h/?q HTTP/1.1\r\n\r\n"), "GET http://h/");
}

static void keeps_query_when_asked(void **state)
{
	struct feed feed;

	expect_line(feed_read(&feed, *state, "GET /a?b=1#c HTTP/1.1\r\n\r\n"), "GET /a?b=1#c");
}

static void leaves_out_passwords(void **state)
{
	struct feed feed;
	char long_line[512];

	expect_line(feed_read(&feed, *state, "GET http://ann:se@cret@h:80/a HTTP/1.1\r\n\r\n"), "GET http://h:80/a");
	snprintf(long_line, sizeof(long_line), "GET http://ann:%0300d@h/ HTTP/1.1\r\n\r\n", 1);
	expect_line(feed_read(&feed, *state, long_line), "GET http://");
	assert_true(feed.event.note.lines[0].cut);
	feed_write(&feed, *state, answer);
	expect_line(feed_read(&feed, *state, "CONNECT ann:secret@h:443 HTTP/1.1\r\n\r\n"), "CONNECT h:443");
}

static void escapes_what_is_not_printable(void **state)
{
	struct feed feed;

	expect_line(feed_read(&feed, *state, "GET /\xc3\xbc%C3%BC HTTP/1.1\r\n\r\n"), "GET /%C3%BC%C3%BC");
	/* The parser takes a tab; other control characters make it no request. */
	expect_line(feed_read(&feed, *state, "GET /a\tb HTTP/1.1\r\n\r\n"), "GET /a%09b");
	expect_nothing(feed_read(&feed, *state, "GET /\x1b[2J HTTP/1.1\r\n\r\n"));
}

static void counts_pipelined_requests(void **state)
{
	struct feed feed;
	const struct wire_note *note =
		feed_read(&feed, *state, "GET /1 HTTP/1.1\r\n\r\nPOST /2 HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET /3 HTTP/1.1\r\n\r\nG");

	assert_int_equal(note->begun, 4);
	assert_int_equal(note->line_count, 3);
	assert_string_equal(line_text(note, 0), "GET /1");
	assert_string_equal(line_text(note, 1), "POST /2");
	assert_string_equal(line_text(note, 2), "GET /3");
	note = feed_read(&feed, *state, "ET /4 HTTP/1.1\r\n\r\nGET /5 HTTP/1.1\r\n\r\n");
	assert_int_equal(note->begun, 1);
	assert_int_equal(note->line_count, 2);
	assert_true(note->late_line);
	assert_string_equal(line_text(note, 0), "GET /4");
	assert_string_equal(line_text(note, 1), "GET /5");
}

/* The same stream, cut at every byte, then byte by byte: the same lines and as many requests. */
static void any_split_gives_the_same_lines(void **state)
{
	static const char stream[] = "GET /a?x HTTP/1.1\r\nHost: h\r\n\r\n"
				     "POST /b HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nGET \r\n0\r\n\r\n"
				     "\r\nPUT /c HTTP/1.1\r\nContent-Length: 8\r\n\r\nGET /d \nDELETE /e HTTP/1.1\r\n\r\n";
	static const char *const lines[] = {"GET /a", "POST /b", "PUT /c", "DELETE /e"};
	const size_t len = strlen(stream);

	for (size_t cut = 1; cut <= len; cut++) {
		size_t begun = 0, told = 0, step = cut < len ? cut : 1;
		struct feed feed;

		feed_conn(*state, FEED_CONN, CONN_SERVER, CONN_STREAM);
		for (size_t at = 0; at < len; at += step, step = cut < len ? len - cut : 1) {
			const struct wire_note *note =
				feed_io(&feed, *state, FEED_CONN, IO_READ, stream + at, at + step > len ? len - at : step, 255);

			assert_true(!note->late_line || note->line_count);
			begun += note->begun;
			for (size_t i = 0; i < note->line_count; i++)
				assert_string_equal(line_text(note, i), lines[told++]);
		}
		assert_int_equal(begun, 4);
		assert_int_equal(told, 4);
	}
}

static void body_is_no_request(void **state)
{
	struct feed feed;

	expect_line(feed_read(&feed, *state, "POST /up HTTP/1.1\r\nContent-Length: 40\r\n\r\n"), "POST /up");
	expect_nothing(feed_read(&feed, *state, "GET /not HTTP/1.1\r\n\r\n"));
	expect_nothing(feed_read(&feed, *state, "GET /not HTTP/1.1\r\n\r"));
	expect_line(feed_read(&feed, *state, "GET /yes HTTP/1.1\r\n\r\n"), "GET /yes");
}

/* More bytes were read than carried along: where the message ends is not known. */
static void copes_with_unseen_bytes(void **state)
{
	struct feed feed;
	char request[1024];
	const char *bodied = "POST /up HTTP/1.1\r\nCookie: ";

	snprintf(request, sizeof(request), "GET /long HTTP/1.1\r\nCookie: %0400d\r\n\r\n", 1);
	expect_line(feed_read(&feed, *state, request), "GET /long");
	expect_nothing(feed_read(&feed, *state, "more-of-the-cookie\r\n\r\n"));
	/* A request without a body is open: what looks like a request is one. */
	expect_line(feed_read(&feed, *state, "GET /pipelined HTTP/1.1\r\n\r\n"), "GET /pipelined");
	feed_write(&feed, *state, answer);
	snprintf(request, sizeof(request), "%s%0400d\r\n\r\n", bodied, 1);
	expect_line(feed_read(&feed, *state, request), "POST /up");
	expect_nothing(feed_read(&feed, *state, "GET /in-the-body HTTP/1.1\r\n\r\n"));
	assert_int_equal(feed_write(&feed, *state, "HTTP/1.1 100 Continue\r\n\r\n")->status, 100);
	expect_nothing(feed_read(&feed, *state, "GET /in-the-body HTTP/1.1\r\n\r\n"));
	feed_write(&feed, *state, answer);
	expect_line(feed_read(&feed, *state, "GET /next HTTP/1.1\r\n\r\n"), "GET /next");
}

/* Chunks went by unseen: even a GET's body is a body. */
static void unseen_chunks_are_a_body(void **state)
{
	struct feed feed;
	char request[1024];

	snprintf(request, sizeof(request), "GET /chunks HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1f4\r\n%0400d", 1);
	expect_line(feed_read(&feed, *state, request), "GET /chunks");
	expect_nothing(feed_read(&feed, *state, "GET /in-a-chunk HTTP/1.1\r\n\r\n"));
	feed_write(&feed, *state, answer);
	expect_line(feed_read(&feed, *state, "GET /next HTTP/1.1\r\n\r\n"), "GET /next");
}

/* More of the response before does not answer the request that came meanwhile. */
static void further_response_bytes_answer_nothing(void **state)
{
	struct feed feed;
	char request[1024];

	expect_line(feed_read(&feed, *state, "GET /stream HTTP/1.1\r\n\r\n"), "GET /stream");
	feed_write(&feed, *state, answer);
	snprintf(request, sizeof(request), "POST /up HTTP/1.1\r\nCookie: %0400d\r\n\r\n", 1);
	expect_line(feed_read(&feed, *state, request), "POST /up");
	expect_nothing(feed_write(&feed, *state, "more of the stream"));
	expect_nothing(feed_read(&feed, *state, "GET /in-the-body HTTP/1.1\r\n\r\n"));
}

/* The body's length was seen: unseen bytes of it are counted, not guessed. */
static void counts_through_large_bodies(void **state)
{
	struct feed feed;
	char request[4096];
	int head = snprintf(request, sizeof(request), "POST /up HTTP/1.1\r\nContent-Length: 6000\r\n\r\n");

	memset(request + head, 'x', 3000);
	expect_line(feed_io(&feed, *state, FEED_CONN, IO_READ, request, (size_t)head + 3000, PAYLOAD_REQUEST_MAX), "POST /up");
	expect_nothing(feed_io(&feed, *state, FEED_CONN, IO_READ, "GET / HTTP/1.1\r\n", 2999, 16));
	expect_nothing(feed_read(&feed, *state, "x"));
	assert_int_equal(feed_read(&feed, *state, "G")->begun, 1);
}

/* The first byte of a pipelined request may be the rest of unseen headers: it is believed once more is there. */
static void doubtful_first_byte_waits(void **state)
{
	struct feed feed;
	char request[1024];

	snprintf(request, sizeof(request), "GET /long HTTP/1.1\r\nCookie: %0400d\r\n\r\n", 1);
	feed_read(&feed, *state, request);
	expect_nothing(feed_read(&feed, *state, "G"));
	feed_write(&feed, *state, answer);
	expect_line(feed_read(&feed, *state, "ET /late HTTP/1.1\r\n\r\n"), "GET /late");
}

static void cuts_long_targets(void **state)
{
	struct feed feed;
	char request[1024], rest[512];
	size_t len = (size_t)snprintf(request, sizeof(request), "GET /%0400d HTTP/1.1\r\n\r\n", 1);

	assert_int_equal(feed_read(&feed, *state, request)->line_count, 1);
	assert_true(feed.event.note.lines[0].cut);
	assert_int_equal(feed.event.note.lines[0].target_len, PAYLOAD_REQUEST_MAX - strlen("GET "));
	feed_write(&feed, *state, answer);
	/* In small reads more of it can be kept, but not all. */
	feed_io(&feed, *state, FEED_CONN, IO_READ, request, 150, 192);
	feed_io(&feed, *state, FEED_CONN, IO_READ, request + 150, 150, 192);
	assert_int_equal(feed.event.note.line_count, 0);
	memcpy(rest, request + 300, len - 300);
	assert_int_equal(feed_io(&feed, *state, FEED_CONN, IO_READ, rest, len - 300, 192)->line_count, 1);
	assert_true(feed.event.note.late_line);
	assert_true(feed.event.note.lines[0].cut);
	assert_int_equal(feed.event.note.lines[0].target_len, 256);
	/* The query was cut, not the path. */
	feed_write(&feed, *state, answer);
	snprintf(request, sizeof(request), "GET /path?%0400d HTTP/1.1\r\n\r\n", 1);
	expect_line(feed_read(&feed, *state, request), "GET /path");
	assert_false(feed.event.note.lines[0].cut);
}

static void ignores_peeks_failures_and_ends(void **state)
{
	struct feed feed = {0};
	static const char line[] = "GET /peeked HTTP/1.1\r\n\r\n";

	feed.record.head.kind = RECORD_IO;
	feed.record.head.op = IO_READ;
	feed.record.head.flags = RECORD_PEEK;
	feed.record.conn_id = FEED_CONN;
	feed.record.result = (int32_t)strlen(line);
	memcpy(feed.payload, line, strlen(line));
	feed.event.head = &feed.record.head;
	feed.event.payload = feed.payload;
	feed.event.payload_len = strlen(line);
	wire_read(*state, &feed.event);
	expect_nothing(&feed.event.note);
	feed.record.head.flags = 0;
	feed.record.result = -11;
	wire_read(*state, &feed.event);
	expect_nothing(&feed.event.note);
	feed.record.result = 0;
	wire_read(*state, &feed.event);
	expect_nothing(&feed.event.note);
	expect_line(feed_read(&feed, *state, line), "GET /peeked");
}

static void no_payload_tells_nothing(void **state)
{
	struct feed feed;

	for (int turn = 0; turn < 3; turn++) {
		expect_nothing(feed_io(&feed, *state, FEED_CONN, IO_READ, "GET / HTTP/1.1\r\n\r\n", 18, 0));
		assert_int_equal(feed.event.note.protocol, WIRE_UNKNOWN);
		expect_nothing(feed_io(&feed, *state, FEED_CONN, IO_WRITE, answer, strlen(answer), 0));
		assert_int_equal(feed.event.note.protocol, WIRE_UNKNOWN);
	}
}

static void other_roles_give_no_note(void **state)
{
	static const struct {
		uint8_t role, type;
	} others[] = {{CONN_DOWNSTREAM, CONN_STREAM}, {CONN_PAIR, CONN_STREAM}, {CONN_LISTENER, CONN_STREAM}, {CONN_SERVER, CONN_DATAGRAM}};
	struct feed feed;

	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		feed_conn(*state, 5, others[i].role, others[i].type);
		expect_nothing(feed_io(&feed, *state, 5, IO_READ, "GET / HTTP/1.1\r\n\r\n", 18, 192));
		assert_int_equal(feed.event.note.protocol, WIRE_UNKNOWN);
	}
}

static void ended_connection_is_forgotten(void **state)
{
	struct feed feed;

	feed_read(&feed, *state, "POST /half HTTP/1.1\r\nContent-Length: 100\r\n\r\n");
	feed_conn_end(*state, FEED_CONN);
	expect_line(feed_read(&feed, *state, "GET /new HTTP/1.1\r\n\r\n"), "GET /new");
}

/* A refused upgrade: HTTP goes on. */
static void refused_upgrade_goes_on(void **state)
{
	struct feed feed;

	feed_read(&feed, *state, "GET /1 HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n");
	feed_write(&feed, *state, answer);
	expect_line(feed_read(&feed, *state, "GET /2 HTTP/1.1\r\nConnection: close\r\n\r\n"), "GET /2");
	feed_write(&feed, *state, answer);
	expect_line(feed_read(&feed, *state, "GET /3 HTTP/1.1\r\n\r\n"), "GET /3");
}

static void http2_preface_is_no_request(void **state)
{
	static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
	struct feed feed;

	for (size_t cut = 3; cut <= strlen(preface); cut++) {
		feed_conn(*state, FEED_CONN, CONN_SERVER, CONN_STREAM);
		expect_nothing(feed_io(&feed, *state, FEED_CONN, IO_READ, preface, cut, 192));
		assert_int_equal(feed.event.note.protocol, WIRE_HTTP2);
		assert_true(feed.event.note.handshake);
		if (cut < strlen(preface)) {
			expect_nothing(feed_read(&feed, *state, preface + cut));
			assert_true(feed.event.note.handshake);
		}
		expect_nothing(feed_io(&feed, *state, FEED_CONN, IO_READ, "\0\0\6\4", 4, 192));
		assert_false(feed.event.note.handshake);
		assert_int_equal(feed.event.note.protocol, WIRE_HTTP2);
	}
}

static void lost_records_resync(void **state)
{
	struct feed feed;

	/* Headers that never end, because the read that held their end is lost. */
	feed_read(&feed, *state, "GET /1 HTTP/1.1\r\nHost: ");
	feed_write(&feed, *state, answer);
	expect_line(feed_read(&feed, *state, "GET /2 HTTP/1.1\r\n\r\n"), "GET /2");
	/* A body that never comes. */
	feed_read(&feed, *state, "POST /3 HTTP/1.1\r\nContent-Length: 999\r\n\r\n");
	feed_write(&feed, *state, answer);
	expect_line(feed_read(&feed, *state, "GET /4 HTTP/1.1\r\n\r\n"), "GET /4");
}

static void attached_in_mid_request(void **state)
{
	struct feed feed;

	expect_nothing(feed_read(&feed, *state, "{\"the\":\"body\"}"));
	assert_int_equal(feed.event.note.protocol, WIRE_UNKNOWN);
	assert_int_equal(feed_write(&feed, *state, answer)->status, 200);
	assert_int_equal(feed.event.note.protocol, WIRE_HTTP1);
	expect_line(feed_read(&feed, *state, "GET /next HTTP/1.1\r\n\r\n"), "GET /next");
}

static void other_protocols_go_by_turns(void **state)
{
	static const char *const turns[] = {"*1\r\n$4\r\nPING\r\n", "PING\r\n",     "get key\r\n",        "EHLO x\r\n",
					    "GET key\r\n",          "GET /key\r\n", "GET / HTTP/2.0\r\n", "\x03sel"};
	struct feed feed;

	for (size_t i = 0; i < sizeof(turns) / sizeof(*turns); i++) {
		expect_nothing(feed_read(&feed, *state, turns[i]));
		assert_int_equal(feed.event.note.protocol, WIRE_UNKNOWN);
		expect_nothing(feed_write(&feed, *state, "+OK\r\n"));
	}
}

static void status_in_parts(void **state)
{
	struct feed feed;

	feed_read(&feed, *state, "GET /1 HTTP/1.1\r\n\r\n");
	assert_int_equal(feed_write(&feed, *state, "HTTP/1.1 20")->status, 0);
	assert_int_equal(feed_write(&feed, *state, "HTTP/1.1 2x0 OK")->status, 0);
	assert_int_equal(feed_write(&feed, *state, "HTTP/1.1 204")->status, 204);
}

static void many_connections_stay_bounded(void **state)
{
	struct feed feed;

	feed_read(&feed, *state, "G");
	for (uint64_t id = 1000; id < 1000 + 70000; id++) {
		feed_conn(*state, id, CONN_SERVER, CONN_STREAM);
		feed_io(&feed, *state, id, IO_READ, "GET /half", 9, 192);
	}
	/* The oldest is forgotten: the rest of its line says nothing, its next request is told. */
	expect_nothing(feed_read(&feed, *state, "ET /1 HTTP/1.1\r\n\r\n"));
	feed_write(&feed, *state, answer);
	expect_line(feed_read(&feed, *state, "GET /2 HTTP/1.1\r\n\r\n"), "GET /2");
	assert_true(feed_io(&feed, *state, 70999, IO_READ, " HTTP/1.1\r\n", 11, 192)->late_line);
}

#define SERVER_TEST(test) cmocka_unit_test_setup_teardown(test, open_server, close_server)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SERVER_TEST(tells_line_and_status),
		SERVER_TEST(reads_the_first_byte_alone),
		SERVER_TEST(drops_query_and_fragment),
		cmocka_unit_test_setup_teardown(keeps_query_when_asked, open_server_keeping_queries, close_server),
		SERVER_TEST(leaves_out_passwords),
		SERVER_TEST(escapes_what_is_not_printable),
		SERVER_TEST(counts_pipelined_requests),
		SERVER_TEST(any_split_gives_the_same_lines),
		SERVER_TEST(body_is_no_request),
		SERVER_TEST(copes_with_unseen_bytes),
		SERVER_TEST(unseen_chunks_are_a_body),
		SERVER_TEST(further_response_bytes_answer_nothing),
		SERVER_TEST(counts_through_large_bodies),
		SERVER_TEST(doubtful_first_byte_waits),
		SERVER_TEST(cuts_long_targets),
		SERVER_TEST(ignores_peeks_failures_and_ends),
		SERVER_TEST(no_payload_tells_nothing),
		SERVER_TEST(other_roles_give_no_note),
		SERVER_TEST(ended_connection_is_forgotten),
		SERVER_TEST(refused_upgrade_goes_on),
		SERVER_TEST(http2_preface_is_no_request),
		SERVER_TEST(lost_records_resync),
		SERVER_TEST(attached_in_mid_request),
		SERVER_TEST(other_protocols_go_by_turns),
		SERVER_TEST(status_in_parts),
		SERVER_TEST(many_connections_stay_bounded),
	};

	return cmocka_run_group_tests_name("wire", tests, NULL, NULL);
}
