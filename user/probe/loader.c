/* SPDX-License-Identifier: BSD-2-Clause */
#include "probe/loader.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "iocpu.skel.h"
#include "probe/syscalls.h"
#include "probe/tracefs.h"
#include "util/clock.h"

#define SYSCALL_SECTION "tracepoint/syscalls/"

/* ---- telling why not */

static char why_text[512];

static int explain(const char **why, int err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why_text, sizeof(why_text), format, args);
	va_end(args);
	*why = why_text;
	return err;
}

static int read_number(const char *path)
{
	FILE *file = fopen(path, "re");
	int number = -1;

	if (!file)
		return -1;
	if (fscanf(file, "%d", &number) != 1)
		number = -1;
	fclose(file);
	return number;
}

static int explain_load(const char **why, int err)
{
	if (err == -EPERM) /* a program that the verifier refuses is EACCES */
		return explain(why, -EPERM, "may not load BPF programs: run as root (needs CAP_BPF and CAP_PERFMON, or CAP_SYS_ADMIN)");
	if (err == -ENOMEM)
		return explain(why, err, "not enough memory for the kernel half");
	return explain(why, -ENOTSUP, "this kernel refused the kernel half: %s; --verbose shows its words", strerror(-err));
}

static int explain_attach(const char **why, const char *name, int err)
{
	if (err != -EPERM && err != -EACCES)
		return explain(why, -ENOTSUP, "cannot attach %s: %s", name, strerror(-err));
	return explain(why, -EPERM, "may not attach %s: run as root (kernel.perf_event_paranoid is %d; above 2 it takes CAP_SYS_ADMIN)",
		       name, read_number("/proc/sys/kernel/perf_event_paranoid"));
}

static int explain_features(const char **why, const struct features *features, int err)
{
	struct utsname name = {};

	uname(&name);
	if (err == -ENOENT)
		return explain(why, -ENOTSUP, "kernel %s has no BTF (/sys/kernel/btf/vmlinux): it needs CONFIG_DEBUG_INFO_BTF=y",
			       name.release);
	if (err)
		return explain(why, err, "cannot read the kernel's BTF: %s", strerror(-err));
	if (!features->task_storage)
		return explain(why, -ENOTSUP,
			       "kernel %s is too old: it needs task storage and saved registers in tracing programs (Linux 5.15)",
			       name.release);
	return 0;
}

static int print_verbosely(enum libbpf_print_level level, const char *format, va_list args)
{
	return level == LIBBPF_DEBUG ? 0 : vfprintf(stderr, format, args);
}

static int print_nothing(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

/* ---- loading */

/* "sys_exit_read" of a program on that tracepoint; NULL: it hangs on something else. */
static const char *syscall_event(const struct bpf_program *program)
{
	const char *section = bpf_program__section_name(program);

	section += *section == '?';
	return strncmp(section, SYSCALL_SECTION, strlen(SYSCALL_SECTION)) ? NULL : section + strlen(SYSCALL_SECTION);
}

static bool is_uprobe(const struct bpf_program *program)
{
	const char *section = bpf_program__section_name(program);

	return !strcmp(section + (*section == '?'), "uprobe");
}

static void choose_uprobe(struct bpf_program *program, const struct features *features, bool hooks)
{
	bpf_program__set_autoload(program, hooks);
	if (features->uprobe_multi)
		links_choose_multi(program);
}

/* A machine has some calls only by their newer names. */
static bool has_any_event(const struct tracefs *tracefs, const char *event)
{
	const char *events[SYSCALLS_ALIKE_MAX];
	size_t count = syscalls_handled_alike(event, events);
	bool has = false;

	for (size_t i = 0; i < count; i++)
		has |= tracefs_has_event(tracefs, "syscalls", events[i]);
	return has;
}

/* Calls and hooks that this kernel or architecture does not have are left out. */
static void choose_programs(struct iocpu *skel, const struct tracefs *tracefs, const struct features *features, bool hooks)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, skel->obj)
	{
		const char *event = syscall_event(program);

		if (event)
			bpf_program__set_autoload(program, has_any_event(tracefs, event));
		else if (is_uprobe(program))
			choose_uprobe(program, features, hooks);
	}
	bpf_program__set_autoload(skel->progs.on_sk_data_ready, features->sk_data_ready);
}

/* Before 5.11 BPF memory counts against this limit. Where raising it is not permitted it does not matter any more. */
static void raise_memlock(void)
{
	struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};

	setrlimit(RLIMIT_MEMLOCK, &unlimited);
}

/* Calls that have another one's program. */
static void name_calls(struct iocpu *skel)
{
	skel->rodata->recvfrom_nr = SYS_recvfrom;
	skel->rodata->recvmsg_nr = SYS_recvmsg;
	skel->rodata->sendmsg_nr = SYS_sendmsg;
	skel->rodata->recvmmsg_nr = SYS_recvmmsg;
	skel->rodata->sendfile_nr = SYS_sendfile;
	skel->rodata->splice_nr = SYS_splice;
}

static int load(struct loader *loader, const struct tracefs *tracefs, const struct loader_options *options)
{
	struct iocpu *skel = iocpu__open();

	if (!skel)
		return -errno;
	loader->skel = skel;
	skel->rodata->has_rdonly_cast = loader->features.rdonly_cast;
	skel->rodata->has_sk_data_ready = loader->features.sk_data_ready;
	skel->rodata->is_preemptible = loader->features.preemptible;
	skel->rodata->no_payload = options->no_payload;
	skel->rodata->jiffy_ns = loader->features.jiffy_ns;
	skel->bss->realtime_offset_ns = unix_offset_ns();
	syscalls_wait_causes((uint8_t *)skel->rodata->wait_cause_by_syscall);
	syscalls_that_write((uint8_t *)skel->rodata->writes_by_syscall);
	name_calls(skel);
	choose_programs(skel, tracefs, &loader->features, options->hooks);
	return iocpu__load(skel);
}

/* ---- attaching */

/* As libbpf does it, but with the event's id, which is known when tracefs cannot be seen any more. */
static struct bpf_link *attach_event(struct bpf_program *program, int event_id)
{
	struct perf_event_attr event = {.type = PERF_TYPE_TRACEPOINT, .size = sizeof(event), .config = (__u64)event_id};
	long fd = syscall(SYS_perf_event_open, &event, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	struct bpf_link *link;
	int err;

	if (fd < 0)
		return NULL;
	link = bpf_program__attach_perf_event(program, (int)fd);
	err = errno;
	if (!link)
		close((int)fd);
	errno = err;
	return link;
}

static int attach_program(struct loader *loader, struct bpf_program *program, int event_id)
{
	if (loader->links.count == LINKS_MAX)
		return -E2BIG;
	return links_keep(&loader->links, event_id ? attach_event(program, event_id) : bpf_program__attach(program));
}

/* Where the kernel half says that a target needs this hook. NULL: all do. */
static const volatile bool *wanted_by(const struct loader *loader, const struct bpf_program *program, const char *event)
{
	int nr = event ? syscalls_hooked_late(event) : -1;

	if (program == loader->skel->progs.on_sk_data_ready)
		return &loader->skel->bss->wants_arrivals;
	if (program == loader->skel->progs.on_futex)
		return &loader->skel->bss->wants_futexes;
	return nr < 0 ? NULL : &loader->skel->bss->blocked_in[nr];
}

/* event NULL: the program knows where it belongs. */
static int attach_or_wait(struct loader *loader, struct bpf_program *program, const char *event, int event_id)
{
	struct late_hook late = {program, event_id, wanted_by(loader, program, event)};

	if (!late.wanted)
		return attach_program(loader, program, event_id);
	if (loader->late_count == LOADER_LATE_MAX)
		return -E2BIG;
	loader->late[loader->late_count++] = late;
	return 0;
}

static int attach_to_calls(struct loader *loader, const struct tracefs *tracefs, struct bpf_program *program, const char *event)
{
	const char *events[SYSCALLS_ALIKE_MAX];
	size_t count = syscalls_handled_alike(event, events);
	int err = 0;

	for (size_t i = 0; i < count && !err; i++) {
		int event_id;

		if (!tracefs_has_event(tracefs, "syscalls", events[i]))
			continue;
		event_id = tracefs_event_id(tracefs, "syscalls", events[i]);
		err = event_id < 0 ? event_id : attach_or_wait(loader, program, events[i], event_id);
	}
	return err;
}

/* Iterators are run, and uprobes attached where a runtime has a place for them. */
static bool is_a_hook_of_the_kernel(const struct bpf_program *program)
{
	return !is_uprobe(program) && strncmp(bpf_program__section_name(program), "iter/", 5) != 0;
}

static int attach(struct loader *loader, const struct tracefs *tracefs, const char **why)
{
	struct bpf_program *program;
	int err;

	bpf_object__for_each_program(program, loader->skel->obj)
	{
		const char *event = syscall_event(program);

		if (!bpf_program__autoload(program) || !is_a_hook_of_the_kernel(program))
			continue;
		err = event ? attach_to_calls(loader, tracefs, program, event) : attach_or_wait(loader, program, NULL, 0);
		if (err)
			return explain_attach(why, bpf_program__name(program), err);
	}
	return 0;
}

unsigned int loader_attach_wanted(struct loader *loader)
{
	unsigned int refused = 0;

	for (size_t i = 0; i < loader->late_count;) {
		struct late_hook late = loader->late[i];

		if (!*late.wanted) {
			i++;
			continue;
		}
		loader->late[i] = loader->late[--loader->late_count];
		if (attach_program(loader, late.program, late.event_id))
			refused++;
	}
	return refused;
}

int loader_attach_uprobe(struct loader *loader, struct bpf_program *program, pid_t tgid, const char *path, uint64_t file_offset,
			 uint64_t cookie)
{
	return links_attach_uprobe(&loader->links, loader->features.uprobe_multi, program, tgid, path, file_offset, cookie);
}

void loader_detach_uprobes(struct loader *loader, uint64_t cookie)
{
	links_detach_uprobes(&loader->links, cookie);
}

/* What loader_open does in a thread of its own, whose mount namespace may differ. */
struct opening {
	struct loader *loader;
	const struct loader_options *options;
	const char **why;
	int err;
};

static void *load_and_attach(void *argument)
{
	struct opening *opening = argument;
	struct tracefs tracefs;
	int err = tracefs_open(&tracefs);

	if (err == -EPERM)
		opening->err = explain(opening->why, err, "tracefs is not mounted, and mounting it takes CAP_SYS_ADMIN: run as root");
	else if (err)
		opening->err = explain(opening->why, -ENOTSUP, "cannot mount tracefs: %s", strerror(-err));
	if (err)
		return NULL;
	err = load(opening->loader, &tracefs, opening->options);
	if (err)
		opening->err = explain_load(opening->why, err);
	else
		opening->err = attach(opening->loader, &tracefs, opening->why);
	return NULL;
}

/* libbpf looks for tracepoints in tracefs. Where it must be mounted first, only this short-lived thread sees the mount. */
static int load_in_thread(struct opening *opening)
{
	pthread_t thread;
	int err = pthread_create(&thread, NULL, load_and_attach, opening);

	if (err)
		return explain(opening->why, -err, "cannot start a thread: %s", strerror(err));
	pthread_join(thread, NULL);
	return opening->err;
}

int loader_open(struct loader *loader, const struct loader_options *options, const char **why)
{
	struct opening opening = {.loader = loader, .options = options, .why = why};
	uint64_t begun_ns = monotonic_ns();
	int err;

	*loader = (struct loader){};
	libbpf_set_print(options->verbose ? print_verbosely : print_nothing);
	raise_memlock();
	err = features_find(&loader->features);
	err = explain_features(why, &loader->features, err);
	if (!err)
		err = load_in_thread(&opening);
	if (err)
		loader_close(loader);
	loader->attach_ns = monotonic_ns() - begun_ns;
	return err;
}

/* ---- the end */

void loader_begin_detach(struct loader *loader)
{
	links_begin_detach(&loader->links);
}

void loader_close(struct loader *loader)
{
	links_detach(&loader->links);
	if (loader->skel)
		iocpu__destroy(loader->skel);
	loader->skel = NULL;
}

/* ---- iterators */

static int run_iterator(struct bpf_program *program, pid_t tgid)
{
	union bpf_iter_link_info info = {.task.pid = (__u32)tgid};
	LIBBPF_OPTS(bpf_iter_attach_opts, opts, .link_info = &info, .link_info_len = sizeof(info));
	struct bpf_link *link = bpf_program__attach_iter(program, &opts);
	char nothing[64];
	ssize_t got;
	int fd, err = 0;

	if (!link)
		return -errno;
	fd = bpf_iter_create(bpf_link__fd(link));
	if (fd < 0) {
		err = -errno;
	} else {
		do
			got = read(fd, nothing, sizeof(nothing));
		while (got > 0 || (got < 0 && errno == EINTR));
		err = got < 0 ? -errno : 0;
		close(fd);
	}
	bpf_link__destroy(link);
	return err;
}

int loader_adopt(struct loader *loader, pid_t tgid)
{
	int err;

	loader->skel->bss->living_threads = 0;
	err = run_iterator(loader->skel->progs.adopt_threads, tgid);
	if (err)
		return err;
	return loader->skel->bss->living_threads ? 0 : -ESRCH;
}

int loader_snapshot(struct loader *loader, pid_t tgid)
{
	return run_iterator(loader->skel->progs.snapshot_threads, tgid);
}
