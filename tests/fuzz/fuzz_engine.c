/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libFuzzer target: any history of a few processes, threads, strands and connections, as the kernel half would tell it: threads go on and
 * off their cores, and their records account for that truly, whatever they do at the boundary. Checked: nothing crashes or leaks, each told
 * request closes, and CPU is conserved to the last ns, whichever rules were asked.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/engine.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define THREADS       6
#define CONNS         12
#define STRANDS       7 /* and 0: none */
#define TID           100
#define PROCESSES_MAX 4096
/* Of records and their times: those of two cores may come in the wrong order, and snapshots are read beside them. */
#define LATE_NS 3000

struct sim_thread {
	uint32_t tgid; /* 0: there is no such thread now */
	uint64_t span_start_ns;
	uint64_t clock_ns; /* of all that it did and that was done to it */
	uint64_t free_ns;  /* core time before this is given away already: by a snapshot, or as stolen */
	bool on_core;
	bool has_window;
	struct window window;
	uint64_t epoll_at_ns;
	uint32_t epoll_events;
	int32_t epoll_fd;
};

struct sim {
	const uint8_t *data;
	size_t size;
	struct engine *engine;
	struct sim_thread threads[THREADS];
	uint64_t now_ns;
	uint64_t charged_ns;
};

/* ---- what the input says -------------------------------------------------------------------------------------------------------- */

static uint8_t take(struct sim *sim)
{
	if (!sim->size)
		return 0;
	sim->size--;
	return *sim->data++;
}

/* From some ns to a second or so, most of them short. */
static uint64_t take_time(struct sim *sim)
{
	uint8_t byte = take(sim);

	return (1ull + (byte & 15)) << (6 + (byte >> 4) + (byte >> 5));
}

/* ---- telling it to the engine --------------------------------------------------------------------------------------------------- */

static void check(void *context, const struct request *request)
{
	uint64_t wall_ns = 0, ready_ns = 0, at_ns = request->start_ns;

	(void)context;
	for (size_t i = 0; i < STATES; i++)
		wall_ns += request->state_ns[i];
	for (size_t i = 0; i < READY_PARTS; i++)
		ready_ns += request->ready_ns[i];
	assert(wall_ns == request->end_ns - request->start_ns);
	assert(ready_ns == request->state_ns[STATE_READY]);
	for (size_t i = 0; i < request->stretch_count; i++) {
		assert(request->stretches[i].start_ns == at_ns && request->stretches[i].end_ns > at_ns);
		at_ns = request->stretches[i].end_ns;
	}
	assert(at_ns == request->end_ns);
}

static void feed(struct sim *sim, const void *bytes, size_t size, const struct wire_note *note)
{
	struct event event;

	assert(event_decode(&event, bytes, size) == 0);
	if (note)
		event.note = *note;
	assert(engine_handle(sim->engine, &event) == 0);
}

/* Closes the thread's span, or looks at it (a snapshot). */
static void feed_span(struct sim *sim, struct sim_thread *thread, struct record record, const struct wire_note *note)
{
	struct {
		struct record record;
		struct window window;
	} bytes = {.record = record, .window = thread->window};
	bool snapshot = record.head.kind == RECORD_SNAPSHOT;

	bytes.record.head.tid = TID + (uint32_t)(thread - sim->threads);
	bytes.record.head.at_ns = thread->clock_ns;
	bytes.record.core_ns = (thread->on_core ? thread->clock_ns : thread->window.off_at_ns) - thread->span_start_ns;
	if (thread->has_window) {
		bytes.record.head.flags |= RECORD_HAS_WINDOW;
		if (thread->on_core)
			bytes.record.core_ns -= thread->window.on_at_ns - thread->window.off_at_ns;
		else
			bytes.window.on_at_ns = thread->clock_ns;
	}
	if (!snapshot) {
		bytes.record.epoll_at_ns = thread->epoll_at_ns;
		bytes.record.epoll_events = thread->epoll_events;
		bytes.record.epoll_fd = thread->epoll_fd;
		thread->span_start_ns = thread->clock_ns;
		thread->has_window = false;
		thread->epoll_at_ns = 0;
		memset(&thread->window, 0, sizeof(thread->window));
	}
	feed(sim, &bytes, sizeof(struct record) + (bytes.record.head.flags & RECORD_HAS_WINDOW ? sizeof(struct window) : 0), note);
}

/* ---- what happens to a thread --------------------------------------------------------------------------------------------------- */

static void run_for(struct sim *sim, struct sim_thread *thread, uint64_t ns)
{
	thread->clock_ns += ns;
	sim->charged_ns += ns;
	if (thread->clock_ns > sim->now_ns)
		sim->now_ns = thread->clock_ns;
}

static void go_off(struct sim *sim, struct sim_thread *thread)
{
	uint8_t how = take(sim), stolen = take(sim);
	uint64_t begun_ns = thread->has_window ? thread->window.on_at_ns : thread->span_start_ns, stolen_ns;

	if (begun_ns < thread->free_ns)
		begun_ns = thread->free_ns;
	stolen_ns = stolen < 200 || begun_ns > thread->clock_ns ? 0 : (thread->clock_ns - begun_ns) / (256u - stolen);
	if (stolen_ns > UINT32_MAX)
		stolen_ns = UINT32_MAX;
	sim->charged_ns -= stolen_ns;
	if (thread->has_window) {
		thread->window.stolen_after_ns = (uint32_t)stolen_ns;
		feed_span(sim, thread, (struct record){.head.kind = RECORD_WINDOW}, NULL);
		stolen_ns = 0;
	}
	thread->has_window = true;
	thread->on_core = false;
	thread->window.off_at_ns = thread->clock_ns;
	thread->window.stolen_ns = stolen_ns;
	thread->window.cause = how % WAIT_CAUSES;
	thread->window.voluntary = thread->window.cause != WAIT_RUNNABLE;
	thread->window.involuntary = thread->window.cause == WAIT_RUNNABLE;
}

static void come_on(struct sim *sim, struct sim_thread *thread)
{
	uint8_t ready = take(sim);

	thread->clock_ns += take_time(sim);
	if (thread->clock_ns + LATE_NS < sim->now_ns)
		thread->clock_ns = sim->now_ns - LATE_NS;
	if (thread->clock_ns > sim->now_ns)
		sim->now_ns = thread->clock_ns;
	thread->window.on_at_ns = thread->clock_ns;
	thread->window.ready_ns = (thread->window.on_at_ns - thread->window.off_at_ns) * (ready & 15) / 15;
	thread->window.ready_cause = ready >> 4;
	thread->on_core = true;
	thread->free_ns = thread->clock_ns;
}

/* It is on a core, and time is what it is for all threads. */
static void wake(struct sim *sim, struct sim_thread *thread)
{
	uint64_t late_ns = take(sim) & 15 ? 0 : LATE_NS;

	if (!thread->on_core)
		come_on(sim, thread);
	else if (thread->clock_ns + late_ns < sim->now_ns)
		run_for(sim, thread, sim->now_ns - late_ns - thread->clock_ns);
	run_for(sim, thread, take_time(sim));
}

static void tell_thread(struct sim *sim, struct sim_thread *thread, uint32_t parent_tid, uint8_t origin)
{
	struct record_thread record = {
		.head = {.at_ns = thread->clock_ns, .tid = TID + (uint32_t)(thread - sim->threads), .kind = RECORD_THREAD},
		.tgid = thread->tgid,
		.parent_tid = parent_tid,
		.origin = origin,
		.comm = "server"};

	feed(sim, &record, sizeof(record), NULL);
}

static void begin(struct sim *sim, struct sim_thread *thread)
{
	uint8_t how = take(sim);
	struct sim_thread *parent = &sim->threads[how % THREADS];
	bool forked = parent->tgid && how & 64;
	uint32_t own = TID + (uint32_t)(thread - sim->threads);

	*thread = (struct sim_thread){.tgid = parent->tgid && how & 128 ? parent->tgid : own,
				      .on_core = true,
				      .clock_ns = sim->now_ns,
				      .span_start_ns = sim->now_ns,
				      .free_ns = sim->now_ns};
	tell_thread(sim, thread, parent->tgid ? TID + how % THREADS : 0, forked ? THREAD_FORKED : THREAD_FOUND);
}

static void end(struct sim *sim, struct sim_thread *thread)
{
	if (!thread->on_core)
		come_on(sim, thread);
	feed_span(sim, thread, (struct record){.head.kind = RECORD_THREAD_EXIT}, NULL);
	thread->tgid = 0;
}

/* ---- what a thread does --------------------------------------------------------------------------------------------------------- */

static const uint8_t role_by_conn[CONNS] = {CONN_SERVER,     CONN_SERVER,     CONN_SERVER,     CONN_SERVER, CONN_SERVER, CONN_DOWNSTREAM,
					    CONN_DOWNSTREAM, CONN_DOWNSTREAM, CONN_DOWNSTREAM, CONN_PAIR,   CONN_PAIR,   CONN_LISTENER};

static void describe(struct sim *sim, uint8_t conn, uint8_t how)
{
	struct record_conn record = {.head = {.at_ns = sim->now_ns, .kind = RECORD_CONN},
				     .conn_id = 1u + conn,
				     .tgid = TID,
				     .family = CONN_INET,
				     .type = how & 64 && how & 128 ? CONN_DATAGRAM : CONN_STREAM,
				     .role = role_by_conn[conn],
				     .local_port = 80,
				     .remote_port = conn};

	if (record.role == CONN_PAIR)
		record.family = conn & 1 ? CONN_EVENTFD : CONN_TIMERFD;
	feed(sim, &record, sizeof(record), NULL);
}

static void change_conn(struct sim *sim)
{
	uint8_t how = take(sim);
	struct record_conn_state record = {.head = {.at_ns = sim->now_ns, .kind = RECORD_CONN_STATE},
					   .conn_id = 1u + how % CONNS,
					   .state = how & 64 ? CONN_UP : CONN_ENDED};

	if (how & 128)
		describe(sim, how % CONNS, how);
	else
		feed(sim, &record, sizeof(record), NULL);
}

static struct wire_note take_note(struct sim *sim, uint8_t op)
{
	uint8_t how = take(sim);
	struct wire_note note = {.protocol = how & 3 ? WIRE_HTTP1 : WIRE_UNKNOWN};

	if (op == IO_READ && note.protocol == WIRE_HTTP1) {
		note.begun = (how >> 2) & 3;
		if (note.begun && how & 16) {
			note.line_count = 1;
			note.lines[0] = (struct wire_line){"GET", "/x", 3, 2, false};
		}
		note.late_line = note.line_count && how & 32;
	} else if (op == IO_WRITE && how & 8) {
		note.status = how & 16 ? 200 : 100;
	}
	note.handshake = how > 250 && !note.begun && !note.status;
	note.stream = note.status == 200 && how & 32 ? 1 + (how >> 6) % (WIRE_STREAMS - 1) : WIRE_NO_STREAM;
	note.stream_ends = op == IO_WRITE && how == 0xf0;
	return note;
}

/* What the read or write that follows moves of a connection that several requests use at once: few different words, so that some agree. */
static void tell_messages(struct sim *sim, struct sim_thread *thread, uint64_t conn_id, uint8_t op)
{
	uint8_t how = take(sim);
	struct {
		struct record_messages record;
		struct arrival arrivals[ARRIVALS_MAX];
	} bytes = {.record = {.head = {.at_ns = thread->clock_ns, .kind = RECORD_MESSAGES, .op = op}, .conn_id = conn_id, .length = 64}};
	struct wire_note note = {.message_count = how & 128 ? how % WIRE_MESSAGES_MAX : how & 3};
	bool arrivals = op == IO_READ && how & 64;

	bytes.record.head.tid = TID + (uint32_t)(thread - sim->threads);
	bytes.record.head.flags = arrivals ? RECORD_ALL_ARRIVALS : 0;
	bytes.record.until = 64u * how;
	for (uint32_t i = 0; i < ARRIVALS_MAX; i++) /* in pairs: nobody saw the segment come */
		bytes.arrivals[i] = (struct arrival){16 * ((how & 1 ? i / 2 : i) + how), (uint32_t)thread->clock_ns - 1000 * i * how};
	for (uint32_t i = 0; i < note.message_count; i++) {
		uint8_t words = take(sim);

		note.messages[i] = (struct wire_message){2 * i, 1 + (words & 1), {words >> 1 & 7, words >> 4}};
	}
	feed(sim, &bytes, arrivals ? sizeof(bytes) : sizeof(bytes.record), &note);
}

static void do_io(struct sim *sim, struct sim_thread *thread)
{
	static const int32_t results[] = {64, 64, 64, 64, 640, 64, 64, 64, -11, -11, -11, 0, -104, -4, -115, 1};
	uint8_t what = take(sim), how = take(sim), op = (uint8_t)(IO_READ + (how >> 4) % (IO_OPS - IO_READ));
	struct wire_note note;
	struct record record = {.head = {.kind = RECORD_IO, .op = op}, .conn_id = 1u + what % CONNS, .result = results[how & 15]};
	uint64_t early_ns = what >> 4 & 1 ? take_time(sim) : 0;

	if (how >> 4 > 9) /* mostly reads and writes */
		record.head.op = op = IO_READ + (how >> 4 & 1);
	note = take_note(sim, op);
	if (op == IO_READ && early_ns && early_ns < thread->clock_ns)
		record.arrived_ns = thread->clock_ns - early_ns;
	if (what >> 5 == 7)
		record.head.flags = op == IO_READ ? RECORD_PEEK : op == IO_WRITE ? RECORD_PARTIAL : RECORD_ESTABLISHED;
	if (role_by_conn[what % CONNS] == CONN_DOWNSTREAM && op <= IO_WRITE && !(how & 8))
		tell_messages(sim, thread, record.conn_id, op);
	feed_span(sim, thread, record, &note);
}

static void epoll_returns(struct sim *sim, struct sim_thread *thread)
{
	uint8_t how = take(sim);

	if (thread->epoll_at_ns)
		feed_span(sim, thread, (struct record){.head.kind = RECORD_EPOLL}, NULL);
	thread->epoll_at_ns = thread->clock_ns;
	thread->epoll_events = how & 7;
	thread->epoll_fd = 3 + (how >> 7);
	if (how & 64)
		feed_span(sim, thread, (struct record){.head.kind = RECORD_EPOLL}, NULL);
}

static void do_strand(struct sim *sim, struct sim_thread *thread)
{
	uint8_t what = take(sim), how = take(sim);
	struct record record = {.head = {.kind = RECORD_STRAND, .op = (uint8_t)(STRAND_RUNS + (what >> 3) % (STRAND_OPS - STRAND_RUNS))},
				.strand_id = what % (STRANDS + 1)};

	if (record.head.op == STRAND_RUNS) {
		record.result = how % WAIT_CAUSES;
		record.head.flags = how >> 4 == 15 ? RECORD_STRAND_ENDED : 0;
		record.parent_strand_id = how >> 4 < STRANDS ? how >> 4 : 0;
	}
	feed_span(sim, thread, record, NULL);
}

static void do_futex(struct sim *sim, struct sim_thread *thread)
{
	uint8_t how = take(sim);
	struct record record = {.head = {.kind = RECORD_FUTEX, .op = how & 1 ? FUTEX_WOKE : FUTEX_WOKEN},
				.futex_at = 4096 + (how >> 1 & 3) * 4 + (how >> 7 ? FUTEX_SHARED : 0),
				.result = how & 1 ? 1 + (how >> 3 & 3) : 0};

	feed_span(sim, thread, record, NULL);
}

static void look_at(struct sim *sim, struct sim_thread *thread)
{
	uint8_t how = take(sim);
	struct record record = {.head = {.kind = RECORD_SNAPSHOT, .op = how & 1 ? IO_WRITE : 0}};

	if (thread->clock_ns < sim->now_ns) {
		if (thread->on_core)
			run_for(sim, thread, sim->now_ns - thread->clock_ns);
		else
			thread->clock_ns = sim->now_ns;
	}
	if (thread->on_core) {
		record.head.flags = RECORD_ON_CORE;
		thread->free_ns = thread->clock_ns;
	}
	feed_span(sim, thread, record, NULL);
}

static void tick(struct sim *sim)
{
	struct record_head head = {.kind = RECORD_TICK};

	head.at_ns = sim->now_ns += take_time(sim) * 16;
	feed(sim, &head, sizeof(head), NULL);
}

static void tell_process(struct sim *sim, const struct sim_thread *thread)
{
	struct record_process record = {.head = {.at_ns = sim->now_ns, .tid = thread->tgid, .kind = RECORD_PROCESS}, .comm = "server"};

	record.runtime = (uint8_t)(RUNTIME_NATIVE + take(sim) % (RUNTIMES - RUNTIME_NATIVE));
	feed(sim, &record, sizeof(record), NULL);
}

static void step(struct sim *sim)
{
	uint8_t what = take(sim);
	struct sim_thread *thread = &sim->threads[(what >> 5) % THREADS];

	if (!thread->tgid)
		begin(sim, thread);
	switch (what & 31) {
	case 0:
		tick(sim);
		return;
	case 1:
		look_at(sim, thread);
		return;
	case 2:
		change_conn(sim);
		return;
	case 3:
		tell_process(sim, thread);
		return;
	case 4:
		end(sim, thread);
		return;
	default:
		break;
	}
	wake(sim, thread);
	if ((what & 31) < 8)
		go_off(sim, thread);
	else if ((what & 31) < 12)
		epoll_returns(sim, thread);
	else if ((what & 31) < 17)
		do_strand(sim, thread);
	else if ((what & 31) < 20)
		do_futex(sim, thread);
	else
		do_io(sim, thread);
}

static uint64_t counted_cpu_ns(struct sim *sim)
{
	static struct process processes[PROCESSES_MAX];
	size_t count = engine_processes(sim->engine, processes, PROCESSES_MAX);
	uint64_t cpu_ns = 0;

	assert(count <= PROCESSES_MAX);
	for (size_t i = 0; i < count; i++)
		cpu_ns += processes[i].cpu_ns;
	return cpu_ns;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sim sim = {.data = data, .size = size, .now_ns = 1000000000};

	sim.engine = engine_open(&(struct engine_sink){.on_request = check});
	assert(sim.engine);
	for (uint8_t conn = 0; conn < CONNS; conn++)
		describe(&sim, conn, 0);
	while (sim.size)
		step(&sim);
	for (size_t i = 0; i < THREADS; i++)
		if (sim.threads[i].tgid)
			end(&sim, &sim.threads[i]);
	engine_finish(sim.engine);
	assert(counted_cpu_ns(&sim) == sim.charged_ns);
	engine_close(sim.engine);
	return 0;
}
