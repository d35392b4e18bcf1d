/* SPDX-License-Identifier: BSD-2-Clause */
#include "probe/hook_python.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "config.h"
#include "iocpu.skel.h"

/* ---- where it is --------------------------------------------------------------------------------------------------------------------- */

/* The core is libpython where the process has it, else the program. */
static int find_core(pid_t tgid, struct python_hook *hook)
{
	uint64_t address = 0;
	int err = proc_mapped_file(tgid, "/libpython3", hook->core_path, &address);

	if (err == -ENOENT) {
		hook->program_fd = proc_open_program(tgid, hook->core_path);
		err = hook->program_fd < 0 ? hook->program_fd : proc_program_at(tgid, &address);
	}
	hook->moved_by = address;
	return err;
}

static int find_asyncio(pid_t tgid, struct python_hook *hook, const char **why)
{
	uint64_t address;
	int err = proc_mapped_file(tgid, "/_asyncio.", hook->asyncio_path, &address);

	*why = "it has not loaded asyncio";
	if (err)
		return err == -ENOENT ? -ENODATA : err;
	return python_asyncio_read(hook->asyncio_path, &hook->core, &hook->asyncio, why);
}

static int find_uvloop(pid_t tgid, struct python_hook *hook, const char **why)
{
	uint64_t address;
	int err = proc_mapped_file(tgid, "/uvloop/loop.", hook->uvloop_path, &address);

	if (err)
		return err == -ENOENT ? 0 : err;
	return python_uvloop_read(hook->uvloop_path, &hook->uvloop, why);
}

static int find_all(pid_t tgid, struct python_hook *hook, const char **why)
{
	int err;

	*why = "its files cannot be read";
	err = find_core(tgid, hook);
	if (!err)
		err = python_core_read(hook->core_path, &hook->core, why);
	if (err)
		return err;
	hook->moved_by -= hook->core.linked_at;
	err = find_asyncio(tgid, hook, why);
	return err ? err : find_uvloop(tgid, hook, why);
}

int hook_python_find(pid_t tgid, struct python_hook *hook, const char **why)
{
	int err;

	*hook = (struct python_hook){.program_fd = -1};
	err = find_all(tgid, hook, why);
	if (err)
		hook_python_close(hook);
	return err;
}

void hook_python_close(struct python_hook *hook)
{
	if (hook->program_fd >= 0)
		close(hook->program_fd);
	hook->program_fd = -1;
}

bool hook_python_has_uvloop(pid_t tgid)
{
	char path[MAPPED_PATH_MAX];
	uint64_t address;

	return !proc_mapped_file(tgid, "/uvloop/loop.", path, &address);
}

/* ---- attaching ----------------------------------------------------------------------------------------------------------------------- */

static int attach_all(struct loader *loader, pid_t tgid, struct bpf_program *program, const char *path, const uint64_t *offsets,
		      size_t count, unsigned int slot)
{
	int err = 0;

	for (size_t i = 0; !err && i < count; i++)
		err = loader_attach_uprobe(loader, program, tgid, path, offsets[i], slot);
	return err;
}

/* Where Context.run is hooked, uvloop enters contexts without it. */
int hook_python_attach_uvloop(struct loader *loader, pid_t tgid, const struct python_hook *hook, unsigned int slot)
{
	struct iocpu *skel = loader->skel;
	const struct python_uvloop *uvloop = &hook->uvloop;
	int err = attach_all(loader, tgid, skel->progs.on_uvloop_queues, hook->uvloop_path, uvloop->queues, uvloop->queue_count, slot);

	if (err || !hook->core.enters_by_run)
		return err;
	return attach_all(loader, tgid, skel->progs.on_python_runs, hook->uvloop_path, uvloop->enters, uvloop->enter_count, slot);
}

/*
 * What a context is told by is told last: from then on the kernel half looks at all places alike. What it saw of only some of them it would
 * take for something else, as a callback that was scheduled for one that never ran.
 */
static int turn_on(struct loader *loader, const struct python_hook *hook, unsigned int slot)
{
	struct python_layout layout = {
		.context_type = hook->core.context_type + hook->moved_by,
		.entered_offset = hook->core.entered_in_context,
	};
	__u32 index = slot;

	return bpf_map__update_elem(loader->skel->maps.python_layouts, &index, sizeof(index), &layout, sizeof(layout), BPF_ANY) ? -errno
																: 0;
}

int hook_python_attach(struct loader *loader, pid_t tgid, const struct python_hook *hook, unsigned int slot)
{
	struct iocpu *skel = loader->skel;
	struct bpf_program *enters = hook->core.enters_by_run ? skel->progs.on_python_runs : skel->progs.on_python_enters;
	struct bpf_program *schedules = hook->asyncio.by_name ? skel->progs.on_python_schedules_by_name : skel->progs.on_python_schedules;
	int err = hook_python_attach_uvloop(loader, tgid, hook, slot);

	if (!err)
		err = attach_all(loader, tgid, schedules, hook->asyncio_path, hook->asyncio.schedules, hook->asyncio.schedule_count, slot);
	if (!err)
		err = loader_attach_uprobe(loader, enters, tgid, hook->core_path, hook->core.enter_offset, slot);
	return err ? err : turn_on(loader, hook, slot);
}

void hook_python_turn_off(struct loader *loader, unsigned int slot)
{
	struct python_layout none = {0};
	__u32 index = slot;

	bpf_map__update_elem(loader->skel->maps.python_layouts, &index, sizeof(index), &none, sizeof(none), BPF_ANY);
}

void hook_python_forget(struct loader *loader, unsigned int slot)
{
	struct bpf_map *places = loader->skel->maps.python_places;
	__u32 index = slot;
	void *none = calloc(1, bpf_map__value_size(places));

	hook_python_turn_off(loader, slot);
	if (none)
		bpf_map__update_elem(places, &index, sizeof(index), none, bpf_map__value_size(places), BPF_ANY);
	free(none);
}
