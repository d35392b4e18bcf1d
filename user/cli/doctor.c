/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/doctor.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

#include "cli/commands.h"
#include "cli/output.h"
#include "cli/permission.h"
#include "cli/procfs.h"
#include "probe/probe.h"
#include "util/clock.h"
#include "util/flush.h"

void doctor_say(enum finding finding, const char *what, const char *how_to_mend, const char *format, ...)
{
	static const char *const marks[] = {[FINDING_OK] = "ok  ", [FINDING_NOTE] = "note", [FINDING_NO] = "NO  "};
	va_list arguments;

	printf("%s  %-14s ", marks[finding], what);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
	if (how_to_mend)
		printf("      %-14s -> %s\n", "", how_to_mend);
}

/* Each check returns what it means for tracing: EXIT_DONE, EXIT_NOT_PERMITTED or EXIT_UNFIT. */

static enum exit_code check_kernel(void)
{
	struct utsname name;
	unsigned major = 0, minor = 0;
	bool fits;

	if (uname(&name) || sscanf(name.release, "%u.%u", &major, &minor) != 2)
		return EXIT_DONE;
	/* Only as advice: what decides is the trial below. */
	fits = major > 5 || (major == 5 && minor >= 15);
	doctor_say(fits ? FINDING_OK : FINDING_NO, "kernel", fits ? NULL : "5.15 or newer is needed (task storage in tracing programs)",
		   "%s %s", name.release, name.machine);
	return fits ? EXIT_DONE : EXIT_UNFIT;
}

static enum exit_code check_btf(void)
{
	struct stat stat_;

	if (!stat("/sys/kernel/btf/vmlinux", &stat_)) {
		doctor_say(FINDING_OK, "BTF", NULL, "/sys/kernel/btf/vmlinux, %.1f MB", (double)stat_.st_size / 1e6);
		return EXIT_DONE;
	}
	doctor_say(FINDING_NO, "BTF",
		   "boot a kernel with CONFIG_DEBUG_INFO_BTF=y (those of the distributions have it); mount sysfs in a chroot",
		   "/sys/kernel/btf/vmlinux: %s", strerror(errno));
	return EXIT_UNFIT;
}

static enum exit_code check_capabilities(void)
{
	enum exit_code code = tracing_permitted() ? EXIT_DONE : EXIT_NOT_PERMITTED;

	for (size_t i = 0; i < capability_row_count; i++) {
		bool held = capability_held(&capability_rows[i]);

		doctor_say(held                           ? FINDING_OK
			   : i + 1 < capability_row_count ? FINDING_NO
							  : FINDING_NOTE,
			   capability_rows[i].name, held ? NULL : "sudo, or `setcap` on the program, or the container's capabilities",
			   "%s: %s", held ? "held" : "missing", capability_rows[i].why);
	}
	return code;
}

static enum exit_code check_pid_namespace(void)
{
	bool fits = procfs_ids_are_the_kernels();

	doctor_say(fits ? FINDING_OK : FINDING_NO, "process ids",
		   fits ? NULL : "run it on the host, or in a container that shares its process ids (--pid=host)", "%s",
		   fits ? "the host's" : "a pid namespace of its own, whose ids are not the kernel's");
	return fits ? EXIT_DONE : EXIT_NOT_PERMITTED;
}

/* Mounted for all is fine; else the probe mounts it for itself. */
static enum exit_code check_tracefs(void)
{
	static const char *const places[] = {"/sys/kernel/tracing", "/sys/kernel/debug/tracing"};
	struct statfs place;

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (!statfs(places[i], &place) && place.f_type == TRACEFS_MAGIC) {
			doctor_say(FINDING_OK, "tracefs", NULL, "mounted at %s", places[i]);
			return EXIT_DONE;
		}
	doctor_say(FINDING_NOTE, "tracefs", NULL,
		   "not mounted: the tool mounts it in a mount namespace of its own, which takes CAP_SYS_ADMIN");
	return EXIT_DONE;
}

/* A number in a file of /proc/sys; −100: no such file. */
static int read_setting(const char *path)
{
	char text[32];

	return procfs_read(path, text, sizeof(text)) > 0 ? atoi(text) : -100;
}

static enum exit_code check_settings(void)
{
	int paranoid = read_setting("/proc/sys/kernel/perf_event_paranoid");
	int unprivileged = read_setting("/proc/sys/kernel/unprivileged_bpf_disabled");

	if (paranoid > -100)
		doctor_say(FINDING_OK, "perf events", NULL, "perf_event_paranoid is %d: no limit for who holds CAP_PERFMON", paranoid);
	if (unprivileged > -100)
		doctor_say(FINDING_OK, "BPF", NULL, "unprivileged_bpf_disabled is %d: no limit for who holds CAP_BPF", unprivileged);
	return EXIT_DONE;
}

static enum exit_code check_lockdown(void)
{
	char text[128];
	bool confidential;

	if (procfs_read("/sys/kernel/security/lockdown", text, sizeof(text)) <= 0) {
		doctor_say(FINDING_OK, "lockdown", NULL, "none");
		return EXIT_DONE;
	}
	text[strcspn(text, "\n")] = 0;
	confidential = strstr(text, "[confidentiality]");
	doctor_say(confidential ? FINDING_NO : FINDING_OK, "lockdown",
		   confidential ? "this mode forbids programs to read kernel memory: boot with lockdown=integrity or without" : NULL, "%s",
		   text);
	return confidential ? EXIT_NOT_PERMITTED : EXIT_DONE;
}

static enum exit_code check_memlock(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_MEMLOCK, &limit))
		return EXIT_DONE;
	if (limit.rlim_cur == RLIM_INFINITY)
		doctor_say(FINDING_OK, "memlock", NULL, "unlimited");
	else
		doctor_say(FINDING_OK, "memlock", NULL, "%llu KiB; only kernels before 5.11 count BPF memory against it",
			   (unsigned long long)limit.rlim_cur / 1024);
	return EXIT_DONE;
}

/* Whatever the files say: does it load and attach? */
static enum exit_code check_trial(bool verbose)
{
	const struct probe_options options = {.hooks = true, .verbose = verbose};
	const char *why = NULL;
	struct probe *probe = probe_open(&options, &why);
	uint64_t attach_ns, close_ns;

	if (!probe) {
		int err = errno;

		doctor_say(FINDING_NO, "trial", NULL, "%s", why);
		return err == EPERM || err == EACCES ? EXIT_NOT_PERMITTED : err == ENOMEM ? EXIT_FAILED : EXIT_UNFIT;
	}
	attach_ns = probe_attach_ns(probe);
	close_ns = monotonic_ns();
	probe_close(probe);
	close_ns = monotonic_ns() - close_ns;
	doctor_say(FINDING_OK, "trial", NULL, "all hooks load; attached in %.0f ms, detached in %.0f ms", (double)attach_ns / 1e6,
		   (double)close_ns / 1e6);
	return EXIT_DONE;
}

static enum exit_code graver(enum exit_code a, enum exit_code b)
{
	/* Whoever may not, cannot find out what the kernel could. */
	if (a == EXIT_NOT_PERMITTED || b == EXIT_NOT_PERMITTED)
		return EXIT_NOT_PERMITTED;
	return a ? a : b;
}

enum exit_code run_doctor(const struct options *options)
{
	static enum exit_code (*const checks[])(void) = {
		check_kernel,  check_btf,      check_capabilities, check_pid_namespace,
		check_tracefs, check_settings, check_lockdown,     check_memlock,
	};
	enum exit_code code = EXIT_DONE, process_code = EXIT_DONE;
	int err;

	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
		code = graver(code, checks[i]());
	if (code == EXIT_NOT_PERMITTED)
		doctor_say(FINDING_NOTE, "trial", NULL, "loading and attaching was not tried");
	else
		code = graver(code, check_trial(options->verbose));
	for (size_t i = 0; i < options->target_count; i++) {
		enum exit_code found = doctor_process(options->targets[i].pid);

		process_code = process_code ? process_code : found;
	}
	if (!code && !process_code)
		puts("\nTracing works here.");
	else if (code)
		puts("\nTracing does not work here: the lines marked NO say why.");
	err = flush_stream(stdout);
	if (err)
		return complain_output(err);
	return code ? code : process_code;
}
