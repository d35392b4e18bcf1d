/* SPDX-License-Identifier: BSD-2-Clause */
#include "util/stream.h"

const char *const stream_kind_names[WIRE_STREAMS] = {
	[WIRE_NO_STREAM] = "none", [WIRE_UPGRADED] = "upgraded",   [WIRE_WEBSOCKET] = "websocket",
	[WIRE_TUNNEL] = "tunnel",  [WIRE_EVENTS] = "event-stream",
};
