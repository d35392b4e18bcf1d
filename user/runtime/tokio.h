/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where in a Rust program tokio's runtime says which task a thread runs, told by its ELF file alone.
 * Called when such a process is followed, and by doctor.
 * Never: guesses. A program without symbols, and code that does not look as it should, have no places.
 */
#ifndef IOCPU_RUNTIME_TOKIO_H
#define IOCPU_RUNTIME_TOKIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"

/*
 * Each place is an instruction near the beginning of one of tokio's functions that the kernel emulates, and before which the function's
 * argument, a task, still is where the caller put it.
 */
enum tokio_place {
	TOKIO_RUNS,  /* a thread is about to run the task: State::transition_to_running */
	TOKIO_IDLES, /* it has run the task, which waits or will run again: State::transition_to_idle */
	TOKIO_ENDS,  /* … which is over: State::transition_to_complete */
	TOKIO_WAKES, /* it may go on: waker::wake_by_val, wake_by_ref */
	TOKIO_MADE,  /* it was made: OwnedTasks::bind_inner, Spawner::spawn_task */
	TOKIO_BINDS, /* one is being made, which gets the id that is an argument: OwnedTasks::bind, before tokio 1.30 */
	TOKIO_PLACES
};

#define TOKIO_PROBES_MAX  96
#define TOKIO_VERSION_MAX 16

struct tokio_probe {
	enum tokio_place place;
	uint64_t file_offset;
};

struct tokio_program {
	char version[TOKIO_VERSION_MAX]; /* "1.24.2"; empty: not known */
	struct tokio_probe probes[TOKIO_PROBES_MAX];
	size_t probe_count;
	bool tells_made;            /* there is a place that tells of tasks that others make */
	struct tokio_layout layout; /* addresses as in the file */
	uint64_t linked_at;         /* the address of the file's first byte: in a process all are moved by as much as that is */
};

/*
 * 0, or −errno; *why is then what stands in the way, for people: static. −ENODATA: nothing of tokio is seen in it. The version is set as
 * soon as it is known.
 */
int tokio_program_read(const char *path, struct tokio_program *program, const char **why);

#endif
