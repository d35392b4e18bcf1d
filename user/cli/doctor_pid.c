/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/doctor.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cli/procfs.h"
#include "cli/runtimes.h"
#include "cli/target.h"
#include "probe/elf.h"
#include "probe/hooks.h"
#include "probe/listeners.h"
#include "util/runtime.h"

#define HELD_MAX 64

static void check_hooks(pid_t pid, enum runtime runtime)
{
	char says[HOOK_SAYS_MAX];
	bool usable;

	if (hooks_look(pid, runtime, says, &usable))
		doctor_say(usable ? FINDING_OK : FINDING_NOTE, "hooks", usable ? NULL : "without them it goes by the kernel's evidence",
			   "%s", says);
}

static void check_runtime(enum runtime runtime)
{
	if (runtime)
		doctor_say(FINDING_OK, "runtime", NULL, "%s: %s", runtime_words_of((uint8_t)runtime)->name, runtime_note((uint8_t)runtime));
	else
		doctor_say(FINDING_NOTE, "runtime", "run doctor as root, or as the owner of the process", "its program cannot be read");
}

/* Libraries whose presence means that some connections cannot be read; the last part of a path begins with the name. */
static const char *const tls_libraries[] = {"libssl.so", "libgnutls.so", "libnss3.so", "libmbedtls.so", "libwolfssl.so"};

/* The first of the TLS libraries that a line of /proc/PID/maps names; NULL: none. */
static const char *find_tls_library(const char *line)
{
	const char *name = strrchr(line, '/');

	for (size_t i = 0; name && i < sizeof(tls_libraries) / sizeof(tls_libraries[0]); i++)
		if (!strncmp(name + 1, tls_libraries[i], strlen(tls_libraries[i])))
			return tls_libraries[i];
	return NULL;
}

static void check_tls(pid_t pid)
{
	const char *library = NULL;
	char path[64], line[512];
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	maps = fopen(path, "re");
	while (maps && !library && fgets(line, sizeof(line), maps))
		library = find_tls_library(line);
	if (library)
		doctor_say(FINDING_NOTE, "TLS", NULL,
			   "%s is mapped: on connections that use it, paths and methods cannot be read; a port is one endpoint", library);
	else if (maps)
		doctor_say(FINDING_OK, "TLS", NULL, "no TLS library is mapped (one linked into the program would not show)");
	if (maps)
		fclose(maps);
}

/* "8080, 8443, /run/x.sock" */
static void print_sockets(const struct listener *held, size_t count, char *text, size_t size)
{
	size_t used = 0;

	*text = 0;
	for (size_t i = 0; i < count && used < size; i++) {
		const char *comma = used ? ", " : "";

		if (held[i].port)
			used += (size_t)snprintf(text + used, size - used, "%s%u%s", comma, held[i].port, held[i].datagram ? "/udp" : "");
		else
			used += (size_t)snprintf(text + used, size - used, "%s%s", comma, held[i].path);
	}
}

static void check_listeners(pid_t pid)
{
	struct listener_tables tables = {};
	struct listener held[HELD_MAX];
	char text[512];
	size_t count = listeners_of_process(&tables, pid, held, HELD_MAX);

	if (count) {
		print_sockets(held, count < HELD_MAX ? count : HELD_MAX, text, sizeof(text));
		doctor_say(FINDING_OK, "listens on", NULL, "%s", text);
	} else {
		describe_listening(pid, text, sizeof(text));
		doctor_say(FINDING_NOTE, "listens on", NULL, "%s", text);
	}
	listener_tables_fini(&tables);
}

enum exit_code doctor_process(pid_t pid)
{
	struct known_programs known = {};
	struct procfs_stat stat;
	enum runtime runtime;

	putchar('\n');
	if (procfs_stat(pid, &stat)) {
		doctor_say(FINDING_NO, "process", "`ps -e` lists them", "there is no process %d", pid);
		return EXIT_NO_TARGET;
	}
	if (stat.kernel_thread || stat.state == 'Z') {
		doctor_say(FINDING_NO, "process", NULL, "%d (%s) %s", pid, stat.comm,
			   stat.kernel_thread ? "is a kernel thread" : "has ended");
		return EXIT_NO_TARGET;
	}
	doctor_say(FINDING_OK, "process", NULL, "%d (%s), %u thread%s, may use %u core%s", pid, stat.comm, stat.threads,
		   stat.threads == 1 ? "" : "s", stat.cores, stat.cores == 1 ? "" : "s");
	runtime = process_runtime(&known, pid);
	check_runtime(runtime);
	check_hooks(pid, runtime);
	check_listeners(pid);
	check_tls(pid);
	return EXIT_DONE;
}
