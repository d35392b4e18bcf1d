/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "util/listen_address.h"

static void reads_and_prints_addresses(void **state)
{
	static const struct {
		const char *typed, *printed;
	} rows[] = {
		{"127.0.0.1:9464", "127.0.0.1:9464"}, {"localhost:80", "127.0.0.1:80"},
		{"*:9464", "0.0.0.0:9464"},           {"[::1]:9464", "[::1]:9464"},
		{"[::]:65535", "[::]:65535"},         {"10.1.2.3:0", "10.1.2.3:0"},
		{"[fd00::17:2]:1", "[fd00::17:2]:1"}, {"[::ffff:1.2.3.4]:5", "[::ffff:1.2.3.4]:5"},
	};
	char text[LISTEN_ADDRESS_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct listen_address address;

		assert_int_equal(listen_address_parse(rows[i].typed, &address), 0);
		listen_address_print(&address, text);
		assert_string_equal(text, rows[i].printed);
	}
}

static void refuses_what_is_none(void **state)
{
	static const char *const typed[] = {
		"",
		":",
		"9464",
		":9464",
		"127.0.0.1",
		"127.0.0.1:",
		"127.0.0.1:65536",
		"127.0.0.1:-1",
		"1.2.3:4",
		"1.2.3.4.5:6",
		"host:9464",
		"::1:9464",
		"[::1]",
		"[::1:9464",
		"[]:9464",
		"[1.2.3.4]:5",
		"[:1",
		"[::1]x:1",
		"*.1:2",
		"127.0.0.1:+1",
		"127.0.0.1:80 ",
		"[::1%lo]:9464",
		"[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]:1",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(typed) / sizeof(typed[0]); i++) {
		struct listen_address address;

		if (listen_address_parse(typed[i], &address) != -EINVAL)
			fail_msg("'%s' was taken for an address", typed[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_and_prints_addresses),
		cmocka_unit_test(refuses_what_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
