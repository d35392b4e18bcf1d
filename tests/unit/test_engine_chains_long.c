/* SPDX-License-Identifier: BSD-2-Clause */
/* Rule 12 where threads run each other's requests: a line that loses its place, and what many responses tell of it. Times in µs. */
#include "unit/chains_script.h"

/* Who waits for one of POOL connections or has one, in order. Each request asks once, every third one twice; who is done begins anew. */
enum { POOL = 4, ASKERS = 20 };

struct asker {
	uint64_t client;
	bool again;     /* it asks once more after this */
	bool has_asked; /* … before */
	bool has_gone;  /* … and has been answered since then, without an answer to this */
};

struct round {
	struct script *script;
	uint64_t at;
	struct asker askers[2 * ASKERS]; /* the first POOL have a connection: that one, in turn */
	size_t count;
	unsigned int begun, answered;
};

static void begins(struct round *round, uint64_t client)
{
	char line[32];

	snprintf(line, sizeof(line), "GET /%u", round->begun);
	READ(round->script, round->at, FIRST, client, .arrived = round->at - 5, .line = line);
	round->askers[round->count++] = (struct asker){.client = client, .again = round->begun++ % 3 == 0};
	round->at += 100;
}

/* The first one's answer comes: it computes, and whoever has waited longest asks where it had. */
static void goes_on(struct round *round, uint64_t db)
{
	struct asker first = round->askers[0];

	answer(round->script, round->at + 100, FIRST, round->at, db);
	round->at += 200;
	memmove(&round->askers[0], &round->askers[1], --round->count * sizeof(round->askers[0]));
	if (first.again) {
		round->askers[round->count++] = (struct asker){.client = first.client, .has_asked = true};
	} else if (!first.has_gone) {
		WRITE(round->script, round->at, FIRST, first.client, .status = 200);
		round->answered++;
	}
	ask(round->script, round->at + 10, FIRST, db);
	round->at += 20;
	if (!first.again)
		begins(round, first.client);
}

/* POOL of them have a connection, and the others wait; D may have seemed to come to wait before these. */
static void begin_round(struct round *round, bool with_d)
{
	for (uint64_t db = DB; db < DB + POOL; db++) {
		begins(round, CLIENT_D + round->count + 1);
		ask(round->script, round->at, FIRST, db);
		round->at += 10;
	}
	if (with_d)
		READ(round->script, round->at, FIRST, CLIENT_D, .arrived = round->at - 5, .line = "GET /d");
	round->at += 100;
	while (round->count < ASKERS)
		begins(round, CLIENT_D + round->count + 1);
}

static unsigned int count_ambiguous(const struct script *script)
{
	unsigned int ambiguous = 0;

	for (size_t i = 0; i < script->count; i++)
		ambiguous += script->told[i].ambiguous;
	return ambiguous;
}

/* It has all of its own, and nothing else. */
static bool is_right(const struct told *told)
{
	uint64_t calls = strtoul(told->line + strlen("GET /"), NULL, 10) % 3 == 0 ? 2 : 1;

	return told->call_count == calls && told->cpu_time >= 100 + 100 * calls && told->cpu_time <= 160 + 100 * calls;
}

static unsigned int count_unmarked_wrong(const struct script *script)
{
	unsigned int wrong = 0;

	for (size_t i = 0; i < script->count; i++)
		wrong += !script->told[i].ambiguous && strcmp(script->told[i].line, "GET /d") != 0 && !is_right(&script->told[i]);
	return wrong;
}

/* D has only seemed to come to wait: all behind it go on one place earlier. The first responses tell so. */
static void test_only_seemed_to_wait(void **state)
{
	struct script *script = server(RUNTIME_GO);
	struct round round = {.script = script, .at = 100};
	(void)state;

	begin_round(&round, true);
	for (unsigned int i = 0; round.answered < 50; i++)
		goes_on(&round, DB + i % POOL);
	script_finish(script);
	assert_int_equal(count_ambiguous(script), 0);
	assert_int_equal(count_unmarked_wrong(script), 0);
	script_close(script);
}

/* Of each two the second one goes on first: they stand beside each other, and the responses tell which of them it was. */
static void test_each_two_change_places(void **state)
{
	struct script *script = server(RUNTIME_GO);
	struct round round = {.script = script, .at = 100};
	(void)state;

	begin_round(&round, false);
	for (unsigned int i = 0; round.answered < 50; i++) {
		if (i % 2 == 0) {
			struct asker first = round.askers[POOL];

			round.askers[POOL] = round.askers[POOL + 1];
			round.askers[POOL + 1] = first;
		}
		goes_on(&round, DB + i % POOL);
	}
	script_finish(script);
	assert_int_equal(count_ambiguous(script), 0);
	assert_int_equal(count_unmarked_wrong(script), 0);
	script_close(script);
}

/* Of one nobody saw that it came to wait: whoever stands behind it goes on one place later, until the responses tell. */
static void test_one_was_missed(void **state)
{
	struct script *script = server(RUNTIME_GO);
	struct round round = {.script = script, .at = 100};
	(void)state;

	begin_round(&round, false);
	for (unsigned int i = 0; round.answered < 60; i++) {
		if (i == 15)
			round.askers[round.count++] = (struct asker){.client = CLIENT_LAST};
		goes_on(&round, DB + i % POOL);
	}
	script_finish(script);
	assert_in_range(count_ambiguous(script), 0, 2);
	assert_int_equal(count_unmarked_wrong(script), 0);
	script_close(script);
}

/* One that has waited is answered while its call is in flight, elsewhere: those who came behind it have their places all the same. */
static void test_one_is_answered_early(void **state)
{
	struct script *script = server(RUNTIME_GO);
	struct round round = {.script = script, .at = 100};
	bool done = false;
	(void)state;

	begin_round(&round, false);
	for (unsigned int i = 0; round.answered < 60; i++) {
		struct asker *next = &round.askers[1];

		if (i > 30 && !done && next->has_asked) {
			WRITE(script, round.at, SECOND, next->client, SLEPT(50, round.at - 10, 1), .status = 200);
			done = next->has_gone = true;
			round.at += 10;
		}
		goes_on(&round, DB + i % POOL);
	}
	script_finish(script);
	assert_true(done);
	assert_int_equal(count_ambiguous(script), 0);
	assert_int_equal(count_unmarked_wrong(script), 1); /* that one lacks what it has asked */
	script_close(script);
}

/*
 * The tracer comes when POOL have a connection and the others wait for one: how many those are the first responses tell. Those who come to
 * wait until then, and of those only who waits twice, may be in doubt.
 */
static void attach_in_the_middle(uint64_t turns_unseen, unsigned int doubtful)
{
	struct script *unseen = server(RUNTIME_GO), *script = server(RUNTIME_GO);
	struct round round = {.script = unseen, .at = 100};

	begin_round(&round, false);
	for (uint64_t i = 0; i < turns_unseen; i++, unseen->count = 0)
		goes_on(&round, DB + i % POOL);
	round.script = script;
	for (uint64_t i = turns_unseen, before = round.answered; round.answered < before + 60; i++)
		goes_on(&round, DB + i % POOL);
	script_finish(unseen);
	script_finish(script);
	assert_in_range(script->count, 30, TOLD_MAX);
	assert_in_range(count_ambiguous(script), 1, doubtful);
	assert_int_equal(count_unmarked_wrong(script), 0);
	script_close(unseen);
	script_close(script);
}

static void test_attached_in_the_middle(void **state)
{
	(void)state;
	attach_in_the_middle(90, 4);
	attach_in_the_middle(91, 4);
}

/* Some have asked before the tracer came, but nobody waits: each asks where it finds a connection. */
static void test_attached_where_nobody_waits(void **state)
{
	struct script *script = server(RUNTIME_GO);
	uint64_t at = 1000;
	(void)state;

	for (uint64_t i = 0; i < POOL; i++, at += 100)
		answer(script, at, FIRST, at - 50, DB + i);
	for (uint64_t i = 0; i < 12; i++, at += 1000) {
		READ(script, at, FIRST, CLIENT_A + i, .arrived = at - 5, .line = "GET /asks");
		ask(script, at + 100, FIRST, DB + i % POOL);
		answer(script, at + 500, FIRST, at + 110, DB + i % POOL);
		WRITE(script, at + 600, FIRST, CLIENT_A + i, .status = 200);
	}
	script_finish(script);
	assert_int_equal(script->count, 12);
	assert_int_equal(count_ambiguous(script), 0);
	for (size_t i = 0; i < script->count; i++) {
		assert_int_equal(script->told[i].call_count, 1);
		assert_in_range(script->told[i].cpu_time, 200, 240);
	}
	script_close(script);
}

enum { KEPT = 1024, MORE = 50, CROWD = 1000 }; /* places; who comes when all are taken; the first client's connection */

static uint64_t lost_waiters(const struct script *script)
{
	struct engine_losses losses;

	engine_losses(script->engine, &losses);
	return losses.waiters;
}

/* More wait than there are places: the latest have none, and those whose turn it is are told all the same. */
static void test_more_wait_than_are_kept(void **state)
{
	struct script *script = server(RUNTIME_GO);
	uint64_t at = 1000;
	(void)state;

	READ(script, 100, FIRST, CLIENT_A, .arrived = 90, .line = "GET /a");
	ask(script, 200, FIRST, DB);
	for (uint64_t i = 0; i < KEPT + MORE; i++, at += 100) {
		script_conn(script, CROWD + i, CONN_SERVER, 8080);
		READ(script, at, FIRST, CROWD + i, .arrived = at - 5, .line = i ? "GET /crowd" : "GET /first");
	}
	answer(script, at + 1000, FIRST, at, DB);
	WRITE(script, at + 1100, FIRST, CLIENT_A, .status = 200);
	ask(script, at + 1110, FIRST, DB);
	answer(script, at + 2000, FIRST, at + 1116, DB);
	WRITE(script, at + 2100, FIRST, CROWD, .status = 200);
	script_finish(script);
	check(script, "GET /first", 100 + 100, at + 1110 - 1100, 1);
	assert_int_equal(lost_waiters(script), MORE);
	script_close(script);
}

/* B sleeps while many come and are answered: it takes no place from those who come to wait for a connection then. */
static void test_sleeps_while_many_come(void **state)
{
	struct script *script = server(RUNTIME_GO);
	uint64_t at = 200;
	(void)state;

	READ(script, 100, FIRST, CLIENT_B, .arrived = 90, .line = "GET /b");
	for (unsigned int i = 0; i < KEPT + MORE; i++, at += 200, script->count = 0) {
		READ(script, at, FIRST, CLIENT_C + i % 2, .arrived = at - 5, .line = "GET /many");
		if (i)
			WRITE(script, at + 50, SECOND, CLIENT_C + (i + 1) % 2, .status = 200);
	}
	READ(script, at, FIRST, CLIENT_A, .arrived = at - 10, .line = "GET /a");
	ask(script, at + 100, FIRST, DB);
	READ(script, at + 110, FIRST, CLIENT_E, .arrived = at + 105, .line = "GET /e");
	answer(script, at + 1000, FIRST, at + 210, DB);
	WRITE(script, at + 1100, FIRST, CLIENT_A, .status = 200);
	ask(script, at + 1110, FIRST, DB);
	answer(script, at + 2000, FIRST, at + 1116, DB);
	WRITE(script, at + 2100, FIRST, CLIENT_E, .status = 200);
	script_finish(script);
	check(script, "GET /e", 100 + 100, at + 1110 - (at + 210), 1);
	assert_int_equal(lost_waiters(script), 0);
	script_close(script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_seemed_to_wait),
		cmocka_unit_test(test_each_two_change_places),
		cmocka_unit_test(test_one_was_missed),
		cmocka_unit_test(test_one_is_answered_early),
		cmocka_unit_test(test_attached_in_the_middle),
		cmocka_unit_test(test_more_wait_than_are_kept),
		cmocka_unit_test(test_attached_where_nobody_waits),
		cmocka_unit_test(test_sleeps_while_many_come),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
