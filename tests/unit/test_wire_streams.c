/* SPDX-License-Identifier: BSD-2-Clause */
/* What makes a connection a stream, and where a stream of events ends. */
#include "unit/wire_feed.h"

#include <stdlib.h>

static int open_server(void **state)
{
	struct wire *wire = wire_open(false);

	feed_conn(wire, FEED_CONN, CONN_SERVER, CONN_STREAM);
	*state = wire;
	return 0;
}

static int close_server(void **state)
{
	wire_close(*state);
	return 0;
}

static void tells_upgrades(void **state)
{
	static const struct {
		const char *head;
		enum wire_stream stream;
	} cases[] = {
		{"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n", WIRE_WEBSOCKET},
		{"HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade:WebSocket\r\n\r\n", WIRE_WEBSOCKET},
		{"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n", WIRE_UPGRADED},
		{"HTTP/1.1 101 Switching Protocols\r\n\r\n", WIRE_UPGRADED},
	};
	struct feed feed;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		feed_conn(*state, FEED_CONN, CONN_SERVER, CONN_STREAM);
		expect_line(feed_read(&feed, *state, "GET /ws HTTP/1.1\r\nConnection: upgrade\r\n\r\n"), "GET /ws");
		assert_int_equal(feed.event.note.stream, WIRE_NO_STREAM);
		assert_int_equal(feed_write(&feed, *state, cases[i].head)->status, 101);
		assert_int_equal(feed.event.note.stream, cases[i].stream);
		expect_nothing(feed_read(&feed, *state, "GET /in-a-frame HTTP/1.1\r\n\r\n"));
	}
}

static void connect_is_an_upgrade_when_granted(void **state)
{
	struct feed feed;

	expect_line(feed_read(&feed, *state, "CONNECT example.org:443 HTTP/1.1\r\n\r\n"), "CONNECT example.org:443");
	assert_int_equal(feed_write(&feed, *state, "HTTP/1.1 403 Forbidden\r\n\r\n")->stream, WIRE_NO_STREAM);
	expect_line(feed_read(&feed, *state, "CONNECT example.org:443 HTTP/1.1\r\n\r\n"), "CONNECT example.org:443");
	assert_int_equal(feed_write(&feed, *state, "HTTP/1.1 200 OK\r\n\r\n")->stream, WIRE_TUNNEL);
}

static void tells_event_streams(void **state)
{
	static const struct {
		const char *request, *head;
		enum wire_stream stream;
	} cases[] = {
		{"GET /e HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n", WIRE_EVENTS},
		{"GET /e HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\ndate: x\r\ncontent-type:Text/Event-Stream; charset=utf-8\r\n\r\n",
		 WIRE_EVENTS},
		{"GET /e HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nX: text/event-stream\r\n\r\n", WIRE_NO_STREAM},
		{"GET /e HTTP/1.1\r\n\r\n", "HTTP/1.1 404 Not Found\r\nContent-Type: text/event-stream\r\n\r\n", WIRE_NO_STREAM},
		{"HEAD /e HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n", WIRE_NO_STREAM},
		{"GET /e HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Type: text/event-str", WIRE_NO_STREAM},
	};
	struct feed feed;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		feed_conn(*state, FEED_CONN, CONN_SERVER, CONN_STREAM);
		feed_read(&feed, *state, cases[i].request);
		assert_int_equal(feed_write(&feed, *state, cases[i].head)->stream, cases[i].stream);
	}
}

/* A stream of events ends with its last chunk, or where the next request begins. */
static void event_stream_ends(void **state)
{
	static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
	struct feed feed;

	assert_false(feed_write(&feed, *state, "0\r\n\r\n")->stream_ends);
	feed_read(&feed, *state, "GET /e HTTP/1.1\r\n\r\n");
	feed_write(&feed, *state, head);
	assert_false(feed_write(&feed, *state, "8\r\ndata: x\n\r\n")->stream_ends);
	assert_true(feed_write(&feed, *state, "0\r\n\r\n")->stream_ends);
	assert_false(feed_write(&feed, *state, "0\r\n\r\n")->stream_ends);
	expect_line(feed_read(&feed, *state, "GET /next HTTP/1.1\r\n\r\n"), "GET /next");
	feed_write(&feed, *state, head);
	expect_line(feed_read(&feed, *state, "GET /other HTTP/1.1\r\n\r\n"), "GET /other");
	assert_false(feed_write(&feed, *state, "0\r\n\r\n")->stream_ends);
}

#define SERVER_TEST(test) cmocka_unit_test_setup_teardown(test, open_server, close_server)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SERVER_TEST(tells_upgrades),
		SERVER_TEST(connect_is_an_upgrade_when_granted),
		SERVER_TEST(tells_event_streams),
		SERVER_TEST(event_stream_ends),
	};

	return cmocka_run_group_tests_name("wire, streams", tests, NULL, NULL);
}
