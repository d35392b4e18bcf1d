/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "unit/fixture_table.h"
#include "view/text.h"

static char *sample_table(const struct table_options *options)
{
	struct snapshot_process process = node_process();
	struct snapshot_frame frame = frame_of(&process, 1, no_losses, 2);
	struct stats *stats = stats_open(100);
	char *text;

	add_sample(stats);
	text = table_of(stats, &frame, options);
	stats_close(stats);
	return text;
}

static size_t widest_line(const char *text)
{
	size_t widest = 0;
	char *copy = strdup(text), *rest = copy, *line;

	while ((line = strsep(&rest, "\n")))
		if (text_columns(line) > widest)
			widest = text_columns(line);
	free(copy);
	return widest;
}

static void sample_looks_as_designed(void **state)
{
	static const char expected[] =
		"iocpu-trace · node (pid 4121) · Node.js, event loop, 1 loop thread + 4 workers · 2 cores · last 1.0 s · "
		"tracer: 0.4% of one core, 0 lost\n"
		"\n"
		"                                      ───── mean ms; the states sum to MEAN ─────\n"
		"ENDPOINT       REQ/S ERR%   P50   P99  MEAN    CPU READY  LOOP   NET CLIENT OTHER  IO% CPU%  CTX v/i  VERDICT\n"
		"GET /users/:id   412  0.0  72.0  72.0  72.0    1.1   0.2  24.0  46.5    0.1   0.1   65    2  6.0/0.0  "
		"I/O-bound: 127.0.0.1:5432 is 91% of NET\n"
		"POST /resize     4.0  0.0 132.4 132.4 132.4  121.0   2.0   9.1   0.0    0.2   0.1    0   91 1.0/10.0  "
		"CPU-bound: holds the loop 121 ms, delays 31 others\n"
		"(background)       –                                                                                  "
		"0.70% of one core, caused by no request: 43% accepting connections, else timers, consumers\n"
		"\n"
		"in flight 30.2 (concurrency) · on a core 0.91 of 2 (parallelism: core 0 88%, core 1 3%) · loop busy 93% · "
		"this loop tops out near 447 req/s\n"
		"CPU: 97.6% in requests (0.6% after the response), 1.1% runtime (GC, JIT, scheduler), 0.7% background, 0.6% unattributed · "
		"0.0% of requests have ambiguous parts\n";
	char *text = sample_table(&(struct table_options){0});

	(void)state;
	assert_string_equal(text, expected);
	free(text);
}

/* Only where a row has any: 3 of 415, and none of 4. */
static void doubts_have_a_column_where_there_are_any(void **state)
{
	struct snapshot_frame frame = frame_of(NULL, 0, no_losses, 2);
	struct stats *stats = stats_open(100);
	struct request_peer peers[2];
	struct request users = users_request(peers);
	char *text;

	(void)state;
	add_sample(stats);
	text = table_of(stats, &frame, &(struct table_options){0});
	assert_null(strstr(text, "AMB%"));
	free(text);
	users.ambiguous = true;
	for (int i = 0; i < 3; i++)
		stats_add(stats, "node:8080", "GET /users/:id", NULL, &users);
	text = table_of(stats, &frame, &(struct table_options){0});
	assert_non_null(strstr(text, "  IO% CPU% AMB%  CTX v/i  VERDICT\n"));
	assert_non_null(strstr(text, "   65    2  0.7  6.0/0.0  "));
	assert_non_null(strstr(text, "    0   91  0.0 1.0/10.0  "));
	free(text);
	for (unsigned width = 68; width <= 200; width++) {
		text = table_of(stats, &frame, &(struct table_options){.width = width});
		*strstr(text, "\nin flight") = '\0';
		assert_in_range(widest_line(strchr(text, '\n')), 1, width);
		/* The last to go. */
		assert_true(strstr(text, "AMB%") || (width < 72 && !strstr(text, "P99")));
		free(text);
	}
	stats_close(stats);
}

/* One of 10,000 is not none; and all are all. */
static void doubts_are_a_share(void **state)
{
	struct snapshot_frame frame = frame_of(NULL, 0, no_losses, 2);
	struct stats *stats = stats_open(100);
	struct request request = request_of(STATE_CPU, MS);
	char *text;

	(void)state;
	for (int i = 0; i < 10000; i++) {
		request.ambiguous = i == 0;
		stats_add(stats, "s", "GET /few", NULL, &request);
	}
	request.ambiguous = true;
	stats_add(stats, "s", "GET /all", NULL, &request);
	text = table_of(stats, &frame, &(struct table_options){0});
	assert_non_null(strstr(text, "    0  100  <0.1  0.0/0.0  "));
	assert_non_null(strstr(text, "    0  100 100.0  0.0/0.0  "));
	free(text);
	stats_close(stats);
}

static void wide_shows_every_column(void **state)
{
	static const char *const titles[] = {"SERVICE", "QUEUE", "DISK", "LOCK", "POOL", "LOG", "SLEEP", "CTX v/i", "VERDICT"};
	char *text = sample_table(&(struct table_options){.wide = true, .width = 40});

	(void)state;
	for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++)
		assert_non_null(strstr(text, titles[i]));
	assert_non_null(strstr(text, "the states sum to MEAN"));
	free(text);
}

/* The mean of those that were answered: 10 and 30 ms of 72; the third's client went away. Without --wide it would stand in the way. */
static void wide_shows_the_time_to_first_byte(void **state)
{
	static const uint64_t ttfb_ms[] = {10, 30, 0};
	struct stats *stats = stats_open(1000);
	const struct snapshot_frame frame = frame_of(NULL, 0, no_losses, 2);
	char *text;

	(void)state;
	for (size_t i = 0; i < sizeof(ttfb_ms) / sizeof(ttfb_ms[0]); i++) {
		struct request_peer peers[2];
		struct request request = users_request(peers);

		request.ttfb_ns = ttfb_ms[i] * MS;
		request.aborted = !ttfb_ms[i];
		assert_int_equal(stats_add(stats, "node:8080", "GET /users/:id", NULL, &request), 0);
	}
	text = table_of(stats, &frame, &(struct table_options){.wide = true});
	assert_non_null(strstr(text, "  P50   P99  TTFB  MEAN "));
	assert_non_null(strstr(text, " 72.0  72.0  20.0  72.0 "));
	free(text);
	text = table_of(stats, &frame, &(struct table_options){0});
	assert_null(strstr(text, "TTFB"));
	free(text);
	stats_close(stats);
}

static void rows_fit_every_width(void **state)
{
	(void)state;
	for (unsigned width = 68; width <= 200; width++) {
		char *text = sample_table(&(struct table_options){.width = width});
		char *rows = strchr(text, '\n') + 1;

		*strstr(rows, "\nin flight") = '\0';
		if (widest_line(rows) > width)
			fail_msg("%zu columns in a width of %u:\n%s", widest_line(rows), width, rows);
		assert_non_null(strstr(rows, "MEAN"));
		assert_non_null(strstr(rows, "I/O-bound: 127.0.0.1:5432 is"));
		free(text);
	}
}

static void in_place_no_line_wraps_and_nothing_scrolls(void **state)
{
	struct table_options options = {.width = 60, .height = 12, .in_place = true};
	char *text = sample_table(&options), *line, *rest;
	int lines = 0;

	(void)state;
	assert_memory_equal(text, "\033[H", 3);
	assert_string_equal(text + strlen(text) - 3, "\033[J");
	rest = text + 3;
	while ((line = strsep(&rest, "\n")) && rest) {
		char *end = strstr(line, "\033[K");

		assert_non_null(end);
		*end = '\0';
		assert_in_range(text_columns(line), 0, 60);
		lines++;
	}
	assert_in_range(lines, 5, 11);
	free(text);
}

/* The tool's cost and its losses stand at the header's end: a narrow terminal must not hide them. */
static void words_around_the_rows_are_broken_to_the_width(void **state)
{
	static const char header[] = "iocpu-trace · node (pid 4121) · Node.js, event loop, 1 loop thread + 4 workers\n"
				     "  · 2 cores · last 1.0 s · tracer: 0.4% of one core, 0 lost\n\n";
	static const char footer[] = "in flight 30.2 (concurrency)\n"
				     "  · on a core 0.91 of 2 (parallelism: core 0 88%, core 1 3%) · loop busy 93%\n"
				     "  · this loop tops out near 447 req/s\n"
				     "CPU: 97.6% in requests (0.6% after the response), 1.1% runtime (GC, JIT,\n"
				     "  scheduler), 0.7% background, 0.6% unattributed\n"
				     "  · 0.0% of requests have ambiguous parts\n";
	char *text = sample_table(&(struct table_options){.width = 80});

	(void)state;
	assert_memory_equal(text, header, strlen(header));
	assert_string_equal(text + strlen(text) - strlen(footer), footer);
	free(text);
}

/* What is not cut wraps: its lines of the terminal count, so that the first one stays where the next table begins. */
static void wide_in_place_does_not_scroll_either(void **state)
{
	struct table_options options = {.width = 60, .height = 9, .in_place = true, .wide = true};
	char *text = sample_table(&options), *line, *rest = text + 3;
	size_t lines = 0;

	(void)state;
	while ((line = strsep(&rest, "\n")) && rest) {
		*strstr(line, "\033[K") = '\0';
		lines += text_columns(line) > 60 ? (text_columns(line) + 59) / 60 : 1;
	}
	assert_in_range(lines, 4, 8);
	free(text);
}

static void a_low_terminal_counts_the_rows_it_has_no_room_for(void **state)
{
	struct snapshot_frame frame = frame_of(NULL, 0, no_losses, 2);
	struct stats *stats = stats_open(100);
	char *text;

	(void)state;
	for (int i = 0; i < 29; i++) {
		struct request request = request_of(STATE_CPU, MS);
		char name[16];

		snprintf(name, sizeof(name), "GET /%c", 'a' + i);
		stats_add(stats, "s", name, NULL, &request);
	}
	text = table_of(stats, &frame, &(struct table_options){.width = 200, .height = 24, .in_place = true});
	assert_non_null(strstr(text, "… and 14 more rows than the terminal has room for"));
	assert_non_null(strstr(text, "CPU: none was used"));
	free(text);
	text = table_of(stats, &frame, &(struct table_options){.width = 200, .height = 24});
	assert_null(strstr(text, "more rows"));
	free(text);
	stats_close(stats);
}

/* Each state of 0.4 tenths would round to nothing, together they are a third of the mean. */
static void printed_states_sum_to_the_printed_mean(void **state)
{
	struct snapshot_frame frame = frame_of(NULL, 0, no_losses, 2);
	struct stats *stats = stats_open(100);
	struct request request = request_of(STATE_NET, 10040000);
	double mean, sum = 0;
	char *text, *row;
	int at = 0;

	(void)state;
	for (int other = 0; other < STATES; other++)
		if (other != STATE_NET)
			move_state(&request, STATE_NET, (enum state)other, 440000);
	stats_add(stats, "s", "GET /x", NULL, &request);
	text = table_of(stats, &frame, &(struct table_options){0});
	row = strstr(text, "GET /x");
	assert_int_equal(sscanf(row, "GET /x %*f %*f %*f %*f %lf%n", &mean, &at), 1);
	for (int i = 0; i < STATES; i++) {
		double value;
		int next = 0;

		assert_int_equal(sscanf(row + at, "%lf%n", &value, &next), 1);
		sum += value;
		at += next;
	}
	assert_true(mean == 10.0);
	assert_true(sum > 9.999 && sum < 10.001);
	free(text);
	stats_close(stats);
}

static void names_cannot_move_the_cursor(void **state)
{
	struct snapshot_process process = node_process();
	struct snapshot_frame frame = frame_of(&process, 1, no_losses, 2);
	struct stats *stats = stats_open(100);
	struct request_peer peer = {"unix:/run/\033]0;x\a", 1, 40 * MS, 40 * MS};
	struct request request = request_of(STATE_NET, 40 * MS);
	char *text;

	(void)state;
	strcpy(process.now.comm, "no\033[2Jde");
	frame.processes = &process;
	request.peers = &peer;
	request.peer_count = 1;
	stats_add(stats, "\033c:80",
		  "GET /\x9b"
		  "2J\r\n",
		  NULL, &request);
	text = table_of(stats, &frame, &(struct table_options){.wide = true, .waits_for = "\033[H"});
	for (const char *c = text; *c; c++)
		assert_false((*c > 0 && *c < ' ' && *c != '\n') || *c == 0x7f);
	assert_non_null(strstr(text, "no?[2Jde"));
	free(text);
	stats_clear(stats);
	text = table_of(stats, &frame, &(struct table_options){.waits_for = "\033[H"});
	assert_null(strchr(text, '\033'));
	free(text);
	stats_close(stats);
}

static void names_keep_apart_from_services(void **state)
{
	struct snapshot_frame frame = frame_of(NULL, 0, no_losses, 2);
	struct stats *stats = stats_open(100);
	struct request request = request_of(STATE_CPU, MS);
	char *text;

	(void)state;
	stats_add(stats, "a long service:80", "GET /x", NULL, &request);
	stats_add(stats, "s", "GET /y", NULL, &request);
	text = table_of(stats, &frame, &(struct table_options){0});
	assert_non_null(strstr(text, "\na long service:80  GET /x  "));
	assert_non_null(strstr(text, "\ns                  GET /y  "));
	free(text);
	stats_close(stats);
}

/* No terminal, so no width to fit: figures must be found all the same. */
static void a_long_path_is_cut_in_a_pipe(void **state)
{
	struct snapshot_frame frame = frame_of(NULL, 0, no_losses, 2);
	struct stats *stats = stats_open(100);
	struct request request = request_of(STATE_CPU, MS);
	char path[240], *text;

	(void)state;
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	stats_add(stats, "s", path, NULL, &request);
	text = table_of(stats, &frame, &(struct table_options){0});
	assert_in_range(widest_line(text), 70, 200);
	assert_null(strstr(text, path));
	free(text);
	text = table_of(stats, &frame, &(struct table_options){.wide = true});
	assert_non_null(strstr(text, path));
	free(text);
	stats_close(stats);
}

static void a_full_disk_is_an_error(void **state)
{
	struct snapshot_frame frame = frame_of(NULL, 0, no_losses, 2);
	struct stats *stats = stats_open(100);
	const struct snapshot *snapshot = stats_snapshot(stats, &frame);
	FILE *full = fopen("/dev/full", "w");

	(void)state;
	assert_int_equal(table_print(full, snapshot, &(struct table_options){0}), -ENOSPC);
	fclose(full);
	stats_snapshot_close(snapshot);
	stats_close(stats);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sample_looks_as_designed),
		cmocka_unit_test(doubts_have_a_column_where_there_are_any),
		cmocka_unit_test(doubts_are_a_share),
		cmocka_unit_test(wide_shows_every_column),
		cmocka_unit_test(wide_shows_the_time_to_first_byte),
		cmocka_unit_test(rows_fit_every_width),
		cmocka_unit_test(words_around_the_rows_are_broken_to_the_width),
		cmocka_unit_test(in_place_no_line_wraps_and_nothing_scrolls),
		cmocka_unit_test(wide_in_place_does_not_scroll_either),
		cmocka_unit_test(a_low_terminal_counts_the_rows_it_has_no_room_for),
		cmocka_unit_test(printed_states_sum_to_the_printed_mean),
		cmocka_unit_test(names_cannot_move_the_cursor),
		cmocka_unit_test(names_keep_apart_from_services),
		cmocka_unit_test(a_long_path_is_cut_in_a_pipe),
		cmocka_unit_test(a_full_disk_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
