/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Attaches the empty programs of an object (its first argument), says "attached", and detaches at SIGTERM or SIGINT.
 * Calls that this kernel does not have are left out, as the tracer does. tracefs must be mounted.
 */
#include <bpf/libbpf.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "probe/tracefs.h"

#define SYSCALL_SECTION "tracepoint/syscalls/"

static void choose_programs(struct bpf_object *object, const struct tracefs *tracefs)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, object)
	{
		const char *section = bpf_program__section_name(program);

		if (!strncmp(section, SYSCALL_SECTION, strlen(SYSCALL_SECTION)))
			bpf_program__set_autoload(program, tracefs_has_event(tracefs, "syscalls", section + strlen(SYSCALL_SECTION)));
	}
}

static int attach(struct bpf_object *object)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, object)
	{
		if (bpf_program__autoload(program) && !bpf_program__attach(program)) {
			fprintf(stderr, "cannot attach to %s\n", bpf_program__section_name(program));
			return -1;
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct bpf_object *object;
	struct tracefs tracefs;
	sigset_t ends;
	int end;

	if (argc != 2 || tracefs_open(&tracefs)) {
		fprintf(stderr, "usage, with tracefs mounted: %s OBJECT\n", argv[0]);
		return 2;
	}
	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	sigprocmask(SIG_BLOCK, &ends, NULL);
	object = bpf_object__open(argv[1]);
	if (!object)
		return 1;
	choose_programs(object, &tracefs);
	if (bpf_object__load(object) || attach(object))
		return 1;
	puts("attached");
	fflush(stdout);
	sigwait(&ends, &end);
	return 0; /* the links end with the process */
}
