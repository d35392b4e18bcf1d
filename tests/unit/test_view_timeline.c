/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "unit/fixture_stats.h"
#include "view/text.h"
#include "view/timeline.h"

static char *line_of(const struct request *request, const char *endpoint, unsigned width)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_int_equal(timeline_print(out, request, endpoint, width), 0);
	fclose(out);
	return text;
}

/* A stretch of a request that begins at 1000 ms. */
static struct request_stretch stretch(uint64_t from_ms, uint64_t to_ms, enum state state)
{
	return (struct request_stretch){(1000 + from_ms) * MS, (1000 + to_ms) * MS, state};
}

/* 10 ms in ten slices of 1 ms: 1 C, 6 N, 2 L, 1 C. */
static struct request short_request(struct request_peer *peer, struct request_stretch stretches[4])
{
	struct request request = request_of(STATE_NET, 10 * MS);

	move_state(&request, STATE_NET, STATE_CPU, 2 * MS);
	move_state(&request, STATE_NET, STATE_LOOP, 2 * MS);
	*peer = (struct request_peer){"127.0.0.1:5432", 5, 6 * MS, 6 * MS};
	request.peers = peer;
	request.peer_count = 1;
	stretches[0] = stretch(0, 1, STATE_CPU);
	stretches[1] = stretch(1, 7, STATE_NET);
	stretches[2] = stretch(7, 9, STATE_LOOP);
	stretches[3] = stretch(9, 10, STATE_CPU);
	request.stretches = stretches;
	request.stretch_count = 4;
	return request;
}

static void a_request_is_one_line(void **state)
{
	struct request_peer peer;
	struct request_stretch stretches[4];
	struct request request = short_request(&peer, stretches);
	char *text = line_of(&request, "GET /users/:id", 20);

	(void)state;
	assert_string_equal(text, "9f3a61-7 GET /users/:id 200 10.0 ms  cpu 2.0 loop 2.0 net 6.0 (127.0.0.1:5432 ×5)  |CNNNNNNLLC|\n");
	free(text);
}

static void the_bar_takes_what_the_words_leave(void **state)
{
	struct request_peer peer;
	struct request_stretch stretches[4];
	struct request request = short_request(&peer, stretches);

	(void)state;
	for (unsigned width = 100; width <= 160; width++) {
		char *text = line_of(&request, "GET /users/:id", width);

		assert_int_equal(text_columns(text) - 1, width); /* the newline counts one */
		free(text);
	}
}

/* Slices do not fall together with stretches: the state that has most of a slice names it. */
static void a_slice_shows_what_took_most_of_it(void **state)
{
	struct request_peer peer;
	struct request_stretch stretches[4];
	struct request request = short_request(&peer, stretches);
	char *text;

	(void)state;
	stretches[0].end_ns = stretches[1].start_ns = request.start_ns + 14 * MS / 10;
	stretches[1].end_ns = stretches[2].start_ns = request.start_ns + 66 * MS / 10;
	text = line_of(&request, "GET /x", 1);
	assert_non_null(strstr(text, "|CNNNNNNLLC|"));
	free(text);
	stretches[0].end_ns = stretches[1].start_ns = request.start_ns + 16 * MS / 10;
	text = line_of(&request, "GET /x", 1);
	assert_non_null(strstr(text, "|CCNNNNNLLC|"));
	free(text);
}

static void every_state_has_its_own_letter(void **state)
{
	bool taken[128] = {false};

	(void)state;
	for (int i = 0; i < STATES; i++) {
		struct request request = request_of((enum state)i, 10 * MS);
		struct request_stretch whole = stretch(0, 10, (enum state)i);
		char *text, letter;

		request.stretches = &whole;
		request.stretch_count = 1;
		text = line_of(&request, "GET /x", 1);
		letter = strchr(text, '|')[1];
		assert_false(taken[(int)letter]);
		taken[(int)letter] = true;
		for (int slice = 1; slice <= 10; slice++)
			assert_int_equal(strchr(text, '|')[slice], letter);
		free(text);
	}
}

static void what_is_odd_is_said(void **state)
{
	struct request request = request_of(STATE_OTHER, 1500000);
	struct request_peer peers[5] = {{"a:1", 1, 0, 0}, {"b:2", 3, 0, 0}, {"c:3", 1, 0, 0}, {"d:4", 1, 0, 0}, {"e:5", 1, 0, 0}};
	char *text;

	(void)state;
	request.ambiguous = true;
	request.aborted = true;
	text = line_of(&request, "GET /\x1b[31m", 0);
	assert_string_equal(text, "9f3a61-7 GET /?[31m aborted 1.50 ms  other 1.50 ambiguous\n");
	free(text);
	request.aborted = request.ambiguous = false;
	request.status = 0;
	move_state(&request, STATE_OTHER, STATE_NET, 1000000);
	request.peers = peers;
	request.peer_count = 5;
	text = line_of(&request, "GET /x", 0);
	assert_string_equal(text, "9f3a61-7 GET /x ? 1.50 ms  net 1.00 (a:1, b:2 ×3, c:3 and 2 more) other 0.50\n");
	free(text);
	/* Not HTTP: no status is missing. */
	request.protocol = WIRE_UNKNOWN;
	request.peer_count = 0;
	text = line_of(&request, ":5432", 0);
	assert_string_equal(text, "9f3a61-7 :5432 1.50 ms  net 1.00 other 0.50\n");
	free(text);
}

static char *legend_of(unsigned width)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_int_equal(timeline_print_legend(out, width), 0);
	fclose(out);
	return text;
}

static void the_legend_names_all_states(void **state)
{
	char *text = legend_of(0);

	(void)state;
	for (int i = 0; i < STATES; i++)
		assert_non_null(strstr(text, state_names[i].key));
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
	free(text);
}

static void the_legend_fits_the_terminal(void **state)
{
	char *text = legend_of(80), *rest = text, *line;
	int lines = 0;

	(void)state;
	for (; (line = strsep(&rest, "\n")) && rest; lines++)
		assert_in_range(text_columns(line), 20, 80);
	assert_int_equal(lines, 3);
	free(text);
}

static void a_full_disk_is_an_error(void **state)
{
	struct request request = request_of(STATE_OTHER, MS);
	FILE *full = fopen("/dev/full", "w");

	(void)state;
	assert_int_equal(timeline_print(full, &request, "GET /x", 0), -ENOSPC);
	fclose(full);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_is_one_line),
		cmocka_unit_test(the_bar_takes_what_the_words_leave),
		cmocka_unit_test(a_slice_shows_what_took_most_of_it),
		cmocka_unit_test(every_state_has_its_own_letter),
		cmocka_unit_test(what_is_odd_is_said),
		cmocka_unit_test(the_legend_names_all_states),
		cmocka_unit_test(the_legend_fits_the_terminal),
		cmocka_unit_test(a_full_disk_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
