/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SipHash-2-4 (Aumasson and Bernstein, 2012): a hash of bytes that tells nothing of them to who lacks the key.
 * Called by user/route, for words that a recording must compare, but not hold.
 * Never: makes a key.
 */
#ifndef IOCPU_UTIL_SIPHASH_H
#define IOCPU_UTIL_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

struct siphash_key {
	uint64_t halves[2];
};

uint64_t siphash(const struct siphash_key *key, const uint8_t *bytes, size_t len);

#endif
