/* SPDX-License-Identifier: BSD-2-Clause */
#include "probe/ring.h"

#include <errno.h>
#include <linux/bpf.h>
#include <sys/mman.h>
#include <unistd.h>

/* The memory layout is the kernel's ABI: a page with the reader's position, one with the writers', then the data twice, so that none wraps.
 */
int ring_init(struct ring *ring, int map_fd, size_t size)
{
	size_t page_size = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *pages;

	*ring = (struct ring){.size = size, .page_size = page_size};
	ring->consumer_pos = mmap(NULL, page_size, PROT_READ | PROT_WRITE, MAP_SHARED, map_fd, 0);
	if (ring->consumer_pos == MAP_FAILED)
		return -errno;
	pages = mmap(NULL, page_size + 2 * size, PROT_READ, MAP_SHARED, map_fd, (off_t)page_size);
	if (pages == MAP_FAILED) {
		int err = -errno;

		munmap(ring->consumer_pos, page_size);
		return err;
	}
	ring->producer_pos = (const unsigned long *)pages;
	ring->data = pages + page_size;
	return 0;
}

void ring_fini(struct ring *ring)
{
	if (!ring->data)
		return;
	munmap((void *)(ring->data - ring->page_size), ring->page_size + 2 * ring->size);
	munmap(ring->consumer_pos, ring->page_size);
	ring->data = NULL;
}

static size_t room_of(uint32_t len)
{
	return (BPF_RINGBUF_HDR_SZ + (size_t)len + 7) & ~(size_t)7;
}

uint64_t ring_read(const struct ring *ring)
{
	return *ring->consumer_pos;
}

uint64_t ring_written(const struct ring *ring)
{
	return __atomic_load_n(ring->producer_pos, __ATOMIC_ACQUIRE);
}

bool ring_has_more(const struct ring *ring)
{
	return ring_read(ring) < ring_written(ring);
}

static void advance(struct ring *ring, size_t bytes)
{
	__atomic_store_n(ring->consumer_pos, *ring->consumer_pos + bytes, __ATOMIC_RELEASE);
}

const void *ring_peek(struct ring *ring, size_t *size)
{
	while (ring_has_more(ring)) {
		const uint8_t *header = ring->data + (*ring->consumer_pos & (ring->size - 1));
		uint32_t word = __atomic_load_n((const uint32_t *)(const void *)header, __ATOMIC_ACQUIRE);
		uint32_t len = word & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);

		if (word & BPF_RINGBUF_BUSY_BIT)
			return NULL;
		if (!(word & BPF_RINGBUF_DISCARD_BIT)) {
			ring->peeked = room_of(len);
			*size = len;
			return header + BPF_RINGBUF_HDR_SZ;
		}
		advance(ring, room_of(len));
	}
	return NULL;
}

void ring_release(struct ring *ring)
{
	if (ring->peeked)
		advance(ring, ring->peeked);
	ring->peeked = 0;
}

void ring_keep(struct ring *ring)
{
	ring->peeked = 0;
}
