/* SPDX-License-Identifier: BSD-2-Clause */
#include "util/process.h"

static const size_t counters[] = {
	offsetof(struct process, cpu_ns),
	offsetof(struct process, request_cpu_ns),
	offsetof(struct process, after_response_cpu_ns),
	offsetof(struct process, runtime_cpu_ns),
	offsetof(struct process, background_cpu_ns),
	offsetof(struct process, setup_cpu_ns),
	offsetof(struct process, stream_cpu_ns),
	offsetof(struct process, ambiguous_requests),
	offsetof(struct process, shared_conn_ambiguous),
	offsetof(struct process, unattributed_cpu_ns),
	offsetof(struct process, request_time_ns),
	offsetof(struct process, on_core_ns),
	offsetof(struct process, loop_busy_ns),
	offsetof(struct process, loop_time_ns),
	offsetof(struct process, voluntary_switches),
	offsetof(struct process, involuntary_switches),
};

#define COUNTERS (sizeof(counters) / sizeof(counters[0]))

void process_add(struct process *sum, const struct process *one)
{
	sum->threads_created += one->threads_created;
	for (size_t i = 0; i < COUNTERS; i++)
		*(uint64_t *)((char *)sum + counters[i]) += *(const uint64_t *)((const char *)one + counters[i]);
}

void process_subtract(struct process *sum, const struct process *one)
{
	sum->threads_created -= one->threads_created;
	for (size_t i = 0; i < COUNTERS; i++)
		*(uint64_t *)((char *)sum + counters[i]) -= *(const uint64_t *)((const char *)one + counters[i]);
}

bool process_is_same(const struct process *one, const struct process *other)
{
	return one->tgid == other->tgid && one->found_at_ns == other->found_at_ns;
}
