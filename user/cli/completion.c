/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/completion.h"

#include <string.h>

enum values { VALUES_UNKNOWN, VALUES_WORDS, VALUES_FILES, VALUES_PIDS, VALUES_COMMS, VALUES_UNITS, VALUES_CGROUPS };

/* What the shells take the values of an option from. An option without a row has an argument that only its user knows. */
static const struct value_row {
	const char *option;
	unsigned commands; /* of several rows of this name, those of these subcommands */
	enum values values;
	const char *words;
} value_rows[] = {
	{"pid", ~0u, VALUES_PIDS, NULL},
	{"comm", ~0u, VALUES_COMMS, NULL},
	{"cgroup", ~0u, VALUES_CGROUPS, NULL},
	{"unit", ~0u, VALUES_UNITS, NULL},
	{"write", ~0u, VALUES_FILES, NULL},
	{"output", 1u << COMMAND_REQUESTS, VALUES_WORDS, "table ndjson"},
	{"output", ~(1u << COMMAND_REQUESTS), VALUES_WORDS, "table csv json ndjson"},
	{"hooks", ~0u, VALUES_WORDS, "auto off"},
};

static const struct value_row unknown_values;

static const struct value_row *values_of(const struct option_row *row)
{
	for (size_t i = 0; i < sizeof(value_rows) / sizeof(value_rows[0]); i++)
		if (!strcmp(value_rows[i].option, row->name) && value_rows[i].commands & row->commands)
			return &value_rows[i];
	return &unknown_values;
}

const char *completion_words(const struct option_row *row)
{
	return values_of(row)->words;
}

/* A name that a case of the shell can match: the live table's is empty. */
static const char *case_name(const struct subcommand *subcommand)
{
	return *subcommand->name ? subcommand->name : "''";
}

/* ---- bash */

/* compgen -W expands what it is given, and processes are named by whoever runs them: only harmless letters pass. */
#define HARMLESS "grep -x '[A-Za-z0-9_.:@-]*'"

static const char *const bash_values[] = {
	[VALUES_UNKNOWN] = ":",
	[VALUES_FILES] = "_iocpu_trace_files",
	[VALUES_PIDS] = "_iocpu_trace_reply -W \"$(cd /proc && echo [0-9]*)\"",
	[VALUES_COMMS] = "_iocpu_trace_reply -W \"$(cat /proc/[0-9]*/comm 2>/dev/null | " HARMLESS " | sort -u)\"",
	[VALUES_UNITS] =
		"_iocpu_trace_reply -W \"$(systemctl list-units --plain --no-legend 2>/dev/null | cut -d ' ' -f 1 | " HARMLESS ")\"",
	[VALUES_CGROUPS] = "_iocpu_trace_cgroups",
};

/* Only names of files are treated as such: a folder that is called as a subcommand is must not put a slash behind it. */
static const char bash_helpers[] = "_iocpu_trace_reply() {\n"
				   "\tmapfile -t COMPREPLY < <(compgen \"$@\" -- \"$word\")\n"
				   "}\n\n"
				   "_iocpu_trace_files() {\n"
				   "\tcompopt -o filenames 2>/dev/null\n"
				   "\t_iocpu_trace_reply -f\n"
				   "}\n\n"
				   "# Within the cgroup file system, as the option takes them.\n"
				   "_iocpu_trace_cgroups() {\n"
				   "\tcompopt -o nospace 2>/dev/null\n"
				   "\tmapfile -t COMPREPLY < <(cd /sys/fs/cgroup 2>/dev/null && compgen -d -S / -- \"$word\")\n"
				   "}\n\n";

static void print_bash_flags(FILE *out, const struct option_row *row, const char *separator)
{
	if (row->letter)
		fprintf(out, "-%c%s", row->letter, separator);
	fprintf(out, "--%s", row->name);
}

static void print_bash_values(FILE *out, enum command command)
{
	for (size_t i = 0; i < option_row_count; i++) {
		const struct option_row *row = &option_rows[i];
		const struct value_row *values = values_of(row);

		if (!row->argument || !(row->commands & 1u << command))
			continue;
		fputs("\t\t", out);
		print_bash_flags(out, row, " | ");
		fputs(") ", out);
		if (values->values == VALUES_WORDS)
			fprintf(out, "_iocpu_trace_reply -W '%s'", values->words);
		else
			fputs(bash_values[values->values], out);
		fputs(" ;;\n", out);
	}
}

static void print_bash_command(FILE *out, const struct subcommand *subcommand, enum command command)
{
	fprintf(out, "\t%s)\n\t\toptions='", case_name(subcommand));
	for (size_t i = 0; i < option_row_count; i++) {
		if (!(option_rows[i].commands & 1u << command))
			continue;
		print_bash_flags(out, &option_rows[i], " ");
		fputc(' ', out);
	}
	fputs("'\n\t\tcase $before in\n", out);
	print_bash_values(out, command);
	fputs("\t\t*) _iocpu_trace_words ;;\n\t\tesac\n\t\t;;\n", out);
}

void print_bash_completion(FILE *out, const struct subcommand *subcommands, size_t count)
{
	fprintf(out, "# bash completion for iocpu-trace, made from its table of options\n\n%s", bash_helpers);
	fputs("# What may stand where no option's argument does.\n"
	      "_iocpu_trace_words() {\n"
	      "\tcase $word in\n"
	      "\t-*) _iocpu_trace_reply -W \"$options\" ;;\n"
	      "\t*)\n"
	      "\t\tif [ \"$COMP_CWORD\" = 1 ]; then\n"
	      "\t\t\t_iocpu_trace_reply -W '",
	      out);
	for (size_t i = 0; i < count; i++)
		fprintf(out, "%s%s", subcommands[i].name, *subcommands[i].name ? " " : "");
	fprintf(out,
		"'\n"
		"\t\telif [ \"$command\" = %s ]; then\n"
		"\t\t\t_iocpu_trace_files\n"
		"\t\tfi\n"
		"\t\t;;\n"
		"\tesac\n"
		"}\n\n"
		"_iocpu_trace_values() {\n"
		"\tlocal options\n"
		"\tcase $command in\n",
		subcommands[COMMAND_REPORT].name);
	for (size_t i = 0; i < count; i++)
		print_bash_command(out, &subcommands[i], (enum command)i);
	fputs("\tesac\n"
	      "}\n\n"
	      "_iocpu_trace() {\n"
	      "\tlocal word=$2 before=$3 command='' at\n"
	      "\tCOMPREPLY=()\n"
	      "\t# --name=value comes as three words.\n"
	      "\tif [ \"$word\" = = ]; then word=''; fi\n"
	      "\tif [ \"$before\" = = ] && [ \"$COMP_CWORD\" -gt 1 ]; then before=${COMP_WORDS[COMP_CWORD - 2]}; fi\n"
	      "\tfor ((at = 1; at < COMP_CWORD; at++)); do\n"
	      "\t\tif [ \"${COMP_WORDS[at]}\" = -- ]; then\n"
	      "\t\t\tif [ $((at + 1)) = \"$COMP_CWORD\" ]; then\n"
	      "\t\t\t\t_iocpu_trace_reply -c\n"
	      "\t\t\telse\n"
	      "\t\t\t\t_iocpu_trace_files\n"
	      "\t\t\tfi\n"
	      "\t\t\treturn\n"
	      "\t\tfi\n"
	      "\tdone\n"
	      "\tif [ \"$COMP_CWORD\" -gt 1 ]; then\n"
	      "\t\tcase ${COMP_WORDS[1]} in\n"
	      "\t\t-*) ;;\n"
	      "\t\t*) command=${COMP_WORDS[1]} ;;\n"
	      "\t\tesac\n"
	      "\tfi\n"
	      "\t_iocpu_trace_values\n"
	      "}\n\n"
	      "complete -F _iocpu_trace iocpu-trace\n",
	      out);
}

/* ---- zsh */

static const char *const zsh_values[] = {
	[VALUES_UNKNOWN] = " ",
	[VALUES_FILES] = "_files",
	[VALUES_PIDS] = "_pids",
	[VALUES_COMMS] = "_iocpu_trace_comms",
	[VALUES_UNITS] = "_iocpu_trace_units",
	[VALUES_CGROUPS] = "_files -/ -W /sys/fs/cgroup",
};

/* A text within '…[…]', or as the message between colons. */
static void print_zsh_text(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '\'')
			fputs("'\\'", out);
		else if (strchr("[]:\\", *text))
			fputc('\\', out);
		fputc(*text, out);
	}
}

/* All options may be repeated: of several, the parser takes the last, or each of them. */
static void print_zsh_option(FILE *out, const struct option_row *row)
{
	const struct value_row *values = values_of(row);

	fputs("\t\t\t", out);
	if (row->letter)
		fprintf(out, "\\*{-%c%s,--%s%s}'[", row->letter, row->argument ? "+" : "", row->name, row->argument ? "=" : "");
	else
		fprintf(out, "'*--%s%s[", row->name, row->argument ? "=" : "");
	print_zsh_text(out, row->help);
	fputc(']', out);
	if (row->argument) {
		fputc(':', out);
		print_zsh_text(out, row->argument);
		fputc(':', out);
		if (values->values == VALUES_WORDS)
			fprintf(out, "(%s)", values->words);
		else
			fputs(zsh_values[values->values], out);
	}
	fputs("'\n", out);
}

static void print_zsh_command(FILE *out, const struct subcommand *subcommand, enum command command)
{
	fprintf(out, "\t%s)\n\t\toptions=(\n", case_name(subcommand));
	for (size_t i = 0; i < option_row_count; i++)
		if (option_rows[i].commands & 1u << command)
			print_zsh_option(out, &option_rows[i]);
	if (command == COMMAND_REPORT)
		fputs("\t\t\t'*:recording:_files'\n", out);
	fputs("\t\t)\n\t\t;;\n", out);
}

void print_zsh_completion(FILE *out, const struct subcommand *subcommands, size_t count)
{
	fputs("#compdef iocpu-trace\n"
	      "# zsh completion for iocpu-trace, made from its table of options\n\n"
	      "_iocpu_trace_comms() {\n"
	      "\tlocal -aU comms\n"
	      "\tcomms=(${(f)\"$(cat /proc/[0-9]*/comm 2>/dev/null)\"})\n"
	      "\tcompadd -a comms\n"
	      "}\n\n"
	      "_iocpu_trace_units() {\n"
	      "\tlocal -a units\n"
	      "\tunits=(${${(f)\"$(systemctl list-units --plain --no-legend 2>/dev/null)\"}%% *})\n"
	      "\tcompadd -a units\n"
	      "}\n\n"
	      "_iocpu_trace() {\n"
	      "\tlocal command=''\n"
	      "\tlocal -a options subcommands\n"
	      "\tlocal -i dashes=${words[(i)--]}\n"
	      "\tif (( dashes < CURRENT )); then\n"
	      "\t\tshift dashes words\n"
	      "\t\t(( CURRENT -= dashes ))\n"
	      "\t\t_normal\n"
	      "\t\treturn\n"
	      "\tfi\n"
	      "\tsubcommands=(\n",
	      out);
	for (size_t i = 0; i < count; i++) {
		if (!*subcommands[i].name)
			continue;
		fprintf(out, "\t\t'%s:", subcommands[i].name);
		print_zsh_text(out, subcommands[i].summary);
		fputs("'\n", out);
	}
	fputs("\t)\n"
	      "\tif (( CURRENT == 2 )) && [[ $words[2] != -* ]]; then\n"
	      "\t\t_describe subcommand subcommands\n"
	      "\t\treturn\n"
	      "\tfi\n"
	      "\tif (( CURRENT > 2 )) && [[ $words[2] != -* ]]; then\n"
	      "\t\tcommand=$words[2]\n"
	      "\t\tshift words\n"
	      "\t\t(( CURRENT-- ))\n"
	      "\tfi\n"
	      "\tcase $command in\n",
	      out);
	for (size_t i = 0; i < count; i++)
		print_zsh_command(out, &subcommands[i], (enum command)i);
	fputs("\t*) return 1 ;;\n"
	      "\tesac\n"
	      "\t_arguments -s $options\n"
	      "}\n\n"
	      "_iocpu_trace \"$@\"\n",
	      out);
}
