/* SPDX-License-Identifier: BSD-2-Clause */
/* Who gives way, and when. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "serve/clients.h"

#define PLACES 3
#define S      1000000000ull

static struct clients *clients;
static int ends[PLACES][2]; /* the server's, the client's */
static struct client *known[PLACES];

static int open_places(void **state)
{
	(void)state;
	clients = clients_open(PLACES);
	for (int i = 0; i < PLACES; i++)
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends[i]))
			return -1;
	return !clients;
}

static int close_places(void **state)
{
	(void)state;
	for (int i = 0; i < PLACES; i++) {
		clients_remove(clients, known[i]);
		known[i] = NULL;
		close(ends[i][0]);
		close(ends[i][1]);
	}
	clients_close(clients);
	return 0;
}

static void come(int i, uint64_t now_ns)
{
	known[i] = clients_add(clients, ends[i][0], now_ns);
	assert_non_null(known[i]);
}

static bool is_shut_out(int i)
{
	char byte;
	ssize_t got = read(ends[i][0], &byte, 1);

	assert_true(got == 0 || (got < 0 && errno == EAGAIN));
	return got == 0;
}

static void nobody_goes_while_there_are_places(void **state)
{
	(void)state;
	come(0, 0);
	come(1, 0);
	clients_relieve(clients, 1000 * S);
	assert_false(is_shut_out(0));
	assert_false(is_shut_out(1));
}

static void who_trickles_a_question_gives_way(void **state)
{
	(void)state;
	come(0, 10 * S);
	come(1, 11 * S);
	come(2, 12 * S);
	clients_asked(clients, known[1], 11 * S);
	clients_relieve(clients, 12 * S);
	assert_true(is_shut_out(0));
	assert_false(is_shut_out(1));
	assert_false(is_shut_out(2));
}

static void who_trickles_an_answer_gives_way_later(void **state)
{
	(void)state;
	for (int i = 0; i < PLACES; i++) {
		come(i, 0);
		clients_asked(clients, known[i], (uint64_t)i * 5 * S);
	}
	clients_relieve(clients, 10 * S);
	assert_false(is_shut_out(0));
	clients_relieve(clients, 12 * S);
	assert_true(is_shut_out(0));
	assert_false(is_shut_out(1));
	assert_false(is_shut_out(2));
}

static void who_has_its_answer_may_ask_again(void **state)
{
	(void)state;
	for (int i = 0; i < PLACES; i++) {
		come(i, 0);
		clients_asked(clients, known[i], 0);
		clients_answered(clients, known[i], 20 * S);
	}
	clients_asked(clients, known[1], 21 * S);
	clients_relieve(clients, 21 * S);
	assert_false(is_shut_out(0));
	clients_relieve(clients, 22 * S);
	assert_true(is_shut_out(0));
	assert_false(is_shut_out(1));
	assert_true(is_shut_out(2));
}

static void who_is_gone_holds_no_place(void **state)
{
	(void)state;
	for (int i = 0; i < PLACES; i++)
		come(i, 0);
	clients_remove(clients, known[1]);
	known[1] = NULL;
	clients_relieve(clients, 100 * S);
	assert_false(is_shut_out(0));
	assert_false(is_shut_out(2));
	/* Nobody, for want of memory. */
	clients_asked(clients, NULL, 0);
	clients_answered(clients, NULL, 0);
	clients_remove(clients, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nobody_goes_while_there_are_places, open_places, close_places),
		cmocka_unit_test_setup_teardown(who_trickles_a_question_gives_way, open_places, close_places),
		cmocka_unit_test_setup_teardown(who_trickles_an_answer_gives_way_later, open_places, close_places),
		cmocka_unit_test_setup_teardown(who_has_its_answer_may_ask_again, open_places, close_places),
		cmocka_unit_test_setup_teardown(who_is_gone_holds_no_place, open_places, close_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
