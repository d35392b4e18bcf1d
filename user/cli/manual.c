/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/manual.h"

#include <ctype.h>
#include <string.h>

#include "util/utf8.h"

#define LIVE_TABLE (1u << COMMAND_LIVE)

/* What a manual has room for, and --help has not. Plain text, a sentence a line. */
static const struct remark_row {
	const char *option;
	const char *text;
} remark_rows[] = {
	{"cgroup", "A path within the cgroup file system, or the whole one."},
	{"unit", "Without a suffix it is a service."},
	{"listen", "An IPv6 address stands in brackets, as in [::1]:9464."},
	{"peer-name", "The name stands in the label peer instead of the address.\nIt goes before that of /etc/hosts."},
	{"resolve", "Each is asked for once; until an answer comes they have their address."},
	{"hooks",
	 "Breakpoints at places of the runtime's scheduler that say which of its strands (goroutines, virtual threads, tasks) a thread "
	 "runs.\n"
	 "Of a Java process the tracer reads the JVM's memory too, and says so.\n"
	 "With auto they are attached to each traced program as soon as it is followed, if its runtime and version are known (Go 1.19 to "
	 "1.26, HotSpot 21 and later, CPython 3.11 to 3.13 with asyncio or uvloop, tokio 1.23 to 1.53 in programs that keep their "
	 "symbols; on x86-64), and what was attached is said;\n"
	 "with off requests are told apart by the kernel's evidence alone.\n"
	 "They are gone when the tracer ends."},
};

const char *manual_remark_option(size_t at)
{
	return at < sizeof(remark_rows) / sizeof(remark_rows[0]) ? remark_rows[at].option : NULL;
}

/* Text is no request to roff: no line begins with a control character, and what is not ASCII goes by its number. */
static void print_text(FILE *out, const char *text, bool begins)
{
	while (*text) {
		uint32_t code;
		size_t bytes = utf8_decode(text, &code);

		if (begins && (*text == '.' || *text == '\''))
			fputs("\\&", out);
		if (code > 0x7f)
			fprintf(out, "\\[u%04X]", code);
		else if (*text == '\\')
			fputs("\\e", out);
		else
			fputc(*text, out);
		begins = *text == '\n';
		text += bytes;
	}
}

/* The subcommands that know an option, where the live table does not. */
static void print_commands(FILE *out, const struct option_row *row, const struct subcommand *subcommands, size_t count)
{
	const char *before = "With\n";

	if (row->commands & LIVE_TABLE)
		return;
	for (size_t i = 0; i < count; i++) {
		if (!(row->commands & 1u << i))
			continue;
		fprintf(out, "%s.Cm %s", before, subcommands[i].name);
		before = " ,\n";
	}
	fputs(" :\n", out);
}

static void print_sentence(FILE *out, const char *help, bool capital)
{
	char first[2] = {(char)(capital ? toupper((unsigned char)*help) : *help), '\0'};

	print_text(out, first, true);
	print_text(out, help + 1, false);
	fputs(".\n", out);
}

static void print_option(FILE *out, const struct option_row *row, const struct subcommand *subcommands, size_t count)
{
	fputs(".It ", out);
	if (row->letter)
		fprintf(out, "Fl %c , ", row->letter);
	fprintf(out, "Fl -%s", row->name);
	if (row->argument) {
		fputs(" Ar ", out);
		print_text(out, row->argument, false);
	}
	fputc('\n', out);
	print_commands(out, row, subcommands, count);
	print_sentence(out, row->help, row->commands & LIVE_TABLE);
	for (size_t i = 0; i < sizeof(remark_rows) / sizeof(remark_rows[0]); i++) {
		if (strcmp(remark_rows[i].option, row->name))
			continue;
		print_text(out, remark_rows[i].text, true);
		fputc('\n', out);
	}
}

void print_manual_options(FILE *out, const struct subcommand *subcommands, size_t count)
{
	const char *group = NULL;

	for (size_t i = 0; i < option_row_count; i++) {
		const struct option_row *row = &option_rows[i];

		if (!group || strcmp(group, row->group))
			fprintf(out, "%s.Ss Options: %s\n.Bl -tag -width indent\n", group ? ".El\n" : "", row->group);
		group = row->group;
		print_option(out, row, subcommands, count);
	}
	fputs(".El\n", out);
}
