/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "serve/resolver.h"
#include "util/clock.h"

#define PATIENCE_NS 30000000000ull
#define QUESTIONS   200

/* Nonsense is no address, and is answered without asking anybody; that is enough to see questions come back as answers. */
static void every_question_is_answered_in_turn(void **state)
{
	const struct timespec pause = {.tv_nsec = 1000000};
	uint64_t until_ns = monotonic_ns() + PATIENCE_NS;
	struct resolver *resolver = resolver_open();
	struct resolved answer;
	char question[16];
	int asked = 0, answered = 0, refused = 0;

	(void)state;
	assert_non_null(resolver);
	while (answered < QUESTIONS && monotonic_ns() < until_ns) {
		while (asked < QUESTIONS) {
			snprintf(question, sizeof(question), "x%d", asked);
			if (!resolver_ask(resolver, question))
				break;
			asked++;
		}
		refused += asked < QUESTIONS;
		nanosleep(&pause, NULL);
		while (resolver_take(resolver, &answer)) {
			snprintf(question, sizeof(question), "x%d", answered++);
			assert_string_equal(answer.address, question);
			assert_string_equal(answer.name, "");
		}
	}
	assert_int_equal(answered, QUESTIONS);
	assert_true(refused);
	assert_false(resolver_take(resolver, &answer));
	resolver_close(resolver);
}

static void an_address_gets_its_name(void **state)
{
	const struct timespec pause = {.tv_nsec = 1000000};
	uint64_t until_ns = monotonic_ns() + PATIENCE_NS;
	struct resolver *resolver = resolver_open();
	struct resolved answer = {0};

	(void)state;
	assert_true(resolver_ask(resolver, "127.0.0.1"));
	while (!resolver_take(resolver, &answer) && monotonic_ns() < until_ns)
		nanosleep(&pause, NULL);
	assert_string_equal(answer.address, "127.0.0.1");
	assert_true(answer.name[0]);
	resolver_close(resolver);
}

static void its_end_does_not_wait(void **state)
{
	struct resolver *resolver = resolver_open();
	uint64_t begin_ns = monotonic_ns();

	(void)state;
	resolver_ask(resolver, "192.0.2.1");
	resolver_close(resolver);
	assert_true(monotonic_ns() - begin_ns < PATIENCE_NS / 60);
	resolver_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_question_is_answered_in_turn),
		cmocka_unit_test(an_address_gets_its_name),
		cmocka_unit_test(its_end_does_not_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
