/* SPDX-License-Identifier: BSD-2-Clause */
#include "util/calls.h"

static uint64_t beyond(uint64_t start_ns, uint64_t end_ns, uint64_t *until_ns)
{
	uint64_t from_ns = start_ns > *until_ns ? start_ns : *until_ns;

	if (end_ns <= from_ns)
		return 0;
	*until_ns = end_ns;
	return end_ns - from_ns;
}

uint64_t call_net_beyond(const struct request_call *call, uint64_t *until_ns)
{
	uint64_t connecting_ns = beyond(call->start_ns, call->start_ns + call->connect_ns, until_ns);

	return connecting_ns + beyond(call->write_ns, call->write_ns + (call->net_ns - call->connect_ns), until_ns);
}
