/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The reader's end of a BPF ring buffer, one record at a time. libbpf's own pushes records through a callback, where an event source is
 * pulled from. Used by user/probe/source.c only. Never: waiting. Writers wake nobody, so whoever reads looks again after a while.
 */
#ifndef IOCPU_PROBE_RING_H
#define IOCPU_PROBE_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ring {
	unsigned long *consumer_pos;
	const unsigned long *producer_pos;
	const uint8_t *data;
	size_t size;
	size_t page_size;
	size_t peeked; /* bytes of the record that the reader holds; 0: none */
};

/* Maps a BPF_MAP_TYPE_RINGBUF of `size` bytes. 0 or −errno. */
int ring_init(struct ring *ring, int map_fd, size_t size);
void ring_fini(struct ring *ring);

/* The next record, aligned to 8 bytes and valid until ring_release; NULL: none is complete. */
const void *ring_peek(struct ring *ring, size_t *size);
/* Gives the peeked record's room back. Does nothing if none is held. */
void ring_release(struct ring *ring);

/* It keeps its room instead, and is the next record once more. */
void ring_keep(struct ring *ring);

/* Positions in bytes since the start: all up to `written` has been read once `read` has got there. */
uint64_t ring_read(const struct ring *ring);
uint64_t ring_written(const struct ring *ring);
/* Is there something that was not read yet, complete or not? */
bool ring_has_more(const struct ring *ring);

#endif
