/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which container of which Kubernetes pod a process runs in: by its cgroup's path, and by the names of the kubelet's log files.
 * Called by collector.c.
 * Never: asks the API server, or anything else on the network.
 */
#ifndef IOCPU_CLI_PODS_H
#define IOCPU_CLI_PODS_H

#include <stdbool.h>
#include <stdint.h>

/* What a cgroup's path tells. */
struct pod_id {
	char uid[40];       /* as the kubelet writes it, with dashes; that of a static pod has none */
	char container[68]; /* the runtime's id of 64 digits; empty: not in the path */
};

struct pod_label {
	char pod_namespace[64]; /* empty: not known */
	char pod[256];          /* its uid where the name is not known */
	char container[64];     /* its id's first digits where the name is not known */
};

/*
 * Finds the pod in the text of a /proc/PID/cgroup, of version 1 or 2, as containerd, CRI-O and dockerd lay them out with either driver.
 * false: it is in none.
 */
bool pod_parse_cgroup(const char *text, struct pod_id *id);

/* Gives a pod its names, as far as the files below log_root have them. Are all of them known now? */
bool pod_find_names(const char *log_root, const struct pod_id *id, struct pod_label *label);

struct pods;

/* proc_root (/proc) and log_root (/var/log) are borrowed. NULL: no memory. */
struct pods *pods_open(const char *proc_root, const char *log_root);

/* A process was forked: it is where its parent is, until it is looked at. For want of memory it is in no pod. */
void pods_fork(struct pods *pods, uint32_t tgid, uint32_t parent_tgid);

/* A process was found, or runs another program: looks where it is. One that is gone already stays where it was: requests are told late. */
void pods_learn(struct pods *pods, uint32_t tgid);

/* NULL: in no pod. The label lives until the next call of pods_learn or pods_tick. */
const struct pod_label *pods_label(const struct pods *pods, uint32_t tgid);

/* Once a window: looks again for names that were not there yet, as the kubelet makes some of its files late; forgets who has ended. */
void pods_tick(struct pods *pods);

/* NULL is fine. */
void pods_close(struct pods *pods);

#endif
