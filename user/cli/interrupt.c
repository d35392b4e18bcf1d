/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/interrupt.h"

#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t caught;

static const int watched[] = {SIGINT, SIGTERM, SIGHUP};
#define WATCHED (sizeof(watched) / sizeof(watched[0]))

static struct sigaction found[WATCHED];
static struct sigaction found_pipe;

static void remember(int signal)
{
	caught = signal;
}

void interrupt_watch(void)
{
	const struct sigaction action = {.sa_handler = remember}; /* no SA_RESTART: a sleep or read ends as well */
	const struct sigaction ignore = {.sa_handler = SIG_IGN};

	for (size_t i = 0; i < WATCHED; i++) {
		sigaction(watched[i], NULL, &found[i]);
		if (watched[i] == SIGTERM || found[i].sa_handler != SIG_IGN)
			sigaction(watched[i], &action, NULL);
	}
	sigaction(SIGPIPE, &ignore, &found_pipe);
}

void interrupt_restore(void)
{
	for (size_t i = 0; i < WATCHED; i++)
		sigaction(watched[i], &found[i], NULL);
	sigaction(SIGPIPE, &found_pipe, NULL);
}

bool interrupted(void)
{
	return caught != 0;
}
