/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 15 where the strands are the tasks of an event loop: one thread, a callback that reads for each socket, and tasks that it lets go
 * on. Times in µs.
 */
#include "unit/task_script.h"

/* A task computes for the request that its callback has read, whatever the loop has read since; until its step it waits for the loop. */
static void test_tasks_of_reads(void **state)
{
	struct script *script = server_with_requests();
	struct process process;
	(void)state;

	RUNS(script, 1080, LOOP, TASK_A, ENDS, .epoll = 1070, .events = 0);
	RUNS(script, 1580, LOOP, TASK_B, .left = WAIT_PIPE);
	WRITE(script, 2280, LOOP, CLIENT_B, .status = 200);
	RUNS(script, 2300, LOOP, TASK_A, .left = WAIT_PIPE);
	WRITE(script, 2310, LOOP, CLIENT_A, .status = 200);
	process = script_finish(script);
	assert_int_equal(told_of(script, "GET /a")->cpu_time, 20 + 10 + 500 + 10);
	assert_int_equal(told_of(script, "GET /b")->cpu_time, 10 + 20 + 700);
	assert_int_equal(told_of(script, "GET /b")->after, 20);
	/* From when it was let go on; what the callback did meanwhile was for itself. */
	assert_int_equal(told_of(script, "GET /a")->state[STATE_LOOP], 1010 - 1000 + 1080 - 1040);
	assert_int_equal(told_of(script, "GET /b")->state[STATE_LOOP], 1040 - 1000 + 1580 - 1070);
	assert_string_equal(told_of(script, "GET /b")->culprit, "GET /a");
	assert_false(told_of(script, "GET /a")->ambiguous);
	/* Between the epoll return and the first callback, the loop's own; and what the thread did before. */
	assert_int_equal(process.runtime_cpu_ns, (1080 - 1070 + 100 + 1010 - 1000) * US);
	assert_string_equal(process.model, "asyncio-tasks");
	script_close(script);
}

/* The process is told once more between a read and the step of its task, as its uvloop is hooked only now: the task stays what it was. */
static void test_told_once_more(void **state)
{
	struct script *script = server_with_requests();
	(void)state;

	script_runtime(script, LOOP, RUNTIME_PYTHON);
	RUNS(script, 1080, LOOP, TASK_A, ENDS, .epoll = 1070, .events = 0);
	RUNS(script, 1580, LOOP, TASK_B, .left = WAIT_PIPE);
	WRITE(script, 2280, LOOP, CLIENT_B, .status = 200);
	RUNS(script, 2300, LOOP, TASK_A, .left = WAIT_PIPE);
	WRITE(script, 2310, LOOP, CLIENT_A, .status = 200);
	script_finish(script);
	assert_int_equal(told_of(script, "GET /a")->cpu_time, 20 + 10 + 500 + 10);
	assert_int_equal(told_of(script, "GET /b")->cpu_time, 10 + 20 + 700);
	script_close(script);
}

/*
 * A pool: the task that gives its connection back lets another one go on, which keeps its own request; that one is woken in vain once, as
 * the first is quicker. All that time it waited for a connection.
 */
static void test_pool(void **state)
{
	struct script *script = server_with_requests();
	const struct told *a, *b;
	(void)state;

	RUNS(script, 1080, LOOP, TASK_A, ENDS, .epoll = 1070, .events = 0);
	WRITE(script, 1180, LOOP, DB);
	RUNS(script, 1190, LOOP, TASK_B, .left = WAIT_PIPE);
	/* B finds no connection. The answer comes, and A goes on, gives the connection back, and asks on it once more. */
	RUNS(script, 3010, LOOP, 102, .left = WAIT_PIPE, POLLED(1290, 3000, 1));
	READ(script, 3020, LOOP, DB, .arrived = 2990);
	WOKEN(script, 3030, LOOP, TASK_A);
	RUNS(script, 3040, LOOP, TASK_A, ENDS);
	WOKEN(script, 3050, LOOP, TASK_B);
	WRITE(script, 3340, LOOP, DB);
	RUNS(script, 3350, LOOP, TASK_B, .left = WAIT_PIPE);
	RUNS(script, 5010, LOOP, 103, .left = WAIT_PIPE, POLLED(3360, 5000, 1));
	READ(script, 5020, LOOP, DB, .arrived = 4990);
	WOKEN(script, 5030, LOOP, TASK_A);
	RUNS(script, 5040, LOOP, TASK_A, ENDS);
	WOKEN(script, 5050, LOOP, TASK_B);
	WRITE(script, 5140, LOOP, CLIENT_A, .status = 200);
	RUNS(script, 5150, LOOP, TASK_B, .left = WAIT_PIPE);
	WRITE(script, 5250, LOOP, DB);
	RUNS(script, 7010, LOOP, 104, .left = WAIT_PIPE, POLLED(5260, 7000, 1));
	READ(script, 7020, LOOP, DB, .arrived = 6990);
	WOKEN(script, 7030, LOOP, TASK_B);
	RUNS(script, 7040, LOOP, TASK_B, ENDS);
	WRITE(script, 7240, LOOP, CLIENT_B, .status = 200);
	script_finish(script);
	a = told_of(script, "GET /a");
	b = told_of(script, "GET /b");
	assert_int_equal(a->call_count, 2);
	assert_int_equal(b->call_count, 1);
	assert_int_equal(a->cpu_time, 20 + 10 + 110 + 30 + 310 + 30 + 100);
	assert_int_equal(b->cpu_time, 20 + 10 + 100 + 10 + 110 + 30 + 200);
	assert_int_equal(a->state[STATE_NET], 2990 - 1190 + 4990 - 3350);
	assert_int_equal(b->state[STATE_NET], 6990 - 5260);
	/* From its first look to the step in which it asks, but for that look and the loop. */
	assert_int_equal(b->state[STATE_POOL] + b->state[STATE_LOOP], 5150 - 1290 - 10 + 1190 - 1070 + 1040 - 1000 + 7010 - 6990);
	assert_int_equal(b->state[STATE_OTHER], 0);
	assert_false(a->ambiguous);
	assert_false(b->ambiguous);
	script_close(script);
}

/* The callback that reads makes a task for the request, and that makes another one, which computes and calls; the first one answers. */
static void test_made_tasks(void **state)
{
	struct script *script = server_with_tasks();
	const struct told *a;
	(void)state;

	RUNS(script, 1010, LOOP, 100, POLLED(100, 1000, 2));
	READ(script, 1020, LOOP, CLIENT_A, .arrived = 1000, .line = "GET /a");
	MADE(script, 1030, LOOP, TASK_A);
	RUNS(script, 1040, LOOP, 101, ENDS);
	READ(script, 1050, LOOP, CLIENT_B, .arrived = 1000, .line = "GET /b");
	MADE(script, 1060, LOOP, TASK_B);
	RUNS(script, 1080, LOOP, TASK_A, ENDS);
	MADE(script, 1090, LOOP, CHILD);
	RUNS(script, 1100, LOOP, TASK_B, .left = WAIT_PIPE);
	RUNS(script, 1200, LOOP, CHILD, .left = WAIT_PIPE);
	WRITE(script, 1300, LOOP, DB);
	RUNS(script, 2010, LOOP, 102, .left = WAIT_PIPE, POLLED(1310, 2000, 1));
	READ(script, 2020, LOOP, DB, .arrived = 1990);
	WOKEN(script, 2030, LOOP, CHILD);
	RUNS(script, 2040, LOOP, CHILD, ENDS);
	WOKEN(script, 2540, LOOP, TASK_A);
	RUNS(script, 2550, LOOP, TASK_A, .left = WAIT_PIPE);
	WRITE(script, 2560, LOOP, CLIENT_A, .status = 200);
	RUNS(script, 2570, LOOP, 103, .left = WAIT_PIPE);
	WRITE(script, 2580, LOOP, CLIENT_B, .status = 200);
	script_finish(script);
	a = told_of(script, "GET /a");
	assert_int_equal(a->cpu_time, 30 + 20 + 110 + 30 + 510 + 10);
	assert_int_equal(a->call_count, 1);
	assert_int_equal(a->state[STATE_NET], 1990 - 1310);
	assert_int_equal(a->state[STATE_LOOP], 1010 - 1000 + 1080 - 1040 + 1200 - 1100 + 2010 - 1990);
	assert_int_equal(a->state[STATE_OTHER], 0);
	script_close(script);
}

/* What waits for a timer sleeps, if the loop had nothing else to do; what lets others go first waits for the loop. */
static void test_sleep_and_turns(void **state)
{
	struct script *script = server_with_requests();
	const struct told *a, *b;
	(void)state;

	RUNS(script, 1080, LOOP, TASK_A, ENDS);
	RUNS(script, 1180, LOOP, TASK_B, .left = WAIT_PIPE);
	WOKEN(script, 1190, LOOP, TASK_B); /* by itself */
	RUNS(script, 1200, LOOP, 102, .left = WAIT_PIPE);
	RUNS(script, 1500, LOOP, TASK_B, ENDS);
	WRITE(script, 1510, LOOP, CLIENT_B, .status = 200);
	RUNS(script, 9020, LOOP, 103, .left = WAIT_PIPE, POLLED(1520, 9000, 0));
	WOKEN(script, 9030, LOOP, TASK_A);
	RUNS(script, 9040, LOOP, TASK_A, ENDS);
	WRITE(script, 9050, LOOP, CLIENT_A, .status = 200);
	script_finish(script);
	a = told_of(script, "GET /a");
	b = told_of(script, "GET /b");
	assert_int_equal(b->state[STATE_LOOP], 1040 - 1000 + 1180 - 1080 + 1500 - 1200);
	assert_int_equal(b->state[STATE_OTHER], 0);
	assert_int_equal(a->state[STATE_SLEEP], 9030 - 1180);
	assert_int_equal(a->state[STATE_OTHER], 0);
	script_close(script);
}

/* A task goes on after its response: that is its request's, also the call that nobody waits for, and not the next request's. */
static void test_work_after_response(void **state)
{
	struct script *script = server_with_requests();
	const struct told *a;
	(void)state;

	RUNS(script, 1080, LOOP, TASK_A, ENDS);
	WRITE(script, 1180, LOOP, CLIENT_A, .status = 200);
	WRITE(script, 1680, LOOP, DB);
	RUNS(script, 2010, LOOP, 102, .left = WAIT_PIPE, POLLED(1690, 2000, 2));
	READ(script, 2020, LOOP, DB, .arrived = 1990);
	WOKEN(script, 2030, LOOP, TASK_A);
	RUNS(script, 2040, LOOP, TASK_A, ENDS);
	RUNS(script, 2240, LOOP, 103, .left = WAIT_PIPE);
	READ(script, 2250, LOOP, CLIENT_A, .arrived = 2200, .line = "GET /next");
	WOKEN(script, 2260, LOOP, TASK_A);
	RUNS(script, 2270, LOOP, TASK_A, ENDS);
	WRITE(script, 2370, LOOP, CLIENT_A, .status = 200);
	script_finish(script);
	a = told_of(script, "GET /a");
	assert_int_equal(a->cpu_time, 20 + 10 + 100);
	assert_int_equal(told_of(script, "GET /next")->cpu_time, 30 + 100);
	script_close(script);
}

/* A task that was made as its connection came, and that begins before its first request was read for it, waits for something within. */
static void test_task_before_read(void **state)
{
	struct script *script = server_with_tasks();
	const struct told *a;
	(void)state;

	RUNS(script, 110, LOOP, 100, POLLED(50, 100, 1));
	MADE(script, 120, LOOP, TASK_A);
	RUNS(script, 130, LOOP, 101, ENDS);
	READ(script, 140, LOOP, CLIENT_A, .arrived = 100, .line = "GET /a");
	RUNS(script, 150, LOOP, TASK_A, ENDS);
	RUNS(script, 650, LOOP, TASK_B, .left = WAIT_PIPE);
	WOKEN(script, 660, LOOP, TASK_A);
	RUNS(script, 670, LOOP, TASK_A, .left = WAIT_PIPE);
	WRITE(script, 1170, LOOP, CLIENT_A, .status = 200);
	script_finish(script);
	a = told_of(script, "GET /a");
	assert_int_equal(a->cpu_time, 20 + 500 + 500);
	assert_false(a->ambiguous);
	script_close(script);
}

/*
 * A task of a request from before the trace asks, and its segment passes to whoever goes on next: what it did before a request came was not
 * for that one, whoever answers it.
 */
static void test_work_of_nobody_known(void **state)
{
	struct script *script = server_with_tasks();
	struct process process;
	(void)state;

	RUNS(script, 110, LOOP, TASK_A, POLLED(50, 100, 1));
	WRITE(script, 610, LOOP, DB);
	RUNS(script, 1010, LOOP, 100, .left = WAIT_PIPE, POLLED(620, 1000, 2));
	READ(script, 1020, LOOP, DB, .arrived = 990);
	WOKEN(script, 1030, LOOP, TASK_A);
	RUNS(script, 1040, LOOP, 101, ENDS);
	READ(script, 1050, LOOP, CLIENT_A, .arrived = 1000, .line = "GET /a");
	RUNS(script, 1060, LOOP, TASK_A, ENDS);
	WRITE(script, 1260, LOOP, CLIENT_A, .status = 200);
	process = script_finish(script);
	assert_int_equal(told_of(script, "GET /a")->cpu_time, 30 + 20 + 200);
	assert_int_equal(told_of(script, "GET /a")->call_count, 0);
	assert_int_equal(process.unattributed_cpu_ns, (500 + 10) * US);
	script_close(script);
}

/*
 * uvloop: the loop reads by itself, calls back at once, and writes what all tasks have left to it when they have run, in whatever order. A
 * task is told as it asks, what it asked as it goes out.
 */
static void test_writes_put_off(void **state)
{
	struct script *script = server_with_tasks();
	const struct told *a, *b;
	(void)state;

	RUNS(script, 50, LOOP, 99);
	READ(script, 1010, LOOP, CLIENT_A, .arrived = 1000, .line = "GET /a", POLLED(100, 1000, 2));
	RUNS(script, 1015, LOOP, 100);
	WOKEN(script, 1020, LOOP, TASK_A);
	READ(script, 1030, LOOP, CLIENT_B, .arrived = 1000, .line = "GET /b");
	RUNS(script, 1035, LOOP, 101);
	WOKEN(script, 1040, LOOP, TASK_B);
	RUNS(script, 1050, LOOP, TASK_A, ENDS);
	QUEUES(script, 1250, LOOP, DB);
	RUNS(script, 1300, LOOP, TASK_B, .left = WAIT_PIPE);
	QUEUES(script, 1700, LOOP, CLIENT_B);
	WRITE(script, 1720, LOOP, CLIENT_B, .status = 200);
	WRITE(script, 1740, LOOP, DB);
	READ(script, 3010, LOOP, DB, .arrived = 3000, POLLED(1750, 3000, 1));
	RUNS(script, 3015, LOOP, 102);
	WOKEN(script, 3020, LOOP, TASK_A);
	RUNS(script, 3030, LOOP, TASK_A, ENDS);
	QUEUES(script, 3130, LOOP, CLIENT_A);
	WRITE(script, 3150, LOOP, CLIENT_A, .status = 200);
	assert_string_equal(script_finish(script).model, "asyncio-tasks");
	a = told_of(script, "GET /a");
	b = told_of(script, "GET /b");
	/* The loop's reads and writes are for whom it reads and writes, as far as no task runs until then. */
	assert_int_equal(a->cpu_time, 10 + 10 + 10 + 250 + 20 + 10 + 10 + 10 + 100 + 20);
	assert_int_equal(b->cpu_time, 10 + 10 + 400 + 20);
	assert_int_equal(a->state[STATE_NET], 3000 - 1740);
	/* What was left to the loop waits for it. */
	assert_int_equal(a->state[STATE_LOOP], 20 + 1720 - 1300);
	assert_int_equal(a->call_count, 1);
	assert_int_equal(a->state[STATE_OTHER], 0);
	assert_false(a->ambiguous);
	assert_false(b->ambiguous);
	script_close(script);
}

/* Something else is called back first in a round, as a connection that is up: what is read then is the loop's own reading all the same. */
static void test_read_behind_a_callback(void **state)
{
	struct script *script = server_with_tasks();
	(void)state;

	RUNS(script, 50, LOOP, 99);
	READ(script, 1010, LOOP, CLIENT_A, .arrived = 1000, .line = "GET /a", POLLED(100, 1000, 1));
	RUNS(script, 1015, LOOP, 100);
	MADE(script, 1020, LOOP, TASK_A);
	RUNS(script, 2010, LOOP, 101, ENDS, POLLED(1030, 2000, 2));
	READ(script, 2030, LOOP, CLIENT_B, .arrived = 2000, .line = "GET /b");
	RUNS(script, 2035, LOOP, 102, ENDS);
	MADE(script, 2040, LOOP, TASK_B);
	RUNS(script, 2050, LOOP, TASK_A, ENDS);
	RUNS(script, 2150, LOOP, TASK_B, .left = WAIT_PIPE);
	RUNS(script, 2650, LOOP, TASK_A, .left = WAIT_PIPE);
	WRITE(script, 2660, LOOP, CLIENT_A, .status = 200);
	RUNS(script, 2670, LOOP, NEXT, .left = WAIT_PIPE);
	WRITE(script, 2680, LOOP, CLIENT_B, .status = 200);
	script_finish(script);
	assert_in_range(told_of(script, "GET /b")->cpu_time, 500 + 20 + 10, 500 + 40 + 10);
	script_close(script);
}

/* The first that is seen of such a loop is that it accepts, calls back, and reads in the same round. */
static void test_read_behind_an_accept(void **state)
{
	struct script *script = server_with_tasks();
	(void)state;

	RUNS(script, 110, LOOP, 100, POLLED(50, 100, 2));
	script_span(script, 120, LOOP, RECORD_IO, IO_ACCEPT, 0, -11, (struct with){0});
	READ(script, 140, LOOP, CLIENT_A, .arrived = 100, .line = "GET /a");
	RUNS(script, 145, LOOP, 101, ENDS);
	MADE(script, 150, LOOP, TASK_A);
	RUNS(script, 160, LOOP, TASK_A, ENDS);
	RUNS(script, 660, LOOP, TASK_B, .left = WAIT_PIPE);
	WRITE(script, 670, LOOP, CLIENT_A, .status = 200);
	script_finish(script);
	assert_in_range(told_of(script, "GET /a")->cpu_time, 500 + 20 + 10, 500 + 40 + 10);
	script_close(script);
}

/* A response that does not fit into the send buffer: its rest is written rounds later, by nobody's task. */
static void test_rest_of_what_was_put_off(void **state)
{
	struct script *script = server_with_requests();
	const struct told *a;
	(void)state;

	RUNS(script, 1080, LOOP, TASK_A, ENDS);
	QUEUES(script, 1180, LOOP, CLIENT_A);
	RUNS(script, 1190, LOOP, TASK_B, .left = WAIT_PIPE);
	WRITE(script, 1290, LOOP, CLIENT_A, .status = 200, .flags = RECORD_PARTIAL);
	WRITE(script, 5010, LOOP, CLIENT_A, POLLED(1300, 5000, 1));
	RUNS(script, 5020, LOOP, TASK_B, .left = WAIT_PIPE);
	WRITE(script, 5030, LOOP, CLIENT_B, .status = 200);
	script_finish(script);
	a = told_of(script, "GET /a");
	assert_int_equal(a->cpu_time, 20 + 10 + 100 + 10 + 10);
	assert_int_equal(a->state[STATE_CLIENT], 5000 - 1290);
	assert_false(told_of(script, "GET /b")->ambiguous);
	script_close(script);
}

/* Both ask on one connection; a callback reads there, and wakes a task that hands out what was read: whom that wakes has its answer. */
static void answers_on_one_connection(bool in_order)
{
	struct script *script = server_with_requests();

	RUNS(script, 1080, LOOP, TASK_A, ENDS);
	WRITE(script, 1180, LOOP, DB);
	RUNS(script, 1190, LOOP, TASK_B, .left = WAIT_PIPE);
	WRITE(script, 1290, LOOP, DB);
	RUNS(script, 2010, LOOP, 102, .left = WAIT_PIPE, POLLED(1300, 2000, 1));
	READ(script, 2020, LOOP, DB, .arrived = 1990);
	WOKEN(script, 2030, LOOP, NEXT);
	RUNS(script, 2040, LOOP, NEXT, ENDS);
	WOKEN(script, 2050, LOOP, in_order ? TASK_A : TASK_B);
	RUNS(script, 3010, LOOP, 103, .left = WAIT_PIPE, POLLED(2060, 3000, 1));
	READ(script, 3020, LOOP, DB, .arrived = 2990);
	WOKEN(script, 3030, LOOP, NEXT);
	RUNS(script, 3040, LOOP, NEXT, ENDS);
	WOKEN(script, 3050, LOOP, in_order ? TASK_B : TASK_A);
	RUNS(script, 3060, LOOP, TASK_A, .left = WAIT_PIPE);
	WRITE(script, 3160, LOOP, CLIENT_A, .status = 200);
	RUNS(script, 3170, LOOP, TASK_B, .left = WAIT_PIPE);
	WRITE(script, 3270, LOOP, CLIENT_B, .status = 200);
	script_finish(script);
	assert_in_range(told_of(script, "GET /a")->state[STATE_NET], (in_order ? 1990 : 2990) - 1180 - 60, (in_order ? 1990 : 2990) - 1180);
	assert_in_range(told_of(script, "GET /b")->state[STATE_NET], (in_order ? 2990 : 1990) - 1290 - 60, (in_order ? 2990 : 1990) - 1290);
	assert_int_equal(told_of(script, "GET /a")->call_count, 1);
	assert_int_equal(told_of(script, "GET /b")->call_count, 1);
	assert_false(told_of(script, "GET /a")->ambiguous);
	assert_false(told_of(script, "GET /b")->ambiguous);
	script_close(script);
}

static void test_answers_in_order(void **state)
{
	(void)state;
	answers_on_one_connection(true);
}

static void test_answers_out_of_order(void **state)
{
	(void)state;
	answers_on_one_connection(false);
}

/* Both answers come in one read: that of who is woken second had come by the read, but not before the first. */
static void test_answers_in_one_read(void **state)
{
	struct script *script = server_with_requests();
	(void)state;

	RUNS(script, 1080, LOOP, TASK_A, ENDS);
	WRITE(script, 1180, LOOP, DB);
	RUNS(script, 1190, LOOP, TASK_B, .left = WAIT_PIPE);
	WRITE(script, 1290, LOOP, DB);
	RUNS(script, 3010, LOOP, 102, .left = WAIT_PIPE, POLLED(1300, 3000, 1));
	READ(script, 3020, LOOP, DB, .arrived = 2000);
	WOKEN(script, 3030, LOOP, NEXT);
	RUNS(script, 3040, LOOP, NEXT, ENDS);
	WOKEN(script, 3050, LOOP, TASK_B);
	WOKEN(script, 3060, LOOP, TASK_A);
	RUNS(script, 3070, LOOP, TASK_B, .left = WAIT_PIPE);
	WRITE(script, 4070, LOOP, CLIENT_B, .status = 200);
	RUNS(script, 4080, LOOP, TASK_A, .left = WAIT_PIPE);
	WRITE(script, 4180, LOOP, CLIENT_A, .status = 200);
	script_finish(script);
	assert_int_equal(told_of(script, "GET /b")->state[STATE_NET], 2000 - 1300);
	assert_int_equal(told_of(script, "GET /a")->state[STATE_NET], 2000 - 1190);
	assert_in_range(told_of(script, "GET /a")->state[STATE_OTHER], 1000, 3060 - 2000);
	assert_int_equal(told_of(script, "GET /a")->call_count, 1);
	assert_int_equal(told_of(script, "GET /b")->call_count, 1);
	script_close(script);
}

/* The task that hands out what was read comes to its turn only when the loop has run something else for 500: so long the answer waits. */
static void test_answer_waits_to_be_handed_on(void **state)
{
	struct script *script = server_with_requests();
	(void)state;

	RUNS(script, 1080, LOOP, TASK_A, ENDS);
	WRITE(script, 1180, LOOP, DB);
	RUNS(script, 1190, LOOP, TASK_B, .left = WAIT_PIPE);
	WRITE(script, 1290, LOOP, DB);
	RUNS(script, 2010, LOOP, 102, .left = WAIT_PIPE, POLLED(1300, 2000, 1));
	READ(script, 2020, LOOP, DB, .arrived = 2000);
	WOKEN(script, 2030, LOOP, NEXT);
	RUNS(script, 2040, LOOP, 103, ENDS);
	RUNS(script, 2540, LOOP, NEXT, ENDS);
	WOKEN(script, 2550, LOOP, TASK_A);
	RUNS(script, 2560, LOOP, TASK_A, .left = WAIT_PIPE);
	WRITE(script, 2660, LOOP, CLIENT_A, .status = 200);
	script_finish(script);
	assert_in_range(told_of(script, "GET /a")->state[STATE_LOOP], 2540 - 2020, 2560 - 1990 + 30);
	script_close(script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tasks_of_reads),
		cmocka_unit_test(test_told_once_more),
		cmocka_unit_test(test_pool),
		cmocka_unit_test(test_made_tasks),
		cmocka_unit_test(test_sleep_and_turns),
		cmocka_unit_test(test_work_after_response),
		cmocka_unit_test(test_task_before_read),
		cmocka_unit_test(test_work_of_nobody_known),
		cmocka_unit_test(test_writes_put_off),
		cmocka_unit_test(test_read_behind_a_callback),
		cmocka_unit_test(test_read_behind_an_accept),
		cmocka_unit_test(test_rest_of_what_was_put_off),
		cmocka_unit_test(test_answers_in_order),
		cmocka_unit_test(test_answers_out_of_order),
		cmocka_unit_test(test_answers_in_one_read),
		cmocka_unit_test(test_answer_waits_to_be_handed_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
