/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of subcommands, and which of them was meant. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/completion.h"
#include "cli/help.h"
#include "cli/interrupt.h"
#include "cli/manual.h"
#include "cli/output.h"
#include "util/nearest.h"

static const struct subcommand subcommands[COMMANDS] = {
	[COMMAND_LIVE] =
		{
			.name = "",
			.usage = "TARGET",
			.summary = "live table of endpoints; Ctrl-C prints the totals",
			.examples = "  sudo iocpu-trace -p 4121                     this process and its children\n"
				    "  sudo iocpu-trace --port 8080 -d 10           whoever listens there, for ten seconds\n"
				    "  sudo iocpu-trace -o json -d 10 -- ./server   a program from its first instruction\n",
			.run = run_live,
		},
	[COMMAND_REQUESTS] =
		{
			.name = "requests",
			.usage = "requests TARGET",
			.summary = "single requests, each with its timeline",
			.examples = "  sudo iocpu-trace requests --port 8080 --slower 50ms -n 20\n",
			.run = run_requests,
		},
	[COMMAND_RECORD] =
		{
			.name = "record",
			.usage = "record [-w FILE] TARGET",
			.summary = "records a run into a file, for later",
			.examples = "  sudo iocpu-trace record -w night.rec --comm nginx -d 60\n",
			.run = run_record,
		},
	[COMMAND_REPORT] =
		{
			.name = "report",
			.usage = "report FILE",
			.summary = "the same answers from a recording, on any machine",
			.examples = "  iocpu-trace report night.rec -o csv\n",
			.run = run_report,
		},
	[COMMAND_SERVE] =
		{
			.name = "serve",
			.usage = "serve [--listen ADDRESS:PORT] TARGET",
			.summary = "exporter for Prometheus: the totals of all requests, at /metrics",
			.examples = "  sudo iocpu-trace serve --port 8080           then scrape http://127.0.0.1:9464/metrics\n",
			.run = run_serve,
		},
	[COMMAND_DOCTOR] =
		{
			.name = "doctor",
			.usage = "doctor [-p PID]",
			.summary = "what this machine and this process allow, and how to mend what they do not",
			.examples = "  sudo iocpu-trace doctor -p 4121\n",
			.run = run_doctor,
		},
};

/* The subcommand that the first argument names; without one (an option comes first) it is the live table. −1: unknown. */
static int find_subcommand(const char *argument)
{
	if (*argument == '-')
		return COMMAND_LIVE;
	for (int command = 0; command < COMMANDS; command++)
		if (*argument && !strcmp(argument, subcommands[command].name))
			return command;
	return -1;
}

static enum exit_code complain_subcommand(const char *given)
{
	const char *names[COMMANDS], *nearest;
	char hint[128] = "`iocpu-trace --help` lists them; a target is named by -p PID, --port, --comm, --cgroup or --unit";

	for (int command = 0; command < COMMANDS; command++)
		names[command] = *subcommands[command].name ? subcommands[command].name : NULL;
	nearest = nearest_name(given, names, COMMANDS);
	if (isdigit((unsigned char)*given))
		snprintf(hint, sizeof(hint), "did you mean -p %.20s?", given);
	else if (nearest)
		snprintf(hint, sizeof(hint), "did you mean `iocpu-trace %s`?", nearest);
	return complain(EXIT_USAGE, hint, "there is no subcommand '%s'", given);
}

static enum exit_code print_help(enum command command)
{
	if (command == COMMAND_LIVE)
		print_global_help(stdout, subcommands, COMMANDS);
	else
		print_command_help(stdout, &subcommands[command], command);
	return EXIT_DONE;
}

static enum exit_code run(enum command command, const struct options *options)
{
	if (options->help)
		return print_help(command);
	if (options->version) {
		printf("iocpu-trace %s\n", IOCPU_VERSION);
		return EXIT_DONE;
	}
	return subcommands[command].run(options);
}

/* What `make` asks for, and --help need not name: `--print bash`. */
static const struct printer_row {
	const char *name;
	void (*print)(FILE *out, const struct subcommand *subcommands, size_t count);
} printer_rows[] = {
	{"bash", print_bash_completion},
	{"zsh", print_zsh_completion},
	{"manual", print_manual_options},
};

static const struct printer_row *find_printer(int argc, char **argv)
{
	if (argc != 3 || strcmp(argv[1], "--print"))
		return NULL;
	for (size_t i = 0; i < sizeof(printer_rows) / sizeof(printer_rows[0]); i++)
		if (!strcmp(argv[2], printer_rows[i].name))
			return &printer_rows[i];
	return NULL;
}

/* A closed standard stream's number would be given to the next file that is opened, and what is printed would go there. */
static bool streams_are_open(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) >= 0)
			continue;
		if (fd == STDOUT_FILENO)
			return false;
		if (open("/dev/null", O_RDWR) != fd)
			return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	static struct options options;
	const struct printer_row *printer;
	enum exit_code code;
	int command;

	if (!streams_are_open())
		return complain(EXIT_FAILED, NULL, "standard output is closed");
	interrupt_watch();
	printer = find_printer(argc, argv);
	if (printer) {
		printer->print(stdout, subcommands, COMMANDS);
		return (int)(fflush(stdout) ? complain_output(-errno) : EXIT_DONE);
	}
	if (argc < 2)
		return complain(EXIT_USAGE, "sudo iocpu-trace -p PID; `iocpu-trace --help` says more", "nothing to trace was named");
	command = find_subcommand(argv[1]);
	if (command < 0)
		return complain_subcommand(argv[1]);
	argv += *subcommands[command].name ? 2 : 1;
	switch (options_parse(&options, (enum command)command, argc - (*subcommands[command].name ? 2 : 1), argv)) {
	case 0:
		code = run((enum command)command, &options);
		if (fflush(stdout) && !code)
			code = complain_output(-errno);
		break;
	case -EINVAL:
		code = complain(EXIT_USAGE, options.hint, "%s", options.complaint);
		break;
	default:
		code = complain(EXIT_FAILED, NULL, "out of memory");
	}
	options_fini(&options);
	return (int)code;
}
