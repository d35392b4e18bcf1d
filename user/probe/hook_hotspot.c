/* SPDX-License-Identifier: BSD-2-Clause */
#include "probe/hook_hotspot.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "iocpu.skel.h"

/* ---- where it is ------------------------------------------------------------------------------------------------------------------- */

#define LIBRARY "/libjvm.so"

/* "start-end perms offset device inode path": the file's first byte, whose address in the file is 0. */
static bool is_first_of_library(const char *line, uint64_t *start, uint64_t *end)
{
	const char *path = strchr(line, '/'), *found = path ? strstr(path, LIBRARY) : NULL;
	unsigned long long from, to, offset;

	if (!found || (found[strlen(LIBRARY)] != '\n' && found[strlen(LIBRARY)] != ' '))
		return false;
	if (sscanf(line, "%llx-%llx %*s %llx", &from, &to, &offset) != 3 || offset)
		return false;
	*start = from;
	*end = to;
	return true;
}

/* By its range in memory: right in a container, and where the file was replaced. */
static int find_library(pid_t tgid, char path[LIBRARY_PATH_MAX], uint64_t *start)
{
	char line[512];
	uint64_t end;
	int err = -ENOENT;
	FILE *maps;

	snprintf(path, LIBRARY_PATH_MAX, "/proc/%d/maps", tgid);
	maps = fopen(path, "re");
	if (!maps)
		return -errno;
	while (err && fgets(line, sizeof(line), maps)) {
		if (!is_first_of_library(line, start, &end))
			continue;
		snprintf(path, LIBRARY_PATH_MAX, "/proc/%d/map_files/%llx-%llx", tgid, (unsigned long long)*start, (unsigned long long)end);
		err = 0;
	}
	fclose(maps);
	return err;
}

/* ---- what it has in its memory ----------------------------------------------------------------------------------------------------------
 */

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
	char path[LIBRARY_PATH_MAX];
	uint64_t start = 0;
	int err;

	*hook = (struct hotspot_hook){0};
	*why = "it has not loaded libjvm";
	err = find_library(tgid, hook->path, &start);
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

/* Where it keeps the id is told last: from then on the kernel half looks. */
int hook_hotspot_attach(struct loader *loader, pid_t tgid, const struct hotspot_hook *hook, unsigned int slot)
{
	struct iocpu *skel = loader->skel;
	__u32 process = (__u32)tgid, index = slot;
	int err = 0;

	for (size_t i = 0; !err && i < hook->library.yield_count; i++)
		err = loader_attach_uprobe(loader, skel->progs.on_hotspot_yields, tgid, hook->path, hook->library.yields[i], slot);
	if (!err && bpf_map__update_elem(skel->maps.hotspot_layouts, &index, sizeof(index), &hook->found.layout, sizeof(hook->found.layout),
					 BPF_ANY))
		err = -errno;
	if (!err && bpf_map__update_elem(skel->maps.hotspot_slots, &process, sizeof(process), &index, sizeof(index), BPF_ANY))
		err = -errno;
	if (!err)
		skel->bss->hotspots++;
	return err;
}
