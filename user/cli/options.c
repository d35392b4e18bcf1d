/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/options.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli/peer_names.h"
#include "util/nearest.h"
#include "util/number.h"

#define NS_PER_SECOND   1000000000ull
#define LISTEN_DEFAULT  "127.0.0.1:9464"
#define INTERVAL_MIN_NS (NS_PER_SECOND / 10)

static int refuse(struct options *options, const char *hint, const char *format, ...) __attribute__((format(printf, 3, 4)));

static int refuse(struct options *options, const char *hint, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(options->complaint, sizeof(options->complaint), format, arguments);
	va_end(arguments);
	snprintf(options->hint, sizeof(options->hint), "%s", hint);
	return -EINVAL;
}

static int add_target(struct options *options, struct target target)
{
	if (options->target_count == TARGETS_MAX)
		return refuse(options, "--cgroup or --comm name many processes at once", "more than %d targets", TARGETS_MAX);
	options->targets[options->target_count++] = target;
	return 0;
}

/* The elements of a list "a,b,c", each from 1 to max. */
static int take_numbers(struct options *options, const char *list, uint64_t max, struct target target, const char *what, const char *hint)
{
	const char *comma;

	for (const char *at = list;; at = comma + 1) {
		size_t length = strcspn(at, ",");
		uint64_t number;
		int err;

		comma = at + length;
		if (parse_count(at, length, max, &number) || !number)
			return refuse(options, hint, "'%.*s' is not %s", (int)length, at, what);
		target.pid = (pid_t)number;
		target.port = (uint16_t)number;
		err = add_target(options, target);
		if (err || !*comma)
			return err;
	}
}

static int take_pids(struct options *options, const char *value)
{
	return take_numbers(options, value, INT_MAX, (struct target){.kind = TARGET_PID}, "a process id",
			    "-p 4121 or -p 4121,4122; to name a process by its name: --comm NAME");
}

static int take_ports(struct options *options, const char *value)
{
	return take_numbers(options, value, UINT16_MAX, (struct target){.kind = TARGET_PORT}, "a port",
			    "a port is a number from 1 to 65535, as in --port 8080");
}

static int take_comm(struct options *options, const char *value)
{
	return add_target(options, (struct target){.kind = TARGET_COMM, .name = value});
}

static int take_cgroup(struct options *options, const char *value)
{
	return add_target(options, (struct target){.kind = TARGET_CGROUP, .name = value});
}

static int take_unit(struct options *options, const char *value)
{
	if (!*value || strchr(value, '/'))
		return refuse(options, "--unit nginx.service, or --unit nginx", "'%s' is not the name of a unit", value);
	return add_target(options, (struct target){.kind = TARGET_UNIT, .name = value});
}

static int take_duration(struct options *options, const char *value)
{
	if (parse_duration(value, true, &options->duration_ns) || !options->duration_ns)
		return refuse(options, "seconds, as in -d 10, or with a unit: -d 500ms, -d 2m", "'%s' is not a length of time", value);
	return 0;
}

static int take_interval(struct options *options, const char *value)
{
	if (parse_duration(value, true, &options->interval_ns) || options->interval_ns < INTERVAL_MIN_NS)
		return refuse(options, "seconds, at least 0.1, as in -i 2", "'%s' is not an interval", value);
	return 0;
}

static int take_format(struct options *options, const char *value)
{
	static const char *const names[FORMATS] = {"table", "json", "ndjson", "csv"};

	for (int format = 0; format < FORMATS; format++)
		if (!strcmp(value, names[format])) {
			options->format = (enum format)format;
			return 0;
		}
	return refuse(options, "one of table, json, ndjson, csv", "'%s' is not an output format", value);
}

static int take_request_format(struct options *options, const char *value)
{
	int err = take_format(options, value);

	if (!err && options->format != FORMAT_TABLE && options->format != FORMAT_NDJSON)
		return refuse(options, "-o table or -o ndjson", "`requests` has no format '%s': it prints one request at a time", value);
	return err;
}

static int take_route(struct options *options, const char *value)
{
	const char *why = NULL;
	int err = route_rules_add(options->rules, value, &why);

	if (err == -EINVAL)
		return refuse(options, "[METHOD] /path, as in --route 'GET /users/:name/**'; * is one segment, ** the rest",
			      "route rule '%s': %s", value, why);
	return err;
}

static int take_no_routes(struct options *options, const char *value)
{
	(void)value;
	options->no_routes = true;
	return 0;
}

static int take_hooks(struct options *options, const char *value)
{
	if (!strcmp(value, "auto"))
		options->hooks = HOOKS_AUTO;
	else if (!strcmp(value, "off"))
		options->hooks = HOOKS_OFF;
	else
		return refuse(options, "--hooks auto or --hooks off", "'%s' is not a choice of --hooks", value);
	return 0;
}

static int take_wide(struct options *options, const char *value)
{
	(void)value;
	options->wide = true;
	return 0;
}

static int take_show_query(struct options *options, const char *value)
{
	(void)value;
	options->show_query = true;
	return 0;
}

static int take_verbose(struct options *options, const char *value)
{
	(void)value;
	options->verbose = true;
	return 0;
}

static int take_slower(struct options *options, const char *value)
{
	if (parse_duration(value, false, &options->slower_ns))
		return refuse(options, "with a unit, as in --slower 50ms or --slower 1.5s", "'%s' is not a length of time", value);
	return 0;
}

static int take_endpoint(struct options *options, const char *value)
{
	if (!*value)
		return refuse(options, "as the table names it: --endpoint 'GET /users/:id'", "an endpoint needs a name");
	options->endpoint = value;
	return 0;
}

static int take_count(struct options *options, const char *value)
{
	if (parse_count(value, strlen(value), UINT64_MAX, &options->count) || !options->count)
		return refuse(options, "a whole number from 1, as in -n 20", "'%s' is not a number of requests", value);
	return 0;
}

static int take_file(struct options *options, const char *value)
{
	if (!*value)
		return refuse(options, "-w FILE; without -w it is iocpu-trace.rec", "the recording's file name is empty");
	options->file = value;
	return 0;
}

static int take_payload(struct options *options, const char *value)
{
	(void)value;
	options->payload = true;
	return 0;
}

static int take_listen(struct options *options, const char *value)
{
	if (listen_address_parse(value, &options->listen))
		return refuse(options, "--listen 127.0.0.1:9464, [::1]:9464, or *:9464 for all addresses of this machine",
			      "'%s' is not an address with a port", value);
	return 0;
}

static int take_peer_name(struct options *options, const char *value)
{
	if (!peer_name_is_sound(value))
		return refuse(options, "IP=NAME, as in --peer-name 10.0.0.5=db; a name has up to 63 letters",
			      "'%s' is not an address and its name", value);
	if (options->peer_name_count == PEER_NAMES_MAX)
		return refuse(options, "/etc/hosts is read too", "more than %d names of peers", PEER_NAMES_MAX);
	options->peer_names[options->peer_name_count++] = value;
	return 0;
}

static int take_resolve(struct options *options, const char *value)
{
	(void)value;
	options->resolve = true;
	return 0;
}

static int take_help(struct options *options, const char *value)
{
	(void)value;
	options->help = true;
	return 0;
}

static int take_version(struct options *options, const char *value)
{
	(void)value;
	options->version = true;
	return 0;
}

#define LIVE     (1u << COMMAND_LIVE)
#define REQUESTS (1u << COMMAND_REQUESTS)
#define RECORD   (1u << COMMAND_RECORD)
#define REPORT   (1u << COMMAND_REPORT)
#define SERVE    (1u << COMMAND_SERVE)
#define DOCTOR   (1u << COMMAND_DOCTOR)
#define TRACING  (LIVE | REQUESTS | RECORD | SERVE)
#define SHOWING  (LIVE | REQUESTS | REPORT)
#define EVERY    (TRACING | REPORT | DOCTOR)

const struct option_row option_rows[] = {
	{"Targets", "pid", 'p', "PID[,PID…]", TRACING | DOCTOR, "these processes, their children, and what they start from now on",
	 take_pids},
	{"Targets", "port", 0, "PORT", TRACING, "whoever listens on this port: all workers that share it", take_ports},
	{"Targets", "comm", 0, "NAME", TRACING, "every process of exactly this name, as `ps -o comm` shows it", take_comm},
	{"Targets", "cgroup", 0, "PATH", TRACING, "every process that is in this cgroup now, or in those below it", take_cgroup},
	{"Targets", "unit", 0, "NAME", TRACING, "the processes of this systemd unit: nginx.service, or nginx", take_unit},

	{"Time", "duration", 'd', "SEC", TRACING | REPORT, "end after this long (also 500ms, 2m)", take_duration},
	{"Time", "interval", 'i', "SEC", LIVE | REPORT, "length of a window (default 1)", take_interval},

	{"Choosing requests", "slower", 0, "TIME", REQUESTS, "only requests of at least this wall time, as in 50ms", take_slower},
	{"Choosing requests", "endpoint", 0, "NAME", REQUESTS, "only this endpoint, as the table names it: 'GET /users/:id'",
	 take_endpoint},
	{"Choosing requests", "count", 'n', "N", REQUESTS, "end after this many lines", take_count},

	{"Recording", "write", 'w', "FILE", RECORD, "the recording (default iocpu-trace.rec), mode 0600", take_file},
	{"Recording", "payload", 0, NULL, RECORD,
	 "keep the first bytes of requests, responses and calls on shared connections; without it only method and path", take_payload},

	{"Serving", "listen", 0, "ADDRESS:PORT", SERVE, "where Prometheus finds it (default " LISTEN_DEFAULT "); *:PORT for all addresses",
	 take_listen},
	{"Serving", "peer-name", 0, "IP=NAME", SERVE, "name of a downstream, where /etc/hosts has none; may be repeated", take_peer_name},
	{"Serving", "resolve", 0, NULL, SERVE, "ask the name service for the names of other downstreams", take_resolve},

	{"Output", "output", 'o', "FORMAT", LIVE | REPORT, "table, csv, json (one object a run) or ndjson (one a window)", take_format},
	{"Output", "output", 'o', "FORMAT", REQUESTS, "table (one line a request) or ndjson (one object a request)", take_request_format},
	{"Output", "wide", 0, NULL, LIVE | REPORT, "all columns, also those that are zero, and no row cut to the terminal's width",
	 take_wide},
	{"Output", "show-query", 0, NULL, SHOWING, "keep the query in request targets (it may hold secrets)", take_show_query},

	{"Endpoints", "route", 0, "RULE", SHOWING | SERVE,
	 "'[METHOD] /path' names an endpoint; * is one segment, ** the rest, :name a named one; may be repeated", take_route},
	{"Endpoints", "no-routes", 0, NULL, TRACING, "copy no byte of any payload: endpoints are listening ports", take_no_routes},

	{"Other", "hooks", 0, "auto|off", TRACING, "hooks into language runtimes where they are known; auto by default", take_hooks},
	{"Other", "verbose", 0, NULL, TRACING | DOCTOR, "print what libbpf says, on stderr", take_verbose},
	{"Other", "help", 'h', NULL, EVERY, "this text", take_help},
	{"Other", "version", 'V', NULL, EVERY, "the version", take_version},
};
const size_t option_row_count = sizeof(option_rows) / sizeof(option_rows[0]);

/* An argument as typed, taken apart: "--name=value", "--name", "-x", "-xvalue". */
struct argument {
	const char *name;
	size_t name_length;
	const char *value; /* NULL: none in this argument */
	bool is_short;
};

static struct argument argument_split(const char *text)
{
	struct argument argument = {0};

	argument.is_short = text[1] != '-';
	argument.name = text + (argument.is_short ? 1 : 2);
	if (argument.is_short) {
		argument.name_length = 1;
		argument.value = text[2] ? text + 2 : NULL;
	} else {
		argument.name_length = strcspn(argument.name, "=");
		argument.value = argument.name[argument.name_length] ? argument.name + argument.name_length + 1 : NULL;
	}
	return argument;
}

static bool row_matches(const struct option_row *row, const struct argument *argument)
{
	if (argument->is_short)
		return row->letter == *argument->name;
	return strlen(row->name) == argument->name_length && !strncmp(row->name, argument->name, argument->name_length);
}

static const struct option_row *find_row(const struct argument *argument, unsigned commands)
{
	for (size_t i = 0; i < option_row_count; i++)
		if ((option_rows[i].commands & commands) && row_matches(&option_rows[i], argument))
			return &option_rows[i];
	return NULL;
}

static int refuse_unknown(struct options *options, const struct argument *argument, const char *text)
{
	const char *names[sizeof(option_rows) / sizeof(option_rows[0])] = {NULL};
	char given[64], hint[128];
	const char *nearest;

	if (find_row(argument, EVERY))
		return refuse(options, "`--help` behind the subcommand lists what it takes", "this subcommand has no option '%s'", text);
	snprintf(given, sizeof(given), "%.*s", (int)argument->name_length, argument->name);
	for (size_t i = 0; i < option_row_count; i++)
		if (option_rows[i].commands & (1u << options->command))
			names[i] = option_rows[i].name;
	nearest = argument->is_short ? NULL : nearest_name(given, names, option_row_count);
	if (nearest)
		snprintf(hint, sizeof(hint), "did you mean --%s?", nearest);
	else
		snprintf(hint, sizeof(hint), "`iocpu-trace --help` lists them");
	return refuse(options, hint, "unknown option '%s'", text);
}

/* Takes the option at argv[0]; *used: how many arguments that were. */
static int take_option(struct options *options, int argc, char **argv, int *used)
{
	struct argument argument = argument_split(argv[0]);
	const struct option_row *row = find_row(&argument, 1u << options->command);

	*used = 1;
	if (!row)
		return refuse_unknown(options, &argument, argv[0]);
	if (!row->argument) {
		if (argument.value)
			return refuse(options, row->help, "'%s': this option takes no argument", argv[0]);
		return row->take(options, NULL);
	}
	if (!argument.value) {
		if (argc < 2)
			return refuse(options, row->help, "option '%s' needs an argument: %s", argv[0], row->argument);
		argument.value = argv[1];
		*used = 2;
	}
	return row->take(options, argument.value);
}

static int take_positional(struct options *options, const char *text)
{
	if (options->command == COMMAND_REPORT && !options->file)
		return take_file(options, text);
	return refuse(options,
		      options->command == COMMAND_REPORT ? "a report is of one recording"
							 : "a process is named by -p PID, a program to start stands behind --",
		      "'%s' was not expected here", text);
}

/* What no single option can tell. */
static int check_together(struct options *options)
{
	bool traces = TRACING & (1u << options->command);

	if (options->program && !*options->program)
		return refuse(options, "iocpu-trace -- CMD ARG…", "no command behind --");
	if (options->program && !traces)
		return refuse(options, "only tracing subcommands start a command", "`--` was not expected here");
	if (options->program && options->target_count)
		return refuse(options, "a run traces either what is running, or a command that it starts",
			      "both a target and a command behind --");
	if (traces && !options->program && !options->target_count)
		return refuse(
			options,
			"-p PID, --port PORT, --comm NAME, --cgroup PATH, --unit NAME, or -- CMD ARG…; `iocpu-trace --help` says more",
			"nothing to trace was named");
	if (options->command == COMMAND_REPORT && !options->file)
		return refuse(options, "iocpu-trace report iocpu-trace.rec", "no recording was named");
	if (options->payload && options->no_routes)
		return refuse(options, "leave one of them out", "--payload keeps payload, --no-routes copies none");
	if (options->show_query && options->no_routes)
		return refuse(options, "leave one of them out", "--show-query shows what --no-routes does not read");
	return 0;
}

int options_parse(struct options *options, enum command command, int argc, char **argv)
{
	int err = 0;

	memset(options, 0, sizeof(*options));
	options->command = command;
	options->interval_ns = NS_PER_SECOND;
	listen_address_parse(LISTEN_DEFAULT, &options->listen);
	options->rules = route_rules_open();
	if (!options->rules)
		return -ENOMEM;
	for (int at = 0, used; at < argc && !err; at += used) {
		used = 1;
		if (!strcmp(argv[at], "--")) {
			options->program = argv + at + 1;
			break;
		}
		if (argv[at][0] == '-' && argv[at][1])
			err = take_option(options, argc - at, argv + at, &used);
		else
			err = take_positional(options, argv[at]);
		if (options->help || options->version)
			return err;
	}
	return err ? err : check_together(options);
}

void options_fini(struct options *options)
{
	route_rules_close(options->rules);
	options->rules = NULL;
}
