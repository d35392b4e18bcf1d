/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/complain.h"

#include <stdarg.h>
#include <stdio.h>

/* Arguments, comms and paths come from outside: what a terminal could take for a command becomes '?'. */
static void print_harmless(const char *prefix, char *line)
{
	for (char *c = line; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	fprintf(stderr, "%s%s\n", prefix, line);
}

static void print_line(const char *prefix, const char *format, va_list arguments)
{
	char line[1024];

	vsnprintf(line, sizeof(line), format, arguments);
	print_harmless(prefix, line);
}

enum exit_code complain(enum exit_code code, const char *hint, const char *format, ...)
{
	char line[512];
	va_list arguments;

	va_start(arguments, format);
	print_line("iocpu-trace: ", format, arguments);
	va_end(arguments);
	if (hint) {
		snprintf(line, sizeof(line), "%s", hint);
		print_harmless("  hint: ", line);
	}
	return code;
}

enum exit_code complain_gone(void)
{
	return complain(EXIT_NO_TARGET, "it must live while it is traced; to trace a program from its first instruction: -- CMD ARG…",
			"the target ended before anything was measured");
}

void remark(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	print_line("iocpu-trace: ", format, arguments);
	va_end(arguments);
}
