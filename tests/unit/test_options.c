/* SPDX-License-Identifier: BSD-2-Clause */
/* The command line: what is taken, what is refused, and that each refusal says something useful. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/options.h"
#include "util/nearest.h"
#include "util/number.h"

#define ARGUMENTS_MAX 12

static struct options options;

/* Parses the arguments of the subcommand; they end in NULL. */
static int parse(enum command command, const char *const *arguments)
{
	static char *argv[ARGUMENTS_MAX + 1];
	int argc = 0;

	while (argc < ARGUMENTS_MAX && arguments[argc]) {
		argv[argc] = (char *)arguments[argc];
		argc++;
	}
	argv[argc] = NULL;
	return options_parse(&options, command, argc, argv);
}

#define PARSE(command, ...) parse(command, (const char *const[]){__VA_ARGS__, NULL})

static int fini(void **state)
{
	(void)state;
	options_fini(&options);
	return 0;
}

static void takes_every_target(void **state)
{
	(void)state;
	assert_int_equal(PARSE(COMMAND_LIVE, "-p", "1,22", "-p333", "--pid=4", "--port", "80,443", "--comm=nginx", "--cgroup", "a/b"), 0);
	assert_int_equal(options.target_count, 8);
	assert_int_equal(options.targets[0].pid, 1);
	assert_int_equal(options.targets[1].pid, 22);
	assert_int_equal(options.targets[2].pid, 333);
	assert_int_equal(options.targets[3].pid, 4);
	assert_int_equal(options.targets[4].kind, TARGET_PORT);
	assert_int_equal(options.targets[4].port, 80);
	assert_int_equal(options.targets[5].port, 443);
	assert_int_equal(options.targets[6].kind, TARGET_COMM);
	assert_string_equal(options.targets[6].name, "nginx");
	assert_int_equal(options.targets[7].kind, TARGET_CGROUP);
	assert_string_equal(options.targets[7].name, "a/b");
}

static void takes_a_command(void **state)
{
	(void)state;
	assert_int_equal(PARSE(COMMAND_LIVE, "-d", "1", "--", "ls", "-l", "--help"), 0);
	assert_string_equal(options.program[0], "ls");
	assert_string_equal(options.program[2], "--help");
	assert_null(options.program[3]);
	assert_false(options.help);
}

static void has_defaults(void **state)
{
	(void)state;
	assert_int_equal(PARSE(COMMAND_LIVE, "-p1"), 0);
	assert_int_equal(options.interval_ns, 1000000000);
	assert_int_equal(options.duration_ns, 0);
	assert_int_equal(options.format, FORMAT_TABLE);
	assert_int_equal(options.hooks, HOOKS_UNSAID);
	assert_false(options.no_routes || options.wide || options.show_query || options.payload);
	assert_null(options.file);
}

static void takes_every_option(void **state)
{
	(void)state;
	assert_int_equal(PARSE(COMMAND_LIVE, "-p1", "-d0.5", "-i", "200ms", "-o", "ndjson", "--hooks=off", "--wide", "--show-query"), 0);
	assert_int_equal(options.duration_ns, 500000000);
	assert_int_equal(options.interval_ns, 200000000);
	assert_int_equal(options.format, FORMAT_NDJSON);
	assert_int_equal(options.hooks, HOOKS_OFF);
	assert_true(options.wide && options.show_query);
	fini(NULL);
	assert_int_equal(PARSE(COMMAND_REQUESTS, "-p1", "--slower", "50ms", "--endpoint", "GET /x", "-n", "20", "-o", "ndjson"), 0);
	assert_int_equal(options.slower_ns, 50000000);
	assert_string_equal(options.endpoint, "GET /x");
	assert_int_equal(options.count, 20);
	fini(NULL);
	assert_int_equal(PARSE(COMMAND_RECORD, "-p1", "-w", "x.rec", "--payload"), 0);
	assert_string_equal(options.file, "x.rec");
	assert_true(options.payload);
	fini(NULL);
	assert_int_equal(PARSE(COMMAND_REPORT, "x.rec", "-o", "csv", "--route", "GET /x/*", "--route=/y/**"), 0);
	assert_string_equal(options.file, "x.rec");
	assert_int_equal(options.format, FORMAT_CSV);
	fini(NULL);
	assert_int_equal(PARSE(COMMAND_LIVE, "-p1", "--no-routes", "--hooks", "auto"), 0);
	assert_true(options.no_routes);
	assert_int_equal(options.hooks, HOOKS_AUTO);
	fini(NULL);
	assert_int_equal(PARSE(COMMAND_SERVE, "--port", "8080"), 0);
	assert_int_equal(ntohs(options.listen.socket.v4.sin_port), 9464);
	assert_int_equal(ntohl(options.listen.socket.v4.sin_addr.s_addr), INADDR_LOOPBACK);
	fini(NULL);
	assert_int_equal(PARSE(COMMAND_SERVE, "--port", "8080", "--listen", "*:80", "--route", "/x/*"), 0);
	assert_int_equal(ntohs(options.listen.socket.v4.sin_port), 80);
	assert_int_equal(options.listen.socket.v4.sin_addr.s_addr, INADDR_ANY);
}

static void help_needs_no_target(void **state)
{
	(void)state;
	assert_int_equal(PARSE(COMMAND_LIVE, "--help"), 0);
	assert_true(options.help);
	fini(NULL);
	assert_int_equal(PARSE(COMMAND_REPORT, "-h"), 0);
	assert_true(options.help);
	fini(NULL);
	assert_int_equal(PARSE(COMMAND_DOCTOR, "-V"), 0);
	assert_true(options.version);
}

/* Each is refused; the complaint holds the first word, the hint the second. */
static const struct refusal {
	enum command command;
	const char *arguments[ARGUMENTS_MAX];
	const char *complaint, *hint;
} refusals[] = {
	{COMMAND_LIVE, {NULL}, "nothing to trace", "-p PID"},
	{COMMAND_LIVE, {"-p", "abc"}, "'abc' is not a process id", "--comm"},
	{COMMAND_LIVE, {"-p", "12x"}, "'12x'", "-p 4121"},
	{COMMAND_LIVE, {"-p", "0"}, "'0'", "-p"},
	{COMMAND_LIVE, {"-p", "-1"}, "'-1'", "-p"},
	{COMMAND_LIVE, {"-p", "1,,2"}, "''", "-p"},
	{COMMAND_LIVE, {"-p", "1,"}, "''", "-p"},
	{COMMAND_LIVE, {"-p", "99999999999999999999"}, "not a process id", "-p"},
	{COMMAND_LIVE, {"-p"}, "needs an argument: PID", "processes"},
	{COMMAND_SERVE, {"-p", "1", "--listen", "9464"}, "'9464' is not an address with a port", "127.0.0.1:9464"},
	{COMMAND_SERVE, {"-p", "1", "-o", "json"}, "no option '-o'", "--help"},
	{COMMAND_LIVE, {"-p", "1", "--listen", "*:1"}, "no option '--listen'", "--help"},
	{COMMAND_LIVE, {"--port", "65536"}, "'65536' is not a port", "65535"},
	{COMMAND_LIVE, {"--port", "http"}, "'http' is not a port", "8080"},
	{COMMAND_LIVE, {"-p1", "-d", "0"}, "'0'", "-d 10"},
	{COMMAND_LIVE, {"-p1", "-d", "soon"}, "'soon'", "seconds"},
	{COMMAND_LIVE, {"-p1", "-d", "-5"}, "'-5'", "seconds"},
	{COMMAND_LIVE, {"-p1", "-d", "nan"}, "'nan'", "seconds"},
	{COMMAND_LIVE, {"-p1", "-i", "0.01"}, "'0.01'", "0.1"},
	{COMMAND_LIVE, {"-p1", "-o", "xml"}, "'xml' is not an output format", "ndjson"},
	{COMMAND_LIVE, {"-p1", "--route", "users"}, "route rule 'users'", "[METHOD] /path"},
	{COMMAND_LIVE, {"-p1", "--route", "FETCH /x"}, "route rule 'FETCH /x'", "[METHOD] /path"},
	{COMMAND_LIVE, {"-p1", "--hooks", "on"}, "'on'", "auto"},
	{COMMAND_LIVE, {"-p1", "--wide=3"}, "takes no argument", ""},
	{COMMAND_LIVE, {"-p1", "--rout", "/x"}, "unknown option '--rout'", "--route"},
	{COMMAND_LIVE, {"-p1", "--intervall", "2"}, "unknown option '--intervall'", "--interval"},
	{COMMAND_LIVE, {"--unit", "a/b"}, "'a/b' is not the name of a unit", "nginx.service"},
	{COMMAND_LIVE, {"-p1", "--max-overhead", "1"}, "unknown option '--max-overhead'", "--help"},
	{COMMAND_LIVE, {"-p1", "-x"}, "unknown option '-x'", "--help"},
	{COMMAND_LIVE, {"-p1", "-w", "x"}, "this subcommand has no option '-w'", "--help"},
	{COMMAND_LIVE, {"-p1", "stray"}, "'stray' was not expected", "-p PID"},
	{COMMAND_LIVE, {"--"}, "no command behind --", "CMD"},
	{COMMAND_LIVE, {"-p1", "--", "ls"}, "both a target and a command", ""},
	{COMMAND_LIVE, {"-p1", "--no-routes", "--show-query"}, "--show-query", "leave one"},
	{COMMAND_REQUESTS, {"-p1", "-o", "csv"}, "no format 'csv'", "ndjson"},
	{COMMAND_REQUESTS, {"-p1", "--slower", "50"}, "'50'", "50ms"},
	{COMMAND_REQUESTS, {"-p1", "-n", "0"}, "'0'", "-n 20"},
	{COMMAND_REQUESTS, {"-p1", "--endpoint", ""}, "endpoint", "GET"},
	{COMMAND_RECORD, {"-p1", "-w", ""}, "empty", "-w FILE"},
	{COMMAND_RECORD, {"-p1", "--payload", "--no-routes"}, "--payload", "leave one"},
	{COMMAND_REPORT, {NULL}, "no recording", "report"},
	{COMMAND_REPORT, {"a", "b"}, "'b' was not expected", ""},
	{COMMAND_REPORT, {"a", "-p", "1"}, "no option '-p'", "--help"},
	{COMMAND_REPORT, {"a", "--html", "x"}, "unknown option '--html'", "--help"},
	{COMMAND_REPORT, {"a", "--perfetto", "x"}, "unknown option '--perfetto'", "--help"},
	{COMMAND_REPORT, {"a", "--folded", "x"}, "unknown option '--folded'", "--help"},
	{COMMAND_DOCTOR, {"--port", "80"}, "no option '--port'", "--help"},
	{COMMAND_DOCTOR, {"--", "ls"}, "`--`", ""},
};

static void refuses_with_a_hint(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		const struct refusal *row = &refusals[i];

		if (parse(row->command, row->arguments) != -EINVAL)
			fail_msg("row %zu ('%s') was taken", i, row->complaint);
		if (!strstr(options.complaint, row->complaint))
			fail_msg("'%s' does not say '%s'", options.complaint, row->complaint);
		if (!strstr(options.hint, row->hint) || !*options.hint)
			fail_msg("hint '%s' does not say '%s'", options.hint, row->hint);
		assert_null(strchr(options.complaint, '\n'));
		options_fini(&options);
	}
}

static void bounds_the_targets(void **state)
{
	char list[4 * (TARGETS_MAX + 2)];
	size_t used = 0;

	(void)state;
	for (int i = 0; i < TARGETS_MAX; i++)
		used += (size_t)sprintf(list + used, "%s%d", i ? "," : "", 7);
	assert_int_equal(PARSE(COMMAND_LIVE, "-p", list), 0);
	options_fini(&options);
	strcat(list, ",7");
	assert_int_equal(PARSE(COMMAND_LIVE, "-p", list), -EINVAL);
	assert_non_null(strstr(options.complaint, "256"));
}

/* The table is what --help prints, so it must be whole: no two rows that one argument could mean, each with its words. */
static void table_is_sound(void **state)
{
	(void)state;
	for (size_t i = 0; i < option_row_count; i++) {
		const struct option_row *a = &option_rows[i];

		assert_true(*a->help && *a->group && a->commands && a->take);
		for (size_t j = i + 1; j < option_row_count; j++) {
			const struct option_row *b = &option_rows[j];

			if (!(a->commands & b->commands))
				continue;
			assert_string_not_equal(a->name, b->name);
			assert_true(!a->letter || a->letter != b->letter);
		}
	}
}

static void reads_durations(void **state)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} rows[] = {
		{"1", 1000000000},    {"0.25", 250000000}, {".5", 500000000}, {"50ms", 50000000},    {"1.5ms", 1500000},
		{"2m", 120000000000}, {"10us", 10000},     {"0", 0},          {"1h", 3600000000000},
	};
	static const char *const wrong[] = {"", ".", "ms", "1x", "1 s", " 1", "+1", "-1", "1e3", "0x10", "inf", "1.2.3"};
	uint64_t ns;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(parse_duration(rows[i].text, true, &ns), 0);
		assert_int_equal(ns, rows[i].ns);
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(parse_duration(wrong[i], true, &ns), -EINVAL);
	assert_int_equal(parse_duration("50", false, &ns), -EINVAL);
	assert_int_equal(parse_duration("99999999999999999999", true, &ns), -ERANGE);
	assert_int_equal(parse_duration("9999999h", true, &ns), -ERANGE);
}

static void finds_the_nearest_name(void **state)
{
	static const char *const names[] = {"requests", NULL, "record", "report"};

	(void)state;
	assert_string_equal(nearest_name("recrod", names, 4), "record");
	assert_string_equal(nearest_name("reqests", names, 4), "requests");
	assert_string_equal(nearest_name("reprot", names, 4), "report");
	assert_null(nearest_name("serve", names, 4));
	assert_null(nearest_name("top", names, 4));
	assert_null(nearest_name("an argument that goes on far beyond any option's name", names, 4));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(takes_every_target, fini),
		cmocka_unit_test_teardown(takes_a_command, fini),
		cmocka_unit_test_teardown(has_defaults, fini),
		cmocka_unit_test_teardown(takes_every_option, fini),
		cmocka_unit_test_teardown(help_needs_no_target, fini),
		cmocka_unit_test(refuses_with_a_hint),
		cmocka_unit_test_teardown(bounds_the_targets, fini),
		cmocka_unit_test(table_is_sound),
		cmocka_unit_test(reads_durations),
		cmocka_unit_test(finds_the_nearest_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
