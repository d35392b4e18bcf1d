/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/permission.h"

#include <linux/capability.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "cli/procfs.h"

const struct capability_row capability_rows[] = {
	{"CAP_BPF", CAP_BPF, "loads the programs"},
	{"CAP_PERFMON", CAP_PERFMON, "attaches them to tracepoints, reads kernel memory"},
	{"CAP_SYS_PTRACE", CAP_SYS_PTRACE, "reads /proc/PID of other users' processes"},
	{"CAP_SYS_ADMIN", CAP_SYS_ADMIN, "mounts tracefs for itself where it is not mounted, switches BPF statistics on"},
};
const size_t capability_row_count = sizeof(capability_rows) / sizeof(capability_rows[0]);

static uint64_t effective_capabilities(void)
{
	char text[8192];
	unsigned long long mask = 0;
	const char *at;

	if (procfs_read("/proc/self/status", text, sizeof(text)) <= 0)
		return 0;
	at = strstr(text, "\nCapEff:");
	if (!at || sscanf(at, "\nCapEff: %llx", &mask) != 1)
		return 0;
	return mask;
}

bool capability_held(const struct capability_row *row)
{
	uint64_t held = effective_capabilities();
	bool admin = held & 1ull << CAP_SYS_ADMIN;

	return held & 1ull << row->number || (admin && (row->number == CAP_BPF || row->number == CAP_PERFMON));
}

bool tracing_permitted(void)
{
	/* The last row is for comfort: the probe says what it misses where that matters. */
	for (size_t i = 0; i + 1 < capability_row_count; i++)
		if (!capability_held(&capability_rows[i]))
			return false;
	return true;
}
