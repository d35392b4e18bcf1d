/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "export/csv.h"
#include "unit/fixture_stats.h"

#define FIELDS_MAX 128

static char *csv_of(const struct stats *stats)
{
	struct snapshot_frame frame = frame_of(NULL, 0, NULL, 0);

	return exported_text(csv_print_snapshot, stats, &frame);
}

/* Reads one line as RFC 4180 says, in place; *text moves behind it. Returns its fields. */
static size_t read_line(char **text, char *fields[FIELDS_MAX])
{
	size_t count = 0;
	char *at = *text;

	for (;;) {
		char *to = at + (*at == '"');
		bool quoted = *at == '"';

		fields[count++] = to;
		for (at = to; quoted ? *at != '"' || at[1] == '"' : *at != ',' && *at != '\r'; at++) {
			at += quoted && *at == '"';
			*to++ = *at;
		}
		at += quoted;
		assert_true(*at == ',' || *at == '\r');
		if (*at == '\r') {
			assert_int_equal(at[1], '\n');
			*to = '\0';
			*text = at + 2;
			return count;
		}
		at++;
		*to = '\0';
	}
}

static const char *field(char *titles[], char *fields[], size_t count, const char *title)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(titles[i], title))
			return fields[i];
	fail_msg("no column %s", title);
	return NULL;
}

static void a_row_has_the_figures_of_its_endpoint(void **state)
{
	struct stats *stats = stats_open(100);
	char *titles[FIELDS_MAX], *users[FIELDS_MAX], *resize[FIELDS_MAX], *text, *at;
	size_t count;

	(void)state;
	add_sample(stats);
	at = text = csv_of(stats);
	count = read_line(&at, titles);
	assert_int_equal(read_line(&at, users), count);
	assert_int_equal(read_line(&at, resize), count);
	assert_string_equal(at, "");
	assert_string_equal(users[0], "node:8080");
	assert_string_equal(users[1], "GET /users/:id");
	assert_string_equal(field(titles, users, count, "requests"), "412");
	assert_string_equal(field(titles, users, count, "wall_mean_ns"), "72000000");
	assert_string_equal(field(titles, users, count, "state_net_mean_ns"), "46500000");
	assert_string_equal(field(titles, users, count, "state_loop_p99_ns"), "24000000");
	assert_string_equal(field(titles, users, count, "slowest_state_cpu_mean_ns"), "1100000");
	assert_string_equal(field(titles, users, count, "io_share"), "0.645833");
	assert_string_equal(field(titles, resize, count, "delayed_requests"), "124");
	assert_string_equal(field(titles, resize, count, "verdict"), "cpu-bound");
	assert_string_equal(field(titles, resize, count, "verdict_text"), "CPU-bound: holds the loop 121 ms, delays 31 others");
	free(text);
	stats_close(stats);
}

static void doubts_are_a_share_of_the_endpoint(void **state)
{
	struct stats *stats = stats_open(100);
	struct request request = request_of(STATE_CPU, MS);
	char *titles[FIELDS_MAX], *fields[FIELDS_MAX], *text, *at;
	size_t count;

	(void)state;
	for (int i = 0; i < 4; i++) {
		request.ambiguous = i == 0;
		stats_add(stats, "s", "e", NULL, &request);
	}
	at = text = csv_of(stats);
	count = read_line(&at, titles);
	assert_int_equal(read_line(&at, fields), count);
	assert_string_equal(field(titles, fields, count, "ambiguous_requests"), "1");
	assert_string_equal(field(titles, fields, count, "ambiguous_share"), "0.25");
	free(text);
	stats_close(stats);
}

static void titles_are_unique(void **state)
{
	struct stats *stats = stats_open(100);
	char *titles[FIELDS_MAX], *text = csv_of(stats), *at = text;
	size_t count = read_line(&at, titles);

	(void)state;
	for (size_t i = 0; i < count; i++)
		for (size_t j = i + 1; j < count; j++)
			assert_string_not_equal(titles[i], titles[j]);
	assert_string_equal(at, "");
	free(text);
	stats_close(stats);
}

static void odd_names_stay_one_field(void **state)
{
	struct stats *stats = stats_open(100);
	struct request request = request_of(STATE_NET, MS);
	char *titles[FIELDS_MAX], *fields[FIELDS_MAX], *text, *at;
	size_t count;

	(void)state;
	request.ttfb_ns = 0;
	request.aborted = true;
	stats_add(stats, "a,b", "GET /\"x\",\r\n\x1b[2J\xff", NULL, &request);
	at = text = csv_of(stats);
	count = read_line(&at, titles);
	assert_int_equal(read_line(&at, fields), count);
	assert_string_equal(fields[0], "a,b");
	assert_string_equal(fields[1], "GET /\"x\",???[2J?");
	/* Not known: empty, not 0. */
	assert_string_equal(field(titles, fields, count, "ttfb_mean_ns"), "");
	assert_string_equal(field(titles, fields, count, "io_cpu_ratio"), "");
	free(text);
	stats_close(stats);
}

static void a_full_disk_is_an_error(void **state)
{
	struct snapshot_frame frame = frame_of(NULL, 0, NULL, 0);
	struct stats *stats = stats_open(100);
	const struct snapshot *snapshot = stats_snapshot(stats, &frame);
	FILE *full = fopen("/dev/full", "w");

	(void)state;
	assert_int_equal(csv_print_snapshot(full, snapshot), -ENOSPC);
	fclose(full);
	stats_snapshot_close(snapshot);
	stats_close(stats);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_row_has_the_figures_of_its_endpoint),
		cmocka_unit_test(doubts_are_a_share_of_the_endpoint),
		cmocka_unit_test(titles_are_unique),
		cmocka_unit_test(odd_names_stay_one_field),
		cmocka_unit_test(a_full_disk_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
