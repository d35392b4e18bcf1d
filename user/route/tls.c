/* SPDX-License-Identifier: BSD-2-Clause */
#include "route/tls.h"

#include <string.h>

/* RFC 8446, 5.1 */
enum tls_type { TLS_CHANGE_CIPHER = 0x14, TLS_ALERT, TLS_HANDSHAKE, TLS_DATA };
#define TLS_MAJOR      3
#define TLS_MINOR_MAX  4
#define TLS_RECORD_MAX (16384 + 2048)

/*
 * TLS 1.3 disguises alerts too: two bytes, their type and the cipher's tag. No request is as short as what else such a record could hold,
 * and a client's closing alert taken for one would be a request that is never answered.
 */
#define TLS13_ALERT_SIZE (2 + 1 + 16)

static bool is_header(const uint8_t *bytes)
{
	return bytes[0] >= TLS_CHANGE_CIPHER && bytes[0] <= TLS_DATA && bytes[1] == TLS_MAJOR && bytes[2] <= TLS_MINOR_MAX &&
	       (bytes[3] << 8 | bytes[4]) <= TLS_RECORD_MAX;
}

static bool is_control(uint8_t type)
{
	return type >= TLS_CHANGE_CIPHER && type < TLS_DATA;
}

bool tls_begins(const uint8_t *bytes, size_t len)
{
	if (len >= TLS_HEADER_SIZE)
		return is_header(bytes);
	return len >= 2 && bytes[0] == TLS_HANDSHAKE && bytes[1] == TLS_MAJOR;
}

/* TLS 1.3 disguises the end of its handshake as application data; it is the record after the change of cipher. */
static void begin_record(struct tls *tls)
{
	uint8_t type = tls->header[0];

	tls->header_len = 0;
	tls->body_left_bytes = (uint32_t)(tls->header[3] << 8 | tls->header[4]);
	tls->is_data = type == TLS_DATA && !tls->finished_is_expected && tls->body_left_bytes != TLS13_ALERT_SIZE;
	tls->finished_is_expected = type == TLS_CHANGE_CIPHER;
}

/* Whatever is not a header means that records were lost: what cannot be told counts as data, and the next read is tried afresh. */
static bool read_header(struct tls *tls, const uint8_t **bytes, size_t *len)
{
	size_t want = (size_t)TLS_HEADER_SIZE - tls->header_len;
	size_t take = *len < want ? *len : want;

	memcpy(tls->header + tls->header_len, *bytes, take);
	tls->header_len = (uint8_t)(tls->header_len + take);
	*bytes += take;
	*len -= take;
	if (tls->header_len < TLS_HEADER_SIZE)
		return is_control(tls->header[0]) || tls->finished_is_expected;
	if (!is_header(tls->header)) {
		*len = 0;
		memset(tls, 0, sizeof(*tls));
		return false;
	}
	begin_record(tls);
	return !tls->is_data;
}

bool tls_read(struct tls *tls, const uint8_t *bytes, size_t len, uint64_t unseen_bytes)
{
	bool no_data = true;
	size_t take;

	while (len) {
		if (!tls->body_left_bytes) {
			no_data &= read_header(tls, &bytes, &len);
			continue;
		}
		take = len < tls->body_left_bytes ? len : tls->body_left_bytes;
		tls->body_left_bytes -= (uint32_t)take;
		bytes += take;
		len -= take;
		no_data &= !tls->is_data;
	}
	if (unseen_bytes && tls->body_left_bytes)
		no_data &= !tls->is_data;
	/* Headers went by unseen: what comes next has to be found out anew. */
	if (unseen_bytes > tls->body_left_bytes)
		memset(tls, 0, sizeof(*tls));
	else
		tls->body_left_bytes -= (uint32_t)unseen_bytes;
	return no_data;
}

bool tls_write_is_handshake(const uint8_t *bytes, size_t len)
{
	return len >= 2 && is_control(bytes[0]) && bytes[1] == TLS_MAJOR;
}
