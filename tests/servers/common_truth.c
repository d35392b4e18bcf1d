/* SPDX-License-Identifier: BSD-2-Clause */
#include "common_truth.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/mman.h>

#include "common_clock.h"

#define ROWS_MAX     (1u << 20) /* untouched pages cost nothing */
#define WAIT_MAX_NS  (2 * NS_PER_S)
#define WAIT_STEP_NS (1 * NS_PER_MS)

static struct truth {
	atomic_uint open; /* begun, not ended */
	atomic_uint taken;
	struct {
		atomic_bool written;
		struct truth_row row;
	} slots[];
} * truth;

static const char *truth_path;

int truth_open(const char *path)
{
	size_t bytes = sizeof *truth + ROWS_MAX * sizeof truth->slots[0];
	void *memory;

	if (!path)
		return 0;
	memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED)
		return -errno;
	truth = memory;
	truth_path = path;
	return 0;
}

void truth_set_path(struct truth_row *row, const char *path)
{
	snprintf(row->path, sizeof row->path, "%.*s", TRUTH_PATH_MAX - 1, path);
}

void truth_begin(void)
{
	if (truth)
		atomic_fetch_add(&truth->open, 1);
}

void truth_end(const struct truth_row *row)
{
	unsigned slot;

	if (!truth)
		return;
	slot = atomic_fetch_add(&truth->taken, 1);
	if (slot < ROWS_MAX) {
		truth->slots[slot].row = *row;
		atomic_store(&truth->slots[slot].written, true);
	}
	atomic_fetch_sub(&truth->open, 1);
}

static void wait_for_open_requests(void)
{
	struct timespec step = timespec_of_ns(WAIT_STEP_NS);

	for (uint64_t waited_ns = 0; atomic_load(&truth->open) && waited_ns < WAIT_MAX_NS; waited_ns += WAIT_STEP_NS)
		nanosleep(&step, NULL);
}

int truth_write(void)
{
	unsigned taken;
	FILE *file;

	if (!truth)
		return 0;
	wait_for_open_requests();
	file = fopen(truth_path, "we");
	if (!file)
		return -errno;
	fprintf(file, "id,path,thread_id,cpu_burned_ns,handler_cpu_ns,start_ns,end_ns,vol,invol\n");
	taken = atomic_load(&truth->taken);
	for (unsigned i = 0; i < taken && i < ROWS_MAX; i++) {
		const struct truth_row *row = &truth->slots[i].row;

		if (atomic_load(&truth->slots[i].written))
			fprintf(file, "%lu,%s,%d,%lu,%lu,%lu,%lu,%ld,%ld\n", row->id, row->path, row->thread_id, row->cpu_burned_ns,
				row->handler_cpu_ns, row->start_ns, row->end_ns, row->voluntary, row->involuntary);
	}
	if (fclose(file))
		return -errno;
	return taken > ROWS_MAX ? -EOVERFLOW : 0;
}
