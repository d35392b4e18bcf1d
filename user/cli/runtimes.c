/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/runtimes.h"

static const char *const notes[RUNTIMES] = {
	[0] = "its program could not be read",
	[RUNTIME_NATIVE] = "threads, worker pools, pre-forked workers and event loops that call back at once are told apart",
	[RUNTIME_GO] = "without hooks goroutines are told apart by their sockets; locks and channels are not seen; a pool of downstream "
		       "connections may make requests ambiguous",
	[RUNTIME_NODE] =
		"callbacks are told apart by their sockets, and by their order where they wait for a pool's connections; answers out of "
		"order on one connection make requests ambiguous",
	[RUNTIME_JVM] = "platform threads are told apart; virtual threads by their sockets, where no hook tells of them",
	[RUNTIME_PYTHON] = "threads are told apart; asyncio's tasks by their sockets and their order where no hook tells of "
			   "them, uvloop's only where one does",
	[RUNTIME_RUST] = "threads are told apart; without hooks tasks of tokio by their sockets; a pool of downstream connections may make "
			 "requests ambiguous",
};

const char *runtime_note(uint8_t runtime)
{
	return notes[runtime < RUNTIMES ? runtime : 0];
}
