/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From what the user named (-p, --port, --comm, --cgroup, --unit) to process ids, and whether those serve anything.
 * Called by trace.c, target_watch.c and doctor.
 * Never: follows anybody; it only looks.
 */
#ifndef IOCPU_CLI_TARGET_H
#define IOCPU_CLI_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "cli/complain.h"
#include "cli/options.h"

struct pid_list {
	pid_t *pids;
	size_t count;
};

/* Fills the list with all processes that are meant, each once. EXIT_DONE, or what was complained of. End with pid_list_fini either way. */
enum exit_code targets_resolve(const struct options *options, struct pid_list *list);

/* The same of one target. */
enum exit_code target_resolve(const struct target *target, struct pid_list *list);

/*
 * The same without a word, for those who look again and again: that nobody is there is no error. 0 or −errno; −EINVAL: no path of a cgroup.
 */
int target_find(const struct target *target, struct pid_list *list);

/* As metrics and messages name it, "port:8080", in printable characters. `text` has room for a word at least. */
void target_describe(const struct target *target, char *text, size_t size);

/* 0 or −ENOMEM; a pid that is there already is not added again. */
int pid_list_add(struct pid_list *list, pid_t pid);
bool pid_list_has(const struct pid_list *list, pid_t pid);
/* Takes it out. Was it there? */
bool pid_list_take(struct pid_list *list, pid_t pid);
void pid_list_fini(struct pid_list *list);

/* The most cores that one of these processes may use; at least 1. */
uint32_t targets_cores(const struct pid_list *list);

/*
 * One line about a target that listens nowhere: which of its children does, or that nobody does yet. Empty when it serves. `line` has room
 * for `size` bytes.
 */
void describe_listening(pid_t pid, char *line, size_t size);

#endif
