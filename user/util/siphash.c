/* SPDX-License-Identifier: BSD-2-Clause */
#include "util/siphash.h"

#include <string.h>

static uint64_t rotated(uint64_t word, int bits)
{
	return word << bits | word >> (64 - bits);
}

static void mix(uint64_t state[4], int rounds)
{
	while (rounds--) {
		state[0] += state[1];
		state[2] += state[3];
		state[1] = rotated(state[1], 13) ^ state[0];
		state[3] = rotated(state[3], 16) ^ state[2];
		state[0] = rotated(state[0], 32) + state[3];
		state[2] += state[1];
		state[1] = rotated(state[1], 17) ^ state[2];
		state[3] = rotated(state[3], 21) ^ state[0];
		state[2] = rotated(state[2], 32);
	}
}

static void take(uint64_t state[4], uint64_t word)
{
	state[3] ^= word;
	mix(state, 2);
	state[0] ^= word;
}

uint64_t siphash(const struct siphash_key *key, const uint8_t *bytes, size_t len)
{
	uint64_t state[4] = {key->halves[0] ^ 0x736f6d6570736575, key->halves[1] ^ 0x646f72616e646f6d, key->halves[0] ^ 0x6c7967656e657261,
			     key->halves[1] ^ 0x7465646279746573};
	uint64_t last = (uint64_t)len << 56, word;

	for (; len >= sizeof(word); bytes += sizeof(word), len -= sizeof(word)) {
		memcpy(&word, bytes, sizeof(word));
		take(state, word);
	}
	for (size_t i = 0; i < len; i++)
		last |= (uint64_t)bytes[i] << 8 * i;
	take(state, last);
	state[2] ^= 0xff;
	mix(state, 4);
	return state[0] ^ state[1] ^ state[2] ^ state[3];
}
