/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The live event source: what comes out of the ring, in its order, with what only user space knows put in between.
 * Used by probe.c.
 */
#ifndef IOCPU_PROBE_SOURCE_H
#define IOCPU_PROBE_SOURCE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "config.h"
#include "probe/cost.h"
#include "probe/elf.h"
#include "probe/hooks.h"
#include "probe/loader.h"
#include "probe/ring.h"
#include "util/event.h"

/* A record that user space made itself, or took out of the ring before its turn. */
struct waiting {
	struct waiting *next;
	size_t size;
	bool from_ring;
	_Alignas(8) uint8_t bytes[];
};

/* All that was written by `at_ns` lies before `position` in the ring. */
struct mark {
	uint64_t at_ns;
	uint64_t position;
	bool set;
};

/*
 * A program that began in the trace and shows no runtime yet, which may be a dynamic linker's or a launcher's: it maps the runtime's
 * library later.
 */
struct young_program {
	pid_t tgid;
	unsigned int looks_left;
};

/* More at once are not looked at again: the oldest is forgotten. */
#define YOUNG_PROGRAMS_MAX 16

enum source_phase {
	SOURCE_RUNNING,
	SOURCE_STOPPED, /* no hook writes any more; once the ring is empty the accounts are read for the last time */
	SOURCE_RESTING, /* what is in the ring now is the rest */
	SOURCE_ENDED,
};

struct source {
	struct event_source base;
	struct loader *loader;
	struct runtime_hooks *hooks;
	struct ring ring;
	struct cost cost;
	struct known_programs known_programs;
	struct waiting *first; /* to be told */
	struct waiting *last;
	struct waiting *told; /* the event that the caller holds */
	size_t waiting_bytes; /* of those from the ring */
	struct record_head tick;
	struct mark mark;
	uint64_t ticked_ns;
	uint64_t snapshot_ns;
	uint64_t looked_again_ns; /* for runtimes that were not there or not ready yet */
	struct young_program young[YOUNG_PROGRAMS_MAX];
	unsigned int next_young;
	uint64_t records;
	uint64_t lost_injections; /* no memory for them */
	uint64_t lost_threads;    /* LOSS_THREADS, as far as they were looked for again */
	uint64_t lost_hooks;      /* that a target needed, and that could not be attached */
	unsigned int since_mark;  /* records read since the last look at the clock */
	enum source_phase phase;
};

/* 0 or −errno. */
int source_init(struct source *source, struct loader *loader, struct runtime_hooks *hooks);
void source_fini(struct source *source);

/* Puts a record of `size` bytes, payload behind it, into the stream. Copied. */
void source_inject(struct source *source, const void *record, size_t size);
/* The same for a RECORD_PROCESS: looks at the process's ELF file, and hooks its runtime. What the kernel half is to know of it. */
enum process_mark source_inject_process(struct source *source, pid_t tgid);

/*
 * Takes what is in the ring out of it, to be told in its turn: between things that together take longer than the ring has room for, as the
 * following of a hundred processes. Not while an event is held that lies in the ring.
 */
void source_make_room(struct source *source);

/* Attaches what the kernel half has asked for meanwhile. What cannot be had is counted, and the trace goes on without. */
void source_attach_on_demand(struct source *source);

/* Reads the accounts of all followed processes into the ring. */
void source_snapshot(struct source *source);

#endif
