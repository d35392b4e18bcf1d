/* SPDX-License-Identifier: BSD-2-Clause */
#include "probe/hooks.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "iocpu.skel.h"
#include "probe/hook_hotspot.h"
#include "probe/proc.h"
#include "runtime/go.h"

void hooks_init(struct runtime_hooks *hooks, struct loader *loader, bool wanted)
{
	*hooks = (struct runtime_hooks){.loader = loader, .wanted = wanted};
}

/* ---- Go ---------------------------------------------------------------------------------------------------------------------------- */

static int find_go(pid_t tgid, struct go_program *program, char says[HOOK_SAYS_MAX])
{
	const char *why = NULL;
	char path[64];
	int err;

	snprintf(path, sizeof(path), "/proc/%d/exe", tgid);
	err = go_program_read(path, program, &why);
	if (err)
		snprintf(says, HOOK_SAYS_MAX, "off: %s%s%s", program->version, *program->version ? ": " : "", why);
	else
		snprintf(says, HOOK_SAYS_MAX, "%s: its scheduler tells which goroutine a thread runs", program->version);
	return err;
}

static int attach_go(struct runtime_hooks *hooks, pid_t tgid, const struct go_program *program)
{
	struct iocpu *skel = hooks->loader->skel;
	struct bpf_program *const program_by_place[GO_PLACES] = {
		[GO_RUNS] = skel->progs.on_go_runs,
		[GO_IDLES] = skel->progs.on_go_idles,
		[GO_MADE] = skel->progs.on_go_made,
		[GO_WAKES] = skel->progs.on_go_wakes,
	};
	struct go_layout layout = program->layout;
	__u32 slot = (__u32)hooks->count;
	uint64_t at, moved_by;
	char path[64];
	int err = proc_program_at(tgid, &at);

	if (err)
		return err;
	snprintf(path, sizeof(path), "/proc/%d/exe", tgid);
	moved_by = at - program->linked_at;
	layout.main_pc += moved_by;
	layout.system_from += moved_by;
	layout.system_to += moved_by;
	if (bpf_map__update_elem(skel->maps.go_layouts, &slot, sizeof(slot), &layout, sizeof(layout), BPF_ANY))
		err = -errno;
	for (size_t i = 0; !err && i < program->call_count; i++)
		err = loader_attach_uprobe(hooks->loader, program_by_place[program->calls[i].place], tgid, path,
					   program->calls[i].file_offset, slot);
	return err;
}

static void hook_go(struct runtime_hooks *hooks, struct hooked *hooked)
{
	struct go_program program;
	int err;

	if (find_go(hooked->tgid, &program, hooked->says))
		return;
	err = attach_go(hooks, hooked->tgid, &program);
	if (err)
		snprintf(hooked->says, sizeof(hooked->says), "off: %s: cannot attach: %s", program.version, strerror(-err));
}

static bool look_at_go(pid_t tgid, char says[HOOK_SAYS_MAX])
{
	struct go_program program;

	return !find_go(tgid, &program, says);
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

static void hook_hotspot(struct runtime_hooks *hooks, struct hooked *hooked)
{
	struct hotspot_hook hook;
	int err;

	if (find_hotspot(hooked->tgid, &hook, hooked->says))
		return;
	err = hook_hotspot_attach(hooks->loader, hooked->tgid, &hook, (unsigned int)hooks->count);
	if (err)
		snprintf(hooked->says, sizeof(hooked->says), "off: HotSpot %s: cannot attach: %s", hook.found.version, strerror(-err));
}

static bool look_at_hotspot(pid_t tgid, char says[HOOK_SAYS_MAX])
{
	struct hotspot_hook hook;

	return !find_hotspot(tgid, &hook, says);
}

/* ---- all runtimes ------------------------------------------------------------------------------------------------------------------ */

static const struct {
	void (*attach)(struct runtime_hooks *hooks, struct hooked *hooked);
	bool (*look)(pid_t tgid, char says[HOOK_SAYS_MAX]);
} hook_by_runtime[RUNTIMES] = {
	[RUNTIME_GO] = {hook_go, look_at_go},
	[RUNTIME_JVM] = {hook_hotspot, look_at_hotspot},
};

void hooks_attach(struct runtime_hooks *hooks, pid_t tgid, enum runtime runtime)
{
	struct hooked *hooked;

	if (!hooks->wanted || !hook_by_runtime[runtime].attach)
		return;
	if (hooks->count == HOOKED_PROCESSES_MAX) {
		hooks->refused = tgid;
		return;
	}
	hooked = &hooks->processes[hooks->count];
	hooked->tgid = tgid;
	hook_by_runtime[runtime].attach(hooks, hooked);
	hooks->count++;
}

const char *hooks_say(const struct runtime_hooks *hooks, pid_t tgid)
{
	if (tgid == hooks->refused)
		return "off: too many processes are hooked already";
	for (size_t i = hooks->count; i-- > 0;)
		if (hooks->processes[i].tgid == tgid)
			return hooks->processes[i].says;
	return NULL;
}

bool hooks_look(pid_t tgid, enum runtime runtime, char says[HOOK_SAYS_MAX], bool *usable)
{
	if (!hook_by_runtime[runtime].look)
		return false;
	*usable = hook_by_runtime[runtime].look(tgid, says);
	return true;
}
