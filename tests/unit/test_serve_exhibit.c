/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <zlib.h>
#include <cmocka.h>

#include "serve/exhibit.h"
#include "unit/fixture_totals.h"
#include "util/clock.h"

static struct totals *totals;
static struct exhibit *exhibit;

static int open_exhibit(void **state)
{
	(void)state;
	totals = totals_open();
	exhibit = exhibit_open();
	return !totals || !exhibit;
}

static int close_exhibit(void **state)
{
	(void)state;
	exhibit_close(exhibit);
	totals_close(totals);
	return 0;
}

static void show(void)
{
	struct totals_frame frame = totals_frame();

	add_totals_sample(totals);
	exhibit_show(exhibit, totals_snapshot(totals, &frame));
}

static bool says(const struct page *page, const char *line)
{
	return memmem(page->bytes, page->size, line, strlen(line));
}

static void nothing_was_shown_yet(void **state)
{
	(void)state;
	assert_null(exhibit_page(exhibit, METRICS_PROMETHEUS, false));
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(exhibit_shown_ns(exhibit), 0);
}

static void a_page_is_made_once_a_snapshot(void **state)
{
	const struct page *first, *again, *next;

	(void)state;
	show();
	first = exhibit_page(exhibit, METRICS_PROMETHEUS, false);
	again = exhibit_page(exhibit, METRICS_PROMETHEUS, false);
	assert_ptr_equal(first, again);
	assert_true(says(first, "code=\"2xx\"} 412\n"));
	show();
	next = exhibit_page(exhibit, METRICS_PROMETHEUS, false);
	assert_true(says(next, "code=\"2xx\"} 824\n"));
	/* Whoever still reads the one before reads on. */
	assert_true(says(first, "code=\"2xx\"} 412\n"));
	exhibit_put_page(first);
	exhibit_put_page(again);
	exhibit_put_page(next);
}

static void a_compressed_page_is_the_same_page(void **state)
{
	const struct page *plain, *compressed;
	static char inflated[1 << 20];
	z_stream stream = {0};

	(void)state;
	show();
	plain = exhibit_page(exhibit, METRICS_OPENMETRICS, false);
	compressed = exhibit_page(exhibit, METRICS_OPENMETRICS, true);
	assert_true(compressed->size < plain->size / 4);
	assert_int_equal(inflateInit2(&stream, 15 + 16), Z_OK);
	stream.next_in = (Bytef *)compressed->bytes;
	stream.avail_in = (uInt)compressed->size;
	stream.next_out = (Bytef *)inflated;
	stream.avail_out = sizeof(inflated);
	assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
	assert_int_equal(stream.total_out, plain->size);
	assert_memory_equal(inflated, plain->bytes, plain->size);
	inflateEnd(&stream);
	exhibit_put_page(plain);
	exhibit_put_page(compressed);
}

/* A hundred readers who never finish, each of another second, do not make a hundred pages, nor does anybody get a page of long ago. */
static void slow_readers_do_not_fill_the_memory(void **state)
{
	const struct page *pages[100];
	size_t different = 1, count = 0;

	(void)state;
	for (size_t i = 0; i < 100; i++) {
		show();
		pages[count] = exhibit_page(exhibit, METRICS_PROMETHEUS, false);
		if (!pages[count]) {
			assert_int_equal(errno, EBUSY);
			continue;
		}
		different += count && pages[count] != pages[count - 1];
		count++;
	}
	assert_in_range(different, 10, 16);
	assert_in_range(count, different, 40);
	for (size_t i = 0; i < count; i++)
		exhibit_put_page(pages[i]);
	show();
	pages[0] = exhibit_page(exhibit, METRICS_PROMETHEUS, false);
	assert_true(says(pages[0], "code=\"2xx\"} 41612\n"));
	exhibit_put_page(pages[0]);
}

static void a_thousand_endpoints_in_all_states_fit_the_wire(void **state)
{
	struct request request = request_of(STATE_CPU, 12 * MS);
	struct totals_frame frame = totals_frame();
	const struct page *plain, *compressed;
	uint64_t start_ns, printed_ns, compressed_ns;

	(void)state;
	for (int i = 1; i < STATES; i++)
		move_state(&request, STATE_CPU, (enum state)i, MS);
	for (int i = 0; i < 1000; i++) {
		char endpoint[64];

		snprintf(endpoint, sizeof(endpoint), "GET /shops/:id/departments/%d", i);
		totals_add(totals, &node, endpoint, NULL, &request, UNIX_NS);
	}
	exhibit_show(exhibit, totals_snapshot(totals, &frame));
	start_ns = monotonic_ns();
	plain = exhibit_page(exhibit, METRICS_OPENMETRICS, false);
	printed_ns = monotonic_ns() - start_ns;
	compressed = exhibit_page(exhibit, METRICS_OPENMETRICS, true);
	compressed_ns = monotonic_ns() - start_ns - printed_ns;
	print_message("# 1,000 endpoints in 12 states each: %zu bytes in %.0f ms, compressed %zu bytes in %.0f ms\n", plain->size,
		      (double)printed_ns / 1e6, compressed->size, (double)compressed_ns / 1e6);
	assert_in_range(plain->size, 1, 16000000);
	assert_in_range(compressed->size, 1, 5000000);
	exhibit_put_page(plain);
	exhibit_put_page(compressed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing_was_shown_yet, open_exhibit, close_exhibit),
		cmocka_unit_test_setup_teardown(a_page_is_made_once_a_snapshot, open_exhibit, close_exhibit),
		cmocka_unit_test_setup_teardown(a_compressed_page_is_the_same_page, open_exhibit, close_exhibit),
		cmocka_unit_test_setup_teardown(slow_readers_do_not_fill_the_memory, open_exhibit, close_exhibit),
		cmocka_unit_test_setup_teardown(a_thousand_endpoints_in_all_states_fit_the_wire, open_exhibit, close_exhibit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
