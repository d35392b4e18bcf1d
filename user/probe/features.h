/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the running kernel has, read from the shape of its BTF and from tracefs. Filled before anything is loaded; the loader's decisions
 * rest on it. Called by the loader and by tests. Never: a kernel's version number.
 */
#ifndef IOCPU_PROBE_FEATURES_H
#define IOCPU_PROBE_FEATURES_H

#include <stdbool.h>
#include <stdint.h>

struct features {
	bool task_storage;  /* task storage and saved registers in tracing programs: 5.15 and later. Without, nothing works */
	bool rdonly_cast;   /* plain loads from any kernel object */
	bool preemptible;   /* programs of tracepoints run with preemption on, and may turn it off */
	bool uprobe_multi;  /* uprobes that are BPF links of their own, detached side by side, and told of one process alone */
	bool sk_data_ready; /* the tracepoint. Without, only a blocked reader knows when its Unix or UDP data came */
	uint64_t jiffy_ns;  /* the kernel's tick */
};

/* 0; −ENOENT: this kernel has no BTF; or another −errno of reading it. */
int features_find(struct features *features);

#endif
