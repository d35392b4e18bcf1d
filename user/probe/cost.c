/* SPDX-License-Identifier: BSD-2-Clause */
#include "probe/cost.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <unistd.h>

#include "iocpu.skel.h"

#define NS_PER_MS 1000000ull

/* A short run has its cost known after a quarter of a second; a long one pays for 1 of 40 runs. */
#define FIRST_SAMPLE_AFTER_NS (200 * NS_PER_MS)
#define SAMPLE_NS             (50 * NS_PER_MS)
#define PAUSE_NS              (1950 * NS_PER_MS)

void cost_init(struct cost *cost, uint64_t now_ns)
{
	*cost = (struct cost){.stats_fd = -1, .since_ns = now_ns - PAUSE_NS + FIRST_SAMPLE_AFTER_NS, .begun_ns = now_ns};
}

void cost_fini(struct cost *cost)
{
	if (cost->stats_fd >= 0)
		close(cost->stats_fd);
	cost->stats_fd = -1;
}

struct cost_sum cost_sum(struct iocpu *skel)
{
	struct bpf_program *program;
	struct cost_sum sum = {0};

	bpf_object__for_each_program(program, skel->obj)
	{
		struct bpf_prog_info info = {};
		__u32 size = sizeof(info);

		if (bpf_program__fd(program) < 0 || bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size))
			continue;
		sum.run_ns += info.run_time_ns;
		sum.skipped_runs += info.recursion_misses;
	}
	return sum;
}

static void begin_sample(struct cost *cost, struct iocpu *skel, uint64_t now_ns)
{
	cost->run_ns_before = cost_sum(skel).run_ns;
	cost->stats_fd = bpf_enable_stats(BPF_STATS_RUN_TIME);
	if (cost->stats_fd < 0)
		cost->err = -errno;
	cost->since_ns = now_ns;
}

static void end_sample(struct cost *cost, struct iocpu *skel, uint64_t now_ns)
{
	cost->sampled_run_ns += cost_sum(skel).run_ns - cost->run_ns_before;
	cost->sampled_ns += now_ns - cost->since_ns;
	cost->since_ns = now_ns;
	close(cost->stats_fd);
	cost->stats_fd = -1;
}

void cost_sample(struct cost *cost, struct iocpu *skel, uint64_t now_ns)
{
	uint64_t passed_ns = now_ns - cost->since_ns;

	if (cost->err)
		return;
	if (cost->stats_fd < 0 && passed_ns >= PAUSE_NS)
		begin_sample(cost, skel, now_ns);
	else if (cost->stats_fd >= 0 && passed_ns >= SAMPLE_NS)
		end_sample(cost, skel, now_ns);
}

uint64_t cost_kernel_ns(const struct cost *cost, uint64_t now_ns)
{
	if (!cost->sampled_ns)
		return UINT64_MAX;
	return (uint64_t)((double)cost->sampled_run_ns / (double)cost->sampled_ns * (double)(now_ns - cost->begun_ns));
}
