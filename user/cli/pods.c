/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/pods.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/procfs.h"
#include "util/idmap.h"

/* Windows in which names are still looked for: half a minute. */
#define TRIES_MAX 30
/* Windows between two looks at who has ended; who has is forgotten at the second one, as requests are told late. */
#define SWEEP_EVERY 60

/* One container. */
struct pod {
	struct pod *next;
	struct pod_id id;
	struct pod_label label;
	unsigned tries;
	bool named;
	unsigned processes;
};

struct member {
	uint32_t tgid;
	struct pod *pod;
	bool ended;
};

struct pods {
	const char *proc_root, *log_root;
	struct idmap member_by_tgid;
	struct pod *first;
	unsigned ticks;
};

struct pods *pods_open(const char *proc_root, const char *log_root)
{
	struct pods *pods = calloc(1, sizeof(*pods));

	if (!pods)
		return NULL;
	pods->proc_root = proc_root;
	pods->log_root = log_root;
	return pods;
}

static struct pod *get_pod(struct pods *pods, const struct pod_id *id)
{
	struct pod *pod = pods->first;

	while (pod && (strcmp(pod->id.uid, id->uid) || strcmp(pod->id.container, id->container)))
		pod = pod->next;
	if (pod)
		return pod;
	pod = calloc(1, sizeof(*pod));
	if (!pod)
		return NULL;
	pod->id = *id;
	pod->named = pod_find_names(pods->log_root, id, &pod->label);
	pod->next = pods->first;
	return pods->first = pod;
}

static void forget(struct pods *pods, uint32_t tgid)
{
	struct member *member = idmap_take(&pods->member_by_tgid, tgid);

	if (member)
		member->pod->processes--;
	free(member);
}

/* pod NULL: in none. */
static void put_into(struct pods *pods, uint32_t tgid, struct pod *pod)
{
	struct member *member;

	forget(pods, tgid);
	member = pod ? calloc(1, sizeof(*member)) : NULL;
	if (!member || idmap_put(&pods->member_by_tgid, tgid, member)) {
		free(member);
		return;
	}
	*member = (struct member){.tgid = tgid, .pod = pod};
	pod->processes++;
}

void pods_fork(struct pods *pods, uint32_t tgid, uint32_t parent_tgid)
{
	const struct member *parent = idmap_get(&pods->member_by_tgid, parent_tgid);

	put_into(pods, tgid, parent ? parent->pod : NULL);
}

void pods_learn(struct pods *pods, uint32_t tgid)
{
	char path[PATH_MAX], text[4096];
	struct pod_id id;

	snprintf(path, sizeof(path), "%s/%u/cgroup", pods->proc_root, tgid);
	if (procfs_read(path, text, sizeof(text)) <= 0)
		return;
	put_into(pods, tgid, pod_parse_cgroup(text, &id) ? get_pod(pods, &id) : NULL);
}

const struct pod_label *pods_label(const struct pods *pods, uint32_t tgid)
{
	const struct member *member = idmap_get(&pods->member_by_tgid, tgid);

	return member ? &member->pod->label : NULL;
}

static void sweep_members(struct pods *pods)
{
	struct idmap *map = &pods->member_by_tgid;
	struct member *member;

	for (size_t cursor = 0; (member = idmap_next(map, &cursor));) {
		if (member->ended) {
			forget(pods, member->tgid);
			cursor--;
		} else {
			member->ended = kill((pid_t)member->tgid, 0) && errno == ESRCH;
		}
	}
}

static void sweep_pods(struct pods *pods)
{
	for (struct pod **link = &pods->first; *link;) {
		struct pod *pod = *link;

		if (pod->processes) {
			link = &pod->next;
			continue;
		}
		*link = pod->next;
		free(pod);
	}
}

void pods_tick(struct pods *pods)
{
	for (struct pod *pod = pods->first; pod; pod = pod->next)
		if (!pod->named && pod->tries++ < TRIES_MAX)
			pod->named = pod_find_names(pods->log_root, &pod->id, &pod->label);
	if (++pods->ticks % SWEEP_EVERY)
		return;
	sweep_members(pods);
	sweep_pods(pods);
}

void pods_close(struct pods *pods)
{
	struct member *member;

	if (!pods)
		return;
	for (size_t cursor = 0; (member = idmap_next(&pods->member_by_tgid, &cursor));) {
		member->pod->processes--;
		free(member);
	}
	idmap_fini(&pods->member_by_tgid);
	sweep_pods(pods);
	free(pods);
}
