/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where in a Go program the scheduler says which goroutine a thread runs, told by its ELF file alone.
 * Called when such a process is followed, and by doctor.
 * Never: guesses. A version whose layout is not known, and code that does not look as it should, have no places.
 */
#ifndef IOCPU_RUNTIME_GO_H
#define IOCPU_RUNTIME_GO_H

#include <stddef.h>
#include <stdint.h>

#include "config.h"

/*
 * Each place is a `call` instruction, which the kernel emulates where it would have to single-step a function's first instruction, at 20
 * times the price. The goroutine (a runtime.g) is an argument, or in the register that Go keeps it in. That it has left its thread no place
 * need tell: its memory does.
 */
enum go_place {
	GO_RUNS,  /* the scheduler lets it run on this thread */
	GO_MADE,  /* a `go` statement made it */
	GO_WAKES, /* it may go on: what it waited for has happened */
	/* Where the layout of its threads is known these stand for GO_RUNS and GO_WAKES. */
	GO_PARKS,  /* one waits, for something else than a socket, and leaves its thread */
	GO_YIELDS, /* one leaves its thread, and could go on */
	GO_ENDS,
	GO_THREAD, /* a thread begins to run goroutines */
	GO_PLACES
};

#define GO_CALLS_MAX   32
#define GO_VERSION_MAX 32

struct go_call {
	enum go_place place;
	uint64_t file_offset;
};

struct go_program {
	char version[GO_VERSION_MAX]; /* "go1.24.4"; empty: not known */
	struct go_call calls[GO_CALLS_MAX];
	size_t call_count;
	struct go_layout layout; /* addresses as in the file */
	uint64_t linked_at;      /* the address of the file's first byte: in a process all are moved by as much as that is */
};

/* 0, or −errno; *why is then what stands in the way, for people: static. The version is set as soon as it is known. */
int go_program_read(const char *path, struct go_program *program, const char **why);

#endif
