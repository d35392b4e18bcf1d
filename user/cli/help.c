/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/help.h"

#include <string.h>

#include "util/state.h"
#include "util/utf8.h"

/* Where the second column begins. */
#define HELP_COLUMN 28

static size_t text_columns(const char *text)
{
	size_t columns = 0;
	uint32_t code;

	while (*text) {
		text += utf8_decode(text, &code);
		columns += utf8_columns(code) > 0 ? (size_t)utf8_columns(code) : 0;
	}
	return columns;
}

static void print_row(FILE *out, const char *left, const char *right)
{
	size_t columns = text_columns(left);

	fprintf(out, "  %s%*s  %s\n", left, columns < HELP_COLUMN ? (int)(HELP_COLUMN - columns) : 0, "", right);
}

static void print_option(FILE *out, const struct option_row *row)
{
	char left[80], letter[8] = "    ";

	if (row->letter)
		snprintf(letter, sizeof(letter), "-%c, ", row->letter);
	snprintf(left, sizeof(left), "%s--%s%s%s", letter, row->name, row->argument ? " " : "", row->argument ? row->argument : "");
	print_row(out, left, row->help);
}

static void print_options(FILE *out, enum command command)
{
	const char *group = "";

	for (size_t i = 0; i < option_row_count; i++) {
		const struct option_row *row = &option_rows[i];

		if (!(row->commands & (1u << command)))
			continue;
		if (strcmp(group, row->group))
			fprintf(out, "\n%s:\n", row->group);
		group = row->group;
		print_option(out, row);
	}
}

static void print_target(FILE *out)
{
	fputs("\nTARGET: any of -p, --port, --comm, --cgroup and --unit; or `-- CMD ARG…`, a program that is started and ended with the "
	      "run\n"
	      "(what it prints goes to stderr when -o is json, ndjson or csv). Children of a target are followed.\n",
	      out);
}

static void print_states(FILE *out)
{
	fputs("\nThe states of a request; at each instant it is in one of them, so they sum to its wall time:\n", out);
	for (int state = 0; state < STATES; state++)
		print_row(out, state_names[state].column, state_names[state].means);
}

static void print_exit_codes(FILE *out)
{
	fputs("\nExit codes: 0 done · 1 failed (I/O, memory) · 2 bad usage · 3 no target · 4 not permitted · 5 kernel unfit\n", out);
}

void print_global_help(FILE *out, const struct subcommand *subcommands, size_t count)
{
	fputs("iocpu-trace: where the time of each request of a running server goes: CPU, waiting for a core, waiting for whom.\n"
	      "No agent, no restart, no change of the server. Needs root, or CAP_BPF, CAP_PERFMON and CAP_SYS_PTRACE.\n\n"
	      "Usage: iocpu-trace and one of\n",
	      out);
	for (size_t i = 0; i < count; i++)
		print_row(out, subcommands[i].usage, subcommands[i].summary);
	print_target(out);
	fputs("\nExamples:\n", out);
	for (size_t i = 0; i < count; i++)
		fputs(subcommands[i].examples, out);
	fputs("\nOptions of the live table (`iocpu-trace SUBCOMMAND --help` lists those of another):\n", out);
	print_options(out, COMMAND_LIVE);
	print_states(out);
	print_exit_codes(out);
}

void print_command_help(FILE *out, const struct subcommand *subcommand, enum command command)
{
	fprintf(out, "iocpu-trace %s: %s\n\nUsage:\n  iocpu-trace %s\n\nExamples:\n%s", subcommand->name, subcommand->summary,
		subcommand->usage, subcommand->examples);
	if (strstr(subcommand->usage, "TARGET"))
		print_target(out);
	print_options(out, command);
	print_exit_codes(out);
}
