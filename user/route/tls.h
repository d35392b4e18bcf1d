/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One connection's incoming TLS records, seen through prefixes of its reads: tells handshake from application data.
 * Called by wire.c with each server-side read of a TLS connection, because libraries read a record's header and its body apart.
 * Never: decrypts, looks into a record.
 */
#ifndef IOCPU_ROUTE_TLS_H
#define IOCPU_ROUTE_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TLS_HEADER_SIZE 5

struct tls {
	uint32_t body_left_bytes; /* of the record that is being read */
	uint8_t header[TLS_HEADER_SIZE];
	uint8_t header_len;        /* of a header that came in parts */
	bool is_data;              /* the record is application data */
	bool finished_is_expected; /* a change of cipher came: the next record is the encrypted end of the handshake */
};

/* Can these bytes be the beginning of a TLS record? A handshake's needs two bytes, that of another record a full header. */
bool tls_begins(const uint8_t *bytes, size_t len);

/* A read: `len` bytes seen, followed by unseen_bytes. True: none of it was application data, as far as it was seen. */
bool tls_read(struct tls *tls, const uint8_t *bytes, size_t len, uint64_t unseen_bytes);

/* Is this the beginning of a write that holds no application data? */
bool tls_write_is_handshake(const uint8_t *bytes, size_t len);

#endif
