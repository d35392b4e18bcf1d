/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the kernel half costs, from the kernel's own run-time statistics. They cost about 40 ns a run themselves, so they are on for a small
 * part of the time, and the rest is inferred from it. Called by the source's housekeeping.
 */
#ifndef IOCPU_PROBE_COST_H
#define IOCPU_PROBE_COST_H

#include <stdint.h>

struct iocpu;

struct cost {
	int stats_fd;           /* open while the statistics are on; −1: off */
	uint64_t since_ns;      /* on or off since */
	uint64_t run_ns_before; /* of all programs, when they were switched on */
	uint64_t sampled_ns;    /* time with statistics, summed up */
	uint64_t sampled_run_ns;
	uint64_t begun_ns;
	int err; /* of the first try; statistics take CAP_SYS_ADMIN */
};

/*
 * Over all programs, from their loading on. Skipped: kernels that run the programs of tracepoints with preemption on (7.3 does) refuse one
 * to every other thread of a core while a thread is off that core in the middle of it, as if it had called itself. bpf_preempt_disable in
 * the program is no way out: the switch then comes in bpf_preempt_enable, which is still inside (no fewer skipped, on an emulated 7.3).
 */
struct cost_sum {
	uint64_t run_ns;       /* while statistics were on */
	uint64_t skipped_runs; /* events that no hook of ours saw: see below */
};

struct cost_sum cost_sum(struct iocpu *skel);

void cost_init(struct cost *cost, uint64_t now_ns);
void cost_fini(struct cost *cost);
/* Switches the statistics on or off when it is time to. Called at least every 100 ms. */
void cost_sample(struct cost *cost, struct iocpu *skel, uint64_t now_ns);
/* ns spent in the kernel half since cost_init; UINT64_MAX: not known. */
uint64_t cost_kernel_ns(const struct cost *cost, uint64_t now_ns);

#endif
