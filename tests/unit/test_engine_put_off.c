/* SPDX-License-Identifier: BSD-2-Clause */
/* Rule 11: callbacks that a loop puts off behind its reads, or that its process's own threads have let go on. Times in µs. */
#include "unit/loop_script.h"

#define CYCLES   20 /* of three requests at most: TOLD_MAX */
#define CYCLE_US 20000
#define LAST     "19"

enum { WOKEN = 300 };

typedef void cycle(struct script *script, uint64_t at, const char *line_a, const char *line_b);

static struct script *cycles(struct script *script, cycle *once)
{
	static char lines[CYCLES][2][16];

	for (uint64_t i = 0; i < CYCLES; i++) {
		snprintf(lines[i][0], sizeof(lines[i][0]), "GET /a%d", (int)i);
		snprintf(lines[i][1], sizeof(lines[i][1]), "GET /b%d", (int)i);
		once(script, 4000 + i * CYCLE_US, lines[i][0], lines[i][1]);
	}
	script_finish(script);
	return script;
}

static void assert_told(const struct script *script, const char *line, uint64_t cpu_us, size_t calls)
{
	const struct told *told = told_of(script, line);

	assert_false(told->ambiguous);
	assert_in_range(told->cpu_time, cpu_us, cpu_us + 200);
	assert_int_equal(told->call_count, calls);
}

/* Both are answered in one round. What goes on for that runs behind both reads: A is answered, and B asks again. */
static void answers_put_off(struct script *script, uint64_t at, const char *line_a, const char *line_b)
{
	READ(script, at + 100, LOOP, CLIENT_A, SLEPT(at - 1000, at, 2), .line = line_a);
	WRITE(script, at + 1100, LOOP, DB);
	READ(script, at + 1110, LOOP, CLIENT_B, .arrived = at, .line = line_b);
	WRITE(script, at + 2110, LOOP, DB_2);
	READ(script, at + 5010, LOOP, DB, SLEPT(at + 2120, at + 5000, 2));
	READ(script, at + 5020, LOOP, DB_2, .arrived = at + 4000);
	WRITE(script, at + 6020, LOOP, CLIENT_A, .status = 200);
	WRITE(script, at + 7520, LOOP, DB_3);
	READ(script, at + 9010, LOOP, DB_3, SLEPT(at + 7530, at + 9000, 1));
	WRITE(script, at + 10010, LOOP, CLIENT_B, .status = 200);
}

static void answers_go_on_behind_the_reads(void **state)
{
	struct script *script = cycles(server(), answers_put_off);
	(void)state;

	assert_told(script, "GET /a" LAST, 1000 + 1000, 1);
	assert_told(script, "GET /b" LAST, 1000 + 1500 + 1000, 2);
	script_close(script);
}

/* A begins, and is answered, behind the read of B, and so does B. What an answer lets go on runs at once. */
static void requests_put_off(struct script *script, uint64_t at, const char *line_a, const char *line_b)
{
	READ(script, at + 100, LOOP, CLIENT_A, SLEPT(at - 1000, at, 2), .line = line_a);
	READ(script, at + 110, LOOP, CLIENT_B, .arrived = at, .line = line_b);
	WRITE(script, at + 1110, LOOP, CLIENT_A, .status = 200);
	WRITE(script, at + 2610, LOOP, DB);
	READ(script, at + 5010, LOOP, DB, SLEPT(at + 2620, at + 5000, 2));
	WRITE(script, at + 6010, LOOP, CLIENT_B, .status = 200);
	READ(script, at + 6020, LOOP, CLIENT_C, .arrived = at + 5000, .line = "GET /c");
	WRITE(script, at + 7020, LOOP, CLIENT_C, .status = 200);
}

static void requests_begin_behind_the_reads(void **state)
{
	struct script *script = cycles(server(), requests_put_off);
	(void)state;

	assert_told(script, "GET /a" LAST, 1000, 0);
	assert_told(script, "GET /b" LAST, 1500 + 1000, 1);
	script_close(script);
}

/* A request that computes between calls that it makes at once: nothing that was read waits for its turn. */
static void fans_out(struct script *script, uint64_t at, const char *line_a, const char *line_b)
{
	READ(script, at + 100, LOOP, CLIENT_A, SLEPT(at - 1000, at, 1), .line = line_a);
	WRITE(script, at + 1100, LOOP, DB);
	WRITE(script, at + 2100, LOOP, DB_2);
	READ(script, at + 5010, LOOP, DB_2, SLEPT(at + 2110, at + 5000, 2));
	READ(script, at + 5020, LOOP, DB, .arrived = at + 4000);
	WRITE(script, at + 6020, LOOP, CLIENT_A, .status = 200);
	READ(script, at + 6120, LOOP, CLIENT_B, SLEPT(at + 6030, at + 6100, 1), .line = line_b);
	WRITE(script, at + 7120, LOOP, CLIENT_B, .status = 200);
}

static void who_goes_on_behind_its_call_is_not_doubted(void **state)
{
	struct script *script = cycles(server(), fans_out);
	(void)state;

	assert_told(script, "GET /a" LAST, 1000 + 1000 + 1000, 2);
	assert_told(script, "GET /b" LAST, 1000, 0);
	script_close(script);
}

/* B waits for A's connection; the machine is slow, so that little takes 100 µs. */
static void share_a_connection(struct script *script, uint64_t at, const char *line_a, const char *line_b)
{
	READ(script, at + 100, LOOP, CLIENT_A, SLEPT(at - 1000, at, 2), .line = line_a);
	WRITE(script, at + 110, LOOP, DB);
	READ(script, at + 120, LOOP, CLIENT_B, .arrived = at, .line = line_b);
	READ(script, at + 5010, LOOP, DB, SLEPT(at + 130, at + 5000, 1));
	WRITE(script, at + 5110, LOOP, CLIENT_A, .status = 200);
	WRITE(script, at + 5210, LOOP, DB);
	READ(script, at + 9010, LOOP, DB, SLEPT(at + 5220, at + 9000, 1));
	WRITE(script, at + 9110, LOOP, CLIENT_B, .status = 200);
}

static void who_waits_for_a_connection_is_not_put_off(void **state)
{
	struct script *script = cycles(server(), share_a_connection);
	const struct told *b = told_of(script, "GET /b" LAST);
	(void)state;

	assert_false(b->ambiguous);
	assert_int_equal(b->call_count, 1);
	assert_in_range(b->state[STATE_POOL], 5000 - 130, 5210 - 130);
	script_close(script);
}

/* Both wait for what other threads of the process do for them. These wake the loop once: A's callback runs, and B's behind that. */
static void done_by_threads(struct script *script, uint64_t at, const char *line_a, const char *line_b)
{
	READ(script, at + 100, LOOP, CLIENT_A, SLEPT(at - 1000, at, 2), .line = line_a);
	READ(script, at + 110, LOOP, CLIENT_B, .arrived = at, .line = line_b);
	READ(script, at + 1010, LOOP, WOKEN, SLEPT(at + 120, at + 1000, 1));
	WRITE(script, at + 2010, LOOP, DB);
	WRITE(script, at + 3010, LOOP, DB_2);
	READ(script, at + 5010, LOOP, DB, SLEPT(at + 3020, at + 5000, 1));
	WRITE(script, at + 6010, LOOP, CLIENT_A, .status = 200);
	READ(script, at + 7010, LOOP, DB_2, SLEPT(at + 6020, at + 7000, 1));
	WRITE(script, at + 8010, LOOP, CLIENT_B, .status = 200);
}

/* Each shows itself by its response; but that more than one had been let go on shows that others may be told wrongly. */
static void callbacks_behind_one_wake_up_are_told_apart(void **state)
{
	struct script *script = server();
	(void)state;

	script_conn(script, WOKEN, CONN_PAIR, 0);
	show_pool(script); /* it calls back at once */
	cycles(script, done_by_threads);
	assert_true(told_of(script, "GET /a" LAST)->ambiguous);
	assert_true(told_of(script, "GET /b" LAST)->ambiguous);
	assert_in_range(told_of(script, "GET /a" LAST)->cpu_time, 2000, 2200);
	assert_in_range(told_of(script, "GET /b" LAST)->cpu_time, 2000, 2200);
	script_close(script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_go_on_behind_the_reads),
		cmocka_unit_test(requests_begin_behind_the_reads),
		cmocka_unit_test(who_goes_on_behind_its_call_is_not_doubted),
		cmocka_unit_test(who_waits_for_a_connection_is_not_put_off),
		cmocka_unit_test(callbacks_behind_one_wake_up_are_told_apart),
	};

	return cmocka_run_group_tests_name("engine: callbacks for which nothing is read", tests, NULL, NULL);
}
