/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/commands.h"

#include "cli/session.h"
#include "cli/trace.h"

enum exit_code run_live(const struct options *options)
{
	struct trace *trace;
	enum exit_code code = trace_open(options, &trace);

	if (code)
		return code;
	code = trace_start(trace);
	if (!code)
		code = session_run(trace_feed(trace), options);
	trace_close(trace);
	return code;
}
