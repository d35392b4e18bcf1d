/* SPDX-License-Identifier: BSD-2-Clause */
#include "common_truth.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common_clock.h"
#include "common_cpu.h"

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

void truth_burn(struct truth_row *row, uint64_t wanted_ns)
{
	struct truth_burn burn = {.start_ns = now_ns(), .thread_id = gettid()};

	burn.cpu_ns = cpu_burn(wanted_ns);
	burn.end_ns = now_ns();
	row->cpu_burned_ns += burn.cpu_ns;
	if (burn.cpu_ns && row->burn_count < TRUTH_BURNS_MAX)
		row->burns[row->burn_count++] = burn;
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

static void write_row(FILE *file, const struct truth_row *row)
{
	fprintf(file, "%lu,%s,%d,%lu,%lu,%lu,%lu,%ld,%ld,", row->id, row->path, row->thread_id, row->cpu_burned_ns, row->handler_cpu_ns,
		row->start_ns, row->end_ns, row->voluntary, row->involuntary);
	for (unsigned i = 0; i < row->burn_count; i++)
		fprintf(file, "%s%d:%lu:%lu:%lu", i ? ";" : "", row->burns[i].thread_id, row->burns[i].start_ns, row->burns[i].end_ns,
			row->burns[i].cpu_ns);
	if (row->lock.asked_ns)
		fprintf(file, ",%lu:%lu:%lu\n", row->lock.asked_ns, row->lock.got_ns, row->lock.released_ns);
	else
		fputs(",\n", file);
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
	fprintf(file, "id,path,thread_id,cpu_burned_ns,handler_cpu_ns,start_ns,end_ns,vol,invol,burns,lock\n");
	taken = atomic_load(&truth->taken);
	for (unsigned i = 0; i < taken && i < ROWS_MAX; i++) {
		if (atomic_load(&truth->slots[i].written))
			write_row(file, &truth->slots[i].row);
	}
	if (fclose(file))
		return -errno;
	return taken > ROWS_MAX ? -EOVERFLOW : 0;
}
