/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/runtimes.h"

const struct runtime_row runtime_rows[RUNTIMES] = {
	[0] = {"an unknown runtime", "its program could not be read"},
	[RUNTIME_NATIVE] = {"native", "threads, worker pools, pre-forked workers and event loops that call back at once are told apart"},
	[RUNTIME_GO] = {"Go",
			"without hooks goroutines are told apart by their sockets; locks and channels are not seen; a pool of downstream "
			"connections makes requests ambiguous"},
	[RUNTIME_NODE] =
		{"Node.js",
		 "callbacks are told apart by their sockets, and by their order where they wait for a pool's connections; answers out of "
		 "order on one connection make requests ambiguous"},
	[RUNTIME_JVM] = {"Java", "platform threads are told apart; virtual threads by their sockets, where no hook tells of them"},
	[RUNTIME_PYTHON] = {"Python", "threads are told apart; asyncio's tasks by their sockets and their order where no hook tells of "
				      "them, uvloop's only where one does"},
	[RUNTIME_RUST] = {"Rust",
			  "threads are told apart; without hooks tasks of tokio by their sockets; a pool of downstream connections makes "
			  "requests ambiguous"},
};
