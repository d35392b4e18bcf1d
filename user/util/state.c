/* SPDX-License-Identifier: BSD-2-Clause */
#include "util/state.h"

const struct state_name state_names[STATES] = {
	[STATE_CPU] = {"cpu", "CPU", "a thread runs on a core for this request"},
	[STATE_READY] = {"ready", "READY", "a thread that is to run this request waits for a core"},
	[STATE_DISK] = {"disk", "DISK", "blocked in block I/O, a sync or a page fault"},
	[STATE_NET] = {"net", "NET", "a downstream call is in flight"},
	[STATE_LOOP] = {"loop", "LOOP", "its data is there, but the event loop is busy with somebody else"},
	[STATE_QUEUE] = {"queue", "QUEUE", "arrived, but nobody has begun it"},
	[STATE_LOCK] = {"lock", "LOCK", "blocked on a lock"},
	[STATE_POOL] = {"pool", "POOL", "waiting for a free downstream connection"},
	[STATE_LOG] = {"log", "LOG", "blocked writing to a pipe, a terminal or a file"},
	[STATE_CLIENT] = {"client", "CLIENT", "waiting for the client: the rest of its request, or a slow reader"},
	[STATE_SLEEP] = {"sleep", "SLEEP", "a timer that it set itself"},
	[STATE_OTHER] = {"other", "OTHER", "what the evidence does not settle"},
};

const enum state state_display_order[STATES] = {
	STATE_CPU,  STATE_READY, STATE_QUEUE, STATE_LOOP,   STATE_NET,   STATE_DISK,
	STATE_LOCK, STATE_POOL,  STATE_LOG,   STATE_CLIENT, STATE_SLEEP, STATE_OTHER,
};

const char *const ready_part_names[READY_PARTS] = {
	[READY_PART_WAKEUP] = "wakeup",
	[READY_PART_PREEMPTED] = "preempted",
	[READY_PART_THROTTLED] = "throttled",
	[READY_PART_STOLEN] = "stolen",
};
