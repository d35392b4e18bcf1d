/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where CPython says which callback an event loop runs, and which task asyncio lets go on, told by the code of its ELF files alone.
 * Called when such a process is followed, and by doctor.
 * Never: guesses. A place whose surroundings do not prove what it is makes all of them unknown.
 *
 * Every callback of an event loop, and so every step of a task, runs in a context (contextvars), and each task has a context of its own:
 * its address is what tells tasks apart. Places are instructions that the kernel emulates, `push` and `call`: all else it would
 * single-step, at 20 times the price.
 */
#ifndef IOCPU_RUNTIME_PYTHON_H
#define IOCPU_RUNTIME_PYTHON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PYTHON_VERSION_MAX   16
#define PYTHON_SCHEDULES_MAX 16

/* The program, or the libpython that it has loaded. */
struct python_core {
	char version[PYTHON_VERSION_MAX]; /* "3.11.2"; empty: not known */
	uint64_t enter_offset;            /* in the file: a context is entered */
	bool enters_by_run;               /* there it is Context.run's, the first argument; else anybody's, the second */
	uint64_t context_type;            /* the address, as in the file, of the type that all contexts are of */
	uint64_t linked_at;               /* the address of the file's first byte: in a process all are moved by as much as that is */
	uint8_t entered_in_context;       /* the offset in a context: an int that says whether somebody has entered it */
	uint32_t call_soon_in_runtime;    /* where the name "call_soon" lies in _PyRuntime; 0: it is not kept there */
};

/* asyncio's accelerator module. */
struct python_asyncio {
	/*
	 * Offsets in the file: loop.call_soon(callback[, argument], context=…) as the vectorcall protocol has it. Since 3.12 by the
	 * method's name: then the loop is the first argument.
	 */
	uint64_t schedules[PYTHON_SCHEDULES_MAX];
	size_t schedule_count;
	bool by_name;
};

#define UVLOOP_QUEUES_MAX 16
#define UVLOOP_ENTERS_MAX 8

/* uvloop's loop. */
struct python_uvloop {
	/* Offsets in the file: something is put into a set (the second argument), be it a stream into that of those with something to
	 * write. */
	uint64_t queues[UVLOOP_QUEUES_MAX];
	size_t queue_count;
	/* It enters a context, the first argument: without Context.run. */
	uint64_t enters[UVLOOP_ENTERS_MAX];
	size_t enter_count;
};

/* 0, or −errno; *why is then what stands in the way, for people: static. The version is set as soon as it is known. */
int python_core_read(const char *path, struct python_core *core, const char **why);
int python_asyncio_read(const char *path, const struct python_core *core, struct python_asyncio *asyncio, const char **why);
int python_uvloop_read(const char *path, struct python_uvloop *uvloop, const char **why);

#endif
