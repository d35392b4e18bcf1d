/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/terminal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static bool cursor_hidden;

bool terminal_is_live(void)
{
	const char *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && term && *term && strcmp(term, "dumb");
}

void terminal_size(unsigned *width, unsigned *height)
{
	struct winsize size;

	*width = *height = 0;
	if (isatty(STDOUT_FILENO) && !ioctl(STDOUT_FILENO, TIOCGWINSZ, &size)) {
		*width = size.ws_col;
		*height = size.ws_row;
	}
}

void terminal_enter(void)
{
	static bool at_exit_asked;
	unsigned width, height;

	if (!at_exit_asked)
		at_exit_asked = !atexit(terminal_leave);
	cursor_hidden = true;
	/* What stands there is scrolled away, not wiped out: it can be read again later. */
	terminal_size(&width, &height);
	while (height-- > 1)
		putchar('\n');
	fputs("\033[?25l\033[H\033[J", stdout);
}

void terminal_leave(void)
{
	if (!cursor_hidden)
		return;
	cursor_hidden = false;
	fputs("\033[?25h", stdout);
	fflush(stdout);
}
