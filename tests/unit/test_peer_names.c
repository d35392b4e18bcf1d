/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "cli/peer_names.h"

static char hosts[] = "/tmp/iocpu-hosts.XXXXXX";
static struct peer_names *names;

static void write_hosts(const char *text, long seconds)
{
	const struct timespec times[2] = {{.tv_sec = seconds}, {.tv_sec = seconds}};
	FILE *file = fopen(hosts, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	utimensat(AT_FDCWD, hosts, times, 0);
}

static int open_names(void **state)
{
	int fd;

	(void)state;
	strcpy(hosts + strlen(hosts) - 6, "XXXXXX");
	fd = mkstemp(hosts);
	close(fd);
	names = peer_names_open(hosts);
	return fd < 0 || !names;
}

static int close_names(void **state)
{
	(void)state;
	peer_names_close(names);
	return unlink(hosts);
}

static void addresses_get_their_names(void **state)
{
	static const char *const rows[][2] = {
		{"10.0.0.5:5432", "db:5432"},
		{"10.0.0.5:53/udp", "db:53/udp"},
		{"[::ffff:10.0.0.5]:5432", "db:5432"},
		{"[fd00::5]:443", "cache.example:443"},
		{"10.0.0.7:80", "last:80"},
		{"10.0.0.8:80", "10.0.0.8:80"}, /* a comment, a line without a name, and nonsense */
		{"10.0.0.55:80", "10.0.0.55:80"},
		{"127.0.0.1:5432", "127.0.0.1:5432"},
		{"[::1]:5432", "[::1]:5432"},
		{"unix:/run/x.sock", "unix:/run/x.sock"},
		{"(other peers)", "(other peers)"},
		{"[::1", "[::1"},
		{":", ":"},
		{"", ""},
	};

	(void)state;
	assert_int_equal(peer_names_add(names, "10.0.0.5=db"), 0);
	write_hosts("127.0.0.1 localhost\n::1\tlocalhost ip6-localhost\n10.0.0.5 not-this-one\n"
		    "fd00::5 \t cache.example cache # here\n#10.0.0.8 no\n10.0.0.8\nx y z\n\n10.0.0.7 last",
		    1000);
	peer_names_tick(names);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(peer_names_get(names, rows[i][0]), rows[i][1]);
}

static void a_changed_file_is_read_again(void **state)
{
	(void)state;
	assert_int_equal(peer_names_add(names, "10.0.0.5=db"), 0);
	write_hosts("10.0.0.6 old\n", 1000);
	peer_names_tick(names);
	assert_string_equal(peer_names_get(names, "10.0.0.6:1"), "old:1");
	write_hosts("10.0.0.6 new\n10.0.0.7 more\n", 2000);
	assert_string_equal(peer_names_get(names, "10.0.0.6:1"), "old:1");
	peer_names_tick(names);
	assert_string_equal(peer_names_get(names, "10.0.0.6:1"), "new:1");
	assert_string_equal(peer_names_get(names, "10.0.0.7:1"), "more:1");
	assert_string_equal(peer_names_get(names, "10.0.0.5:1"), "db:1");
}

static unsigned asked;

static bool ask(void *context, const char *address)
{
	asked++;
	return !strcmp(context, address);
}

static void others_are_asked_for_once(void **state)
{
	(void)state;
	peer_names_set_asker(names, ask, "10.0.0.9");
	for (int i = 0; i < 3; i++)
		assert_string_equal(peer_names_get(names, "10.0.0.9:80"), "10.0.0.9:80");
	assert_int_equal(asked, 1);
	peer_names_answer(names, "10.0.0.9", "web");
	assert_string_equal(peer_names_get(names, "10.0.0.9:80"), "web:80");
	peer_names_answer(names, "10.0.0.10", "nobody-asked");
	assert_string_equal(peer_names_get(names, "10.0.0.10:80"), "10.0.0.10:80");
	/* There was no room for the question, so it is asked again. */
	assert_string_equal(peer_names_get(names, "10.0.0.10:80"), "10.0.0.10:80");
	assert_int_equal(asked, 3);
	assert_string_equal(peer_names_get(names, "127.0.0.1:80"), "127.0.0.1:80");
	assert_int_equal(asked, 3);
}

static void unsound_names_are_refused(void **state)
{
	static const char *const rows[] = {"",
					   "=",
					   "db",
					   "10.0.0.5",
					   "10.0.0.5=",
					   "=db",
					   "10.0.0=db",
					   "db=10.0.0.5",
					   "10.0.0.5:80=db",
					   "10.0.0.5=a234567890123456789012345678901234567890123456789012345678901234"};

	(void)state;
	assert_true(peer_name_is_sound("fd00::5=x"));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_false(peer_name_is_sound(rows[i]));
		assert_int_equal(peer_names_add(names, rows[i]), -EINVAL);
	}
	assert_string_equal(peer_names_get(names, "10.0.0.5:80"), "10.0.0.5:80");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(addresses_get_their_names, open_names, close_names),
		cmocka_unit_test_setup_teardown(a_changed_file_is_read_again, open_names, close_names),
		cmocka_unit_test_setup_teardown(others_are_asked_for_once, open_names, close_names),
		cmocka_unit_test_setup_teardown(unsound_names_are_refused, open_names, close_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
