/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * JSON, schema "iocpu-trace/1": snapshots and single requests, one object a line. DESIGN.md has the contract.
 * Called by cli for -o json (once, the whole run) and -o ndjson (a line a window, or a request).
 * Never: a 0 for what is not known (that is null), a byte that is not valid UTF-8.
 */
#ifndef IOCPU_EXPORT_JSON_H
#define IOCPU_EXPORT_JSON_H

#include <stdint.h>
#include <stdio.h>

#include "stats/snapshot.h"
#include "util/request.h"

/* One object and a newline; flushes. 0 or −errno of the write. */
int json_print_snapshot(FILE *out, const struct snapshot *snapshot);

/*
 * The same of one request. unix_offset_ns: CLOCK_REALTIME − CLOCK_MONOTONIC. A call's start_ns counts from the start of its request.
 */
int json_print_request(FILE *out, const struct request *request, const char *service, const char *endpoint, uint64_t unix_offset_ns);

#endif
