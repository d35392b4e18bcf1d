/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "export/metrics.h"
#include "unit/fixture_totals.h"

/* The text of these totals, for the caller to free; the totals are closed. */
static char *printed(struct totals *totals, enum metrics_format format)
{
	struct totals_frame frame = totals_frame();
	const struct totals_snapshot *snapshot = totals_snapshot(totals, &frame);
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_int_equal(metrics_print(out, snapshot, format), 0);
	fclose(out);
	totals_snapshot_close(snapshot);
	totals_close(totals);
	return text;
}

static char *file_text(const char *path)
{
	char *text = NULL;
	size_t size = 0;
	FILE *in = fopen(path, "r");

	if (!in)
		fail_msg("%s: %s", path, strerror(errno));
	assert_true(getdelim(&text, &size, 0, in) > 0);
	fclose(in);
	return text;
}

/* Line by line, as a whole page in an error message helps nobody. */
static void assert_same_lines(char *got, char *expected)
{
	char *got_rest = got, *expected_rest = expected, *got_line, *expected_line;

	do {
		got_line = strsep(&got_rest, "\n");
		expected_line = strsep(&expected_rest, "\n");
		assert_string_equal(got_line ? got_line : "(end)", expected_line ? expected_line : "(end)");
	} while (got_line && expected_line);
}

static void the_page_is_that_of_the_file(void **state)
{
	static const char *const paths[METRICS_FORMATS] = {
		[METRICS_PROMETHEUS] = "tests/golden/metrics.prom",
		[METRICS_OPENMETRICS] = "tests/golden/metrics.openmetrics",
	};

	(void)state;
	for (int format = 0; format < METRICS_FORMATS; format++) {
		struct totals *totals = totals_open();
		char *got, *expected = file_text(paths[format]);

		add_totals_sample(totals);
		got = printed(totals, (enum metrics_format)format);
		assert_same_lines(got, expected);
		free(got);
		free(expected);
	}
}

static void labels_are_escaped(void **state)
{
	struct totals *totals = totals_open();
	struct request request = request_of(STATE_CPU, 10 * MS);
	char *text;

	(void)state;
	totals_add(totals, &(struct totals_label){"a\"b\\c\nd\xff:1", "n", "p\"", "c"}, "GET /\xc3\xa9", NULL, &request, UNIX_NS);
	text = printed(totals, METRICS_PROMETHEUS);
	assert_non_null(
		strstr(text, "iocpu_requests_total{service=\"a\\\"b\\\\c\\nd\xef\xbf\xbd:1\",namespace=\"n\",pod=\"p\\\"\",container=\"c\","
			     "endpoint=\"GET /\xc3\xa9\",code=\"2xx\"} 1\n"));
	free(text);
}

/* The same labels a second time would make the page invalid. */
static void each_kind_has_one_line(void **state)
{
	struct totals *totals = totals_open();
	struct snapshot_process process = node_process();
	char *text, *lines[2 * TOTALS_KINDS_MAX] = {0}, *rest;
	size_t count = 0;

	(void)state;
	for (size_t i = 0; i < 3 * TOTALS_KINDS_MAX; i++) {
		process.hook = (enum hook_state)(i % HOOK_ON);
		process.now.runtime = (uint8_t)(i / HOOK_ON % RUNTIMES);
		totals_add_process(totals, &node, &process);
	}
	text = rest = printed(totals, METRICS_PROMETHEUS);
	assert_non_null(strstr(text, "\",runtime=\"(other kinds)\",model=\"(other kinds)\",hook=\"(other kinds)\"} 1\n"));
	for (char *line; (line = strsep(&rest, "\n"));) {
		if (strncmp(line, "iocpu_process_info{", strlen("iocpu_process_info{")))
			continue;
		for (size_t i = 0; i < count; i++)
			assert_string_not_equal(line, lines[i]);
		lines[count++] = line;
	}
	assert_int_equal(count, TOTALS_KINDS_MAX);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_page_is_that_of_the_file),
		cmocka_unit_test(labels_are_escaped),
		cmocka_unit_test(each_kind_has_one_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
