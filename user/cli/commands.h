/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The subcommands, a file each.
 * Called by main, through its table.
 * Never: parses options.
 */
#ifndef IOCPU_CLI_COMMANDS_H
#define IOCPU_CLI_COMMANDS_H

#include "cli/complain.h"
#include "cli/options.h"

/* Each does its work and returns the exit code; what went wrong has been complained of. */
enum exit_code run_live(const struct options *options);
enum exit_code run_requests(const struct options *options);
enum exit_code run_record(const struct options *options);
enum exit_code run_report(const struct options *options);
enum exit_code run_serve(const struct options *options);
enum exit_code run_doctor(const struct options *options);

#endif
