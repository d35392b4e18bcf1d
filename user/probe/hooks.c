/* SPDX-License-Identifier: BSD-2-Clause */
#include "probe/hooks.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "iocpu.skel.h"
#include "probe/hook_hotspot.h"
#include "probe/hook_python.h"
#include "probe/hook_tokio.h"
#include "probe/proc.h"
#include "runtime/go.h"

void hooks_init(struct runtime_hooks *hooks, struct loader *loader, bool wanted)
{
	*hooks = (struct runtime_hooks){.loader = loader, .wanted = wanted};
}

/* ---- programs that are one file ---------------------------------------------------------------------------------------------------- */

/* The process may become another program at any time: what was found in one file is attached to that file. */
static int hook_program(struct runtime_hooks *hooks, struct hooked *hooked,
			int (*hook_file)(struct runtime_hooks *hooks, struct hooked *hooked, const char *path))
{
	char path[MAPPED_PATH_MAX];
	int fd = proc_open_program(hooked->tgid, path), err;

	if (fd < 0) {
		snprintf(hooked->says, sizeof(hooked->says), "off: its program cannot be read: %s", strerror(-fd));
		return fd;
	}
	err = hook_file(hooks, hooked, path);
	close(fd);
	return err;
}

static void exe_path(char path[64], pid_t tgid)
{
	snprintf(path, 64, "/proc/%d/exe", tgid);
}

/* ---- Go ---------------------------------------------------------------------------------------------------------------------------- */

static const struct known_file *find_go(struct known_files *known, const char *path, char says[HOOK_SAYS_MAX])
{
	const struct known_file *file = known_files_read(known, path, RUNTIME_GO);
	const char *version = file->go.version;

	if (file->err)
		snprintf(says, HOOK_SAYS_MAX, "off: %s%s%s", version, *version ? ": " : "", file->why);
	else
		snprintf(says, HOOK_SAYS_MAX, "%s: its scheduler tells which goroutine a thread runs", version);
	return file;
}

static int attach_go(struct runtime_hooks *hooks, const struct hooked *hooked, const char *path, const struct go_program *program)
{
	struct iocpu *skel = hooks->loader->skel;
	struct bpf_program *const program_by_place[GO_PLACES] = {
		[GO_RUNS] = skel->progs.on_go_runs,     [GO_MADE] = skel->progs.on_go_made,     [GO_WAKES] = skel->progs.on_go_wakes,
		[GO_PARKS] = skel->progs.on_go_parks,   [GO_YIELDS] = skel->progs.on_go_yields, [GO_ENDS] = skel->progs.on_go_ends,
		[GO_THREAD] = skel->progs.on_go_thread,
	};
	struct go_layout layout = program->layout;
	__u32 slot = (__u32)(hooked - hooks->processes);
	uint64_t at, moved_by;
	int err = proc_program_at(hooked->tgid, &at);

	if (err)
		return err;
	moved_by = at - program->linked_at;
	layout.main_pc += moved_by;
	layout.system_from += moved_by;
	layout.system_to += moved_by;
	if (bpf_map__update_elem(skel->maps.go_layouts, &slot, sizeof(slot), &layout, sizeof(layout), BPF_ANY))
		err = -errno;
	for (size_t i = 0; !err && i < program->call_count; i++)
		err = loader_attach_uprobe(hooks->loader, program_by_place[program->calls[i].place], hooked->tgid, path,
					   program->calls[i].file_offset, slot);
	return err;
}

static int hook_go_file(struct runtime_hooks *hooks, struct hooked *hooked, const char *path)
{
	const struct known_file *file = find_go(&hooks->known, path, hooked->says);
	int err = file->err;

	if (err)
		return err;
	err = attach_go(hooks, hooked, path, &file->go);
	if (err)
		snprintf(hooked->says, sizeof(hooked->says), "off: %s: cannot attach: %s", file->go.version, strerror(-err));
	return err;
}

static int hook_go(struct runtime_hooks *hooks, struct hooked *hooked)
{
	return hook_program(hooks, hooked, hook_go_file);
}

static bool look_at_go(pid_t tgid, char says[HOOK_SAYS_MAX])
{
	struct known_files nothing = {};
	char path[64];

	exe_path(path, tgid);
	return !find_go(&nothing, path, says)->err;
}

/* ---- HotSpot ----------------------------------------------------------------------------------------------------------------------- */

static int find_hotspot(pid_t tgid, struct hotspot_hook *hook, char says[HOOK_SAYS_MAX])
{
	const struct hotspot_layout *layout = &hook->found.layout;
	const char *why = NULL;
	int err = hook_hotspot_find(tgid, hook, &why);

	if (err)
		snprintf(says, HOOK_SAYS_MAX, "off: %s%s%s%s", *hook->found.version ? "HotSpot " : "", hook->found.version,
			 *hook->found.version ? ": " : "", why);
	else
		snprintf(says, HOOK_SAYS_MAX, "HotSpot %s: its memory tells which virtual thread a carrier runs%s", hook->found.version,
			 layout->tells_yield ? "" : ", but not when it leaves");
	return err;
}

static int hook_hotspot(struct runtime_hooks *hooks, struct hooked *hooked)
{
	struct hotspot_hook hook;
	int err = find_hotspot(hooked->tgid, &hook, hooked->says);

	if (err)
		return err;
	err = hook_hotspot_attach(hooks->loader, hooked->tgid, &hook, (unsigned int)(hooked - hooks->processes));
	if (err) {
		hooked->looks_left = 0; /* it may be attached to a part of its places */
		snprintf(hooked->says, sizeof(hooked->says), "off: HotSpot %s: cannot attach: %s", hook.found.version, strerror(-err));
	}
	return err;
}

static bool look_at_hotspot(pid_t tgid, char says[HOOK_SAYS_MAX])
{
	struct hotspot_hook hook;

	return !find_hotspot(tgid, &hook, says);
}

/* ---- CPython ----------------------------------------------------------------------------------------------------------------------- */

static int find_python(pid_t tgid, struct python_hook *hook, char says[HOOK_SAYS_MAX])
{
	const char *why = NULL;
	int err = hook_python_find(tgid, hook, &why);

	if (err)
		snprintf(says, HOOK_SAYS_MAX, "off: Python%s%s: %s", *hook->core.version ? " " : "", hook->core.version, why);
	else
		snprintf(says, HOOK_SAYS_MAX, "Python %s, asyncio%s: its event loops tell which task runs", hook->core.version,
			 hook->uvloop.queue_count ? " on uvloop" : "");
	return err;
}

/* It is hooked, and may have loaded uvloop since. */
static int hook_uvloop(struct runtime_hooks *hooks, struct hooked *hooked)
{
	unsigned int slot = (unsigned int)(hooked - hooks->processes);
	struct python_hook hook;
	int err;

	if (!hook_python_has_uvloop(hooked->tgid))
		return -EAGAIN;
	err = find_python(hooked->tgid, &hook, hooked->says);
	if (!err && (err = hook_python_attach_uvloop(hooks->loader, hooked->tgid, &hook, slot)))
		snprintf(hooked->says, sizeof(hooked->says), "off: Python %s: cannot attach: %s", hook.core.version, strerror(-err));
	if (err)
		hook_python_turn_off(hooks->loader, slot);
	hook_python_close(&hook);
	return 0;
}

static int hook_python(struct runtime_hooks *hooks, struct hooked *hooked)
{
	struct python_hook hook;
	int err;

	if (hooked->attached)
		return hook_uvloop(hooks, hooked);
	err = find_python(hooked->tgid, &hook, hooked->says);
	if (err == -ENODATA) /* most programs never do: not worth a word */
		*hooked->says = 0;
	else if (err)
		hooked->looks_left = 0; /* it will not change */
	if (err)
		return err;
	err = hook_python_attach(hooks->loader, hooked->tgid, &hook, (unsigned int)(hooked - hooks->processes));
	hook_python_close(&hook);
	if (err) {
		hooked->looks_left = 0; /* it may be attached to a part of its places */
		snprintf(hooked->says, sizeof(hooked->says), "off: Python %s: cannot attach: %s", hook.core.version, strerror(-err));
	}
	hooked->attached = !err;
	return err || hook.uvloop.queue_count ? err : 1;
}

static bool look_at_python(pid_t tgid, char says[HOOK_SAYS_MAX])
{
	struct python_hook hook;
	int err = find_python(tgid, &hook, says);

	hook_python_close(&hook);
	return !err;
}

/* ---- tokio ------------------------------------------------------------------------------------------------------------------------- */

static const struct known_file *find_tokio(struct known_files *known, const char *path, char says[HOOK_SAYS_MAX])
{
	const struct known_file *file = known_files_read(known, path, RUNTIME_RUST);
	const char *version = file->tokio.version;

	if (file->err)
		snprintf(says, HOOK_SAYS_MAX, "off: Rust%s%s: %s", *version ? ", tokio " : "", version, file->why);
	else
		snprintf(says, HOOK_SAYS_MAX, "Rust, tokio%s%s: its scheduler tells which task a thread runs%s", *version ? " " : "",
			 version, file->tokio.tells_made ? "" : ", but not who made it");
	return file;
}

static int hook_tokio_file(struct runtime_hooks *hooks, struct hooked *hooked, const char *path)
{
	const struct known_file *file = find_tokio(&hooks->known, path, hooked->says);
	int err = file->err;

	if (err == -ENODATA) /* not worth a word */
		*hooked->says = 0;
	if (err)
		return err;
	err = hook_tokio_attach(hooks->loader, hooked->tgid, path, &file->tokio, (unsigned int)(hooked - hooks->processes));
	if (err)
		snprintf(hooked->says, sizeof(hooked->says), "off: Rust, tokio %s: cannot attach: %s", file->tokio.version, strerror(-err));
	return err;
}

static int hook_tokio(struct runtime_hooks *hooks, struct hooked *hooked)
{
	return hook_program(hooks, hooked, hook_tokio_file);
}

static bool look_at_tokio(pid_t tgid, char says[HOOK_SAYS_MAX])
{
	struct known_files nothing = {};
	char path[64];

	exe_path(path, tgid);
	return !find_tokio(&nothing, path, says)->err;
}

/* ---- all runtimes ------------------------------------------------------------------------------------------------------------------ */

static const struct {
	/* 0; −errno; or 1: it is, and may load what changes it yet. */
	int (*attach)(struct runtime_hooks *hooks, struct hooked *hooked);
	bool (*look)(pid_t tgid, char says[HOOK_SAYS_MAX]);
	bool loads_itself; /* the runtime is a library that the program maps after its start, and readies then */
} hook_by_runtime[RUNTIMES] = {
	[RUNTIME_GO] = {.attach = hook_go, .look = look_at_go},
	[RUNTIME_JVM] = {.attach = hook_hotspot, .look = look_at_hotspot, .loads_itself = true},
	[RUNTIME_PYTHON] = {.attach = hook_python, .look = look_at_python, .loads_itself = true},
	[RUNTIME_RUST] = {.attach = hook_tokio, .look = look_at_tokio},
};

static bool is_same(const struct execution *one, const struct execution *other)
{
	return one->code_from == other->code_from && one->code_to == other->code_to && one->stack_at == other->stack_at;
}

/* Of one that has become another program since then, a record comes. */
static bool executes_it_still(const struct hooked *hooked)
{
	struct execution now;

	return !proc_execution(hooked->tgid, &now) && is_same(&now, &hooked->execution);
}

/* Is there something new to say of it? */
static bool try_to_attach(struct runtime_hooks *hooks, struct hooked *hooked)
{
	int err = hook_by_runtime[hooked->runtime].attach(hooks, hooked);

	if (err < 0 && !hooked->attached) /* half of its places would tell what is not so */
		loader_detach_uprobes(hooks->loader, (uint64_t)(hooked - hooks->processes));
	if (!err || !hook_by_runtime[hooked->runtime].loads_itself)
		hooked->looks_left = 0;
	else if (hooked->looks_left)
		hooked->looks_left--;
	return err >= 0;
}

bool hooks_know(const struct runtime_hooks *hooks, pid_t tgid, const struct execution *execution)
{
	for (size_t i = 0; i < hooks->count; i++)
		if (hooks->processes[i].tgid == tgid && is_same(&hooks->processes[i].execution, execution))
			return true;
	return false;
}

/* Nothing of it is left behind in its place. */
static void unhook(struct runtime_hooks *hooks, const struct hooked *hooked)
{
	loader_detach_uprobes(hooks->loader, (uint64_t)(hooked - hooks->processes));
	if (hooked->runtime == RUNTIME_JVM)
		hook_hotspot_forget(hooks->loader, hooked->tgid);
	else if (hooked->runtime == RUNTIME_PYTHON)
		hook_python_forget(hooks->loader, (unsigned int)(hooked - hooks->processes));
}

/*
 * Full, one that has ended gives its place up, or one of which nothing came, and nothing was said (a Python that runs no event loop). NULL:
 * none does.
 */
static struct hooked *find_place(struct runtime_hooks *hooks)
{
	if (hooks->count < HOOKED_PROCESSES_MAX)
		return &hooks->processes[hooks->count];
	for (size_t i = 0; i < hooks->count; i++) {
		struct hooked *hooked = &hooks->processes[i];
		bool idle = !hooked->looks_left && !*hooked->says;

		if (!idle && executes_it_still(hooked))
			continue;
		unhook(hooks, hooked);
		return hooked;
	}
	return NULL;
}

/* What the process was before it executed this program says nothing of it. */
static void forget_refusals(struct runtime_hooks *hooks, pid_t tgid)
{
	for (size_t i = 0; i < HOOK_REFUSALS_MAX; i++)
		if (hooks->refused[i] == tgid)
			hooks->refused[i] = 0;
}

/*
 * What the process was before it executed this program is not looked at any more. If it executes the same file again, the places in that
 * would tell of it twice, and the first time by what lay where in the earlier one.
 */
static void forget_earlier_programs(struct runtime_hooks *hooks, pid_t tgid)
{
	for (size_t i = 0; i < hooks->count; i++) {
		if (hooks->processes[i].tgid != tgid)
			continue;
		unhook(hooks, &hooks->processes[i]);
		hooks->processes[i] = (struct hooked){0};
	}
}

void hooks_attach(struct runtime_hooks *hooks, pid_t tgid, enum runtime runtime, const struct execution *execution)
{
	struct hooked *hooked;

	if (!hooks->wanted)
		return;
	forget_refusals(hooks, tgid);
	forget_earlier_programs(hooks, tgid);
	if (!hook_by_runtime[runtime].attach)
		return;
	hooked = find_place(hooks);
	if (!hooked) {
		hooks->refused[hooks->refusals++ % HOOK_REFUSALS_MAX] = tgid;
		return;
	}
	*hooked = (struct hooked){.tgid = tgid, .runtime = runtime, .execution = *execution, .looks_left = HOOK_LOOKS_MAX};
	if (!executes_it_still(hooked))
		return;
	try_to_attach(hooks, hooked);
	if (hooked == &hooks->processes[hooks->count])
		hooks->count++;
}

pid_t hooks_look_again(struct runtime_hooks *hooks)
{
	for (size_t i = 0; i < hooks->count; i++) {
		struct hooked *hooked = &hooks->processes[i];

		if (!hooked->looks_left)
			continue;
		if (!executes_it_still(hooked))
			hooked->looks_left = 0;
		else if (try_to_attach(hooks, hooked))
			return hooked->tgid;
	}
	return 0;
}

const char *hooks_say(const struct runtime_hooks *hooks, pid_t tgid)
{
	for (size_t i = 0; i < hooks->count; i++)
		if (hooks->processes[i].tgid == tgid)
			return *hooks->processes[i].says ? hooks->processes[i].says : NULL;
	for (size_t i = 0; i < HOOK_REFUSALS_MAX; i++)
		if (hooks->refused[i] == tgid)
			return "off: too many processes are hooked already";
	return NULL;
}

bool hooks_are_off(const char *says)
{
	return !strncmp(says, "off: ", strlen("off: "));
}

bool hooks_look(pid_t tgid, enum runtime runtime, char says[HOOK_SAYS_MAX], bool *usable)
{
	if (!hook_by_runtime[runtime].look)
		return false;
	*usable = hook_by_runtime[runtime].look(tgid, says);
	return true;
}
