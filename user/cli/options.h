/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the user asked for, from the command line.
 * Parsed by main, read by every subcommand; the table of options is also what --help prints.
 * Never: prints, exits, or looks at the machine.
 */
#ifndef IOCPU_CLI_OPTIONS_H
#define IOCPU_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "route/route.h"
#include "util/listen_address.h"

enum command { COMMAND_LIVE, COMMAND_REQUESTS, COMMAND_RECORD, COMMAND_REPORT, COMMAND_SERVE, COMMAND_DOCTOR, COMMANDS };

enum format { FORMAT_TABLE, FORMAT_JSON, FORMAT_NDJSON, FORMAT_CSV, FORMATS };

enum hooks { HOOKS_UNSAID, HOOKS_AUTO, HOOKS_OFF };

enum target_kind { TARGET_PID = 1, TARGET_PORT, TARGET_COMM, TARGET_CGROUP, TARGET_UNIT };

/* One thing that -p, --port, --comm, --cgroup or --unit named. */
struct target {
	enum target_kind kind;
	pid_t pid;
	uint16_t port;
	const char *name; /* a comm, a cgroup's path or a unit; borrowed from argv; NULL: it has a number */
};

#define TARGETS_MAX    256
#define PEER_NAMES_MAX 256

struct options {
	enum command command;
	bool help;
	bool version;
	struct target targets[TARGETS_MAX];
	size_t target_count;
	char **program;       /* -- CMD ARG…, ended by NULL; NULL: none */
	uint64_t duration_ns; /* 0: until told to stop */
	uint64_t interval_ns;
	enum format format;
	struct route_rules *rules;
	bool no_routes;
	enum hooks hooks;
	bool wide;
	bool show_query;
	bool verbose;
	/* requests */
	uint64_t slower_ns;
	const char *endpoint; /* NULL: any */
	uint64_t count;       /* 0: no end */
	/* record, report */
	const char *file;
	bool payload;
	/* serve */
	struct listen_address listen;
	const char *peer_names[PEER_NAMES_MAX]; /* "IP=NAME", sound; borrowed from argv */
	size_t peer_name_count;
	bool resolve;
	/* Why parsing failed, in one line, and what would be right. */
	char complaint[256];
	char hint[256];
};

/* One option: a row of the table in options.c. */
struct option_row {
	const char *group;    /* the heading that it stands under in --help */
	const char *name;     /* without dashes */
	char letter;          /* 0: none */
	const char *argument; /* NULL: takes none */
	unsigned commands;    /* 1 << enum command, of each that knows it */
	const char *help;
	int (*take)(struct options *options, const char *value);
};

extern const struct option_row option_rows[];
extern const size_t option_row_count;

/*
 * Reads the arguments of one subcommand (argv[0] is the first of them). 0; −EINVAL: options->complaint and ->hint say why; −ENOMEM.
 * To be ended with options_fini either way; strings are borrowed from argv.
 */
int options_parse(struct options *options, enum command command, int argc, char **argv);
void options_fini(struct options *options);

#endif
