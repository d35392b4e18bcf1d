/* SPDX-License-Identifier: BSD-2-Clause */
#include "probe/hook_tokio.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>

#include "iocpu.skel.h"
#include "probe/proc.h"

static struct tokio_layout layout_in_process(const struct tokio_program *program, uint64_t at)
{
	struct tokio_layout layout = program->layout;
	uint64_t moved_by = at - program->linked_at;

	layout.tables_from += moved_by;
	layout.tables_to += moved_by;
	if (layout.next_id_at)
		layout.next_id_at += moved_by;
	return layout;
}

int hook_tokio_attach(struct loader *loader, pid_t tgid, const char *path, const struct tokio_program *program, unsigned int slot)
{
	struct iocpu *skel = loader->skel;
	struct bpf_program *const program_by_place[TOKIO_PLACES] = {
		[TOKIO_RUNS] = skel->progs.on_tokio_runs, [TOKIO_IDLES] = skel->progs.on_tokio_idles,
		[TOKIO_ENDS] = skel->progs.on_tokio_ends, [TOKIO_WAKES] = skel->progs.on_tokio_wakes,
		[TOKIO_MADE] = skel->progs.on_tokio_made, [TOKIO_BINDS] = skel->progs.on_tokio_binds,
	};
	struct tokio_layout layout;
	__u32 index = slot;
	uint64_t at;
	int err = proc_program_at(tgid, &at);

	if (err)
		return err;
	layout = layout_in_process(program, at);
	if (bpf_map__update_elem(skel->maps.tokio_layouts, &index, sizeof(index), &layout, sizeof(layout), BPF_ANY))
		err = -errno;
	for (size_t i = 0; !err && i < program->probe_count; i++)
		err = loader_attach_uprobe(loader, program_by_place[program->probes[i].place], tgid, path, program->probes[i].file_offset,
					   slot);
	return err;
}
