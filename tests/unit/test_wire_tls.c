/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit/wire_feed.h"

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

/* A read of a record's header and `seen` bytes after it; `len` bytes were read in all. */
static const struct wire_note *read_record(struct feed *feed, struct wire *wire, uint8_t type, size_t body_len, size_t len)
{
	char bytes[20000] = {(char)type, 3, 3, (char)(body_len >> 8), (char)body_len};

	return feed_io(feed, wire, FEED_CONN, IO_READ, bytes, len, PAYLOAD_REQUEST_MAX);
}

static const struct wire_note *read_body(struct feed *feed, struct wire *wire, size_t len)
{
	char bytes[20000] = {0};

	return feed_io(feed, wire, FEED_CONN, IO_READ, bytes, len, PAYLOAD_REQUEST_MAX);
}

static void expect_tls(const struct wire_note *note, bool handshake)
{
	assert_int_equal(note->protocol, WIRE_TLS);
	assert_int_equal(note->handshake, handshake);
	assert_int_equal(note->begun, 0);
	assert_int_equal(note->line_count, 0);
}

static void whole_records(void **state)
{
	struct feed feed;

	expect_tls(read_record(&feed, *state, 0x16, 512, 517), true);
	expect_tls(read_record(&feed, *state, 0x17, 1000, 1005), false);
	expect_tls(read_record(&feed, *state, 0x15, 26, 31), true);
}

/* As OpenSSL reads: five bytes, then what they announce. */
static void header_and_body_apart(void **state)
{
	struct feed feed;

	expect_tls(read_record(&feed, *state, 0x16, 512, 5), true);
	expect_tls(read_body(&feed, *state, 300), true);
	expect_tls(read_body(&feed, *state, 212), true);
	expect_tls(read_record(&feed, *state, 0x17, 900, 5), false);
	expect_tls(read_body(&feed, *state, 900), false);
	expect_tls(read_record(&feed, *state, 0x15, 26, 5), true);
}

static void header_byte_by_byte(void **state)
{
	static const char header[] = {0x16, 3, 1, 0, 2};
	struct feed feed;

	expect_tls(feed_io(&feed, *state, FEED_CONN, IO_READ, header, 2, 192), true);
	for (size_t i = 2; i < sizeof(header); i++)
		expect_tls(feed_io(&feed, *state, FEED_CONN, IO_READ, header + i, 1, 192), true);
	expect_tls(read_body(&feed, *state, 2), true);
	expect_tls(read_record(&feed, *state, 0x17, 10, 15), false);
}

/* TLS 1.3: change of cipher, then the Finished message dressed as data, then data. */
static void disguised_finished_is_handshake(void **state)
{
	static const char flight[] = {0x14, 3, 3, 0, 1, 1, 0x17, 3, 3, 0, 3, 'f', 'i', 'n', 0x17, 3, 3, 0, 2, 'o', 'k'};
	struct feed feed;

	expect_tls(read_record(&feed, *state, 0x16, 512, 517), true);
	expect_tls(feed_io(&feed, *state, FEED_CONN, IO_READ, flight, 14, 192), true);
	expect_tls(feed_io(&feed, *state, FEED_CONN, IO_READ, flight + 14, 7, 192), false);
	feed_conn(*state, FEED_CONN, CONN_SERVER, CONN_STREAM);
	expect_tls(read_record(&feed, *state, 0x16, 512, 517), true);
	expect_tls(feed_io(&feed, *state, FEED_CONN, IO_READ, flight, sizeof(flight), 192), false);
}

/* The client's goodbye must not look like a request that nobody answers. */
static void disguised_alert_is_no_data(void **state)
{
	struct feed feed;

	expect_tls(read_record(&feed, *state, 0x16, 512, 517), true);
	expect_tls(read_record(&feed, *state, 0x17, 100, 105), false);
	expect_tls(read_record(&feed, *state, 0x17, 19, 24), true);
	expect_tls(read_record(&feed, *state, 0x17, 19, 5), true);
	expect_tls(read_body(&feed, *state, 19), true);
	expect_tls(read_record(&feed, *state, 0x17, 20, 25), false);
}

/* TLS 1.2: the Finished message after the change of cipher is a handshake record; what follows is data. */
static void plain_finished_is_handshake(void **state)
{
	struct feed feed;

	expect_tls(read_record(&feed, *state, 0x16, 512, 517), true);
	expect_tls(read_record(&feed, *state, 0x14, 1, 6), true);
	expect_tls(read_record(&feed, *state, 0x16, 40, 45), true);
	expect_tls(read_record(&feed, *state, 0x17, 40, 45), false);
}

static void attached_in_mid_stream(void **state)
{
	struct feed feed;

	expect_tls(read_record(&feed, *state, 0x17, 1000, 1005), false);
	/* Unseen records: the next read may be anything, the one after begins anew. */
	expect_tls(read_record(&feed, *state, 0x17, 200, 800), false);
	expect_tls(feed_read(&feed, *state, "garbage"), false);
	expect_tls(read_record(&feed, *state, 0x15, 26, 31), true);
}

static void writes(void **state)
{
	struct feed feed;

	read_record(&feed, *state, 0x16, 512, 517);
	expect_tls(feed_write(&feed, *state, "\x16\x03\x03\x01\x01"), true);
	expect_tls(feed_write(&feed, *state, "\x14\x03\x03\x01\x01"), true);
	expect_tls(feed_write(&feed, *state, "\x17\x03\x03\x01\x01"), false);
	assert_int_equal(feed.event.note.status, 0);
}

#define SERVER_TEST(test) cmocka_unit_test_setup_teardown(test, open_server, close_server)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SERVER_TEST(whole_records),
		SERVER_TEST(header_and_body_apart),
		SERVER_TEST(header_byte_by_byte),
		SERVER_TEST(disguised_finished_is_handshake),
		SERVER_TEST(disguised_alert_is_no_data),
		SERVER_TEST(plain_finished_is_handshake),
		SERVER_TEST(attached_in_mid_stream),
		SERVER_TEST(writes),
	};

	return cmocka_run_group_tests_name("wire: TLS", tests, NULL, NULL);
}
