/* SPDX-License-Identifier: BSD-2-Clause */
/* A run cut into windows: each request and each ns of CPU lies in exactly one, and the total is their sum however it is cut. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "cli/pipeline.h"
#include "cli/windows.h"

#define MS       1000000ull
#define START_NS (1000 * MS)
#define CONN_ID  77
#define TGID     10

/* A server with one thread: each 10 ms a request comes, is computed for 2 ms, and is answered. */
struct run {
	struct feed feed;
	struct options options;
	struct pipeline *pipeline;
	struct windows *windows;
	struct tool_figures tool;
	uint64_t now_ns;
};

static void add_request(void *context, const struct named_request *named)
{
	windows_add(((struct run *)context)->windows, named);
}

static void tell(struct run *run, const void *record, size_t size, const struct wire_note *note)
{
	struct event event;

	assert_int_equal(event_decode(&event, record, size), 0);
	if (note)
		event.note = *note;
	assert_int_equal(pipeline_handle(run->pipeline, &event), 0);
}

static void tell_beginning(struct run *run)
{
	const struct record_thread thread = {
		.head = {.at_ns = START_NS, .tid = TGID, .kind = RECORD_THREAD},
		.tgid = TGID,
		.origin = THREAD_FOUND,
		.comm = "server",
	};
	struct record_conn conn = {
		.head = {.at_ns = START_NS, .tid = TGID, .kind = RECORD_CONN},
		.conn_id = CONN_ID - 1,
		.tgid = TGID,
		.family = CONN_INET,
		.type = CONN_STREAM,
		.role = CONN_LISTENER,
		.local_port = 8080,
	};

	tell(run, &thread, sizeof(thread), NULL);
	tell(run, &conn, sizeof(conn), NULL);
	conn.conn_id = CONN_ID;
	conn.role = CONN_SERVER;
	conn.remote_port = 40000;
	tell(run, &conn, sizeof(conn), NULL);
}

/* The thread's span [now, now + blocked + core]: it waits in the call, then runs. */
static void tell_io(struct run *run, uint8_t op, uint64_t blocked_ns, uint64_t core_ns, const struct wire_note *note)
{
	struct {
		struct record record;
		struct window window;
	} io = {
		.record = {.head = {.tid = TGID, .kind = RECORD_IO, .op = op}, .conn_id = CONN_ID, .core_ns = core_ns, .result = 100},
		.window = {.off_at_ns = run->now_ns, .on_at_ns = run->now_ns + blocked_ns, .voluntary = 1, .cause = WAIT_NET},
	};

	run->now_ns += blocked_ns + core_ns;
	io.record.head.at_ns = run->now_ns;
	if (op == IO_READ)
		io.record.arrived_ns = run->now_ns;
	if (blocked_ns)
		io.record.head.flags = RECORD_HAS_WINDOW;
	tell(run, &io, blocked_ns ? sizeof(io) : sizeof(io.record), note);
}

static void tell_request(struct run *run)
{
	const struct wire_note request = {
		.protocol = WIRE_HTTP1,
		.begun = 1,
		.line_count = 1,
		.lines = {{.method = "GET", .target = "/x", .method_len = 3, .target_len = 2}},
	};
	const struct wire_note response = {.protocol = WIRE_HTTP1, .status = 200};

	tell_io(run, IO_READ, 8 * MS, 0, &request);
	tell_io(run, IO_WRITE, 0, 2 * MS, &response);
}

static void open_run(struct run *run)
{
	*run = (struct run){.feed = {.start_ns = START_NS, .unix_offset_ns = 5, .cores = 4}, .now_ns = START_NS};
	run->tool = (struct tool_figures){.losses = {{"records", 0}}, .loss_count = 1};
	assert_int_equal(options_parse(&run->options, COMMAND_REPORT, 1, (char *[]){(char *)"file", NULL}), 0);
	run->pipeline = pipeline_open(&run->options, false, &(struct pipeline_sink){.context = run, .on_request = add_request});
	run->windows = windows_open(&run->feed);
	assert_non_null(run->pipeline);
	assert_non_null(run->windows);
	tell_beginning(run);
}

static void close_run(struct run *run)
{
	windows_close(run->windows);
	pipeline_close(run->pipeline);
	options_fini(&run->options);
}

/* What one snapshot says, added up. */
struct sums {
	uint64_t requests, cpu_ns, window_ns, lost, tool_cpu_ns;
};

static void add_sums(struct sums *sums, const struct snapshot *snapshot)
{
	sums->requests += snapshot->requests;
	sums->window_ns += snapshot->frame.window_ns;
	sums->tool_cpu_ns += snapshot->frame.tool_user_cpu_ns;
	assert_string_equal(snapshot->frame.losses[0].name, "records");
	sums->lost += snapshot->frame.losses[0].count;
	for (size_t i = 0; i < snapshot->frame.process_count; i++)
		sums->cpu_ns += snapshot->frame.processes[i].now.cpu_ns;
}

/* 53 requests, cut after each `every` of them; the sums of the windows and of the total. */
static void run_cut(int every, struct sums *windows, struct sums *total)
{
	const struct snapshot *snapshot;
	struct run run;

	*windows = *total = (struct sums){0};
	open_run(&run);
	for (int i = 1; i <= 53; i++) {
		tell_request(&run);
		run.tool.losses[0].count += 3;
		run.tool.user_cpu_ns += 7;
		if (i % every == 0) {
			snapshot = windows_cut(run.windows, run.pipeline, &run.tool, run.now_ns);
			assert_non_null(snapshot);
			add_sums(windows, snapshot);
			assert_int_equal(windows_start_ns(run.windows), run.now_ns);
		}
	}
	pipeline_finish(run.pipeline);
	snapshot = windows_cut(run.windows, run.pipeline, &run.tool, run.now_ns);
	assert_non_null(snapshot);
	add_sums(windows, snapshot);
	snapshot = windows_total(run.windows, run.pipeline);
	assert_non_null(snapshot);
	add_sums(total, snapshot);
	assert_int_equal(snapshot->endpoint_count, 1);
	assert_string_equal(snapshot->endpoints[0].service, "server:8080");
	assert_string_equal(snapshot->endpoints[0].endpoint, "GET /x");
	assert_int_equal(snapshot->frame.window_start_unix_ns, START_NS + 5);
	assert_int_equal(snapshot->frame.cores, 4);
	assert_string_equal(snapshot->frame.processes[0].service, "server:8080");
	close_run(&run);
}

static void the_total_is_the_sum_of_its_windows(void **state)
{
	static const int cuts[] = {1, 2, 7, 53, 1000};

	(void)state;
	for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
		struct sums windows, total;

		run_cut(cuts[i], &windows, &total);
		assert_int_equal(total.requests, 53);
		assert_int_equal(total.cpu_ns, 53 * 2 * MS);
		assert_int_equal(total.window_ns, 53 * 10 * MS);
		assert_int_equal(total.lost, 53 * 3);
		assert_int_equal(total.tool_cpu_ns, 53 * 7);
		assert_memory_equal(&windows, &total, sizeof(total));
	}
}

static void a_window_shows_only_its_own(void **state)
{
	const struct snapshot *snapshot;
	struct run run;

	(void)state;
	open_run(&run);
	for (int i = 0; i < 3; i++)
		tell_request(&run);
	windows_cut(run.windows, run.pipeline, &run.tool, run.now_ns);
	tell_request(&run);
	run.now_ns += 10 * MS; /* idle */
	snapshot = windows_cut(run.windows, run.pipeline, &run.tool, run.now_ns);
	assert_non_null(snapshot);
	/* The engine holds the last answered request back until it is sure that nothing more comes. */
	assert_in_range(snapshot->requests, 1, 2);
	assert_int_equal(snapshot->frame.window_ns, 20 * MS);
	assert_int_equal(snapshot->frame.processes[0].now.cpu_ns, 2 * MS);
	close_run(&run);
}

static void what_is_not_known_stays_unknown(void **state)
{
	const struct snapshot *snapshot;
	struct run run;

	(void)state;
	open_run(&run);
	run.tool.kernel_ns = run.tool.user_cpu_ns = UNKNOWN_NS;
	tell_request(&run);
	snapshot = windows_cut(run.windows, run.pipeline, &run.tool, run.now_ns);
	assert_non_null(snapshot);
	assert_true(snapshot->frame.tool_kernel_ns == UNKNOWN_NS && snapshot->frame.tool_user_cpu_ns == UNKNOWN_NS);
	assert_true(snapshot->frame.processes[0].loop_busy_share < 0);
	/* A recording tells it once, at its end: that is the total's, not the last window's. */
	run.tool.kernel_ns = run.tool.user_cpu_ns = 1234;
	snapshot = windows_cut(run.windows, run.pipeline, &run.tool, run.now_ns);
	assert_non_null(snapshot);
	assert_true(snapshot->frame.tool_kernel_ns == UNKNOWN_NS);
	snapshot = windows_total(run.windows, run.pipeline);
	assert_non_null(snapshot);
	assert_int_equal(snapshot->frame.tool_kernel_ns, 1234);
	close_run(&run);
}

/* A process of which no more is seen than that it used 1 ms of a core. */
static void tell_child(struct run *run, uint32_t tgid)
{
	const struct record_thread born = {
		.head = {.at_ns = run->now_ns, .tid = tgid, .kind = RECORD_THREAD}, .tgid = tgid, .origin = THREAD_FORKED, .comm = "child"};
	const struct record exit = {.head = {.at_ns = run->now_ns + MS, .tid = tgid, .kind = RECORD_THREAD_EXIT}, .core_ns = MS};
	const struct record_head tick = {.at_ns = run->now_ns + MS, .kind = RECORD_TICK};

	run->now_ns += MS;
	tell(run, &born, sizeof(born), NULL);
	tell(run, &exit, sizeof(exit), NULL);
	tell(run, &tick, sizeof(tick), NULL);
}

/* So many that the oldest are summed up: the first time a child is in that sum, its time was in an earlier window. Ids come again. */
static void children_that_ended_are_counted_once(void **state)
{
	static const int cuts[] = {1, 7, 300, 1000};
	const struct snapshot *snapshot;

	(void)state;
	for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
		struct sums windows = {0}, total = {0};
		struct run run;

		open_run(&run);
		for (int child = 1; child <= 1000; child++) {
			tell_child(&run, 100 + (uint32_t)child % 400);
			if (child % cuts[i])
				continue;
			snapshot = windows_cut(run.windows, run.pipeline, &run.tool, run.now_ns);
			assert_non_null(snapshot);
			assert_in_range(snapshot->frame.process_count, 1, 200);
			add_sums(&windows, snapshot);
			assert_int_equal(windows.cpu_ns, (uint64_t)child * MS);
		}
		pipeline_finish(run.pipeline);
		snapshot = windows_cut(run.windows, run.pipeline, &run.tool, run.now_ns);
		assert_non_null(snapshot);
		add_sums(&windows, snapshot);
		snapshot = windows_total(run.windows, run.pipeline);
		assert_non_null(snapshot);
		add_sums(&total, snapshot);
		assert_int_equal(total.cpu_ns, 1000 * MS);
		assert_memory_equal(&windows, &total, sizeof(total));
		close_run(&run);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_total_is_the_sum_of_its_windows),
		cmocka_unit_test(a_window_shows_only_its_own),
		cmocka_unit_test(what_is_not_known_stays_unknown),
		cmocka_unit_test(children_that_ended_are_counted_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
