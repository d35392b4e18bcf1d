/* SPDX-License-Identifier: BSD-2-Clause */
#include "probe/source.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "counters.h"
#include "iocpu.skel.h"
#include "probe/elf.h"
#include "probe/proc.h"
#include "util/clock.h"

#define NS_PER_MS 1000000ull

/* Often enough that the ring's memory stays in the caches, seldom enough that an idle target costs nothing to watch. */
#define DRAIN_EVERY_NS    (5 * NS_PER_MS)
#define TICK_EVERY_NS     (50 * NS_PER_MS)
#define SNAPSHOT_EVERY_NS (1000 * NS_PER_MS)
/* A program that was begun in the trace maps its runtime's library, and readies it, in a second or so. */
#define LOOK_AGAIN_EVERY_NS (250 * NS_PER_MS)
/* A hook takes its time first and its room in the ring then; in a guest its core may be taken away in between. */
#define RECORD_LATENESS_NS (1 * NS_PER_MS)
/* While records keep coming, the clock is looked at once for so many. */
#define RECORDS_PER_LOOK 256

/* ---- records that wait to be told */

/* The bytes of a record that waits; NULL: no memory. */
static struct waiting *wait_in_line(struct source *source, const void *record, size_t size)
{
	struct waiting *waiting = malloc(sizeof(*waiting) + size);

	if (!waiting)
		return NULL;
	*waiting = (struct waiting){.size = size};
	memcpy(waiting->bytes, record, size);
	if (source->last)
		source->last->next = waiting;
	else
		source->first = waiting;
	source->last = waiting;
	return waiting;
}

void source_inject(struct source *source, const void *record, size_t size)
{
	if (!wait_in_line(source, record, size))
		source->lost_injections++;
}

static void tell_process(struct source *source, pid_t tgid, enum runtime runtime)
{
	struct record_process process = {
		.head = {.at_ns = monotonic_ns(), .tid = (__u32)tgid, .kind = RECORD_PROCESS},
		.runtime = (__u8)runtime,
	};

	proc_comm(tgid, process.comm);
	source_inject(source, &process, sizeof(process));
}

static enum process_mark mark_of(enum runtime runtime)
{
	return runtime == RUNTIME_GO ? PROCESS_FOLLOWED : PROCESS_OF_THREADS;
}

/* Only if it is followed already. */
static void mark_process(struct source *source, pid_t tgid, enum runtime runtime)
{
	__u32 key = (__u32)tgid;
	__u8 mark = (__u8)mark_of(runtime);

	(void)bpf_map__update_elem(source->loader->skel->maps.process_by_tgid, &key, sizeof(key), &mark, sizeof(mark), BPF_EXIST);
}

static void hook_and_tell(struct source *source, pid_t tgid, enum runtime runtime, const struct execution *execution)
{
	if (!runtime)
		return; /* gone already */
	hooks_attach(source->hooks, tgid, runtime, execution);
	mark_process(source, tgid, runtime);
	tell_process(source, tgid, runtime);
}

enum process_mark source_inject_process(struct source *source, pid_t tgid)
{
	enum runtime runtime = process_runtime(&source->known_programs, tgid);
	struct execution execution = {};

	(void)proc_execution(tgid, &execution); /* of one that has none yet nothing is hooked */
	hook_and_tell(source, tgid, runtime, &execution);
	return mark_of(runtime);
}

/*
 * Tells of a program that has begun. By the time its record is read the process may be further, as with `sh -c 'exec …'`: then this one is
 * what the next record tells of, too, and is looked at once.
 */
static void tell_program(struct source *source, pid_t tgid)
{
	struct execution execution;
	enum runtime runtime;

	if (proc_execution(tgid, &execution) || hooks_know(source->hooks, tgid, &execution))
		return;
	runtime = process_runtime(&source->known_programs, tgid);
	for (size_t i = 0; i < YOUNG_PROGRAMS_MAX; i++)
		if (source->young[i].tgid == tgid)
			source->young[i].looks_left = 0;
	if (runtime == RUNTIME_NATIVE)
		source->young[source->next_young++ % YOUNG_PROGRAMS_MAX] = (struct young_program){tgid, HOOK_LOOKS_MAX};
	hook_and_tell(source, tgid, runtime, &execution);
}

static void look_at_young(struct source *source)
{
	for (size_t i = 0; i < YOUNG_PROGRAMS_MAX; i++) {
		struct young_program *young = &source->young[i];
		struct execution execution;
		enum runtime runtime;

		if (!young->looks_left)
			continue;
		young->looks_left--;
		if (proc_execution(young->tgid, &execution))
			continue;
		runtime = process_runtime(&source->known_programs, young->tgid);
		if (runtime == RUNTIME_NATIVE)
			continue;
		young->looks_left = 0;
		hook_and_tell(source, young->tgid, runtime, &execution);
	}
}

/* It is told once more, as people want to know that it is hooked now. */
static void look_again(struct source *source)
{
	pid_t tgid = hooks_look_again(source->hooks);
	enum runtime runtime = tgid ? process_runtime(&source->known_programs, tgid) : 0;

	if (runtime)
		tell_process(source, tgid, runtime);
}

static int tell_tick(struct source *source, struct event *event, uint64_t at_ns)
{
	source->tick = (struct record_head){.at_ns = at_ns, .kind = RECORD_TICK};
	source->ticked_ns = at_ns;
	return event_decode(event, &source->tick, sizeof(source->tick));
}

/* ---- once in a while */

static void each_process(struct source *source, int (*iterate)(struct loader *loader, pid_t tgid))
{
	int processes = bpf_map__fd(source->loader->skel->maps.process_by_tgid);
	__u32 tgid, *previous = NULL;

	while (!bpf_map_get_next_key(processes, previous, &tgid)) {
		iterate(source->loader, (pid_t)tgid);
		previous = &tgid;
	}
}

void source_snapshot(struct source *source)
{
	each_process(source, loader_snapshot);
}

/* Threads that have no account because it could not be made as they began: see make_account. Those for which it fails again are counted
 * again. */
static void find_lost_threads(struct source *source)
{
	uint64_t lost = source->loader->skel->bss->losses[LOSS_THREADS];

	if (lost == source->lost_threads)
		return;
	source->lost_threads = lost;
	each_process(source, loader_adopt);
}

void source_attach_on_demand(struct source *source)
{
	if (source->phase == SOURCE_RUNNING)
		source->lost_hooks += loader_attach_wanted(source->loader);
}

static void keep_house(struct source *source, uint64_t now_ns)
{
	source_attach_on_demand(source);
	cost_sample(&source->cost, source->loader->skel, now_ns);
	if (source->phase == SOURCE_RUNNING && now_ns - source->looked_again_ns >= LOOK_AGAIN_EVERY_NS) {
		source->looked_again_ns = now_ns;
		look_again(source); /* first: one that is found now has its next look, and says what came of it, later */
		look_at_young(source);
		find_lost_threads(source);
	}
	if (source->phase != SOURCE_RUNNING || now_ns - source->snapshot_ns < SNAPSHOT_EVERY_NS)
		return;
	source->snapshot_ns = now_ns;
	source->loader->skel->bss->realtime_offset_ns = unix_offset_ns();
	source_snapshot(source);
}

/* ---- reading */

/* A new process, or a new program in one, is worth a look at its ELF file. */
static void look_at_thread(struct source *source, const struct record_thread *thread)
{
	if (thread->origin == THREAD_EXECED)
		tell_program(source, (pid_t)thread->tgid);
	else if (thread->origin == THREAD_FORKED && thread->head.tid == thread->tgid)
		source_inject_process(source, (pid_t)thread->tgid);
}

static int tell_record(struct source *source, struct event *event, const void *bytes, size_t size)
{
	int err = event_decode(event, bytes, size);

	if (err)
		return err;
	source->records++;
	if (event->head->kind == RECORD_THREAD)
		look_at_thread(source, (const struct record_thread *)event->head);
	return 1;
}

static int tell_waiting(struct source *source, struct event *event)
{
	struct waiting *waiting = source->first;

	source->first = waiting->next;
	if (!source->first)
		source->last = NULL;
	source->told = waiting;
	if (!waiting->from_ring)
		return event_decode(event, waiting->bytes, waiting->size) ?: 1;
	source->waiting_bytes -= waiting->size;
	return tell_record(source, event, waiting->bytes, waiting->size);
}

/* Seconds of what a busy host tells; beyond that records stay in the ring, and are lost where that is full. */
#define WAITING_BYTES_MAX (64ul << 20)

void source_make_room(struct source *source)
{
	const void *bytes;
	size_t size;

	while (source->waiting_bytes < WAITING_BYTES_MAX && (bytes = ring_peek(&source->ring, &size))) {
		struct waiting *waiting = wait_in_line(source, bytes, size);

		if (!waiting) {
			ring_keep(&source->ring);
			return;
		}
		waiting->from_ring = true;
		source->waiting_bytes += size;
		ring_release(&source->ring);
	}
}

/* Time is told as far as the ring was read: a mark is a time and the place in the ring that belongs to it. */
static bool tick_is_due(struct source *source, uint64_t *at_ns)
{
	bool due = false;

	if (source->mark.set && ring_read(&source->ring) >= source->mark.position) {
		*at_ns = source->mark.at_ns - RECORD_LATENESS_NS;
		due = *at_ns >= source->ticked_ns + TICK_EVERY_NS;
		source->mark.set = false;
	}
	if (!source->mark.set) {
		source->mark.at_ns = monotonic_ns();
		source->mark.position = ring_written(&source->ring);
		source->mark.set = true;
	}
	return due;
}

static void release(struct source *source)
{
	ring_release(&source->ring);
	free(source->told);
	source->told = NULL;
}

static void sleep_ns(uint64_t ns)
{
	struct timespec time = {.tv_nsec = (long)ns};

	nanosleep(&time, NULL);
}

/*
 * Nothing can be read. A hook that lost its core in the middle of its record will finish it, and what lies behind is read then. Else the
 * ring is empty: more will come, or the last snapshots find room in it for certain.
 */
static void wait_or_finish(struct source *source)
{
	if (source->phase == SOURCE_STOPPED && !ring_has_more(&source->ring)) {
		source_snapshot(source);
		source->phase = SOURCE_RESTING;
		return;
	}
	source->since_mark = RECORDS_PER_LOOK;
	sleep_ns(DRAIN_EVERY_NS);
}

static int tell_end(struct source *source, struct event *event)
{
	source->phase = SOURCE_ENDED;
	return tell_tick(source, event, source->loader->skel->bss->paused_at_ns);
}

/* What waits behind a record from the ring found its room there later. */
static bool waiting_tick_is_due(const struct source *source, uint64_t *at_ns)
{
	const struct record_head *next = (const struct record_head *)(const void *)source->first->bytes;

	if (source->phase != SOURCE_RUNNING || !source->first->from_ring)
		return false;
	*at_ns = next->at_ns - RECORD_LATENESS_NS;
	return *at_ns >= source->ticked_ns + TICK_EVERY_NS;
}

/* While those wait that were taken out of the ring, it fills again; be it as quickly as they are told, time goes on. */
static int tell_next_waiting(struct source *source, struct event *event)
{
	uint64_t at_ns;

	if (source->waiting_bytes && source->since_mark++ >= RECORDS_PER_LOOK) {
		source->since_mark = 0;
		keep_house(source, monotonic_ns());
		source_make_room(source);
		if (waiting_tick_is_due(source, &at_ns))
			return tell_tick(source, event, at_ns) ?: 1;
	}
	return tell_waiting(source, event);
}

static int source_next(struct event_source *base, struct event *event)
{
	struct source *source = (struct source *)base;
	uint64_t at_ns;

	release(source);
	for (;;) {
		const void *bytes;
		size_t size;

		if (source->first)
			return tell_next_waiting(source, event);
		if (source->since_mark++ >= RECORDS_PER_LOOK) {
			source->since_mark = 0;
			keep_house(source, monotonic_ns());
			/* Behind the stop the last tick is to come, of the moment when it was. */
			if (source->phase == SOURCE_RUNNING && tick_is_due(source, &at_ns))
				return tell_tick(source, event, at_ns) ?: 1;
		}
		bytes = ring_peek(&source->ring, &size);
		if (bytes)
			return tell_record(source, event, bytes, size);
		if (source->phase == SOURCE_ENDED)
			return 0;
		if (source->phase == SOURCE_RESTING && !ring_has_more(&source->ring))
			return tell_end(source, event) ?: 1;
		wait_or_finish(source);
	}
}

static void source_close(struct event_source *base)
{
	(void)base; /* the probe's */
}

int source_init(struct source *source, struct loader *loader, struct runtime_hooks *hooks)
{
	uint64_t now_ns = monotonic_ns();

	*source = (struct source){.base = {.next = source_next, .close = source_close},
				  .loader = loader,
				  .hooks = hooks,
				  .ticked_ns = now_ns,
				  .snapshot_ns = now_ns};
	cost_init(&source->cost, now_ns);
	return ring_init(&source->ring, bpf_map__fd(loader->skel->maps.records), RING_BYTES);
}

void source_fini(struct source *source)
{
	release(source);
	while (source->first) {
		source->told = source->first;
		source->first = source->first->next;
		release(source);
	}
	cost_fini(&source->cost);
	ring_fini(&source->ring);
}
