/* SPDX-License-Identifier: BSD-2-Clause */
#include "probe/hook_python.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>

#include "config.h"
#include "iocpu.skel.h"

/* ---- where it is -----------------------------------------------------------------------------------------------------------------------
 */

/* The core is libpython where the process has it, else the program. */
static int find_core(pid_t tgid, struct python_hook *hook)
{
	uint64_t address;
	int err = proc_mapped_file(tgid, "/libpython3", hook->core_path, &address);

	if (err == -ENOENT) {
		snprintf(hook->core_path, sizeof(hook->core_path), "/proc/%d/exe", tgid);
		err = proc_program_at(tgid, &address);
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
	return python_asyncio_read(hook->asyncio_path, &hook->asyncio, why);
}

static int find_uvloop(pid_t tgid, struct python_hook *hook, const char **why)
{
	uint64_t address;
	int err = proc_mapped_file(tgid, "/uvloop/loop.", hook->uvloop_path, &address);

	if (err)
		return err == -ENOENT ? 0 : err;
	return python_uvloop_read(hook->uvloop_path, &hook->uvloop, why);
}

int hook_python_find(pid_t tgid, struct python_hook *hook, const char **why)
{
	int err;

	*hook = (struct python_hook){0};
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

bool hook_python_has_uvloop(pid_t tgid)
{
	char path[MAPPED_PATH_MAX];
	uint64_t address;

	return !proc_mapped_file(tgid, "/uvloop/loop.", path, &address);
}

/* ---- attaching ------------------------------------------------------------------------------------------------------------------------
 */

int hook_python_attach_uvloop(struct loader *loader, pid_t tgid, const struct python_hook *hook, unsigned int slot)
{
	int err = 0;

	for (size_t i = 0; !err && i < hook->uvloop.queue_count; i++)
		err = loader_attach_uprobe(loader, loader->skel->progs.on_uvloop_queues, tgid, hook->uvloop_path, hook->uvloop.queues[i],
					   slot);
	return err;
}

/* What is scheduled is told first, so that the first callback that is seen to run is not taken for one that nobody scheduled. */
int hook_python_attach(struct loader *loader, pid_t tgid, const struct python_hook *hook, unsigned int slot)
{
	struct iocpu *skel = loader->skel;
	struct python_layout layout = {
		.context_type = hook->core.context_type + hook->moved_by,
		.entered_offset = hook->core.entered_in_context,
	};
	__u32 index = slot;
	int err;

	if (bpf_map__update_elem(skel->maps.python_layouts, &index, sizeof(index), &layout, sizeof(layout), BPF_ANY))
		return -errno;
	err = hook_python_attach_uvloop(loader, tgid, hook, slot);
	for (size_t i = 0; !err && i < hook->asyncio.schedule_count; i++)
		err = loader_attach_uprobe(loader, skel->progs.on_python_schedules, tgid, hook->asyncio_path, hook->asyncio.schedules[i],
					   slot);
	return err ? err : loader_attach_uprobe(loader, skel->progs.on_python_enters, tgid, hook->core_path, hook->core.enter_offset, slot);
}

void hook_python_turn_off(struct loader *loader, unsigned int slot)
{
	struct python_layout none = {0};
	__u32 index = slot;

	bpf_map__update_elem(loader->skel->maps.python_layouts, &index, sizeof(index), &none, sizeof(none), BPF_ANY);
}
