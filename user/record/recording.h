/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The recording file: the events of a live run, with request lines in the place of payloads, to be read on any machine.
 * Written by `record`, read by `report`. Mode 0600.
 * Never: a byte of a query, header or body, unless payload was asked for.
 */
#ifndef IOCPU_RECORD_RECORDING_H
#define IOCPU_RECORD_RECORDING_H

#include <stdbool.h>

#include "util/event.h"

#define RECORDING_LOSSES_MAX 16

/* What the file says before its events. */
struct recording_info {
	uint32_t version;        /* of the format; a reader takes this one and older ones */
	uint64_t unix_offset_ns; /* CLOCK_REALTIME − CLOCK_MONOTONIC at the start */
	uint64_t start_ns;       /* CLOCK_MONOTONIC: the window begins */
	uint32_t cores;
	bool has_payload;
	char kernel[64];
	char arch[16];
	char tool_version[32];
};

/* What the recorder learnt until its end: behind the last event. Absent when the recorder was killed. */
struct recording_trailer {
	uint64_t end_ns; /* CLOCK_MONOTONIC: the window ends */
	uint64_t tool_kernel_ns;
	uint64_t tool_user_cpu_ns;
	uint32_t loss_count;
	struct {
		char name[32];
		uint64_t count;
	} losses[RECORDING_LOSSES_MAX];
};

struct recording_writer;

/* Creates (or truncates) the file, mode 0600. NULL: errno says why. */
struct recording_writer *recording_create(const char *path, const struct recording_info *info);
/* 0, or −errno (−ENOSPC: a full disk); after an error nothing more is written and the file is whole up to the last full event. */
int recording_write(struct recording_writer *writer, const struct event *event);
/* Writes the trailer, flushes, syncs, closes, frees. 0 or the first −errno of all writes. */
int recording_close(struct recording_writer *writer, const struct recording_trailer *trailer);

/*
 * Opens for reading. NULL: errno: EPROTO not a recording, EPROTONOSUPPORT a newer format. *info is filled. Reading a truncated file ends
 * where it was cut, with −EPROTO; the trailer is there after the last event (false: none).
 */
struct event_source *recording_open(const char *path, struct recording_info *info);
bool recording_trailer(const struct event_source *source, struct recording_trailer *trailer);

#endif
