/* SPDX-License-Identifier: BSD-2-Clause */
/* What a reader takes out of the ring, and what stays in it. The kernel's side is a file of the same layout. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "probe/ring.h"

#define RING_SIZE    4096
#define HEADER_BYTES 8 /* in front of each record: the kernel's ABI */

struct written {
	int fd;
	size_t page_size;
	unsigned long end;
};

static void put_bytes(const struct written *written, const void *bytes, size_t size, size_t at)
{
	assert_int_equal(pwrite(written->fd, bytes, size, (off_t)at), size);
}

/* A record of one number. */
static void put_number(struct written *written, uint64_t number)
{
	const uint32_t header[2] = {sizeof(number)};

	put_bytes(written, header, sizeof(header), 2 * written->page_size + written->end);
	put_bytes(written, &number, sizeof(number), 2 * written->page_size + written->end + HEADER_BYTES);
	written->end += HEADER_BYTES + sizeof(number);
	put_bytes(written, &written->end, sizeof(written->end), written->page_size);
}

static void open_with_two(struct written *written, struct ring *ring)
{
	*written = (struct written){.fd = memfd_create("ring", MFD_CLOEXEC), .page_size = (size_t)sysconf(_SC_PAGESIZE)};
	assert_true(written->fd >= 0);
	assert_int_equal(ftruncate(written->fd, (off_t)(2 * written->page_size + 2 * RING_SIZE)), 0);
	put_number(written, 1);
	put_number(written, 2);
	assert_int_equal(ring_init(ring, written->fd, RING_SIZE), 0);
}

static void assert_next(struct ring *ring, uint64_t number)
{
	size_t size = 0;
	const void *bytes = ring_peek(ring, &size);

	assert_non_null(bytes);
	assert_int_equal(size, sizeof(number));
	assert_memory_equal(bytes, &number, sizeof(number));
}

static void in_order(void **state)
{
	struct written written;
	struct ring ring;
	size_t size;
	(void)state;

	open_with_two(&written, &ring);
	assert_next(&ring, 1);
	ring_release(&ring);
	assert_next(&ring, 2);
	ring_release(&ring);
	assert_null(ring_peek(&ring, &size));
	assert_int_equal(ring_read(&ring), ring_written(&ring));
	ring_fini(&ring);
	close(written.fd);
}

/* Whoever had no room for a record leaves it there: what is released afterwards is not that one. */
static void one_is_kept(void **state)
{
	struct written written;
	struct ring ring;
	(void)state;

	open_with_two(&written, &ring);
	assert_next(&ring, 1);
	ring_keep(&ring);
	ring_release(&ring);
	assert_int_equal(ring_read(&ring), 0);
	assert_next(&ring, 1);
	ring_release(&ring);
	assert_next(&ring, 2);
	ring_fini(&ring);
	close(written.fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_order),
		cmocka_unit_test(one_is_kept),
	};

	return cmocka_run_group_tests_name("probe: ring", tests, NULL, NULL);
}
