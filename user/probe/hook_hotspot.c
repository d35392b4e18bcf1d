/* SPDX-License-Identifier: BSD-2-Clause */
#include "probe/hook_hotspot.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "iocpu.skel.h"

/* ---- what it has in its memory ------------------------------------------------------------------------------------------------------- */

struct process_memory {
	struct memory base;
	int fd;
};

static bool read_process(const struct memory *base, uint64_t address, void *to, size_t size)
{
	const struct process_memory *memory = (const struct process_memory *)base;

	return pread(memory->fd, to, size, (off_t)address) == (ssize_t)size;
}

int hook_hotspot_find(pid_t tgid, struct hotspot_hook *hook, const char **why)
{
	struct process_memory memory = {.base = {.read = read_process}};
	char path[MAPPED_PATH_MAX];
	uint64_t start = 0;
	int err;

	*hook = (struct hotspot_hook){0};
	*why = "it has not loaded libjvm";
	err = proc_mapped_file(tgid, "/libjvm.so", hook->path, &start);
	if (!err)
		err = hotspot_library_read(hook->path, &hook->library, why);
	if (err)
		return err;
	snprintf(path, sizeof(path), "/proc/%d/mem", tgid);
	memory.fd = open(path, O_RDONLY | O_CLOEXEC);
	if (memory.fd < 0) {
		*why = "its memory cannot be read";
		return -errno;
	}
	err = hotspot_find(&memory.base, &hook->library, start, &hook->found, why);
	close(memory.fd);
	hook->found.layout.tells_yield = hook->library.yield_count > 0;
	return err;
}

/* ---- attaching
 * ----------------------------------------------------------------------------------------------------------------------------- */

/* Of what another process has left that had this number. */
static int clear(const struct bpf_map *map, const __u32 *index)
{
	void *nothing = calloc(1, bpf_map__value_size(map));
	int err = nothing ? bpf_map__update_elem(map, index, sizeof(*index), nothing, bpf_map__value_size(map), BPF_ANY) : -ENOMEM;

	free(nothing);
	return err;
}

/* Where it keeps the id is told last: from then on the kernel half looks. */
int hook_hotspot_attach(struct loader *loader, pid_t tgid, const struct hotspot_hook *hook, unsigned int slot)
{
	struct iocpu *skel = loader->skel;
	__u32 process = (__u32)tgid, index = slot;
	int err = 0;

	for (size_t i = 0; !err && i < hook->library.yield_count; i++)
		err = loader_attach_uprobe(loader, skel->progs.on_hotspot_yields, tgid, hook->path, hook->library.yields[i], slot);
	if (!err)
		err = clear(skel->maps.hotspot_heaps, &index);
	if (!err)
		err = clear(skel->maps.hotspot_made_ids, &index);
	if (!err && bpf_map__update_elem(skel->maps.hotspot_layouts, &index, sizeof(index), &hook->found.layout, sizeof(hook->found.layout),
					 BPF_ANY))
		err = -errno;
	if (!err && bpf_map__update_elem(skel->maps.hotspot_slots, &process, sizeof(process), &index, sizeof(index), BPF_ANY))
		err = -errno;
	if (!err)
		skel->bss->hotspots++;
	return err;
}

void hook_hotspot_forget(struct loader *loader, pid_t tgid)
{
	__u32 process = (__u32)tgid;

	(void)bpf_map__delete_elem(loader->skel->maps.hotspot_slots, &process, sizeof(process), 0); /* it may not be there */
}
