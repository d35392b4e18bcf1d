/* SPDX-License-Identifier: BSD-2-Clause */
/* The words around the table's rows: who is traced, what was lost, what the doubts are about. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "unit/fixture_table.h"

/* Line `number`, counted from 0; the text is changed. */
static char *line_of(char *text, int number)
{
	while (number--)
		text = strchr(text, '\n') + 1;
	*strchr(text, '\n') = '\0';
	return text;
}

static char *words_of(const struct snapshot_process *processes, size_t count)
{
	struct snapshot_frame frame = frame_of(processes, count, no_losses, 2);
	struct stats *stats = stats_open(100);
	char *text;

	add_sample(stats);
	text = table_of(stats, &frame, &(struct table_options){0});
	stats_close(stats);
	return text;
}

static void assert_footer_ends(const struct snapshot_process *processes, size_t count, const char *end)
{
	char *text = words_of(processes, count);

	if (strlen(text) < strlen(end) || strcmp(text + strlen(text) - strlen(end), end))
		fail_msg("%s\ndoes not end with %s", text, end);
	free(text);
}

static void before_the_first_request_it_says_what_it_waits_for(void **state)
{
	struct snapshot_process process = node_process();
	struct snapshot_frame frame = frame_of(&process, 1, no_losses, 2);
	struct stats *stats = stats_open(100);
	char *text = table_of(stats, &frame, &(struct table_options){0});

	(void)state;
	assert_string_equal(line_of(text, 2), "waiting for the first request to node (pid 4121) on port 8080");
	free(text);
	text = table_of(stats, &frame, &(struct table_options){.waits_for = "pid 4121 (npm) serves nothing", .total = true});
	assert_non_null(strstr(text, "\nno request was seen\npid 4121 (npm) serves nothing\n"));
	free(text);
	stats_close(stats);
}

static void workers_are_one_target(void **state)
{
	struct snapshot_process processes[6];
	struct snapshot_frame frame = frame_of(processes, 6, no_losses, 2);
	struct stats *stats = stats_open(100);
	char *text;

	(void)state;
	for (uint32_t i = 0; i < 6; i++) {
		processes[i] = node_process();
		processes[i].now.tgid = 100 + i;
		processes[i].now.threads = 1;
		processes[i].now.model = "pre-fork";
		processes[i].now.request_time_ns = MS;
		processes[i].now.loop_threads = 0;
		processes[i].loop_busy_share = -1;
		strcpy(processes[i].now.comm, i < 4 ? "httpd" : "rotatelogs");
	}
	text = table_of(stats, &frame, &(struct table_options){0});
	assert_non_null(
		strstr(text, "iocpu-trace · httpd (4 processes), rotatelogs (pids 104, 105) · Node.js, pre-fork, 6 threads · 2 cores"));
	assert_non_null(strstr(text, "in flight 181.2 (concurrency) · on a core 5.46 of 2 (parallelism: core 0 88%, core 1 3%)\n"));
	free(text);
	processes[2].now.model = "worker-pool";
	text = table_of(stats, &frame, &(struct table_options){0});
	assert_non_null(strstr(text, " · Node.js, several models, 6 threads · 2 cores"));
	free(text);
	processes[2].now.request_time_ns = 0;
	text = table_of(stats, &frame, &(struct table_options){0});
	assert_non_null(strstr(text, " · Node.js, pre-fork, 6 threads · 2 cores"));
	free(text);
	stats_close(stats);
}

static void a_master_without_a_loop_is_no_worker(void **state)
{
	struct snapshot_process processes[2] = {node_process(), node_process()};
	struct snapshot_frame frame = frame_of(processes, 2, no_losses, 2);
	struct stats *stats = stats_open(100);
	char *text;

	(void)state;
	processes[0].now.threads = 1;
	processes[0].now.loop_threads = 0;
	processes[0].now.request_time_ns = 0;
	processes[0].loop_busy_share = -1;
	processes[1].now.request_time_ns = MS;
	text = table_of(stats, &frame, &(struct table_options){0});
	assert_non_null(strstr(text, " · Node.js, event loop, 1 loop thread + 4 workers · "));
	free(text);
	stats_close(stats);
}

static void what_is_not_known_is_a_question_mark(void **state)
{
	struct snapshot_process process = node_process();
	struct snapshot_frame frame = frame_of(&process, 1, no_losses, 2);
	struct stats *stats = stats_open(100);
	char *text;

	(void)state;
	process.now.model = NULL;
	process.in_flight_mean = process.on_core_mean = process.loop_busy_share = -1;
	frame.tool_kernel_ns = UNKNOWN_NS;
	add_sample(stats);
	text = table_of(stats, &frame, &(struct table_options){0});
	assert_non_null(strstr(text, " · Node.js, model unknown, 1 loop thread + 4 workers · "));
	assert_non_null(strstr(text, " · tracer: ? of one core, 0 lost\n"));
	assert_non_null(strstr(text, "\nin flight ? (concurrency) · on a core ? of 2 (parallelism: core 0 88%, core 1 3%)\n"));
	free(text);
	stats_close(stats);
}

static void losses_are_named(void **state)
{
	static const struct snapshot_loss losses[] = {{"records", 12}, {"connection_roles", 0}, {"late_writes", 5}};
	struct snapshot_frame frame = frame_of(NULL, 0, losses, 3);
	struct stats *stats = stats_open(1);
	struct request request = request_of(STATE_CPU, MS);
	char *text;

	(void)state;
	for (int i = 0; i < 3; i++) {
		char name[2] = {(char)('a' + i), '\0'};

		stats_add(stats, "s", name, NULL, &request);
	}
	text = table_of(stats, &frame, &(struct table_options){.total = true});
	assert_non_null(strstr(text, " · total, 1.0 s · tracer: 0.4% of one core, lost: 12 records, 5 late writes\n"));
	assert_non_null(strstr(text, "\n2 requests in (other): "));
	free(text);
	stats_close(stats);
}

/* Why requests are ambiguous; what may settle it is told where it would tell more, and why it does not. */
static void footer_says_what_may_settle_it(void **state)
{
	static const struct {
		uint8_t runtime;
		bool told, shared;
		enum hook_state hook;
		const char *hook_says;
		const char *says;
	} cases[] = {
		{RUNTIME_GO, false, true, HOOK_UNKNOWN, NULL,
		 ": they share downstream connections; whose work a thread does, a hook into Go's scheduler may show (--hooks auto)\n"},
		{RUNTIME_GO, false, false, HOOK_UNASKED, "off: --hooks off",
		 " ambiguous parts; whose work a thread does, a hook into Go's scheduler may show (--hooks auto)\n"},
		{RUNTIME_GO, false, false, HOOK_REFUSED, "off: go1.17: the layout of this version is not known",
		 "a hook into Go's scheduler may show, and is off: go1.17: the layout of this version is not known\n"},
		{RUNTIME_GO, true, true, HOOK_ON, "go1.24: …",
		 ": they share downstream connections, and not even the hook shows whose call is whose\n"},
		{RUNTIME_GO, false, true, HOOK_ON, "go1.24: …", ", and not even the hook shows whose call is whose\n"},
		{RUNTIME_GO, true, true, HOOK_UNKNOWN, NULL, ", and not even the hook shows whose call is whose\n"},
		{RUNTIME_PYTHON, true, false, HOOK_REFUSED, "off: Python 3.11: …",
		 "a hook into asyncio's loop may show, and is off: Python 3.11: …\n"},
		{RUNTIME_GO, true, false, HOOK_UNKNOWN, NULL, " ambiguous parts\n"},
		{RUNTIME_RUST, false, false, HOOK_ABSENT, NULL, " ambiguous parts\n"},
		{RUNTIME_PYTHON, false, false, HOOK_UNASKED, NULL, "a hook into asyncio's loop may show (--hooks auto)\n"},
		{RUNTIME_NODE, false, true, HOOK_ABSENT, NULL, ", and no hook tells which of them a callback works for\n"},
		{RUNTIME_NODE, false, false, HOOK_ABSENT, NULL, " ambiguous parts\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct snapshot_process process = node_process();

		process.now.runtime = cases[i].runtime;
		process.now.strands_told = cases[i].told;
		process.now.ambiguous_requests = 3;
		process.now.shared_conn_ambiguous = cases[i].shared ? 3 : 0;
		process.hook = cases[i].hook;
		process.hook_says = cases[i].hook_says;
		assert_footer_ends(&process, 1, cases[i].says);
	}
}

/* Threads that run no event loop have no tasks that a hook could tell of. */
static void threads_of_python_have_nothing_to_hook(void **state)
{
	struct snapshot_process process = node_process();

	(void)state;
	process.now.runtime = RUNTIME_PYTHON;
	process.now.loop_threads = 0;
	process.now.ambiguous_requests = 3;
	process.loop_busy_share = -1;
	process.hook = HOOK_UNASKED;
	assert_footer_ends(&process, 1, " ambiguous parts\n");
}

/* Of several processes the one is spoken of that something can be done about. */
static void footer_speaks_of_whom_a_hook_would_tell_of(void **state)
{
	struct snapshot_process processes[] = {node_process(), node_process(), node_process()};

	(void)state;
	for (uint32_t i = 0; i < 3; i++)
		processes[i].now.ambiguous_requests = 10 - i;
	processes[1].now.runtime = RUNTIME_RUST;
	processes[2].now.runtime = RUNTIME_GO;
	processes[2].now.ambiguous_requests = 0;
	assert_footer_ends(processes, 3, "a hook into tokio's scheduler may show (--hooks auto)\n");
}

/* The runtime stands beside the model. */
static void header_names_runtime_and_model(void **state)
{
	static const struct {
		uint8_t runtime;
		const char *model;
		const char *says;
	} cases[] = {
		{RUNTIME_NATIVE, "worker-pool", " · native, worker pool, 5 threads · "},
		{RUNTIME_GO, "goroutines", " · Go, goroutines, 5 threads · "},
		{RUNTIME_JVM, "virtual-threads", " · Java, virtual threads, 5 threads · "},
		{RUNTIME_PYTHON, "asyncio-tasks", " · Python, asyncio tasks, 5 threads · "},
		{RUNTIME_RUST, "tasks", " · Rust, tasks, 5 threads · "},
		{0, NULL, " · an unknown runtime, model unknown, 5 threads · "},
		{RUNTIMES, NULL, " · an unknown runtime, model unknown, 5 threads · "},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct snapshot_process process = node_process();
		char *text;

		process.now.runtime = cases[i].runtime;
		process.now.model = cases[i].model;
		process.now.loop_threads = 0;
		text = words_of(&process, 1);
		assert_non_null(strstr(text, cases[i].says));
		free(text);
	}
}

static void several_runtimes_are_not_named(void **state)
{
	struct snapshot_process processes[] = {node_process(), node_process()};
	char *text;

	(void)state;
	processes[1].now.runtime = RUNTIME_GO;
	processes[0].now.request_time_ns = processes[1].now.request_time_ns = MS;
	text = words_of(processes, 2);
	assert_non_null(strstr(text, " · several runtimes, event loop, 2 loop threads + 8 workers · "));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(before_the_first_request_it_says_what_it_waits_for),
		cmocka_unit_test(workers_are_one_target),
		cmocka_unit_test(a_master_without_a_loop_is_no_worker),
		cmocka_unit_test(header_names_runtime_and_model),
		cmocka_unit_test(several_runtimes_are_not_named),
		cmocka_unit_test(what_is_not_known_is_a_question_mark),
		cmocka_unit_test(losses_are_named),
		cmocka_unit_test(footer_says_what_may_settle_it),
		cmocka_unit_test(threads_of_python_have_nothing_to_hook),
		cmocka_unit_test(footer_speaks_of_whom_a_hook_would_tell_of),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
