/* SPDX-License-Identifier: BSD-2-Clause */
/* Rule 12 where callbacks run at once: so many wait for a pool's connection as never before. Times in µs. */
#include "unit/loop_script.h"

enum { FIRST_CLIENT = 1000, HUNG_UP_EVERY = 50, ANSWERED = 10 };

static uint64_t stands_in_line(struct script *script, uint64_t at, uint64_t client)
{
	char line[32];

	snprintf(line, sizeof(line), "GET /%u", (unsigned)(client - FIRST_CLIENT));
	script_conn(script, client, CONN_SERVER, 8080);
	READ(script, at, LOOP, client, SLEPT(at - 50, at - 20, 1), .line = line);
	return at + 100;
}

/* All but the first, who has the connection, wait for it. */
static uint64_t fill(struct script *script, uint64_t count)
{
	uint64_t at = 3000;

	show_pool(script);
	at = stands_in_line(script, at, FIRST_CLIENT);
	WRITE(script, at - 90, LOOP, DB);
	for (uint64_t i = 1; i < count; i++)
		at = stands_in_line(script, at, FIRST_CLIENT + i);
	return at;
}

static bool is_hung_up(uint64_t i)
{
	return i % HUNG_UP_EVERY == HUNG_UP_EVERY - 1;
}

/* The connection goes from one to the next, and each waits for it a second time, behind all others but those who have hung up. */
static void test_many_wait_in_order(void **state)
{
	enum { COUNT = 1200 };
	struct script *script = server();
	uint64_t at = fill(script, COUNT), order[2 * COUNT], count = 0;
	(void)state;

	for (uint64_t i = HUNG_UP_EVERY - 1; i < COUNT; i += HUNG_UP_EVERY)
		script_conn_ended(script, at, FIRST_CLIENT + i);
	for (int turn = 0; turn < 2; turn++)
		for (uint64_t i = 0; i < COUNT; i++)
			if (!is_hung_up(i))
				order[count++] = i;
	/* Who has asked twice is answered, and the next one goes on in the same callback. */
	for (uint64_t i = 0; i + 1 < count && i < count / 2 + ANSWERED; i++) {
		at += 1000;
		READ(script, at, LOOP, DB, SLEPT(at - 800, at - 20, 1));
		if (i >= count / 2)
			WRITE(script, at + 100, LOOP, FIRST_CLIENT + order[i], .status = 200);
		WRITE(script, at + 110, LOOP, DB);
	}
	script_finish(script);
	for (uint64_t i = 0; i < ANSWERED; i++) {
		const struct told *told;
		char line[32];

		snprintf(line, sizeof(line), "GET /%u", (unsigned)order[i]);
		told = told_of(script, line);
		assert_int_equal(told->call_count, 2);
		assert_false(told->ambiguous);
	}
	script_close(script);
}

/* Who comes when as many wait as are kept has no place, and is counted; so the others keep theirs. */
static void test_more_than_are_kept(void **state)
{
	enum { COUNT = 4200, KEPT = 4096 };
	struct script *script = server();
	struct engine_losses losses;
	(void)state;

	fill(script, COUNT);
	engine_losses(script->engine, &losses);
	/* The latest to come has not had its turn's end. */
	assert_int_equal(losses.waiters, COUNT - 2 - KEPT);
	script_finish(script);
	script_close(script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_many_wait_in_order),
		cmocka_unit_test(test_more_than_are_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
