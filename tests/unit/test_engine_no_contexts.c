/* SPDX-License-Identifier: BSD-2-Clause */
/* No memory is left for contexts, or as many are in use as may be: what comes then is nobody's. Times in µs. */
#include "engine/chains.h"
#include "engine/chains_before.h"
#include "engine/model.h"
#include "unit/chains_script.h"

/* Those that may still be made are in `taken`, of which the count is returned. */
static uint32_t take_all(struct engine *engine, struct context **taken, uint32_t max)
{
	uint32_t count = 0;

	engine->context_count = CONTEXTS_MAX;
	while (count < max && (taken[count] = context_new_segment(engine, ORIGIN_UNKNOWN, NULL, 0)))
		count++;
	return count;
}

/* The first byte of a request is read by who watches its connection. */
static void test_of_a_watched_request(void **state)
{
	struct script *script = server(RUNTIME_GO);
	struct engine *engine = script->engine;
	struct context *taken[64];
	uint32_t context_count, count;
	(void)state;

	READ(script, 1000, FIRST, CLIENT_A, .arrived = 1000, .line = "GET /a");
	WRITE(script, 1200, FIRST, CLIENT_A, .status = 200);
	context_count = engine->context_count;
	count = take_all(engine, taken, 64);
	thread_switch(engine, thread_of(engine, FIRST), NULL, false);
	READ_BYTES(script, 2000, FIRST, CLIENT_A, 1, .arrived = 2000, .line = "GET /b");
	assert_null(thread_of(engine, FIRST)->context);
	while (count)
		context_put(engine, taken[--count]);
	engine->context_count = context_count;
	script_finish(script);
	assert_int_equal(script->count, 1);
	script_close(script);
}

/* Who is answered by nobody's work has gone on with no connection, also with none that nothing has begun with yet. */
static void test_of_an_answer(void **state)
{
	struct script *script = server(RUNTIME_GO);
	struct engine *engine = script->engine;
	struct proc *proc = thread_of(engine, FIRST)->proc;
	struct context *request;
	(void)state;

	READ(script, 1000, FIRST, CLIENT_A, .arrived = 1000, .line = "GET /a");
	request = context_root(thread_of(engine, FIRST)->context);
	proc->answers_unknown = true;
	chains_wait(engine, thread_of(engine, SECOND), request, 2000 * US);
	assert_int_not_equal(request->line_ticket, 0);
	chains_before_released(proc->chains, FIRST);
	chains_before_answered(engine, proc->chains, NULL, request);
	assert_int_equal(request->line_ticket, 0);
	script_finish(script);
	script_close(script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_of_a_watched_request),
		cmocka_unit_test(test_of_an_answer),
	};

	return cmocka_run_group_tests_name("engine: no contexts", tests, NULL, NULL);
}
